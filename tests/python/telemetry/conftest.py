"""A collector, and telemetry that ends with the test."""

from __future__ import annotations

import os
from typing import Any, Iterator

import pytest

import edgequake_litellm as litellm

pytest.importorskip(
    "opentelemetry.proto.collector", reason="opentelemetry-proto is not installed; only the tests need it"
)

from .collectors import COLLECTORS, Collector, HttpCollector


@pytest.fixture(autouse=True)
def ends_with_the_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)
    yield
    litellm.disable_telemetry()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with HttpCollector() as collector:
        yield collector


@pytest.fixture(params=list(COLLECTORS))
def exporting(request: Any) -> Iterator[Collector]:
    """A collector of each protocol, and telemetry that is on."""
    if request.param == "grpc":
        pytest.importorskip("grpc", reason="grpcio is not installed; only the tests need it")
    with COLLECTORS[request.param]() as collector:
        otlp = {
            "endpoint": collector.endpoint,
            "protocol": request.param,
            "headers": {"x-token": "token-of-the-collector"},
            "delay": 60,
            "timeout": 5,
        }
        litellm.enable_telemetry(otlp=otlp, service_name="tests")
        yield collector
        litellm.disable_telemetry()
