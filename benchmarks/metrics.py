"""What is measured, how the numbers are read, and the budgets that they are held against."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any, Callable, Optional

from peers import FLOOR, LITELLM, LITER_LLM, OURS, PYO3, STDLIB

STREAM_CHUNKS = 1000
PACED_CHUNKS = 300
HELD_CALLS = 1000

# One process each. The plan is the server's (rust/src/plan.rs). Pinned: the client has one core and the server another, or
# the numbers depend on which core the kernel happens to wake (a bare reqwest loop answers in 20 µs or in 65). Calls a
# second are measured with all cores free, since using them is what they are about.
JOBS: dict[str, dict[str, Any]] = {
    "import": {"plan": "plain", "pinned": True},
    "cold": {"plan": "plain", "pinned": False},
    "call": {"plan": "plain", "pinned": True},
    "acall_1": {"plan": "plain", "pinned": True, "concurrency": 1},
    "acall_50": {"plan": "plain", "pinned": False, "concurrency": 50},
    "acall_200": {"plan": "plain", "pinned": False, "concurrency": 200},
    "stream": {"plan": f"stream-{STREAM_CHUNKS}", "pinned": True, "chunks": STREAM_CHUNKS},
    "astream": {"plan": f"stream-{STREAM_CHUNKS}", "pinned": True, "chunks": STREAM_CHUNKS},
    "astream_obfuscated": {"plan": f"stream-{STREAM_CHUNKS},obfuscated", "pinned": True, "chunks": STREAM_CHUNKS},
    "astream_chunkwise": {"plan": f"stream-{STREAM_CHUNKS},chunkwise", "pinned": True, "chunks": STREAM_CHUNKS},
    "astream_paced": {"plan": f"stream-{PACED_CHUNKS},gap-1ms", "pinned": True, "chunks": PACED_CHUNKS},
    "call_anthropic": {"plan": "plain", "pinned": True, "protocol": "anthropic"},
    "stream_anthropic": {
        "plan": f"stream-{STREAM_CHUNKS}",
        "pinned": True,
        "chunks": STREAM_CHUNKS,
        "protocol": "anthropic",
    },
    "astream_anthropic": {
        "plan": f"stream-{STREAM_CHUNKS}",
        "pinned": True,
        "chunks": STREAM_CHUNKS,
        "protocol": "anthropic",
    },
    "call_gemini": {"plan": "plain", "pinned": True, "protocol": "gemini"},
    "stream_gemini": {
        "plan": f"stream-{STREAM_CHUNKS}",
        "pinned": True,
        "chunks": STREAM_CHUNKS,
        "protocol": "gemini",
    },
    "astream_gemini": {
        "plan": f"stream-{STREAM_CHUNKS}",
        "pinned": True,
        "chunks": STREAM_CHUNKS,
        "protocol": "gemini",
    },
    "route": {"plan": "plain", "pinned": True, "deployments": 100},
    "choose": {"plan": "plain", "pinned": True, "deployments": 1000},
    "call_cached": {"plan": "plain", "pinned": True, "cached": True},
    "acall_cached": {"plan": "plain", "pinned": True, "cached": True, "concurrency": 1},
    "first_chunk": {"plan": "stream-3", "pinned": True},
    "afirst_chunk": {"plan": "stream-3", "pinned": True},
    "embed": {"plan": "plain", "pinned": True},
    "memory": {"plan": "hold", "pinned": False, "calls": HELD_CALLS},
}

REQUEST = {
    "model": "gpt-4o-mini",
    "messages": [
        {
            "role": "system",
            "content": "You are a careful assistant. Answer in plain sentences, say what you do not know, and keep to the "
            "question. When the question has several parts, answer them one by one, in the order in which they were asked.",
        },
        {
            "role": "user",
            "content": "What does a benchmark of a client library have to leave out, so that its numbers say something about "
            "the library — and not about the model, the network or the machine? Please give three short reasons.",
        },
    ],
    "temperature": 0.2,
    "max_tokens": 256,
}
EMBEDDING_INPUT = "What a client costs, not what a model thinks."


def metric_function(job: str) -> str:
    """The worker's function: variants of one measurement differ in their plan and numbers only."""
    for function in ("acall", "astream"):
        if job.startswith(function):
            return function
    return job.removesuffix("_anthropic").removesuffix("_gemini").removesuffix("_cached")


@dataclass(frozen=True)
class Figure:
    """A number that a reader sees, made of what one process measured."""

    key: str
    label: str
    unit: str
    job: str
    read: Callable[[dict[str, Any]], float]
    digits: int = 1
    more_is_better: bool = False


def cpu_us(result: dict[str, Any]) -> float:
    return result["cpu_s"] / result["count"] * 1e6


def per_second(result: dict[str, Any]) -> float:
    return result["count"] / result["wall_s"]


def wall_us(result: dict[str, Any]) -> float:
    return result["wall_s"] / result["count"] * 1e6


def router_overhead_us(result: dict[str, Any]) -> float:
    return cpu_us(result) - result["plain_cpu_s"] / result["plain_count"] * 1e6


