"""Telemetry: OpenTelemetry's spans and metrics of calls, and Prometheus' text. The engine makes and sends them; this says what and where.

OpenTelemetry's package for Python is not needed. A program that has it loaded has its current span become the parent of its calls.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from json import dumps

from . import _request, _runtime, config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_EXIT_SECONDS = 2.0
"""How long the end of the program waits for spans to be taken."""

NAMED = frozenset(("otel", "opentelemetry", "prometheus"))
"""litellm's names of callbacks that are telemetry here."""

_current: dict[str, Any] = {}
_refused: set[str] = set()


def enable_telemetry(
    *,
    otlp: Mapping[str, Any] | bool | None = None,
    prometheus: bool | None = None,
    capture_content: bool | None = None,
    propagate: bool | None = None,
    service_name: str | None = None,
    resource: Mapping[str, str] | None = None,
    sampler: str | None = None,
    sampler_arg: float | None = None,
) -> None:
    """Has every call make a span and metrics, from now on. What is not given stays as it was.

    Without any argument it means `otlp=True`. `otlp` exports them: True takes all from OpenTelemetry's `OTEL_…` variables, a dict says
    `endpoint`, `protocol` (`http/protobuf` or `grpc`), `headers`, `timeout`, `certificate`, `traces`, `metrics`, `delay` or `interval`
    (in seconds); False ends it. `prometheus` keeps the metrics for :func:`prometheus_metrics`. `capture_content` adds messages and
    answers to spans, `propagate` tells providers of the trace. Raises BadRequestError for what the engine refuses; then nothing has
    changed.
    """
    given: dict[str, Any] = {
        "otlp": {} if otlp is True else None if otlp is False else otlp,
        "prometheus": prometheus,
        "capture_content": capture_content,
        "propagate": propagate,
        "service_name": service_name,
        "resource": None if resource is None else dict(resource),
        "sampler": sampler,
        "sampler_arg": sampler_arg,
    }
    if otlp is None and "otlp" not in _current and all(value is None for value in given.values()):
        given["otlp"] = {}
    changed = {**_current, **{name: value for name, value in given.items() if value is not None}}
    if otlp is False:
        changed.pop("otlp", None)
    _configure(changed)


def disable_telemetry() -> None:
    """Ends all telemetry. What has been recorded is still exported."""
    if _current:
        flush_telemetry(_EXIT_SECONDS)
        _configure({})


def flush_telemetry(timeout: float = 5.0) -> dict[str, Any]:
    """Exports what has been recorded, and waits for it up to `timeout` seconds.

    Gives `{"flushed": whether it came to its end, "sent": n, "dropped": n}`, the numbers of spans since the start. The end of a program
    does this by itself; a worker that ends by `os._exit`, as those of multiprocessing do, does not.
    """
    answer: dict[str, Any] = _runtime.query(b"telemetry_flush", dumps({"timeout": max(timeout, 0.001)}).encode())
    return answer


def prometheus_metrics() -> str:
    """The metrics of this process in Prometheus' text format, to be served as `text/plain; version=0.0.4`.

    Raises BadRequestError unless :func:`enable_telemetry` was called with `prometheus=True`.
    """
    if not _current.get("prometheus"):
        message = (
            "No metrics are kept for Prometheus: call enable_telemetry(prometheus=True) before the calls to be counted."
        )
        raise _request.bad_request({"model": "", "custom_llm_provider": ""}, message)
    return str(_runtime.query(b"prometheus", b"{}"))


def enable_by_name(name: str) -> None:
    """What `callbacks = ["otel"]` or `["prometheus"]` asks for, unless it is on already. litellm's own variables are obeyed too.

    A setting that is wrong fails no call: it warns, once.
    """
    from .exceptions import BadRequestError

    if name in _refused:
        return
    try:
        if name == "prometheus":
            if not _current.get("prometheus"):
                enable_telemetry(prometheus=True)
        elif "otlp" not in _current:
            enable_telemetry(otlp=_of_environment(), service_name=os.environ.get("OTEL_SERVICE_NAME") or "litellm")
    except BadRequestError as error:
        _refused.add(name)
        config.warn(f"The callback {name!r} is not at work: {error.message}")


def _of_environment() -> dict[str, Any]:
    """litellm's names for what OpenTelemetry's variables, which the engine reads, do not say."""
    otlp: dict[str, Any] = {}
    exporter = os.environ.get("OTEL_EXPORTER", "").lower()
    if not os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") and exporter in ("grpc", "otlp_grpc"):
        otlp["protocol"] = "grpc"
    endpoint = os.environ.get("OTEL_ENDPOINT")
    if endpoint and not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        otlp["endpoint"] = endpoint
    headers = os.environ.get("OTEL_HEADERS")
    if headers and not os.environ.get("OTEL_EXPORTER_OTLP_HEADERS"):
        pairs = (pair.partition("=") for pair in headers.split(",") if "=" in pair)
        otlp["headers"] = {name.strip(): value.strip() for name, _, value in pairs}
    return otlp


def add_context(fields: dict[str, Any]) -> None:
    """Names the span that a call is made in: the parent of its own."""
    if "traceparent" in fields:
        return
    metadata = fields.get("metadata")
    span = metadata.get("litellm_parent_otel_span") if isinstance(metadata, dict) else None
    if span is None:
        trace = sys.modules.get("opentelemetry.trace")
        if trace is None:
            return
        span = trace.get_current_span()
    try:
        context = span.get_span_context()
        if context.is_valid:
            fields["traceparent"] = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
            if context.trace_state:
                fields["tracestate"] = context.trace_state.to_header()
    except AttributeError:
        # An object of another kind is no span, and telemetry fails no call.
        return


def _configure(changed: dict[str, Any]) -> None:
    _runtime.configure("telemetry", None, changed or None)
    _current.clear()
    _current.update(changed)
    config.traced = bool(changed)
    _flush_at_exit()


@cache
def _flush_at_exit() -> None:
    import atexit

    atexit.register(_flush_what_is_left)


def _flush_what_is_left() -> None:
    # A forked child that made no call has nothing, and is not to make a client now.
    if _current and _runtime.process.client is not None:
        flush_telemetry(_EXIT_SECONDS)
