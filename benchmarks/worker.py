"""One measurement of one contender, in a process of its own: a job as JSON on stdin, the result as JSON on stdout.

It runs in the contender's venv, so it uses the standard library only. Every metric does what a program would do with the
answer: it reads the text (of each chunk, of the whole answer) and checks its length, so that a contender that decodes
lazily pays for the decoding and one that drops a chunk fails instead of winning.
"""

from __future__ import annotations

import time

STARTED = time.perf_counter()

# No other imports here, and the rest where they are used: what the worker has imported, the contender would get for free.
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

# Long enough for the lazy imports, the connection pool and the thread pools of every contender to be there.
WARM_UP_CALLS = 20
WARM_UP_SECONDS = 0.3

# Long enough that reading the clocks costs nothing beside it, short enough that both kinds see the same machine.
CALLS_IN_A_TURN = 20


def resident_bytes() -> int:
    """The resident memory of this process."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:  # not Linux
        import subprocess

        return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(os.getpid())])) * 1024


class Clock:
    """Wall time and CPU time (user and system, all threads) since it was made."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def result(self, count: int) -> dict:
        cpu, wall = time.process_time() - self.cpu, time.perf_counter() - self.wall
        return {"count": count, "wall_s": wall, "cpu_s": cpu}


class Worker:
    def __init__(self, job: dict) -> None:
        self.job = job
        self.seconds: float = job["seconds"]
        self.text_length: int = job["text_length"]
        sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "contenders"))
        self.contender = __import__(job["adapter"]).Contender(job)

    # What a program does with an answer.

    def call(self) -> None:
        self.check(len(self.contender.call()))

    async def acall(self) -> None:
        self.check(len(await self.contender.acall()))

    def embed(self) -> None:
        vector = self.contender.embed()
        if len(vector) != self.job["embedding_length"] or not isinstance(vector[0], float):
            raise SystemExit(f"not the vector that was sent: {len(vector)} numbers")

    # Chunks are counted as the server sent them, not here: a contender that merges or adds some must not look better for it.

    def read(self, stream) -> None:
        length = 0
        for chunk in stream:
            choices = chunk.choices
            if choices:  # a usage chunk has none
                length += len(choices[0].delta.content or "")
        self.check(length)

    async def aread(self, stream) -> None:
        length = 0
        async for chunk in await stream:
            choices = chunk.choices
            if choices:  # a usage chunk has none
                length += len(choices[0].delta.content or "")
        self.check(length)

    def check(self, length: int) -> None:
        if length != self.text_length:
            raise SystemExit(f"the text has {length} characters, not {self.text_length}")

    # The metrics.

    def measure_call(self) -> dict:
        return self.repeat(self.call)

    def measure_cold(self) -> dict:
        """What a program that makes one call waits for, from before the import: a package may do its loading at the first call."""
        if hasattr(self.contender, "call"):
            self.call()
        else:
            run(self.acall())
        return {"cold_s": time.perf_counter() - STARTED}

    def measure_embed(self) -> dict:
        return self.repeat(self.embed)

    def measure_route(self) -> dict:
        """Calls through a router and, in turns, calls without: what the router adds is too little to compare two processes."""
        routed, plain = {"count": 0, "wall_s": 0.0, "cpu_s": 0.0}, {"count": 0, "wall_s": 0.0, "cpu_s": 0.0}
        turns = [(routed, lambda: self.check(len(self.contender.route()))), (plain, self.call)]
        for _, action in turns:
            self.warm_up(action)
        # Twice as long as others, so that each of the two is measured as long as they are.
        started = time.perf_counter()
        while time.perf_counter() - started < 2 * self.seconds:
            for total, action in turns:
                clock = Clock()
                for _ in range(CALLS_IN_A_TURN):
                    action()
                for key, amount in clock.result(CALLS_IN_A_TURN).items():
                    total[key] += amount
        return {**routed, "plain_count": plain["count"], "plain_cpu_s": plain["cpu_s"]}

    def measure_choose(self) -> dict:
        return self.repeat(lambda: self.known(self.contender.choose()))

    def known(self, deployment: str) -> None:
        if not deployment.startswith("deployment-"):
            raise SystemExit(f"no deployment: {deployment!r}")

    def repeat(self, action) -> dict:
        self.warm_up(action)
        clock, count = Clock(), 0
        while time.perf_counter() - clock.wall < self.seconds:
            action()
            count += 1
        return clock.result(count)

    def warm_up(self, action) -> None:
        deadline, count = time.perf_counter() + WARM_UP_SECONDS, 0
        while count < WARM_UP_CALLS or time.perf_counter() < deadline:
            action()
            count += 1

    def measure_stream(self) -> dict:
        self.read(self.contender.stream())  # a thousand chunks warm what there is to warm
        clock, streams = Clock(), 0
        while time.perf_counter() - clock.wall < self.seconds:
            self.read(self.contender.stream())
            streams += 1
        return clock.result(streams * self.job["chunks"])

    def measure_first_chunk(self) -> dict:
        def once() -> float:
            started, first = time.perf_counter(), 0.0
            for chunk in self.contender.stream():
                if not first and chunk.choices and chunk.choices[0].delta.content:
                    first = time.perf_counter() - started
            return first

        self.warm_up(once)
        deadline, delays = time.perf_counter() + self.seconds, []
        while time.perf_counter() < deadline:
            delays.append(once())
        return self.median_delay(delays)

    def median_delay(self, delays: list[float]) -> dict:
        return {"first_chunk_s": sorted(delays)[len(delays) // 2], "count": len(delays)}

    async def measure_acall(self) -> dict:
        import asyncio

        concurrency = self.job["concurrency"]

        async def until(deadline: float, least: int) -> int:
            count = 0
            while time.perf_counter() < deadline or count < least:
                await self.acall()
                count += 1
            return count

        async def together(seconds: float, least: int) -> int:
            deadline = time.perf_counter() + seconds
            return sum(await asyncio.gather(*(until(deadline, least) for _ in range(concurrency))))

        await together(WARM_UP_SECONDS, 1 + WARM_UP_CALLS // concurrency)
        clock = Clock()
        return clock.result(await together(self.seconds, 1))

    async def measure_astream(self) -> dict:
        await self.aread(self.contender.astream())
        clock, streams = Clock(), 0
        while time.perf_counter() - clock.wall < self.seconds:
            await self.aread(self.contender.astream())
            streams += 1
        return clock.result(streams * self.job["chunks"])

    async def measure_afirst_chunk(self) -> dict:
        async def once() -> float:
            started, first = time.perf_counter(), 0.0
            async for chunk in await self.contender.astream():
                if not first and chunk.choices and chunk.choices[0].delta.content:
                    first = time.perf_counter() - started
            return first

        for _ in range(WARM_UP_CALLS):
            await once()
        deadline, delays = time.perf_counter() + self.seconds, []
        while time.perf_counter() < deadline:
            delays.append(await once())
        return self.median_delay(delays)

    async def measure_memory(self) -> dict:
        """The memory that calls take while the server holds their answers, with as many as the contender will send."""
        import asyncio
        import gc

        control = Control(self.job["server"])
        # The server does not hold these: what a contender allocates once must not be blamed on the calls in flight.
        await self.acall()
        await asyncio.gather(*(self.acall() for _ in range(WARM_UP_CALLS)))
        control.ask("POST", "/hold")
        gc.collect()
        before = resident_bytes()
        calls = [asyncio.ensure_future(self.acall()) for _ in range(self.job["calls"])]
        reached, last_rise = 0, time.perf_counter()
        while reached < len(calls) and time.perf_counter() - last_rise < 3:
            await asyncio.sleep(0.02)
            held = int(control.ask("GET", "/held"))
            if held > reached:
                reached, last_rise = held, time.perf_counter()
        grown = resident_bytes() - before
        control.ask("POST", "/release")
        await asyncio.gather(*calls)
        return {"held": reached, "calls": len(calls), "bytes": grown}


class Control:
    """The server's side door, over a connection opened before memory is counted."""

    def __init__(self, server: str) -> None:
        import http.client

        self.connection = http.client.HTTPConnection(server.partition("//")[2])
        self.ask("GET", "/held")

    def ask(self, method: str, path: str) -> bytes:
        self.connection.request(method, path)
        return self.connection.getresponse().read()


def run(awaitable):
    import asyncio

    return asyncio.run(awaitable)


def main() -> None:
    job = json.load(sys.stdin)
    result = getattr(Worker(job), f"measure_{job['metric']}")()
    if hasattr(result, "__await__"):
        result = run(result)
    # Contenders may print on stdout themselves; the last line is the result.
    print(json.dumps(result), flush=True)
    # What threads and finalisers of a contender do at exit is not measured and must not delay the next one.
    os._exit(0)


if __name__ == "__main__":
    main()