FIGURES = [
    Figure("call_cpu", "call, CPU", "µs", "call", cpu_us, 0),
    Figure("call_wall", "call, wall", "µs", "call", wall_us, 0),
    Figure("embed_cpu", "embedding of 1536 numbers, CPU", "µs", "embed", cpu_us, 0),
    Figure("acall_1_cpu", "async call, one at a time, CPU", "µs", "acall_1", cpu_us, 0),
    Figure("acall_1_rate", "async calls a second, one at a time", "/s", "acall_1", per_second, 0, True),
    Figure("acall_50_cpu", "async call, 50 at once, CPU", "µs", "acall_50", cpu_us, 0),
    Figure("acall_50_rate", "async calls a second, 50 at once", "/s", "acall_50", per_second, 0, True),
    Figure("acall_200_cpu", "async call, 200 at once, CPU", "µs", "acall_200", cpu_us, 0),
    Figure("acall_200_rate", "async calls a second, 200 at once", "/s", "acall_200", per_second, 0, True),
    Figure("stream_cpu", "streamed chunk, CPU", "µs", "stream", cpu_us),
    Figure("astream_cpu", "async streamed chunk, CPU", "µs", "astream", cpu_us),
    Figure("astream_obfuscated_cpu", "… with OpenAI's `obfuscation`", "µs", "astream_obfuscated", cpu_us),
    Figure("astream_chunkwise_cpu", "… in a packet of its own", "µs", "astream_chunkwise", cpu_us),
    Figure("astream_paced_cpu", "… in a packet of its own, one a millisecond", "µs", "astream_paced", cpu_us),
    Figure("call_anthropic_cpu", "call to Claude, CPU", "µs", "call_anthropic", cpu_us, 0),
    Figure("stream_anthropic_cpu", "streamed chunk of Claude's, CPU", "µs", "stream_anthropic", cpu_us),
    Figure("astream_anthropic_cpu", "async streamed chunk of Claude's, CPU", "µs", "astream_anthropic", cpu_us),
    Figure("call_gemini_cpu", "call to Gemini, CPU", "µs", "call_gemini", cpu_us, 0),
    Figure("stream_gemini_cpu", "streamed chunk of Gemini's, CPU", "µs", "stream_gemini", cpu_us),
    Figure("astream_gemini_cpu", "async streamed chunk of Gemini's, CPU", "µs", "astream_gemini", cpu_us),
    Figure("route_cpu", "call through a router of 100 deployments, CPU", "µs", "route", cpu_us, 0),
    Figure(
        "router_overhead", "what a router of 100 deployments adds to a call, CPU", "µs", "route", router_overhead_us
    ),
    Figure("choose_cpu", "choice among 1000 deployments, CPU", "µs", "choose", cpu_us),
    Figure("cached_cpu", "answer from the cache in memory, CPU", "µs", "call_cached", cpu_us),
    Figure("cached_wall", "answer from the cache in memory, wall", "µs", "call_cached", wall_us),
    Figure("acached_cpu", "async answer from the cache in memory, CPU", "µs", "acall_cached", cpu_us),
    Figure("first_chunk", "time to first text", "µs", "first_chunk", lambda r: r["first_chunk_s"] * 1e6, 0),
    Figure("afirst_chunk", "async time to first text", "µs", "afirst_chunk", lambda r: r["first_chunk_s"] * 1e6, 0),
    Figure("memory", "memory of a call in flight", "KB", "memory", lambda r: r["bytes"] / r["calls"] / 1e3),
    Figure("import_time", "import, time", "ms", "import", lambda r: r["import_s"] * 1e3),
    Figure("import_memory", "import, memory", "MB", "import", lambda r: r["bytes"] / 1e6),
    Figure("cold", "import and first call, time", "ms", "cold", lambda r: r["cold_s"] * 1e3),
    Figure("library", "own shared library, stripped", "MB", "size", lambda r: r["library_bytes"] / 1e6),
    Figure("installed", "installed, with dependencies", "MB", "size", lambda r: r["installed_bytes"] / 1e6),
]


def summarise(samples: list[float]) -> dict[str, Any]:
    return {"median": median(samples), "low": min(samples), "high": max(samples), "samples": samples}


@dataclass(frozen=True)
class Budget:
    """A promise: what is measured must not be above (or, where more is better, below) the limit."""

    what: str
    limit: str
    measured: str
    met: bool


# What the limit is, from a contender's figure or a constant.
Figures = dict[str, dict[str, dict[str, Any]]]


