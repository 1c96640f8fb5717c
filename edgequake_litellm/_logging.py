"""The engine's log in Python's `logging`, under the name of litellm's logger.

Nothing is logged until the program asks: by `set_verbose = True`, by :func:`_turn_on_debug`, or by a level in the environment
variable `LITELLM_LOG`. No record holds a key or the content of a message.
"""

from __future__ import annotations

import logging
import os
from functools import cache
from threading import Thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

verbose_logger = logging.getLogger("LiteLLM")
verbose_router_logger = logging.getLogger("LiteLLM Router")

_WAIT_MS = 1000


class _Pump(Thread):
    """Carries the engine's records to `logging`. The engine calls no Python: it fills a queue, and this thread reads it."""

    def __init__(self, level: int) -> None:
        from . import _runtime
        from ._native import lib

        super().__init__(name="edgequake_litellm log", daemon=True)
        self.level = level
        self.ended = False
        # Here, not in the thread: the next call is logged from its beginning.
        self._queue = _runtime.new_queue()
        lib.eq_log_set(level, lib.eq_queue_push, self._queue)

    def run(self) -> None:
        from . import _runtime, _waiting
        from ._native import ffi, lib

        queue = self._queue
        batch = _runtime.Batch(64)
        while not self.ended:
            count = _waiting.wait(batch, queue, _WAIT_MS)
            for event in batch.events[:count]:
                fields = _runtime.raw(event.data).decode()
                verbose_logger.log(event.index, "%s%s", _runtime.raw(event.text).decode(), fields and " " + fields)
        lib.eq_queue_free(queue)
        if _running.get("pump") is self:
            lib.eq_log_set(self.level, ffi.NULL, ffi.NULL)
            del _running["pump"]


_running: dict[str, _Pump] = {}


def listen(level: int) -> None:
    """Logs the engine's records of `level` (10 debug, 20 info, 30 warning, 40 error) and above."""
    pump = _running.get("pump")
    if pump is not None and pump.is_alive() and pump.level == level and not pump.ended:
        return
    if pump is None:
        _restart_in_children()
    else:
        pump.ended = True
    pump = _running["pump"] = _Pump(level)
    pump.start()


@cache
def _restart_in_children() -> None:
    from . import _runtime

    _runtime.on_first_call(_restart)


def _restart() -> None:
    # Threads do not live on in a forked child.
    pump = _running.get("pump")
    if pump is not None and not pump.ended and not pump.is_alive():
        listen(pump.level)


def listen_as_environment_says() -> None:
    """Obeys `LITELLM_LOG`, which names a level."""
    level: Any = logging.getLevelName(os.environ.get("LITELLM_LOG", "").upper())
    if isinstance(level, int) and level > logging.NOTSET:
        _show(level)


def set_verbose(on: bool) -> None:
    """What `litellm.set_verbose = …` does: everything is logged, or nothing more."""
    pump = _running.get("pump")
    if on:
        _show(logging.DEBUG)
    elif pump is not None:
        pump.ended = True


def _show(level: int) -> None:
    if verbose_logger.getEffectiveLevel() > level:
        verbose_logger.setLevel(level)
    if not verbose_logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s: %(message)s"))
        verbose_logger.addHandler(handler)
    listen(level)


def _turn_on_debug() -> None:
    """Logs everything, as `litellm._turn_on_debug()` does."""
    _show(logging.DEBUG)


def _disable_debugging() -> None:
    verbose_logger.disabled = True


def _enable_debugging() -> None:
    verbose_logger.disabled = False
