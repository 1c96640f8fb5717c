"""Collectors that are down, slow or choosy, and processes that fork or end: no call is slowed or lost, and no span in silence."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import Any

import pytest

import edgequake_litellm as litellm
from edgequake_litellm import _runtime
from edgequake_litellm._native import ffi, lib

from ..environments import programs
from ..environments.programs import FORKS
from .collectors import Collector, HttpCollector, attributes


def test_a_passing_failure_is_tried_again(exporting: Collector, arguments: dict[str, Any], request: Any) -> None:
    grpc = "grpc" in request.node.name
    if grpc:
        from grpc import StatusCode

        exporting.failures.append(StatusCode.UNAVAILABLE)
    else:
        exporting.failures.append(503)
    settings = {"endpoint": exporting.endpoint, "protocol": "grpc" if grpc else "http/protobuf", "delay": 0.01}
    litellm.enable_telemetry(otlp={**settings, "metrics": False})
    litellm.completion(**arguments)
    deadline = time.monotonic() + 20
    while not exporting.spans():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert (len(exporting.spans()), exporting.refused) == (1, 1)
    assert litellm.flush_telemetry() == {"flushed": True, "sent": 1, "dropped": 0}


def test_a_lasting_failure_drops_and_counts(exporting: Collector, arguments: dict[str, Any], request: Any) -> None:
    failure: Any = 400
    if "grpc" in request.node.name:
        from grpc import StatusCode

        failure = StatusCode.INVALID_ARGUMENT
    exporting.failures.append(failure)
    litellm.completion(**arguments)
    assert litellm.flush_telemetry() == {"flushed": True, "sent": 0, "dropped": 1}
    litellm.completion(**arguments)
    assert litellm.flush_telemetry() == {"flushed": True, "sent": 1, "dropped": 1}


def test_what_a_collector_rejects_is_counted(exporting: Collector, arguments: dict[str, Any]) -> None:
    exporting.rejected = 1
    litellm.completion(**arguments)
    litellm.completion(**arguments)
    assert litellm.flush_telemetry() == {"flushed": True, "sent": 1, "dropped": 1}


def test_a_dead_collector_holds_no_call_up(arguments: dict[str, Any]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        # Bound and not listening: connections are refused.
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        litellm.enable_telemetry(otlp={"endpoint": address, "delay": 0.001})
        for _ in range(20):
            litellm.completion(**arguments)
        told = litellm.flush_telemetry()
        assert (told["flushed"], told["sent"], told["dropped"]) == (True, 0, 20)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_collector_that_never_answers_holds_no_call_up(arguments: dict[str, Any], protocol: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        litellm.enable_telemetry(
            otlp={"endpoint": address, "protocol": protocol, "delay": 0.001, "timeout": 600, "metrics": False}
        )
        begun = time.monotonic()
        for _ in range(20):
            litellm.completion(**arguments)
        assert litellm.flush_telemetry(0.2)["flushed"] is False
        # The collector's own limit is ten minutes.
        assert time.monotonic() - begun < 60


def test_more_than_there_is_room_for_is_dropped_and_counted(
    arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
    litellm.enable_telemetry(otlp={"endpoint": collector.endpoint, "delay": 60, "metrics": False})
    for _ in range(10):
        litellm.completion(**arguments)
    assert litellm.flush_telemetry() == {"flushed": True, "sent": 4, "dropped": 6}


def test_batches_are_as_large_as_was_said(
    arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "3")
    litellm.enable_telemetry(otlp={"endpoint": collector.endpoint, "delay": 60, "metrics": False})
    for _ in range(10):
        litellm.completion(**arguments)
    assert litellm.flush_telemetry()["sent"] == 10
    assert max(len(request.resource_spans[0].scope_spans[0].spans) for request in collector.traces) == 3


def test_something_else_at_the_address_is_a_failure(arguments: dict[str, Any], collector: Collector) -> None:
    """gRPC to a server that speaks HTTP/1.1 only."""
    litellm.enable_telemetry(otlp={"endpoint": collector.endpoint, "protocol": "grpc", "metrics": False, "delay": 60})
    litellm.completion(**arguments)
    assert litellm.flush_telemetry() == {"flushed": True, "sent": 0, "dropped": 1}


def test_a_client_that_is_freed_exports_what_is_pending(
    collector: Collector, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What programs in C have, which the package itself never does."""
    config = json.dumps({"telemetry": {"otlp": {"endpoint": collector.endpoint, "delay": 60}}}).encode()
    client, error = ffi.new("eq_client **"), ffi.new("eq_error **")
    assert lib.eq_client_new((ffi.from_buffer(config), len(config)), client, error) == lib.EQ_OK
    with monkeypatch.context() as patch:
        patch.setattr(_runtime.process, "client", client[0])
        litellm.completion(**arguments)
    assert collector.spans() == []
    assert lib.eq_client_free(client[0]) == lib.EQ_OK
    assert len(collector.spans()) == 1


