"""What ends a program or a wait from outside: Ctrl-C, exit with calls in flight, fork, exceptions sent to threads."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import Any

import pytest

import edgequake_litellm as litellm
from edgequake_litellm.testing import LocalProvider

from .conftest import run_python, start_python, wait_until

posix = pytest.mark.skipif(os.name != "posix", reason="the test sends signals, or forks, as POSIX systems do")

# F8 allows the wait 100 ms; the rest is for the interpreter, the sockets, and a machine that does other things too.
PROMPT = 1.0


def interrupt(process: subprocess.Popen[str]) -> tuple[float, str, str]:
    """Sends Ctrl-C; returns how long the process then took to end, and what it said."""
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    return time.monotonic() - started, out, err


@posix
@pytest.mark.parametrize(
    "call", ["litellm.completion(**arguments)", "next(litellm.completion(**arguments, stream=True))"]
)
def test_f8_ctrl_c_ends_a_call(local_provider: LocalProvider, arguments: dict[str, Any], call: str) -> None:
    local_provider.delay(60)
    process = start_python(
        f"""
        import edgequake_litellm as litellm
        arguments = {arguments!r}
        try:
            {call}
        except KeyboardInterrupt:
            print("interrupted")
        """
    )
    assert local_provider.wait_requests(1, timeout=20)
    time.sleep(0.1)
    took, out, err = interrupt(process)
    assert (out, err, process.returncode) == ("interrupted\n", "", 0)
    assert took < PROMPT
    assert local_provider.wait_disconnected()


@posix
def test_f8_ctrl_c_ends_the_wait_for_a_chunk(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=["one", "two"], gap=60)
    process = start_python(
        f"""
        import edgequake_litellm as litellm
        stream = litellm.completion(**{arguments!r}, stream=True)
        try:
            list(stream)
        except KeyboardInterrupt:
            print("interrupted")
        try:
            print(next(stream, "the end"))
        except litellm.APIConnectionError as error:
            print(error)
        """
    )
    assert local_provider.wait_requests(1, timeout=20)
    time.sleep(0.3)
    took, out, err = interrupt(process)
    assert out.startswith("interrupted\n")
    assert "the wait for it was interrupted" in out, "the rest is missing, and must not look like an end"
    assert (err, process.returncode) == ("", 0)
    assert took < PROMPT
    assert local_provider.wait_disconnected()


@posix
def test_f8_ctrl_c_ends_asyncio_run(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.delay(60)
    process = start_python(
        f"""
        import asyncio
        import edgequake_litellm as litellm
        try:
            asyncio.run(litellm.acompletion(**{arguments!r}))
        except KeyboardInterrupt:
            print("interrupted")
        """
    )
    assert local_provider.wait_requests(1, timeout=20)
    time.sleep(0.1)
    took, out, err = interrupt(process)
    assert (out, err, process.returncode) == ("interrupted\n", "", 0)
    assert took < PROMPT
    assert local_provider.wait_disconnected()


@posix
def test_a_signal_handler_runs_while_a_call_waits(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    """A handler that does not raise ends nothing: the call goes on to its answer."""
    local_provider.delay(0.5)
    seen: list[float] = []
    started = time.monotonic()
    previous = signal.signal(signal.SIGALRM, lambda *_: seen.append(time.monotonic() - started))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        assert litellm.completion(**arguments).choices[0].message.content == "You said: Say hello"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert len(seen) == 1
    assert seen[0] < 0.4, "it ran when the call was over"


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="PyThreadState_SetAsyncExc is CPython's")
def test_an_exception_sent_to_a_thread_ends_its_call(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    import ctypes

    class Enough(BaseException):
        pass

    local_provider.delay(60)
    ended: list[str] = []

    def work() -> None:
        try:
            litellm.completion(**arguments)
        except Enough:
            ended.append("enough")

    thread = threading.Thread(target=work)
    thread.start()
    assert local_provider.wait_requests(1)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Enough))
    thread.join(10)
    assert ended == ["enough"]
    assert local_provider.wait_disconnected()


# Exit ----------------------------------------------------------------------------------------------------------------------

EXITS = {
    "a stream that is kept": """
        stream = litellm.completion(**arguments, stream=True)
        next(stream)
        """,
    "a hundred streams": """
        streams = [litellm.completion(**arguments, stream=True) for _ in range(100)]
        for stream in streams:
            next(stream)
        """,
    "a stream in a cycle": """
        stream = litellm.completion(**arguments, stream=True)
        stream.me = stream
        next(stream)
        del stream
        """,
    "daemon threads that read": """
        import threading, time
        def read():
            for chunk in litellm.completion(**arguments, stream=True):
                pass
        for _ in range(5):
            threading.Thread(target=read, daemon=True).start()
        time.sleep(0.3)
        """,
    "daemon threads that wait": """
        import threading, time
        waiting = {**arguments, "messages": [{"role": "user", "content": "wait"}]}
        for _ in range(5):
            threading.Thread(target=lambda: litellm.completion(**waiting), daemon=True).start()
        time.sleep(0.3)
        """,
    "an asynchronous stream": """
        import asyncio
        async def main():
            stream = await litellm.acompletion(**arguments, stream=True)
            await stream.__anext__()
            return stream
        stream = asyncio.run(main())
        """,
    "a task that is never awaited": """
        import asyncio
        async def main():
            waiting = {**arguments, "messages": [{"role": "user", "content": "wait"}]}
            asyncio.ensure_future(litellm.acompletion(**waiting))
            await asyncio.sleep(0.2)
        asyncio.run(main())
        """,
    "sys.exit in the loop": """
        import sys
        for chunk in litellm.completion(**arguments, stream=True):
            sys.exit(0)
        """,
}


@pytest.mark.parametrize("name", EXITS)
def test_f9_exit_with_calls_in_flight_is_silent_and_quick(arguments: dict[str, Any], name: str) -> None:
    def slow(request: Any) -> Any:
        from edgequake_litellm.testing import Choice, Reply

        waits = request.json["messages"][-1]["content"] == "wait"
        return Reply([Choice(chunks=["word "] * 10_000)], gap=60 if waits else 0.01)

    with LocalProvider(responder=slow) as provider:
        preamble = f"""
            import atexit, time
            import edgequake_litellm as litellm
            arguments = {{**{arguments!r}, "api_base": {provider.base_url!r}}}
            atexit.register(lambda: print(time.time()))
            """
        out = run_python(textwrap.dedent(preamble) + textwrap.dedent(EXITS[name]))
        assert time.time() - float(out) < PROMPT
        assert wait_until(lambda: provider.open_connections == 0)


# Fork ----------------------------------------------------------------------------------------------------------------------


def in_child(work: Any) -> str:
    """Runs `work` in a forked child; returns what it returned there. A child that hangs or dies fails the test."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(read)
            os.write(write, str(work()).encode())
            status = 0
        except BaseException as error:
            os.write(write, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(status)
    os.close(write)
    deadline = time.monotonic() + 10
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise AssertionError("the child hangs")
        time.sleep(0.01)
    with os.fdopen(read) as pipe:
        return pipe.read()


# Python 3.12 warns of fork in a process with threads, which is what is tested here.
forks = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


@posix
@forks
def test_f7_a_child_makes_calls_of_its_own(arguments: dict[str, Any]) -> None:
    def ask() -> Any:
        return litellm.completion(**arguments).choices[0].message.content

    assert ask() == "You said: Say hello"
    assert in_child(ask) == "You said: Say hello"
    assert in_child(lambda: in_child(ask)) == "You said: Say hello"
    assert ask() == "You said: Say hello"


@posix
@forks
def test_f7_a_child_makes_asynchronous_calls_of_its_own(arguments: dict[str, Any]) -> None:
    import asyncio

    async def ask() -> Any:
        return (await litellm.acompletion(**arguments)).choices[0].message.content

    def run() -> Any:
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(ask())
        finally:
            loop.close()

    assert run() == "You said: Say hello"
    assert in_child(run) == "You said: Say hello"


@posix
@forks
def test_f7_a_stream_stays_with_the_parent(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    pieces = [f"{number} " for number in range(50)]
    local_provider.reply(chunks=pieces, gap=0.01)
    stream = litellm.completion(**arguments, stream=True)
    next(stream)

    def read() -> str:
        try:
            return str(len(list(stream)))
        except litellm.APIConnectionError as error:
            return str(error)

    assert "before the process forked" in in_child(read)
    assert in_child(stream.close) == "None"
    assert [chunk.choices[0].delta.content for chunk in stream if chunk.choices[0].delta.content] == pieces


@posix
@forks
def test_f7_fork_while_other_threads_call(arguments: dict[str, Any]) -> None:
    stop = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while not stop.is_set():
                litellm.completion(**arguments)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            assert in_child(lambda: litellm.completion(**arguments).choices[0].message.content) == "You said: Say hello"
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []


def _ask_in_pool(arguments: dict[str, Any]) -> str:
    content: str = litellm.completion(**arguments).choices[0].message.content
    return content


@posix
@forks
def test_f7_multiprocessing_pool(arguments: dict[str, Any]) -> None:
    litellm.completion(**arguments)
    with multiprocessing.get_context("fork").Pool(3) as pool:
        assert pool.map(_ask_in_pool, [arguments] * 12) == ["You said: Say hello"] * 12
