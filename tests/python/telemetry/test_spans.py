"""A span for each call, by the conventions for generative AI."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
import types
from typing import Any

import pytest

import edgequake_litellm as litellm
from edgequake_litellm.testing import Choice, Error, LocalProvider, Reply

from .collectors import Collector, HttpCollector, attributes, points

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
KEY = "sk-test-a-key-that-no-error-may-show"


def flushed(collector: Collector) -> list[Any]:
    assert litellm.flush_telemetry()["flushed"]
    return collector.spans()


def test_a_call_is_a_span(exporting: Collector, arguments: dict[str, Any]) -> None:
    before = time.time_ns()
    answer = litellm.completion(
        **arguments, temperature=0.5, max_tokens=9, n=1, stop=["x"], seed=3, litellm_call_id="call-17"
    )
    (span,) = flushed(exporting)
    assert (span.name, span.kind, span.status.code, span.parent_span_id) == ("chat gpt-4o", 3, 0, b"")
    assert (len(span.trace_id), len(span.span_id)) == (16, 8)
    # The clocks are two: what they differ by is no hour.
    assert before - 10**9 < span.start_time_unix_nano < span.end_time_unix_nano < time.time_ns() + 10**9
    told = attributes(span)
    port = int(arguments["api_base"].split(":")[2].split("/")[0])
    assert told.pop("edgequake.request_id", "")
    assert told == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "server.address": "127.0.0.1",
        "server.port": port,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.seed": 3,
        "gen_ai.request.stop_sequences": ["x"],
        "litellm.call_id": "call-17",
        "gen_ai.response.id": answer.id,
        "gen_ai.response.model": answer.model,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": answer.usage.prompt_tokens,
        "gen_ai.usage.output_tokens": answer.usage.completion_tokens,
    }
    (resource,) = exporting.traces[0].resource_spans
    about = attributes(resource.resource)
    assert (about["service.name"], about["telemetry.sdk.language"]) == ("tests", "rust")
    assert about["service.instance.id"]
    headers = {name.lower(): value for name, value in exporting.headers[0].items()}
    assert headers["x-token"] == "token-of-the-collector"


def test_no_content_and_no_key_is_told_unasked(
    exporting: Collector, arguments: dict[str, Any], local_provider: LocalProvider
) -> None:
    local_provider.reply("words of the answer")
    local_provider.add(Error(400, message=f"bad words of the question with {KEY}"))
    ask = {**arguments, "messages": [{"role": "user", "content": "words of the question"}], "user": "somebody"}
    litellm.completion(**ask)
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(**ask)
    assert len(flushed(exporting)) == 2
    everything = exporting.everything()
    for said in (b"words of the", KEY.encode(), b"token-of-the-collector", b"somebody"):
        assert said not in everything


def test_content_is_told_where_asked_for(
    collector: Collector, arguments: dict[str, Any], local_provider: LocalProvider
) -> None:
    litellm.enable_telemetry(otlp={"endpoint": collector.endpoint}, capture_content=True)
    local_provider.reply("Bonjour")
    litellm.completion(**arguments)
    local_provider.add(Reply([Choice(chunks=["Bon", "jour", " !"])]))
    for _ in litellm.completion(**arguments, stream=True):
        pass
    whole, streamed = map(attributes, flushed(collector))
    asked = [{"role": "user", "parts": [{"type": "text", "content": "Say hello"}]}]
    assert json.loads(whole["gen_ai.input.messages"]) == json.loads(streamed["gen_ai.input.messages"]) == asked
    assert json.loads(whole["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Bonjour"}], "finish_reason": "stop"}
    ]
    assert json.loads(streamed["gen_ai.output.messages"])[0]["parts"] == [{"type": "text", "content": "Bonjour !"}]
    assert KEY.encode() not in collector.everything()


@pytest.mark.parametrize("where", ["program", "call"])
def test_litellms_switch_goes_before_what_the_exporter_is_told(
    collector: Collector,
    arguments: dict[str, Any],
    local_provider: LocalProvider,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    litellm.enable_telemetry(otlp={"endpoint": collector.endpoint}, capture_content=True)
    local_provider.reply("words of the answer")
    if where == "program":
        monkeypatch.setattr(litellm, "turn_off_message_logging", True)
    ask = {**arguments, "messages": [{"role": "user", "content": "words of the question"}]}
    if where == "call":
        ask["turn_off_message_logging"] = True
    litellm.completion(**ask)
    for _ in litellm.completion(**ask, stream=True):
        pass
    assert len(flushed(collector)) == 2
    assert b"words of the" not in collector.everything()


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_stream_tells_its_tokens_and_its_first_chunk(
    exporting: Collector, arguments: dict[str, Any], local_provider: LocalProvider, asynchronous: bool
) -> None:
    local_provider.add(Reply([Choice(chunks=["One", " two", " three"])]))
    more = {**arguments, "stream": True, "stream_options": {"include_usage": True}}

    async def read() -> list[Any]:
        return [chunk async for chunk in await litellm.acompletion(**more)]

    chunks = asyncio.run(read()) if asynchronous else list(litellm.completion(**more))
    usage = chunks[-1].usage
    (span,) = flushed(exporting)
    told = attributes(span)
    assert told["gen_ai.request.stream"] is True
    assert told["gen_ai.response.finish_reasons"] == ["stop"]
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (
        usage.prompt_tokens,
        usage.completion_tokens,
    )
    assert 0 < told["gen_ai.response.time_to_first_chunk"] < 60
    ((_, first),) = points(exporting.metric("gen_ai.client.operation.time_to_first_chunk"))
    assert first.count == 1


def test_failures_and_retries_are_told(
    exporting: Collector, arguments: dict[str, Any], local_provider: LocalProvider
) -> None:
    local_provider.add(Error(503, "overloaded", retry_after=0))
    litellm.completion(**arguments, num_retries=1)
    local_provider.add(Error(401, "no"))
    with pytest.raises(litellm.AuthenticationError):
        litellm.completion(**arguments)
    retried, failed = flushed(exporting)
    assert (retried.status.code, attributes(retried)["edgequake.retries"]) == (0, 1)
    (event,) = retried.events
    assert event.name == "edgequake.attempt.failed"
    told = attributes(event)
    assert (told["edgequake.attempt"], told["error.type"], told["http.response.status_code"]) == (
        1,
        "ServiceUnavailableError",
        503,
    )
    assert (failed.status.code, failed.status.message) == (2, "")
    told = attributes(failed)
    assert (told["error.type"], told["http.response.status_code"]) == ("AuthenticationError", 401)
    durations = {
        point.get("error.type"): value.count
        for point, value in points(exporting.metric("gen_ai.client.operation.duration"))
    }
    assert durations == {None: 1, "AuthenticationError": 1}


def test_a_call_that_is_refused_before_it_is_sent_is_told(exporting: Collector, arguments: dict[str, Any]) -> None:
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(**{**arguments, "model": "nobody/knows"})
    (span,) = flushed(exporting)
    assert (span.name, attributes(span)["error.type"]) == ("chat nobody/knows", "BadRequestError")


def test_a_stream_that_is_left_is_told(
    exporting: Collector, arguments: dict[str, Any], local_provider: LocalProvider
) -> None:
    local_provider.add(Reply([Choice(chunks=["word "] * 1000)], gap=0.01))
    stream = litellm.completion(**arguments, stream=True)
    next(stream)
    stream.close()
    deadline = time.monotonic() + 10
    while not flushed(exporting):
        assert time.monotonic() < deadline
    assert attributes(exporting.spans()[0])["error.type"] == "Cancelled"


def test_embeddings(exporting: Collector, embed: dict[str, Any]) -> None:
    litellm.embedding(**embed, input=["one", "two"], dimensions=16)
    (span,) = flushed(exporting)
    told = attributes(span)
    assert span.name == "embeddings text-embedding-3-small"
    assert told["gen_ai.embeddings.dimension.count"] == 16
    assert told["gen_ai.usage.input_tokens"] > 0
    assert "gen_ai.usage.output_tokens" not in told


def test_metrics_have_the_conventions_buckets(exporting: Collector, arguments: dict[str, Any]) -> None:
    answers = [litellm.completion(**arguments) for _ in range(3)]
    flushed(exporting)
    duration = exporting.metric("gen_ai.client.operation.duration")
    assert (duration.unit, duration.histogram.aggregation_temporality) == ("s", 2)
    ((labels, point),) = points(duration)
    assert (labels["gen_ai.operation.name"], labels["gen_ai.request.model"]) == ("chat", "gpt-4o")
    assert (point.count, sum(point.bucket_counts), len(point.bucket_counts)) == (3, 3, len(point.explicit_bounds) + 1)
    assert (point.explicit_bounds[0], point.explicit_bounds[-1]) == (0.01, 81.92)
    assert 0 < point.min <= point.max <= point.sum
    tokens = {
        labels["gen_ai.token.type"]: point for labels, point in points(exporting.metric("gen_ai.client.token.usage"))
    }
    assert tokens["input"].sum == sum(answer.usage.prompt_tokens for answer in answers)
    assert tokens["output"].sum == sum(answer.usage.completion_tokens for answer in answers)


# Traces --------------------------------------------------------------------------------------------------------------------


def test_a_call_is_a_child_of_the_span_that_it_names(
    collector: Collector, arguments: dict[str, Any], local_provider: LocalProvider
) -> None:
    litellm.enable_telemetry(otlp={"endpoint": collector.endpoint}, propagate=True)
    litellm.completion(**arguments, traceparent=f"00-{TRACE}-{SPAN}-01", tracestate="a=1")
    (span,) = flushed(collector)
    assert (span.trace_id.hex(), span.parent_span_id.hex(), span.trace_state) == (TRACE, SPAN, "a=1")
    sent = local_provider.requests[-1]
    assert sent.headers["traceparent"] == f"00-{TRACE}-{span.span_id.hex()}-01"
    assert sent.headers["tracestate"] == "a=1"
    assert "traceparent" not in sent.json
    own = {"traceparent": f"00-{TRACE}-{SPAN}-00"}
    litellm.completion(**arguments, extra_headers=own)
    assert local_provider.requests[-1].headers["traceparent"] == own["traceparent"], "the program's own header stays"


def test_nothing_is_sent_on_unasked(
    exporting: Collector, arguments: dict[str, Any], local_provider: LocalProvider
) -> None:
    litellm.completion(**arguments, traceparent=f"00-{TRACE}-{SPAN}-00")
    assert "traceparent" not in local_provider.requests[-1].headers
    assert flushed(exporting) == [], "a parent that is not sampled has no sampled child"
    ((_, point),) = points(exporting.metric("gen_ai.client.operation.duration"))
    assert point.count == 1, "but it is counted"


def test_opentelemetrys_current_span_is_the_parent(collector: Collector, arguments: dict[str, Any]) -> None:
    trace = pytest.importorskip(
        "opentelemetry.trace", reason="opentelemetry-api is not installed; the package does not need it"
    )
    litellm.enable_telemetry(otlp={"endpoint": collector.endpoint})
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    parent = trace.NonRecordingSpan(
        trace.SpanContext(int(TRACE, 16), int(SPAN, 16), is_remote=False, trace_flags=flags)
    )
    with trace.use_span(parent):
        litellm.completion(**arguments)
        asyncio.run(litellm.acompletion(**arguments))
    litellm.completion(**arguments)
    litellm.completion(**arguments, metadata={"litellm_parent_otel_span": parent})
    spans = flushed(collector)
    assert [span.parent_span_id.hex() for span in spans] == [SPAN, SPAN, "", SPAN]


def test_another_module_of_that_name_fails_no_call(
    collector: Collector, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = types.ModuleType("opentelemetry.trace")
    strange.get_current_span = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", strange)
    litellm.enable_telemetry(otlp={"endpoint": collector.endpoint})
    litellm.completion(**arguments)
    assert len(flushed(collector)) == 1


def test_a_sampler_keeps_its_share(collector: Collector, arguments: dict[str, Any]) -> None:
    litellm.enable_telemetry(otlp={"endpoint": collector.endpoint}, sampler="traceidratio", sampler_arg=0)
    litellm.completion(**arguments)
    assert flushed(collector) == []


# Routers and fallbacks -----------------------------------------------------------------------------------------------------


def test_a_routers_call_is_one_span_that_says_who_answered(
    collector: Collector, arguments: dict[str, Any], local_provider: LocalProvider
) -> None:
    litellm.enable_telemetry(otlp={"endpoint": collector.endpoint}, propagate=True)
    common = {"api_base": local_provider.base_url, "api_key": KEY}
    router = litellm.Router(
        model_list=[
            {
                "model_name": name,
                "litellm_params": {"model": f"openai/{model}", **common},
                "model_info": {"id": f"id-of-{model}"},
            }
            for name, model in (("first", "gpt-4o"), ("second", "gpt-4o-mini"))
        ],
        fallbacks=[{"first": ["second"]}],
        num_retries=0,
    )
    local_provider.add(Error(400, "not this one"))
    router.completion("first", arguments["messages"])
    (span,) = flushed(collector)
    told = attributes(span)
    assert (span.status.code, told["gen_ai.request.model"]) == (0, "gpt-4o-mini")
    assert (told["edgequake.router.deployment"], told["edgequake.router.group"]) == ("id-of-gpt-4o-mini", "second")
    assert (told["edgequake.fallback"], told["edgequake.retries"]) == (True, 1)
    (event,) = span.events
    assert (attributes(event)["gen_ai.request.model"], attributes(event)["error.type"]) == ("gpt-4o", "BadRequestError")
    sent = [request.headers["traceparent"] for request in local_provider.requests]
    assert sent == [f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01"] * 2


# litellm's names -----------------------------------------------------------------------------------------------------------


def test_callbacks_by_litellms_names(
    collector: Collector, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_ENDPOINT", collector.endpoint)
    monkeypatch.setenv("OTEL_HEADERS", "x-token=abcdef")
    monkeypatch.setattr(litellm, "callbacks", ["otel", "prometheus"])
    litellm.completion(**arguments)
    (span,) = flushed(collector)
    assert attributes(span)["litellm.call_id"]
    assert attributes(collector.traces[0].resource_spans[0].resource)["service.name"] == "litellm"
    assert collector.headers[0]["x-token"] == "abcdef"
    assert "gen_ai_client_operation_duration_seconds_count" in litellm.prometheus_metrics()


def test_a_wrong_variable_fails_no_call_of_a_callback_by_name(
    arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgequake_litellm import _telemetry

    monkeypatch.setattr(_telemetry, "_refused", set())
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")
    monkeypatch.setattr(litellm, "callbacks", ["otel"])
    with pytest.warns(UserWarning, match="OTEL_EXPORTER_OTLP_ENDPOINT"):
        litellm.completion(**arguments)
    litellm.completion(**arguments)


def test_the_environment_of_opentelemetry_is_obeyed(
    arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    with HttpCollector() as metrics:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", metrics.endpoint + "/own/metrics")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-token=a%20b")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.name=other")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
        litellm.enable_telemetry(otlp=True)
        litellm.completion(**arguments)
        (_,) = flushed(collector)
        assert (collector.metrics, len(metrics.metrics)) == ([], 1)
        assert collector.headers[0]["x-token"] == "a b"
        about = attributes(collector.traces[0].resource_spans[0].resource)
        assert (about["service.name"], about["deployment.environment.name"]) == ("shop", "test")


def test_to_enable_it_without_a_word_exports_to_where_the_environment_says(
    collector: Collector, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    litellm.enable_telemetry()
    # What is on stays as it is.
    litellm.enable_telemetry()
    litellm.completion(**arguments)
    assert len(flushed(collector)) == 1


# Prometheus and logs -------------------------------------------------------------------------------------------------------


def test_prometheus_reads_the_metrics(arguments: dict[str, Any], local_provider: LocalProvider) -> None:
    with pytest.raises(litellm.BadRequestError, match=r"enable_telemetry\(prometheus=True\)"):
        litellm.prometheus_metrics()
    litellm.enable_telemetry(prometheus=True)
    for _ in range(2):
        litellm.completion(**arguments)
    local_provider.add(Error(429, "too many"))
    with pytest.raises(litellm.RateLimitError):
        litellm.completion(**arguments, num_retries=0)
    # What was counted goes on being counted.
    litellm.enable_telemetry(service_name="renamed")
    lines = litellm.prometheus_metrics().splitlines()
    counts = {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in lines if "_duration_seconds_count" in line}
    good = [count for labels, count in counts.items() if "error_type" not in labels]
    bad = [count for labels, count in counts.items() if 'error_type="RateLimitError"' in labels]
    assert (good, bad) == (["2"], ["1"])
    assert "edgequake_calls_in_flight 0" in lines
    for line in lines:
        assert line.startswith("#") or len(line.rpartition(" ")[2]) > 0


def test_log_records_name_the_call(
    arguments: dict[str, Any], caplog: pytest.LogCaptureFixture, local_provider: LocalProvider
) -> None:
    local_provider.add(Error(503, "overloaded", retry_after=0))
    from edgequake_litellm import _records

    _records.ask(logging.DEBUG)
    try:
        with caplog.at_level(logging.DEBUG, "LiteLLM"):
            litellm.completion(**arguments, num_retries=1, litellm_call_id="call-17")
            deadline = time.monotonic() + 10
            while len(caplog.records) < 3:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        assert all('"call_id":"call-17"' in record.getMessage() for record in caplog.records)
    finally:
        _records.ask(logging.WARNING)


# Wrong settings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"otlp": {"endpoint": "localhost:4317"}}, "endpoint"),
        ({"otlp": {"endpont": "x"}}, "endpont"),
        ({"otlp": {"protocol": "http/json"}}, "http/json"),
        ({"sampler": "sometimes"}, "sometimes"),
        ({"resource": {"a": 1}}, "resource"),
        ({"otlp": {"certificate": "no/such.pem"}}, "certificate"),
    ],
)
def test_what_is_wrong_is_refused_and_changes_nothing(
    given: dict[str, Any], named: str, collector: Collector, arguments: dict[str, Any]
) -> None:
    litellm.enable_telemetry(otlp={"endpoint": collector.endpoint})
    with pytest.raises(litellm.BadRequestError, match=named):
        litellm.enable_telemetry(**given)
    litellm.completion(**arguments)
    assert len(flushed(collector)) == 1
