"""What the local provider answers by itself: the shapes of OpenAI's API, and its refusals."""

from __future__ import annotations

import base64
import json
import math
import struct
import time
from typing import Any, Dict, List

import pytest

from edgequake_litellm.testing import LocalProvider

from .client import HI, WEATHER, Answer, chat, deltas, embed, send, text, vectors

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
