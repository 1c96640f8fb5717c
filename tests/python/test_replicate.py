"""Replicate: predictions that are created, asked for and cancelled, and their streams."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Callable, Iterator

import pytest

import edgequake_litellm as litellm

from .canned import CannedServer, Request
from .conftest import KEY, MESSAGES, wait_until


class Server(CannedServer):
    """Predictions whose states a test gives; each question is answered with the next, and the last one repeats."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[tuple[int, Any]] = []
        self.events: bytes | None = None
        self.urls = {"get": f"{self.url}/v1/predictions/p1", "cancel": f"{self.url}/v1/predictions/p1/cancel"}

    def respond(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        if request.path == "/stream" and self.events is not None:
            return 200, {"content-type": "text/event-stream"}, self.events
        if request.path.endswith("/cancel"):
            return 200, {}, b"{}"
        status, state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return status, {}, json.dumps({**state, "id": "p1", "urls": self.urls}).encode()

    def called(self, method: str, end: str) -> list[Request]:
        return [request for request in self.requests if request.method == method and request.path.endswith(end)]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def complete(server: Server) -> Callable[..., Any]:
    """Makes a call to the server."""

    def call(**more: Any) -> Any:
        usual = {"model": "replicate/meta/llama-2-7b-chat", "api_base": f"{server.url}/v1", "api_key": KEY}
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
    request = server.requests[0]
    assert (request.method, request.path) == ("POST", "/v1/models/meta/llama-2-7b-chat/predictions")
    assert request.headers["authorization"] == f"Token {KEY}"
    assert request.json == {
        "input": {"prompt": "Say hello", "max_new_tokens": 9, "temperature": 0.5, "stop_sequences": "a,b", "top_k": 3}
    }
    questions = server.called("GET", "/v1/predictions/p1")
    assert [question.headers["authorization"] for question in questions] == [f"Token {KEY}"] * 2
    assert not server.called("POST", "/cancel")


def test_an_answer_that_is_there_at_once_is_not_asked_for(server: Server, complete: Callable[..., Any]) -> None:
    server.states = [state("succeeded", "Hello")]
    assert complete(extra_headers={"Prefer": "wait"}).choices[0].message.content == "Hello"
    assert [(request.method, request.headers["prefer"]) for request in server.requests] == [("POST", "wait")]


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
    assert server.called("POST", "/cancel")[0].headers["authorization"] == f"Token {KEY}"

    async def abandoned() -> None:
        task = asyncio.ensure_future(
            litellm.acompletion(
                model="replicate/deployments/me/mine", api_base=f"{server.url}/v1", api_key=KEY, messages=MESSAGES
            )
        )
        while not server.called("GET", "/p1"):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    server.requests.clear()
    asyncio.run(abandoned())
    assert server.requests[0].path == "/v1/deployments/me/mine/predictions"
    assert wait_until(lambda: server.called("POST", "/cancel"))


def test_a_stream_reads_replicates_events(server: Server, complete: Callable[..., Any]) -> None:
    server.states = [state("starting")]
    server.urls["stream"] = f"{server.url}/stream"
    server.events = b"event: output\ndata: Hel\n\nevent: output\ndata: lo\ndata: \n\nevent: done\ndata: {}\n\n"
    chunks = list(complete(stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Hello\n"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices].count("stop") == 1
    assert server.requests[0].json["stream"] is True
    assert [(request.method, request.path) for request in server.requests[1:]] == [("GET", "/stream")]
    assert server.requests[1].headers["accept"] == "text/event-stream"
    metrics = {"input_token_count": 4, "output_token_count": 2}
    server.states = [state("starting"), state("succeeded", "Hel", "lo\n", metrics=metrics)]
    chunks = list(complete(stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.completion_tokens == 2


def test_a_stream_of_events_that_is_cut_goes_on_with_states(server: Server, complete: Callable[..., Any]) -> None:
    server.urls["stream"] = f"{server.url}/stream"
    server.events = b"event: output\ndata: Hel\n\nevent: output\ndata: l"
    server.states = [state("starting"), state("processing", "Hel", "lo"), state("succeeded", "Hel", "lo", "!")]
    texts = [chunk.choices[0].delta.content for chunk in complete(stream=True)]
    assert [text for text in texts if text] == ["Hel", "l", "o", "!"]


def test_states_may_be_behind_the_events_that_were_cut(server: Server, complete: Callable[..., Any]) -> None:
    server.urls["stream"] = f"{server.url}/stream"
    server.events = b"event: output\ndata: Hel\n\nevent: output\ndata: lo\n\n"
    server.states = [state("starting"), state("processing", "Hel"), state("succeeded", "Hel", "lo", "!")]
    texts = [chunk.choices[0].delta.content for chunk in complete(stream=True)]
    assert [text for text in texts if text] == ["Hel", "lo", "!"]


def test_a_stream_without_events_is_read_from_states(server: Server, complete: Callable[..., Any]) -> None:
    # The address of the events is there, and answers with an error.
    server.urls["stream"] = f"{server.url}/v1/predictions/none"
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
        server.urls = {**other.urls, "stream": f"{other.url}/stream"}
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
