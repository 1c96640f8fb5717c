"""Collectors of OTLP that decode what they are sent, with OpenTelemetry's own messages: one over HTTP, one over gRPC."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Iterator, Mapping, Optional

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Collector:
    """What has come, decoded, and how requests are answered."""

    endpoint: str

    def __init__(self) -> None:
        self.traces: list[Any] = []
        self.metrics: list[Any] = []
        self.headers: list[Mapping[str, str]] = []
        self.rejected = 0
        # Failures to answer with before anything is taken: statuses of HTTP, or codes of gRPC.
        self.failures: list[Any] = []
        self.delay = 0.0
        self.refused = 0

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        raise NotImplementedError

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        time.sleep(self.delay)
        self.headers.append(headers)
        if "trace" in path.lower():
            self.traces.append(ExportTraceServiceRequest.FromString(body))
            answer = ExportTraceServiceResponse()
            if self.rejected:
                answer.partial_success.rejected_spans = self.rejected
                answer.partial_success.error_message = "too old"
            return answer.SerializeToString()
        self.metrics.append(ExportMetricsServiceRequest.FromString(body))
        return ExportMetricsServiceResponse().SerializeToString()

    def spans(self) -> list[Any]:
        return [
            span
            for request in self.traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def metric(self, name: str) -> Optional[Any]:
        """The metric as it was last sent."""
        for request in reversed(self.metrics):
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        if metric.name == name:
                            return metric
        return None

    def everything(self) -> bytes:
        return b"".join(message.SerializeToString() for message in (*self.traces, *self.metrics))


class HttpCollector(Collector):
    def __init__(self) -> None:
        super().__init__()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                assert self.headers["content-type"] == "application/x-protobuf"
                status, answer = 200, b""
                if collector.failures:
                    status = collector.failures.pop(0)
                    collector.refused += 1
                else:
                    answer = collector.take(self.path, dict(self.headers.items()), body)
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class GrpcCollector(Collector):
    def __init__(self) -> None:
        import grpc

        super().__init__()
        collector = self

        class Services(grpc.GenericRpcHandler):  # type: ignore[misc]
            def service(self, details: Any) -> Any:
                def export(body: bytes, context: Any) -> bytes:
                    if collector.failures:
                        collector.refused += 1
                        context.abort(collector.failures.pop(0), "not now, x-token-of-the-collector")
                    headers = {item.key: item.value for item in context.invocation_metadata()}
                    return collector.take(details.method, headers, body)

                if not details.method.endswith("Service/Export"):
                    return None
                return grpc.unary_unary_rpc_method_handler(export)

        self._server = grpc.server(ThreadPoolExecutor(4), handlers=(Services(),))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.endpoint = f"http://127.0.0.1:{port}"
        self._server.start()

    def close(self) -> None:
        self._server.stop(None).wait()


COLLECTORS: dict[str, Callable[[], Collector]] = {"http/protobuf": HttpCollector, "grpc": GrpcCollector}


def attributes(given: Any) -> dict[str, Any]:
    """Attributes as Python's values."""
    return {item.key: _value(item.value) for item in given.attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind)


def points(metric: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """The points of a histogram, with their attributes."""
    for point in metric.histogram.data_points:
        yield attributes(point), point
