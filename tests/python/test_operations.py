"""The functions beside chats and vectors: what is sent, and what comes back."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import pickle
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import edgequake_litellm as litellm
from edgequake_litellm.types.llms.openai import ResponsesAPIStreamEvents

KEY = "sk-test-a-key-that-no-error-may-show"
WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0"


class Server:
    """Answers every request with the bytes that a test gives it, and closes the connection."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as file:
                head = file.readline().decode()
                headers = dict(line.decode().strip().lower().split(": ", 1) for line in iter(file.readline, b"\r\n"))
                body = file.read(int(headers.get("content-length", 0)))
                self.requests.append((head.split()[1], headers, body))
                connection.sendall(self.answers.pop(0))

    def reply(self, body: bytes | str | dict[str, Any], content_type: str = "application/json", more: int = 0) -> None:
        """The next answer; `more` bytes are announced that do not come."""
        content = (
            json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
        )
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {len(content) + more}\r\nconnection: close\r\n\r\n"
        self.answers.append(head.encode() + content)

    @property
    def sent(self) -> Any:
        """The JSON of the last request."""
        return json.loads(self.requests[-1][2])

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def where(server: Server) -> dict[str, Any]:
    return {"api_base": server.base_url, "api_key": KEY, "max_retries": 0}


TEXT = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1,
    "model": "m",
    "choices": [{"text": " is blue", "index": 0}],
}


# Texts ---------------------------------------------------------------------------------------------------------------------


