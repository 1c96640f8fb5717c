"""`rerank` and its twin."""

from __future__ import annotations

from .. import _calls
from .._calls import araising, raising
from .._types import rerank_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types import RerankResponse


@raising
def rerank(
    model: str,
    query: str,
    documents: list[Any],
    custom_llm_provider: str | None = None,
    top_n: int | None = None,
    rank_fields: list[str] | None = None,
    return_documents: bool | None = True,
    max_chunks_per_doc: int | None = None,
    max_tokens_per_doc: int | None = None,
    **kwargs: Any,
) -> RerankResponse:
    """The `documents` (texts, or dicts where the provider takes them) in the order in which they answer `query`.

    `results` has a dict for each: its `index` in `documents`, its `relevance_score`, and its `document` where the provider returns it.
    `edgequake/local/bm25` ranks on this machine, without a provider.
    """
    return _calls.answered(b"rerank", locals(), rerank_response)


@araising
async def arerank(
    model: str,
    query: str,
    documents: list[Any],
    custom_llm_provider: str | None = None,
    top_n: int | None = None,
    rank_fields: list[str] | None = None,
    return_documents: bool | None = None,
    max_chunks_per_doc: int | None = None,
    max_tokens_per_doc: int | None = None,
    **kwargs: Any,
) -> RerankResponse:
    """:func:`rerank` for coroutines. As in litellm, it asks for the documents only where `return_documents` is given."""
    return await _calls.aanswered(b"rerank", locals(), rerank_response)
