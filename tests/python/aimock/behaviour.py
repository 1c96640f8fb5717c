"""What every protocol of aimock's must come to, however it is spoken: the same answers to the same questions."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Callable

import edgequake_litellm as litellm

from .test_aimock import HELLO, TOOLS, collect

# The arguments of a call whose message is a text, with more arguments.
CallOf = Callable[..., "dict[str, Any]"]


def streams(call_of: CallOf, least_chunks: int = 10) -> None:
    chunks, text = collect(litellm.completion(**call_of("Say hello"), stream=True))
    assert text == HELLO
    assert sum(bool(chunk.choices and chunk.choices[0].delta.content) for chunk in chunks) > least_chunks
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] == ["stop"]
    assert litellm.stream_chunk_builder(chunks).choices[0].message.content == HELLO


def streams_in_a_coroutine(call_of: CallOf) -> None:
    async def ask() -> str:
        stream = await litellm.acompletion(**call_of("Say hello"), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(ask()) == HELLO


def answers_with_a_tool(call_of: CallOf) -> None:
    call = call_of("How is the weather?", tools=TOOLS)
    answer = litellm.completion(**call)
    assert answer.choices[0].finish_reason == "tool_calls"
    message = answer.choices[0].message
    (tool_call,) = message.tool_calls
    assert tool_call.function.name == "get_weather"
    assert json.loads(tool_call.function.arguments) == {"city": "Paris", "unit": "celsius"}
    # The message goes back as it came, as programs do it.
    result = {"role": "tool", "tool_call_id": tool_call.id, "content": "21 °C"}
    call["messages"] = [*call["messages"], message, result]
    assert litellm.completion(**call).choices[0].message.content == "It is 21 °C in Paris."


def calls_tools_in_a_stream(call_of: CallOf, text: str, cities: list[str]) -> None:
    chunks = list(litellm.completion(**call_of(text), tools=TOOLS, stream=True))
    finish = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert finish == ["tool_calls"]
    calls = litellm.stream_chunk_builder(chunks).choices[0].message.tool_calls
    assert [json.loads(call.function.arguments)["city"] for call in calls] == cities
    assert len({call.id for call in calls if call.id}) == len(cities)
