"""Anthropic's Messages API, of every provider: `anthropic.messages.create` and its twin."""

from __future__ import annotations

from .. import _calls, _runtime
from .._calls import Failure
from ..streaming import CustomStreamWrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types import Meta
    from ..types.llms.anthropic_messages.anthropic_response import AnthropicMessagesResponse


class AnthropicMessagesStream(CustomStreamWrapper):
    """The events of a message while they come, each as the bytes of a server-sent event, which is what litellm gives.

    `events()` and `aevents()` give them as dicts. In all else it is a :class:`CustomStreamWrapper`.
    """

    __module__ = "litellm.anthropic_interface.messages"

    def _maker(self) -> Any:
        return _EventMaker()

    def events(self) -> Any:
        """An iterator of the events as dicts."""
        return (_payload(event) for event in self)

    async def aevents(self) -> Any:
        """An asynchronous iterator of the events as dicts."""
        async for event in self:
            yield _payload(event)

    @property
    def response_uptil_now(self) -> str:
        """The text that has been read."""
        deltas = (_payload(event).get("delta") or {} for event in self.chunks)
        return "".join(delta.get("text") or "" for delta in deltas)


def _payload(event: Any) -> dict[str, Any]:
    return _runtime.parsed(event.split(b"\ndata: ", 1)[1].decode().rstrip())  # type: ignore[no-any-return]


class _EventMaker:
    """Makes the bytes of an event of what the engine sends."""

    __slots__ = ()

    def content(self, index: int, text: str) -> bytes:
        """Every event of a message comes whole."""
        raise RuntimeError(
            "the engine sent a piece of a chat in a stream of events: the package is older than its library"
        )

    def __call__(self, item: Any) -> bytes:
        text: str = item[1]
        payload = _runtime.parsed(text)
        kind = payload.get("type") if isinstance(payload, dict) else None
        return f"event: {kind}\ndata: {text}\n\n".encode()


def create(
    max_tokens: int,
    messages: list[Any],
    model: str,
    metadata: dict[str, Any] | None = None,
    stop_sequences: list[str] | None = None,
    stream: bool | None = False,
    system: Any = None,
    temperature: float | None = None,
    thinking: dict[str, Any] | None = None,
    tool_choice: dict[str, Any] | None = None,
    tools: list[Any] | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    container: dict[str, Any] | None = None,
    **kwargs: Any,
) -> AnthropicMessagesResponse | AnthropicMessagesStream:
    """Has `model` answer `messages`, both in the words of Anthropic's Messages API: the answer is a dict.

    For Claude the request goes out as it is. Other providers are asked by a chat, and their answers and streams are put into
    Anthropic's words. What a chat has no word for raises UnsupportedParamsError, or is left out under `drop_params`.
    With `stream=True` it gives the events as they come, each as the bytes of a server-sent event.
    """
    arguments = locals()
    if stream:
        outcome = _calls.streamed(b"anthropic_messages", arguments, AnthropicMessagesStream)
    else:
        outcome = _calls.answered(b"anthropic_messages", arguments, _as_it_came)
    if isinstance(outcome, Failure):
        del kwargs, arguments
        raise outcome.pop()
    return outcome  # type: ignore[no-any-return]


async def acreate(
    max_tokens: int,
    messages: list[Any],
    model: str,
    metadata: dict[str, Any] | None = None,
    stop_sequences: list[str] | None = None,
    stream: bool | None = False,
    system: Any = None,
    temperature: float | None = None,
    thinking: dict[str, Any] | None = None,
    tool_choice: dict[str, Any] | None = None,
    tools: list[Any] | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    container: dict[str, Any] | None = None,
    **kwargs: Any,
) -> AnthropicMessagesResponse | AnthropicMessagesStream:
    """:func:`create` for coroutines."""
    arguments = locals()
    if stream:
        outcome = await _calls.astreamed(b"anthropic_messages", arguments, AnthropicMessagesStream)
    else:
        outcome = await _calls.aanswered(b"anthropic_messages", arguments, _as_it_came)
    if isinstance(outcome, Failure):
        del kwargs, arguments
        raise outcome.pop()
    return outcome  # type: ignore[no-any-return]


# litellm's names of the same at its top.
anthropic_messages = acreate
anthropic_messages_handler = create


def _as_it_came(payload: Any, meta: Meta) -> Any:
    return payload
