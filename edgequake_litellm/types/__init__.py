"""litellm's package of types. The submodules are where programs import from."""

from __future__ import annotations

from .._loading import submodules as _submodules

__getattr__ = _submodules(__name__, "llms rerank responses router utils")
