"""litellm.types.llms.anthropic_messages: what Anthropic's Messages API answers."""

from __future__ import annotations

from ...._loading import submodules as _submodules

__getattr__ = _submodules(__name__, "anthropic_response")
