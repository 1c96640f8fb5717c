"""The response objects: litellm's shapes and quirks, made from the engine's JSON."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgequake_litellm import _types, completion_cost
from edgequake_litellm._types import ChunkFactory, Meta, embedding_response, model_response
from edgequake_litellm.exceptions import APIError
from edgequake_litellm.types import utils as types

META = {
    "provider": "openai",
    "model": "gpt-4o",
    "api_base": "https://api.example/v1",
    "status": 200,
    "headers": {"x-request-id": "req_1", "x-ratelimit-limit-requests": "60", "set-cookie": "session=s3cret"},
}


def meta(**kwargs):
    return Meta(json.dumps(META).encode(), **kwargs)


def answer(**message):
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1731000000,
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "refusal": None, **message},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19},
        "system_fingerprint": "fp_1",
        "service_tier": "default",
    }


def chunk(delta, finish_reason=None, **top):
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1731000000,
        "model": "gpt-4o",
        "system_fingerprint": "fp_1",
        "choices": [choice],
        **top,
    }


def python(code):
    """The output of `code` in a fresh interpreter."""
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


# From the wire ---------------------------------------------------------------------------------------------------------


def test_an_answer_is_dumped_in_litellms_order():
    assert model_response(answer(), meta()).model_dump_json(exclude_unset=True) == (
        '{"id":"chatcmpl-1","created":1731000000,"model":"gpt-4o-2024-08-06","object":"chat.completion",'
        '"system_fingerprint":"fp_1","choices":[{"finish_reason":"stop","index":0,"message":{"content":"Hello",'
        '"role":"assistant","tool_calls":null,"function_call":null,"provider_specific_fields":{"refusal":null}},'
        '"provider_specific_fields":{}}],"usage":{"completion_tokens":7,"prompt_tokens":12,"total_tokens":19,'
        '"completion_tokens_details":null,"prompt_tokens_details":null},"service_tier":"default"}'
    )


def test_an_answer_is_read_by_attribute_item_and_get():
    r = model_response(answer(), meta())
    assert r.choices[0].message.content == "Hello"
    assert r["choices"][0]["message"]["content"] == "Hello"
    assert r.choices[0]["message"].content == "Hello"
    assert r.choices[0].message.get("content") == "Hello"
    assert r["usage"]["total_tokens"] == r.usage.total_tokens == 19
    assert r.get("model") == "gpt-4o-2024-08-06"
    assert r.get("nothing", 5) == 5
    assert "choices" in r
    assert "nothing" not in r
    assert dict(r)["service_tier"] == r.service_tier == "default"


def test_an_unknown_key_raises_attribute_error_as_in_litellm():
    r = model_response(answer(), meta())
    with pytest.raises(AttributeError, match="'ModelResponse' object has no attribute 'nope'"):
        r["nope"]
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = r.choices[0].message.nope
    with pytest.raises(TypeError):
        r["id"] = "2"
    with pytest.raises(TypeError):
        len(r)
    with pytest.raises(TypeError):
        dict(**r)


@pytest.mark.parametrize("name", ["reasoning_content", "thinking_blocks", "audio", "images", "annotations", "refusal"])
def test_what_a_message_does_not_have_is_absent(name):
    message = model_response(answer(), meta()).choices[0].message
    assert getattr(message, name, "absent") == "absent"
    assert message.get(name, "absent") == "absent"
    assert name not in message.model_dump()


def test_a_message_has_no_in_but_a_choice_and_a_delta_have():
    r = model_response(answer(), meta())
    assert "content" not in r.choices[0].message
    assert "message" in r.choices[0]
    assert "logprobs" not in r.choices[0]
    assert "content" in types.Delta(content="x")
    assert "reasoning_content" not in types.Delta(content="x")


def test_parts_of_a_message_become_objects():
    message = (
        model_response(
            answer(
                content=None,
                reasoning_content="because",
                tool_calls=[
                    {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
                    {"id": "call_2", "type": "custom", "custom": {"name": "g", "input": "text"}},
                ],
                audio={"id": "au", "data": "AAAA", "expires_at": 9, "transcript": "hi"},
                images=[{"type": "image_url", "image_url": {"url": "u"}}],
                annotations=[],
                citations=["c"],
            ),
            meta(),
        )
        .choices[0]
        .message
    )
    assert message.reasoning_content == "because"
    function, custom = message.tool_calls
    assert (function.id, function.type, function.function.name) == ("call_1", "function", "f")
    assert function["function"]["arguments"] == '{"a": 1}'
    assert type(custom).__name__ == "ChatCompletionMessageCustomToolCall"
    assert custom.custom.input == "text"
    assert message.audio.transcript == message.audio["transcript"] == "hi"
    assert message.images == [{"type": "image_url", "image_url": {"url": "u"}, "index": 0}]
    assert message.annotations == []
    assert message.provider_specific_fields == {"refusal": None, "citations": ["c"]}


def test_a_stop_with_tool_calls_is_a_stop_for_them():
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    assert model_response(answer(tool_calls=calls), meta()).choices[0].finish_reason == "tool_calls"
    assert model_response(answer(tool_calls=[]), meta()).choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("said", "reason", "extra"),
    [
        ("length", "length", {}),
        ("end_turn", "stop", {"native_finish_reason": "end_turn"}),
        ("tool_use", "tool_calls", {"native_finish_reason": "tool_use"}),
        ("never heard of", "stop", {"native_finish_reason": "never heard of"}),
        (None, "stop", {}),
    ],
)
def test_finish_reasons_are_openais(said, reason, extra):
    payload = answer()
    payload["choices"][0]["finish_reason"] = said
    choice = model_response(payload, meta()).choices[0]
    assert (choice.finish_reason, choice.provider_specific_fields) == (reason, extra)


def test_choices_keep_their_number_their_extras_and_their_logprobs():
    payload = answer()
    token = {"token": "He", "logprob": -0.5, "bytes": [72, 101], "top_logprobs": None}
    extra = {"index": 1, "content_filter_results": {"hate": False}, "logprobs": {"content": [token], "refusal": None}}
    payload["choices"].append({**payload["choices"][0], **extra})
    first, second = model_response(payload, meta()).choices
    assert (first.index, second.index) == (0, 1)
    assert second.provider_specific_fields == {"content_filter_results": {"hate": False}}
    assert second.logprobs.content[0].token == second.logprobs["content"][0]["token"] == "He"
    assert second.logprobs.content[0].top_logprobs == []
    assert not hasattr(first, "logprobs")


def test_what_a_provider_leaves_out_is_filled_in():
    r = model_response({"choices": [{"message": {"content": "x"}}], "created": "1731000000.5"}, meta())
    assert r.id.startswith("chatcmpl-")
    assert (r.created, r.model, r.object) == (1731000000, None, "chat.completion")
    assert r.choices[0].message.role == "assistant"
    assert r.usage == types.Usage(prompt_tokens=0, completion_tokens=0, total_tokens=0)


@pytest.mark.parametrize(
    "payload", [{}, {"choices": None}, {"choices": [{}]}, {"choices": [{"message": None}]}, {"choices": ["x"]}, []]
)
def test_an_answer_that_is_none_is_an_api_error_of_its_provider(payload):
    with pytest.raises(APIError, match="is not a completion") as caught:
        model_response(payload, meta(model="openai/gpt-4o"))
    assert (caught.value.status_code, caught.value.llm_provider, caught.value.model) == (500, "openai", "openai/gpt-4o")


def test_embeddings_are_plain_dicts_beside_a_usage():
    wire = [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}]
    payload = {"object": "list", "model": "e", "data": wire, "usage": {"prompt_tokens": 6, "total_tokens": 6}}
    r = embedding_response(payload, meta())
    assert r.data[0]["embedding"] == r["data"][0]["embedding"] == [0.5, -1.0]
    assert (r.model, r.object, r.usage.prompt_tokens, r.usage.completion_tokens) == ("e", "list", 6, 0)
    assert list(r.model_dump()) == ["model", "data", "object", "usage"]
    assert r._hidden_params["custom_llm_provider"] == "openai"
    with pytest.raises(APIError, match="list of embeddings"):
        embedding_response({"object": "list"}, meta())


# What is known beside the answer ----------------------------------------------------------------------------------------


def test_hidden_params_come_from_meta_and_can_be_written():
    r = model_response(answer(), meta(model="openai/gpt-4o", response_ms=3.5, call_id="c1"))
    hidden = r._hidden_params
    assert hidden is r.hidden_params
    assert hidden["custom_llm_provider"] == "openai"
    assert hidden["response_cost"] == completion_cost(r) > 0
    assert (hidden["model_id"], hidden["api_base"]) == (None, "https://api.example/v1")
    assert (hidden["litellm_call_id"], hidden["litellm_model_name"]) == ("c1", "openai/gpt-4o")
    assert hidden["provider_response_model"] == "gpt-4o-2024-08-06"
    assert hidden["_response_ms"] == r._response_ms == 3.5
    assert hidden["additional_headers"] == {
        "x-ratelimit-limit-requests": "60",
        "llm_provider-x-request-id": "req_1",
        "llm_provider-x-ratelimit-limit-requests": "60",
        "llm_provider-set-cookie": "session=s3cret",
        "request-id": "req_1",
    }
    assert r._response_headers == META["headers"]
    hidden["response_cost"] = 0.25
    assert r._hidden_params["response_cost"] == 0.25
    r._response_headers = None
    r._response_ms = 4.0
    assert (r._response_headers, r._response_ms) == (None, 4.0)


def test_a_response_without_a_call_has_empty_hidden_params():
    r = types.ModelResponse()
    assert r._hidden_params == {}
    assert r._response_headers is None
    assert not hasattr(r, "_response_ms")
    assert types.EmbeddingResponse()._response_ms is None
    assert types.TextCompletionResponse()._hidden_params.get("model_id", 3) is None


def test_what_is_known_beside_the_answer_is_neither_shown_nor_dumped_nor_compared():
    r, same = model_response(answer(), meta(call_id="c1")), model_response(answer(), Meta())
    assert r._hidden_params != same._hidden_params
    assert r == same
    for text in (repr(r), str(r), r.model_dump_json(), repr(meta())):
        assert "s3cret" not in text
        assert "hidden" not in text


def test_meta_gives_a_call_one_id():
    one = Meta()
    assert one.call_id == one.call_id != Meta().call_id
    assert one.headers is None
    assert one.hidden_params()["additional_headers"] == {}


# Chunks -----------------------------------------------------------------------------------------------------------------


def factory(**kwargs):
    made = ChunkFactory("gpt-4o", meta(), created=1731000009, **kwargs)
    made.full(chunk({"role": "assistant", "content": ""}, service_tier="default"))
    return made


def test_a_chunk_is_dumped_in_litellms_order_and_dated_by_the_stream():
    made = ChunkFactory("gpt-4o", meta(), created=1731000009).full(chunk({"role": "assistant", "content": "Hi"}))
    assert made.model_dump_json(exclude_unset=True) == (
        '{"id":"chatcmpl-1","created":1731000009,"model":"gpt-4o","object":"chat.completion.chunk",'
        '"system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":"Hi","role":"assistant",'
        '"function_call":null,"tool_calls":null,"audio":null},"finish_reason":null,"logprobs":null}]}'
    )
    assert made["choices"][0]["delta"]["content"] == "Hi"
    assert type(made).__name__ == "ModelResponseStream"


texts = st.text(st.characters(exclude_categories=[]))


@given(st.integers(0, 7), texts)
def test_a_content_event_makes_the_chunk_that_its_json_would_make(index, text):
    wire = chunk({"content": text}, service_tier="default")
    wire["choices"][0]["index"] = index
    assert factory().content(index, text) == factory().full(wire)


@given(st.integers(0, 7), texts)
def test_a_reasoning_event_makes_the_chunk_that_its_json_would_make(index, text):
    wire = chunk({"reasoning_content": text}, service_tier="default")
    wire["choices"][0]["index"] = index
    assert factory().reasoning(index, text) == factory().full(wire)


@given(st.integers(0, 7), st.integers(0, 99), texts)
def test_an_arguments_event_makes_the_chunk_that_its_json_would_make(index, slot, text):
    wire = chunk({"tool_calls": [{"index": slot, "function": {"arguments": text}}]}, service_tier="default")
    wire["choices"][0]["index"] = index
    made = factory().arguments(index, slot, text)
    assert made == factory().full(wire)
    call = made.choices[0].delta.tool_calls[0]
    assert (call.index, call.id, call.type, call.function.name, call.function.arguments) == (
        slot,
        None,
        "function",
        None,
        text,
    )


def test_chunks_share_nothing_that_a_program_may_change():
    made = factory()
    one, two = made.content(0, "a"), made.content(0, "b")
    one.choices[0].delta.content = "changed"
    one.choices.append("more")
    one.service_tier = "other"
    one._hidden_params["mine"] = 1
    assert two.choices[0].delta.content == "b"
    assert made.content(0, "c").service_tier == two.service_tier == "default"
    assert "mine" not in two._hidden_params


def test_the_count_of_tokens_comes_in_one_empty_choice():
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    made = factory().full({**chunk({}, usage=usage), "choices": []})
    assert made.usage.total_tokens == 4
    assert [choice.delta.content for choice in made.choices] == [None]
    assert (made.choices[0].finish_reason, made.choices[0].index) == (None, 0)


def test_a_count_that_nobody_asked_for_is_hidden():
    made = factory(include_usage=False).full(chunk({}, "stop", usage={"prompt_tokens": 3}))
    assert not hasattr(made, "usage")
    assert made._hidden_params["usage"].prompt_tokens == 3
    assert made.choices[0].finish_reason == "stop"


def test_no_chunk_has_a_usage_of_another_one():
    made = factory()
    made.full(chunk({"content": "a"}, usage={"prompt_tokens": 3}))
    assert not hasattr(made.content(0, "b"), "usage")
    assert not hasattr(made.full(chunk({"content": "b"}, usage=None)), "usage")


def test_a_provider_without_ids_and_models_gets_one_for_the_stream():
    made = ChunkFactory("m", Meta())
    first = made.full({"choices": [{"delta": {"content": "a"}}]})
    second = made.full({"choices": [{"delta": {"content": "b"}, "index": None}]})
    assert first.id == second.id == made.content(0, "c").id
    assert first.id.startswith("chatcmpl-")
    assert (first.model, second.choices[0].index) == ("m", 0)


def test_a_delta_has_objects_for_its_parts():
    wire = {
        "tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}],
        "function_call": {"name": "g"},
        "reasoning_content": None,
        "refusal": None,
    }
    delta = factory().full(chunk(wire)).choices[0].delta
    assert (delta.tool_calls[0].id, delta.tool_calls[0].function.name) == ("call_1", "f")
    assert (delta.function_call.name, delta.function_call.arguments) == ("g", "")
    assert delta.refusal is None
    assert not hasattr(delta, "reasoning_content")


# Constructors -----------------------------------------------------------------------------------------------------------


def test_an_empty_response_has_an_id_a_time_and_a_choice():
    r = types.ModelResponse()
    assert r.id.startswith("chatcmpl-")
    assert r.id != types.ModelResponse().id
    assert r.choices[0].finish_reason == "stop"
    assert r.choices[0].message == types.Message(content=None, role="assistant")
    assert not hasattr(r, "usage")
    assert types.ModelResponse(choices=[]).choices == []
    assert types.ModelResponseStream().choices[0].delta == types.Delta()


def test_a_response_is_built_from_dicts_and_objects():
    r = types.ModelResponse(
        id="1",
        created=1,
        choices=[{"message": {"content": "a"}}, types.Choices(index=1, message=types.Message(content="b"))],
        usage={"prompt_tokens": 2},
        service_tier="flex",
    )
    assert [choice.message.content for choice in r.choices] == ["a", "b"]
    assert (r.usage.prompt_tokens, r.service_tier) == (2, "flex")


def test_a_function_makes_json_of_arguments():
    assert types.Function(arguments={"a": 1}, name="f").arguments == '{"a": 1}'
    assert types.Function(name="f", parameters={"a": 1}).arguments == '{"a": 1}'
    assert types.Function().model_dump() == {"arguments": "", "name": None}
    call = types.ChatCompletionMessageToolCall(function={"name": "f", "arguments": "{}"}, index=3)
    assert call.type == "function"
    assert len(call.id) == 36
    # PyPy may reorder an object's attributes, and extra fields have no other order than theirs.
    ordered = list if sys.implementation.name != "pypy" else sorted
    assert ordered(call.model_dump()) == ordered(["index", "function", "id", "type"])


def test_a_delta_numbers_tool_calls_and_renames_reasoning():
    delta = types.Delta(tool_calls=[{"function": {"arguments": "{"}}, {"function": {"arguments": "["}}], reasoning="r")
    assert [(call.index, call.type) for call in delta.tool_calls] == [(0, "function"), (1, "function")]
    assert delta.reasoning_content == "r"
    assert not hasattr(delta, "reasoning")
    assert delta.provider_specific_fields is None


def test_deleting_what_is_not_there_is_forgiven_where_litellm_does():
    for forgiving in (
        types.Message(),
        types.Delta(),
        types.Choices(),
        types.Usage(),
        types.PromptTokensDetailsWrapper(),
    ):
        del forgiving.nothing
    for strict in (types.ModelResponse(), types.StreamingChoices(), types.Function()):
        with pytest.raises(AttributeError):
            del strict.nothing


def test_items_can_be_set_where_litellm_can():
    message = types.Message(content="a")
    message["content"] = "b"
    message["mine"] = 1
    assert (message.content, message.model_dump()["mine"]) == ("b", 1)
    assert message.model_extra == {"mine": 1}


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (lambda: types.Message(content=5), "string"),
        (lambda: types.Message(role="boss"), "assistant"),
        (lambda: types.ChatCompletionDeltaToolCall(index=0), "required"),
        (lambda: types.TopLogprob(token="a"), "required"),
        (lambda: types.ModelResponse.model_validate(5), "ModelResponse"),
    ],
)
def test_what_cannot_be_is_a_value_error_that_says_why(make, cause):
    with pytest.raises(ValueError, match=cause):
        make()


@pytest.mark.parametrize(
    ("arguments", "dump"),
    [
        ({}, {"completion_tokens": 0, "prompt_tokens": 0, "total_tokens": 0}),
        (
            {"completion_tokens": 10, "reasoning_tokens": 4},
            {"completion_tokens": 10, "completion_tokens_details": {"reasoning_tokens": 4, "text_tokens": 6}},
        ),
        (
            {"cache_read_input_tokens": 3, "cache_creation_input_tokens": 4},
            {
                "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 4, "cache_creation_tokens": 4},
                "cache_read_input_tokens": 3,
                "cache_creation_input_tokens": 4,
            },
        ),
        ({"prompt_cache_hit_tokens": 2}, {"prompt_tokens_details": {"cached_tokens": 2}, "prompt_cache_hit_tokens": 2}),
        (
            {"prompt_tokens_details": {"cache_creation_tokens": 5}},
            {"prompt_tokens_details": {"cache_write_tokens": 5, "cache_creation_tokens": 5}},
        ),
        (
            {"server_tool_use": {"web_search_requests": 1}, "cost": 0.5},
            {"server_tool_use": {"web_search_requests": 1}, "cost": 0.5},
        ),
        ({"server_tool_use": {}}, {"server_tool_use": {}}),
        ({"queue_time": 0.25}, {"queue_time": 0.25}),
    ],
)
def test_usage_understands_every_providers_names(arguments, dump):
    nothing = {"completion_tokens": 0, "prompt_tokens": 0, "total_tokens": 0}
    usage = types.Usage(**arguments)
    assert usage.model_dump(exclude_none=True) == {**nothing, **dump}
    assert dict(usage)["total_tokens"] == usage["total_tokens"] == 0


def test_usage_leaves_out_what_was_not_counted():
    usage = types.Usage(prompt_tokens=1, prompt_tokens_details={"cached_tokens": 1})
    assert not hasattr(usage, "cost")
    assert "cost" not in usage
    assert usage.completion_tokens_details is None
    assert usage.prompt_tokens_details.audio_tokens is None
    assert not hasattr(usage.prompt_tokens_details, "cache_write_tokens")
    usage.prompt_tokens_details.cache_write_tokens = 7
    assert usage.prompt_tokens_details.cache_creation_tokens == 7


def test_text_completions_have_texts():
    r = types.TextCompletionResponse(choices=[{"text": "a", "finish_reason": "max_tokens", "index": 0}])
    assert r.choices[0].text == r["choices"][0]["text"] == "a"
    assert (r.choices[0].finish_reason, r.object, r.usage.total_tokens) == ("length", "text_completion", 0)


# Dumping, copying, pickling -----------------------------------------------------------------------------------------------


def test_dumps_leave_out_what_is_asked():
    r = types.ModelResponse(id="1", created=1, choices=[{"message": {"content": "a"}}, {"message": {"content": "b"}}])
    assert r.model_dump(include={"id"}) == {"id": "1"}
    assert r.model_dump(include={"choices": {"__all__": {"message": {"content"}}}}) == {
        "choices": [{"message": {"content": "a"}}, {"message": {"content": "b"}}]
    }
    assert r.model_dump(include={"choices": {-1: {"finish_reason"}}}) == {"choices": [{"finish_reason": "stop"}]}
    assert [set(choice) for choice in r.model_dump(exclude={"choices": {0: {"message"}}})["choices"]] == [
        {"finish_reason", "index"},
        {"finish_reason", "index", "message"},
    ]
    assert "model" in r.model_dump()
    assert "model" not in r.model_dump(exclude_none=True)
    assert "system_fingerprint" not in r.model_dump(exclude_defaults=True)


def test_fields_that_nobody_set_are_in_the_dump_of_a_part_but_not_of_the_whole():
    r = types.ModelResponse()
    assert "provider_specific_fields" in r.choices[0].message.model_dump()
    assert "provider_specific_fields" not in r.model_dump()["choices"][0]["message"]
    assert "provider_specific_fields" in r.dict()["choices"][0]["message"]
    assert '"provider_specific_fields":null' in r.model_dump_json()


def test_json_answers_a_dict_where_litellm_does():
    assert types.ModelResponse(id="1").json()["id"] == "1"
    assert types.Message(content="a").json()["content"] == "a"
    assert json.loads(types.Delta(content="a").json())["content"] == "a"
    assert json.loads(types.ModelResponse(id="1").to_json())["id"] == "1"


def test_json_has_only_what_json_has():
    r = types.ModelResponse(
        id="1",
        numbers=[float("nan"), 1.5],
        pair=(1, 2),
        some={3},
        raw=b"x",
        part=types.Message(content="a"),
        text="é\ud800",
    )
    dump = r.model_dump(mode="json")
    assert (dump["pair"], dump["some"], dump["raw"], dump["part"]["content"]) == ([1, 2], [3], "x", "a")
    assert r.model_dump()["pair"] == (1, 2)
    assert json.loads(r.model_dump_json())["numbers"] == [None, 1.5]
    r.thing = object()
    with pytest.raises(ValueError, match="fallback="):
        r.model_dump_json()
    assert r.model_dump(mode="json", fallback=lambda value: "thing")["thing"] == "thing"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
# What the class has already, what an answer's own fields are, and the constructor's other arguments.
RESERVED = (
    set(dir(types.ModelResponse()))
    | set(answer())
    | {"stream", "stream_options", "response_ms", "hidden_params", "self"}
)
extras = st.dictionaries(
    st.text(min_size=1, max_size=8).filter(lambda name: name[0] != "_" and name not in RESERVED), values
)


@given(extras, st.none() | st.text())
def test_a_response_survives_json_pickle_and_copy(extra, content):
    r = model_response({**answer(content=content), **extra}, meta())
    for name, value in extra.items():
        assert getattr(r, name) == r[name] == value
    assert json.loads(r.model_dump_json()) == r.model_dump(mode="json", exclude_unset=False)
    assert types.ModelResponse.model_validate_json(r.model_dump_json()) == r
    assert types.ModelResponse.model_validate(r.model_dump()) == r
    for again in (pickle.loads(pickle.dumps(r)), copy.copy(r), copy.deepcopy(r), r.model_copy(deep=True)):
        assert again == r
        assert type(again) is types.ModelResponse
        assert again._hidden_params == r._hidden_params


def test_a_deep_copy_shares_nothing_and_a_shallow_one_its_parts():
    r = model_response(answer(), meta())
    deep, shallow = copy.deepcopy(r), copy.copy(r)
    r.choices[0].message.content = "changed"
    assert deep.choices[0].message.content == "Hello"
    assert shallow.choices[0].message.content == "changed"
    assert r.model_copy(update={"id": "2"}).id == "2"
    assert r.copy(include={"id"}).model_dump() == {"id": "chatcmpl-1"}


def test_a_pickle_needs_no_litellm_and_no_pydantic():
    code = (
        "import pickle, sys\n"
        "sys.modules['litellm'] = sys.modules['pydantic'] = sys.modules['openai'] = None\n"
        "r = pickle.loads(bytes.fromhex('%s'))\n"
        "print(r.choices[0].message.content, r._hidden_params['custom_llm_provider'], type(r).__module__)\n"
    )
    pickled = pickle.dumps(model_response(answer(), meta()))
    assert python(code % pickled.hex()) == "Hello openai litellm.types.utils"


class Mine(types.ModelResponse):
    """A program's own kind of response, as some derive it."""

    def first(self):
        return self.choices[0].message.content


