"""Calls of coroutines.

All calls of an event loop share one queue, whose descriptor the loop watches. Where a loop cannot watch descriptors (Windows'
Proactor), a thread waits for the queue instead. `_trio` makes trio look like such a loop.
"""

from __future__ import annotations

import sys
from asyncio import current_task, get_running_loop
from itertools import count
from threading import Event, Thread
from weakref import WeakKeyDictionary, ref

from . import _runtime, _waiting, config
from ._native import lib
from ._runtime import DATA_LENGTH, DONE, FAILED, KIND, LARGE, OPENED, TAG, Batch, Start
from .streaming import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable
    from typing import Any

    from ._runtime import Attachments

_EVENTS_PER_READ = 128
# A loop has other work: after this many reads it gets its turn before the next one.
_READS_PER_TURN = 8
_SLICE_MS = 500

# How much a stream holds for a slow reader before its call is paused, so that the provider has to wait; it goes on when all
# has been read.
_HELD_ITEMS = 1024
_HELD_CHARACTERS = 256 * 1024

_tags = count(1)


class Hub:
    """The calls of one event loop. Its methods are for the loop's thread; a stream may be closed from any other."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.waiting: dict[int, Any] = {}
        self.queue: Any = None
        self.queue = _runtime.new_queue()
        self._start = Start(self.queue)
        self._batch = Batch(_EVENTS_PER_READ)
        descriptor = _runtime.descriptor(self.queue)
        try:
            loop.add_reader(descriptor, self.drain)
        except NotImplementedError:
            Watcher(self, loop, descriptor).start()

    def start(self, operation: bytes, request: bytes, call: Any, attachments: Attachments = ()) -> None:
        """Starts a call whose events go to `call.take`. Raises litellm's exception for a request that is refused."""
        tag = next(_tags)
        self.waiting[tag] = call
        try:
            call.handle = self._start(operation, request, tag, attachments)
        except BaseException:
            del self.waiting[tag]
            raise
        call.tag = tag

    def finish(self, call: Any) -> None:
        """Ends a call, which is cancelled if it still runs; its events have no reader any more."""
        handle, call.handle = call.handle, None
        if handle is not None:
            self.waiting.pop(call.tag, None)
            lib.eq_call_free(handle)

    def drain(self) -> None:
        """Hands out the events that have come. The descriptor stays readable until none is left."""
        for _ in range(_READS_PER_TURN):
            if self._read() < _EVENTS_PER_READ:
                return

    def _read(self) -> int:
        batch, waiting = self._batch, self.waiting
        count = batch.wait(self.queue, 0)
        large = False
        for number, event in enumerate(batch.fields(count)):
            call = waiting.get(event[TAG])
            if call is not None:
                call.take(event, batch, number)
            large = large or event[DATA_LENGTH] > LARGE
        if large:
            batch.let_go(self.queue)
        return count

    def close(self) -> None:
        """Cancels everything and frees the queue; its loop is closed."""
        queue, self.queue = self.queue, None
        if queue is not None:
            for call in list(self.waiting.values()):
                call.abandon()
            lib.eq_queue_free(queue)

    def __del__(self, ending: Callable[[], bool] = sys.is_finalizing) -> None:
        # At the end of the interpreter the modules are emptied before the last objects go; the process frees the rest.
        if not ending():
            self.close()


class Watcher(Thread):
    """Watches the descriptor of a hub whose loop cannot, and has the loop drain the hub. Ends with the hub or its loop."""

    def __init__(self, hub: Hub, loop: AbstractEventLoop, descriptor: int) -> None:
        super().__init__(name="edgequake_litellm", daemon=True)
        self._hub = ref(hub)
        self._loop = ref(loop)
        self._descriptor = descriptor
        self._drained = Event()

    def run(self) -> None:
        while True:
            came = _waiting.readable(self._descriptor, _SLICE_MS)
            hub, loop = self._hub(), self._loop()
            if hub is None or hub.queue is None or loop is None:
                return
            del hub
            if came:
                # Without waiting for the loop, the descriptor would be found readable again and again.
                self._drained.clear()
                try:
                    loop.call_soon_threadsafe(self._drain)
                except RuntimeError:
                    return  # The loop is closed.
                del loop
                self._drained.wait(_SLICE_MS / 1000)

    def _drain(self) -> None:
        hub = self._hub()
        try:
            if hub is not None and hub.queue is not None:
                hub.drain()
        finally:
            self._drained.set()


# One hub for each loop that has made calls ------------------------------------------------------------------------------------

_hubs: WeakKeyDictionary[AbstractEventLoop, Hub] = WeakKeyDictionary()
_runtime.on_fork(_hubs.clear)


def running_loop() -> AbstractEventLoop:
    """The loop that runs the caller: asyncio's, or trio's where a task of trio asks. Raises RuntimeError outside of both."""
    if "trio" in sys.modules and not _in_asyncio_task():
        from . import _trio

        loop = _trio.running_loop()
        if loop is not None:
            return loop  # type: ignore[return-value]  # it has the methods that are used
    return get_running_loop()


def _in_asyncio_task() -> bool:
    """Which of two loops in one thread is the inner one: trio as a guest runs outside of asyncio's tasks."""
    try:
        return current_task() is not None
    except RuntimeError:
        return False


def _hub(loop: AbstractEventLoop) -> Hub:
    found = _hubs.get(loop)
    return _new_hub(loop) if found is None else found


