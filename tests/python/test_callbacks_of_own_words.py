"""Callbacks of calls in Anthropic's and Google's own words: they are told of a chat, with its tokens and its price."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import pickle
import sys
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

import edgequake_litellm as litellm
from edgequake_litellm import google_genai
from edgequake_litellm.anthropic_interface import messages
from edgequake_litellm.exceptions import MidStreamFallbackError

from .canned import CannedServer
from .conftest import KEY
from .test_callbacks import Recorder, last, no_callbacks_left, recorder

__all__ = ["no_callbacks_left", "recorder"]

USAGE = {"input_tokens": 1000, "output_tokens": 100}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "Good day"}],
    "stop_reason": "end_turn",
    "usage": USAGE,
}
MESSAGE_EVENTS = [
    {
        "type": "message_start",
        "message": {**MESSAGE, "content": [], "stop_reason": None, "usage": {**USAGE, "output_tokens": 1}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Good "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "day"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 100}},
    {"type": "message_stop"},
]


def content(text: str, **more: Any) -> dict[str, Any]:
    candidate = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}
    if more:
        candidate["finishReason"] = "STOP"
    return {"candidates": [candidate], "modelVersion": "gemini-2.5-flash", "responseId": "r_1", **more}


COUNTS = {"promptTokenCount": 1000, "candidatesTokenCount": 100, "totalTokenCount": 1100}
CONTENT = content("Good day", usageMetadata=COUNTS)
CONTENT_EVENTS = [content("Good "), content("day", usageMetadata=COUNTS)]


class Way(NamedTuple):
    """One of the two APIs, and what callbacks are to be told of a call of it."""

    arguments: dict[str, Any]
    answer: dict[str, Any]
    events: list[dict[str, Any]]
    functions: tuple[Any, Any]
    streams: tuple[Any, Any]
    call_types: tuple[str, str]
    stream_types: tuple[str, str]
    id: str
    cost: float


WAYS = {
    "messages": Way(
        {
            "model": "anthropic/claude-sonnet-4-5",
            "messages": [{"role": "user", "content": "Greet"}],
            "max_tokens": 9,
            "system": "the secret",
        },
        MESSAGE,
        MESSAGE_EVENTS,
        (messages.create, messages.acreate),
        (messages.create, messages.acreate),
        ("anthropic_messages", "anthropic_messages"),
        ("anthropic_messages", "anthropic_messages"),
        "msg_1",
        # Dollars for a million tokens: Claude Sonnet 4.5 costs 3 and 15, Gemini 2.5 Flash 0.30 and 2.50.
        (1000 * 3 + 100 * 15) * 1e-6,
    ),
    "contents": Way(
        {
            "model": "gemini/gemini-2.5-flash",
            "contents": [{"role": "user", "parts": [{"text": "Greet"}]}],
            "config": {"systemInstruction": {"parts": [{"text": "the secret"}]}},
        },
        CONTENT,
        CONTENT_EVENTS,
        (google_genai.generate_content, google_genai.agenerate_content),
        (google_genai.generate_content_stream, google_genai.agenerate_content_stream),
        ("generate_content", "agenerate_content"),
        ("generate_content_stream", "agenerate_content_stream"),
        "r_1",
        (1000 * 0.3 + 100 * 2.5) * 1e-6,
    ),
}


@pytest.fixture(params=WAYS)
def way(request) -> Way:
    return WAYS[request.param]


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with CannedServer() as made:
        yield made


def arguments(way: Way, server: CannedServer, stream: bool = False) -> dict[str, Any]:
    more = {"stream": True} if stream and way.functions == way.streams else {}
    return {**way.arguments, "api_base": server.url, "api_key": KEY, "num_retries": 0, **more}


def play(server: CannedServer, events: list[dict[str, Any]]) -> None:
    server.answer(
        "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode(), content_type="text/event-stream"
    )


def read(way: Way, server: CannedServer, is_async: bool) -> list[bytes]:
    given = arguments(way, server, stream=True)
    if not is_async:
        return list(way.streams[0](**given))

    async def events() -> list[bytes]:
        return [event async for event in await way.streams[1](**given)]

    return asyncio.run(events())


def check(way: Way, told: Any, call_type: str, stream: bool) -> None:
    _, _, kwargs, response = told
    assert isinstance(response, litellm.ModelResponse)
    assert (response.id, response.choices[0].message.content) == (way.id, "Good day")
    assert (response.usage.prompt_tokens, response.usage.completion_tokens) == (1000, 100)
    assert (kwargs["call_type"], kwargs["stream"]) == (call_type, stream)
    assert kwargs["messages"] == [{"role": "user", "content": "Greet"}]
    assert kwargs["response_cost"] == pytest.approx(way.cost)
    logged = kwargs["standard_logging_object"]
    assert (logged["id"], logged["status"], logged["total_tokens"]) == (way.id, "success", 1100)
    assert logged["response_cost"] == logged["hidden_params"]["response_cost"] == pytest.approx(way.cost)
    assert logged["response"]["choices"][0]["message"]["content"] == "Good day"
    if stream:
        assert kwargs["complete_streaming_response"] is response


@pytest.mark.parametrize("is_async", [False, True])
def test_whole_answers(way, is_async, recorder, server):
    server.answer(way.answer, x_request_id="req_1")
    function = way.functions[is_async]
    answer = function(**arguments(way, server))
    answer = asyncio.run(answer) if is_async else answer
    assert answer == way.answer
    event = "async_success" if is_async else "success"
    check(way, last(recorder, event), way.call_types[is_async], stream=False)
    assert recorder.events == ["pre", "post", event]
    headers = last(recorder, event)[2]["standard_logging_object"]["hidden_params"]["additional_headers"]
    assert headers["llm_provider-x-request-id"] == "req_1"


@pytest.mark.parametrize("is_async", [False, True])
def test_streams(way, is_async, recorder, server):
    play(server, way.events)
    assert len(read(way, server, is_async)) == len(way.events)
    event = "async_success" if is_async else "success"
    check(way, last(recorder, event), way.stream_types[is_async], stream=True)
    assert recorder.events == ["pre", "post", event]


@pytest.mark.parametrize("is_async", [False, True])
def test_streams_that_break_are_failures(way, is_async, recorder, server):
    play(server, way.events[:1])
    with pytest.raises(MidStreamFallbackError):
        read(way, server, is_async)
    _, _, kwargs, response = last(recorder, "async_failure" if is_async else "failure")
    assert response is None
    assert isinstance(kwargs["exception"], MidStreamFallbackError)
    assert kwargs["standard_logging_object"]["status"] == "failure"
    assert not {"success", "async_success"} & set(recorder.events)


@pytest.mark.parametrize("is_async", [False, True])
def test_refusals_are_failures(way, is_async, recorder, server):
    server.answer({"error": {"message": "wrong"}}, status=400)
    with pytest.raises(litellm.BadRequestError):
        read(way, server, is_async)
    last(recorder, "async_failure" if is_async else "failure")


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="only CPython frees objects at once")
def test_a_stream_that_is_dropped_tells_of_no_end(way, recorder, server):
    play(server, way.events)
    stream = way.streams[0](**arguments(way, server, stream=True))
    source = weakref.ref(stream.completion_stream)
    next(stream)
    gc.disable()
    try:
        del stream
        # Nothing that callbacks are told of keeps it: its connection is closed with it.
        assert source() is None or source().closed
    finally:
        gc.enable()
    assert recorder.events == ["pre", "post"]


def test_events_that_no_chat_has_end_no_stream(recorder, server):
    """Whoever reads a stream gets all of it, whatever becomes of the callbacks' answer."""
    way = WAYS["messages"]
    odd = [*way.events[:1], {"type": "content_block_start", "index": 0, "content_block": 5}, *way.events[5:]]
    play(server, odd)
    assert len(read(way, server, is_async=False)) == len(odd)
    last(recorder, "success")