def test_a_subclass_keeps_its_kind():
    mine = Mine(choices=[{"message": {"content": "a"}}])
    assert mine.first() == "a"
    assert Mine.__module__ == __name__
    assert isinstance(Mine.model_validate(mine.model_dump()), Mine)
    again = copy.deepcopy(mine)
    assert type(again) is Mine
    assert again == mine
    assert mine != types.ModelResponse.model_validate(mine.model_dump())


def test_objects_are_not_hashable_and_compare_by_value():
    with pytest.raises(TypeError, match="unhashable"):
        hash(types.Message())
    assert types.Message(content="a") != {"content": "a"}
    assert types.Message(content="a") == types.Message(content="a", provider_specific_fields=None)


def test_a_repr_is_pydantics():
    assert repr(types.Message(content="a")) == (
        "Message(content='a', role='assistant', tool_calls=None, function_call=None, provider_specific_fields=None)"
    )


def test_every_class_says_that_it_is_litellms():
    for name in types.__all__:
        kind = getattr(types, name)
        if isinstance(kind, type) and issubclass(kind, _types.Model):
            assert kind.__module__ in ("litellm.types.utils", "litellm.types.llms.base"), name


# Beside pydantic and openai -----------------------------------------------------------------------------------------------


def test_nothing_slow_is_imported():
    look = "print([name for name in ('pydantic', 'openai', 'httpx', 'asyncio', 'uuid', 'http') if name in sys.modules])"
    assert python(f"import sys\nfrom edgequake_litellm import _types\n{look}") == python(f"import sys\n{look}")


