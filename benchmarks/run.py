"""Measures this package beside its peers, in one run on one machine: `python benchmarks/run.py [--quick]`.

Everything it needs it makes: the peers' virtual environments (benchmarks/.venvs), the server and the bare reqwest loop
(benchmarks/rust). A peer that cannot be installed is named, marked absent and left out. The results go to
benchmarks/results.json, the plot beside it, the tables between the markers of README.md and docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import datetime
import http.client
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Optional

import peers
import report
from metrics import EMBEDDING_INPUT, FIGURES, JOBS, REQUEST, budgets, metric_function, summarise
from peers import CONTENDERS, OURS, Contender

HERE = Path(__file__).resolve().parent

# Seconds that one process measures for, after its warm-up, and how many processes there are of each kind.
FULL = {"seconds": 0.7, "repetitions": 4}
QUICK = {"seconds": 0.3, "repetitions": 1}

# Far beyond what any of them takes: one that hangs is reported as failed, not waited for.
LONGEST = 120

# The first answer comes from the server; an asynchronous one may be put into the cache only while the next call is on its way.
ASKED_DESPITE_CACHE = 3

# Timed inside a bare interpreter: a helper's own imports would make the contender's look cheaper. Descriptors and threads
# are counted because an import that opens a socket or starts a thread breaks programs that fork.
IMPORT = """
import sys, time
def resident():
    with open("/proc/self/statm", "rb", 0) as file: return int(file.read().split()[1])
def handles():
    import posix
    return len(posix.listdir("/proc/self/task")) + len(posix.listdir("/proc/self/fd"))
counted = sys.platform == "linux"
handles_before, before = (handles(), resident()) if counted else (0, 0)
started = time.perf_counter()
import {imports}
elapsed = time.perf_counter() - started
result = {{"import_s": elapsed}}
if counted:
    import posix
    result.update(bytes=(resident() - before) * posix.sysconf("SC_PAGE_SIZE"), handles=handles() - handles_before)
