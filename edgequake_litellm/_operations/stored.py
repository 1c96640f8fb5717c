"""Responses that a provider keeps: `get_responses`, `delete_responses`, `cancel_responses`, `list_input_items` and their twins."""

from __future__ import annotations

from .. import _calls
from .._calls import araising, raising
from .._types import responses_response
from .._types.operations import response_deleted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types import Meta, ResponsesAPIResponse
    from .._types.kept import DeleteResponseResult


@raising
def get_responses(
    response_id: str,
    extra_headers: dict[str, Any] | None = None,
    extra_query: dict[str, Any] | None = None,
    extra_body: dict[str, Any] | None = None,
    timeout: Any = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> ResponsesAPIResponse:
    """A response that the provider has stored. The provider is OpenAI where none is named."""
    return _calls.answered(b"get_responses", locals(), responses_response)


@araising
async def aget_responses(
    response_id: str,
    extra_headers: dict[str, Any] | None = None,
    extra_query: dict[str, Any] | None = None,
    extra_body: dict[str, Any] | None = None,
    timeout: Any = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> ResponsesAPIResponse:
    """:func:`get_responses` for coroutines."""
    return await _calls.aanswered(b"get_responses", locals(), responses_response)


@raising
def delete_responses(
    response_id: str,
    extra_headers: dict[str, Any] | None = None,
    extra_query: dict[str, Any] | None = None,
    extra_body: dict[str, Any] | None = None,
    timeout: Any = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> DeleteResponseResult:
    """Has the provider forget a response."""
    return _calls.answered(b"delete_responses", locals(), response_deleted)


@araising
async def adelete_responses(
    response_id: str,
    extra_headers: dict[str, Any] | None = None,
    extra_query: dict[str, Any] | None = None,
    extra_body: dict[str, Any] | None = None,
    timeout: Any = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> DeleteResponseResult:
    """:func:`delete_responses` for coroutines."""
    return await _calls.aanswered(b"delete_responses", locals(), response_deleted)


@raising
def cancel_responses(
    response_id: str,
    extra_headers: dict[str, Any] | None = None,
    extra_query: dict[str, Any] | None = None,
    extra_body: dict[str, Any] | None = None,
    timeout: Any = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> ResponsesAPIResponse:
    """Ends a response that was begun with `background=True`."""
    return _calls.answered(b"cancel_responses", locals(), responses_response)


@araising
async def acancel_responses(
    response_id: str,
    extra_headers: dict[str, Any] | None = None,
    extra_query: dict[str, Any] | None = None,
    extra_body: dict[str, Any] | None = None,
    timeout: Any = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> ResponsesAPIResponse:
    """:func:`cancel_responses` for coroutines."""
    return await _calls.aanswered(b"cancel_responses", locals(), responses_response)


@raising
def list_input_items(
    response_id: str,
    after: str | None = None,
    before: str | None = None,
    include: list[str] | None = None,
    limit: int = 20,
    order: str = "desc",
    extra_headers: dict[str, Any] | None = None,
    timeout: Any = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """The items that a stored response answered, as a dict with a page of them in `data`."""
    return _calls.answered(b"list_input_items", locals(), _as_it_came)


@araising
async def alist_input_items(
    response_id: str,
    after: str | None = None,
    before: str | None = None,
    include: list[str] | None = None,
    limit: int = 20,
    order: str = "desc",
    extra_headers: dict[str, Any] | None = None,
    timeout: Any = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """:func:`list_input_items` for coroutines."""
    return await _calls.aanswered(b"list_input_items", locals(), _as_it_came)


def _as_it_came(payload: Any, meta: Meta) -> dict[str, Any]:
    return payload  # type: ignore[no-any-return]
