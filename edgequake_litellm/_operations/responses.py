"""`responses` and its twin."""

from __future__ import annotations

from .. import _calls, _compat, _request
from .._calls import Failure, araising, raising
from .._response_streaming import ResponsesAPIStreamingIterator, SyncResponsesAPIStreamingIterator
from .._types import responses_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types import ResponsesAPIResponse


@raising
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
    arguments = _formatted(locals())
    if isinstance(arguments, Failure):
        return arguments  # type: ignore[return-value]  # raised
    if stream:
        return _calls.streamed(b"responses", arguments, SyncResponsesAPIStreamingIterator)
    return _calls.answered(b"responses", arguments, responses_response)


@araising
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
    arguments = _formatted(locals())
    if isinstance(arguments, Failure):
        return arguments  # type: ignore[return-value]  # raised
    if stream:
        return await _calls.astreamed(b"responses", arguments, ResponsesAPIStreamingIterator)
    return await _calls.aanswered(b"responses", arguments, responses_response)


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
