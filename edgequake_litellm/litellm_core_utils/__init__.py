"""litellm.litellm_core_utils: a module path of litellm's that programs import from."""

from __future__ import annotations

from .._loading import submodules as _submodules

__getattr__ = _submodules(
    __name__,
    "get_llm_provider_logic get_supported_openai_params streaming_handler thread_pool_executor",
)
