"""Streams of `completion(stream=True)`: what comes, how they end, and that a reader who stops or dawdles is felt by the server."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
import time
from random import Random
from typing import Any

import pytest

import edgequake_litellm as litellm
from edgequake_litellm import streaming
from edgequake_litellm.testing import LocalProvider, Raw

from .conftest import wait_until

PIECES = [f"piece {number} " for number in range(300)]


def texts(stream: Any) -> list[str]:
    return [chunk.choices[0].delta.content for chunk in stream if chunk.choices[0].delta.content]


def events(*payloads: Any, end: str = "data: [DONE]\n\n") -> Raw:
    """A stream of these payloads, word for word."""
    body = "".join(f"data: {json.dumps(payload)}\n\n" for payload in payloads) + end
    return Raw(body.encode(), content_type="text/event-stream")


def chunk(delta: dict[str, Any], finish_reason: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-2024",
        "choices": [choice],
        **more,
    }


def rss_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def test_every_piece_comes_once_and_in_order(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=PIECES)
    stream = litellm.completion(**arguments, stream=True)
    assert isinstance(stream, litellm.CustomStreamWrapper)
    chunks = list(stream)
    assert texts(chunks) == PIECES
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [made.choices[0].finish_reason for made in chunks if made.choices[0].finish_reason] == ["stop"]
    assert {made.id for made in chunks} == {chunks[0].id}
    assert {(made.object, type(made).__name__) for made in chunks} == {("chat.completion.chunk", "ModelResponseStream")}
    assert next(stream, None) is None


def test_stream_helper_is_completion_with_stream(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=PIECES[:5])
    assert texts(litellm.stream(**arguments)) == PIECES[:5]
    assert local_provider.requests[-1].json["stream"] is True


def test_usage_comes_when_it_is_asked_for(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply("Hi", usage={"prompt_tokens": 3, "completion_tokens": 4})
    chunks = list(litellm.completion(**arguments, stream=True, stream_options={"include_usage": True}))
    assert local_provider.requests[-1].json["stream_options"] == {"include_usage": True}
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.total_tokens) == (3, 7)
    assert not any(hasattr(made, "usage") for made in chunks[:-1])


def test_choices_that_come_in_turns_stay_apart(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.add(
        events(
            chunk({"role": "assistant", "content": ""}),
            chunk({"role": "assistant", "content": ""}, index=1),
            *(chunk({"content": f"{index}{turn}"}, index=index) for turn in "abc" for index in (1, 0)),
            chunk({}, "stop", index=1),
            chunk({}, "length"),
        )
    )
    said: dict[int, str] = {0: "", 1: ""}
    ended = {}
    for made in litellm.completion(**arguments, stream=True, n=2):
        for choice in made.choices:
            said[choice.index] += choice.delta.content or ""
            ended[choice.index] = choice.finish_reason or ended.get(choice.index)
    assert said == {0: "0a0b0c", 1: "1a1b1c"}
    assert ended == {0: "length", 1: "stop"}


def test_pieces_of_tool_calls_and_reasoning(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    def call(slot: int, **function: Any) -> dict[str, Any]:
        more = {"id": f"call_{slot}", "type": "function"} if "name" in function else {}
        return chunk({"tool_calls": [{"index": slot, "function": function, **more}]})

    local_provider.add(
        events(
            chunk({"role": "assistant", "content": None}),
            chunk({"reasoning_content": "Let me "}),
            chunk({"reasoning_content": "think."}),
            call(0, name="weather", arguments=""),
            call(1, name="time", arguments=""),
            call(0, arguments='{"city": '),
            call(1, arguments='{"zone"'),
            call(0, arguments='"Köln"}'),
            call(1, arguments=': "CET"}'),
            chunk({}, "tool_calls"),
        )
    )
    chunks = list(litellm.completion(**arguments, stream=True))
    rebuilt = litellm.stream_chunk_builder(chunks)
    message = rebuilt.choices[0].message
    assert message.reasoning_content == "Let me think."
    assert [(made.id, made.function.name, made.function.arguments) for made in message.tool_calls] == [
        ("call_0", "weather", '{"city": "Köln"}'),
        ("call_1", "time", '{"zone": "CET"}'),
    ]
    assert rebuilt.choices[0].finish_reason == "tool_calls"


def test_obfuscation_stays_with_its_own_chunk(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.add(
        events(
            chunk({"role": "assistant", "content": ""}, obfuscation="a1"),
            chunk({"content": "x"}, obfuscation="b2"),
            chunk({"content": "y"}),
            chunk({}, "stop", obfuscation="c3"),
        )
    )
    chunks = list(litellm.completion(**arguments, stream=True))
    assert [getattr(made, "obfuscation", None) for made in chunks] == ["a1", "b2", None, "c3"]


def test_what_was_read_can_be_had_again(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=["one ", "two ", "three"])
    stream = litellm.completion(**arguments, stream=True)
    read = [next(stream) for _ in range(3)]
    assert stream.chunks == read
    assert stream.response_uptil_now == "one two "
    read += list(stream)
    assert stream.chunks == read
    assert stream.response_uptil_now == "one two three"
    assert litellm.stream_chunk_builder(stream.chunks).choices[0].message.content == "one two three"


def test_a_stream_beyond_all_bounds_is_not_kept(
    local_provider: LocalProvider, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_KEPT_CHARACTERS", 20_000)
    pieces = ["x" * 20] * 3000
    local_provider.reply(chunks=pieces)
    stream = litellm.completion(**arguments, stream=True)
    assert texts(stream) == pieces
    with pytest.raises(RuntimeError, match="too long"):
        _ = stream.chunks


def test_hidden_params_know_the_provider(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply("Hi", headers={"x-request-id": "req_42"})
    stream = litellm.completion(**arguments, stream=True)
    assert stream.custom_llm_provider == "openai"
    assert stream._hidden_params["additional_headers"]["llm_provider-x-request-id"] == "req_42"
    assert stream._response_headers["x-request-id"] == "req_42"
    assert list(stream)[-1]._hidden_params["custom_llm_provider"] == "openai"
    stream._hidden_params["model_id"] = "deployment-1"
    assert stream._hidden_params["model_id"] == "deployment-1"


# Errors --------------------------------------------------------------------------------------------------------------------


def test_a_refusal_is_raised_by_the_call_and_not_by_the_loop(
    local_provider: LocalProvider, arguments: dict[str, Any]
) -> None:
    local_provider.error(400, "no such thing")
    with pytest.raises(litellm.BadRequestError, match="no such thing"):
        litellm.completion(**arguments, stream=True)


@pytest.mark.parametrize("reset", [False, True])
def test_a_cut_stream_raises_after_what_came(
    local_provider: LocalProvider, arguments: dict[str, Any], reset: bool
) -> None:
    local_provider.cut("one two three four", after=3, reset=reset)
    stream = litellm.completion(**arguments, stream=True)
    with pytest.raises(litellm.exceptions.MidStreamFallbackError) as raised:
        list(stream)
    assert raised.value.status_code >= 500
    # A reset may overtake what was sent before it; what came is a beginning in any case.
    assert "one two three four".startswith(stream.response_uptil_now)
    if not reset:
        assert stream.response_uptil_now == "one two"
        assert raised.value.generated_content == "one two"
    assert len(local_provider.requests) == 1, "nothing is sent again once a stream is open"


def test_an_error_in_the_middle_raises(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.error(500, "the model fell over", after=2)
    stream = litellm.completion(**arguments, stream=True)
    with pytest.raises(litellm.exceptions.MidStreamFallbackError, match="fell over"):
        list(stream)
    assert next(stream, None) is None, "an error is raised once"


def test_a_chunk_that_is_no_json_raises(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.raw(b'data: {"id": "c", "choices": [}\n\ndata: [DONE]\n\n', content_type="text/event-stream")
    with pytest.raises(litellm.exceptions.MidStreamFallbackError, match="not a JSON object") as raised:
        list(litellm.completion(**arguments, stream=True))
    assert isinstance(raised.value.original_exception, litellm.APIResponseValidationError)


# Ending early --------------------------------------------------------------------------------------------------------------


def endless(provider: LocalProvider, gap: float = 0.01) -> None:
    provider.reply(chunks=["word "] * 100_000, gap=gap)


def test_close_closes_the_connection(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    endless(local_provider)
    stream = litellm.completion(**arguments, stream=True)
    next(stream)
    stream.close()
    assert local_provider.wait_disconnected()
    assert next(stream, None) is None
    stream.close()


def test_leaving_the_with_block_closes_the_connection(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    endless(local_provider)
    with litellm.completion(**arguments, stream=True) as stream:
        next(stream)
    assert local_provider.wait_disconnected()


def test_dropping_a_stream_closes_the_connection(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    endless(local_provider)
    for made in litellm.completion(**arguments, stream=True):
        if made.choices[0].delta.content:
            break
    gc.collect()
    assert local_provider.wait_disconnected()


def test_closing_in_another_thread_wakes_the_reader(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=["one", "two"], gap=30)
    local_provider.delay(0)
    stream = litellm.completion(**arguments, stream=True)
    read: list[Any] = []
    reader = threading.Thread(target=lambda: read.append(list(stream)))
    reader.start()
    time.sleep(0.1)
    stream.close()
    reader.join(5)
    assert not reader.is_alive()
    assert local_provider.wait_disconnected()
    assert len(read) == 1


def test_a_stream_may_be_read_in_another_thread(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=PIECES)
    stream = litellm.completion(**arguments, stream=True)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.extend(texts(stream)))
    reader.start()
    reader.join(10)
    assert read == PIECES


def test_two_readers_are_told_so(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=["a", "b"], gap=1.0)
    stream = litellm.completion(**arguments, stream=True)
    first: list[str] = []
    reader = threading.Thread(target=lambda: first.extend(texts(stream)))
    reader.start()
    time.sleep(0.2)
    with pytest.raises(RuntimeError, match="another thread"):
        list(stream)
    reader.join(10)
    assert first == ["a", "b"]


def test_async_for_reads_a_stream_of_completion(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=PIECES[:20], gap=0.002)
    stream = litellm.completion(**arguments, stream=True)

    async def read() -> list[str]:
        return [made.choices[0].delta.content async for made in stream if made.choices[0].delta.content]

    assert asyncio.run(read()) == PIECES[:20]


def test_a_cancelled_reader_of_a_stream_of_completion_leaves_no_thread_waiting(
    local_provider: LocalProvider, arguments: dict[str, Any]
) -> None:
    local_provider.reply(chunks=["one", "two"], gap=30)
    stream = litellm.completion(**arguments, stream=True)

    async def read() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(stream.__anext__(), 0.2)

    started = time.monotonic()
    asyncio.run(read())
    assert time.monotonic() - started < 10
    assert local_provider.wait_disconnected()


def test_streams_that_are_closed_while_they_are_read_harm_no_other(arguments: dict[str, Any]) -> None:
    """A reader looks at the engine's memory, which a closed stream gives back."""
    said = {"role": "user", "content": "word " * 100}
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        random = Random(seed)
        try:
            for _ in range(25):
                stream = litellm.completion(**{**arguments, "messages": [said]}, stream=True)
                closer = threading.Timer(random.random() * 0.01, stream.close)
                if random.random() < 0.7:
                    closer.start()
                    list(stream)
                    closer.join()
                else:
                    assert "".join(texts(stream)) == "You said: " + said["content"]
        except BaseException as error:
            failures.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(interval)
    assert failures == []


# A slow reader -------------------------------------------------------------------------------------------------------------

BIG = ["x" * 10_000] * 6_000  # 60 MB


def test_a_slow_reader_holds_the_server_back(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    local_provider.reply(chunks=BIG)
    stream = litellm.completion(**arguments, stream=True)
    next(stream)
    request = local_provider.requests[-1]
    # What the queue, the connection and the kernel hold; then nothing moves.
    assert wait_until(lambda: request.chunks_sent > 10)
    before = -1
    while before != request.chunks_sent:
        before = request.chunks_sent
        time.sleep(0.3)
    assert before < 2_000, "the server could send 20 MB to a reader that reads nothing"
    assert not request.complete
    stream.close()
    assert local_provider.wait_disconnected()


def test_a_paused_stream_goes_on_where_it_stopped(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    pieces = [f"{number:05d}" + "y" * 2_000 for number in range(3_000)]
    local_provider.reply(chunks=pieces)
    stream = litellm.completion(**arguments, stream=True)
    read = []
    for number, made in enumerate(stream):
        if number in (5, 1_500):
            time.sleep(0.5)
        read.append(made.choices[0].delta.content)
    assert [piece for piece in read if piece] == pieces
