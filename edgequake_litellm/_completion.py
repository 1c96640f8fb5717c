"""`completion` and `acompletion`, with litellm's parameters in litellm's order."""

from __future__ import annotations

from . import _calls
from ._calls import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    from ._types import ModelResponse, ModelResponseStream
    from .streaming import CustomStreamWrapper

# Parameters beyond the named ones go to the provider as they are, but for those that steer the call: `api_base`,
# `custom_llm_provider`, `num_retries`, `max_retries`, `metadata`, `mock_response`, `drop_params`, `additional_drop_params`,
# `allowed_openai_params`, `extra_body`, `headers`, …; litellm's documentation has them all.


def completion(
    model: str,
    messages: list[Any] = [],  # noqa: B006  # litellm's signature; never changed here
    timeout: Any = None,
    temperature: float | None = None,
    top_p: float | None = None,
    n: int | None = None,
    stream: bool | None = None,
    stream_options: dict[str, Any] | None = None,
    stop: Any = None,
    max_completion_tokens: int | None = None,
    max_tokens: int | None = None,
    modalities: list[str] | None = None,
    prediction: Any = None,
    audio: Any = None,
    presence_penalty: float | None = None,
    frequency_penalty: float | None = None,
    logit_bias: dict[Any, float] | None = None,
    user: str | None = None,
    reasoning_effort: Any = None,
    verbosity: str | None = None,
    response_format: Any = None,
    seed: int | None = None,
    tools: list[Any] | None = None,
    tool_choice: Any = None,
    logprobs: bool | None = None,
    top_logprobs: int | None = None,
    parallel_tool_calls: bool | None = None,
    web_search_options: Any = None,
    include_server_side_tool_invocations: bool | None = None,
    deployment_id: str | None = None,
    extra_headers: dict[str, str] | None = None,
    safety_identifier: str | None = None,
    service_tier: str | None = None,
    store: bool | None = None,
    prompt_cache_key: str | None = None,
    functions: list[Any] | None = None,
    function_call: Any = None,
    base_url: str | None = None,
    api_version: str | None = None,
    api_key: str | None = None,
    model_list: list[Any] | None = None,
    thinking: Any = None,
    shared_session: Any = None,
    enable_json_schema_validation: bool | None = None,
    **kwargs: Any,
) -> ModelResponse | CustomStreamWrapper:
    """Has `model` answer `messages` and returns the answer; with `stream=True`, its chunks while they come.

    `model` is `"provider/model"`, or a model's name alone where that tells the provider. `timeout` is in seconds, for the
    whole call with all its retries, or an httpx.Timeout. Keys and addresses come from the arguments, else from the
    package's settings (`api_key`, `openai_key`, …), else from the environment.

    Raises litellm's exceptions, all of which have `status_code`, `llm_provider`, `model` and `message`: BadRequestError and
    UnsupportedParamsError before anything is sent. Ctrl-C ends the request. Any thread may call.
    """
    outcome = _calls.completion(locals())
    if isinstance(outcome, Failure):
        del api_key, base_url, extra_headers, model_list, kwargs
        raise outcome.pop()
    return outcome


async def acompletion(
    model: str,
    messages: list[Any] = [],  # noqa: B006  # litellm's signature; never changed here
    functions: list[Any] | None = None,
    function_call: Any = None,
    timeout: Any = None,
    temperature: float | None = None,
    top_p: float | None = None,
    n: int | None = None,
    stream: bool | None = None,
    stream_options: dict[str, Any] | None = None,
    stop: Any = None,
    max_tokens: int | None = None,
    max_completion_tokens: int | None = None,
    modalities: list[str] | None = None,
    prediction: Any = None,
    audio: Any = None,
    presence_penalty: float | None = None,
    frequency_penalty: float | None = None,
    logit_bias: dict[Any, float] | None = None,
    user: str | None = None,
    response_format: Any = None,
    seed: int | None = None,
    tools: list[Any] | None = None,
    tool_choice: Any = None,
    parallel_tool_calls: bool | None = None,
    logprobs: bool | None = None,
    top_logprobs: int | None = None,
    deployment_id: str | None = None,
    reasoning_effort: Any = None,
    verbosity: str | None = None,
    safety_identifier: str | None = None,
    service_tier: str | None = None,
    store: bool | None = None,
    prompt_cache_key: str | None = None,
    base_url: str | None = None,
    api_version: str | None = None,
    api_key: str | None = None,
    model_list: list[Any] | None = None,
    extra_headers: dict[str, str] | None = None,
    thinking: Any = None,
    web_search_options: Any = None,
    include_server_side_tool_invocations: bool | None = None,
    shared_session: Any = None,
    enable_json_schema_validation: bool | None = None,
    **kwargs: Any,
) -> ModelResponse | CustomStreamWrapper:
    """:func:`completion` for coroutines; its stream is read by `async for`.

    Cancelling the task, or closing or dropping the stream, ends the request. Needs a running loop of asyncio or trio.
    """
    outcome = await _calls.acompletion(locals())
    if isinstance(outcome, Failure):
        del api_key, base_url, extra_headers, model_list, kwargs
        raise outcome.pop()
    return outcome


def mock_completion(
    model: str,
    messages: list[Any],
    stream: bool | None = False,
    n: int | None = None,
    mock_response: Any = "This is a mock request",
    mock_tool_calls: list[Any] | None = None,
    mock_timeout: bool | None = False,
    **kwargs: Any,
) -> ModelResponse | CustomStreamWrapper:
    """The answer that `completion(mock_response=…)` gives: nothing is sent."""
    kwargs.update(n=n, mock_response=mock_response, mock_tool_calls=mock_tool_calls, mock_timeout=mock_timeout or None)
    outcome = _calls.completion(_arguments(model, messages, stream, kwargs))
    if isinstance(outcome, Failure):
        del kwargs
        raise outcome.pop()
    return outcome


def stream(model: str, messages: list[Any] = [], **kwargs: Any) -> CustomStreamWrapper:  # noqa: B006  # as completion
    """The chunks of an answer while they come: `completion(…, stream=True)`."""
    outcome: Any = _calls.completion(_arguments(model, messages, True, kwargs))
    if isinstance(outcome, Failure):
        del kwargs
        raise outcome.pop()
    return outcome  # type: ignore[no-any-return]


async def astream(model: str, messages: list[Any] = [], **kwargs: Any) -> AsyncIterator[ModelResponseStream]:  # noqa: B006
    """The chunks of an answer while they come, for `async for` without an `await` before it."""
    outcome: Any = await _calls.acompletion(_arguments(model, messages, True, kwargs))
    del kwargs
    if isinstance(outcome, Failure):
        raise outcome.pop()
    async with outcome:
        async for chunk in outcome:
            yield chunk


def _arguments(model: str, messages: list[Any], stream: bool | None, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a call from a function that has `kwargs` for all others."""
    kwargs.pop("stream", None)
    options = kwargs.pop("stream_options", None)
    return {"model": model, "messages": messages, "stream": stream or None, "stream_options": options, "kwargs": kwargs}
