"""litellm.batches: a module path of litellm's that programs import from."""

from __future__ import annotations

from .._loading import submodules as _submodules

__getattr__ = _submodules(__name__, "main")
