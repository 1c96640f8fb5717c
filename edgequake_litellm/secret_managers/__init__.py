"""litellm.secret_managers: where programs import the readers of secrets from."""

from __future__ import annotations

from .._loading import submodules as _submodules

__getattr__ = _submodules(__name__, "main")
