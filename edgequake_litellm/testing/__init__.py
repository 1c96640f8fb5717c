"""A provider on this machine, for tests and for trying things without a key or a network.

::

    from edgequake_litellm.testing import LocalProvider

    with LocalProvider() as provider:
        provider.reply("Hello")
        response = completion("openai/gpt-4o", messages, api_base=provider.base_url, api_key="test")

:class:`LocalProvider` speaks OpenAI's protocol over real HTTP: chat completions with streams, tools and structured
outputs, embeddings, the list of models, and Azure's forms of address. It needs the standard library only.

``python -m edgequake_litellm.testing`` serves from the shell. The plugin ``edgequake_litellm.testing.pytest_plugin``
brings the fixture ``local_provider``.
"""

from __future__ import annotations

from ._provider import LocalProvider
from ._request import Request
from ._script import Choice, Cut, Delay, Embeddings, Error, Raw, Reply, tool_call

__all__ = ["Choice", "Cut", "Delay", "Embeddings", "Error", "LocalProvider", "Raw", "Reply", "Request", "tool_call"]
