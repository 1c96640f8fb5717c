"""The local provider, as any HTTP client sees it: the standard library's, and plain sockets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import json
import math
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest

import edgequake_litellm.testing as package
from edgequake_litellm.testing import Choice, Embeddings, Error, LocalProvider, Raw, Reply, Request, tool_call

HI = [{"role": "user", "content": "Hi there"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                "days": {"type": "integer", "minimum": 1},
            },
            "required": ["city", "unit", "days"],
        },
    },
}


@pytest.fixture
def provider() -> Iterator[LocalProvider]:
    with LocalProvider() as running:
        yield running


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> Any:
        return self.json["choices"][0]["message"]

    @property
    def error(self) -> Any:
        return self.json["error"]

    @property
    def events(self) -> List[Any]:
        """The decoded events of a stream that ends as it must."""
        assert self.headers["content-type"] == "text/event-stream; charset=utf-8"
        *events, end = self.body.decode().split("\n\n")[:-1]
        assert end == "data: [DONE]"
        return [json.loads(event[len("data: ") :]) for event in events]


@contextlib.contextmanager
def connected(provider: LocalProvider) -> Iterator[http.client.HTTPConnection]:
    client = http.client.HTTPConnection("127.0.0.1", provider.port, timeout=10)
    try:
        yield client
    finally:
        client.close()


def send(
    provider: LocalProvider,
    path: str,
    body: Any = None,
    *,
    method: str = "POST",
    headers: Optional[Dict[str, str]] = None,
) -> Answer:
    with connected(provider) as client:
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body)
        client.request(method, path, data, {"Authorization": "Bearer test"} if headers is None else headers)
        return Answer(client.getresponse())


def chat(provider: LocalProvider, messages: Any = HI, **parameters: Any) -> Answer:
    return send(provider, "/v1/chat/completions", {"model": "gpt-4o", "messages": messages, **parameters})


def text(provider: LocalProvider, **parameters: Any) -> str:
    return str(chat(provider, **parameters).message["content"])


def deltas(answer: Answer, index: int = 0) -> List[Any]:
    choices = [choice for event in answer.events for choice in event["choices"]]
    return [choice["delta"] for choice in choices if choice["index"] == index]


def begin_stream(provider: LocalProvider, **parameters: Any) -> socket.socket:
    """A connection on which a stream has been asked for and not been read."""
    body = json.dumps({"model": "m", "messages": HI, "stream": True, **parameters}).encode()
    client = socket.create_connection(("127.0.0.1", provider.port), timeout=10)
    head = b"POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer k\r\nContent-Length: %d\r\n\r\n" % len(body)
    client.sendall(head + body)
    return client


# -- made-up chat completions ------------------------------------------------------------------------------------------


def test_a_completion_has_the_shape_of_openai(provider: LocalProvider) -> None:
    answer = chat(provider)
    body = answer.json
    choice = body["choices"][0]
    usage = body["usage"]
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")
    assert (body["object"], body["model"], body["id"][:9]) == ("chat.completion", "gpt-4o", "chatcmpl-")
    assert abs(body["created"] - time.time()) < 60
    assert choice == {
        "index": 0,
        "message": {"role": "assistant", "content": "You said: Hi there", "refusal": None, "annotations": []},
        "logprobs": None,
        "finish_reason": "stop",
    }
    assert usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] == 5
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_the_same_request_gets_the_same_answer(provider: LocalProvider) -> None:
    first, second = chat(provider, seed=3, n=2).json, chat(provider, seed=3, n=2).json
    assert first["choices"] == second["choices"]
    assert first["system_fingerprint"] == second["system_fingerprint"]
    assert first["id"] != second["id"]
    assert text(provider, seed=3) != text(provider, seed=4)


def test_choices_differ(provider: LocalProvider) -> None:
    answer = chat(provider, n=3).json
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in answer["choices"]}) == 3


def test_the_answer_is_to_the_last_thing_that_the_user_said(provider: LocalProvider) -> None:
    parts = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]
    messages = [
        {"role": "user", "content": "no"},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "So"},
    ]
    assert text(provider, messages=messages) == "You said: look [image]"


@pytest.mark.parametrize(
    ("parameters", "content", "reason"),
    [
        ({"max_tokens": 3}, "You said:", "length"),
        ({"max_completion_tokens": 4}, "You said: Hi", "length"),
        ({"max_tokens": 5}, "You said: Hi there", "stop"),
        ({"stop": "Hi"}, "You said: ", "stop"),
        ({"stop": ["nothing", ":"]}, "You said", "stop"),
    ],
)
def test_limits(provider: LocalProvider, parameters: Dict[str, Any], content: str, reason: str) -> None:
    choice = chat(provider, **parameters).json["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == (content, reason)


def test_logprobs(provider: LocalProvider) -> None:
    choice = chat(provider, logprobs=True, top_logprobs=2).json["choices"][0]
    entries = choice["logprobs"]["content"]
    assert "".join(entry["token"] for entry in entries) == choice["message"]["content"]
    assert all(bytes(entry["bytes"]).decode() == entry["token"] and entry["logprob"] <= 0 for entry in entries)
    assert all(len(entry["top_logprobs"]) == 2 for entry in entries)


# -- streams -----------------------------------------------------------------------------------------------------------


def test_a_stream_has_the_shape_of_openai(provider: LocalProvider) -> None:
    answer = chat(provider, stream=True)
    events = answer.events
    assert answer.headers["transfer-encoding"] == "chunked"
    assert {(event["id"], event["object"], event["model"]) for event in events} == {
        (events[0]["id"], "chat.completion.chunk", "gpt-4o")
    }
    assert deltas(answer) == [
        {"role": "assistant", "content": "", "refusal": None},
        *({"content": piece} for piece in ["You", " said", ":", " Hi", " there"]),
        {},
    ]
    assert [event["choices"][0]["finish_reason"] for event in events] == [None] * 6 + ["stop"]
    assert all("usage" not in event for event in events)


def test_a_stream_tells_the_usage_when_it_is_asked(provider: LocalProvider) -> None:
    *others, last = chat(provider, stream=True, stream_options={"include_usage": True}).events
    assert (last["choices"], last["usage"]) == ([], chat(provider).json["usage"])
    assert all(event["usage"] is None for event in others)


def test_a_stream_says_what_the_completion_says(provider: LocalProvider) -> None:
    messages = [{"role": "user", "content": " smile \n😀 \ud83d lone, naïve 日本語 "}]
    whole, stream = chat(provider, messages, n=2), chat(provider, messages, n=2, stream=True)
    for index in range(2):
        joined = "".join(delta.get("content") or "" for delta in deltas(stream, index))
        assert joined == whole.json["choices"][index]["message"]["content"]
    assert messages[0]["content"] in joined


def test_choices_of_a_stream_come_in_turn(provider: LocalProvider) -> None:
    events = chat(provider, stream=True, n=2).events
    assert [event["choices"][0]["index"] for event in events][:4] == [0, 1, 0, 1]
    assert sum(event["choices"][0]["finish_reason"] == "stop" for event in events) == 2


def test_logprobs_of_a_stream_are_those_of_the_completion(provider: LocalProvider) -> None:
    events = chat(provider, stream=True, logprobs=True).events
    parts = [event["choices"][0]["logprobs"] for event in events]
    entries = [entry for part in parts if part for entry in part["content"]]
    assert entries == chat(provider, logprobs=True).json["choices"][0]["logprobs"]["content"]


# -- tools and structured outputs --------------------------------------------------------------------------------------


def ask_weather(provider: LocalProvider, prompt: str, **parameters: Any) -> Any:
    messages = [{"role": "user", "content": prompt}]
    return chat(provider, messages, **{"tools": [WEATHER], **parameters}).json["choices"][0]


def test_a_tool_that_the_prompt_speaks_of_is_called(provider: LocalProvider) -> None:
    choice = ask_weather(provider, "What will the weather in New York be for 3 days, in fahrenheit?")
    (call,) = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert (call["type"], call["function"]["name"], call["id"][:5]) == ("function", "get_weather", "call_")
    assert json.loads(call["function"]["arguments"]) == {"city": "New York", "unit": "fahrenheit", "days": 3}


def test_whether_a_tool_is_called(provider: LocalProvider) -> None:
    other = {"type": "function", "function": {"name": "sendMail", "parameters": {"type": "object", "properties": {}}}}
    named = {"type": "function", "function": {"name": "sendMail"}}
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named]}}

    def called(prompt: str, **parameters: Any) -> List[str]:
        message = ask_weather(provider, prompt, tools=[WEATHER, other], **parameters)["message"]
        return [call["function"]["name"] for call in message.get("tool_calls", [])]

    assert called("Hello") == []
    assert called("weather?", tool_choice="none") == []
    assert called("Hello", tool_choice="required") == ["get_weather"]
    assert called("weather?", tool_choice=named) == ["sendMail"]
    assert called("weather?", tool_choice=allowed) == ["sendMail"]
    assert called("Mail me the weather") == ["get_weather", "sendMail"]
    assert called("Mail me the weather", parallel_tool_calls=False) == ["get_weather"]


def test_a_streamed_tool_call_is_the_whole_one(provider: LocalProvider) -> None:
    messages = [{"role": "user", "content": "weather in Rome?"}]
    (whole,) = chat(provider, messages, tools=[WEATHER]).message["tool_calls"]
    first, *others = deltas(chat(provider, messages, tools=[WEATHER], stream=True))
    calls = [delta["tool_calls"][0] for delta in others[:-1]]
    assert first == {"role": "assistant", "content": None, "refusal": None}
    assert others[-1] == {}
    assert calls[0]["id"].startswith("call_")
    assert calls[0]["function"] == {"name": "get_weather", "arguments": ""}
    assert all("id" not in call and call["index"] == 0 for call in calls[1:])
    assert "".join(call["function"]["arguments"] for call in calls) == whole["function"]["arguments"]
    assert len(calls) > 3


def test_what_a_tool_answered_is_told(provider: LocalProvider) -> None:
    messages: List[Any] = [{"role": "user", "content": "weather in Rome?"}]
    message = chat(provider, messages, tools=[WEATHER]).message
    answered = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "18 °C"}
    assert text(provider, messages=[*messages, message, answered], tools=[WEATHER]) == "get_weather answered: 18 °C"


def test_functions_of_old(provider: LocalProvider) -> None:
    messages: List[Any] = [{"role": "user", "content": "weather in Rome?"}]
    choice = chat(provider, messages, functions=[WEATHER["function"]]).json["choices"][0]
    assert (choice["finish_reason"], choice["message"]["function_call"]["name"]) == ("function_call", "get_weather")
    stream = deltas(chat(provider, messages, functions=[WEATHER["function"]], stream=True))
    joined = "".join(delta["function_call"]["arguments"] for delta in stream if "function_call" in delta)
    assert joined == choice["message"]["function_call"]["arguments"]
    messages += [choice["message"], {"role": "function", "name": "get_weather", "content": "rain"}]
    assert text(provider, messages=messages) == "get_weather answered: rain"


def test_a_json_object(provider: LocalProvider) -> None:
    assert json.loads(text(provider, response_format={"type": "json_object"})) == {"answer": "Hi there"}


def structured(provider: LocalProvider, schema: Any, prompt: str = "Hi") -> Answer:
    wanted = {"type": "json_schema", "json_schema": {"name": "it", "strict": True, "schema": schema}}
    return chat(provider, [{"role": "user", "content": prompt}], response_format=wanted)


TREE = {
    "type": "object",
    "properties": {"value": {"type": "number"}, "children": {"type": "array", "items": {"$ref": "#"}, "minItems": 0}},
    "required": ["value", "children"],
}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"const": [1, None]}, [1, None]),
        ({"enum": ["red", "green"]}, "green"),
        ({"type": "string", "default": "x"}, "x"),
        ({"type": "string"}, "Berlin"),
        ({"type": "string", "minLength": 9}, "Berlin_Be"),
        ({"type": "string", "maxLength": 3}, "Ber"),
        ({"type": "string", "format": "date"}, "2024-01-31"),
        ({"type": "string", "pattern": "^[A-Z]{3}-[0-9]+$"}, "ABC-123"),
        ({"type": "integer"}, 7),
        ({"type": "integer", "minimum": 10}, 10),
        ({"type": "integer", "exclusiveMinimum": 7, "multipleOf": 5}, 10),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5}, 0.25),
        ({"type": "number", "maximum": -3}, -3),
        ({"type": ["null", "boolean"]}, True),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 7),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": "array", "prefixItems": [{"type": "null"}, {"type": "boolean"}]}, [None, True]),
        ({"allOf": [{"properties": {"a": {"type": "integer"}}}, {"required": ["b"]}]}, {"b": "Berlin"}),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "null"}}}, None),
        ({"type": "object", "minProperties": 1, "additionalProperties": {"type": "null"}}, {"key_1": None}),
    ],
)
def test_a_schema_is_filled(provider: LocalProvider, schema: Any, expected: Any) -> None:
    answer = structured(provider, schema, "Is it green in Berlin at 7?")
    assert json.loads(answer.message["content"]) == expected


def test_a_schema_that_refers_to_itself_ends(provider: LocalProvider) -> None:
    value = json.loads(structured(provider, TREE).message["content"])
    while value["children"]:
        assert isinstance(value["value"], (int, float))
        (value,) = value["children"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^never seen before$"},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "object", "properties": {"me": {"$ref": "#"}}, "required": ["me"]},
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {"$ref": "https://example.com/"},
        {"not": {}},
        {"type": "text"},
        {"type": "string", "minLength": "long"},
        {"enum": []},
    ],
)
def test_a_schema_without_a_value_is_refused(provider: LocalProvider, schema: Any) -> None:
    answer = structured(provider, schema)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "invalid_schema", "response_format")


# -- embeddings and models ---------------------------------------------------------------------------------------------


def embed(provider: LocalProvider, given: Any, **parameters: Any) -> Answer:
    return send(provider, "/v1/embeddings", {"model": "text-embedding-3-small", "input": given, **parameters})


def vectors(answer: Answer) -> List[List[float]]:
    assert [each["index"] for each in answer.json["data"]] == list(range(len(answer.json["data"])))
    return [each["embedding"] for each in answer.json["data"]]


def dot(one: List[float], other: List[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other))


def test_embeddings_are_unit_vectors_in_the_order_of_the_inputs(provider: LocalProvider) -> None:
    answer = embed(provider, ["a cat sat", "the cat sat", "something else"])
    cat, the_cat, other = vectors(answer)
    assert (answer.json["object"], answer.json["model"]) == ("list", "text-embedding-3-small")
    assert answer.json["usage"] == {"prompt_tokens": 9, "total_tokens": 9}
    assert [len(each) for each in (cat, the_cat, other)] == [1536] * 3
    assert dot(cat, cat) == pytest.approx(1, abs=1e-6)
    assert dot(cat, the_cat) > 0.5 > dot(cat, other)
    assert vectors(embed(provider, "a cat sat")) == [cat]


def test_embeddings_in_base64_are_the_same(provider: LocalProvider) -> None:
    (packed,) = vectors(embed(provider, "a", encoding_format="base64"))
    raw = base64.b64decode(str(packed), validate=True)
    assert [list(struct.unpack("<1536f", raw))] == vectors(embed(provider, "a", encoding_format="float"))


def test_embeddings_of_fewer_dimensions(provider: LocalProvider) -> None:
    (short,), (long,) = vectors(embed(provider, "a", dimensions=64)), vectors(embed(provider, "a"))
    assert len(short) == 64
    assert dot(short, short) == pytest.approx(1, abs=1e-6)
    assert [value / short[0] for value in short] == pytest.approx([value / long[0] for value in long[:64]], rel=1e-5)


def test_embeddings_of_tokens(provider: LocalProvider) -> None:
    (one,) = vectors(embed(provider, [1, 2, 3]))
    several = embed(provider, [[1, 2, 3], [4]])
    assert vectors(several)[0] == one
    assert several.json["usage"]["prompt_tokens"] == 4


@pytest.mark.parametrize("given", ["", [], [""], [[]], 3, [None], {"a": 1}, ["a"] * 2049])
def test_inputs_that_are_refused(provider: LocalProvider, given: Any) -> None:
    answer = embed(provider, given)
    assert (answer.status, answer.error["param"]) == (400, "input")


def test_more_dimensions_than_the_model_has(provider: LocalProvider) -> None:
    assert embed(provider, "a", dimensions=2000).error["param"] == "dimensions"
    unknown = send(provider, "/v1/embeddings", {"model": "mine", "input": "a", "dimensions": 2000})
    assert len(vectors(unknown)[0]) == 2000


def test_models(provider: LocalProvider) -> None:
    listed = send(provider, "/v1/models", method="GET").json
    assert listed["object"] == "list"
    assert "gpt-4o" in [model["id"] for model in listed["data"]]
    assert send(provider, "/v1/models/some/model", method="GET").json["id"] == "some/model"


def test_models_that_are_given_are_the_only_ones() -> None:
    with LocalProvider(models=["a/b", "embed"]) as provider:
        assert [model["id"] for model in send(provider, "/models", method="GET").json["data"]] == ["a/b", "embed"]
        assert send(provider, "/models/a/b", method="GET").status == 200
        answers = [send(provider, "/models/c", method="GET"), chat(provider), embed(provider, "a")]
        assert [(answer.status, answer.error["code"]) for answer in answers] == [(404, "model_not_found")] * 3
        assert send(provider, "/v1/chat/completions", {"model": "a/b", "messages": HI}).status == 200


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


# -- bad requests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 3}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "boss", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "smell"}]}]}, "messages"),
        ({"messages": [*HI, {"role": "tool", "tool_call_id": "1", "content": "x"}]}, "messages[1].tool_call_id"),
        ({"n": 0}, "n"),
        ({"n": True}, "n"),
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"tools": []}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tools": [WEATHER], "tool_choice": "always"}, "tool_choice"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "response_format.json_schema.name"),
    ],
)
def test_bad_requests(provider: LocalProvider, change: Dict[str, Any], param: str) -> None:
    body = {key: value for key, value in {"model": "m", "messages": HI, **change}.items() if value is not None}
    answer = send(provider, "/v1/chat/completions", body)
    assert (answer.status, answer.error["param"], answer.error["type"]) == (400, param, "invalid_request_error")
    assert answer.error["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_bodies_that_are_no_json_object(provider: LocalProvider, body: bytes) -> None:
    answer = send(provider, "/v1/chat/completions", body)
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")


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
        received = 0
        while not provider.requests[0].complete:
            received += len(client.recv(1 << 20))
        assert received > 4000 * 10_000


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
