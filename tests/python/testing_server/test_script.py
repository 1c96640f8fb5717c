"""What a test scripts is what a client gets, and what a client sends is what a test sees."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Tuple

import pytest

from edgequake_litellm.testing import Choice, Embeddings, Error, LocalProvider, Raw, Reply, Request, tool_call

from .client import HI, chat, deltas, embed, send, text, vectors

# -- scripts -----------------------------------------------------------------------------------------------------------


def test_replies_come_in_order_and_then_answers_are_made_up(provider: LocalProvider) -> None:
    provider.reply("one")
    provider.reply("two", model="other", headers={"X-Extra": "1"}, usage={"prompt_tokens": 7})
    assert provider.pending == 2
    first, second = chat(provider), chat(provider)
    assert (first.message["content"], second.message["content"]) == ("one", "two")
    assert (second.json["model"], second.headers["x-extra"]) == ("other", "1")
    assert second.json["usage"]["total_tokens"] == 7 + 1
    assert provider.pending == 0
    assert text(provider) == "You said: Hi there"


def test_a_reply_in_full(provider: LocalProvider) -> None:
    for _ in range(2):
        provider.reply(
            "Well",
            reasoning="Let me think",
            refusal="No",
            tool_calls=[
                ("f", {"a": 1}),
                {"name": "g", "arguments": "{cut", "id": "call_mine"},
                {"function": {"name": "h", "arguments": {"b": 2}}},
                {"custom": {"name": "c", "input": "free text"}},
            ],
            message={"annotations": [{"type": "url_citation"}]},
        )
    message = chat(provider).message
    functions = [call["function"] for call in message["tool_calls"][:3]]
    assert (message["content"], message["reasoning_content"], message["refusal"]) == ("Well", "Let me think", "No")
    assert functions == [
        {"name": "f", "arguments": '{"a": 1}'},
        {"name": "g", "arguments": "{cut"},
        {"name": "h", "arguments": '{"b": 2}'},
    ]
    assert message["tool_calls"][1]["id"] == "call_mine"
    assert message["tool_calls"][3]["type"] == "custom"
    assert message["annotations"] == [{"type": "url_citation"}]

    stream = deltas(chat(provider, stream=True))
    assert "".join(delta.get("reasoning_content", "") for delta in stream) == "Let me think"
    assert "".join(delta.get("content") or "" for delta in stream) == "Well"
    assert "".join(delta.get("refusal") or "" for delta in stream) == "No"
    assert {"annotations": [{"type": "url_citation"}]} in stream
    calls = [call for delta in stream for call in delta.get("tool_calls", [])]
    assert [call["index"] for call in calls if "id" in call] == [0, 1, 2, 3]
    assert "".join(call["function"]["arguments"] for call in calls if call["index"] == 1) == "{cut"
    assert "".join(call["custom"]["input"] for call in calls if call["index"] == 3) == "free text"


def test_paths_that_it_does_not_know_are_the_tests_to_answer(provider: LocalProvider) -> None:
    provider.raw('{"data": []}', headers={"X-Extra": "1"})
    provider.error(503, "later", retry_after=3)
    images, sounds = send(provider, "/v1/images/generations", {}, headers={}), send(provider, "/v1/audio/speech", {})
    assert (images.status, images.json, images.headers["x-extra"]) == (200, {"data": []}, "1")
    assert (sounds.status, sounds.error["message"], sounds.headers["retry-after"]) == (503, "later", "3")
    assert [request.operation for request in provider.requests] == [None, None]
    assert send(provider, "/v1/nothing", {}).status == 404


def test_answers_of_another_kind_are_not_for_unknown_paths(provider: LocalProvider) -> None:
    provider.reply("a chat")
    assert send(provider, "/v1/images/generations", {}).error["message"] == "Invalid URL (POST /v1/images/generations)"


def test_a_responder_answers_paths_that_it_does_not_know() -> None:
    def answer(request: Request) -> Any:
        return Raw(b'{"id": "resp_1"}') if request.path == "/v1/responses" else None

    with LocalProvider(responder=answer) as provider:
        assert send(provider, "/v1/responses", {}).json == {"id": "resp_1"}
        assert send(provider, "/v1/batches", {}).status == 404


def test_several_choices(provider: LocalProvider) -> None:
    provider.reply(choices=["a", {"content": "b", "finish_reason": "length"}, Choice(tool_calls=[tool_call("f")])])
    choices = chat(provider).json["choices"]
    assert [choice["message"]["content"] for choice in choices] == ["a", "b", None]
    assert [choice["finish_reason"] for choice in choices] == ["stop", "length", "tool_calls"]


def test_chunks_and_logprobs_as_they_are_scripted(provider: LocalProvider) -> None:
    logprobs = {"content": [{"token": "a", "logprob": -1}, {"token": "b", "logprob": -2}], "refusal": None}
    provider.reply(chunks=["Hel", "lo"], logprobs=logprobs)
    events = chat(provider, stream=True).events
    assert [event["choices"][0]["delta"].get("content") for event in events] == ["", "Hel", "lo", None]
    assert events[1]["choices"][0]["logprobs"] == {"content": [{"token": "a", "logprob": -1}], "refusal": None}
    provider.reply("Hello", logprobs=logprobs)
    assert chat(provider).json["choices"][0]["logprobs"] == logprobs


@pytest.mark.parametrize(
    "arguments",
    [
        {"content": "a", "choices": ["b"]},
        {"content": "ab", "chunks": ["a", "c"]},
        {"tool_calls": [{"arguments": "{}"}]},
    ],
)
def test_scripts_that_make_no_sense_are_refused_at_once(arguments: Dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"choices|chunks|name"):
        LocalProvider().reply(**arguments)


def test_errors(provider: LocalProvider) -> None:
    provider.error(429, "slow down", retry_after=1, code="rate_limit_exceeded")
    provider.error(503, body="<html>busy</html>")
    provider.error(500, body={"detail": "odd"}, headers={"X-Should-Retry": "false"})
    limited, page, odd = chat(provider), embed(provider, "a"), chat(provider, stream=True)
    assert (limited.status, limited.headers["retry-after"]) == (429, "1")
    assert limited.error == {
        "message": "slow down",
        "type": "requests",
        "param": None,
        "code": "rate_limit_exceeded",
    }
    assert (page.status, page.headers["content-type"], page.body) == (503, "text/html", b"<html>busy</html>")
    assert (odd.status, odd.json, odd.headers["x-should-retry"]) == (500, {"detail": "odd"}, "false")


def test_an_error_within_a_stream(provider: LocalProvider) -> None:
    provider.error(500, "overloaded", after=2)
    answer = chat(provider, stream=True)
    events = [json.loads(event[6:]) for event in answer.body.decode().split("\n\n")[:-1]]
    assert answer.status == 200
    assert [event.get("choices", [{}])[0].get("delta", {}).get("content") for event in events] == ["", "You", None]
    assert events[-1]["error"]["message"] == "overloaded"
    provider.error(500, "overloaded", after=2)
    assert chat(provider).status == 500


def test_raw_bytes(provider: LocalProvider) -> None:
    provider.raw(b"data: x\n\n", content_type="text/event-stream", headers={"x-a": "b"})
    answer = chat(provider, stream=True)
    assert (answer.status, answer.headers["content-type"], answer.headers["x-a"]) == (200, "text/event-stream", "b")
    assert answer.body == b"data: x\n\n"


def test_scripted_embeddings(provider: LocalProvider) -> None:
    provider.embeddings([[0.5, -1]], usage={"prompt_tokens": 3, "total_tokens": 3})
    provider.embeddings([[0.5, -1]])
    answer = embed(provider, "a")
    assert (vectors(answer), answer.json["usage"]["total_tokens"]) == ([[0.5, -1]], 3)
    (packed,) = vectors(embed(provider, "a", encoding_format="base64"))
    assert base64.b64decode(str(packed)) == struct.pack("<2f", 0.5, -1)


def test_an_answer_waits_for_a_request_that_it_fits(provider: LocalProvider) -> None:
    provider.reply("for a chat")
    provider.embeddings([[1.0]])
    assert vectors(embed(provider, "a")) == [[1.0]]
    assert text(provider) == "for a chat"


def test_cut_answers(provider: LocalProvider) -> None:
    provider.cut("one two three four", after=3)
    provider.cut(after=2, reset=True)
    provider.cut()
    provider.cut()
    with pytest.raises(http.client.IncompleteRead) as caught:
        chat(provider, stream=True)
    events = caught.value.partial.decode().split("\n\n")[:-1]
    assert [json.loads(event[6:])["choices"][0]["delta"]["content"] for event in events] == ["", "one", " two"]
    with pytest.raises(ConnectionResetError):
        chat(provider, stream=True)
    for cut in (chat, embed):
        with pytest.raises(http.client.IncompleteRead) as caught:
            cut(provider, HI if cut is chat else "a")
        assert caught.value.partial
    assert (provider.disconnects, text(provider)) == (0, "You said: Hi there")


def test_a_delay_is_before_the_answer_that_follows_it(provider: LocalProvider) -> None:
    provider.reply("at once")
    provider.delay(0.15)
    provider.delay(0.15)
    provider.reply("late")

    def timed() -> Tuple[str, float]:
        before = time.monotonic()
        return text(provider), time.monotonic() - before

    first, late = timed(), timed()
    assert (first[0], late[0]) == ("at once", "late")
    assert first[1] < 0.3 <= late[1]


def test_a_responder(provider: LocalProvider) -> None:
    answers: List[Any] = [
        "text",
        {"content": "dict"},
        Reply([Choice("reply")]),
        Error(418, "teapot"),
        Raw(b"raw"),
        None,
    ]

    def respond(request: Request) -> Any:
        assert request.json["messages"] == HI
        return answers[request.number - 1]

    with LocalProvider(responder=respond) as scripted:
        assert [text(scripted) for _ in range(3)] == ["text", "dict", "reply"]
        assert chat(scripted).error["message"] == "teapot"
        assert chat(scripted).body == b"raw"
        assert text(scripted) == "You said: Hi there"
        scripted.reply("the script comes first")
        assert text(scripted) == "the script comes first"
        failed = chat(scripted)
        assert (failed.status, "IndexError" in failed.error["message"]) == (500, True)
    with LocalProvider(responder=lambda _: Embeddings([[1.0]])) as wrong:
        assert chat(wrong).error["message"] == "the responder answered chat/completions with Embeddings"
        assert vectors(embed(wrong, "a")) == [[1.0]]


def test_a_responder_that_waits_holds_back_its_own_answer_only() -> None:
    async def respond(request: Request) -> str:
        if request.number == 1:
            while not provider.wait_requests(2, timeout=0):
                await asyncio.sleep(0.01)
            return "after the second request"
        return "at once"

    with LocalProvider(responder=respond) as provider, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(text, provider)
        assert provider.wait_requests(1)
        assert text(provider) == "at once"
        assert waiting.result(timeout=30) == "after the second request"


# -- what was received -------------------------------------------------------------------------------------------------


def test_requests_are_kept(provider: LocalProvider) -> None:
    send(provider, "/v1/chat/completions?a=1&a=2&b=", {"model": "m", "messages": HI}, headers={"API-Key": "top-secret"})
    (request,) = provider.requests
    assert (request.method, request.path, request.query) == ("POST", "/v1/chat/completions", {"a": "2", "b": ""})
    assert request.target == "/v1/chat/completions?a=1&a=2&b="
    assert request.json == {"model": "m", "messages": HI}
    assert request.headers["api-key"] == "top-secret"
    assert (request.operation, request.status, request.complete) == ("chat/completions", 200, True)
    assert "top-secret" not in repr(request)


def test_repeated_headers_are_joined(provider: LocalProvider) -> None:
    with socket.create_connection(("127.0.0.1", provider.port)) as client:
        client.sendall(b"GET /v1/models HTTP/1.1\r\nX-A: 1\r\nx-a: 2\r\nConnection: close\r\n\r\n")
        client.recv(100)
    assert provider.requests[0].headers["x-a"] == "1, 2"
    assert [value for name, value in provider.requests[0].raw_headers if name == "x-a"] == ["1", "2"]


def test_only_the_last_requests_are_kept() -> None:
    with LocalProvider(keep_requests=2) as provider:
        for _ in range(3):
            chat(provider)
        assert [request.number for request in provider.requests] == [2, 3]


def test_reset(provider: LocalProvider) -> None:
    provider.reply("old")
    chat(provider)
    provider.reply("never")
    provider.delay(100)
    provider.reset()
    assert (provider.requests, provider.pending, provider.disconnects) == ([], 0, 0)
    assert text(provider) == "You said: Hi there"
    assert len(provider.requests) == 1
