"""The fault matrix: what a call comes to for each fault, number of retries and way of calling, and how many requests it takes.

``expected`` is the model: 0 lost and 0 doubled answers means that each run of the real package comes to what it says, and that
the server has counted as many requests as it says.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from . import FAULTS, messages

RETRIES = (0, 1, 2, 5)
# Plain and streamed, each by a thread and by a task.
MODES = ("sync", "async", "stream", "async stream")
# How many attempts meet the fault: the first alone, or all.
TIMES = (1, 99)

# Nothing of an answer came, so that asking again cannot double anything.
RETRIED = {
    "dns_fail": "APIConnectionError",
    "dns_hang": "APIConnectionError",
    "refused": "APIConnectionError",
    "syn_blackhole": "APIConnectionError",
    "tls_alert": "APIConnectionError",
    "tls_stall": "APIConnectionError",
    "rst_on_accept": "APIConnectionError",
    "rst_after_request": "APIConnectionError",
    "fin_before_headers": "APIConnectionError",
    "partial_header": "APIConnectionError",
    "header_bomb": "APIConnectionError",
    "informational_flood": "APIConnectionError",
    "status_408": "Timeout",
    "status_409": "APIError",
    "rate_limited": "RateLimitError",
    "rate_limited_seconds": "RateLimitError",
    "rate_limited_date": "RateLimitError",
    "status_500": "InternalServerError",
    "bad_gateway_page": "BadGatewayError",
    "status_503": "ServiceUnavailableError",
    "status_504": "Timeout",
    "status_529": "APIError",
    "bad_gzip": "APIConnectionError",
    "fin_before_text": "APIConnectionError",
}
# The same of a plain answer; of a stream, a part has been handed on by then.
RETRIED_WHEN_WHOLE = {
    "bad_chunk_size": "APIConnectionError",
    "fin_mid_event": "APIConnectionError",
    "rst_mid_event": "APIConnectionError",
}
# Asking again would not help, or the time is over.
FINAL = {
    "rate_limited_absurd": "RateLimitError",
    "error_in_ok": "InternalServerError",
    "short_content_length": "InternalServerError",
    "stall_mid_body": "Timeout",
    "redirect_elsewhere": "APIError",
}
# Odd, and no fault of the answer.
HARMLESS = {"slow_headers", "wrong_content_type", "stale_keep_alive"}
# What ends only with the caller's own limits: that of connecting, which is met once an attempt, or that of the whole call.
NEVER_CONNECTED = {"dns_hang", "syn_blackhole", "tls_stall"}
ENDLESS = {"stall_mid_body"}
# Faults of a stream that was opened already: litellm's class for them, around the cause.
OPENED = {
    "bad_gzip",
    "bad_chunk_size",
    "fin_before_text",
    "fin_mid_event",
    "rst_mid_event",
    "error_in_ok",
    "short_content_length",
}
# What has no server, or one that cannot answer well afterwards since it speaks no TLS.
NEVER_WELL = {"dns_fail", "dns_hang", "refused", "syn_blackhole", "tls_alert", "tls_stall"}
UNCOUNTED = {"dns_fail", "dns_hang", "refused", "syn_blackhole"}
PARTS = {"bad_chunk_size": "One", "fin_mid_event": "One two three, and", "rst_mid_event": "One two three, and"}


@dataclass(frozen=True)
class Case:
    fault: str
    mode: str
    retries: int
    times: int


@dataclass(frozen=True)
class Outcome:
    """``error`` is the exception's class, None for an answer; ``text`` what came; ``attempts`` the server's count."""

    error: Optional[str]
    text: str
    attempts: Optional[int]
    retried: Optional[int]


def cases(faults: Sequence[str]) -> List[Case]:
    return [
        Case(fault, mode, retries, times)
        for fault in faults
        for mode in MODES
        for retries in RETRIES
        for times in TIMES
        if times > 1 or fault not in NEVER_WELL
    ]


def expected(case: Case) -> Outcome:
    name, stream = case.fault, "stream" in case.mode
    if name in HARMLESS:
        return Outcome(None, messages.TEXT, 1, None)
    retried: Dict[str, str] = {**RETRIED, **({} if stream else RETRIED_WHEN_WHOLE)}
    error = retried.get(name) or FINAL.get(name) or RETRIED_WHEN_WHOLE[name]
    if stream and name in OPENED:
        error = "MidStreamFallbackError"
    part = PARTS.get(name, "") if stream else ""
    if stream and name == "stall_mid_body":
        part = "One two three, and"
    if name not in retried:
        return Outcome(error, part, None if name in UNCOUNTED else 1, None)
    if case.times <= case.retries:
        return Outcome(None, messages.TEXT, case.times + 1, None)
    # What litellm calls num_retries: None where there was none.
    return Outcome(error, part, None if name in UNCOUNTED else case.retries + 1, case.retries or None)


def _arguments(case: Case, base_url: str) -> Dict[str, Any]:
    timeout: Any = 4 if case.fault in ENDLESS else 120
    if case.fault in NEVER_CONNECTED:
        timeout = {"connect": 0.2, "total": 120}
    return {
        "model": "openai/gpt-4o",
        "messages": [{"role": "user", "content": "hi"}],
        "api_base": base_url,
        "api_key": "key",
        "num_retries": case.retries,
        "timeout": timeout,
    }


def _piece(chunk: Any) -> str:
    return (chunk.choices[0].delta.content or "") if chunk.choices else ""


def _call(case: Case, base_url: str) -> Tuple[Optional[BaseException], str]:
    from edgequake_litellm import completion

    if case.mode == "sync":
        try:
            return None, completion(**_arguments(case, base_url)).choices[0].message.content
        except Exception as error:
            return error, ""
    text = ""
    stream: Any = iter(())
    try:
        stream = completion(stream=True, **_arguments(case, base_url))
        for chunk in stream:
            text += _piece(chunk)
    except Exception as error:
        return error, text
    finally:
        # One end is enough: a stream that has ended stays so.
        assert not list(stream)
    return None, text


async def _acall(case: Case, base_url: str) -> Tuple[Optional[BaseException], str]:
    from edgequake_litellm import acompletion

    if case.mode == "async":
        try:
            return None, (await acompletion(**_arguments(case, base_url))).choices[0].message.content
        except Exception as error:
            return error, ""
    text = ""
    stream: Any = None
    try:
        stream = await acompletion(stream=True, **_arguments(case, base_url))
        async for chunk in stream:
            text += _piece(chunk)
    except Exception as error:
        return error, text
    finally:
        assert stream is None or [chunk async for chunk in stream] == []
    return None, text


def _outcome(ended: Tuple[Optional[BaseException], str], attempts: Optional[int]) -> Outcome:
    error, text = ended
    if error is None:
        return Outcome(None, text, attempts, None)
    return Outcome(type(error).__name__, text, attempts, getattr(error, "num_retries", None))


def _count(target: Any, attempts: Optional[int]) -> Optional[int]:
    """The server's count, once it has come to ``attempts``: a call that gives up while its connection waits to be accepted
    ends before the server knows of it."""
    try:
        server = target.server
    except LookupError:
        return None
    until = time.monotonic() + 10
    while len(server.exchanges) < (attempts or 0) and time.monotonic() < until:
        time.sleep(0.02)
    return len(server.exchanges)


def _run(case: Case) -> Outcome:
    with FAULTS[case.fault].open(times=case.times) as target:
        return _outcome(_call(case, target.base_url), _count(target, expected(case).attempts))


async def _arun(case: Case, places: asyncio.Semaphore) -> Outcome:
    async with places:
        with FAULTS[case.fault].open(times=case.times) as target:
            ended = await _acall(case, target.base_url)
            count = await asyncio.get_running_loop().run_in_executor(None, _count, target, expected(case).attempts)
            return _outcome(ended, count)


def run(faults: Sequence[str], at_once: int = 96) -> Dict[Case, Outcome]:
    """What all cases of ``faults`` come to, many of them at once: most of their time they wait."""
    all_cases = cases(faults)
    by_thread = [case for case in all_cases if not case.mode.startswith("async")]
    by_task = [case for case in all_cases if case.mode.startswith("async")]

    async def tasks() -> List[Outcome]:
        places = asyncio.Semaphore(at_once)
        return list(await asyncio.gather(*(_arun(case, places) for case in by_task)))

    with ThreadPoolExecutor(at_once) as pool:
        of_threads = pool.map(_run, by_thread)
        of_tasks = asyncio.run(tasks())
        return dict(zip(by_thread + by_task, [*of_threads, *of_tasks]))


def differences(faults: Sequence[str]) -> List[str]:
    """The cases that came to something else than the model says, in words."""
    return [
        f"{case}: {outcome}, not {expected(case)}" for case, outcome in run(faults).items() if outcome != expected(case)
    ]
