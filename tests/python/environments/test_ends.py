"""Ctrl-C in every state of a call, and the ends of a program with calls in flight."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from edgequake_litellm.testing import Choice, LocalProvider, Reply

from . import programs

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the test sends signals as POSIX systems do")


@contextmanager
def connecting() -> Iterator[tuple[str, Callable[[], bool]]]:
    """A server whose backlog is full: the kernel lets the client wait for a connection."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(16):
            probe = stack.enter_context(socket.socket())
            probe.setblocking(False)
            probe.connect_ex(listener.getsockname())
        port = listener.getsockname()[1]
        before = _unanswered(port)
        yield f"http://127.0.0.1:{port}/v1", lambda: wait_until(lambda: _unanswered(port) > before, 30)


def _unanswered(port: int) -> int:
    """How many connections to `port` wait for an answer to their SYN."""
    table = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return sum(line.split()[2:4] == [f"0100007F:{port:04X}", "02"] for line in table)


def wait_until(condition: Callable[[], bool], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


@contextmanager
def shaking_hands() -> Iterator[tuple[str, Callable[[], bool]]]:
    """A server that takes the TLS client's first message and never answers."""
    came = threading.Event()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        held: list[socket.socket] = []

        def accept() -> None:
            held.append(listener.accept()[0])
            held[0].recv(1)
            came.set()

        thread = threading.Thread(target=accept)
        thread.start()
        yield "https://{}:{}/v1".format(*listener.getsockname()), lambda: came.wait(30)
        thread.join()
        held[0].close()


@contextmanager
def provided(script: Callable[[LocalProvider], object], ready: Callable[[LocalProvider], bool]) -> Any:
    with LocalProvider() as provider:
        script(provider)
        yield provider.base_url, lambda: ready(provider)
        assert provider.wait_idle()


def asked(provider: LocalProvider) -> bool:
    return provider.wait_requests(1, timeout=30)


STATES: dict[str, Callable[[], Any]] = {
    "connecting": connecting,
    "in the TLS handshake": shaking_hands,
    "waiting for the first byte": lambda: provided(lambda provider: provider.delay(60), asked),
    "in mid-stream": lambda: provided(lambda provider: provider.reply(chunks=["word "] * 100_000, gap=0.01), asked),
    "waiting to try again": lambda: provided(lambda provider: provider.error(503, "later", retry_after=60), asked),
}

WAYS = {
    "completion": "ask()",
    "a stream": "text(litellm.completion(**arguments, stream=True))",
    # Not in asyncio's debug mode: that reads source files, and an interrupt of it leaves one open.
    "asyncio.run": "asyncio.run(ask_async(), debug=False)",
    "a stream in asyncio.run": "asyncio.run(read(), debug=False)",
    "trio.run": "trio.run(ask_async)",
}


CASES = [(state, way) for state in STATES for way in WAYS if state != "in mid-stream" or "stream" in way]


@pytest.mark.parametrize(("state", "way"), CASES)
def test_ctrl_c(arguments: dict[str, Any], state: str, way: str) -> None:
    if "trio" in way:
        pytest.importorskip("trio", reason="trio is not installed; the package does not need it")
    if state == "connecting" and not sys.platform.startswith("linux"):
        pytest.skip("only Linux shows in /proc that a connection is being made, and drops it where a backlog is full")
    with STATES[state]() as (address, ready):
        process = programs.start(
            f"""
            import asyncio{", trio" if "trio" in way else ""}
            async def read():
                async for _ in await litellm.acompletion(**arguments, stream=True):
                    pass
            arguments["timeout"] = 120
            try:
                say("ready")
                {WAYS[way]}
            except KeyboardInterrupt:
                say("interrupted")
            """,
            {**arguments, "api_base": address},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert ready()
        process.send_signal(signal.SIGINT)
        assert programs.finish(process, timeout=20) == ["interrupted"]


ENDS = {
    # A stream that nobody reads is held back when the queue is full.
    "Ctrl-C while a stream is paused": ("time.sleep(60)", signal.SIGINT, 5),
    "sys.exit in a handler during a call": ("ask('wait')", signal.SIGUSR1, 3),
    "os._exit in a handler": ("ask('wait')", signal.SIGUSR2, 4),
    "SIGTERM": ("ask('wait')", signal.SIGTERM, -signal.SIGTERM),
    "SIGTERM in asyncio.run": ("asyncio.run(ask_async('wait'))", signal.SIGTERM, -signal.SIGTERM),
    "sys.exit in a handler under asyncio.run": ("asyncio.run(ask_async('wait'))", signal.SIGUSR1, 3),
}


@pytest.mark.parametrize("name", ENDS)
def test_ends_with_calls_in_flight(arguments: dict[str, Any], name: str) -> None:
    work, sent, code = ENDS[name]

    async def answer(request: Any) -> Reply:
        if request.json["messages"][-1]["content"] == "wait":
            # The program must still wait when it is ended, however late the signal comes.
            await asyncio.sleep(3600)
        return Reply([Choice(chunks=["word " * 1000] * 800)])

    with LocalProvider(responder=answer) as provider:
        process = programs.start(
            f"""
            import asyncio, signal
            signal.signal(signal.SIGUSR1, lambda *_: sys.exit(3))
            signal.signal(signal.SIGUSR2, lambda *_: os._exit(4))
            streams = [litellm.completion(**arguments, stream=True) for _ in range(5)]
            for stream in streams:
                next(stream)
            def read():
                for _ in litellm.completion(**arguments, stream=True):
                    time.sleep(0.01)
            threading.Thread(target=read, daemon=True).start()
            try:
                say("ready")
                {work}
            except KeyboardInterrupt:
                sys.exit(5)
            """,
            {**arguments, "api_base": provider.base_url},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert provider.wait_requests(6 if "paused" in name else 7, timeout=30)
        process.send_signal(sent)
        assert programs.finish(process, code, timeout=20) == []
        assert provider.wait_idle()
