"""The fault server does what its faults are called, seen with plain sockets and the standard library's HTTP client."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse
from email.utils import parsedate_to_datetime
from typing import Iterator

import pytest

from . import FAULTS, FaultServer, addresses, catalogue, messages

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


def request_bytes(*, stream: bool = False, path: str = "/v1/chat/completions") -> bytes:
    body = json.dumps({**CHAT, "stream": stream}).encode()
    return b"POST %b HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)


def connect(server: FaultServer) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=5)


def read_all(client: socket.socket) -> bytes:
    """What comes until the server's stream ends. A reset raises ConnectionResetError."""
    received = bytearray()
    while True:
        data = client.recv(65536)
        if not data:
            return bytes(received)
        received += data


def meet(server: FaultServer, *, stream: bool = False) -> bytes:
    with connect(server) as client:
        client.sendall(request_bytes(stream=stream))
        return read_all(client)


@contextlib.contextmanager
def http_client(server: FaultServer) -> Iterator[http.client.HTTPConnection]:
    client = http.client.HTTPConnection(server.host, server.port, timeout=5)
    try:
        yield client
    finally:
        client.close()


def post(client: http.client.HTTPConnection, *, stream: bool = False, **more: object) -> http.client.HTTPResponse:
    client.request("POST", "/v1/chat/completions", json.dumps({**CHAT, "stream": stream, **more}))
    return client.getresponse()


