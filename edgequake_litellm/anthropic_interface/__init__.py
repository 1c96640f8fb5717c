"""litellm.anthropic: Anthropic's Messages API, of every provider."""

from __future__ import annotations

from . import messages
from .messages import acreate, create

__all__ = ["acreate", "create", "messages"]
