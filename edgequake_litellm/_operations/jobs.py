"""Batches that a provider works off: `create_batch`, `retrieve_batch`, `cancel_batch`, `list_batches` and their twins."""

from __future__ import annotations

from .. import _calls
from .._calls import araising, raising
from .._types.operations import batch, batch_page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types.kept import BatchPage, LiteLLMBatch


@raising
def create_batch(
    completion_window: str,
    endpoint: str,
    input_file_id: str,
    custom_llm_provider: str = "openai",
    metadata: dict[str, str] | None = None,
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    output_expires_after: dict[str, Any] | None = None,
    **kwargs: Any,
) -> LiteLLMBatch:
    """Has the provider work off the requests of a file that was uploaded with `purpose="batch"`, each at `endpoint`.

    It takes up to `completion_window` ("24h") and costs less than the calls one by one.
    """
    return _calls.answered(b"create_batch", locals(), batch)


@araising
async def acreate_batch(
    completion_window: str,
    endpoint: str,
    input_file_id: str,
    custom_llm_provider: str = "openai",
    metadata: dict[str, str] | None = None,
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    output_expires_after: dict[str, Any] | None = None,
    **kwargs: Any,
) -> LiteLLMBatch:
    """:func:`create_batch` for coroutines."""
    return await _calls.aanswered(b"create_batch", locals(), batch)


@raising
def retrieve_batch(
    batch_id: str,
    custom_llm_provider: str = "openai",
    metadata: dict[str, str] | None = None,
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    **kwargs: Any,
) -> LiteLLMBatch:
    """How far a batch is: its `status`, and the ids of the files with its answers and errors."""
    return _calls.answered(b"retrieve_batch", locals(), batch)


@araising
async def aretrieve_batch(
    batch_id: str,
    custom_llm_provider: str = "openai",
    metadata: dict[str, str] | None = None,
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    **kwargs: Any,
) -> LiteLLMBatch:
    """:func:`retrieve_batch` for coroutines."""
    return await _calls.aanswered(b"retrieve_batch", locals(), batch)


@raising
def cancel_batch(
    batch_id: str,
    model: str | None = None,
    custom_llm_provider: str = "openai",
    metadata: dict[str, str] | None = None,
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    **kwargs: Any,
) -> LiteLLMBatch:
    """Ends a batch. What is done by then is in its files."""
    return _calls.answered(b"cancel_batch", locals(), batch)


@araising
async def acancel_batch(
    batch_id: str,
    model: str | None = None,
    custom_llm_provider: str = "openai",
    metadata: dict[str, str] | None = None,
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    **kwargs: Any,
) -> LiteLLMBatch:
    """:func:`cancel_batch` for coroutines."""
    return await _calls.aanswered(b"cancel_batch", locals(), batch)


@raising
def list_batches(
    after: str | None = None,
    limit: int | None = None,
    custom_llm_provider: str = "openai",
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    **kwargs: Any,
) -> BatchPage:
    """The batches that the provider knows, the newest first, a page of them."""
    return _calls.answered(b"list_batches", locals(), batch_page)


@araising
async def alist_batches(
    after: str | None = None,
    limit: int | None = None,
    custom_llm_provider: str = "openai",
    metadata: dict[str, str] | None = None,
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    **kwargs: Any,
) -> BatchPage:
    """:func:`list_batches` for coroutines."""
    return await _calls.aanswered(b"list_batches", locals(), batch_page)
