"""litellm.constants: the names that programs read there."""

from __future__ import annotations

from ._helpers import OPENAI_CHAT_COMPLETION_PARAMS

__all__ = ["DEFAULT_MAX_RETRIES", "OPENAI_CHAT_COMPLETION_PARAMS"]

DEFAULT_MAX_RETRIES = 2
