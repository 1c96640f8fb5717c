"""Replicate: predictions that are created, asked for and cancelled, and their streams."""

from __future__ import annotations

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Iterator

import pytest

import edgequake_litellm as litellm

from .conftest import KEY, MESSAGES, wait_until


class Server:
    """Predictions whose states a test gives; each question is answered with the next, and the last one repeats."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.states: list[tuple[int, Any]] = []
        self.events: bytes | None = None
        self.urls: dict[str, str] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.requests.append((self.command, self.path, headers, body))
                if self.path == "/stream" and server.events is not None:
                    return self.send(200, server.events, "text/event-stream")
                if self.path.endswith("/cancel"):
                    return self.send(200, b"{}", "application/json")
                status, state = server.states.pop(0) if len(server.states) > 1 else server.states[0]
                content = json.dumps({**state, "id": "p1", "urls": server.urls}).encode()
                return self.send(status, content, "application/json")

            def do_GET(self) -> None:
                self.do_POST()

            def send(self, status: int, content: bytes, content_type: str) -> None:
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """A test's output is not a log."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = False
        self.origin = f"http://127.0.0.1:{self._http.server_port}"
        self.urls = {"get": f"{self.origin}/v1/predictions/p1", "cancel": f"{self.origin}/v1/predictions/p1/cancel"}

    def called(self, method: str, end: str) -> list[tuple[str, str, dict[str, str], bytes]]:
        return [request for request in self.requests if request[0] == method and request[1].endswith(end)]

    def __enter__(self) -> Server:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def complete(server: Server) -> Callable[..., Any]:
    """Makes a call to the server."""

    def call(**more: Any) -> Any:
        usual = {"model": "replicate/meta/llama-2-7b-chat", "api_base": f"{server.origin}/v1", "api_key": KEY}
        return litellm.completion(**{**usual, "messages": MESSAGES, **more})

    return call


def state(status: str, *output: str, **more: Any) -> tuple[int, Any]:
    return (200, {"status": status, "output": list(output) or None, **more})


def test_a_prediction_is_asked_for_until_it_has_ended(server: Server, complete: Callable[..., Any]) -> None:
    metrics = {"input_token_count": 4, "output_token_count": 2}
    server.states = [state("starting"), state("processing", "Hel"), state("succeeded", "Hel", "lo", metrics=metrics)]
    response = complete(max_tokens=9, temperature=0.5, stop=["a", "b"], top_k=3)
    assert response.choices[0].message.content == "Hello"
    assert (response.model, response.choices[0].finish_reason) == ("replicate/meta/llama-2-7b-chat", "stop")
    assert (response.usage.prompt_tokens, response.usage.completion_tokens) == (4, 2)
    method, path, headers, body = server.requests[0]
    assert (method, path) == ("POST", "/v1/models/meta/llama-2-7b-chat/predictions")
    assert headers["authorization"] == f"Token {KEY}"
    assert json.loads(body) == {
        "input": {"prompt": "Say hello", "max_new_tokens": 9, "temperature": 0.5, "stop_sequences": "a,b", "top_k": 3}
    }
    questions = server.called("GET", "/v1/predictions/p1")
    assert [question[2]["authorization"] for question in questions] == [f"Token {KEY}"] * 2
    assert not server.called("POST", "/cancel")


def test_an_answer_that_is_there_at_once_is_not_asked_for(server: Server, complete: Callable[..., Any]) -> None:
    server.states = [state("succeeded", "Hello")]
    assert complete(extra_headers={"Prefer": "wait"}).choices[0].message.content == "Hello"
    assert [(request[0], request[2]["prefer"]) for request in server.requests] == [("POST", "wait")]


def test_a_prediction_that_fails_says_why(server: Server, complete: Callable[..., Any]) -> None:
    server.states = [state("starting"), state("failed", error="CUDA out of memory")]
    with pytest.raises(litellm.UnprocessableEntityError, match="CUDA out of memory") as raised:
        complete()
    assert raised.value.llm_provider == "replicate"
    assert len(server.called("POST", "/predictions")) == 1, "a prediction that failed is not made again, nor paid for"


def test_a_question_may_fail_and_the_prediction_goes_on(server: Server, complete: Callable[..., Any]) -> None:
    server.states = [
        state("starting"),
        (503, {"detail": "busy"}),
        (429, {"detail": "slow"}),
        state("succeeded", "Hello"),
    ]
    assert complete().choices[0].message.content == "Hello"
    assert len(server.called("POST", "/predictions")) == 1
    server.states = [state("starting"), (404, {"detail": "gone"})]
    with pytest.raises(litellm.APIError, match="gone"):
        complete()


