"""Where callbacks run that must not hold up a call: threads of the package's, and tasks of the program's event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

from .. import _runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any

# As many as litellm has. One that is idle takes what comes next, so a program whose callbacks are quick has one.
_THREADS = 100


class Executor:
    """A pool of threads that works in a forked child too. What has been submitted is done before the interpreter ends."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        _runtime.on_fork(self._forget)

    def submit(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
        pool = self._pool
        if pool is None:
            with _runtime.process.lock:
                if self._pool is None:
                    self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="edgequake_litellm callbacks")
                pool = self._pool
        try:
            return pool.submit(function, *args, **kwargs)
        except RuntimeError:
            # The interpreter ends, and starts no more threads: the call of a function that `atexit` runs.
            done: Future[Any] = Future()
            done.set_result(function(*args, **kwargs))
            return done

    def _forget(self) -> None:
        # The threads of the parent do not exist here, and the pool does not know.
        self._pool = None


executor = Executor()


def run(awaitable: Awaitable[None]) -> None:
    """Has `awaitable` awaited, for code that cannot."""

    async def awaiting() -> None:
        await awaitable

    executor.submit(asyncio.run, awaiting())


_tasks: set[asyncio.Task[None]] = set()


def spawn(make: Callable[[], Coroutine[Any, Any, None]]) -> Awaitable[None] | None:
    """Runs what `make` gives as a task of the running loop. Without a loop of asyncio's, it is given back to be awaited.

    A loop that ends at once, as `asyncio.run` does when its coroutine returns, cancels a task that has not begun. That one runs in a
    thread then.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return make()
    begun = False

    async def run() -> None:
        nonlocal begun
        begun = True
        await make()

    def ended(task: asyncio.Task[None]) -> None:
        _tasks.discard(task)
        if task.cancelled() and not begun:
            executor.submit(asyncio.run, make())

    task = loop.create_task(run())
    _tasks.add(task)
    task.add_done_callback(ended)
    return None
