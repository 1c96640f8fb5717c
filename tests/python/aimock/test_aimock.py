"""Calls to aimock: its authors wrote down how OpenAI's and Azure's servers speak without knowing this package."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import edgequake_litellm as litellm

from .conftest import Aimock

HELLO = "Hello! This is a longer answer — with “quotes”, 日本語 and 👋 — than one chunk holds."
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


def collect(stream: Any) -> tuple[list[Any], str]:
    """The chunks of a stream and their text."""
    chunks = list(stream)
    return chunks, "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


# -- answers -----------------------------------------------------------------------------------------------------------


def test_a_completion(aimock: Aimock) -> None:
    answer = litellm.completion(**aimock.call("Say hello"), temperature=0.5, user="somebody")
    message = answer.choices[0].message
    assert (message.role, message.content, message.tool_calls) == ("assistant", HELLO, None)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.id.startswith("chatcmpl-")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    (request,) = aimock.journal
    assert (request["method"], request["path"]) == ("POST", "/v1/chat/completions")
    assert {name: value for name, value in request["body"].items() if not name.startswith("_")} == {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "Say hello"}],
        "temperature": 0.5,
        "user": "somebody",
    }
    assert "authorization" in request["headers"]


def test_coroutines_at_once(aimock: Aimock) -> None:
    async def ask() -> list[Any]:
        return await asyncio.gather(*(litellm.acompletion(**aimock.call("Say hello")) for _ in range(32)))

    answers = asyncio.run(ask())
    assert [answer.choices[0].message.content for answer in answers] == [HELLO] * 32
    assert len({answer.id for answer in answers}) == len(aimock.journal) == 32


def test_json_mode(aimock: Aimock) -> None:
    answer = litellm.completion(**aimock.call("Answer in JSON"), response_format={"type": "json_object"})
    assert json.loads(answer.choices[0].message.content) == {"city": "Paris", "people": 2102650}


def test_reasoning(aimock: Aimock) -> None:
    call = aimock.call("Think first", "deepseek/deepseek-reasoner")
    message = litellm.completion(**call).choices[0].message
    assert (message.reasoning_content, message.content) == ("Two and two are four.", "4")
    chunks = list(litellm.completion(**call, stream=True))
    whole = litellm.stream_chunk_builder(chunks).choices[0].message
    assert (whole.reasoning_content, whole.content) == ("Two and two are four.", "4")


@pytest.mark.parametrize(
    "model", ["groq/llama-3.3-70b-versatile", "mistral/mistral-large-latest", "xai/grok-3", "hosted_vllm/qwen"]
)
def test_providers_that_speak_the_same_protocol(aimock: Aimock, model: str) -> None:
    assert litellm.completion(**aimock.call("Say hello", model)).choices[0].message.content == HELLO
    assert collect(litellm.completion(**aimock.call("Say hello", model), stream=True))[1] == HELLO
    assert [request["body"]["model"] for request in aimock.journal] == [model.split("/")[1]] * 2


# -- streams -----------------------------------------------------------------------------------------------------------


def test_a_stream(aimock: Aimock) -> None:
    stream = litellm.completion(**aimock.call("Say hello"), stream=True, stream_options={"include_usage": True})
    chunks, text = collect(stream)
    assert text == HELLO
    assert sum(bool(chunk.choices and chunk.choices[0].delta.content) for chunk in chunks) > 10
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] == ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[-1].usage.total_tokens > 0
    whole = litellm.stream_chunk_builder(chunks)
    assert (whole.choices[0].message.content, whole.usage.total_tokens) == (HELLO, chunks[-1].usage.total_tokens)


def test_a_stream_in_a_coroutine(aimock: Aimock) -> None:
    async def ask() -> str:
        stream = await litellm.acompletion(**aimock.call("Say hello"), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(ask()) == HELLO


# -- tools -------------------------------------------------------------------------------------------------------------


def test_a_tool_is_called_and_its_result_answered(aimock: Aimock) -> None:
    call = aimock.call("How is the weather?")
    answer = litellm.completion(**call, tools=TOOLS, tool_choice="auto")
    assert answer.choices[0].finish_reason == "tool_calls"
    message = answer.choices[0].message
    (tool_call,) = message.tool_calls
    assert (tool_call.id, tool_call.type, tool_call.function.name) == ("call_paris", "function", "get_weather")
    assert json.loads(tool_call.function.arguments) == {"city": "Paris", "unit": "celsius"}
    # The message goes back as it came, as programs do it.
    result = {"role": "tool", "tool_call_id": tool_call.id, "content": "21 °C"}
    call["messages"] = [*call["messages"], message, result]
    assert litellm.completion(**call, tools=TOOLS).choices[0].message.content == "It is 21 °C in Paris."
    sent = aimock.journal[-1]["body"]
    assert [each["role"] for each in sent["messages"]] == ["user", "assistant", "tool"]
    assert sent["messages"][1]["tool_calls"][0]["function"]["name"] == "get_weather"
    assert sent["tools"] == TOOLS


@pytest.mark.parametrize(
    ("text", "cities"), [("How is the weather?", ["Paris"]), ("The weather in two cities", ["Paris", "Oslo"])]
)
def test_tool_calls_in_a_stream(aimock: Aimock, text: str, cities: list[str]) -> None:
    chunks = list(litellm.completion(**aimock.call(text), tools=TOOLS, stream=True))
    parts = [part for chunk in chunks for choice in chunk.choices for part in choice.delta.tool_calls or ()]
    assert len(parts) > len(cities)
    assert {part.index for part in parts} == set(range(len(cities)))
    finish = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert finish == ["tool_calls"]
    calls = litellm.stream_chunk_builder(chunks).choices[0].message.tool_calls
    assert [call.id for call in calls] == [f"call_{city.lower()}" for city in cities]
    assert [json.loads(call.function.arguments)["city"] for call in calls] == cities


# -- embeddings --------------------------------------------------------------------------------------------------------


def test_an_embedding(aimock: Aimock) -> None:
    answer = litellm.embedding(**aimock.embed("openai/text-embedding-3-small"), input=["a sentence"])
    assert answer.data[0]["embedding"] == [0.25, -0.5, 0.125]
    assert aimock.journal[0]["path"] == "/v1/embeddings"


def test_embeddings_of_several_texts_keep_their_order(aimock: Aimock) -> None:
    call = aimock.embed("openai/text-embedding-3-small")

    async def ask(texts: list[str]) -> list[list[float]]:
        answer = await litellm.aembedding(**call, input=texts)
        assert [each["index"] for each in answer.data] == list(range(len(texts)))
        return [each["embedding"] for each in answer.data]

    # aimock makes a vector of each text that no fixture is for: the same text has the same vector.
    first, second = asyncio.run(ask(["one", "two"]))
    assert (len(first), first != second) == (len(second), True)
    assert asyncio.run(ask(["two", "one"])) == [second, first]


# -- Google's protocol ---------------------------------------------------------------------------------------------------


def gemini(aimock: Aimock, text: str) -> dict[str, Any]:
    return aimock.call(text, "gemini/gemini-2.5-flash", "/v1beta")


def test_gemini_answers_and_streams(aimock: Aimock) -> None:
    answer = litellm.completion(**gemini(aimock, "Say hello"))
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (HELLO, "stop")
    chunks, text = collect(litellm.completion(**gemini(aimock, "Say hello"), stream=True))
    assert text == HELLO
    assert sum(bool(chunk.choices and chunk.choices[0].delta.content) for chunk in chunks) > 10
    paths = [request["path"].split("?")[0] for request in aimock.journal]
    model = "/v1beta/models/gemini-2.5-flash"
    assert paths == [f"{model}:generateContent", f"{model}:streamGenerateContent"]


@pytest.mark.parametrize("stream", [False, True])
def test_gemini_calls_a_tool(aimock: Aimock, stream: bool) -> None:
    call = gemini(aimock, "How is the weather?")
    answer = litellm.completion(**call, tools=TOOLS, stream=stream)
    whole = litellm.stream_chunk_builder(list(answer)) if stream else answer
    assert whole.choices[0].finish_reason == "tool_calls"
    (tool_call,) = whole.choices[0].message.tool_calls
    assert json.loads(tool_call.function.arguments) == {"city": "Paris", "unit": "celsius"}


def test_gemini_thinks(aimock: Aimock) -> None:
    message = litellm.completion(**gemini(aimock, "Think first")).choices[0].message
    assert (message.reasoning_content, message.content) == ("Two and two are four.", "4")


@pytest.mark.parametrize(("status", "kind"), [(429, litellm.RateLimitError), (503, litellm.ServiceUnavailableError)])
def test_geminis_errors_have_litellms_classes(aimock: Aimock, status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        litellm.completion(**gemini(aimock, f"Fail with {status}"), num_retries=0)
    assert getattr(raised.value, "status_code", None) == status


# -- errors and retries ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, litellm.BadRequestError),
        (401, litellm.AuthenticationError),
        (404, litellm.NotFoundError),
        (429, litellm.RateLimitError),
        (500, litellm.InternalServerError),
        (503, litellm.ServiceUnavailableError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_have_litellms_classes(aimock: Aimock, status: int, kind: type[Exception], stream: bool) -> None:
    with pytest.raises(kind) as raised:
        litellm.completion(**aimock.call(f"Fail with {status}"), num_retries=0, stream=stream)
    error: Any = raised.value
    assert type(error) is kind
    assert (error.status_code, error.llm_provider, error.model) == (status, "openai", "gpt-4o")
    assert error.body["message"] in str(error)
    assert "sk-test" not in f"{error!r} {error} {error.body} {error.response.text}"
    assert len(aimock.journal) == 1


@pytest.mark.parametrize(("status", "times"), [(400, 1), (401, 1), (404, 1), (429, 3), (500, 3), (503, 3)])
def test_what_may_pass_is_tried_again(aimock: Aimock, status: int, times: int) -> None:
    with pytest.raises(Exception, match="OpenAIException"):
        litellm.completion(**aimock.call(f"Fail with {status}"), num_retries=2)
    assert [entry["response"]["status"] for entry in aimock.journal] == [status] * times


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_recovers(aimock: Aimock, stream: bool) -> None:
    answer = litellm.completion(**aimock.call("Recover"), num_retries=2, stream=stream)
    assert (collect(answer)[1] if stream else answer.choices[0].message.content) == "Recovered."
    assert [entry["response"]["status"] for entry in aimock.journal] == [500, 429, 200]
    assert len({json.dumps(entry["body"], sort_keys=True) for entry in aimock.journal}) == 1


def test_a_prompt_that_is_too_long(aimock: Aimock) -> None:
    with pytest.raises(litellm.ContextWindowExceededError, match="8192 tokens"):
        litellm.completion(**aimock.call("Too long"))
    assert len(aimock.journal) == 1


def test_an_embedding_that_fails(aimock: Aimock) -> None:
    call = aimock.embed("openai/text-embedding-3-small")
    with pytest.raises(litellm.InternalServerError, match="Something broke"):
        litellm.embedding(**call, input="embedding that fails", num_retries=1)
    assert len(aimock.journal) == 2


def test_a_question_that_no_fixture_answers(aimock: Aimock) -> None:
    with pytest.raises(litellm.NotFoundError, match="No fixture matched"):
        litellm.completion(**aimock.call("Nobody expects this"), num_retries=0)


# -- Azure -------------------------------------------------------------------------------------------------------------


def test_azure(aimock: Aimock) -> None:
    call = {**aimock.call("Say hello", "azure/my-gpt", path=""), "api_version": "2024-10-21"}
    assert litellm.completion(**call).choices[0].message.content == HELLO
    assert collect(litellm.completion(**call, stream=True))[1] == HELLO
    embed = {**aimock.embed("azure/my-ada", path=""), "api_version": "2024-10-21"}
    assert litellm.embedding(**embed, input=["a sentence"]).data[0]["embedding"] == [0.25, -0.5, 0.125]
    chat, embeddings = "/openai/deployments/my-gpt/chat/completions", "/openai/deployments/my-ada/embeddings"
    assert [request["path"] for request in aimock.journal] == [
        f"{path}?api-version=2024-10-21" for path in (chat, chat, embeddings)
    ]
    assert all("api-key" in request["headers"] for request in aimock.journal)
    assert all("authorization" not in request["headers"] for request in aimock.journal)


def test_azures_errors(aimock: Aimock) -> None:
    call = {**aimock.call("Fail with 429", "azure/my-gpt", path=""), "api_version": "2024-10-21"}
    with pytest.raises(litellm.RateLimitError, match="Slow down") as raised:
        litellm.completion(**call, num_retries=1)
    assert raised.value.llm_provider == "azure"
    assert len(aimock.journal) == 2


# -- chaos: a typed error, never silence -------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_chaos_disconnects(aimock: Aimock, stream: bool) -> None:
    # A time limit of its own means connections of its own: a request that meets the end of an idle connection is sent
    # once more, which is not one of the retries that are counted here.
    with pytest.raises(litellm.APIConnectionError):
        litellm.completion(**aimock.call("Say hello", disconnect=1), num_retries=1, stream=stream, timeout=9)
    assert [entry["response"]["chaosAction"] for entry in aimock.journal] == ["disconnect"] * 2


def test_chaos_malforms_the_answer(aimock: Aimock) -> None:
    with pytest.raises(litellm.InternalServerError, match="not JSON") as raised:
        litellm.completion(**aimock.call("Say hello", malformed=1), num_retries=0)
    assert "<<<chaos>>>" in str(raised.value)
    assert aimock.journal[0]["response"]["chaosAction"] == "malformed"


def test_chaos_malforms_a_stream(aimock: Aimock) -> None:
    with pytest.raises(litellm.exceptions.MidStreamFallbackError, match="not JSON") as raised:
        collect(litellm.completion(**aimock.call("Say hello", malformed=1), num_retries=0, stream=True))
    assert (raised.value.generated_content, raised.value.is_pre_first_chunk) == ("", True)


def test_chaos_drops_the_request(aimock: Aimock) -> None:
    with pytest.raises(litellm.InternalServerError, match="request dropped") as raised:
        litellm.completion(**aimock.call("Say hello", drop=1), num_retries=0)
    assert raised.value.body["code"] == "chaos_drop"


def test_chaos_limits_the_rate(aimock: Aimock) -> None:
    with pytest.raises(litellm.RateLimitError, match="rate limit exceeded") as raised:
        litellm.completion(**aimock.call("Say hello", ratelimit=1), num_retries=0)
    error: Any = raised.value
    assert error.response.headers["retry-after"] == "1"
    assert error.request_id == error.response.headers["x-request-id"]


@pytest.mark.parametrize("stream", [False, True])
def test_chaos_is_slower_than_the_time_limit(aimock: Aimock, stream: bool) -> None:
    with pytest.raises(litellm.Timeout):
        litellm.completion(**aimock.call("Say hello", latency=20000), timeout=0.3, stream=stream)


def test_chaos_is_slow_but_in_time(aimock: Aimock) -> None:
    answer = litellm.completion(**aimock.call("Say hello", latency=300), timeout=30)
    assert answer.choices[0].message.content == HELLO


def test_a_stream_that_is_cut_raises_after_what_came(aimock: Aimock) -> None:
    stream = litellm.completion(**aimock.call("Break off"), stream=True)
    came: list[Any] = []
    with pytest.raises(litellm.exceptions.MidStreamFallbackError) as raised:
        came.extend(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in came)
    assert text
    assert "These are the words of an answer".startswith(text)
    assert raised.value.generated_content == text
    assert isinstance(raised.value.__cause__, litellm.APIConnectionError)
    assert len(aimock.journal) == 1