def test_functions_are_told_too_and_content_can_be_kept_from_logs(way, server):
    hidden = Recorder(turn_off_message_logging=True)
    told: list[Any] = []
    litellm.callbacks = [hidden]
    litellm.success_callback = [lambda kwargs, response, start, end: told.append(response)]
    play(server, way.events)
    read(way, server, is_async=False)
    last(hidden, "success")
    shown = repr(hidden.told)
    assert "Good day" not in shown
    assert "Greet" not in shown
    assert "the secret" not in shown
    assert told[0].choices[0].message.content == "Good day"


def test_max_budget_counts_them(way, server, monkeypatch):
    monkeypatch.setattr(litellm, "max_budget", 1.0, raising=False)
    monkeypatch.setattr(litellm, "_current_cost", 0.0, raising=False)
    server.answer(way.answer)
    play(server, way.events)
    way.functions[0](**arguments(way, server))
    read(way, server, is_async=False)
    assert litellm._current_cost == pytest.approx(2 * way.cost)


def test_answers_are_dicts_that_know_their_price(way, server):
    server.answer(way.answer)
    answer = way.functions[0](**arguments(way, server))
    assert isinstance(answer, dict)
    assert answer._hidden_params["response_cost"] == pytest.approx(way.cost)
    assert answer._hidden_params["api_base"].startswith(server.url)
    assert json.loads(json.dumps(answer)) == way.answer
    assert type(pickle.loads(pickle.dumps(answer))) is dict
    assert copy.deepcopy(answer) == way.answer
    answer.clear()
    assert answer._hidden_params["response_cost"] == pytest.approx(way.cost)


def test_an_answer_that_was_emptied_has_no_price(way, server):
    server.answer(way.answer)
    answer = way.functions[0](**arguments(way, server))
    answer.clear()
    assert answer._hidden_params["response_cost"] is None


def test_contents_have_attributes(server):
    way = WAYS["contents"]
    server.answer(way.answer)
    answer = way.functions[0](**arguments(way, server))
    assert answer.candidates == way.answer["candidates"]
    assert answer.model_dump() == way.answer
    assert json.loads(answer.model_dump_json()) == way.answer
    with pytest.raises(AttributeError, match="promptFeedback"):
        answer.promptFeedback  # noqa: B018
