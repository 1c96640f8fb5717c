"""Anthropic's Messages API, of every provider: `anthropic.messages.create` and its twin."""

from __future__ import annotations

from .. import _calls, _runtime
from .._calls import araising, raising
from .._types.provider_answer import AnthropicMessage
from .events import EventMaker, EventStream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types import Meta
    from ..types.llms.anthropic_messages.anthropic_response import AnthropicMessagesResponse


class AnthropicMessagesStream(EventStream):
    """The events of a message while they come, each as the bytes of a server-sent event, which is what litellm gives.

    `events()` and `aevents()` give them as dicts. In all else it is a :class:`CustomStreamWrapper`.
    """

    __module__ = "litellm.anthropic_interface.messages"
    _operation = "anthropic_messages"

    def _maker(self) -> Any:
        return _NamedEventMaker()

    @property
    def response_uptil_now(self) -> str:
        """The text that has been read."""
        deltas = (self._payload(event).get("delta") or {} for event in self.chunks)
        return "".join(delta.get("text") or "" for delta in deltas)


class _NamedEventMaker(EventMaker):
    """Anthropic's events have the type of their payload as their name."""

    __slots__ = ()

    def __call__(self, item: Any) -> bytes:
        payload = _runtime.parsed(item[1])
        kind = payload.get("type") if isinstance(payload, dict) else None
        return f"event: {kind}\n".encode() + super().__call__(item)


@raising
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
        return _calls.streamed(b"anthropic_messages", arguments, AnthropicMessagesStream)
    return _calls.answered(b"anthropic_messages", arguments, _message)


@araising
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
        return await _calls.astreamed(b"anthropic_messages", arguments, AnthropicMessagesStream)
    return await _calls.aanswered(b"anthropic_messages", arguments, _message)


# litellm's names of the same at its top.
anthropic_messages = acreate
anthropic_messages_handler = create


def _message(payload: Any, meta: Meta) -> AnthropicMessagesResponse:
    return AnthropicMessage(payload, meta)  # type: ignore[return-value]  # a dict with those members
