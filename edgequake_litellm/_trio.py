"""trio as an event loop in the sense of `_async`: the few methods of asyncio's loops and futures that it calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
from trio.lowlevel import RunVar, current_task, current_trio_token, spawn_system_task, wait_readable

from . import _async

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any


class Future:
    """A result to wait for. Set in the thread of its loop."""

    __slots__ = ("_came", "_loop", "_result")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._came = trio.Event()
        self._result: Any = None

    def __await__(self) -> Generator[Any, None, Any]:
        yield from self._came.wait().__await__()
        return self._result

    def done(self) -> bool:
        return self._came.is_set()

    def set_result(self, result: Any) -> None:
        self._result = result
        self._came.set()

    def get_loop(self) -> Loop:
        return self._loop


class Loop:
    """One `trio.run`. Its end closes it, and ends the calls that are left."""

    def __init__(self) -> None:
        self._token = current_trio_token()
        self._closed = False

    def create_future(self) -> Future:
        return Future(self)

    def call_soon_threadsafe(self, function: Callable[..., object], *arguments: Any) -> None:
        """Raises RuntimeError after the end of the run, as asyncio does."""
        self._token.run_sync_soon(function, *arguments)

    async def run_in_executor(self, executor: None, function: Callable[[], None]) -> None:
        await trio.to_thread.run_sync(function, abandon_on_cancel=True)

    def add_reader(self, descriptor: int, callback: Callable[[], None]) -> None:
        # A system task belongs to the run: it is cancelled when the program's main task has ended.
        spawn_system_task(self._watch, descriptor, callback, name="edgequake_litellm")

    async def _watch(self, descriptor: int, callback: Callable[[], None]) -> None:
        try:
            while True:
                await wait_readable(descriptor)
                callback()
        finally:
            self._closed = True
            _async.close_hub(self)

    def is_closed(self) -> bool:
        return self._closed


_loop: RunVar[Loop] = RunVar("edgequake_litellm")


def running_loop() -> Loop | None:
    """The loop of the trio task that asks; None outside of trio."""
    try:
        current_task()
    except RuntimeError:
        return None
    try:
        return _loop.get()
    except LookupError:
        made = Loop()
        _loop.set(made)
        return made
