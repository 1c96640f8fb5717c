"""aimock's Bedrock server: its authors wrote the protocol and its frames down without knowing this package."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

import edgequake_litellm as litellm

from . import behaviour
from .conftest import Aimock
from .test_aimock import HELLO

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
    behaviour.streams(partial(call_of, aimock), least_chunks=1)


def test_a_stream_in_a_coroutine(aimock: Aimock) -> None:
    behaviour.streams_in_a_coroutine(partial(call_of, aimock))


def test_a_tool_is_called_and_its_result_answered(aimock: Aimock) -> None:
    behaviour.answers_with_a_tool(partial(call_of, aimock))


@pytest.mark.parametrize(
    ("text", "cities"), [("How is the weather?", ["Paris"]), ("The weather in two cities", ["Paris", "Oslo"])]
)
def test_tool_calls_in_a_stream(aimock: Aimock, text: str, cities: list[str]) -> None:
    behaviour.calls_tools_in_a_stream(partial(call_of, aimock), text, cities)


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
