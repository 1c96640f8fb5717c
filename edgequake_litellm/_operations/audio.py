"""`transcription`, `speech` and their twins."""

from __future__ import annotations

from .. import _calls
from .._binary import HttpxBinaryResponseContent
from .._calls import araising, raising
from .._types import transcription_response
from .arguments import TEN_MINUTES, given

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types import TranscriptionResponse


@raising
def transcription(
    model: str,
    file: Any,
    language: str | None = None,
    prompt: str | None = None,
    response_format: str | None = None,
    timestamp_granularities: list[str] | None = None,
    temperature: float | None = None,
    user: str | None = None,
    timeout: Any = TEN_MINUTES,
    api_key: str | None = None,
    api_base: str | None = None,
    api_version: str | None = None,
    max_retries: int | None = None,
    custom_llm_provider: str | None = None,
    base_url: str | None = None,
    **kwargs: Any,
) -> TranscriptionResponse:
    """The words that are spoken in `file`: its `text`, and what else `response_format` asks for.

    A file is bytes, a path, a file object opened as binary, or a tuple of a name, one of these and perhaps its content type. Providers
    tell the format by the name; bytes without a name get one that fits them.
    """
    return _calls.answered(b"transcription", given(locals()), transcription_response, ("file",))


@araising
async def atranscription(
    model: str,
    file: Any,
    language: str | None = None,
    prompt: str | None = None,
    response_format: str | None = None,
    timestamp_granularities: list[str] | None = None,
    temperature: float | None = None,
    user: str | None = None,
    timeout: Any = TEN_MINUTES,
    api_key: str | None = None,
    api_base: str | None = None,
    api_version: str | None = None,
    max_retries: int | None = None,
    custom_llm_provider: str | None = None,
    base_url: str | None = None,
    **kwargs: Any,
) -> TranscriptionResponse:
    """:func:`transcription` for coroutines. The file is read before it waits."""
    return await _calls.aanswered(b"transcription", given(locals()), transcription_response, ("file",))


@raising
def speech(
    model: str,
    input: str,
    voice: Any = None,
    api_key: str | None = None,
    api_base: str | None = None,
    api_version: str | None = None,
    organization: str | None = None,
    project: str | None = None,
    max_retries: int | None = None,
    metadata: dict[str, Any] | None = None,
    timeout: Any = None,
    response_format: str | None = None,
    speed: float | None = None,
    instructions: str | None = None,
    client: Any = None,
    headers: dict[str, str] | None = None,
    custom_llm_provider: str | None = None,
    aspeech: bool | None = None,
    base_url: str | None = None,
    *,
    stream: bool = False,
    **kwargs: Any,
) -> HttpxBinaryResponseContent:
    """`input` as sound: its bytes are the `content` of what this returns, and `stream_to_file` writes them.

    With `stream=True`, which litellm does not have, it returns once the provider has begun to answer, and `iter_bytes()` gives the
    sound while it comes. A sound that breaks off raises MidStreamFallbackError.
    """
    arguments = _spoken(locals())
    sound = _calls.streamed(b"speech", arguments, HttpxBinaryResponseContent)
    return sound if stream else _calls.whole(sound)


@araising
async def aspeech(
    model: str,
    input: str,
    voice: Any = None,
    api_key: str | None = None,
    api_base: str | None = None,
    api_version: str | None = None,
    organization: str | None = None,
    project: str | None = None,
    max_retries: int | None = None,
    metadata: dict[str, Any] | None = None,
    timeout: Any = None,
    response_format: str | None = None,
    speed: float | None = None,
    instructions: str | None = None,
    client: Any = None,
    headers: dict[str, str] | None = None,
    custom_llm_provider: str | None = None,
    aspeech: bool | None = None,
    base_url: str | None = None,
    *,
    stream: bool = False,
    **kwargs: Any,
) -> HttpxBinaryResponseContent:
    """:func:`speech` for coroutines; with `stream=True`, `aiter_bytes()` gives the sound while it comes."""
    arguments = _spoken(locals())
    sound = await _calls.astreamed(b"speech", arguments, HttpxBinaryResponseContent)
    return sound if stream else await _calls.awhole(sound)


def _spoken(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments without those that say how the sound is read."""
    del arguments["stream"], arguments["aspeech"]
    return arguments
