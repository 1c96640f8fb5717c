"""litellm.types.rerank: where programs import the response of a reranking from."""

from __future__ import annotations

from .._types import RerankResponse

__all__ = ["RerankResponse"]
