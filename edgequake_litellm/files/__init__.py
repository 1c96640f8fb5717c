"""litellm.files: what the calls for files return, and the calls."""

from __future__ import annotations

from .._loading import submodules as _submodules

__getattr__ = _submodules(__name__, "main types")
