"""litellm.llms: where programs import the base class of their own providers from."""

from __future__ import annotations

from .._loading import submodules as _submodules

__getattr__ = _submodules(__name__, "azure base_llm custom_llm")
