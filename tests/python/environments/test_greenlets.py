"""gevent and eventlet: a call that waits lets other greenlets run, and ends with its greenlet."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from edgequake_litellm.testing import Choice, LocalProvider, Reply

from . import programs


def patient(request: Any) -> Any:
    """No answer within a minute to those who ask to wait."""
    return Reply([Choice("late")], gap=60) if request.json["messages"][-1]["content"] == "wait" else None


WAITING = """
WAIT = [{"role": "user", "content": "wait"}]
def wait_for_an_answer():
    ask("wait")
def wait_for_a_chunk():
    text(litellm.completion(**{**arguments, "messages": WAIT}, stream=True))
"""


@pytest.mark.parametrize("late", [False, True], ids=["patched first", "imported first"])
def test_gevent(arguments: dict[str, Any], late: bool) -> None:
    pytest.importorskip("gevent", reason="gevent is not installed; the package does not need it")
    patch = "from gevent import monkey; monkey.patch_all()"
    with LocalProvider(responder=patient) as provider:
        lines = programs.run(
            ("ask()\n" + patch if late else "")
            + WAITING
            + """
import asyncio, gevent, io
litellm._turn_on_debug()  # Its thread is a greenlet too.
log = io.StringIO()
for handler in litellm.verbose_logger.handlers:
    handler.setStream(log)
waiting = [gevent.spawn(wait_for_a_chunk) for _ in range(5)]
while sum(greenlet.started for greenlet in waiting) < 5:
    gevent.sleep(0.001)
said = [gevent.spawn(ask, f"number {number}") for number in range(20)]
gevent.joinall(said, raise_error=True)
say([greenlet.value for greenlet in said] == [f"You said: number {number}" for number in range(20)])
say(text(litellm.completion(**arguments, stream=True)), [greenlet.dead for greenlet in waiting].count(False))
try:
    with gevent.Timeout(0.1):
        wait_for_a_chunk()
except gevent.Timeout:
    say("timeout")
say(gevent.get_hub().threadpool.apply(ask, ("in a thread",)))
say(asyncio.run(ask_async("in a loop")))
gevent.killall(waiting)
say("killed", "attempt 1 succeeded" in log.getvalue())
""",
            {**arguments, "api_base": provider.base_url},
            "-W",
            "ignore",
            first="" if late else patch,
        )
        assert lines == [
            "True",
            "You said: Say hello 5",
            "timeout",
            "You said: in a thread",
            "You said: in a loop",
            "killed True",
        ]
        assert provider.wait_disconnected(count=6)


def test_eventlet(arguments: dict[str, Any]) -> None:
    # Not imported here: from then on it would warn of each fork of this process.
    if importlib.util.find_spec("eventlet") is None:
        pytest.skip("eventlet is not installed; its makers advise against it for new programs")
    with LocalProvider(responder=patient) as provider:
        lines = programs.run(
            WAITING
            + """
waiting = [eventlet.spawn(wait_for_a_chunk) for _ in range(5)]
eventlet.sleep(0)
said = [eventlet.spawn(ask, f"number {number}") for number in range(20)]
say([greenlet.wait() for greenlet in said] == [f"You said: number {number}" for number in range(20)])
say(text(litellm.completion(**arguments, stream=True)), [greenlet.dead for greenlet in waiting].count(False))
for greenlet in waiting:
    greenlet.kill()
""",
            {**arguments, "api_base": provider.base_url},
            "-W",
            "ignore",
            first="import eventlet; eventlet.monkey_patch()",
        )
        assert lines == ["True", "You said: Say hello 5"]
        assert provider.wait_disconnected(count=5)
