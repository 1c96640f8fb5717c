"""aimock's Ollama and Cohere servers: their authors wrote the protocols down without knowing this package."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

import edgequake_litellm as litellm

from . import behaviour
from .conftest import Aimock
from .test_aimock import HELLO

CHAT, PROMPT, COHERE = "ollama_chat/llama3.1", "ollama/llama3.1", "cohere_chat/command-a-03-2025"
PATHS = {CHAT: "/api/chat", PROMPT: "/api/generate", COHERE: "/v2/chat"}

# aimock puts thoughts where neither protocol has them, so they are tested by transcripts only.
every_model = pytest.mark.parametrize("model", [CHAT, PROMPT, COHERE])
models_with_tools = pytest.mark.parametrize("model", [CHAT, COHERE])


def call_of(aimock: Aimock, model: str, text: str, **more: Any) -> dict[str, Any]:
    return {**aimock.call(text, model, ""), **more}


@every_model
def test_a_completion(aimock: Aimock, model: str) -> None:
    answer = litellm.completion(**call_of(aimock, model, "Say hello", temperature=0.5))
    message = answer.choices[0].message
    assert (message.role, message.content, message.tool_calls) == ("assistant", HELLO, None)
    assert (answer.object, answer.choices[0].finish_reason) == ("chat.completion", "stop")
    (request,) = aimock.journal
    assert (request["method"], request["path"]) == ("POST", PATHS[model])


@every_model
def test_a_stream(aimock: Aimock, model: str) -> None:
    behaviour.streams(partial(call_of, aimock, model))


@every_model
def test_a_stream_in_a_coroutine(aimock: Aimock, model: str) -> None:
    behaviour.streams_in_a_coroutine(partial(call_of, aimock, model))


@every_model
def test_a_tool_is_called_and_its_result_answered(aimock: Aimock, model: str) -> None:
    behaviour.answers_with_a_tool(partial(call_of, aimock, model))


@models_with_tools
@pytest.mark.parametrize(
    ("text", "cities"), [("How is the weather?", ["Paris"]), ("The weather in two cities", ["Paris", "Oslo"])]
)
def test_tool_calls_in_a_stream(aimock: Aimock, model: str, text: str, cities: list[str]) -> None:
    behaviour.calls_tools_in_a_stream(partial(call_of, aimock, model), text, cities)


@every_model
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
def test_errors(aimock: Aimock, model: str, status: int, error: str) -> None:
    with pytest.raises(getattr(litellm, error)) as caught:
        litellm.completion(**call_of(aimock, model, f"Fail with {status}"), num_retries=0)
    assert (caught.value.status_code, caught.value.llm_provider) == (status, model.split("/")[0])


@every_model
def test_a_stream_that_is_cut(aimock: Aimock, model: str) -> None:
    call = aimock.call("Say hello", model, "", disconnect=1)
    with pytest.raises(litellm.APIConnectionError):
        list(litellm.completion(**call, stream=True, num_retries=0))


def test_embeddings(aimock: Aimock) -> None:
    answer = litellm.embedding(input=["a sentence", "a sentence"], **aimock.embed("cohere/embed-v4.0", ""))
    assert [item["embedding"] for item in answer.data] == [[0.25, -0.5, 0.125]] * 2
    assert [item["index"] for item in answer.data] == [0, 1]