def test_a_text_is_continued(server: Server, where: dict[str, Any]) -> None:
    server.reply({**TEXT, "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}})
    answer = litellm.text_completion("The sky", model="gpt-3.5-turbo-instruct", max_tokens=5, **where)
    assert type(answer) is litellm.TextCompletionResponse
    assert answer.choices[0].text == answer["choices"][0]["text"] == " is blue"
    assert (answer.usage.total_tokens, answer.id) == (5, "cmpl-1")
    assert answer._hidden_params["custom_llm_provider"] == "text-completion-openai"
    assert server.requests[-1][0] == "/v1/completions"
    assert server.sent == {"model": "gpt-3.5-turbo-instruct", "prompt": "The sky", "max_tokens": 5}


def text_stream(end: str = "data: [DONE]\n\n") -> str:
    pieces = [" is", " blue"]
    chunks = [{**TEXT, "choices": [{"text": piece, "index": 0, "finish_reason": None}]} for piece in pieces]
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + end


def test_a_text_is_streamed(server: Server, where: dict[str, Any]) -> None:
    server.reply(text_stream(), "text/event-stream")
    stream: Any = litellm.text_completion("The sky", model="gpt-3.5-turbo-instruct", stream=True, **where)
    assert type(stream).__name__ == "TextCompletionStreamWrapper"
    chunks = list(stream)
    assert [chunk.choices[0].text for chunk in chunks] == [" is", " blue"]
    assert {(type(chunk).__name__, chunk.object) for chunk in chunks} == {("TextCompletionResponse", "text_completion")}
    assert stream.response_uptil_now == " is blue"


def test_a_text_of_a_provider_that_chats(server: Server, where: dict[str, Any]) -> None:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return "data: " + json.dumps({"id": "c", "created": 1, "model": "m", "choices": [choice]}) + "\n\n"

    wire = chunk({"role": "assistant", "content": "bl"}) + chunk({"content": "u"}) + chunk({"content": "e"})
    server.reply(wire + chunk({}, "stop") + "data: [DONE]\n\n", "text/event-stream")
    stream: Any = litellm.text_completion("The sky", model="groq/m", stream=True, **where)
    assert "".join(chunk.choices[0].text or "" for chunk in stream) == "blue"
    assert server.sent["messages"] == [{"role": "user", "content": "The sky"}]
    with pytest.raises(litellm.UnsupportedParamsError, match="echo"):
        litellm.text_completion("The sky", model="groq/m", echo=True, **where)


def test_a_text_that_is_cut_raises(server: Server, where: dict[str, Any]) -> None:
    server.reply(text_stream(end=""), "text/event-stream")
    with pytest.raises(litellm.ServiceUnavailableError) as caught:
        list(litellm.text_completion("The sky", model="gpt-3.5-turbo-instruct", stream=True, **where))  # type: ignore[arg-type]
    assert caught.value.generated_content == " is blue"  # type: ignore[attr-defined]


def test_a_text_is_mocked() -> None:
    answer: Any = litellm.text_completion("The sky", model="openai/gpt-4o", mock_response="blue")
    assert answer.choices[0].text == "blue"
    stream: Any = litellm.text_completion("The sky", model="openai/gpt-4o", mock_response="blue sky", stream=True)
    assert "".join(chunk.choices[0].text or "" for chunk in stream) == "blue sky"


# Images --------------------------------------------------------------------------------------------------------------------


def test_an_image_is_made(server: Server, where: dict[str, Any]) -> None:
    server.reply({"created": 7, "data": [{"url": "https://img.example/1.png", "revised_prompt": "a cat"}]})
    image = litellm.image_generation("a cat", model="dall-e-3", size="1024x1024", **where)
    assert type(image) is litellm.ImageResponse
    assert image.data[0].url == image["data"][0]["url"] == image.data[0].get("url") == "https://img.example/1.png"
    assert (image.created, image.data[0].b64_json, image.usage.total_tokens, image.size) == (7, None, 0, None)
    assert pickle.loads(pickle.dumps(image)) == image
    server.reply({"data": []})
    assert litellm.image_generation("a cat", **where).created > 0
    assert server.sent["model"] == "dall-e-2"
    assert litellm.image_generation("a cat", mock_response="https://x").data[0].url == "https://x"


def test_images_are_changed(server: Server, where: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\ncat")
    server.reply({"created": 7, "data": [{"b64_json": "aGk="}]})
    litellm.image_edit([path, b"\xff\xd8\xffdog"], "as one", "gpt-image-1", mask=str(path), n=2, **where)
    target, headers, body = server.requests[-1]
    assert target == "/v1/images/edits"
    assert headers["content-type"].startswith("multipart/form-data; boundary=")
    assert body.count(b'name="image[]"; filename="cat.png"\r\ncontent-type: image/png') == 1
    assert body.count(b'name="image[]"; filename="image.jpg"\r\ncontent-type: image/jpeg') == 1
    assert b'name="mask"' in body
    assert b'name="n"\r\n\r\n2\r\n' in body
    assert str(tmp_path).encode() not in body


# Audio ---------------------------------------------------------------------------------------------------------------------


def named(content: bytes, name: str) -> io.BytesIO:
    file = io.BytesIO(content)
    file.name = name
    return file


@pytest.mark.parametrize(
    ("file", "head"),
    [
        (named(WAV, "a.wav"), b'filename="a.wav"\r\ncontent-type: audio/x-wav'),
        (("b.wav", WAV, "audio/wav"), b'filename="b.wav"\r\ncontent-type: audio/wav'),
        (("c.mp3", io.BytesIO(WAV)), b'filename="c.mp3"\r\ncontent-type: audio/mpeg'),
        (WAV, b'filename="audio.wav"\r\ncontent-type: audio/x-wav'),
        (bytearray(WAV), b'filename="audio.wav"'),
        (memoryview(WAV), b'filename="audio.wav"'),
        (named(WAV, "/home/me/se cret/d.ogg"), b'filename="d.ogg"\r\ncontent-type: audio/ogg'),
    ],
)
def test_every_kind_of_file_is_sent(server: Server, where: dict[str, Any], file: Any, head: bytes) -> None:
    server.reply({"text": "hello", "duration": 1.5, "usage": {"type": "duration", "seconds": 2}})
    said = litellm.transcription("whisper-1", file, language="en", timestamp_granularities=["word", "segment"], **where)
    assert (said.text, said["text"], said.duration, said.usage.seconds) == ("hello", "hello", 1.5, 2)
    body = server.requests[-1][2]
    assert head in body
    assert WAV in body
    assert b'name="model"\r\n\r\nwhisper-1\r\n' in body
    assert body.count(b'name="timestamp_granularities[]"') == 2
    assert b"secret" not in body
    assert b"se cret" not in body


def test_a_path_is_read_and_plain_text_is_an_answer(server: Server, where: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(WAV)
    server.reply("1\n00:00:00 --> 00:00:01\nhello\n", "text/plain")
    assert "hello" in litellm.transcription("whisper-1", path, response_format="srt", **where).text
    server.reply({"text": "hello"})
    assert asyncio.run(litellm.atranscription("gpt-4o-transcribe", str(path), **where)).text == "hello"
    assert b"verbose_json" not in server.requests[-1][2]


def closed() -> io.BytesIO:
    file = io.BytesIO(WAV)
    file.close()
    return file


def read() -> io.BytesIO:
    file = io.BytesIO(WAV)
    file.read()
    return file


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (closed(), "closed file"),
        (read(), "seek(0)"),
        (b"", "without content"),
        (io.StringIO("text"), '"rb"'),
        ("no/such/file.wav", "No such file"),
        (7, "must be bytes"),
        (("name",), "(name, content"),
        (None, "missing"),
    ],
)
def test_what_is_no_file_is_refused_before_anything_is_sent(where: dict[str, Any], file: Any, words: str) -> None:
    with pytest.raises(litellm.BadRequestError) as caught:
        litellm.transcription("whisper-1", file, **where)
    assert words in str(caught.value)
    assert caught.value.llm_provider == "openai"
    with pytest.raises(litellm.BadRequestError):
        asyncio.run(litellm.atranscription("whisper-1", file, **where))


def test_speech_is_bytes(server: Server, where: dict[str, Any], tmp_path: Path) -> None:
    sound = bytes(range(256)) * 1000
    server.reply(sound, "audio/mpeg")
    said = litellm.speech("openai/tts-1", "Hello", "alloy", speed=1.5, **where)
    assert said.content == said.read() == b"".join(said.iter_bytes(1000)) == sound
    assert {len(piece) for piece in said.iter_bytes(1000)} == {1000}
    said.stream_to_file(tmp_path / "said.mp3")
    assert (tmp_path / "said.mp3").read_bytes() == sound
    assert said.response.headers["content-type"] == "audio/mpeg"
    assert said._hidden_params["custom_llm_provider"] == "openai"
    assert server.sent == {"model": "tts-1", "input": "Hello", "voice": "alloy", "speed": 1.5}


def test_speech_for_coroutines(server: Server, where: dict[str, Any], tmp_path: Path) -> None:
    async def main() -> None:
        server.reply(b"abc", "audio/mpeg")
        assert (await litellm.aspeech("openai/tts-1", "Hello", "alloy", **where)).content == b"abc"
        server.reply(b"abcde", "audio/mpeg")
        async with await litellm.aspeech("openai/tts-1", "Hello", "alloy", stream=True, **where) as said:
            assert [piece async for piece in said.aiter_bytes(2)] == [b"ab", b"cd", b"e"]
            assert await said.aread() == said.content == b"abcde"
            await said.astream_to_file(tmp_path / "said.mp3")
        assert (tmp_path / "said.mp3").read_bytes() == b"abcde"

    asyncio.run(main())


def test_speech_that_is_cut_raises(server: Server, where: dict[str, Any]) -> None:
    server.reply(b"abc", "audio/mpeg", more=1)
    with pytest.raises(litellm.ServiceUnavailableError):
        litellm.speech("openai/tts-1", "Hello", "alloy", **where)
    server.reply(b"abc", "audio/mpeg", more=1)
    said = litellm.speech("openai/tts-1", "Hello", "alloy", stream=True, **where)
    pieces = said.iter_bytes()
    assert next(pieces) == b"abc"
    with pytest.raises(litellm.ServiceUnavailableError):
        next(pieces)
    server.reply(b"", "audio/mpeg")
    with pytest.raises(litellm.ServiceUnavailableError, match="empty"):
        litellm.speech("openai/tts-1", "Hello", "alloy", **where)


def test_speech_needs_a_voice(where: dict[str, Any]) -> None:
    with pytest.raises(litellm.BadRequestError, match="voice"):
        litellm.speech("openai/tts-1", "Hello", **where)


# Rankings and moderations ----------------------------------------------------------------------------------------------------


def test_documents_are_ranked(server: Server, where: dict[str, Any]) -> None:
    server.reply({"results": [{"index": 1, "relevance_score": 0.9, "document": "b"}], "usage": {"total_tokens": 9}})
    ranked = litellm.rerank("jina_ai/jina-reranker-v2", "q", ["a", "b"], top_n=1, **where)
    assert type(ranked).__module__ == "litellm.types.rerank"
    assert ranked.results == ranked["results"] == [{"index": 1, "relevance_score": 0.9, "document": {"text": "b"}}]
    assert ranked.get("meta") == {"billed_units": {"total_tokens": 9}, "tokens": {}}
    assert "id" in ranked
    assert "nothing" not in ranked
    assert server.sent["return_documents"] is True
    server.reply({"results": []})
    asyncio.run(litellm.arerank("jina_ai/jina-reranker-v2", "q", ["a", "b"], **where))
    assert "return_documents" not in server.sent


def test_documents_are_ranked_on_this_machine() -> None:
    documents = ["Berlin is a town", "The capital of France is Paris", {"text": "France"}]
    ranked = litellm.rerank("edgequake/local/bm25", "capital of France", documents, top_n=1)
    assert [(result["index"], result["document"]["text"]) for result in ranked.results or ()] == [(1, documents[1])]
    fused = asyncio.run(litellm.arerank("edgequake/local/rrf", "", documents, rankings=[[2, 0, 1], [2, 1, 0]]))
    assert fused.results[0]["index"] == 2  # type: ignore[index]
    with pytest.raises(litellm.BadRequestError, match="bm25"):
        litellm.rerank("edgequake/local/best", "q", documents)


def test_a_text_is_judged(server: Server, where: dict[str, Any]) -> None:
    result = {"flagged": True, "categories": {"violence": True}, "category_scores": {"violence": 0.9}}
    server.reply({"id": "modr-1", "model": "omni-moderation-latest", "results": [result]})
    judged = litellm.moderation("I will", **where)
    assert judged.results[0].flagged is True
    assert judged.results[0].categories == {"violence": True}
    assert judged.results[0].category_applied_input_types is None
    assert server.sent == {"input": "I will"}
    server.reply({"results": []})
    asyncio.run(litellm.amoderation(["a"], model="openai/omni-moderation-latest", **where))
    assert server.sent == {"model": "omni-moderation-latest", "input": ["a"]}


# Responses -------------------------------------------------------------------------------------------------------------------

RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 7.0,
    "status": "completed",
    "model": "gpt-4o",
    "error": None,
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "Hel", "annotations": []},
                {"type": "output_text", "text": "lo"},
            ],
        },
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ],
    "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5, "input_tokens_details": {"cached_tokens": 1}},
}


