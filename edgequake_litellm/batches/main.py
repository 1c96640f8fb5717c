"""litellm.batches.main: the calls for batches."""

from __future__ import annotations

from .._operations.jobs import (
    acancel_batch,
    acreate_batch,
    alist_batches,
    aretrieve_batch,
    cancel_batch,
    create_batch,
    list_batches,
    retrieve_batch,
)

__all__ = [
    "acancel_batch",
    "acreate_batch",
    "alist_batches",
    "aretrieve_batch",
    "cancel_batch",
    "create_batch",
    "list_batches",
    "retrieve_batch",
]
