"""litellm.llms.base_llm: where handlers of single providers have their bases."""

from __future__ import annotations

from ..._loading import submodules as _submodules

__getattr__ = _submodules(__name__, "chat")