def test_openais_types_accept_our_dumps():
    chat = pytest.importorskip("openai.types.chat", reason="openai is not installed")
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    whole = chat.ChatCompletion.model_validate(model_response(answer(tool_calls=calls), meta()).model_dump())
    assert whole.choices[0].message.tool_calls[0].function.name == "f"
    assert whole.usage.total_tokens == 19
    piece = chat.ChatCompletionChunk.model_validate(factory().arguments(0, 1, "{").model_dump())
    assert piece.choices[0].delta.tool_calls[0].function.arguments == "{"


def test_pydantic_models_hold_responses():
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")

    class Record(pydantic.BaseModel):
        typed: types.ModelResponse
        anything: object

    r = model_response(answer(), meta())
    record = Record(typed=r, anything=r)
    assert record.typed is r
    assert Record(typed=r.model_dump(), anything=1).typed == r
    dump = json.loads(record.model_dump_json())
    assert dump["typed"]["choices"][0]["message"]["content"] == "Hello"
    assert dump["anything"]["choices"][0]["message"]["content"] == "Hello"
    assert Record.model_json_schema()["properties"]["typed"]["type"] == "object"
    with pytest.raises(pydantic.ValidationError):
        Record(typed=5, anything=1)
    with pytest.raises(pydantic.ValidationError):
        types.Message(content=5)


def test_a_class_tells_its_fields():
    assert list(types.Usage.model_fields)[:3] == ["completion_tokens", "prompt_tokens", "total_tokens"]
    assert types.Message.model_fields["content"].is_required()
    assert types.Message(content="a").model_fields_set == {"content", "role", "tool_calls", "function_call"}
