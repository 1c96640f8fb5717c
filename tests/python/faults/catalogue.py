"""The faults by name. ``FAULTS`` has the 35 of the fault matrix; the other constructors are for tests of their own.

``FAULTS[name].open()`` makes a fault ready to be met::

    with FAULTS["rst_after_request"].open(times=2) as target:
        completion("openai/gpt-4o", messages, api_base=target.base_url, num_retries=2)
        assert len(target.server.requests) == 3
"""

from __future__ import annotations

import gzip
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Callable, ContextManager, Dict, Iterable, Iterator, Optional, Sequence, Tuple

from . import addresses, messages
from .server import FaultServer, Peer
from .steps import (
    OK,
    Answer,
    BeginAnswer,
    Drip,
    Endless,
    Fault,
    Fin,
    NextRequest,
    Receive,
    Respond,
    Rst,
    Send,
    Sleep,
    Stall,
    Value,
)

# -- good answers ------------------------------------------------------------------------------------------------------


def ok() -> Fault:
    """The answer that was asked for."""
    return OK


def drip(size: int = 1, gap: float = 0.0, data: Optional[bytes] = None) -> Fault:
    """The right answer, or ``data``, a few bytes at a time."""
    return Fault("drip", [Drip(data, size, gap)])


def transcript(events: Iterable[bytes], size: Optional[int] = None, gap: float = 0.0, **options: object) -> Fault:
    """A stream of ``events``, each in a chunk of its own; with ``size`` its bytes go out that many at a time."""
    whole = messages.chunked(events, **options)  # type: ignore[arg-type]
    return Fault("transcript", [Send(whole) if size is None else Drip(whole, size, gap)])


def chunk_extensions() -> Fault:
    """A right stream whose chunk sizes have extensions (RFC 9112, 7.1.1)."""
    return Fault("chunk_extensions", [Send(messages.chunked(messages.stream_events(), extension=b';name="a;b"'))])


def trailers() -> Fault:
    """A right stream with trailers after its last chunk."""
    return Fault("trailers", [Send(messages.chunked(messages.stream_events(), trailers=[("x-checksum", "1")]))])


def gzip_stream() -> Fault:
    """A right stream that is compressed, in chunks that have nothing to do with events."""
    packed = gzip.compress(b"".join(messages.stream_events()), mtime=0)
    return Fault(
        "gzip_stream", [Send(messages.chunked(messages.split(packed, 7), headers=[("content-encoding", "gzip")]))]
    )


def informational(count: int = 3) -> Fault:
    """A few interim answers before the right one, as RFC 9110 15.2 allows."""
    return Fault("informational", [Send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * count), Answer()])


# -- connections -------------------------------------------------------------------------------------------------------


def tls_alert() -> Fault:
    """Answers the greeting of TLS with a fatal alert, handshake_failure (RFC 8446, 6.2)."""
    return Fault("tls_alert", [Receive(), Send(b"\x15\x03\x03\x00\x02\x02\x28"), Fin()], on_accept=True)


def tls_stall() -> Fault:
    """Reads the greeting of TLS and says nothing."""
    return Fault("tls_stall", [Receive(), Stall()], on_accept=True)


def rst_on_accept() -> Fault:
    return Fault("rst_on_accept", [Rst()], on_accept=True)


def fin_on_accept() -> Fault:
    return Fault("fin_on_accept", [Fin()], on_accept=True)


def rst_after_request() -> Fault:
    return Fault("rst_after_request", [Rst()])


def fin_before_headers() -> Fault:
    return Fault("fin_before_headers", [Fin()])


def stale_keep_alive(reset: bool = False) -> Fault:
    """Answers well, keeps the connection, and drops it when the next request has come in: not a byte is answered."""
    return Fault("stale_keep_alive", [Answer(), NextRequest(), Rst() if reset else Fin()])


def close_after_answer(delay: float = 0.0) -> Fault:
    """Answers well without ``Connection: close``, then closes the idle connection."""
    return Fault("close_after_answer", [Answer(), Sleep(delay), Fin()])


# -- headers -----------------------------------------------------------------------------------------------------------


def slow_headers(seconds: float = 2.0) -> Fault:
    """Says nothing for a while, then answers well."""
    return Fault("slow_headers", [Sleep(seconds), Answer()])


def no_answer() -> Fault:
    """Says nothing until the client goes."""
    return Fault("no_answer", [Stall()])


def header_drip(gap: float = 0.05) -> Fault:
    """Headers one byte at a time, without an end."""
    return Fault("header_drip", [Send(b"HTTP/1.1 200 OK\r\n"), Drip(b"x-filler: 1\r\n" * 10_000, 1, gap)])


def partial_header() -> Fault:
    """Ends the connection in the middle of a header line."""
    return Fault("partial_header", [Send(b"HTTP/1.1 200 OK\r\ncontent-type: appl"), Fin()])


