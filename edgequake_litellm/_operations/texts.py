"""`text_completion` and its twin."""

from __future__ import annotations

from .. import _calls
from .._calls import araising, raising
from .._text_streaming import TextCompletionStreamWrapper
from .._types import text_completion_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types import TextCompletionResponse


@raising
def text_completion(
    prompt: Any,
    model: str | None = None,
    best_of: int | None = None,
    echo: bool | None = None,
    frequency_penalty: float | None = None,
    logit_bias: dict[Any, float] | None = None,
    logprobs: int | None = None,
    max_tokens: int | None = None,
    n: int | None = None,
    presence_penalty: float | None = None,
    stop: Any = None,
    stream: bool | None = None,
    stream_options: dict[str, Any] | None = None,
    suffix: str | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    user: str | None = None,
    api_base: str | None = None,
    api_version: str | None = None,
    api_key: str | None = None,
    model_list: list[Any] | None = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> TextCompletionResponse | TextCompletionStreamWrapper:
    """Has `model` continue `prompt`: a text, a list of texts, tokens or a list of lists of tokens.

    A provider that only chats is asked by a chat, with each text as a message of the user's; it takes no tokens, and raises
    UnsupportedParamsError for `best_of`, `echo` and `suffix`. With `stream=True` the answer is read while it comes.
    """
    arguments = _named(locals())
    if stream:
        return _calls.streamed(b"text_completion", arguments, TextCompletionStreamWrapper)
    return _calls.answered(b"text_completion", arguments, text_completion_response)


@araising
async def atext_completion(
    prompt: Any,
    model: str | None = None,
    best_of: int | None = None,
    echo: bool | None = None,
    frequency_penalty: float | None = None,
    logit_bias: dict[Any, float] | None = None,
    logprobs: int | None = None,
    max_tokens: int | None = None,
    n: int | None = None,
    presence_penalty: float | None = None,
    stop: Any = None,
    stream: bool | None = None,
    stream_options: dict[str, Any] | None = None,
    suffix: str | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    user: str | None = None,
    api_base: str | None = None,
    api_version: str | None = None,
    api_key: str | None = None,
    model_list: list[Any] | None = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> TextCompletionResponse | TextCompletionStreamWrapper:
    """:func:`text_completion` for coroutines."""
    arguments = _named(locals())
    if stream:
        return await _calls.astreamed(b"text_completion", arguments, TextCompletionStreamWrapper)
    return await _calls.aanswered(b"text_completion", arguments, text_completion_response)


def _named(arguments: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's first API called the model `engine`."""
    engine = arguments["kwargs"].pop("engine", None)
    if arguments["model"] is None:
        arguments["model"] = engine
    return arguments
