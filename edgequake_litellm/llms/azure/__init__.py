"""litellm.llms.azure: where programs import Azure's exception from."""

from __future__ import annotations

from ..._loading import submodules as _submodules

__getattr__ = _submodules(__name__, "common_utils")
