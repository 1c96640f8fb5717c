"""Answers that are JSON and still none: each raises litellm's exceptions, and none is misread or hangs."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle

import pytest

import edgequake_litellm as litellm
from edgequake_litellm.testing import LocalProvider

MESSAGES = [{"role": "user", "content": "x"}]
HUGE = '{"choices":[{"message":{"content":"a"}}],"x":' + "9" * 6000 + "}"


@pytest.fixture
def provider():
    with LocalProvider() as provider:
        yield provider


def where(provider):
    return {
        "model": "openai/gpt-4o",
        "messages": MESSAGES,
        "api_base": provider.base_url,
        "api_key": "k",
        "num_retries": 0,
    }


def events(*chunks):
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


def chunk(index, delta, finish_reason=None):
    return {"id": "c", "model": "m", "choices": [{"index": index, "delta": delta, "finish_reason": finish_reason}]}


def stream(provider, *chunks):
    provider.raw(events(*chunks).encode(), headers={"content-type": "text/event-stream"})
    return litellm.completion(stream=True, **where(provider))


def test_a_number_of_thousands_of_digits(provider):
    provider.raw(HUGE.encode())
    with pytest.raises(litellm.APIResponseValidationError):
        litellm.completion(**where(provider))


def test_it_does_not_hang_a_coroutine_nor_its_neighbours(provider):
    provider.raw(HUGE.encode())

    async def both():
        calls = (litellm.acompletion(**where(provider)) for _ in range(2))
        return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 20)

    kinds = {type(outcome).__name__ for outcome in asyncio.run(both())}
    assert len(kinds) == 2
    assert "ModelResponse" in kinds


@pytest.mark.parametrize("status", [400, 500])
def test_an_error_whose_body_is_nested_without_end(provider, status):
    provider.raw(('{"x":' + "[" * 100_000 + "]" * 100_000 + "}").encode(), status=status)
    with pytest.raises((litellm.BadRequestError, litellm.InternalServerError)) as caught:
        litellm.completion(**where(provider))
    assert caught.value.status_code == status


def test_indexes_that_are_written_as_text_keep_their_calls_apart(provider):
    def piece(index, text, **call):
        function = {"arguments": text, **({"name": "f"} if call else {})}
        return chunk(0, {"tool_calls": [{"index": index, "function": function, **call}]})

    chunks = stream(
        provider,
        piece("0", "", id="c0", type="function"),
        piece("1", "", id="c1", type="function"),
        piece("1", "B"),
        piece("1", "B"),
        piece("0", "A"),
        chunk(0, {}, "tool_calls"),
    )
    calls = litellm.stream_chunk_builder(list(chunks)).choices[0].message.tool_calls
    assert [(call.id, call.function.arguments) for call in calls] == [("c0", "A"), ("c1", "BB")]


@pytest.mark.parametrize("index", [2**31, "one", [], 1.5])
def test_an_index_that_cannot_be_read_is_no_choice(provider, index):
    with pytest.raises(litellm.exceptions.MidStreamFallbackError):
        list(stream(provider, chunk(index, {"content": "a"}), chunk(index, {}, "stop")))


def test_a_delta_of_a_wrong_shape_is_an_error_of_the_provider(provider):
    with pytest.raises(litellm.APIResponseValidationError):
        list(stream(provider, chunk(0, {"function_call": "x"}), chunk(0, {}, "stop")))


def test_a_stream_is_one_connection(provider):
    chunks = stream(provider, chunk(0, {"content": "a"}), chunk(0, {}, "stop"))
    for copies in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copies(chunks)
    assert len(list(chunks)) == 2


def test_a_token_provider_that_is_no_function(provider):
    with pytest.raises(litellm.BadRequestError, match="azure_ad_token_provider"):
        litellm.completion(**{**where(provider), "model": "azure/x", "azure_ad_token_provider": 7})