def _new_hub(loop: AbstractEventLoop) -> Hub:
    made = Hub(loop)
    with _runtime.process.lock:
        # A loop that somebody holds on to after it was closed would keep its descriptor.
        closed = [(other, hub) for other, hub in _hubs.items() if other.is_closed()]
        for other, _ in closed:
            del _hubs[other]
        _hubs[loop] = made
    for _, hub in closed:
        hub.close()
    return made


def close_hub(loop: Any) -> None:
    """Ends the calls of a loop that tells its end."""
    hub = _hubs.pop(loop, None)
    if hub is not None:
        hub.close()


# Calls -----------------------------------------------------------------------------------------------------------------------


class Call:
    """One answer to wait for."""

    __slots__ = ("future", "handle", "tag")

    def __init__(self, loop: AbstractEventLoop) -> None:
        # The outcome is a result in any case: a future's exception that nobody fetches is reported by asyncio.
        self.future: Future[Any] = loop.create_future()
        self.handle: Any = None
        self.tag = 0

    def take(self, fields: tuple[int, ...], batch: Batch, number: int) -> None:
        kind, event = fields[KIND], batch.events[number]
        if kind < DONE or self.future.done():
            return
        outcome: tuple[Any, bytes, Exception | None]
        try:
            # An exception here would end the hub's turn, and with it the events of other calls.
            if kind == DONE:
                outcome = (_runtime.decoded(event.data), _runtime.raw(event.meta), None)
            else:
                outcome = (None, b"", _runtime.error_of(event.error))
        except Exception as error:
            outcome = (None, b"", error)
        self.future.set_result(outcome)

    def abandon(self) -> None:
        handle, self.handle = self.handle, None
        if handle is not None:
            lib.eq_call_free(handle)


async def call(operation: bytes, request: bytes, attachments: Attachments = ()) -> tuple[Any, bytes]:
    """Makes a call: the decoded answer and the `meta`. Raises litellm's exception where it fails.

    Cancelling the task cancels the call.
    """
    loop = running_loop()
    hub, waiting = _hub(loop), Call(loop)
    hub.start(operation, request, waiting, attachments)
    del request, attachments  # They may be large, and the answer may take long.
    try:
        if config.current_cache() is not None:
            # An answer that a cache has in memory has come by now: to wait for the loop would cost more than all the rest.
            hub.drain()
        answer, meta, failure = await waiting.future
    finally:
        hub.finish(waiting)
    if failure is not None:
        raise failure
    return answer, meta


class StreamSource(Source):
    """The events of one stream, for the coroutines of one loop."""

    is_async = True

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self.handle: Any = None
        self.tag = 0
        self._hub: Hub | None = hub
        self._waiter: Future[None] | None = None
        self._held = 0
        self._paused = False
        self._generation = _runtime.process.generation

    def take(self, fields: tuple[int, ...], batch: Batch, number: int) -> None:
        kind = fields[KIND]
        if kind < DONE:
            if kind == OPENED:
                self.meta = _runtime.raw(batch.events[number].meta)
            else:
                item = batch.item(number, fields)
                self.add(item)
                self._held += 64 + (len(item) if type(item) is str else len(item[1]))
                if self._held > _HELD_CHARACTERS or len(self.items) - self.position > _HELD_ITEMS:
                    self._pause()
        else:
            if kind == FAILED:
                self.failure = _runtime.error_payload(batch.events[number].error)
            elif self.meta is None:
                self.meta = _runtime.raw(batch.events[number].meta)
            self.ended = True
            self._release()
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _pause(self) -> None:
        handle = self.handle
        if not self._paused and handle is not None:
            self._paused = True
            lib.eq_call_pause(handle)

    async def opened(self) -> None:
        """Waits until the provider has accepted the request. Raises litellm's exception where it does not."""
        while self.meta is None and not self.ended:
            await self._event()
        if self.meta is None:
            self.finish()

    async def more(self) -> None:
        while self.position >= len(self.items) and not self.ended:
            self._held = 0
            handle = self.handle
            if self._paused and handle is not None:
                self._paused = False
                lib.eq_call_resume(handle)
            await self._event()

    async def _event(self) -> None:
        """Waits until something has come."""
        if self._generation != _runtime.process.generation:
            raise _runtime.queue_failure(lib.EQ_ERR_FORKED)
        if self._waiter is not None:
            raise RuntimeError("another task is reading this stream: read a stream from one task at a time")
        waiter = self._waiter = running_loop().create_future()
        try:
            await waiter
        except BaseException:
            self.close()
            self.lost = "the wait for it was cancelled"
            raise
        finally:
            self._waiter = None

    def _release(self) -> None:
        hub, self._hub = self._hub, None
        if hub is not None:
            hub.finish(self)

    def abandon(self) -> None:
        self.close()
        self.lost = "its event loop was closed"

    def close(self) -> None:
        super().close()
        self._release()
        waiter = self._waiter
        if waiter is not None and not waiter.done() and self._generation == _runtime.process.generation:
            _wake(waiter)


def _wake(waiter: Future[None]) -> None:
    """Wakes the task that waits for a stream which somebody else closes, perhaps in another thread."""
    loop = waiter.get_loop()
    try:
        loop.call_soon_threadsafe(_wake_now, waiter)
    except RuntimeError:
        return  # The loop is closed: nothing waits any more.


def _wake_now(waiter: Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


async def stream(operation: bytes, request: bytes) -> StreamSource:
    """Starts a streamed call and waits until the provider has accepted it."""
    hub = _hub(running_loop())
    source = StreamSource(hub)
    hub.start(operation, request, source)
    del request
    try:
        await source.opened()
    except BaseException:
        source.close()
        raise
    return source
