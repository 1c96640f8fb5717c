"""A streamed response: its events, for `for` and for `async for`."""

from __future__ import annotations

from . import _runtime
from ._types.responses import ResponseEvent, response_event
from .streaming import CustomStreamWrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class BaseResponsesAPIStreamingIterator(CustomStreamWrapper):
    """The events of a response while they come, each with its `type`. In all else it is a :class:`CustomStreamWrapper`.

    The stream ends with the event that says so (`response.completed` or `response.incomplete`), which is kept as
    `completed_response`. A response that fails, and a stream that breaks off, raise.
    """

    __module__ = "litellm.responses.streaming_iterator"

    @property
    def completed_response(self) -> ResponseEvent | None:
        """The event that ended the response, once it has been read."""
        made: Any = self._make
        return made.completed  # type: ignore[no-any-return]

    @property
    def finished(self) -> bool:
        """Has everything been read?"""
        source = self.completion_stream
        return source.ended and source.position >= len(source.items)

    def _maker(self) -> Any:
        return EventMaker()

    @property
    def response_uptil_now(self) -> str:
        """The text of the output that has been read."""
        parts = [event.delta for event in self.chunks if event.type == "response.output_text.delta"]  # type: ignore[attr-defined]
        return "".join(parts)


class SyncResponsesAPIStreamingIterator(BaseResponsesAPIStreamingIterator):
    """From `responses(stream=True)`."""

    __module__ = "litellm.responses.streaming_iterator"


class ResponsesAPIStreamingIterator(BaseResponsesAPIStreamingIterator):
    """From `aresponses(stream=True)`."""

    __module__ = "litellm.responses.streaming_iterator"


class EventMaker:
    """Makes the events of one stream from its items."""

    __slots__ = ("completed",)

    def __init__(self) -> None:
        self.completed: ResponseEvent | None = None

    def content(self, index: int, text: str) -> ResponseEvent:
        """Every event of a response comes whole."""
        raise RuntimeError(
            "the engine sent a piece of a chat in a stream of events: the package is older than its library"
        )

    def __call__(self, item: Any) -> ResponseEvent:
        payload = _runtime.parsed(item[1])
        try:
            event = response_event(payload)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _runtime.unreadable(error) from error
        if event.type in ("response.completed", "response.incomplete"):
            self.completed = event
        return event