def header_bomb(count: int = 20_000, size: int = 1000) -> Fault:
    """Header after header, 20 MB of them unless told otherwise."""
    line = b"x-filler: " + b"a" * size + b"\r\n"
    return Fault("header_bomb", [Send(b"HTTP/1.1 200 OK\r\n"), Endless(line * 100, count // 100 * 100 * len(line))])


def informational_flood(limit: int = 20_000_000) -> Fault:
    """Interim answers and never a final one, until ``limit`` bytes."""
    return Fault("informational_flood", [Endless(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 100, limit)])


def not_http() -> Fault:
    """Another protocol's greeting."""
    return Fault("not_http", [Send(b"SSH-2.0-OpenSSH_9.2\r\n"), Fin()])


# -- statuses ----------------------------------------------------------------------------------------------------------


def status(
    code: int,
    message: str = "",
    *,
    kind: str = "server_error",
    error_code: Optional[str] = None,
    headers: Optional[Dict[str, Value]] = None,
) -> Fault:
    """An error in OpenAI's form."""
    body = messages.error(message or f"scripted status {code}", kind, error_code)
    return Fault(f"status_{code}", [Respond(code, body, headers or {})])


def rate_limited(retry_after: Optional[Value] = None, *, header: str = "retry-after") -> Fault:
    """A 429, with the header's value as it stands or as a function of the peer."""
    headers: Dict[str, Value] = {} if retry_after is None else {header: retry_after}
    return status(429, "slow down", kind="requests", error_code="rate_limit_exceeded", headers=headers)


def rate_limited_until(seconds: float = 1.0) -> Fault:
    """A 429 whose Retry-After is the date ``seconds`` after the answer; whole seconds, as HTTP's dates are."""
    return rate_limited(lambda _: formatdate(time.time() + seconds, usegmt=True))


def bad_gateway_page() -> Fault:
    """A proxy's 502, which is HTML."""
    page = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
    return Fault("bad_gateway_page", [Respond(502, page, {}, "text/html")])


def error_in_ok() -> Fault:
    """A 200 whose body is an error object."""
    return Fault("error_in_ok", [Respond(200, messages.error("the model is overloaded", code="overloaded"), {})])


def page_in_ok() -> Fault:
    """A 200 whose body is an HTML page, as a captive portal has it."""
    return Fault("page_in_ok", [Respond(200, b"<html><body>Please log in</body></html>", {}, "text/html")])


def redirect_elsewhere(location: Optional[str] = None) -> Fault:
    """A 307 to another host name: ``location``, or this server under the name localhost."""

    def elsewhere(peer: Peer) -> str:
        return location or f"http://localhost:{peer.server.port}/elsewhere{peer.exchange.target}"

    return Fault("redirect_elsewhere", [Respond(307, b"", {"location": elsewhere})])


# -- bodies ------------------------------------------------------------------------------------------------------------


def wrong_content_type(content_type: str = "text/plain") -> Fault:
    """The right answer under the wrong type."""
    return Fault("wrong_content_type", [Answer(content_type)])


def short_content_length() -> Fault:
    """A Content-Length that is 10 less than the body has bytes; the connection stays."""
    body = messages.completion()
    return Fault("short_content_length", [Send(messages.response(body, length=len(body) - 10))])


def long_content_length() -> Fault:
    """A Content-Length that is 10 more than the body has bytes; then the connection ends."""
    body = messages.completion()
    return Fault("long_content_length", [Send(messages.response(body, length=len(body) + 10)), Fin()])


def bad_gzip() -> Fault:
    """A body that is said to be compressed and is not."""
    return Fault("bad_gzip", [Respond(200, messages.completion(), {"content-encoding": "gzip"})])


def cut_gzip() -> Fault:
    """A compressed body without its second half, under a Content-Length that fits."""
    packed = gzip.compress(messages.completion(), mtime=0)
    return Fault("cut_gzip", [Respond(200, packed[: len(packed) // 2], {"content-encoding": "gzip"})])


def gzip_bomb(mebibytes: int = 1024) -> Fault:
    """A compressed body that is a thousand times as big when it is unpacked."""
    return Fault("gzip_bomb", [Respond(200, messages.gzip_bomb(mebibytes), {"content-encoding": "gzip"})])


def bad_chunk_size() -> Fault:
    """A chunk whose size is not a number, after an event that is right."""
    good = messages.chunked(messages.stream_events()[:2])[: -len(b"0\r\n\r\n")]
    return Fault("bad_chunk_size", [Send(good + b"zz\r\ndata: {}\r\n"), Fin()])


def fin_before_text() -> Fault:
    """Ends a stream after its first event, which has the role and no text yet."""
    return Fault("fin_before_text", [BeginAnswer(events=1), Fin()])


def stall_mid_body() -> Fault:
    return Fault("stall_mid_body", [BeginAnswer(), Stall()])


def fin_mid_event() -> Fault:
    return Fault("fin_mid_event", [BeginAnswer(), Fin()])


def rst_mid_event() -> Fault:
    # The pause lets the client read what came before, which a reset may otherwise throw away: a busy machine takes its time.
    return Fault("rst_mid_event", [BeginAnswer(), Sleep(0.5), Rst()])


def stream_without_end(events: int = 3, *, done: bool = False) -> Fault:
    """A stream that closes in order after a few events, without a finish reason; with ``done``, after ``[DONE]``."""
    cut = messages.stream_events()[:events] + ([messages.event("[DONE]")] if done else [])
    return Fault("stream_without_end", [Send(messages.chunked(cut))])


def endless_body(limit: int = 1 << 30) -> Fault:
    """A JSON string without an end, until ``limit`` bytes."""
    start = messages.head(200, [("content-type", "application/json"), ("connection", "close")])
    return Fault("endless_body", [Send(start + b'{"id": "'), Endless(b"a" * 65536, limit)])


def endless_stream(limit: int = 1 << 30) -> Fault:
    """Events of content without an end, until ``limit`` bytes: for readers that are slow."""
    start = messages.head(200, [("content-type", "text/event-stream"), ("connection", "close")])
    return Fault("endless_stream", [Send(start), Endless(messages.stream_events()[1] * 64, limit)])


# -- the matrix --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """Where a fault can be met.

    ``environment`` has variables that the client's process must be started with.
    """

    base_url: str
    environment: Dict[str, str] = field(default_factory=dict)
    fault_server: Optional[FaultServer] = None

    @property
    def server(self) -> FaultServer:
        """The server; LookupError for a fault without one."""
        if self.fault_server is None:
            raise LookupError(f"no server is to be reached at {self.base_url}")
        return self.fault_server


@dataclass(frozen=True)
class Entry:
    """A fault of the matrix. ``open(times=n)`` lets n attempts meet it; the next one is answered well, if there is one."""

    name: str
    open: Callable[..., ContextManager[Target]]


def _served(make: Callable[[], Fault], scheme: str = "http") -> Callable[..., ContextManager[Target]]:
    @contextmanager
    def open_server(times: int = 1) -> Iterator[Target]:
        with FaultServer(*[make() for _ in range(times)]) as server:
            yield Target(server.base_url.replace("http", scheme, 1), fault_server=server)

    return open_server


def _addressed(
    address: Callable[[], ContextManager[Tuple[str, Dict[str, str]]]],
) -> Callable[..., ContextManager[Target]]:
    @contextmanager
    def open_address(times: int = 1) -> Iterator[Target]:
        with address() as (origin, environment):
            yield Target(f"{origin}/v1", environment)

    return open_address


_ENTRIES: Sequence[Entry] = [
    Entry("dns_fail", _addressed(addresses.unresolvable)),
    Entry("dns_hang", _addressed(addresses.unresolving)),
    Entry("refused", _addressed(addresses.refused)),
    Entry("syn_blackhole", _addressed(addresses.blackhole)),
    Entry("tls_alert", _served(tls_alert, "https")),
    Entry("tls_stall", _served(tls_stall, "https")),
    Entry("rst_on_accept", _served(rst_on_accept)),
    Entry("rst_after_request", _served(rst_after_request)),
    Entry("fin_before_headers", _served(fin_before_headers)),
    Entry("slow_headers", _served(slow_headers)),
    Entry("partial_header", _served(partial_header)),
    Entry("header_bomb", _served(header_bomb)),
    Entry("informational_flood", _served(informational_flood)),
    Entry("status_408", _served(lambda: status(408))),
    Entry("status_409", _served(lambda: status(409))),
    Entry("rate_limited", _served(rate_limited)),
    Entry("rate_limited_seconds", _served(lambda: rate_limited("1"))),
    Entry("rate_limited_date", _served(rate_limited_until)),
    Entry("rate_limited_absurd", _served(lambda: rate_limited("9999"))),
    Entry("status_500", _served(lambda: status(500))),
    Entry("bad_gateway_page", _served(bad_gateway_page)),
    Entry("status_503", _served(lambda: status(503))),
    Entry("status_504", _served(lambda: status(504))),
    Entry("status_529", _served(lambda: status(529, kind="overloaded_error"))),
    Entry("error_in_ok", _served(error_in_ok)),
    Entry("wrong_content_type", _served(wrong_content_type)),
    Entry("short_content_length", _served(short_content_length)),
    Entry("bad_gzip", _served(bad_gzip)),
    Entry("bad_chunk_size", _served(bad_chunk_size)),
    Entry("stall_mid_body", _served(stall_mid_body)),
    Entry("fin_before_text", _served(fin_before_text)),
    Entry("fin_mid_event", _served(fin_mid_event)),
    Entry("rst_mid_event", _served(rst_mid_event)),
    Entry("stale_keep_alive", _served(stale_keep_alive)),
    Entry("redirect_elsewhere", _served(redirect_elsewhere)),
]
FAULTS: Dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
