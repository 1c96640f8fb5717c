"""litellm.responses.main: the calls of the Responses API."""

from __future__ import annotations

from .._operations.responses import aresponses, responses
from .._operations.stored import (
    acancel_responses,
    adelete_responses,
    aget_responses,
    alist_input_items,
    cancel_responses,
    delete_responses,
    get_responses,
    list_input_items,
)

__all__ = [
    "acancel_responses",
    "adelete_responses",
    "aget_responses",
    "alist_input_items",
    "aresponses",
    "cancel_responses",
    "delete_responses",
    "get_responses",
    "list_input_items",
    "responses",
]
