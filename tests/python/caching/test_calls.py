"""Calls with a cache: what is sent, counted at the provider, and what comes back."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import pytest

import edgequake_litellm as litellm

TEXT = "text-embedding-3-small"


@pytest.fixture(autouse=True)
def cache(make_cache: Any) -> Any:
    litellm.cache = made = make_cache()
    return made


def ask(arguments: dict[str, Any], **more: Any) -> Any:
    return litellm.completion(**{**arguments, **more})


def text_of(stream: Any) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def test_an_equal_call_is_answered_without_the_provider(local_provider, arguments):
    first = ask(arguments, temperature=0)
    second = ask(arguments, temperature=0, timeout=30, metadata={"trace": "2"}, api_key="another")
    assert len(local_provider.requests) == 1
    assert second.model_dump() == first.model_dump()
    assert first._hidden_params["cache_hit"] is None
    assert second._hidden_params["cache_hit"] is True
    assert first._hidden_params["cache_key"] == second._hidden_params["cache_key"]
    assert first._hidden_params["response_cost"] > 0
    assert second._hidden_params["response_cost"] == 0
    assert second._hidden_params["custom_llm_provider"] == "openai"


@pytest.mark.parametrize(
    "other",
    [
        {"temperature": 1},
        {"model": "openai/gpt-4o-mini"},
        {"messages": [{"role": "user", "content": "Say something else"}]},
        {"top_k": 5},
        {"seed": 1},
        {"extra_body": {"a": 1}},
    ],
)
def test_a_call_that_differs_is_sent(local_provider, arguments, other):
    ask(arguments)
    ask(arguments, **other)
    assert len(local_provider.requests) == 2


def test_what_a_call_says_of_the_cache(local_provider, arguments):
    def sent(**more: Any) -> int:
        before = len(local_provider.requests)
        ask(arguments, **more)
        return len(local_provider.requests) - before

    assert sent(cache={"no-store": True}) == 1
    assert sent() == 1
    assert sent(cache={"no-store": True}) == 0
    assert sent(cache={"no-cache": True}) == 1
    assert sent(caching=False) == 1
    assert sent(caching=True) == 0
    assert sent(cache={"namespace": "other"}) == 1
    assert sent(cache={"namespace": "other"}) == 0
    assert sent(cache={"s-maxage": 600}) == 0
    time.sleep(0.02)
    assert sent(cache={"s-maxage": 0.01}) == 1
    assert sent(messages=[{"role": "user", "content": "short"}], cache={"ttl": 0.05}) == 1
    time.sleep(0.06)
    assert sent(messages=[{"role": "user", "content": "short"}]) == 1
    assert sent(cache_key="mine") == 1
    assert sent(messages=[{"role": "user", "content": "whatever"}], cache_key="mine") == 0


def test_a_word_that_the_cache_does_not_know_is_refused(local_provider, arguments):
    with pytest.raises(litellm.BadRequestError, match=r"no_cache.*no-cache, no-store"):
        ask(arguments, cache={"no_cache": True})
    assert not local_provider.requests


def test_failures_and_empty_answers_are_not_kept(local_provider, arguments):
    local_provider.error(500)
    with pytest.raises(litellm.InternalServerError):
        ask(arguments, num_retries=0)
    local_provider.raw(b'{"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": []}')
    ask(arguments)
    ask(arguments)
    assert len(local_provider.requests) == 3
    ask(arguments)
    assert len(local_provider.requests) == 3


# Streams -------------------------------------------------------------------------------------------------------------------


def test_a_stream_is_kept_and_replayed(local_provider, arguments):
    local_provider.reply("Hello there, this is a longer text")
    options = {"stream": True, "stream_options": {"include_usage": True}}
    first = list(ask(arguments, **options))
    second = list(ask(arguments, **options))
    whole = ask(arguments)
    assert len(local_provider.requests) == 1
    assert text_of(first) == text_of(second) == whole.choices[0].message.content
    assert first[-1].usage.total_tokens == second[-1].usage.total_tokens == whole.usage.total_tokens
    assert {chunk.id for chunk in second} == {first[0].id}
    assert [chunk.choices[0].finish_reason for chunk in second if chunk.choices].count("stop") == 1
    assert second[0]._hidden_params["cache_hit"] is True
    assert second[-1].usage.cost == 0


def test_a_whole_answer_is_replayed_as_a_stream(local_provider, arguments):
    local_provider.reply(tool_calls=[litellm.testing.tool_call("weather", {"city": "Bern"})])
    whole = ask(arguments)
    chunks = list(ask(arguments, stream=True))
    assert len(local_provider.requests) == 1
    built = litellm.stream_chunk_builder(chunks)
    assert built.choices[0].message.tool_calls == whole.choices[0].message.tool_calls
    assert built.choices[0].finish_reason == whole.choices[0].finish_reason == "tool_calls"


def test_a_stream_that_did_not_count_serves_no_call_that_is_told(local_provider, arguments):
    list(ask(arguments, stream=True))
    list(ask(arguments, stream=True))
    assert len(local_provider.requests) == 1
    assert ask(arguments).usage.total_tokens > 0
    assert len(local_provider.requests) == 2
    list(ask(arguments, stream=True, stream_options={"include_usage": True}))
    assert len(local_provider.requests) == 2


def test_a_stream_that_is_cut_or_left_is_not_kept(local_provider, arguments):
    local_provider.cut(after=2)
    with pytest.raises(litellm.exceptions.MidStreamFallbackError):
        list(ask(arguments, stream=True, num_retries=0))
    local_provider.reply("It takes a while until all of this has come", gap=0.1)
    stream = ask(arguments, stream=True)
    next(iter(stream))
    stream.close()
    before = len(local_provider.requests)
    list(ask(arguments, stream=True))
    assert len(local_provider.requests) == before + 1


def test_text_completions_and_responses(local_provider, arguments):
    more = {name: arguments[name] for name in ("api_base", "api_key")}
    made = {
        "id": "t1",
        "object": "text_completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "text": " upon a time", "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4},
    }
    local_provider.raw(json.dumps(made).encode())
    texts = [litellm.text_completion("Once", "openai/gpt-3.5-turbo-instruct", **more) for _ in range(2)]
    assert [text.choices[0].text for text in texts] == [" upon a time"] * 2
    stream = litellm.text_completion("Once", "openai/gpt-3.5-turbo-instruct", stream=True, **more)
    assert "".join(chunk.choices[0].text for chunk in stream) == " upon a time"
    assert len(local_provider.requests) == 1
    responses = [litellm.responses("Say hello", "openai/gpt-4o", mock_response="Hello") for _ in range(2)]
    assert responses[0].id == responses[1].id
    kinds = [
        event.type for event in litellm.responses("Say hello", "openai/gpt-4o", mock_response="Hello", stream=True)
    ]
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"


# Embeddings ----------------------------------------------------------------------------------------------------------------


def test_only_the_items_that_nobody_asked_for_are_sent(local_provider, embed):
    first = litellm.embedding(input=["a", "b"], **embed)
    second = litellm.embedding(input=["b", "new", "a"], **embed)
    assert [request.json["input"] for request in local_provider.requests] == [["a", "b"], ["new"]]
    assert [item["index"] for item in second.data] == [0, 1, 2]
    assert second.data[0]["embedding"] == first.data[1]["embedding"]
    assert second.data[2]["embedding"] == first.data[0]["embedding"]
    fresh = litellm.embedding(input=["b", "new", "a"], cache={"no-cache": True}, **embed)
    assert [item["embedding"] for item in fresh.data] == [item["embedding"] for item in second.data]
    assert second.usage.total_tokens == fresh.usage.total_tokens
    assert 0 < second._hidden_params["response_cost"] < fresh._hidden_params["response_cost"]
    third = litellm.embedding(input=["new"], **embed)
    assert third._hidden_params["cache_hit"] is True
    assert third._hidden_params["response_cost"] == 0
    assert litellm.embedding(input="new", **embed).data[0]["embedding"] == third.data[0]["embedding"]
    assert len(local_provider.requests) == 3


def test_the_wrong_number_of_embeddings_is_an_error_not_a_mixture(local_provider, embed):
    litellm.embedding(input=["a"], **embed)
    local_provider.embeddings([[1.0], [2.0]])
    with pytest.raises(litellm.APIResponseValidationError, match="asked for 1 embeddings"):
        litellm.embedding(input=["a", "b"], **embed)


def test_embeddings_of_coroutines(local_provider, embed):
    async def run() -> None:
        await litellm.aembedding(input=["a", "b"], **embed)
        response = await litellm.aembedding(input=["a", "b"], **embed)
        assert response._hidden_params["cache_hit"] is True

    asyncio.run(run())
    assert len(local_provider.requests) == 1


# Calls at the same time ------------------------------------------------------------------------------------------------------


def test_of_equal_calls_at_the_same_time_one_is_sent(local_provider, arguments):
    local_provider.delay(0.2)

    async def run() -> list[Any]:
        calls = [litellm.acompletion(**arguments) for _ in range(10)]
        streams = [litellm.acompletion(**arguments, stream=True) for _ in range(5)]
        answers = await asyncio.gather(*calls, *streams)
        texts = [answer.choices[0].message.content for answer in answers[:10]]
        for stream in answers[10:]:
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
            texts += ["".join(pieces)]
        return texts

    assert len(set(asyncio.run(run()))) == 1
    assert len(local_provider.requests) == 1


def test_when_the_one_fails_the_others_go_on_alone(local_provider, arguments):
    local_provider.delay(0.2)
    local_provider.error(400)

    async def run() -> list[Any]:
        return await asyncio.gather(*[litellm.acompletion(**arguments) for _ in range(5)], return_exceptions=True)

    outcomes = asyncio.run(run())
    assert sum(isinstance(outcome, litellm.BadRequestError) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, litellm.ModelResponse) for outcome in outcomes) == 4


def test_to_cancel_one_does_not_cancel_the_others(local_provider, arguments):
    local_provider.delay(0.3)

    async def run() -> Any:
        first = asyncio.ensure_future(litellm.acompletion(**arguments))
        await asyncio.sleep(0.1)
        others = [asyncio.ensure_future(litellm.acompletion(**arguments)) for _ in range(3)]
        await asyncio.sleep(0.05)
        others[0].cancel()
        first.cancel()
        return await asyncio.gather(first, *others, return_exceptions=True)

    first, *others = asyncio.run(run())
    assert isinstance(first, asyncio.CancelledError)
    assert isinstance(others[0], asyncio.CancelledError)
    assert all(isinstance(answer, litellm.ModelResponse) for answer in others[1:])


def test_threads_share_one_call(local_provider, arguments):
    local_provider.delay(0.2)
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(arguments))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(local_provider.requests) == 1


# What a program asks of the cache itself -------------------------------------------------------------------------------------


def test_a_program_finds_and_puts_answers(cache, local_provider, arguments):
    given = {"model": arguments["model"], "messages": arguments["messages"], "api_base": arguments["api_base"]}
    assert cache.get_cache(**given) is None
    response = ask(arguments)
    key = cache.get_cache_key(**given)
    assert key == response._hidden_params["cache_key"]
    assert cache.get_cache(**given)["id"] == response.id
    asyncio.run(cache.delete_cache_keys([key]))
    assert asyncio.run(cache.async_get_cache(**given)) is None
    response.choices[0].message.content = "from the program"
    cache.add_cache(response, **given)
    assert ask(arguments).choices[0].message.content == "from the program"
    asyncio.run(cache.async_add_cache("no answer at all", **given))
    assert ask(arguments).choices[0].message.content != "from the program"
    assert len(local_provider.requests) == 2
    assert asyncio.run(cache.ping()) is True
    cache.flush_cache()
    assert cache.get_cache(**given) is None
    asyncio.run(cache.disconnect())


def test_callbacks_are_told(local_provider, arguments, monkeypatch):
    told: list[Any] = []
    done = threading.Event()

    def note(kwargs: Any, response: Any, start: Any, end: Any) -> None:
        told.append((kwargs["cache_hit"], kwargs["response_cost"], kwargs["standard_logging_object"]))
        if len(told) == 2:
            done.set()

    monkeypatch.setattr(litellm, "success_callback", [note])
    ask(arguments)
    ask(arguments)
    assert done.wait(5)
    # Callbacks of two calls run at the same time.
    (first, cost, _), (second, free, standard) = sorted(told, key=lambda each: -each[1])
    assert (first, second, free) == (None, True, 0.0)
    assert cost > 0
    assert standard["saved_cache_cost"] == cost
    assert standard["cache_hit"] is True
    assert standard["cache_key"]
