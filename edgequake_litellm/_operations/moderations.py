"""`moderation` and its twin."""

from __future__ import annotations

from .. import _calls
from .._calls import Failure
from .._types import moderation_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types import OpenAIModerationResponse


def moderation(
    input: Any, model: str | None = None, api_key: str | None = None, **kwargs: Any
) -> OpenAIModerationResponse:
    """Whether `input`, a text or a list of texts, breaks the provider's rules: `results[].flagged`, and why.

    Without `model` OpenAI takes its own.
    """
    outcome = _calls.answered(b"moderation", locals(), moderation_response)
    if isinstance(outcome, Failure):
        del api_key, kwargs
        raise outcome.pop()
    return outcome  # type: ignore[no-any-return]


async def amoderation(
    input: Any,
    model: str | None = None,
    api_key: str | None = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> OpenAIModerationResponse:
    """:func:`moderation` for coroutines."""
    outcome = await _calls.aanswered(b"moderation", locals(), moderation_response)
    if isinstance(outcome, Failure):
        del api_key, kwargs
        raise outcome.pop()
    return outcome  # type: ignore[no-any-return]
