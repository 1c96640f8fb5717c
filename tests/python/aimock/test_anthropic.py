"""aimock's Anthropic server: its authors wrote the protocol down without knowing this package."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

import edgequake_litellm as litellm

from . import behaviour
from .conftest import Aimock
from .test_aimock import HELLO, collect

MODEL = "anthropic/claude-sonnet-4-5"


def call_of(aimock: Aimock, text: str, **more: Any) -> dict[str, Any]:
    return {**aimock.call(text, MODEL, ""), **more}


def test_a_completion(aimock: Aimock) -> None:
    call = call_of(aimock, "Say hello", temperature=0.5, user="somebody")
    call["messages"].insert(0, {"role": "system", "content": "Be brief."})
    answer = litellm.completion(**call)
    message = answer.choices[0].message
    assert (message.role, message.content, message.tool_calls) == ("assistant", HELLO, None)
    assert (answer.object, answer.choices[0].finish_reason) == ("chat.completion", "stop")
    # aimock counts nothing for this protocol.
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (0, 0)
    (request,) = aimock.journal
    assert (request["method"], request["path"]) == ("POST", "/v1/messages")
    assert request["headers"]["anthropic-version"] == "2023-06-01"
    assert "x-api-key" in request["headers"]
    assert "authorization" not in request["headers"]


def test_a_stream(aimock: Aimock) -> None:
    chunks, text = collect(
        litellm.completion(**call_of(aimock, "Say hello"), stream=True, stream_options={"include_usage": True})
    )
    assert text == HELLO
    assert sum(bool(chunk.choices and chunk.choices[0].delta.content) for chunk in chunks) > 10
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] == ["stop"]
    assert chunks[-1].usage.total_tokens == 0
    assert litellm.stream_chunk_builder(chunks).choices[0].message.content == HELLO


def test_a_stream_in_a_coroutine(aimock: Aimock) -> None:
    behaviour.streams_in_a_coroutine(partial(call_of, aimock))


def test_a_tool_is_called_and_its_result_answered(aimock: Aimock) -> None:
    behaviour.answers_with_a_tool(partial(call_of, aimock))


@pytest.mark.parametrize(
    ("text", "cities"), [("How is the weather?", ["Paris"]), ("The weather in two cities", ["Paris", "Oslo"])]
)
def test_tool_calls_in_a_stream(aimock: Aimock, text: str, cities: list[str]) -> None:
    behaviour.calls_tools_in_a_stream(partial(call_of, aimock), text, cities)


def test_thinking(aimock: Aimock) -> None:
    call = call_of(aimock, "Think first")
    message = litellm.completion(**call).choices[0].message
    assert (message.reasoning_content, message.content) == ("Two and two are four.", "4")
    assert message.thinking_blocks[0]["thinking"] == "Two and two are four."
    chunks = list(litellm.completion(**call, stream=True))
    whole = litellm.stream_chunk_builder(chunks).choices[0].message
    assert (whole.reasoning_content, whole.content) == ("Two and two are four.", "4")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (404, "NotFoundError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
    ],
)
def test_errors(aimock: Aimock, status: int, error: str) -> None:
    with pytest.raises(getattr(litellm, error)) as caught:
        litellm.completion(**call_of(aimock, f"Fail with {status}"), num_retries=0)
    assert (caught.value.status_code, caught.value.llm_provider) == (status, "anthropic")
