"""aimock's Vertex AI: Gemini's protocol at a project's own addresses, with a token in the place of a key.

A tool's result is not sent back here, as it is to aimock's other servers: aimock reads `functionResponse` only, and
litellm, and so this package, writes `function_response`. Google takes both spellings.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

import edgequake_litellm as litellm

from . import behaviour
from .conftest import Aimock
from .test_aimock import HELLO, TOOLS

MODELS = "/v1/projects/project-1/locations/europe-west1/publishers/google/models/gemini-2.5-flash"


def call_of(aimock: Aimock, text: str, **more: Any) -> dict[str, Any]:
    call = {**aimock.call(text, "vertex_ai/gemini-2.5-flash", ""), "vertex_project": "project-1"}
    del call["api_key"]
    call["extra_headers"]["authorization"] = "Bearer ya29.a-token"
    return {**call, "vertex_location": "europe-west1", **more}


def test_a_completion(aimock: Aimock) -> None:
    answer = litellm.completion(**call_of(aimock, "Say hello", temperature=0.5))
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (HELLO, "stop")
    (request,) = aimock.journal
    assert (request["method"], request["path"]) == ("POST", f"{MODELS}:generateContent")
    assert "authorization" in request["headers"]
    assert "x-goog-api-key" not in request["headers"]


def test_a_stream(aimock: Aimock) -> None:
    behaviour.streams(partial(call_of, aimock))
    assert [request["path"].split("?")[0] for request in aimock.journal] == [f"{MODELS}:streamGenerateContent"]


def test_a_stream_in_a_coroutine(aimock: Aimock) -> None:
    behaviour.streams_in_a_coroutine(partial(call_of, aimock))


def test_a_tool_is_called(aimock: Aimock) -> None:
    answer = litellm.completion(**call_of(aimock, "How is the weather?"), tools=TOOLS)
    assert answer.choices[0].finish_reason == "tool_calls"
    (tool_call,) = answer.choices[0].message.tool_calls
    assert tool_call.function.name == "get_weather"
    assert json.loads(tool_call.function.arguments) == {"city": "Paris", "unit": "celsius"}


@pytest.mark.parametrize(
    ("text", "cities"), [("How is the weather?", ["Paris"]), ("The weather in two cities", ["Paris", "Oslo"])]
)
def test_tool_calls_in_a_stream(aimock: Aimock, text: str, cities: list[str]) -> None:
    behaviour.calls_tools_in_a_stream(partial(call_of, aimock), text, cities)


@pytest.mark.parametrize(("status", "kind"), [(429, litellm.RateLimitError), (503, litellm.ServiceUnavailableError)])
def test_errors_have_litellms_classes(aimock: Aimock, status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        litellm.completion(**call_of(aimock, f"Fail with {status}"), num_retries=0)
    assert getattr(raised.value, "status_code", None) == status
