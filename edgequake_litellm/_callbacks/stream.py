"""Streams whose end callbacks are told of: of chats, texts, responses, messages and contents, and sounds."""

from __future__ import annotations

from datetime import datetime

from .._binary import HttpxBinaryResponseContent
from .._logging import verbose_logger
from .._operations.events import EventStream
from ..stream_builder import stream_chunk_builder
from ..streaming import CustomStreamWrapper
from . import threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .call import Call


class _Observed:
    """What the observed classes share. What ends a stream, its end or an error, is told once."""

    _observer: Call | None = None

    def _began(self) -> None:
        call = self._observer
        if call is not None and call.details["completion_start_time"] is None:
            call.details["completion_start_time"] = datetime.now()

    def _observed_whole(self, call: Call) -> Any:
        raise NotImplementedError

    def _ended(self, error: Exception | None = None) -> Any:
        """What this gives must be awaited, unless it is None."""
        call, self._observer = self._observer, None
        if call is None:
            return None
        if error is not None:
            return call.failed(error)
        try:
            whole = self._observed_whole(call)
        except Exception:
            # Whoever reads the stream has had all of it, and callbacks end nothing.
            verbose_logger.error("the chunks of a stream do not add up to an answer for the callbacks", exc_info=True)
            whole = None
        if call.is_async:
            return call.succeeded_awaited(whole)
        call.succeeded(whole)
        return None

    def _ended_here(self, error: Exception | None = None) -> None:
        """The same where nothing can be awaited: a coroutine's stream may be read to its end by other code once all has come."""
        telling = self._ended(error)
        if telling is not None:
            threads.run(telling)


class _ObservedChunks(_Observed, CustomStreamWrapper):
    def __next__(self) -> Any:
        try:
            chunk = super().__next__()
        except StopIteration:
            self._ended_here()
            raise
        except Exception as error:
            self._ended_here(error)
            raise
        self._began()
        return chunk

    async def __anext__(self) -> Any:
        try:
            chunk = await super().__anext__()
        except StopAsyncIteration:
            telling = self._ended()
            if telling is not None:
                await telling
            raise
        except Exception as error:
            telling = self._ended(error)
            if telling is not None:
                await telling
            raise
        self._began()
        return chunk

    def _observed_whole(self, call: Call) -> Any:
        """The answer that the chunks add up to; what is left of one that was too long to be kept is none."""
        if hasattr(self, "completed_response"):
            return getattr(self.completed_response, "response", None)
        if self.completion_stream.forgot:
            return None
        if isinstance(self, EventStream):
            response: Any = self.as_chat()
        else:
            response = stream_chunk_builder(self.chunks, messages=call.details["messages"])
        if response is not None:
            response._hidden_params = {**self._hidden_params, "response_cost": None}
        return response


class _ObservedSound(_Observed, HttpxBinaryResponseContent):
    def _rest(self) -> Iterator[bytes]:
        try:
            for piece in super()._rest():
                self._began()
                yield piece
        except Exception as error:
            self._ended_here(error)
            raise
        self._ended_here()

    async def _more(self) -> bool:
        try:
            more = await super()._more()
        except Exception as error:
            telling = self._ended(error)
            if telling is not None:
                await telling
            raise
        if more:
            self._began()
            return True
        telling = self._ended()
        if telling is not None:
            await telling
        return False

    def _observed_whole(self, call: Call) -> Any:
        return self


def is_stream(answer: Any) -> bool:
    """Is the end of this answer still to come?"""
    return isinstance(answer, (CustomStreamWrapper, HttpxBinaryResponseContent))


_observed_classes: dict[type[Any], type[Any]] = {}


def observe(stream: Any, call: Call) -> bool:
    """Has the callbacks of `call` told of the end of `stream`, which stays the same object. False for what is no stream."""
    given = type(stream)
    ours: type[Any]
    if isinstance(stream, CustomStreamWrapper):
        ours = _ObservedChunks
    elif isinstance(stream, HttpxBinaryResponseContent):
        ours = _ObservedSound
    else:
        return False
    observed = _observed_classes.get(given)
    if observed is None:
        # Programs know streams by their classes' names.
        names = {"__module__": given.__module__, "__qualname__": given.__qualname__, "__doc__": given.__doc__}
        observed = _observed_classes[given] = type(given.__name__, (ours, given), names)
    stream.__class__ = observed
    stream._observer = call
    return True