def content_of(stream: bytes) -> str:
    events = [line[6:] for line in stream.split(b"\n") if line.startswith(b"data: ")]
    assert events.pop() == b"[DONE]"
    deltas = [choice["delta"] for event in events for choice in json.loads(event)["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


# -- the script --------------------------------------------------------------------------------------------------------


def test_the_script_is_played_in_order_and_then_the_answers_are_good() -> None:
    with FaultServer(catalogue.status(503), catalogue.status(500)) as server, http_client(server) as client:
        statuses = []
        for _ in range(4):
            answer = post(client)
            statuses.append((answer.status, bool(answer.read())))
        assert statuses == [(503, True), (500, True), (200, True), (200, True)]
        assert [exchange.fault for exchange in server.requests] == ["status_503", "status_500", "ok", "ok"]
        assert server.connections == 1
        assert server.requests[0].json == {**CHAT, "stream": False}
        assert (server.requests[0].method, server.requests[0].target) == ("POST", "/v1/chat/completions")
        assert server.requests[0].headers["host"] == f"{server.host}:{server.port}"


def test_the_good_answer_is_what_was_asked_for() -> None:
    with FaultServer() as server, http_client(server) as client:
        assert json.loads(post(client).read())["choices"][0]["message"]["content"] == messages.TEXT
        assert content_of(post(client, stream=True).read()) == messages.TEXT
        client.request("POST", "/v1/embeddings", json.dumps({"model": "m", "input": ["a", "b"]}))
        assert [each["index"] for each in json.loads(client.getresponse().read())["data"]] == [0, 1]


def test_faults_of_connections_come_before_any_request() -> None:
    with FaultServer(catalogue.fin_on_accept(), catalogue.status(500)) as server:
        with connect(server) as client:
            assert read_all(client) == b""
        assert (server.requests, [each.fault for each in server.exchanges]) == ([], ["fin_on_accept"])
        with http_client(server) as client:
            assert post(client).status == 500


def test_a_request_in_chunks_is_read_whole() -> None:
    with FaultServer() as server, http_client(server) as client:
        client.request(
            "POST", "/v1/x", iter([b"one", b"two"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
        )
        client.getresponse().read()
        assert server.requests[0].body == b"onetwo"


# -- what the server notices -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_client_that_goes_while_it_waits_is_noticed(how: str) -> None:
    with FaultServer(catalogue.no_answer()) as server:
        client = connect(server)
        client.sendall(request_bytes())
        assert server.wait_requests(1)
        assert not server.wait_gone(timeout=0.05)
        if how == "rst":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        assert server.wait_gone()
        assert server.exchanges[0].gone == how
        assert server.wait_idle()


def test_a_client_that_does_not_read_holds_the_server_back() -> None:
    with FaultServer(catalogue.endless_stream(limit=64 << 20), send_buffer=65536) as server, connect(server) as client:
        client.sendall(request_bytes(stream=True))
        sent = -1
        while not server.exchanges or server.exchanges[0].sent != sent:
            sent = server.exchanges[0].sent if server.exchanges else -1
            time.sleep(0.1)
        assert 0 < sent < 32 << 20
        assert len(read_all(client)) > 64 << 20


def test_closing_the_server_ends_what_is_under_way() -> None:
    with FaultServer(catalogue.no_answer()) as server:
        client = connect(server)
        client.sendall(request_bytes())
        assert server.wait_requests(1)
    with client:
        assert read_all(client) == b""


# -- connections -------------------------------------------------------------------------------------------------------


def test_a_reset_before_the_request() -> None:
    # The reset may come before connect() has looked at what became of the attempt.
    with (
        FAULTS["rst_on_accept"].open() as target,
        pytest.raises(ConnectionResetError),
        connect(target.server) as client,
    ):
        read_all(client)


@pytest.mark.parametrize("name", ["rst_after_request", "rst_mid_event"])
def test_resets(name: str) -> None:
    with FAULTS[name].open() as target, connect(target.server) as client:
        client.sendall(request_bytes(stream=True))
        with pytest.raises(ConnectionResetError):
            read_all(client)


@pytest.mark.parametrize("name", ["fin_before_headers", "partial_header"])
def test_orderly_ends_that_come_too_soon(name: str) -> None:
    with FAULTS[name].open() as target:
        received = meet(target.server)
        assert b"\r\n\r\n" not in received
        assert received.startswith(b"HTTP/1.1 200") == (name == "partial_header")


def test_tls_alert() -> None:
    with FAULTS["tls_alert"].open() as target, connect(target.server) as client:
        assert target.base_url.startswith("https://")
        client.sendall(b"\x16\x03\x01greeting")
        assert read_all(client) == b"\x15\x03\x03\x00\x02\x02\x28"


def test_tls_stall() -> None:
    with FAULTS["tls_stall"].open() as target, connect(target.server) as client:
        client.sendall(b"\x16\x03\x01greeting")
        client.settimeout(0.1)
        with pytest.raises(socket.timeout):
            client.recv(1)
        assert not target.server.exchanges[0].finished


def test_stale_keep_alive() -> None:
    with FAULTS["stale_keep_alive"].open() as target, http_client(target.server) as client:
        assert post(client).read()
        with pytest.raises(http.client.RemoteDisconnected):
            post(client)
        assert post(client).status == 200
        assert [each.fault for each in target.server.requests] == ["stale_keep_alive", "stale_keep_alive", "ok"]
        assert target.server.connections == 2


def test_close_after_answer() -> None:
    with FaultServer(catalogue.close_after_answer()) as server:
        assert b"connection: close" not in meet(server).lower()


def test_redirect_elsewhere() -> None:
    with FAULTS["redirect_elsewhere"].open() as target, http_client(target.server) as client:
        answer = post(client)
        location = urllib.parse.urlsplit(answer.headers["location"])
        assert (answer.status, location.hostname, location.port) == (307, "localhost", target.server.port)
        assert location.hostname != target.server.host


# -- headers and statuses ----------------------------------------------------------------------------------------------


def test_slow_headers() -> None:
    with FaultServer(catalogue.slow_headers(0.2)) as server, http_client(server) as client:
        before = time.monotonic()
        assert post(client).status == 200
        assert time.monotonic() - before >= 0.2


def test_header_bomb() -> None:
    received = b""
    with FaultServer(catalogue.header_bomb(count=1000, size=1000)) as server:
        received = meet(server)
    assert received.count(b"x-filler: ") == 1000
    assert b"\r\n\r\n" not in received


def test_informational_flood_has_no_final_answer() -> None:
    with FaultServer(catalogue.informational_flood(limit=100_000)) as server:
        received = meet(server)
    assert len(received) >= 100_000
    assert {answer.split(b"\r\n")[0] for answer in received.split(b"\r\n\r\n") if answer} == {
        b"HTTP/1.1 103 Early Hints"
    }


def test_informational_answers_before_the_final_one() -> None:
    with FaultServer(catalogue.informational()) as server, connect(server) as client:
        client.sendall(request_bytes())
        received = b""
        while messages.completion() not in received:
            received += client.recv(65536)
    assert [part.split(b" ")[1] for part in received.split(b"\r\n\r\n")[:4]] == [b"103", b"103", b"103", b"200"]


@pytest.mark.parametrize("code", [408, 409, 500, 503, 504, 529])
def test_statuses(code: int) -> None:
    with FAULTS[f"status_{code}"].open() as target, http_client(target.server) as client:
        answer = post(client)
        assert (answer.status, json.loads(answer.read())["error"]["message"]) == (code, f"scripted status {code}")


@pytest.mark.parametrize(
    ("name", "header"), [("rate_limited", None), ("rate_limited_seconds", "1"), ("rate_limited_absurd", "9999")]
)
def test_rate_limits(name: str, header: str) -> None:
    with FAULTS[name].open() as target, http_client(target.server) as client:
        answer = post(client)
        assert (answer.status, answer.headers["retry-after"]) == (429, header)


def test_the_date_of_a_rate_limit_is_reckoned_from_the_answer() -> None:
    fault = catalogue.rate_limited_until(100)
    with FaultServer(fault) as server, http_client(server) as client:
        before = time.time()
        date = parsedate_to_datetime(post(client).headers["retry-after"]).timestamp()
        # HTTP's dates have no fractions of a second.
        assert before + 99 <= date <= time.time() + 100


@pytest.mark.parametrize(
    ("name", "status", "content_type", "start"),
    [
        ("bad_gateway_page", 502, "text/html", b"<html>"),
        ("error_in_ok", 200, "application/json", b'{"error":'),
        ("wrong_content_type", 200, "text/plain", b'{"id":'),
    ],
)
def test_answers_that_are_not_what_their_status_says(name: str, status: int, content_type: str, start: bytes) -> None:
    with FAULTS[name].open() as target, http_client(target.server) as client:
        answer = post(client)
        assert (answer.status, answer.headers["content-type"]) == (status, content_type)
        assert answer.read().startswith(start)


# -- bodies ------------------------------------------------------------------------------------------------------------


def test_content_lengths_that_lie() -> None:
    whole = messages.completion()
    with FaultServer(catalogue.short_content_length(), catalogue.long_content_length()) as server:
        with http_client(server) as client:
            assert post(client).read() == whole[:-10]
        with http_client(server) as client, pytest.raises(http.client.IncompleteRead) as caught:
            post(client).read()
        assert caught.value.partial == whole


def test_bodies_that_are_not_what_their_encoding_says() -> None:
    with FaultServer(catalogue.bad_gzip(), catalogue.cut_gzip()) as server, http_client(server) as client:
        with pytest.raises(gzip.BadGzipFile):
            gzip.decompress(post(client).read())
        with pytest.raises(EOFError):
            gzip.decompress(post(client).read())


def test_a_gzip_bomb_is_right_gzip() -> None:
    with FaultServer(catalogue.gzip_bomb(mebibytes=3)) as server, http_client(server) as client:
        packed = post(client).read()
    assert gzip.decompress(packed) == bytes(3 << 20)
    assert len(packed) * 900 < 3 << 20


def test_a_bad_chunk_size_comes_after_a_good_event() -> None:
    with FAULTS["bad_chunk_size"].open() as target, http_client(target.server) as client:
        answer = post(client, stream=True)
        assert answer.read1().startswith(b"data: {")
        with pytest.raises((http.client.IncompleteRead, ValueError)):
            answer.read()


@pytest.mark.parametrize("stream", [False, True])
def test_a_stall_is_in_the_middle_of_the_body(stream: bool) -> None:
    with FAULTS["stall_mid_body"].open() as target, http_client(target.server) as client:
        answer = post(client, stream=stream)
        client.sock.settimeout(0.2)
        with pytest.raises(socket.timeout):
            answer.read()
        assert target.server.exchanges[0].sent > 0
        answer.close()
        client.close()
        assert target.server.wait_gone()


def test_a_cut_is_in_the_middle_of_an_event() -> None:
    with FAULTS["fin_mid_event"].open() as target, http_client(target.server) as client:
        with pytest.raises(http.client.IncompleteRead) as caught:
            post(client, stream=True).read()
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            json.loads(caught.value.partial.rpartition(b"data: ")[2])


def test_a_cut_before_the_text_leaves_the_role_alone() -> None:
    with FAULTS["fin_before_text"].open() as target, http_client(target.server) as client:
        with pytest.raises(http.client.IncompleteRead) as caught:
            post(client, stream=True).read()
        assert caught.value.partial == messages.stream_events()[0]
        assert b'"role":"assistant","content":""' in caught.value.partial


def test_a_cut_of_a_plain_answer_is_in_the_middle_of_its_body() -> None:
    with FAULTS["fin_mid_event"].open() as target, http_client(target.server) as client:
        with pytest.raises(http.client.IncompleteRead) as caught:
            post(client).read()
        assert 0 < len(caught.value.partial) < len(messages.completion())


def test_a_stream_without_end_is_right_http() -> None:
    with FaultServer(catalogue.stream_without_end(3)) as server, http_client(server) as client:
        body = post(client, stream=True).read()
    assert body == b"".join(messages.stream_events()[:3])
    assert b'"finish_reason":null' in body


@pytest.mark.parametrize("make", [catalogue.chunk_extensions, catalogue.trailers, catalogue.drip])
def test_streams_that_are_odd_and_right(make: object) -> None:
    with FaultServer(make()) as server, http_client(server) as client:  # type: ignore[operator]
        assert content_of(post(client, stream=True).read()) == messages.TEXT


def test_a_compressed_stream() -> None:
    with FaultServer(catalogue.gzip_stream()) as server, http_client(server) as client:
        answer = post(client, stream=True)
        assert answer.headers["content-encoding"] == "gzip"
        assert content_of(gzip.decompress(answer.read())) == messages.TEXT


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_transcript_in_pieces(size: int) -> None:
    events = [messages.event("a"), messages.event("é😀")]
    with FaultServer(catalogue.transcript(events, size=size)) as server, http_client(server) as client:
        assert post(client, stream=True).read() == b"".join(events)


def test_pieces_of_a_drip_come_apart() -> None:
    with FaultServer(catalogue.drip(size=1, gap=0.01, data=b"abc")) as server, connect(server) as client:
        client.sendall(request_bytes())
        assert [client.recv(10) for _ in range(3)] == [b"a", b"b", b"c"]


def test_an_endless_body_has_the_limit_that_is_set() -> None:
    with FaultServer(catalogue.endless_body(limit=1_000_000)) as server:
        assert 1_000_000 <= len(meet(server)) < 1_100_000


# -- addresses ---------------------------------------------------------------------------------------------------------


def address_of(base_url: str) -> tuple[str, int]:
    parts = urllib.parse.urlsplit(base_url)
    return str(parts.hostname), parts.port or 80


def test_a_name_that_is_not_found() -> None:
    with FAULTS["dns_fail"].open() as target, pytest.raises(socket.gaierror):
        socket.getaddrinfo(*address_of(target.base_url))


def test_a_port_that_refuses() -> None:
    with FAULTS["refused"].open() as target, pytest.raises(ConnectionRefusedError):
        socket.create_connection(address_of(target.base_url), timeout=5)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other kernels than Linux refuse what Linux drops")
def test_a_port_that_answers_no_attempt_to_connect() -> None:
    with FAULTS["syn_blackhole"].open() as target, pytest.raises(socket.timeout):
        socket.create_connection(address_of(target.base_url), timeout=0.3)


@pytest.mark.skipif(not addresses.can_hang_resolver(), reason="a library in front of libc needs Linux and a C compiler")
def test_a_name_whose_lookup_hangs() -> None:
    with FAULTS["dns_hang"].open() as target:
        code = (
            "import socket, sys; socket.getaddrinfo('localhost', 80); print('found', flush=True);"
            f"socket.getaddrinfo({address_of(target.base_url)[0]!r}, 80)"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, **target.environment}
        ) as child:
            try:
                assert child.stdout is not None
                assert child.stdout.readline() == b"found\n"
                with pytest.raises(subprocess.TimeoutExpired):
                    child.wait(0.3)
            finally:
                child.kill()


def test_the_matrix_has_all_faults() -> None:
    assert len(FAULTS) == 35