print(str(result).replace("'", '"'), flush=True)
posix._exit(0) if counted else None
"""


class Server:
    """The server of benchmarks/rust, on the last core, for as long as the `with` block."""

    def __enter__(self) -> Server:
        self.process = subprocess.Popen(
            [str(peers.TARGET / "release" / "server")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        pin(self.process.pid, last_core())
        assert self.process.stdout
        self.netloc = self.process.stdout.readline().split()[-1]
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def ask(self, path: str, method: str = "GET") -> str:
        connection = http.client.HTTPConnection(self.netloc)
        connection.request(method, path)
        return connection.getresponse().read().decode()

    def served(self) -> int:
        """Answers given until now."""
        return int(self.ask("/served"))

    def spent(self) -> Optional[tuple[int, float]]:
        """Answers given and CPU seconds taken until now, where the kernel tells."""
        schedstat = Path(f"/proc/{self.process.pid}/schedstat")
        if not schedstat.is_file():
            return None
        return self.served(), int(schedstat.read_text().split()[0]) / 1e9


def pin(pid: int, core: Optional[int]) -> None:
    if core is not None:
        os.sched_setaffinity(pid, {core})


def cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def last_core() -> Optional[int]:
    return cores()[-1] if len(cores()) > 1 else None


def first_core() -> Optional[int]:
    return cores()[0] if len(cores()) > 1 else None


class Failed(Exception):
    """A measurement that did not end with a result; the text says why."""


def measure(contender: Contender, name: str, server: Server, seconds: float) -> dict[str, Any]:
    """Runs one process and returns what it measured."""
    job = JOBS[name]
    if name == "import":
        return execute(
            [str(contender.python(name)), "-I", "-c", IMPORT.format(imports=contender.imports)], "", job["pinned"]
        )
    task = {
        **job,
        "metric": metric_function(name),
        "adapter": contender.adapter,
        "module": contender.imports,
        "request": REQUEST,
        "embedding_input": EMBEDDING_INPUT,
        "embedding_length": 1536,
        "seconds": seconds,
        "server": f"http://{server.netloc}",
        "base_url": f"http://{server.netloc}/{job['plan']}/v1",
        "text_length": len(server.ask(f"/{job['plan']}/text")),
    }
    server.ask("/release", "POST")  # whatever a process that failed has left on hold
    served, before = server.served(), server.spent()
    result = execute(contender.command(name), json.dumps(task), job["pinned"])
    after, asked = server.spent(), server.served() - served
    if job.get("cached") and asked > ASKED_DESPITE_CACHE:
        raise Failed(f"it asked the server {asked} times, not once: these are no answers from a cache")
    if before and after and after[0] > before[0]:
        result["server_us"] = (after[1] - before[1]) / (after[0] - before[0]) * 1e6
    return result


def execute(command: list[str], stdin: str, pinned: bool) -> dict[str, Any]:
    environment = peers.environment(LITELLM_LOCAL_MODEL_COST_MAP="True", NO_PROXY="127.0.0.1", PYTHONHASHSEED="0")
    core = first_core() if pinned else None
    try:
        done = subprocess.run(
            command,
            check=False,
            input=stdin,
            text=True,
            capture_output=True,
            timeout=LONGEST,
            env=environment,
            preexec_fn=(lambda: pin(0, core)) if core is not None else None,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"no result after {LONGEST} s") from None
    except OSError as error:  # an environment that is not there
        raise Failed(str(error)) from None
    if done.returncode != 0 or not done.stdout.strip():
        raise Failed(peers.last_line(done.stderr))
    return json.loads(done.stdout.strip().splitlines()[-1])


def raise_descriptor_limit() -> None:
    """A thousand calls in flight are a thousand sockets; the usual limit is 1024 for everything."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def measure_all(contenders: list[Contender], jobs: list[str], settings: dict[str, Any]) -> tuple[Any, dict[str, str]]:
    """Every metric of every contender, repetition by repetition and side by side, so that a machine that slows down for a
    minute slows all of them down: contender -> job -> results, and what failed."""
    plan = [
        (name, contender)
        for _ in range(settings["repetitions"])
        for name in jobs
        for contender in contenders
        if name not in contender.lacks
    ]
    results: dict[str, dict[str, list[Any]]] = {contender.name: {} for contender in contenders}
    failures: dict[str, str] = {}
    started = time.monotonic()
    with Server() as server:
        for done, (name, contender) in enumerate(plan):
            if f"{contender.name} {name}" in failures:
                continue
            left = (time.monotonic() - started) / done * (len(plan) - done) if done else 0
            say(f"[{done + 1:>3}/{len(plan)}, {left / 60:4.1f} min left] {name:<18} {contender.name}", temporary=True)
            try:
                result = measure(contender, name, server, settings["seconds"])
            except Failed as failure:
                failures[f"{contender.name} {name}"] = str(failure)
                say(f"FAILED: {name} of {contender.name}: {failure}")
                continue
            results[contender.name].setdefault(name, []).append(result)
    say(f"measured in {(time.monotonic() - started) / 60:.1f} minutes")
    return results, failures


def figures_of(results: dict[str, list[Any]]) -> dict[str, Any]:
    figures = {
        figure.key: summarise([figure.read(result) for result in results[figure.job]])
        for figure in FIGURES
        if figure.job in results and not (figure.key == "library" and "library_bytes" not in results["size"][0])
    }
    if "import" in results and "handles" in results["import"][0]:
        figures["import_handles"] = summarise([result["handles"] for result in results["import"]])
    if "memory" in results:
        figures["memory"]["held"] = min(result["held"] for result in results["memory"])
    return figures


def machine() -> dict[str, Any]:
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return {
        "cores": len(cores()) or os.cpu_count(),
        "cpu": model,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "rustc": subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False).stdout.strip(),
    }