def test_a_response_is_read(server: Server, where: dict[str, Any]) -> None:
    server.reply(RESPONSE)
    answer: Any = litellm.responses("hi", "openai/gpt-4o", instructions="Be brief", metadata={"a": "b"}, **where)
    assert (answer.id, answer.created_at, answer.status, answer.output_text) == ("resp_1", 7, "completed", "Hello")
    assert answer.output[1].content[0]["text"] == "Hel"
    assert answer.output[0].encrypted_content is None
    assert answer.output[2].arguments == "{}"
    assert answer.output[2].status is None
    with pytest.raises(AttributeError):
        _ = answer.output[2].nothing
    assert (answer.usage.total_tokens, answer.usage.input_tokens_details.cached_tokens, answer.truncation) == (
        5,
        1,
        None,
    )
    assert server.sent == {"model": "gpt-4o", "input": "hi", "instructions": "Be brief", "metadata": {"a": "b"}}
    assert answer.model_dump()["output"][0] == {"type": "reasoning", "id": "rs_1", "summary": []}
    assert pickle.loads(pickle.dumps(answer)).output_text == "Hello"


def test_a_response_fits_a_class(server: Server, where: dict[str, Any]) -> None:
    pydantic = pytest.importorskip("pydantic")
    server.reply(RESPONSE)
    person = pydantic.create_model("Person", name=(str, ...))
    litellm.responses("hi", "openai/gpt-4o", text_format=person, text={"verbosity": "low"}, **where)
    wanted = server.sent["text"]
    assert (wanted["verbosity"], wanted["format"]["type"], wanted["format"]["name"]) == ("low", "json_schema", "Person")
    assert wanted["format"]["schema"]["required"] == ["name"]
    with pytest.raises(litellm.BadRequestError, match="text_format"):
        litellm.responses("hi", "openai/gpt-4o", text_format=7, **where)


