"""litellm.litellm_core_utils.get_llm_provider_logic: a module path of litellm's that programs import from."""

from __future__ import annotations

from .._questions import get_llm_provider

__all__ = ["get_llm_provider"]
