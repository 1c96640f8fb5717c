"""How the engine's log records come to Python's `logging`.

The engine calls no Python: it fills a queue, and one thread reads it, which sleeps in the engine until there is a record. What is below
the level is not even made, so that a call which gives nobody cause for a warning pays nothing for this.
"""

from __future__ import annotations

import select
from _thread import start_new_thread

from . import _loading, _runtime, _waiting
from ._native import lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WARNING = 30

_WAIT_MS = 1000


class _Listener:
    """What listens in this process. The level stays in a forked child, and so does what the program asked for."""

    def __init__(self) -> None:
        self.level = WARNING
        self.asked = False
        self.forget()

    def forget(self) -> None:
        self.queue: Any = None
        self.reads = False


_listener = _Listener()
_runtime.on_fork(_listener.forget)


def _is_main() -> bool:
    """Is this the process's first interpreter? Others must have no threads when they are destroyed, and a process has one listener."""
    try:
        import _interpreters as interpreters  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        try:
            import _xxsubinterpreters as interpreters  # type: ignore[import-not-found,no-redef,unused-ignore]
        except ImportError:
            return True
    return bool(interpreters.get_current() == interpreters.get_main())


def _has_reader() -> bool:
    """Will anybody read what the engine keeps? Where nobody does, it has nothing to keep.

    A greenlet that waits for ever would keep those waiting who wait for all greenlets, and a thread keeps an interpreter from being
    destroyed: there are both where the program asked for records, and otherwise neither.
    """
    return _listener.asked or (_is_native() and _is_main())


def _is_native() -> bool:
    """Are threads threads, and not greenlets?"""
    return select.select.__module__ == "select"


def listen() -> None:
    """Has the engine keep its records, from warnings on or from the level that was asked for, until the thread reads them."""
    with _loading.lock:
        if _listener.queue is None:
            if not _has_reader():
                return
            _listener.queue = _runtime.bare_queue()
        lib.eq_log_set(_listener.level, lib.eq_queue_push, _listener.queue)


def ask(level: int) -> None:
    """Logs the engine's records of `level` (10 debug, 20 info, 30 warning, 40 error) and above, from now on."""
    with _loading.lock:
        _listener.level, _listener.asked = level, True
        listen()
        read()


def settle() -> None:
    """Logs what is logged without having been asked for, from now on."""
    with _loading.lock:
        _listener.level, _listener.asked = WARNING, False
        if _listener.queue is not None:
            listen()


def read() -> None:
    """Starts the thread, if this process has none and is to have one."""
    with _loading.lock:
        if _listener.reads or not _has_reader():
            return
        _listener.reads = True
        if _listener.queue is None:
            listen()
        # Not a thread of `threading`, where programs count theirs.
        start_new_thread(_read, (_listener.queue, _is_native()))


def _read(queue: Any, native: bool) -> None:
    batch = _runtime.Batch(64)
    while True:
        count = batch.wait(queue, -1) if native else _waiting.wait(batch, queue, _WAIT_MS)
        for event in batch.events[:count]:
            with _loading.lock:
                # Not before there is something to say: most programs have imported it by then.
                from ._logging import verbose_logger
            fields = _runtime.raw(event.data).decode()
            try:
                verbose_logger.log(event.index, "%s%s", _runtime.raw(event.text).decode(), fields and " " + fields)
            except Exception:
                # A filter's or a handler's, of the program's own. The next record is for them again.
                _tell()


def _tell() -> None:
    """Writes the exception where `logging` writes those of its handlers."""
    import logging
    import sys
    import traceback

    if logging.raiseExceptions and sys.stderr is not None:
        traceback.print_exc()
