"""litellm.llms.base_llm.chat.transformation: the exception of handlers that programs write."""

from __future__ import annotations

from ...._exceptions.handler import BaseLLMException

__all__ = ["BaseLLMException"]
