"""Anthropic's Messages API, and OpenAI's Responses API, of providers that have another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

import edgequake_litellm as litellm

from .test_operations import KEY, Server

ASK: dict[str, Any] = {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
TOOLS = [{"name": "w", "input_schema": {"type": "object"}}]
CHAT = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
}


def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def sse(*events: dict[str, Any], named: bool = False) -> str:
    lines = [(f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events]
    return "".join(lines) + ("" if named else "data: [DONE]\n\n")


STREAM = sse(chunk({"role": "assistant", "content": "Hel"}), chunk({"content": "lo"}), chunk({}, "stop"))


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def groq(server: Server) -> dict[str, Any]:
    return {"model": "groq/m", "api_base": server.base_url, "api_key": KEY, "max_retries": 0}


def test_a_provider_that_chats_answers_in_anthropics_words(server: Server, groq: dict[str, Any]) -> None:
    server.reply(CHAT)
    answer: Any = litellm.anthropic.messages.create(
        **ASK, **groq, system="sys", tools=TOOLS, tool_choice={"type": "any"}
    )
    assert server.sent["messages"] == [{"role": "system", "content": "sys"}, *ASK["messages"]]
    assert server.sent["tool_choice"] == "required"
    assert answer["content"] == [{"type": "text", "text": "Hello"}]
    assert (answer["type"], answer["stop_reason"], answer["usage"]["input_tokens"]) == ("message", "end_turn", 9)


def test_coroutines_get_the_same(server: Server, groq: dict[str, Any]) -> None:
    server.reply(CHAT)
    answer: Any = asyncio.run(litellm.anthropic_interface.messages.acreate(**ASK, **groq))
    assert answer["content"][0]["text"] == "Hello"


def test_a_stream_is_server_sent_events(server: Server, groq: dict[str, Any]) -> None:
    server.reply(STREAM, "text/event-stream")
    stream: Any = litellm.anthropic.messages.create(**ASK, **groq, stream=True)
    events = list(stream)
    assert events[0].startswith(b'event: message_start\ndata: {"type":"message_start"')
    assert events[-1] == b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    assert all(event.endswith(b"\n\n") for event in events)
    assert stream.response_uptil_now == "Hello"

    async def read() -> list[str]:
        server.reply(STREAM, "text/event-stream")
        stream: Any = await litellm.anthropic.messages.acreate(**ASK, **groq, stream=True)
        return [event["type"] async for event in stream.aevents()]

    start, delta, stop = "content_block_start", "content_block_delta", "content_block_stop"
    assert asyncio.run(read()) == ["message_start", start, delta, delta, stop, "message_delta", "message_stop"]


def test_claude_is_asked_in_its_own_words(server: Server) -> None:
    message = {"id": "m", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi", "new": 1}]}
    server.reply(message)
    where = {"api_base": server.base_url[:-3], "api_key": KEY, "model": "anthropic/claude-sonnet-4-5"}
    more: dict[str, Any] = {"metadata": {"user_id": "u"}, "top_k": 3, "context_management": {"edits": []}}
    assert litellm.anthropic.messages.create(**ASK, **where, **more) == message
    assert server.requests[-1][0] == "/v1/messages"
    assert server.sent == {**ASK, "model": "claude-sonnet-4-5", **more}
    assert server.requests[-1][1]["x-api-key"] == KEY
    event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}
    server.reply(sse(event, {"type": "message_stop"}, named=True), "text/event-stream")
    stream: Any = litellm.anthropic.messages.create(**ASK, **where, stream=True)
    assert list(stream.events()) == [event, {"type": "message_stop"}]


def test_a_stream_that_breaks_off_raises(server: Server, groq: dict[str, Any]) -> None:
    server.reply(sse(chunk({"content": "Hel"})).replace("data: [DONE]\n\n", ""), "text/event-stream")
    stream: Any = litellm.anthropic.messages.create(**ASK, **groq, stream=True)
    with pytest.raises(litellm.exceptions.MidStreamFallbackError):
        list(stream)


def test_what_a_chat_has_no_word_for_is_refused(groq: dict[str, Any]) -> None:
    with pytest.raises(litellm.UnsupportedParamsError, match="container"):
        litellm.anthropic.messages.create(**ASK, **groq, container={"id": "c"})
    document = {"type": "search_result", "source": "s"}
    with pytest.raises(litellm.BadRequestError, match="search_result"):
        litellm.anthropic.messages.create(9, [{"role": "user", "content": [document]}], **groq)


def test_mocks_have_anthropics_form_too() -> None:
    answer: Any = litellm.anthropic.messages.create(**ASK, model="groq/m", mock_response="hello")
    assert answer["content"] == [{"type": "text", "text": "hello"}]
    stream: Any = litellm.anthropic.messages.create(**ASK, model="groq/m", mock_response="hello", stream=True)
    deltas = [event["delta"]["text"] for event in stream.events() if event["type"] == "content_block_delta"]
    assert "".join(deltas) == "hello"


# Google's contents -----------------------------------------------------------------------------------------------------------

CONTENTS = [{"role": "user", "parts": [{"text": "hi"}]}]


def test_a_provider_that_chats_answers_in_googles_words(server: Server, groq: dict[str, Any]) -> None:
    from edgequake_litellm.google_genai import agenerate_content, generate_content

    server.reply(CHAT)
    config = {"maxOutputTokens": 9, "system_instruction": "sys"}
    tools = [{"functionDeclarations": [{"name": "w", "parameters": {"type": "OBJECT"}}]}]
    answer: Any = generate_content(contents=CONTENTS, config=config, tools=tools, **groq)
    assert server.sent["messages"] == [{"role": "system", "content": "sys"}, {"role": "user", "content": "hi"}]
    assert (server.sent["max_tokens"], server.sent["tools"][0]["function"]["parameters"]) == (9, {"type": "object"})
    assert answer["candidates"][0]["content"] == {"role": "model", "parts": [{"text": "Hello"}]}
    assert answer["usageMetadata"]["totalTokenCount"] == 13
    server.reply(CHAT)
    assert asyncio.run(agenerate_content(contents=CONTENTS, **groq))["candidates"] == answer["candidates"]
    with pytest.raises(litellm.UnsupportedParamsError, match="codeExecution"):
        generate_content(contents=CONTENTS, tools=[{"codeExecution": {}}], **groq)


def test_its_streams_are_server_sent_events_too(server: Server, groq: dict[str, Any]) -> None:
    from edgequake_litellm.google_genai import agenerate_content_stream, generate_content_stream

    server.reply(STREAM, "text/event-stream")
    stream: Any = generate_content_stream(contents=CONTENTS, **groq)
    assert all(event.startswith(b'data: {"candidates":') and event.endswith(b"\n\n") for event in stream)
    assert stream.response_uptil_now == "Hello"

    async def read() -> list[Any]:
        server.reply(STREAM, "text/event-stream")
        stream: Any = await agenerate_content_stream(contents=CONTENTS, **groq)
        return [event["candidates"][0].get("finishReason") async for event in stream.aevents()]

    assert asyncio.run(read()) == [None, None, "STOP"]


def test_gemini_is_asked_in_its_own_words(server: Server) -> None:
    from edgequake_litellm.google_genai import generate_content, generate_content_stream

    answer = {"candidates": [{"content": {"parts": [{"text": "Hi", "new": 1}]}, "finishReason": "STOP"}]}
    where: dict[str, Any] = {"model": "gemini/gemini-2.5-flash", "api_base": server.base_url, "api_key": KEY}
    server.reply(answer)
    assert generate_content(contents=CONTENTS, config={"temperature": 0.5}, **where) == answer
    assert server.requests[-1][0] == "/v1/models/gemini-2.5-flash:generateContent"
    assert server.sent == {"contents": CONTENTS, "generationConfig": {"temperature": 0.5}}
    server.reply(f"data: {json.dumps(answer)}\n\n", "text/event-stream")
    stream: Any = generate_content_stream(contents=CONTENTS, **where)
    assert list(stream.events()) == [answer]


# Responses ------------------------------------------------------------------------------------------------------------------


def test_a_provider_that_chats_gives_responses(server: Server, groq: dict[str, Any]) -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "w", "arguments": "{}"}}]
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "Hi", "tool_calls": calls},
        "finish_reason": "tool_calls",
    }
    server.reply({**CHAT, "choices": [choice]})
    tool = {"type": "function", "name": "w", "parameters": {"type": "object"}}
    answer: Any = litellm.responses("hi", **groq, instructions="sys", max_output_tokens=9, tools=[tool])
    assert server.requests[-1][0] == "/v1/chat/completions"
    assert server.sent["messages"] == [{"role": "system", "content": "sys"}, {"role": "user", "content": "hi"}]
    assert answer.output_text == "Hi"
    assert (answer.output[1].type, answer.output[1].call_id) == ("function_call", "1")
    assert (answer.status, answer.usage.input_tokens, answer.instructions) == ("completed", 9, "sys")
    # What was answered can be sent back as it is.
    server.reply(CHAT)
    items = [*answer.output, {"type": "function_call_output", "call_id": "1", "output": "42"}]
    litellm.responses([{"role": "user", "content": "hi"}, *items], **groq)
    assert [message["role"] for message in server.sent["messages"]] == ["user", "assistant", "tool"]
    assert server.sent["messages"][1]["tool_calls"] == calls


def test_its_streams_have_a_responses_events(server: Server, groq: dict[str, Any]) -> None:
    server.reply(STREAM, "text/event-stream")
    stream: Any = litellm.responses("hi", **groq, stream=True)
    events = list(stream)
    assert events[0].type == "response.created"
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Hello"
    assert stream.completed_response.response.output_text == "Hello"


def test_what_was_not_kept_cannot_be_named(groq: dict[str, Any]) -> None:
    with pytest.raises(litellm.BadRequestError, match="send the whole conversation"):
        litellm.responses("hi", **groq, previous_response_id="resp_1")
    with pytest.raises(litellm.UnsupportedParamsError, match="code_interpreter"):
        litellm.responses("hi", **groq, tools=[{"type": "code_interpreter"}])


def test_openais_own_classes_read_them(server: Server, groq: dict[str, Any]) -> None:
    types = pytest.importorskip(
        "openai.types.responses", reason="needs the package openai, whose classes are to read them"
    )
    server.reply(CHAT)
    answer: Any = litellm.responses("hi", **groq)
    assert types.Response.model_validate(answer.model_dump()).output_text == "Hello"
    server.reply(STREAM, "text/event-stream")
    stream: Any = litellm.responses("hi", **groq, stream=True)
    adapter = pytest.importorskip("pydantic", reason="comes with openai").TypeAdapter(types.ResponseStreamEvent)
    for event in stream:
        assert adapter.validate_python(event.model_dump(mode="json")).type == event.type.value
