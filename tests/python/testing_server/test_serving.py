"""The local provider as a server: addresses, keys, HTTP/1.1, clients that leave, starting and ending."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import List

import pytest

import edgequake_litellm.testing as package
from edgequake_litellm.testing import LocalProvider

from .client import HI, Answer, begin_stream, connected, deltas, send, text

# -- addresses and keys ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/v1", "/openai/v1", "/api/paas/v4", "/models/org/name/v1"])
def test_any_prefix_is_accepted(provider: LocalProvider, prefix: str) -> None:
    answer = send(provider, f"{prefix}/chat/completions?x=1", {"model": "m", "messages": HI})
    assert answer.message["content"] == "You said: Hi there"
    assert provider.requests[-1].path == f"{prefix}/chat/completions"


def test_azure(provider: LocalProvider) -> None:
    path = "/openai/deployments/my%20gpt/chat/completions"
    key = {"api-key": "secret"}
    answer = send(provider, f"{path}?api-version=2024-10-21", {"messages": HI}, headers=key)
    assert (answer.status, answer.json["model"]) == (200, "my gpt")
    assert answer.json["prompt_filter_results"][0]["content_filter_results"]["hate"]["filtered"] is False
    assert answer.json["choices"][0]["content_filter_results"]["violence"]["severity"] == "safe"
    request = provider.requests[-1]
    assert (request.deployment, request.query, request.api_key) == ("my gpt", {"api-version": "2024-10-21"}, "secret")
    first, *others = send(provider, f"{path}?api-version=1", {"messages": HI, "stream": True}, headers=key).events
    assert (first["choices"], first["prompt_filter_results"][0]["prompt_index"]) == ([], 0)
    assert all(event["choices"][0]["content_filter_results"] == {} for event in others)
    assert send(provider, path, {"messages": HI}, headers=key).status == 404
    embedding = send(provider, "/openai/deployments/e/embeddings?api-version=1", {"input": "a"}, headers=key)
    assert embedding.json["model"] == "e"


def test_keys() -> None:
    body = {"model": "m", "messages": HI}
    tried = [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic x"},
        {"Authorization": "bearer any"},
        {"api-key": "any"},
    ]
    with LocalProvider() as provider:
        answers = [send(provider, "/v1/chat/completions", body, headers=headers) for headers in tried]
        assert [answer.status for answer in answers] == [401, 401, 401, 200, 200]
        assert answers[0].error["type"] == "invalid_request_error"
    with LocalProvider(api_key="right") as provider:
        wrong = send(provider, "/v1/chat/completions", body)
        assert (wrong.status, wrong.error["code"]) == (401, "invalid_api_key")
        assert b"right" not in wrong.body
        assert send(provider, "/v1/chat/completions", body, headers={"api-key": "right"}).status == 200
    with LocalProvider(require_key=False) as provider:
        assert send(provider, "/v1/chat/completions", body, headers={}).status == 200


def test_addresses_that_are_refused(provider: LocalProvider) -> None:
    assert send(provider, "/v1/nothing", {}).error["message"] == "Invalid URL (POST /v1/nothing)"
    assert send(provider, "/v1/nothing", {}).status == 404
    assert send(provider, "/v1/chat/completions", method="GET").status == 405
    assert send(provider, "/v1/models", {}).status == 405
    head = send(provider, "/v1/models", method="HEAD")
    assert (head.status, head.body) == (405, b"")


# -- connections -------------------------------------------------------------------------------------------------------


def test_a_connection_serves_many_requests(provider: LocalProvider) -> None:
    with connected(provider) as client:
        for stream in (False, True, False):
            body = json.dumps({"model": "m", "messages": HI, "stream": stream})
            client.request("POST", "/v1/chat/completions", body, {"Authorization": "Bearer k"})
            assert client.getresponse().read()
        client.request("GET", "/nowhere")
        assert client.getresponse().read()
    assert (len(provider.requests), provider.connections) == (4, 1)
    assert provider.wait_idle()
    assert provider.disconnects == 0


def test_pipelined_requests_are_answered_in_order(provider: LocalProvider) -> None:
    with socket.create_connection(("127.0.0.1", provider.port), timeout=5) as client:
        client.sendall(b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\nConnection: close\r\n\r\n")
        received = b"".join(iter(lambda: client.recv(65536), b""))
    assert received.index(b"GET /a") < received.index(b"GET /b")


def test_bodies_in_chunks_and_with_expectation(provider: LocalProvider) -> None:
    body = json.dumps({"model": "m", "messages": HI}).encode()
    start = b"POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer k\r\nConnection: close\r\n"
    with socket.create_connection(("127.0.0.1", provider.port), timeout=5) as client:
        client.sendall(start + b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for part in (body[:5], body[5:]):
            client.sendall(b"%x;note=1\r\n%b\r\n" % (len(part), part))
        client.sendall(b"0\r\nX-Trailer: 1\r\n\r\n")
        assert b"You said: Hi there" in b"".join(iter(lambda: client.recv(65536), b""))
    assert provider.requests[0].body == body


def test_http_1_0_gets_a_stream_that_ends_with_the_connection(provider: LocalProvider) -> None:
    body = json.dumps({"model": "m", "messages": HI, "stream": True}).encode()
    with socket.create_connection(("127.0.0.1", provider.port), timeout=5) as client:
        client.sendall(
            b"POST /v1/chat/completions HTTP/1.0\r\nAuthorization: Bearer k\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )
        head, _, received = b"".join(iter(lambda: client.recv(65536), b"")).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert received.endswith(b"\n\ndata: [DONE]\n\n")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"nonsense", 400),
        (b"GET / HTTP/2.0", 400),
        (b"GET / HTTP/1.1\r\nno colon", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip", 501),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 300_000, 431),
    ],
)
def test_what_is_no_http_is_refused(provider: LocalProvider, head: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", provider.port), timeout=5) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(head + b"\r\n\r\n")
        received = client.recv(65536)
    assert received.startswith(b"HTTP/1.1 %d " % status)
    assert text(provider) == "You said: Hi there"


def test_a_client_that_leaves_a_stream_is_noticed(provider: LocalProvider) -> None:
    provider.reply("word " * 1000, gap=0.01)
    with begin_stream(provider) as client:
        assert client.recv(4096)
        assert not provider.wait_disconnected(timeout=0.05)
    assert provider.wait_disconnected()
    request = provider.requests[0]
    assert (request.disconnected, request.complete) == (True, False)
    assert 0 < request.chunks_sent < 1000
    assert provider.wait_idle()


def test_a_client_that_leaves_before_the_answer_is_noticed(provider: LocalProvider) -> None:
    provider.delay(60)
    with begin_stream(provider):
        assert provider.wait_requests(1)
    assert provider.wait_disconnected()
    assert provider.requests[0].status is None


def test_a_client_that_leaves_without_a_pause_in_the_stream_is_noticed(provider: LocalProvider) -> None:
    provider.reply("word " * 200_000)
    with begin_stream(provider) as client:
        client.recv(4096)
    assert provider.wait_disconnected()
    assert provider.requests[0].chunks_sent < 200_000


def test_a_client_that_does_not_read_holds_the_stream_back(provider: LocalProvider) -> None:
    provider.reply(chunks=["word " * 2000] * 4000)
    with begin_stream(provider) as client:
        assert provider.wait_requests(1)
        sent = -1
        while provider.requests[0].chunks_sent != sent or sent <= 0:
            sent = provider.requests[0].chunks_sent
            time.sleep(0.2)
        assert sent < 4000
        # All of it comes once it is read. What the kernel holds comes after the provider has let it go.
        received = 0
        while received <= 4000 * 10_000:
            data = client.recv(1 << 20)
            assert data, f"the stream ended after {received} bytes"
            received += len(data)


def test_a_stream_without_pauses_leaves_others_their_turn(provider: LocalProvider) -> None:
    provider.reply("word " * 100_000)
    with begin_stream(provider) as client:

        def read() -> None:
            with contextlib.suppress(ConnectionResetError):
                while client.recv(1 << 20):
                    pass

        reader = threading.Thread(target=read)
        reader.start()
        assert text(provider) == "You said: Hi there"
        assert not provider.requests[0].complete
        client.shutdown(socket.SHUT_RDWR)
        reader.join()


def test_many_streams_at_once() -> None:
    count = 300

    async def read_stream(port: int, number: int) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = json.dumps(
            {"model": "m", "messages": [{"role": "user", "content": str(number)}], "stream": True}
        ).encode()
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer k\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        received = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
        assert "data: [DONE]" in received
        events = [json.loads(line[6:]) for line in received.splitlines() if line.startswith("data: {")]
        return "".join(event["choices"][0]["delta"].get("content") or "" for event in events)

    async def read_all(port: int) -> List[str]:
        return await asyncio.gather(*(read_stream(port, number) for number in range(count)))

    with LocalProvider(gap=0.05) as provider:
        assert asyncio.run(read_all(provider.port)) == [f"You said: {number}" for number in range(count)]
        assert (provider.connections, provider.disconnects) == (count, 0)


# -- running -----------------------------------------------------------------------------------------------------------


def test_closing_ends_streams_and_thread() -> None:
    before = threading.active_count()
    with LocalProvider() as provider:
        provider.reply("word " * 100, gap=10)
        client = begin_stream(provider)
        assert provider.wait_requests(1)
    with client:
        while client.recv(4096):
            pass
    assert threading.active_count() == before
    provider.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", provider.port))


def test_an_address_that_is_taken_raises_in_the_caller(provider: LocalProvider) -> None:
    with pytest.raises(OSError, match=str(provider.port)):
        LocalProvider(port=provider.port).start()
    with pytest.raises(RuntimeError, match="running already"):
        provider.start()


def test_an_ipv6_address() -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with LocalProvider(host="::1") as provider:
        assert provider.base_url == f"http://[::1]:{provider.port}/v1"
        with socket.create_connection(("::1", provider.port), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 404"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl program makes the certificate")
def test_tls(tmp_path: Path) -> None:
    key, certificate = str(tmp_path / "key"), str(tmp_path / "certificate")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        key,
        "-out",
        certificate,
        *subject,
    ]
    subprocess.run(command, check=True, capture_output=True)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate, key)
    trusted = ssl.create_default_context(cafile=certificate)
    with LocalProvider(ssl_context=served) as provider:
        assert provider.base_url == f"https://127.0.0.1:{provider.port}/v1"
        provider.reply("over TLS")
        provider.cut("cut short")
        client = http.client.HTTPSConnection("127.0.0.1", provider.port, timeout=10, context=trusted)
        with contextlib.closing(client):
            body = json.dumps({"model": "m", "messages": HI, "stream": True})
            client.request("POST", "/v1/chat/completions", body, {"Authorization": "Bearer k"})
            joined = "".join(delta.get("content") or "" for delta in deltas(Answer(client.getresponse())))
            assert joined == "over TLS"
            client.request("POST", "/v1/chat/completions", body, {"Authorization": "Bearer k"})
            with pytest.raises(http.client.IncompleteRead):
                client.getresponse().read()
        assert (provider.connections, provider.wait_idle()) == (1, True)


ROOT = str(Path(package.__file__).parents[2])


def run(*arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": ROOT}
    return subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send one process a Ctrl-C")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_shell_command(tmp_path: Path, how: signal.Signals) -> None:
    port_file = tmp_path / "port"
    with run(
        "-m", "edgequake_litellm.testing", "--port", "0", "--port-file", str(port_file), "--model", "mine"
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            port = int(port_file.read_text())
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            client.request("GET", "/v1/models", headers={"Authorization": "Bearer k"})
            listed = json.loads(client.getresponse().read())
            client.close()
        finally:
            process.send_signal(how)
        rest, errors = process.communicate(timeout=10)
    assert address == f"http://127.0.0.1:{port}/v1"
    assert [model["id"] for model in listed["data"]] == ["mine"]
    assert (process.returncode, rest, errors) == (0, "", "")
    assert not port_file.exists()


def test_the_shell_command_says_why_it_cannot_listen(provider: LocalProvider) -> None:
    with run("-m", "edgequake_litellm.testing", "--port", str(provider.port)) as process:
        out, errors = process.communicate(timeout=10)
    assert (process.returncode, out) == (1, "")
    assert errors.startswith(f"cannot listen on 127.0.0.1:{provider.port}: ")
    assert "Traceback" not in errors


def test_the_standard_library_is_enough() -> None:
    with run(
        "-S", "-c", "import edgequake_litellm.testing as t; t.LocalProvider().start().close(); print('ok')"
    ) as process:
        assert process.communicate(timeout=30) == ("ok\n", "")


def test_the_fixture(tmp_path: Path) -> None:
    test = tmp_path / "test_it.py"
    test.write_text(
        "import urllib.request\n"
        "def test_it(local_provider):\n"
        "    request = urllib.request.Request(local_provider.base_url + '/models', headers={'api-key': 'k'})\n"
        "    assert b'gpt-4o' in urllib.request.urlopen(request).read()\n"
    )
    plugin = "edgequake_litellm.testing.pytest_plugin"
    with run(
        "-m", "pytest", "-q", "-p", plugin, "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(test)
    ) as process:
        out, _ = process.communicate(timeout=60)
    assert "1 passed" in out
