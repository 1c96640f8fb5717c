"""litellm.anthropic.messages: `create` and `acreate`."""

from __future__ import annotations

from ..._operations.messages import AnthropicMessagesStream, acreate, create

__all__ = ["AnthropicMessagesStream", "acreate", "create"]