def budgets(figures: Figures) -> list[Budget]:
    """Each budget whose numbers are there; `figures` is contender -> figure -> summary."""
    checks: list[Optional[Budget]] = [
        at_most(figures, "CPU of a call", "call_cpu", part=30, of=LITELLM),
        at_most(figures, "CPU of a call", "call_cpu", part=1, of=STDLIB),
        at_least(figures, "async calls a second, 50 at once", "acall_50_rate", times=2, of=LITER_LLM),
        at_least(figures, "async calls a second, 50 at once", "acall_50_rate", times=30, of=LITELLM),
        at_most(figures, "CPU of a streamed chunk", "stream_cpu", limit=5),
        at_most(figures, "CPU of a streamed chunk", "stream_cpu", part=200, of=LITELLM),
        at_most(figures, "CPU of a streamed chunk, async", "astream_cpu", limit=5),
        at_most(figures, "CPU of a streamed chunk, async", "astream_cpu", part=6, of=PYO3),
        at_most(figures, "CPU of a streamed chunk, async", "astream_cpu", part=40, of=LITER_LLM),
        at_most(figures, "CPU of a streamed chunk, async", "astream_cpu", part=200, of=LITELLM),
        at_most(figures, "CPU of a call to Claude", "call_anthropic_cpu", part=30, of=LITELLM),
        at_most(figures, "CPU of a call to Claude", "call_anthropic_cpu", part=1, of=STDLIB),
        at_most(figures, "CPU of a streamed chunk of Claude's", "stream_anthropic_cpu", limit=5),
        at_most(figures, "CPU of a streamed chunk of Claude's", "stream_anthropic_cpu", part=200, of=LITELLM),
        at_most(figures, "CPU of a streamed chunk of Claude's, async", "astream_anthropic_cpu", limit=5),
        at_most(figures, "CPU of a streamed chunk of Claude's, async", "astream_anthropic_cpu", part=200, of=LITELLM),
        at_most(figures, "CPU of a call to Gemini", "call_gemini_cpu", part=30, of=LITELLM),
        at_most(figures, "CPU of a call to Gemini", "call_gemini_cpu", part=1, of=STDLIB),
        at_most(figures, "CPU of a streamed chunk of Gemini's", "stream_gemini_cpu", limit=5),
        at_most(figures, "CPU of a streamed chunk of Gemini's", "stream_gemini_cpu", part=200, of=LITELLM),
        at_most(figures, "CPU of a streamed chunk of Gemini's, async", "astream_gemini_cpu", limit=5),
        at_most(figures, "CPU of a streamed chunk of Gemini's, async", "astream_gemini_cpu", part=200, of=LITELLM),
        at_most(figures, "CPU of an answer from the cache in memory", "cached_cpu", limit=30),
        at_most(figures, "CPU of an answer from the cache in memory", "cached_cpu", part=100, of=LITELLM),
        at_most(figures, "CPU of an answer from the cache in memory, async", "acached_cpu", limit=30),
        at_most(figures, "CPU of an answer from the cache in memory, async", "acached_cpu", part=100, of=LITELLM),
        at_most(figures, "time to first text", "first_chunk", limit=150, over=FLOOR, over_figure="afirst_chunk"),
        at_most(
            figures, "time to first text, async", "afirst_chunk", limit=150, over=FLOOR, over_figure="afirst_chunk"
        ),
        at_most(figures, "import", "import_time", limit=12),
        at_most(figures, "import", "import_memory", limit=6),
        at_most(figures, "threads and descriptors after import", "import_handles", limit=0),
        at_most(figures, "memory of a call in flight", "memory", limit=12),
        at_most(figures, "shared library, stripped", "library", limit=16),
    ]
    return [check for check in checks if check]


def value(figures: Figures, contender: str, figure: str) -> Optional[float]:
    summary = figures.get(contender, {}).get(figure)
    return summary["median"] if summary else None


UNITS = {figure.key: figure.unit for figure in FIGURES}


def amount(number: float, key: str) -> str:
    """A number with its unit, to three digits."""
    unit = UNITS.get(key, "")
    if unit == "µs" and number >= 1000:
        number, unit = number / 1000, "ms"
    digits = 2 if number < 10 else 1 if number < 100 else 0
    return f"{number:,.{digits}f} {unit}".replace(" /s", "/s").strip() if unit else f"{number:g}"


def at_most(
    figures: Figures,
    what: str,
    key: str,
    limit: Optional[float] = None,
    part: int = 1,
    of: str = "",
    over: str = "",
    over_figure: str = "",
) -> Optional[Budget]:
    ours = value(figures, OURS, key)
    if ours is None:
        return None
    if over:
        floor = value(figures, over, over_figure)
        if floor is None or limit is None:
            return None
        return Budget(
            f"{what}, over {over}", f"≤ {amount(limit, key)}", amount(ours - floor, key), ours - floor <= limit
        )
    if of:
        theirs = value(figures, of, key)
        if theirs is None:
            return None
        if part == 1:
            return Budget(what, f"≤ {of}", f"{ours / theirs:.2f} × {of}", ours <= theirs)
        return Budget(what, f"≤ 1/{part} of {of}", f"1/{theirs / ours:.1f} of {of}", ours <= theirs / part)
    if limit is None:
        return None
    return Budget(what, f"≤ {amount(limit, key)}", amount(ours, key), ours <= limit)


def at_least(figures: Figures, what: str, key: str, times: int, of: str) -> Optional[Budget]:
    ours, theirs = value(figures, OURS, key), value(figures, of, key)
    if ours is None or theirs is None:
        return None
    return Budget(what, f"≥ {times} × {of}", f"{ours / theirs:.1f} × {of}", ours >= times * theirs)
