"""`moderation` and its twin."""

from __future__ import annotations

from .. import _calls
from .._calls import araising, raising
from .._types import moderation_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types import OpenAIModerationResponse


@raising
def moderation(
    input: Any, model: str | None = None, api_key: str | None = None, **kwargs: Any
) -> OpenAIModerationResponse:
    """Whether `input`, a text or a list of texts, breaks the provider's rules: `results[].flagged`, and why.

    Without `model` OpenAI takes its own.
    """
    return _calls.answered(b"moderation", locals(), moderation_response)


@araising
async def amoderation(
    input: Any,
    model: str | None = None,
    api_key: str | None = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> OpenAIModerationResponse:
    """:func:`moderation` for coroutines."""
    return await _calls.aanswered(b"moderation", locals(), moderation_response)
