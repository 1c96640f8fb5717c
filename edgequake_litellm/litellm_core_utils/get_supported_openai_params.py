"""litellm.litellm_core_utils.get_supported_openai_params: a module path of litellm's that programs import from."""

from __future__ import annotations

from .._questions import get_supported_openai_params

__all__ = ["get_supported_openai_params"]