# Processes -----------------------------------------------------------------------------------------------------------------


def test_the_end_of_a_program_exports_what_is_pending(
    exporting: Collector, arguments: dict[str, Any], request: Any
) -> None:
    protocol = "grpc" if "grpc" in request.node.name else "http/protobuf"
    lines = programs.run(
        f"""
litellm.enable_telemetry(otlp={{"endpoint": {exporting.endpoint!r}, "protocol": {protocol!r}, "delay": 60}})
say(ask())
say("opentelemetry" in sys.modules or "google.protobuf" in sys.modules)
""",
        arguments,
    )
    assert lines == ["You said: Say hello", "False"]
    assert len(exporting.spans()) == 1
    assert exporting.metric("gen_ai.client.operation.duration") is not None


def test_the_end_of_a_program_is_not_held_up_for_long(arguments: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        # The collector's limit is ten minutes, which the test would not live to see.
        lines = programs.run(
            f"""
litellm.enable_telemetry(otlp={{"endpoint": {address!r}, "timeout": 600, "delay": 0.001}})
say(ask())
""",
            arguments,
        )
    assert lines == ["You said: Say hello"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_child_exports_its_own_calls(collector: Collector, arguments: dict[str, Any]) -> None:
    lines = programs.run(
        f"""
litellm.enable_telemetry(otlp={{"endpoint": {collector.endpoint!r}, "delay": 60}}, service_name="forks")
say(ask("one"))
pid = os.fork()
if pid == 0:
    say(ask("two"))
    sys.exit(0)
say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if hasattr(os, "waitstatus_to_exitcode") else 0)
say(ask("three"))
""",
        arguments,
        *FORKS,
    )
    assert lines == ["You said: one", "You said: two", "0", "You said: three"]
    spans = collector.spans()
    assert len({span.span_id for span in spans}) == len({span.trace_id for span in spans}) == len(spans) == 3
    instances = {
        attributes(resource.resource)["service.instance.id"]
        for request in collector.traces
        for resource in request.resource_spans
    }
    assert len(instances) == 2


def test_nothing_is_there_unless_it_is_asked_for(arguments: dict[str, Any]) -> None:
    lines = programs.run(
        """
say(ask())
say("edgequake_litellm._telemetry" in sys.modules)
from pathlib import Path
say([task.read_text() for task in Path("/proc/self/task").glob("*/comm") if "otlp" in task.read_text()])
""",
        arguments,
    )
    assert lines == ["You said: Say hello", "False", "[]"]


def test_https_to_a_collector_without_tls_is_a_failure(arguments: dict[str, Any], collector: HttpCollector) -> None:
    litellm.enable_telemetry(otlp={"endpoint": collector.endpoint.replace("http:", "https:"), "metrics": False})
    litellm.completion(**arguments)
    assert litellm.flush_telemetry() == {"flushed": True, "sent": 0, "dropped": 1}
