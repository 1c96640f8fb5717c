"""`responses` and its twin."""

from __future__ import annotations

from .. import _calls, _compat, _request
from .._calls import Failure
from .._response_streaming import ResponsesAPIStreamingIterator, SyncResponsesAPIStreamingIterator
from .._types import responses_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types import ResponsesAPIResponse


def responses(
    input: Any,
    model: str,
    include: list[str] | None = None,
    instructions: str | None = None,
    max_output_tokens: int | None = None,
    prompt: Any = None,
    metadata: dict[str, Any] | None = None,
    parallel_tool_calls: bool | None = None,
    previous_response_id: str | None = None,
    reasoning: Any = None,
    store: bool | None = None,
    background: bool | None = None,
    stream: bool | None = None,
    temperature: float | None = None,
    text: Any = None,
    text_format: Any = None,
    tool_choice: Any = None,
    tools: list[Any] | None = None,
    top_p: float | None = None,
    truncation: str | None = None,
    user: str | None = None,
    service_tier: str | None = None,
    safety_identifier: str | None = None,
    extra_headers: dict[str, Any] | None = None,
    extra_query: dict[str, Any] | None = None,
    extra_body: dict[str, Any] | None = None,
    timeout: Any = None,
    allowed_openai_params: list[str] | None = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> ResponsesAPIResponse | SyncResponsesAPIStreamingIterator:
    """Has `model` answer `input`, a text or a list of items, by the Responses API; with `stream=True`, its events while they come.

    `text_format` is a pydantic class, or a JSON schema as `response_format` of `completion` has it, that the answer's text shall fit.
    """
    outcome: Any
    arguments = _formatted(locals())
    if isinstance(arguments, Failure):
        outcome = arguments
    elif stream:
        outcome = _calls.streamed(b"responses", arguments, SyncResponsesAPIStreamingIterator)
    else:
        outcome = _calls.answered(b"responses", arguments, responses_response)
    if isinstance(outcome, Failure):
        del extra_headers, kwargs, arguments
        raise outcome.pop()
    return outcome  # type: ignore[no-any-return]


async def aresponses(
    input: Any,
    model: str,
    include: list[str] | None = None,
    instructions: str | None = None,
    max_output_tokens: int | None = None,
    prompt: Any = None,
    metadata: dict[str, Any] | None = None,
    parallel_tool_calls: bool | None = None,
    previous_response_id: str | None = None,
    reasoning: Any = None,
    store: bool | None = None,
    background: bool | None = None,
    stream: bool | None = None,
    temperature: float | None = None,
    text: Any = None,
    text_format: Any = None,
    tool_choice: Any = None,
    tools: list[Any] | None = None,
    top_p: float | None = None,
    truncation: str | None = None,
    user: str | None = None,
    service_tier: str | None = None,
    safety_identifier: str | None = None,
    extra_headers: dict[str, Any] | None = None,
    extra_query: dict[str, Any] | None = None,
    extra_body: dict[str, Any] | None = None,
    timeout: Any = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> ResponsesAPIResponse | ResponsesAPIStreamingIterator:
    """:func:`responses` for coroutines."""
    outcome: Any
    arguments = _formatted(locals())
    if isinstance(arguments, Failure):
        outcome = arguments
    elif stream:
        outcome = await _calls.astreamed(b"responses", arguments, ResponsesAPIStreamingIterator)
    else:
        outcome = await _calls.aanswered(b"responses", arguments, responses_response)
    if isinstance(outcome, Failure):
        del extra_headers, kwargs, arguments
        raise outcome.pop()
    return outcome  # type: ignore[no-any-return]


def _formatted(arguments: dict[str, Any]) -> dict[str, Any] | Failure:
    """The arguments with `text_format` as a member of `text`, where the API has it."""
    wanted = arguments.pop("text_format")
    if wanted is None:
        return arguments
    try:
        schema = _compat.response_format(wanted)
    except TypeError as error:
        what = str(error).replace("response_format", "text_format")
        fields = {**arguments["kwargs"], "model": arguments["model"]}
        return _calls.refused(_request.bad_request(fields, what))
    if isinstance(schema.get("json_schema"), dict):
        schema = {"type": "json_schema", **schema["json_schema"]}
    arguments["text"] = {**(arguments["text"] or {}), "format": schema}
    return arguments