def test_a_call_that_ends_before_its_prediction_cancels_it(server: Server, complete: Callable[..., Any]) -> None:
    server.states = [state("processing")]
    with pytest.raises(litellm.Timeout):
        complete(timeout=0.6)
    assert wait_until(lambda: server.called("POST", "/cancel"))
    assert server.called("POST", "/cancel")[0][2]["authorization"] == f"Token {KEY}"

    async def abandoned() -> None:
        task = asyncio.ensure_future(
            litellm.acompletion(
                model="replicate/deployments/me/mine", api_base=f"{server.origin}/v1", api_key=KEY, messages=MESSAGES
            )
        )
        while not server.called("GET", "/p1"):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    server.requests.clear()
    asyncio.run(abandoned())
    assert server.requests[0][1] == "/v1/deployments/me/mine/predictions"
    assert wait_until(lambda: server.called("POST", "/cancel"))


def test_a_stream_reads_replicates_events(server: Server, complete: Callable[..., Any]) -> None:
    server.states = [state("starting")]
    server.urls["stream"] = f"{server.origin}/stream"
    server.events = b"event: output\ndata: Hel\n\nevent: output\ndata: lo\ndata: \n\nevent: done\ndata: {}\n\n"
    chunks = list(complete(stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Hello\n"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices].count("stop") == 1
    assert json.loads(server.requests[0][3])["stream"] is True
    assert [(request[0], request[1]) for request in server.requests[1:]] == [("GET", "/stream")]
    assert server.requests[1][2]["accept"] == "text/event-stream"
    metrics = {"input_token_count": 4, "output_token_count": 2}
    server.states = [state("starting"), state("succeeded", "Hel", "lo\n", metrics=metrics)]
    chunks = list(complete(stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.completion_tokens == 2


def test_a_stream_of_events_that_is_cut_goes_on_with_states(server: Server, complete: Callable[..., Any]) -> None:
    server.urls["stream"] = f"{server.origin}/stream"
    server.events = b"event: output\ndata: Hel\n\nevent: output\ndata: l"
    server.states = [state("starting"), state("processing", "Hel", "lo"), state("succeeded", "Hel", "lo", "!")]
    texts = [chunk.choices[0].delta.content for chunk in complete(stream=True)]
    assert [text for text in texts if text] == ["Hel", "l", "o", "!"]


def test_a_stream_without_events_is_read_from_states(server: Server, complete: Callable[..., Any]) -> None:
    # The address of the events is there, and answers with an error.
    server.urls["stream"] = f"{server.origin}/v1/predictions/none"
    server.states = [state("starting"), (404, {}), state("processing", "Hel"), state("succeeded", "Hel", "lo")]
    texts = [chunk.choices[0].delta.content for chunk in complete(stream=True)]
    assert [text for text in texts if text] == ["Hel", "lo"]
    server.states = [state("starting"), (404, {}), state("processing", "Hel"), state("failed", error="Oh no")]
    stream = complete(stream=True)
    assert next(stream).choices[0].delta.content == "Hel"
    with pytest.raises(litellm.BadRequestError, match="Oh no"):
        list(stream)


def test_a_stream_that_is_closed_cancels_its_prediction(server: Server, complete: Callable[..., Any]) -> None:
    server.states = [state("starting"), state("processing", "Hel")]
    stream = complete(stream=True)
    assert next(stream).choices[0].delta.content == "Hel"
    stream.close()
    assert wait_until(lambda: server.called("POST", "/cancel"))


def test_the_key_goes_to_no_other_host(server: Server, complete: Callable[..., Any]) -> None:
    with Server() as other:
        other.states = [state("succeeded", "Hello")]
        server.states = [state("starting")]
        server.urls = {**other.urls, "stream": f"{other.origin}/stream"}
        for stream in (False, True):
            with pytest.raises(litellm.APIResponseValidationError, match="the key goes to no other"):
                list(complete(stream=stream))
        assert other.requests == []


def test_what_replicate_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    model = "replicate/meta/llama-2-7b-chat"
    assert litellm.validate_environment(model) == {"keys_in_environment": False, "missing_keys": ["REPLICATE_API_KEY"]}
    with pytest.raises(litellm.AuthenticationError, match="REPLICATE_API_TOKEN"):
        litellm.completion(model=model, messages=MESSAGES)
    assert litellm.get_supported_openai_params(model) == [
        "stream",
        "temperature",
        "max_tokens",
        "top_p",
        "stop",
        "seed",
        "tools",
        "tool_choice",
        "functions",
        "function_call",
    ]
    monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_token")
    assert litellm.validate_environment(model)["keys_in_environment"]
