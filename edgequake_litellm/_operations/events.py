"""Streams of server-sent events, for the APIs of Anthropic and Google whose streams a program hands on as they are."""

from __future__ import annotations

from .. import _runtime
from ..streaming import CustomStreamWrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import Any

    from .._types import ModelResponse


class EventStream(CustomStreamWrapper):
    """The events of an answer while they come, each as the bytes of a server-sent event, which is what litellm gives."""

    _operation = ""

    def _maker(self) -> Any:
        return EventMaker()

    def events(self) -> Iterator[Any]:
        """An iterator of the events as dicts."""
        return (self._payload(event) for event in self)

    async def aevents(self) -> AsyncIterator[Any]:
        """An asynchronous iterator of the events as dicts."""
        async for event in self:
            yield self._payload(event)

    def as_chat(self) -> ModelResponse | None:
        """What has been read as the response of a chat, which is what callbacks are told of every call. The answer has to be whole."""
        from .._questions import ask
        from ..stream_builder import stream_chunk_builder

        events: list[Any] = self.chunks
        fields = {"operation": self._operation, "model": self._meta.data.get("model")}
        chunks = ask(b"as_chat", {**fields, "events": b"".join(events).decode()})
        response: Any = stream_chunk_builder(chunks)
        return response  # type: ignore[no-any-return]

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
