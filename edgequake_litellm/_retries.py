"""`completion_with_retries` and its twin: litellm's older names for calls that are tried again."""

from __future__ import annotations

from ._completion import acompletion, completion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_RETRIES = 3


def completion_with_retries(*args: Any, **kwargs: Any) -> Any:
    """`completion` with `num_retries=3` where nothing else is given.

    The core waits between attempts as it always does: `retry_strategy` is accepted, and both of litellm's are that one.
    """
    _prepare(kwargs)
    return completion(*args, **kwargs)


async def acompletion_with_retries(*args: Any, **kwargs: Any) -> Any:
    """:func:`completion_with_retries` for coroutines."""
    _prepare(kwargs)
    return await acompletion(*args, **kwargs)


def _prepare(kwargs: dict[str, Any]) -> None:
    kwargs.pop("retry_strategy", None)
    kwargs.pop("original_function", None)
    if kwargs.get("num_retries") is None:
        kwargs["num_retries"] = _RETRIES
