"""A stream whose end callbacks are told of."""

from __future__ import annotations

from datetime import datetime

from ..stream_builder import stream_chunk_builder
from ..streaming import CustomStreamWrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types import ModelResponse, ModelResponseStream
    from .call import Call


class ObservedStream(CustomStreamWrapper):
    """The stream of a call with callbacks. What ends it, the end or an error, is told once."""

    __module__ = CustomStreamWrapper.__module__
    _observer: Call | None = None

    def __next__(self) -> ModelResponseStream:
        try:
            chunk = super().__next__()
        except StopIteration:
            call = self._ended()
            if call is not None:
                call.succeeded(self._whole(call))
            raise
        except Exception as error:
            call = self._ended()
            if call is not None:
                call.failed(error)
            raise
        self._began()
        return chunk

    async def __anext__(self) -> ModelResponseStream:
        try:
            chunk = await super().__anext__()
        except StopAsyncIteration:
            call = self._ended()
            told = None if call is None else call.succeeded_awaited(self._whole(call))
            if told is not None:
                await told
            raise
        except Exception as error:
            call = self._ended()
            told = None if call is None else call.failed(error)
            if told is not None:
                await told
            raise
        self._began()
        return chunk

    def _began(self) -> None:
        call = self._observer
        if call is not None and call.details["completion_start_time"] is None:
            call.details["completion_start_time"] = datetime.now()

    def _ended(self) -> Call | None:
        call, self._observer = self._observer, None
        return call

    def _whole(self, call: Call) -> ModelResponse | Any:
        """The answer that the chunks add up to; what is left of one that was too long to be kept is none."""
        if self.completion_stream.forgot:
            return None
        response = stream_chunk_builder(self.chunks, messages=call.details["messages"])
        if response is not None:
            response._hidden_params = {**self._hidden_params, "response_cost": None}
        return response


# Programs know streams by this name.
ObservedStream.__name__ = ObservedStream.__qualname__ = CustomStreamWrapper.__name__


def observe(stream: CustomStreamWrapper, call: Call) -> None:
    """Has the callbacks of `call` told of the end of `stream`. The stream stays the same object."""
    stream.__class__ = ObservedStream
    stream._observer = call  # type: ignore[attr-defined]  # it is an ObservedStream now
