"""Forked children, and what the standard library makes of them, while the parent is in the middle of its calls."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from edgequake_litellm.testing import Choice, LocalProvider, Reply

from . import programs
from .programs import FORKS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")

PIECES = [f"{number} " for number in range(40)]

STATUS = """
def status(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


def slow_streams(request: Any) -> Any:
    """Streams of PIECES that take a while; other requests are answered at once."""
    return Reply([Choice(chunks=PIECES)], gap=0.02) if request.json["messages"][-1]["content"] == "count" else None


COUNT = '[{"role": "user", "content": "count"}]'


# How the child ends. The last one runs the finalizers of all that it has from the parent.
@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)"])
def test_fork_while_a_hundred_streams_are_open(arguments: dict[str, Any], end: str) -> None:
    with LocalProvider(responder=slow_streams) as provider:
        lines = programs.run(
            STATUS
            + f"""
counting = {{**arguments, "messages": {COUNT}}}
streams = [litellm.completion(**counting, stream=True) for _ in range(100)]
firsts = [text([next(stream)]) for stream in streams]
pid = os.fork()
if pid == 0:
    say(ask("in the child"))
    say(text(litellm.completion(**counting, stream=True)) == "".join({PIECES!r}))
    try:
        next(streams[0])
        while True:
            next(streams[0])
    except litellm.APIConnectionError as error:
        say("before the process forked" in str(error))
    for stream in streams[:50]:
        stream.close()
    {end}
say(ask("in the parent"))
whole = sum(first + text(stream) == "".join({PIECES!r}) for first, stream in zip(firsts, streams))
say("child", status(pid), "whole", whole)
""",
            {**arguments, "api_base": provider.base_url},
            *FORKS,
        )
        assert sorted(lines) == [
            "True",
            "True",
            "You said: in the child",
            "You said: in the parent",
            "child 0 whole 100",
        ]


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_fork_in_a_running_loop_with_a_hundred_streams(arguments: dict[str, Any], loop: str) -> None:
    pytest.importorskip(loop, reason=f"{loop} is not installed; the package does not need it")
    with LocalProvider(responder=slow_streams) as provider:
        lines = programs.run(
            STATUS
            + f"""
import asyncio, {loop}
counting = {{**arguments, "messages": {COUNT}}}
whole = []
started = []

async def read():
    stream = await litellm.acompletion(**counting, stream=True)
    pieces = []
    async for chunk in stream:
        pieces.append(chunk)
        if len(pieces) == 2:
            started.append(1)
    whole.append(text(pieces) == "".join({PIECES!r}))

def fork():
    pid = os.fork()
    if pid == 0:
        say(ask("in the child"))
        say(asyncio.run(ask_async("in the child's loop")))
        os._exit(0)
    return pid

async def under_asyncio():
    tasks = [asyncio.ensure_future(read()) for _ in range(100)]
    while len(started) < 100:
        await asyncio.sleep(0.001)
    pid = fork()
    await asyncio.gather(*tasks)
    say("child", status(pid), "whole", sum(whole))

async def under_trio():
    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(read)
        while len(started) < 100:
            await trio.sleep(0.001)
        pid = fork()
    say("child", status(pid), "whole", sum(whole))

{loop}.run(under_{loop}{"()" if loop == "asyncio" else ""})
""",
            {**arguments, "api_base": provider.base_url},
            *FORKS,
        )
        assert lines == ["You said: in the child", "You said: in the child's loop", "child 0 whole 100"]