def response_stream(*more: dict[str, Any]) -> str:
    events = [
        {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "output": []}},
        {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": "Hel"},
        {"type": "response.new", "x": 1},
        *more,
    ]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


def test_a_response_is_streamed(server: Server, where: dict[str, Any]) -> None:
    end = {"type": "response.completed", "response": RESPONSE}
    server.reply(response_stream(end), "text/event-stream")
    stream: Any = litellm.responses("hi", "openai/gpt-4o", stream=True, **where)
    assert stream.completed_response is None
    events = list(stream)
    assert [type(event).__name__ for event in events] == [
        "ResponseCreatedEvent",
        "OutputTextDeltaEvent",
        "GenericEvent",
        "ResponseCompletedEvent",
    ]
    assert events[1].type is ResponsesAPIStreamEvents.OUTPUT_TEXT_DELTA
    assert events[1].type == "response.output_text.delta"
    assert (events[1].delta, events[2].type, events[3].response.output_text) == ("Hel", "response.new", "Hello")
    assert stream.completed_response is events[3]
    assert stream.finished
    assert stream.response_uptil_now == "Hel"

    async def main() -> list[Any]:
        server.reply(response_stream(end), "text/event-stream")
        stream: Any = await litellm.aresponses("hi", "openai/gpt-4o", stream=True, **where)
        return [event.type async for event in stream]

    assert asyncio.run(main()) == [event.type for event in events]


