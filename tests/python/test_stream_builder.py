"""Chunks put together again: `stream_chunk_builder`."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgequake_litellm._types import ChunkFactory, Meta, TextCompletionResponse
from edgequake_litellm.exceptions import APIError
from edgequake_litellm.stream_builder import stream_chunk_builder


def choice(delta, finish_reason=None, index=0, **more):
    return {"index": index, "delta": delta, "finish_reason": finish_reason, **more}


def chunks(*choices, as_dicts=False, **top):
    """The chunks of a stream, one a choice, as a program gets them or as their dumps."""
    factory = ChunkFactory("gpt-4o", Meta(b'{"provider": "openai"}'), created=5)
    made = [factory.full({"id": "chatcmpl-1", "choices": [one], **top}) for one in choices]
    return [chunk.model_dump() for chunk in made] if as_dicts else made


def usage_chunk(**usage):
    return ChunkFactory("gpt-4o", Meta()).full({"id": "chatcmpl-1", "choices": [], "usage": usage})


both = pytest.mark.parametrize("as_dicts", [False, True], ids=["objects", "dicts"])


@both
def test_text_is_joined(as_dicts):
    stream = chunks(
        choice({"role": "assistant", "content": ""}),
        choice({"content": "Hel"}),
        choice({"content": "lo"}),
        choice({}, "length"),
        as_dicts=as_dicts,
        system_fingerprint="fp",
        service_tier="default",
    )
    r = stream_chunk_builder(stream)
    assert r.choices[0].message.model_dump(exclude_none=True) == {"content": "Hello", "role": "assistant"}
    assert (r.choices[0].finish_reason, r.id, r.created, r.model) == ("length", "chatcmpl-1", 5, "gpt-4o")
    assert (r.object, r.system_fingerprint, r.service_tier) == ("chat.completion", "fp", "default")
    assert type(r).__name__ == "ModelResponse"


@given(st.lists(st.tuples(st.integers(0, 2), st.text()), min_size=1))
def test_every_choice_gets_its_own_text(pieces):
    r = stream_chunk_builder(chunks(*(choice({"content": text}, index=index) for index, text in pieces)))
    texts = {}
    for index, text in pieces:
        texts[index] = texts.get(index, "") + text
    assert {one.index: one.message.content for one in r.choices} == texts
    assert [one.index for one in r.choices] == sorted(texts)


@both
def test_tool_calls_are_joined_by_their_slots(as_dicts):
    def call(slot, arguments, **more):
        return {"tool_calls": [{"index": slot, **more, "function": {"arguments": arguments}}]}

    first = {"index": 0, "id": "call_a", "type": "function", "function": {"name": "f", "arguments": ""}}
    second = {"index": 1, "id": "call_b", "type": "function", "function": {"name": "g", "arguments": "{"}}
    stream = chunks(
        choice({"role": "assistant", "content": None}),
        choice({"tool_calls": [first]}),
        choice(call(0, '{"city":')),
        choice({"tool_calls": [second]}),
        choice(call(0, '"Paris"}')),
        choice(call(1, "}")),
        choice({}, "tool_calls"),
        as_dicts=as_dicts,
    )
    r = stream_chunk_builder(stream)
    assert r.choices[0].message.content is None
    assert r.choices[0].finish_reason == "tool_calls"
    assert [call.model_dump() for call in r.choices[0].message.tool_calls] == [
        {"function": {"arguments": '{"city":"Paris"}', "name": "f"}, "id": "call_a", "type": "function"},
        {"function": {"arguments": "{}", "name": "g"}, "id": "call_b", "type": "function"},
    ]


def test_a_call_without_arguments_has_an_empty_object_and_pieces_of_none_are_no_call():
    named = {"index": 0, "id": "call_a", "function": {"name": "f", "arguments": ""}}
    nameless = {"index": 1, "function": {"arguments": "{}"}}
    r = stream_chunk_builder(chunks(choice({"tool_calls": [named, nameless]})))
    assert [call.function.arguments for call in r.choices[0].message.tool_calls] == ["{}"]


def test_a_custom_tool_gets_its_input():
    first = {"index": 0, "id": "call_a", "type": "custom", "custom": {"name": "shell", "input": "l"}}
    rest = {"index": 0, "type": "custom", "custom": {"input": "s"}}
    r = stream_chunk_builder(chunks(choice({"tool_calls": [first]}), choice({"tool_calls": [rest]})))
    assert r.choices[0].message.tool_calls[0].custom.model_dump() == {"name": "shell", "input": "ls"}


@both
def test_what_is_more_than_text_is_joined_too(as_dicts):
    stream = chunks(
        choice(
            {
                "role": "assistant",
                "reasoning_content": "be",
                "thinking_blocks": [{"type": "thinking", "thinking": "be"}],
            }
        ),
        choice({"reasoning_content": "cause", "thinking_blocks": [{"type": "thinking", "thinking": "cause"}]}),
        choice(
            {"thinking_blocks": [{"type": "thinking", "signature": "s"}, {"type": "redacted_thinking", "data": "d"}]}
        ),
        choice({"function_call": {"name": "f", "arguments": "{"}}),
        choice({"function_call": {"arguments": "}"}}),
        choice({"annotations": [{"type": "url_citation"}], "images": [{"index": 0}]}),
        choice({"audio": {"id": "au", "data": base64.b64encode(b"ab").decode(), "transcript": "h"}}),
        choice({"audio": {"data": base64.b64encode(b"c").decode(), "transcript": "i", "expires_at": 9}}),
        choice({"provider_specific_fields": {"citation": {"n": 1}, "a": 1}}),
        choice({"provider_specific_fields": {"citation": {"n": 2}, "b": 2}, "refusal": "no"}),
        as_dicts=as_dicts,
    )
    message = stream_chunk_builder(stream).choices[0].message
    assert message.reasoning_content == "because"
    assert message.thinking_blocks == [
        {"type": "thinking", "thinking": "because", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
    ]
    assert (message.function_call.name, message.function_call.arguments) == ("f", "{}")
    assert (message.annotations, message.images) == ([{"type": "url_citation"}], [{"index": 0}])
    assert (base64.b64decode(message.audio.data), message.audio.transcript) == (b"abc", "hi")
    assert (message.audio.id, message.audio.expires_at) == ("au", 9)
    assert message.provider_specific_fields == {"citations": [[{"n": 1}, {"n": 2}]], "a": 1, "b": 2, "refusal": "no"}


def test_log_probabilities_are_kept():
    def token(text):
        return {"content": [{"token": text, "logprob": -1.0, "top_logprobs": []}], "refusal": None}

    stream = chunks(choice({"content": "a"}, logprobs=token("a")), choice({"content": "b"}, logprobs=token("b")))
    r = stream_chunk_builder(stream)
    assert [one.token for one in r.choices[0].logprobs.content] == ["a", "b"]
    assert not hasattr(stream_chunk_builder(chunks(choice({"content": "a"}))).choices[0], "logprobs")


def test_the_count_is_the_providers():
    details = {"prompt_tokens_details": {"cached_tokens": 4}, "cost": 0.5, "queue_time": 0.25}
    counted = usage_chunk(prompt_tokens=10, completion_tokens=3, total_tokens=13, **details)
    usage = stream_chunk_builder([*chunks(choice({"content": "a"})), counted]).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (10, 3, 13)
    assert (usage.prompt_tokens_details.cached_tokens, usage.cost, usage.queue_time) == (4, 0.5, 0.25)
    assert (usage.completion_tokens_details.text_tokens, usage.completion_tokens_details.reasoning_tokens) == (3, 0)


def test_counts_in_several_chunks_complete_each_other():
    stream = [
        usage_chunk(prompt_tokens=10, completion_tokens=1, cache_read_input_tokens=4),
        *chunks(choice({"content": "a"})),
        usage_chunk(prompt_tokens=0, completion_tokens=7),
    ]
    usage = stream_chunk_builder(stream).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (10, 7, 17)
    assert usage.prompt_tokens_details.cached_tokens == 4


def test_a_count_that_nobody_asked_for_counts():
    factory = ChunkFactory("m", Meta(), include_usage=False)
    stream = [
        factory.full(
            {"choices": [choice({"content": "a"}, "stop")], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
        )
    ]
    r = stream_chunk_builder(stream)
    assert (r.usage.prompt_tokens, r.usage.total_tokens) == (3, 5)
    assert "usage" not in r._hidden_params


def test_without_a_count_the_prompt_is_counted_by_the_caller_or_not_at_all():
    stream = chunks(choice({"content": "a"}))
    assert stream_chunk_builder(stream, count_prompt_tokens=lambda: 9).usage.total_tokens == 9
    assert stream_chunk_builder(stream, messages=[{"role": "user", "content": "x"}]).usage.total_tokens == 0


def test_what_is_hidden_is_taken_along():
    assert stream_chunk_builder(chunks(choice({"content": "a"})))._hidden_params["custom_llm_provider"] == "openai"


def test_the_model_that_answered_wins_over_the_router():
    stream = [*chunks(choice({"content": "a"})), *chunks(choice({"content": "b"}), model="gpt-4.1-nano")]
    assert stream_chunk_builder(stream).model == "gpt-4.1-nano"


def test_the_chunks_of_a_text_completion_make_one():
    def piece(text, **more):
        return TextCompletionResponse(id="cmpl-1", created=5, model="m", choices=[{"text": text, "index": 0, **more}])

    r = stream_chunk_builder([piece("Hel"), piece("lo", finish_reason="stop")])
    assert type(r) is TextCompletionResponse
    assert (r.choices[0].text, r.choices[0].finish_reason, r.id, r.model) == ("Hello", "stop", "cmpl-1", "m")


def test_no_chunks_make_no_response():
    assert stream_chunk_builder([]) is None
    r = stream_chunk_builder([usage_chunk(prompt_tokens=1)])
    assert (r.choices[0].message.content, r.usage.prompt_tokens) == ("", 1)


@pytest.mark.parametrize("bad", [None, [5], ["x"], [{"choices": 5}], [{"choices": [{"delta": {"tool_calls": 5}}]}]])
def test_what_is_no_stream_is_an_api_error(bad):
    with pytest.raises(APIError) as caught:
        stream_chunk_builder(bad)
    assert caught.value.status_code == 500
