"""Callbacks of what is no chat: streams of texts and responses, sounds, and what callers get wrong."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import edgequake_litellm as litellm

from .conftest import KEY, run_python, wait_until
from .test_callbacks import Recorder, last, no_callbacks_left, recorder

__all__ = ["no_callbacks_left", "recorder"]

RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1700000000,
    "status": "completed",
    "model": "gpt-4o",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Good day", "annotations": []}],
        }
    ],
    "usage": {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100},
}
EVENTS = [
    {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "output": [], "usage": None}},
    {
        "type": "response.output_text.delta",
        "item_id": "msg_1",
        "output_index": 0,
        "content_index": 0,
        "delta": "Good day",
    },
    {"type": "response.completed", "response": RESPONSE},
]
TEXTS = [
    {"id": "cmpl_1", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]}
    for choice in (
        {"index": 0, "text": "Good", "finish_reason": None},
        {"index": 0, "text": " day", "finish_reason": "stop"},
    )
]


@pytest.fixture
def common(local_provider) -> dict[str, Any]:
    return {"api_base": local_provider.base_url, "api_key": KEY}


def play(provider, events, end="data: [DONE]\n\n"):
    """Has the provider answer with a stream of events."""
    lines = []
    for number, event in enumerate(events):
        if "type" in event:
            lines.append(f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n")
        else:
            lines.append(f"data: {json.dumps(event)}\n\n")
    provider.raw("".join(lines) + end, content_type="text/event-stream")


async def read(stream):
    return [item async for item in await stream]


TEXT_CALL = {"model": "text-completion-openai/gpt-3.5-turbo-instruct", "prompt": "Greet", "stream": True}
RESPONSE_CALL = {"model": "openai/gpt-4o", "input": "Greet", "stream": True}
SPEECH_CALL = {"model": "openai/tts-1", "input": "Good day", "voice": "alloy"}


def test_a_stream_of_a_text(recorder, local_provider, common):
    play(local_provider, TEXTS)
    stream = litellm.text_completion(**TEXT_CALL, **common)
    assert recorder.events == ["pre", "post"]
    assert "".join(chunk.choices[0].text for chunk in stream) == "Good day"
    _, _, kwargs, response = last(recorder, "success")
    assert response.choices[0].text == "Good day"
    assert (kwargs["call_type"], kwargs["stream"], kwargs["input"]) == ("text_completion", True, "Greet")
    assert kwargs["complete_streaming_response"] is response
    play(local_provider, TEXTS)
    asyncio.run(read(litellm.atext_completion(**TEXT_CALL, **common)))
    assert last(recorder, "async_success")[3].choices[0].text == "Good day"
    assert recorder.events == ["pre", "post", "success", "pre", "post", "async_success"]


def test_a_stream_of_a_response(recorder, local_provider, common):
    play(local_provider, EVENTS, end="")
    stream = litellm.responses(**RESPONSE_CALL, **common)
    assert type(stream).__name__ == "SyncResponsesAPIStreamingIterator"
    events = list(stream)
    _, _, kwargs, response = last(recorder, "success")
    assert response is events[-1].response is stream.completed_response.response
    assert kwargs["standard_logging_object"]["prompt_tokens"] == 1000
    # The price of gpt-4o: $2.50 and $10 for a million.
    assert kwargs["response_cost"] == pytest.approx(1000 * 2.5e-6 + 100 * 1e-5)
    play(local_provider, EVENTS, end="")
    asyncio.run(read(litellm.aresponses(**RESPONSE_CALL, **common)))
    assert last(recorder, "async_success")[3].output_text == "Good day"
    assert recorder.events == ["pre", "post", "success", "pre", "post", "async_success"]


def test_streams_that_break_are_failures(recorder, local_provider, common):
    play(local_provider, TEXTS[:1], end="")
    with pytest.raises(litellm.exceptions.MidStreamFallbackError):
        list(litellm.text_completion(**TEXT_CALL, num_retries=0, **common))
    assert last(recorder, "failure")[2]["exception"].generated_content == "Good"
    play(local_provider, EVENTS[:2], end="")
    with pytest.raises(litellm.exceptions.MidStreamFallbackError):
        asyncio.run(read(litellm.aresponses(**RESPONSE_CALL, num_retries=0, **common)))
    assert last(recorder, "async_failure")[2]["call_type"] == "aresponses"
    local_provider.error(429, "later")
    with pytest.raises(litellm.RateLimitError):
        litellm.text_completion(**TEXT_CALL, num_retries=0, **common)
    assert recorder.events.count("failure") == 2
    assert "success" not in recorder.events
    assert "async_success" not in recorder.events


def test_a_sound(recorder, local_provider, common):
    local_provider.raw(b"ID3sound", content_type="audio/mpeg")
    sound = litellm.speech(**SPEECH_CALL, **common)
    _, _, kwargs, response = last(recorder, "success")
    assert response is sound
    assert (kwargs["call_type"], kwargs["input"], kwargs["optional_params"]) == (
        "speech",
        "Good day",
        {"voice": "alloy"},
    )
    assert kwargs["response_cost"] == pytest.approx(8 * 15e-6)
    told = kwargs["standard_logging_object"]["response"]
    assert told == {"object": "binary", "content_type": "audio/mpeg", "num_bytes": 8}
    local_provider.raw(b"ID3sound", content_type="audio/mpeg")

    async def listen():
        streamed = await litellm.aspeech(**SPEECH_CALL, stream=True, **common)
        assert "async_success" not in recorder.events
        pieces = [piece async for piece in streamed.aiter_bytes()]
        return b"".join(pieces)

    assert asyncio.run(listen()) == b"ID3sound"
    assert last(recorder, "async_success")[2]["call_type"] == "aspeech"
    assert recorder.events == ["pre", "post", "success", "pre", "post", "async_success"]


def test_a_coroutines_sound_that_is_read_outside_of_its_loop(recorder, local_provider, common):
    local_provider.raw(b"ID3sound", content_type="audio/mpeg")
    kept = []

    async def begin():
        kept.append(await litellm.aspeech(**SPEECH_CALL, stream=True, **common))
        # Nothing is read here: the loop itself takes what comes.
        while not kept[0]._source.ended:
            await asyncio.sleep(0.001)

    asyncio.run(begin())
    assert kept[0].read() == b"ID3sound"
    last(recorder, "async_success")


def test_an_empty_sound_is_a_failure(recorder, local_provider, common):
    local_provider.raw(b"", content_type="audio/mpeg")
    with pytest.raises(litellm.exceptions.MidStreamFallbackError):
        litellm.speech(**SPEECH_CALL, num_retries=0, **common)
    assert last(recorder, "failure")[2]["call_type"] == "speech"


CREDENTIALS = {
    "aws_access_key_id": "AKIA-concealed-value",
    "aws_secret_access_key": "concealed-value",
    "aws_session_token": "concealed-value",
    "aws_web_identity_token": "concealed-value",
    "vertex_credentials": '{"private_key": "concealed-value"}',
    "vertex_ai_credentials": {"private_key": "concealed-value"},
    "azure_ad_token": "concealed-value",
    "client_secret": "concealed-value",
    "azure_password": "concealed-value",
    "zen_api_key": "concealed-value",
    "token": "concealed-value",
    "langfuse_secret_key": "concealed-value",
    "headers": {"x-key": "concealed-value"},
    "extra_headers": {"x-key": "concealed-value"},
    "provider_specific_header": {"custom_llm_provider": "groq", "extra_headers": {"x-key": "concealed-value"}},
    "extra_query": {"key": "concealed-value"},
}


@pytest.mark.filterwarnings("ignore:edgequake_litellm does not support:UserWarning")
def test_no_credential_is_told(recorder):
    message = [{"role": "user", "content": "x"}]
    litellm.completion(
        "openai/gpt-4o",
        message,
        mock_response="Hello",
        aws_region_name="eu-central-1",
        input_cost_per_token=2.0,
        output_cost_per_token=1.0,
        **CREDENTIALS,
    )
    kwargs = last(recorder, "success")[2]
    assert "concealed-value" not in repr(recorder.told)
    assert kwargs["litellm_params"]["aws_region_name"] == "eu-central-1"
    assert kwargs["litellm_params"]["input_cost_per_token"] == 2.0
    assert CREDENTIALS.keys().isdisjoint(kwargs["litellm_params"])


@pytest.mark.parametrize("call", ["responses", "transcription", "speech", "text_completion", "rerank"])
def test_content_of_every_operation_can_be_kept_from_logs(call, local_provider, common):
    recorder = Recorder(turn_off_message_logging=True)
    litellm.callbacks = [recorder]
    if call == "speech":
        local_provider.raw(b"the secret sound", content_type="audio/mpeg")
        litellm.speech(**{**SPEECH_CALL, "input": "the secret"}, **common)
    elif call == "transcription":
        local_provider.raw('{"text": "the secret"}')
        litellm.transcription("openai/whisper-1", ("a.mp3", b"the secret"), **common)
    elif call == "text_completion":
        local_provider.raw(json.dumps({**TEXTS[1], "choices": [{"index": 0, "text": "the secret"}]}))
        litellm.text_completion(**{**TEXT_CALL, "prompt": "the secret", "stream": False}, **common)
    elif call == "rerank":
        local_provider.raw(json.dumps({"id": "1", "results": [{"index": 0, "relevance_score": 1, "document": {}}]}))
        litellm.rerank("cohere/rerank-v3.5", "the secret", ["the secret"], **common)
    else:
        local_provider.raw(json.dumps(RESPONSE).replace("Good day", "the secret"))
        litellm.responses("the secret", "openai/gpt-4o", instructions="the secret", **common)
    last(recorder, "success")
    assert "the secret" not in repr(recorder.told)


# What a caller gets wrong stays what it is without callbacks: litellm's exception, told as a failure.
@pytest.mark.parametrize(
    "wrong",
    [
        lambda: litellm.completion(5, [{"role": "user", "content": "x"}], api_key="k"),
        lambda: litellm.completion("openai/gpt-4o", 5, api_key="k"),
        lambda: litellm.completion("openai/gpt-4o", [5], api_key="k"),
        lambda: litellm.text_completion({1, 2}, model="openai/gpt-4o", api_key="k"),
        lambda: litellm.completion("openai/gpt-4o", [], api_key="k", metadata="text"),
    ],
)
def test_wrong_types_are_litellms_errors(wrong, recorder):
    with pytest.raises(litellm.BadRequestError):
        wrong()
    last(recorder, "failure")


def test_an_input_of_a_wrong_type_is_the_providers_to_refuse(recorder, embed):
    with pytest.raises(litellm.BadRequestError):
        litellm.embedding(input=5, **embed)
    assert last(recorder, "failure")[2]["input"] == 5


@pytest.mark.parametrize("metadata", [{"tags": 5}, {"tags": "ab"}, {"n": object()}, {1: 2}])
def test_odd_metadata_ends_no_event(metadata, recorder):
    litellm.completion(
        "openai/gpt-4o", [{"role": "user", "content": "x"}], mock_response="Hello", metadata=metadata, num_retries=0
    )
    kwargs = last(recorder, "success")[2]
    assert kwargs["litellm_params"]["metadata"] == metadata
    assert kwargs["standard_logging_object"]["request_tags"] == []


def test_a_call_within_a_callback(local_provider, arguments):
    """A callback may call: it is told of that call as well."""
    told = []

    def again(kwargs, response, start, end):
        told.append(kwargs["user"])
        if kwargs["user"] == "first":
            litellm.completion(**arguments, user="second")

    litellm.success_callback = [again]
    litellm.completion(**arguments, user="first")
    assert wait_until(lambda: told == ["first", "second"])


def test_a_call_when_the_program_ends():
    """Functions that `atexit` runs come when no thread can be started any more."""
    out = run_python(
        """
        import atexit
        import edgequake_litellm as litellm

        def told(kwargs, response, start, end):
            print("told", response.choices[0].message.content, flush=True)

        litellm.success_callback = [told]
        message = [{"role": "user", "content": "x"}]
        atexit.register(lambda: litellm.completion("openai/gpt-4o", message, mock_response="late"))
        litellm.completion("openai/gpt-4o", message, mock_response="early")
        """
    )
    assert out == "told early\ntold late\n"


def test_the_lists_may_change_within_a_callback(arguments):
    told = []

    def leave(kwargs, response, start, end):
        told.append("left")
        litellm.success_callback.remove(leave)

    def stay(kwargs, response, start, end):
        told.append("stayed")

    litellm.success_callback = [leave, stay]
    litellm.completion(**arguments)
    assert wait_until(lambda: len(told) == 2)
    litellm.completion(**arguments)
    assert wait_until(lambda: told == ["left", "stayed", "stayed"]), told
