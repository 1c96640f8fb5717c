"""Google's `generateContent`, of every provider: `generate_content`, `generate_content_stream` and their twins."""

from __future__ import annotations

from .. import _calls
from .._calls import araising, raising
from .._types.provider_answer import GenerateContentResponse
from .events import EventStream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class GenerateContentStream(EventStream):
    """Answers with the next parts while they come, each as the bytes of a server-sent event, which is what litellm gives.

    `events()` and `aevents()` give them as dicts. In all else it is a :class:`CustomStreamWrapper`.
    """

    __module__ = "litellm.google_genai.streaming_iterator"
    _operation = "generate_content"

    @property
    def response_uptil_now(self) -> str:
        """The text that has been read, without thoughts."""
        texts: list[str] = []
        for event in self.chunks:
            for candidate in (self._payload(event).get("candidates") or ())[:1]:
                parts = (candidate.get("content") or {}).get("parts") or ()
                texts.extend(part.get("text") or "" for part in parts if not part.get("thought"))
        return "".join(texts)


@raising
def generate_content(
    model: str,
    contents: Any,
    config: Any = None,
    tools: Any = None,
    extra_headers: dict[str, Any] | None = None,
    extra_query: dict[str, Any] | None = None,
    extra_body: dict[str, Any] | None = None,
    timeout: Any = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> GenerateContentResponse:
    """Has `model` answer `contents`, both in the words of Google's API: the answer is a dict, whose members
    are its attributes as well.

    `config` is the `generationConfig`, or the configuration of Google's own libraries, which holds the system instruction as well.
    For Gemini the request goes out as it is. Other providers are asked by a chat, and their answers are put into Google's words. What a
    chat has no word for raises UnsupportedParamsError, or is left out under `drop_params`.
    """
    return _calls.answered(b"generate_content", locals(), GenerateContentResponse)


@araising
async def agenerate_content(
    model: str,
    contents: Any,
    config: Any = None,
    tools: Any = None,
    extra_headers: dict[str, Any] | None = None,
    extra_query: dict[str, Any] | None = None,
    extra_body: dict[str, Any] | None = None,
    timeout: Any = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> GenerateContentResponse:
    """:func:`generate_content` for coroutines."""
    return await _calls.aanswered(b"generate_content", locals(), GenerateContentResponse)


@raising
def generate_content_stream(
    model: str,
    contents: Any,
    config: Any = None,
    tools: Any = None,
    extra_headers: dict[str, Any] | None = None,
    extra_query: dict[str, Any] | None = None,
    extra_body: dict[str, Any] | None = None,
    timeout: Any = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> GenerateContentStream:
    """:func:`generate_content` while the answer comes: the bytes of server-sent events, ready to be handed on."""
    return _calls.streamed(b"generate_content", {**locals(), "stream": True}, GenerateContentStream)


@araising
async def agenerate_content_stream(
    model: str,
    contents: Any,
    config: Any = None,
    tools: Any = None,
    extra_headers: dict[str, Any] | None = None,
    extra_query: dict[str, Any] | None = None,
    extra_body: dict[str, Any] | None = None,
    timeout: Any = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> GenerateContentStream:
    """:func:`generate_content_stream` for coroutines."""
    return await _calls.astreamed(b"generate_content", {**locals(), "stream": True}, GenerateContentStream)
