"""Calls of threads that wait.

Each call has a queue of its own while it runs; queues are kept for later calls. A queue goes back only when its call's
terminal event has been read, so that no event can reach a stranger.
"""

from __future__ import annotations

import sys
from threading import Lock, current_thread, main_thread

from . import _runtime, _waiting
from ._native import ffi, lib
from ._runtime import DONE, FAILED, KIND, LARGE, OPENED, Batch, Start
from .streaming import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._runtime import Attachments

# Python runs a signal's handler, and raises KeyboardInterrupt, in the main thread and between two bytecodes only: the wait
# for an event must come back that often. Other threads come back now and then, for exceptions that are sent to a thread.
_MAIN_SLICE_MS = 40
_SLICE_MS = 1000

_EVENTS_PER_READ = 64
_KEPT_CHANNELS = 32


class Channel:
    """A queue, and the call that runs on it. `size` is how many events one read takes. One thread at a time."""

    __slots__ = ("batch", "queue", "start")

    def __init__(self, size: int) -> None:
        self.queue: Any = None
        self.start: Any = None
        self.queue = _runtime.new_queue()
        self.start = Start(self.queue)
        self.batch = Batch(size)

    def wait(self) -> int:
        """Waits for events and returns how many came."""
        slice_ms = _MAIN_SLICE_MS if current_thread() is main_thread() else _SLICE_MS
        wait, batch, queue = _waiting.wait, self.batch, self.queue
        while True:
            count = wait(batch, queue, slice_ms)
            if count:
                return count

    def release(self, pool: list[Channel]) -> None:
        """Gives the queue back; its call's terminal event has been read."""
        call = self.start.call
        lib.eq_call_free(call[0])
        call[0] = ffi.NULL
        if len(pool) < _KEPT_CHANNELS:
            pool.append(self)
        else:
            self.close()

    def close(self) -> None:
        """Cancels the call, if there is one, and frees the queue."""
        queue, self.queue = self.queue, None
        if queue is None:
            return
        start = self.start
        if start is not None and start.call[0]:
            lib.eq_call_free(start.call[0])
        lib.eq_queue_free(queue)

    def __del__(self, ending: Callable[[], bool] = sys.is_finalizing) -> None:
        # At the end of the interpreter the modules are emptied before the last objects go; the process frees the rest.
        if not ending():
            self.close()


# Lists are stacks whose append and pop are atomic: the queue that was used last is the one that is still in the cache.
_for_calls: list[Channel] = []
_for_streams: list[Channel] = []


def _take(pool: list[Channel], size: int) -> Channel:
    try:
        return pool.pop()
    except IndexError:
        return Channel(size)


def _forget() -> None:
    _for_calls.clear()
    _for_streams.clear()


_runtime.on_fork(_forget)


def call(operation: bytes, request: bytes, attachments: Attachments = ()) -> tuple[Any, bytes]:
    """Makes a call and waits for it: the decoded answer and the `meta`. Raises litellm's exception where it fails.

    Whatever else is raised while it waits, such as KeyboardInterrupt, cancels the call.
    """
    channel = _take(_for_calls, 1)
    try:
        channel.start(operation, request, 0, attachments)
        channel.wait()
        event = channel.batch.events[0]
        kind = event.kind
        if kind == DONE:
            answer = _runtime.decoded(event.data), _runtime.raw(event.meta)
            if event.data.len > LARGE:
                channel.batch.let_go(channel.queue)
        else:
            error = _runtime.error_of(event.error)
    except BaseException:
        channel.close()
        raise
    channel.release(_for_calls)
    if kind != DONE:
        raise error
    return answer


class StreamSource(Source):
    """The events of one stream, for a thread that waits for them."""

    def __init__(self, operation: bytes, request: bytes) -> None:
        """Starts the call and waits until the provider has accepted it. Raises litellm's exception where it does not."""
        super().__init__()
        channel = _take(_for_streams, _EVENTS_PER_READ)
        # Whoever pops the channel owns it. It is popped under the lock only, which a reader holds while it looks at memory
        # that goes when the channel goes.
        self._channel = [channel]
        self._reading = Lock()
        self._call: Any = None
        self._generation = _runtime.process.generation
        try:
            self._call = channel.start(operation, request, 0)
            while self.meta is None and not self.ended:
                self._read(channel)
        except BaseException:
            self.close()
            raise
        if self.meta is None:
            self.finish()

    def wait(self) -> None:
        if self._generation != _runtime.process.generation:
            raise _runtime.queue_failure(lib.EQ_ERR_FORKED)
        if not self._reading.acquire(blocking=False):
            if self.closed:
                return  # The thread that closes it has the lock.
            raise RuntimeError("another thread is reading this stream: read a stream from one thread at a time")
        try:
            for channel in self._channel:
                while self.position >= len(self.items) and not self.ended:
                    self._read(channel)
        except BaseException as error:
            if not isinstance(error, Exception):
                self.close()
                self.lost = "the wait for it was interrupted"
            raise
        finally:
            self._reading.release()
            if self.closed:
                self._dispose()

    def _read(self, channel: Channel) -> None:
        batch, count = channel.batch, channel.wait()
        add, item, events = self.add, batch.item, batch.events
        for number, event in enumerate(batch.fields(count)):
            kind = event[KIND]
            if kind < DONE:
                if kind == OPENED:
                    self.meta = _runtime.raw(events[number].meta)
                else:
                    add(item(number, event))
                continue
            if kind == FAILED:
                self.failure = _runtime.error_payload(events[number].error)
            elif self.meta is None:
                self.meta = _runtime.raw(events[number].meta)
            self.ended = True
            self._channel.pop()
            batch.let_go(channel.queue)
            channel.release(_for_streams)

    async def more(self) -> None:
        """Waits in a thread, for a program that reads this stream from a coroutine."""
        from ._async import running_loop

        try:
            await running_loop().run_in_executor(None, self.wait)
        except BaseException as error:
            if not isinstance(error, Exception):
                # The thread must not wait on for what nobody will read.
                self.close()
                self.lost = "the wait for it was cancelled"
            raise

    def close(self) -> None:
        super().close()
        if self._call is not None:
            # By its handle: the channel may be another stream's by now. A reader that waits is woken by it.
            lib.eq_call_cancel(self._call)
        self._dispose()

    def _dispose(self) -> None:
        """Frees what a closed stream holds, unless a reader is at it, who will do it then."""
        if self._reading.acquire(blocking=False):
            try:
                super().close()
                while self._channel:
                    self._channel.pop().close()
            finally:
                self._reading.release()
