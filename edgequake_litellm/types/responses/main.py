"""litellm.types.responses.main: what the calls of the Responses API return beside responses."""

from __future__ import annotations

from ..._types.kept import DeleteResponseResult

__all__ = ["DeleteResponseResult"]