def say(text: str, temporary: bool = False) -> None:
    """Prints; on a terminal a temporary line is written over by the next."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="" if temporary else "\n", flush=True)
    else:
        print(text, flush=True)


def measure_sizes() -> int:
    """Puts the sizes of this package's wheel in the place of those in results.json: unlike times they need no idle machine."""
    results = json.loads(report.RESULTS.read_text())
    ours = next(contender for contender in CONTENDERS if contender.name == peers.OURS)
    problem = peers.prepare(ours, say)
    if problem:
        raise SystemExit(f"{ours.name} {problem}")
    results["contenders"][ours.name]["figures"].update(figures_of({"size": [peers.sizes(ours)]}))
    figures = {name: entry["figures"] for name, entry in results["contenders"].items()}
    results["budgets"] = [vars(budget) for budget in budgets(figures)]
    report.RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    report.write(results, say)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short repetition: a look, not a result; no tables")
    parser.add_argument("--only", action="append", metavar="NAME", help="this contender (may be repeated); no tables")
    parser.add_argument("--job", action="append", choices=JOBS, help="this measurement (may be repeated); no tables")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the results there, whatever was measured, and no tables"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 if a budget is missed")
    parser.add_argument(
        "--render", action="store_true", help="write tables and plot from results.json, measure nothing"
    )
    parser.add_argument(
        "--sizes", action="store_true", help="measure only the size of the wheel in dist/, and write tables and plot"
    )
    arguments = parser.parse_args()
    if arguments.sizes:
        return measure_sizes()
    if arguments.render:
        report.write(json.loads(report.RESULTS.read_text()), say)
        return 0
    unknown = set(arguments.only or ()) - {contender.name for contender in CONTENDERS}
    if unknown:
        parser.error(f"no contender is called {', '.join(unknown)}; there are {', '.join(c.name for c in CONTENDERS)}")

    raise_descriptor_limit()
    load = os.getloadavg()[0]
    if load > 0.5:
        say(
            f"WARNING: the machine is busy (load {load:.1f}). CPU times will do, latencies and calls a second will not."
        )
    peers.build_rust(say)
    contenders, absent = [], {}
    for contender in CONTENDERS:
        if arguments.only and contender.name not in arguments.only:
            continue
        problem = peers.prepare(contender, say)
        if problem:
            absent[contender.name] = problem
            say(f"ABSENT: {contender.name} {problem}")
        else:
            contenders.append(contender)

    settings = QUICK if arguments.quick else FULL
    measured, failures = measure_all(contenders, arguments.job or list(JOBS), settings)
    results: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "machine": {**machine(), "load_before": round(load, 2)},
        "settings": settings,
        "contenders": {},
        "absent": absent,
        "failures": failures,
    }
    for contender in contenders:
        size = peers.sizes(contender)
        with_size = {**measured[contender.name], **({"size": [size]} if size else {})}
        entry = {"label": contender.label, "version": peers.version(contender), "lacks": contender.lacks}
        results["contenders"][contender.name] = {**entry, "figures": figures_of(with_size)}
    if peers.FLOOR in measured:
        floor = measured[peers.FLOOR]
        results["server_us"] = {
            job: summarise([result["server_us"] for result in floor[job] if "server_us" in result])
            for job in ("call", "astream")
            if any("server_us" in result for result in floor.get(job, ()))
        }
    figures = {name: entry["figures"] for name, entry in results["contenders"].items()}
    results["budgets"] = [vars(budget) for budget in budgets(figures)]

    print(report.text(results))
    complete = not (arguments.quick or arguments.only or arguments.job)
    if arguments.output or complete:
        (arguments.output or report.RESULTS).write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    if complete and not arguments.output:
        report.write(results, say)
    missed = [budget for budget in results["budgets"] if not budget["met"]]
    ours_failed = OURS in absent or any(key.startswith(f"{OURS} ") for key in failures)
    return 1 if ours_failed or (arguments.check and missed) else 0


if __name__ == "__main__":
    sys.exit(main())
