"""aimock's Bedrock server: its authors wrote the protocol and its frames down without knowing this package."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import edgequake_litellm as litellm

from .conftest import Aimock
from .test_aimock import HELLO, TOOLS, collect

CLAUDE = "anthropic.claude-sonnet-4-20250514-v1:0"
MODEL = f"bedrock/converse/{CLAUDE}"
REGION = "eu-central-1"


def call_of(aimock: Aimock, text: str, **more: Any) -> dict[str, Any]:
    """A call that is signed, as most are."""
    call = aimock.call(text, MODEL, "")
    del call["api_key"]
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "not-a-secret", "aws_region_name": REGION}
    return {**call, **keys, **more}


@pytest.fixture(autouse=True)
def _no_key_of_the_machine_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)


def test_a_completion(aimock: Aimock) -> None:
    answer = litellm.completion(**call_of(aimock, "Say hello", temperature=0.5))
    message = answer.choices[0].message
    assert (message.role, message.content, message.tool_calls) == ("assistant", HELLO, None)
    assert (answer.object, answer.model, answer.choices[0].finish_reason) == ("chat.completion", CLAUDE, "stop")
    (request,) = aimock.journal
    assert (request["method"], request["path"].replace("%3A", ":")) == ("POST", f"/model/{CLAUDE}/converse")


def test_a_stream(aimock: Aimock) -> None:
    chunks, text = collect(litellm.completion(**call_of(aimock, "Say hello"), stream=True))
    assert text == HELLO
    assert sum(bool(chunk.choices and chunk.choices[0].delta.content) for chunk in chunks) > 1
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] == ["stop"]
    assert litellm.stream_chunk_builder(chunks).choices[0].message.content == HELLO


def test_a_stream_in_a_coroutine(aimock: Aimock) -> None:
    async def ask() -> str:
        stream = await litellm.acompletion(**call_of(aimock, "Say hello"), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(ask()) == HELLO


def test_a_tool_is_called_and_its_result_answered(aimock: Aimock) -> None:
    call = call_of(aimock, "How is the weather?", tools=TOOLS)
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


@pytest.mark.parametrize(
    ("text", "cities"), [("How is the weather?", ["Paris"]), ("The weather in two cities", ["Paris", "Oslo"])]
)
def test_tool_calls_in_a_stream(aimock: Aimock, text: str, cities: list[str]) -> None:
    chunks = list(litellm.completion(**call_of(aimock, text), tools=TOOLS, stream=True))
    finish = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert finish == ["tool_calls"]
    calls = litellm.stream_chunk_builder(chunks).choices[0].message.tool_calls
    assert [json.loads(call.function.arguments)["city"] for call in calls] == cities
    assert len({call.id for call in calls}) == len(cities)


@pytest.mark.parametrize(
    ("status", "error", "shown"),
    [
        (400, "BadRequestError", 400),
        (401, "AuthenticationError", 401),
        (404, "NotFoundError", 404),
        (429, "RateLimitError", 429),
        # litellm's class for a failure of Bedrock's.
        (500, "ServiceUnavailableError", 503),
    ],
)
def test_errors(aimock: Aimock, status: int, error: str, shown: int) -> None:
    with pytest.raises(getattr(litellm, error)) as caught:
        litellm.completion(**call_of(aimock, f"Fail with {status}"), num_retries=0)
    assert (caught.value.status_code, caught.value.llm_provider) == (shown, "bedrock")
    assert "not-a-secret" not in f"{caught.value!r} {caught.value}"


def test_a_stream_that_is_cut(aimock: Aimock) -> None:
    call = call_of(aimock, "Say hello")
    call["extra_headers"]["x-aimock-chaos-disconnect"] = "1"
    with pytest.raises(litellm.APIConnectionError):
        list(litellm.completion(**call, stream=True, num_retries=0))
