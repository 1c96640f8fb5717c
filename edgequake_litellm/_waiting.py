"""How a thread waits for the events of a queue, also where the program's threads are greenlets.

gevent and eventlet run many greenlets in one thread of the system: whoever blocks it blocks all of them. They replace
`select`, so that programs that wait there let the others run, and that is where this module waits as soon as it is replaced.
"""

from __future__ import annotations

import select

from . import _runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._runtime import Batch


def wait(batch: Batch, queue: Any, timeout_ms: int) -> int:
    """Waits for events of `queue` and returns how many there are, 0 if none came. Raises where the queue is dead."""
    # Asked each time: a program may replace it late.
    if select.select.__module__ == "select":
        return batch.wait(queue, timeout_ms)
    count = batch.wait(queue, 0)
    if not count and readable(_runtime.descriptor(queue), timeout_ms):
        count = batch.wait(queue, 0)
    return count


def readable(descriptor: int, timeout_ms: int) -> Any:
    """Waits for `descriptor` and says whether it is readable."""
    # eventlet has no poll, and neither has Windows; select cannot take descriptors above 1023.
    if not hasattr(select, "poll"):
        return select.select([descriptor], [], [], timeout_ms / 1000)[0]
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return poll.poll(timeout_ms)
