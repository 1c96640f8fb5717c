"""`embedding` and `aembedding`, with litellm's parameters in litellm's order."""

from __future__ import annotations

from . import _calls
from ._calls import Failure
from ._types import embedding_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._types import EmbeddingResponse

# A float of its own: whether a program gave a timeout is whether it is this object.
_TEN_MINUTES = float(600)


def embedding(
    model: str,
    input: Any = [],  # noqa: B006  # litellm's signature; never changed here
    dimensions: int | None = None,
    encoding_format: str | None = None,
    timeout: Any = _TEN_MINUTES,
    api_base: str | None = None,
    api_version: str | None = None,
    api_key: str | None = None,
    api_type: str | None = None,
    caching: bool = False,
    user: str | None = None,
    custom_llm_provider: str | None = None,
    litellm_call_id: str | None = None,
    logger_fn: Any = None,
    **kwargs: Any,
) -> EmbeddingResponse:
    """The vectors of `input`, a text, a list of texts, tokens or a list of lists of tokens.

    Arguments, settings and exceptions are as for `completion`. The package's `request_timeout` holds unless `timeout` is
    given.
    """
    outcome = _calls.answered(b"embedding", _given(locals()), embedding_response)
    if isinstance(outcome, Failure):
        del api_key, api_base, kwargs
        raise outcome.pop()
    return outcome


async def aembedding(
    model: str,
    input: Any = [],  # noqa: B006  # litellm's signature; never changed here
    dimensions: int | None = None,
    encoding_format: str | None = None,
    timeout: Any = _TEN_MINUTES,
    api_base: str | None = None,
    api_version: str | None = None,
    api_key: str | None = None,
    api_type: str | None = None,
    caching: bool = False,
    user: str | None = None,
    custom_llm_provider: str | None = None,
    litellm_call_id: str | None = None,
    logger_fn: Any = None,
    **kwargs: Any,
) -> EmbeddingResponse:
    """:func:`embedding` for coroutines. Cancelling the task ends the request."""
    outcome = await _calls.aanswered(b"embedding", _given(locals()), embedding_response)
    if isinstance(outcome, Failure):
        del api_key, api_base, kwargs
        raise outcome.pop()
    return outcome


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments without the defaults that are no values."""
    if arguments["timeout"] is _TEN_MINUTES:
        arguments["timeout"] = None
    if not arguments["caching"]:
        arguments["caching"] = None
    return arguments
