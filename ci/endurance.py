"""Runs what takes too long for a test: whether memory, descriptors and threads stay what they are, over a hundred thousand calls.

    python ci/endurance.py [--scale 0.1] [PHASE …]

Each phase runs in a process of its own, against a server in another one, and prints what it measured beside what is allowed;
the exit status is 1 where something is more. Memory is the slope of a line through the resident sizes after the first
quarter, so that what is built once (pools, tables, arenas) does not count. Linux only: it reads /proc. It takes some three
minutes on two cores; with less than half of the calls memory is only told, since then the warm-up is most of it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Callable

import edgequake_litellm as litellm

PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20

# Points of the line that memory is fitted to; the first quarter of them is warm-up.
POINTS = 40


# The server.

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


def event(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    """One chunk of a stream as it goes over the wire."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o",
        "choices": [choice],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def whole(status: str, value: Any) -> bytes:
    body = json.dumps(value).encode()
    return f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
PIECE = event({"content": "Hello "})
END = event({}, "stop") + b"data: [DONE]\n\n"
OK = whole("200 OK", ANSWER)
FAILED = whole("500 Internal Server Error", {"error": {"message": "The server is on fire.", "type": "server_error"}})


class Server:
    """Answers by the name of the model; `endless` and `held` are streams that never end, and streams that end when told to."""

    def __init__(self) -> None:
        self.sent = 0
        self.held = 0
        self.release = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self.answer(reader, writer):
                pass
        writer.close()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET /counts"):
            writer.write(whole("200 OK", {"sent": self.sent, "held": self.held}))
            return True
        if head.startswith(b"GET /release"):
            self.release.set()
            writer.write(whole("200 OK", {}))
            return True
        fields = (line.split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
        length = next(int(value) for name, value in fields if name.lower() == b"content-length")
        model = json.loads(await reader.readexactly(length))["model"]
        if model == "ok":
            writer.write(OK)
            return True
        if model == "fails":
            writer.write(FAILED)
            return True
        writer.write(STREAM)
        if model == "stream":
            writer.write(PIECE * 5 + END)
        elif model == "slow":
            writer.write(PIECE)
            await asyncio.wait_for(reader.read(1), 60)
        elif model == "endless":
            while True:
                writer.write(PIECE * 64)
                self.sent += len(PIECE) * 64
                await writer.drain()
        elif model == "held":
            writer.write(PIECE)
            self.held += 1
            await self.release.wait()
            writer.write(PIECE + END)
        await writer.drain()
        return False


async def serve() -> None:
    raise_limit()
    server = await asyncio.start_server(Server().serve, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


@contextmanager
def a_server() -> Iterator[int]:
    """The port of a server in another process."""
    process = subprocess.Popen([sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait()


def ask(port: int, path: str) -> Any:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path)
    value = json.load(connection.getresponse())
    connection.close()
    return value


# What is measured.


def raise_limit() -> int:
    """As many descriptors as this user may have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * PAGE


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def slope(points: list[tuple[int, int]]) -> float:
    """Of the line with the least squares: bytes a call."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


class Report:
    """What a phase measured, line by line."""

    def __init__(self, phase: str, judges_memory: bool) -> None:
        self.phase, self.judges_memory, self.failed = phase, judges_memory, False

    def line(self, what: str, measured: float, allowed: float, unit: str) -> None:
        judged = self.judges_memory or not what.startswith("memory")
        self.failed |= judged and measured > allowed
        verdict = "not judged" if not judged else "TOO MUCH" if measured > allowed else "ok"
        told = f"{self.phase:<14} {what:<34} {measured:>10.1f} {unit:<9} allowed {allowed:>7.1f}  {verdict}"
        print(told, flush=True)


def settled(count: Callable[[], int], expected: int) -> int:
    """The count, once what ends in the background has ended: at most ten seconds."""
    until = time.monotonic() + 10
    while count() > expected and time.monotonic() < until:
        gc.collect()
        time.sleep(0.05)
    return count()


def steady(report: Report, total: int, allowed: float, run: Callable[[int], None], at_once: int = 1) -> None:
    """Runs `total` calls in portions, `at_once` of them side by side, and reports what each of them left behind."""
    portion = max(total // POINTS, 1)
    points: list[tuple[int, int]] = []
    run(portion)
    before_descriptors, before_threads = descriptors(), threads()
    started = time.monotonic()
    for point in range(POINTS):
        run(portion)
        gc.collect()
        points.append(((point + 1) * portion, resident()))
        if sys.stderr.isatty():
            print(f"\r{report.phase}: {point + 1}/{POINTS}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    # A pool keeps as many connections, and as many threads, as were ever needed side by side.
    rate = portion * POINTS / (time.monotonic() - started)
    report.line(f"memory, of {portion * POINTS} at {rate:.0f}/s", slope(points[POINTS // 4 :]), allowed, "B a call")
    report.line(
        "descriptors more than before", settled(descriptors, before_descriptors) - before_descriptors, at_once, ""
    )
    report.line("threads more than before", settled(threads, before_threads) - before_threads, at_once, "")


# The phases.

MESSAGES = [{"role": "user", "content": "Hello"}]
THREADS = 8
TASKS = 64


def arguments(port: int, model: str) -> dict[str, Any]:
    base = f"http://127.0.0.1:{port}/v1"
    return {
        "model": f"openai/{model}",
        "messages": MESSAGES,
        "api_base": base,
        "api_key": "test",
        "num_retries": 0,
        "timeout": 60,
    }


def in_threads(one: Callable[[int], None]) -> Callable[[int], None]:
    pool = ThreadPoolExecutor(THREADS)

    def run(count: int) -> None:
        for _ in pool.map(one, range(count)):
            pass

    return run


def in_a_loop(one: Callable[[int], Awaitable[None]], loop: asyncio.AbstractEventLoop) -> Callable[[int], None]:
    async def all_of(count: int) -> None:
        gate = asyncio.Semaphore(TASKS)

        async def gated(number: int) -> None:
            async with gate:
                await one(number)

        await asyncio.gather(*(gated(number) for number in range(count)))

    def run(count: int) -> None:
        loop.run_until_complete(all_of(count))

    return run


def calls(port: int, scale: float, report: Report) -> None:
    """100,000 calls from eight threads."""

    def one(_: int) -> None:
        assert litellm.completion(**arguments(port, "ok")).choices[0].message.content == "Hello"

    steady(report, int(100_000 * scale), 10, in_threads(one), THREADS)


def streams(port: int, scale: float, report: Report) -> None:
    """10,000 streams, each second one dropped after its first chunk."""

    def one(number: int) -> None:
        chunks = iter(litellm.completion(**arguments(port, "stream"), stream=True))
        next(chunks)
        if number % 2:
            assert sum(1 for _ in chunks) >= 5

    steady(report, int(10_000 * scale), 50, in_threads(one), THREADS)


def errors(port: int, scale: float, report: Report) -> None:
    """10,000 calls that fail: by the server, by a refused connection, by a request that is none."""

    kinds: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"model": "openai/fails"}, litellm.InternalServerError),
        ({"api_base": "http://127.0.0.1:9/v1"}, litellm.APIConnectionError),
        ({"messages": "none"}, litellm.BadRequestError),
    ]

    def one(number: int) -> None:
        wrong, expected = kinds[number % 3]
        try:
            litellm.completion(**{**arguments(port, "ok"), **wrong})
        except expected:
            return
        raise AssertionError(f"no error of {wrong}")

    steady(report, int(10_000 * scale), 50, in_threads(one), THREADS)


def cancelled(port: int, scale: float, report: Report) -> None:
    """10,000 asynchronous calls, of which two in three are cancelled: at once, and in the middle of a stream."""
    loop = asyncio.new_event_loop()

    async def one(number: int) -> None:
        kind = number % 3
        if kind == 0:
            await litellm.acompletion(**arguments(port, "ok"))
            return
        if kind == 1:
            task = asyncio.ensure_future(litellm.acompletion(**arguments(port, "ok")))
            for _ in range(number % 7):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            return
        stream = await litellm.acompletion(**arguments(port, "slow"), stream=True)
        async for _ in stream:
            await stream.aclose()
            break

    steady(report, int(10_000 * scale), 50, in_a_loop(one, loop), TASKS)
    loop.close()


def backpressure(port: int, scale: float, report: Report) -> None:
    """Twenty readers that sleep while the server has a gigabyte for each: TCP stops it, and memory does not grow."""
    readers = 20
    for _ in range(3):
        stream = iter(litellm.completion(**arguments(port, "endless"), stream=True))
        next(stream)
        del stream
    gc.collect()
    time.sleep(0.2)
    before, sent = resident(), ask(port, "/counts")["sent"]
    held = [iter(litellm.completion(**arguments(port, "endless"), stream=True)) for _ in range(readers)]
    for stream in held:
        next(stream)
    time.sleep(max(5 * scale, 1))
    report.line("memory while the readers sleep", (resident() - before) / readers / MIB, 4, "MiB each")
    first = ask(port, "/counts")["sent"]
    time.sleep(1)
    # What the buffers of two kernels take is all that a server can get rid of.
    report.line("taken from the server in all", (first - sent) / readers / MIB, 16, "MiB each")
    report.line("taken from it in another second", (ask(port, "/counts")["sent"] - first) / MIB, 0, "MiB")
    held.clear()
    gc.collect()


def many(port: int, scale: float, report: Report) -> None:
    """10,000 streams open at once in one event loop, all of which end."""
    room = raise_limit() - 200
    count = min(int(10_000 * scale), room)

    async def run() -> None:
        opened, before = 0, resident()

        async def one() -> int:
            nonlocal opened
            stream = await litellm.acompletion(**arguments(port, "held"), stream=True)
            pieces = 0
            async for chunk in stream:
                if chunk.choices[0].delta.content:
                    pieces += 1
                    opened += pieces == 1
            return pieces

        tasks = []
        for start in range(0, count, 500):
            tasks += [asyncio.ensure_future(one()) for _ in range(min(500, count - start))]
            while opened < len(tasks):
                await asyncio.sleep(0.01)
                for task in tasks:
                    if task.done():
                        task.result()
        report.line(f"memory with {count} streams open", (resident() - before) / count / 1000, 40, "kB each")
        await asyncio.to_thread(ask, port, "/release")
        report.line("streams without their end", sum(pieces != 2 for pieces in await asyncio.gather(*tasks)), 0, "")

    asyncio.run(run())


def interpreters(port: int, scale: float, report: Report) -> None:
    """1,000 event loops, one after the other, each with a call."""

    async def one() -> None:
        await litellm.acompletion(**arguments(port, "ok"))

    def run(count: int) -> None:
        for _ in range(count):
            asyncio.run(one())

    steady(report, int(1_000 * scale), 500, run)


def new_threads(port: int, scale: float, report: Report) -> None:
    """5,000 threads, one after the other, each with a call."""

    def one() -> None:
        litellm.completion(**arguments(port, "ok"))

    def run(count: int) -> None:
        for _ in range(count):
            thread = threading.Thread(target=one)
            thread.start()
            thread.join()

    steady(report, int(5_000 * scale), 50, run)


PHASES: dict[str, Callable[[int, float, Report], None]] = {
    "calls": calls,
    "streams": streams,
    "errors": errors,
    "cancelled": cancelled,
    "event-loops": interpreters,
    "threads": new_threads,
    "backpressure": backpressure,
    "many-streams": many,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("phases", nargs="*", metavar="PHASE", help=f"of {', '.join(PHASES)} (default: all)")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="the share of the calls to make (default: %(default)s)"
    )
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve())
    unknown = [phase for phase in given.phases if phase not in PHASES]
    if unknown:
        parser.error(f"no phase is called {unknown[0]}; there are {', '.join(PHASES)}")
    phases = given.phases or list(PHASES)
    if given.here:
        report = Report(phases[0], given.scale >= 0.5)
        with a_server() as port:
            PHASES[phases[0]](port, given.scale, report)
        return int(report.failed)
    if not Path("/proc/self/statm").exists():
        parser.error("this reads /proc, which only Linux has")
    command = [sys.executable, __file__, "--scale", str(given.scale), "--here"]
    return max(subprocess.run([*command, phase], check=False).returncode != 0 for phase in phases)


if __name__ == "__main__":
    sys.exit(main())