def test_children_have_ids_of_their_own(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    """A provider answers a request whose idempotency key it knows with the answer to the first one."""
    lines = programs.run(
        STATUS
        + """
def work():
    ask()
    say(litellm.completion(**arguments, mock_response="x").id)
work()
children = []
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    children.append(pid)
work()
say(sum(map(status, children)))
""",
        arguments,
        *FORKS,
    )
    assert "0" in lines
    keys = [request.headers["idempotency-key"] for request in local_provider.requests]
    assert (len(keys), len(set(keys))) == (6, 6)
    ids = [line for line in lines if line.startswith("chatcmpl-")]
    assert len(set(ids)) == len(ids) == 6


def test_a_child_logs_its_own_calls(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    for _ in range(3):
        local_provider.error(500, "again", retry_after=0)
        local_provider.reply("done")
    lines = programs.run(
        STATUS
        + """
import logging
came = threading.Event()
class Keep(logging.Handler):
    def emit(self, record):
        if "retr" in record.getMessage().lower() or "again" in record.getMessage().lower():
            came.set()
logging.getLogger("LiteLLM").addHandler(Keep())
litellm._turn_on_debug()
def logs(who):
    came.clear()
    ask()
    say(who, "logged", came.wait(30))
logs("parent")
threads = threading.active_count()
pid = os.fork()
if pid == 0:
    say("threads of the child before its first call:", threading.active_count())
    logs("child")
    os._exit(0)
say("exit", status(pid))
logs("parent")
""",
        arguments,
        *FORKS,
    )
    assert lines == [
        "parent logged True",
        "threads of the child before its first call: 1",
        "child logged True",
        "exit 0",
        "parent logged True",
    ]


def test_a_fork_waits_for_another_thread_that_opens_the_library(arguments: dict[str, Any]) -> None:
    """In the child nobody would open the rest of it, nor give back the lock."""
    lines = programs.run(
        STATUS
        + """
from edgequake_litellm import _native
opening, go_on = threading.Event(), threading.Event()
open_library = _native._open
def slowly(ffi):
    opening.set()
    go_on.wait(30)
    return open_library(ffi)
_native._open = slowly
thread = threading.Thread(target=lambda: say("in the parent:", ask()))
thread.start()
opening.wait(30)
threading.Timer(0.2, go_on.set).start()
pid = os.fork()
if pid == 0:
    say("in the child:", ask())
    os._exit(0)
say("exit", status(pid))
thread.join()
""",
        arguments,
        *FORKS,
    )
    assert sorted(lines) == ["exit 0", "in the child: You said: Say hello", "in the parent: You said: Say hello"]


WORKERS = (
    "import multiprocessing\nfrom concurrent.futures import ProcessPoolExecutor\n"
    + programs.PREAMBLE
    + f"""
def stream(content):
    return text(litellm.completion(**{{**arguments, "messages": [{{"role": "user", "content": content}}]}}, stream=True))

def refused(content):
    litellm.completion(**{{**arguments, "model": "openai/no-such-model"}})

if __name__ == "__main__":
    counting = {{**arguments, "messages": {COUNT}}}
    open_stream = litellm.completion(**counting, stream=True)
    context = multiprocessing.get_context(sys.argv[1])
    numbers = [f"number {{number}}" for number in range(8)]
    expected = [f"You said: {{number}}" for number in numbers]
    with context.Pool(2) as pool:
        say(pool.map(ask, numbers) == expected, pool.map(stream, numbers) == expected)
        try:
            pool.apply(refused, ("x",))
        except litellm.NotFoundError as error:
            say(type(error).__name__, error.status_code)
        pool.close()
        pool.join()
    # PyPy 3.9's own is broken where processes are not forked: it calls a method that it does not have.
    if sys.argv[1] == "fork" or sys.implementation.name != "pypy":
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            assert list(pool.map(ask, numbers)) == expected
    process = context.Process(target=ask)
    process.start()
    process.join()
    say("exit", process.exitcode, text(open_stream) == "".join({PIECES!r}))
"""
)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(tmp_path: Path, arguments: dict[str, Any], method: str) -> None:
    program = tmp_path / "workers.py"
    program.write_text(WORKERS, encoding="utf-8")
    with LocalProvider(responder=slow_streams, models=["gpt-4o"]) as provider:
        lines = programs.finish(
            programs.start_file(program, {**arguments, "api_base": provider.base_url}, *FORKS, argv=[method])
        )
    assert lines == ["True True", "NotFoundError 404", "exit 0 True"]