def test_a_response_that_breaks_off_raises(server: Server, where: dict[str, Any]) -> None:
    server.reply(response_stream(), "text/event-stream")
    with pytest.raises(litellm.ServiceUnavailableError) as caught:
        list(litellm.responses("hi", "openai/gpt-4o", stream=True, **where))  # type: ignore[arg-type]
    assert caught.value.generated_content == "Hel"  # type: ignore[attr-defined]
    failed = {
        "type": "response.failed",
        "response": {"error": {"code": "context_length_exceeded", "message": "too long"}},
    }
    server.reply(response_stream(failed), "text/event-stream")
    with pytest.raises(litellm.ContextWindowExceededError):
        list(litellm.responses("hi", "openai/gpt-4o", stream=True, **where))  # type: ignore[arg-type]


def test_the_function_stays_when_its_module_is_imported() -> None:
    from edgequake_litellm.responses.streaming_iterator import ResponsesAPIStreamingIterator

    assert callable(litellm.responses)
    assert ResponsesAPIStreamingIterator.__module__ == "litellm.responses.streaming_iterator"


# Batches -----------------------------------------------------------------------------------------------------------------------


def test_batches_are_answered_in_order() -> None:
    def messages(text: str) -> list[dict[str, str]]:
        return [{"role": "user", "content": text}]

    answers = litellm.batch_completion(
        "openai/gpt-4o", [messages("a"), messages("b")], mock_response="hi", max_workers=1
    )
    assert [answer.choices[0].message.content for answer in answers] == ["hi", "hi"]
    failed = litellm.batch_completion(
        "openai/gpt-4o", [[], messages("b")], api_key="k", mock_response=RuntimeError("no")
    )
    assert [type(answer).__name__ for answer in failed] == ["InternalServerError", "InternalServerError"]
    assert litellm.batch_completion("openai/gpt-4o", []) == []


def test_the_first_of_several_models_counts() -> None:
    question = [{"role": "user", "content": "hi"}]
    answer = litellm.batch_completion_models(models=["nobody", "openai/gpt-4o"], messages=question, mock_response="hi")
    assert answer.choices[0].message.content == "hi"
    all_answers = litellm.batch_completion_models_all_responses(
        models=["openai/gpt-4o", "nobody", "openai/o1"], messages=question, mock_response="hi"
    )
    assert [answer.model for answer in all_answers] == ["gpt-4o", "o1"]
    with pytest.raises(litellm.BadRequestError):
        litellm.batch_completion_models(models=["nobody"], messages=question)
    with pytest.raises(TypeError, match="models"):
        litellm.batch_completion_models(messages=question)


# All of them -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "text_completion",
        "image_generation",
        "image_edit",
        "transcription",
        "speech",
        "rerank",
        "moderation",
        "responses",
    ],
)
def test_each_has_a_twin_for_coroutines(name: str) -> None:
    assert not inspect.iscoroutinefunction(getattr(litellm, name))
    assert inspect.iscoroutinefunction(getattr(litellm, "a" + name))
    assert getattr(litellm.main, name) is getattr(litellm, name)


@pytest.mark.parametrize(
    "call",
    [
        lambda where: litellm.text_completion("a", model="groq/m", suffix="b", **where),
        lambda where: litellm.rerank("groq/m", "q", ["a"], **where),
        lambda where: litellm.speech("anthropic/m", "a", "b", **where),
        lambda where: litellm.transcription("whisper-1", b"", **where),
        lambda where: litellm.image_generation("a", model="dall-e-2", style="vivid", **where),
    ],
)
def test_no_refusal_shows_the_key(where: dict[str, Any], call: Any) -> None:
    import traceback

    with pytest.raises(litellm.BadRequestError) as caught:
        call(where)
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    inside = shown[shown.find("edgequake_litellm/") :]
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value)
    # The frames of this test hold the key; those of the package do not.
    frames = [frame for frame in inside.split('File "') if "/edgequake_litellm/" in frame.partition("\n")[0]]
    assert all(KEY not in frame for frame in frames)
