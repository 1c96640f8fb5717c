"""Streams of server-sent events, for the APIs of Anthropic and Google whose streams a program hands on as they are."""

from __future__ import annotations

from .. import _runtime
from ..streaming import CustomStreamWrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import Any


class EventStream(CustomStreamWrapper):
    """The events of an answer while they come, each as the bytes of a server-sent event, which is what litellm gives."""

    def _maker(self) -> Any:
        return EventMaker()

    def events(self) -> Iterator[Any]:
        """An iterator of the events as dicts."""
        return (self._payload(event) for event in self)

    async def aevents(self) -> AsyncIterator[Any]:
        """An asynchronous iterator of the events as dicts."""
        async for event in self:
            yield self._payload(event)

    @staticmethod
    def _payload(event: Any) -> dict[str, Any]:
        return _runtime.parsed(event.split(b"data: ", 1)[1].decode().rstrip())  # type: ignore[no-any-return]


class EventMaker:
    """Makes the bytes of an event of what the engine sends."""

    __slots__ = ()

    def content(self, index: int, text: str) -> bytes:
        """Every event comes whole."""
        raise RuntimeError(
            "the engine sent a piece of a chat in a stream of events: the package is older than its library"
        )

    def __call__(self, item: Any) -> bytes:
        return f"data: {item[1]}\n\n".encode()
