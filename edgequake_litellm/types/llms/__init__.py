"""litellm.types.llms: types of requests, by the provider that defines them."""

from __future__ import annotations

from ..._loading import submodules as _submodules

__getattr__ = _submodules(__name__, "anthropic_messages openai")
