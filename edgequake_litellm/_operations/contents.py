"""Google's `generateContent`, of every provider: `generate_content`, `generate_content_stream` and their twins."""

from __future__ import annotations

from .. import _calls, _runtime
from .._calls import Failure
from ..streaming import CustomStreamWrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types import Meta


class GenerateContentStream(CustomStreamWrapper):
    """Answers with the next parts while they come, each as the bytes of a server-sent event, which is what litellm gives.

    `events()` and `aevents()` give them as dicts. In all else it is a :class:`CustomStreamWrapper`.
    """

    __module__ = "litellm.google_genai.streaming_iterator"

    def _maker(self) -> Any:
        return _EventMaker()

    def events(self) -> Any:
        """An iterator of the answers as dicts."""
        return (_payload(event) for event in self)

    async def aevents(self) -> Any:
        """An asynchronous iterator of the answers as dicts."""
        async for event in self:
            yield _payload(event)

    @property
    def response_uptil_now(self) -> str:
        """The text that has been read, without thoughts."""
        texts: list[str] = []
        for event in self.chunks:
            for candidate in (_payload(event).get("candidates") or ())[:1]:
                parts = (candidate.get("content") or {}).get("parts") or ()
                texts.extend(part.get("text") or "" for part in parts if not part.get("thought"))
        return "".join(texts)


def _payload(event: Any) -> dict[str, Any]:
    return _runtime.parsed(event.split(b"data: ", 1)[1].decode().rstrip())  # type: ignore[no-any-return]


class _EventMaker:
    """Makes the bytes of an event of what the engine sends."""

    __slots__ = ()

    def content(self, index: int, text: str) -> bytes:
        """Every event comes whole."""
        raise RuntimeError(
            "the engine sent a piece of a chat in a stream of events: the package is older than its library"
        )

    def __call__(self, item: Any) -> bytes:
        return f"data: {item[1]}\n\n".encode()


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
) -> dict[str, Any]:
    """Has `model` answer `contents`, both in the words of Google's API: the answer is a dict.

    `config` is the `generationConfig`, or the configuration of Google's own libraries, which holds the system instruction as well.
    For Gemini the request goes out as it is. Other providers are asked by a chat, and their answers are put into Google's words. What a
    chat has no word for raises UnsupportedParamsError, or is left out under `drop_params`.
    """
    outcome = _calls.answered(b"generate_content", locals(), _as_it_came)
    if isinstance(outcome, Failure):
        del extra_headers, kwargs
        raise outcome.pop()
    return outcome  # type: ignore[no-any-return]


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
) -> dict[str, Any]:
    """:func:`generate_content` for coroutines."""
    outcome = await _calls.aanswered(b"generate_content", locals(), _as_it_came)
    if isinstance(outcome, Failure):
        del extra_headers, kwargs
        raise outcome.pop()
    return outcome  # type: ignore[no-any-return]


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
    outcome = _calls.streamed(b"generate_content", {**locals(), "stream": True}, GenerateContentStream)
    if isinstance(outcome, Failure):
        del extra_headers, kwargs
        raise outcome.pop()
    return outcome  # type: ignore[no-any-return]


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
    outcome = await _calls.astreamed(b"generate_content", {**locals(), "stream": True}, GenerateContentStream)
    if isinstance(outcome, Failure):
        del extra_headers, kwargs
        raise outcome.pop()
    return outcome  # type: ignore[no-any-return]


def _as_it_came(payload: Any, meta: Meta) -> Any:
    return payload
