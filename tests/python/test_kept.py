"""What a provider keeps: files, batches and stored responses."""

from __future__ import annotations

import asyncio
import importlib
import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import edgequake_litellm as litellm

from .test_operations import KEY, Server

FILE = {
    "id": "file-1",
    "object": "file",
    "bytes": 8,
    "created_at": 1,
    "filename": "a.jsonl",
    "purpose": "batch",
    "status": "processed",
}
BATCH = {
    "id": "batch_1",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "input_file_id": "file-1",
    "completion_window": "24h",
    "status": "completed",
    "created_at": 1,
    "output_file_id": "file-2",
    "request_counts": {"total": 2, "completed": 1, "failed": 1},
    "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "m",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
        }
    ],
}


def page(*items: dict[str, Any]) -> dict[str, Any]:
    return {
        "object": "list",
        "data": list(items),
        "has_more": True,
        "first_id": items[0]["id"],
        "last_id": items[-1]["id"],
    }


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(params=["sync", "async"])
def ask(request: Any, server: Server) -> Callable[..., Any]:
    """Calls a function, or its twin for coroutines, against the server."""

    def call(name: str, answer: Any, *args: Any, content_type: str = "application/json", **kwargs: Any) -> Any:
        server.reply(answer, content_type)
        kwargs = {"api_base": server.base_url, "api_key": KEY, "max_retries": 0, **kwargs}
        if request.param == "sync":
            return getattr(litellm, name)(*args, **kwargs)
        return asyncio.run(getattr(litellm, "a" + name)(*args, **kwargs))

    return call


def path(server: Server) -> str:
    return server.requests[-1][0]


def test_a_file_is_sent_looked_at_and_read(server: Server, ask: Callable[..., Any]) -> None:
    made = ask("create_file", FILE, file=("a.jsonl", b'{"a":1}\n'), purpose="batch")
    assert path(server) == "/v1/files"
    assert b'filename="a.jsonl"' in server.requests[-1][2]
    assert b'name="purpose"\r\n\r\nbatch' in server.requests[-1][2]
    assert (made.id, made.bytes, made.expires_at, made["purpose"]) == ("file-1", 8, None, "batch")
    assert isinstance(made, litellm.types.llms.openai.OpenAIFileObject)
    assert pickle.loads(pickle.dumps(made)) == made
    assert ask("file_retrieve", FILE, "file-1").filename == "a.jsonl"
    assert path(server) == "/v1/files/file-1"
    content = ask("file_content", b"line\n", "file-1", content_type="application/octet-stream")
    assert content.content == b"line\n"
    assert path(server) == "/v1/files/file-1/content"
    assert ask("file_content", b"", "file-1", content_type="application/octet-stream").content == b""
    listed = ask("file_list", page(FILE), purpose="batch", extra_query={"limit": 1})
    assert path(server) == "/v1/files?purpose=batch&limit=1"
    assert [file.id for file in listed] == ["file-1"]
    assert listed.has_next_page()
    assert listed.last_id == "file-1"
    assert ask("file_delete", {"id": "file-1", "object": "file", "deleted": True}, "file-1").deleted is True


def test_a_file_may_be_read_while_it_comes(server: Server) -> None:
    server.reply(b"0123456789", "application/octet-stream")
    where: dict[str, Any] = {"api_base": server.base_url, "api_key": KEY}
    result = litellm.file_content("file-1", stream=True, chunk_size=4, **where)
    assert list(result.stream_iterator) == [b"0123", b"4567", b"89"]
    assert result.headers["content-length"] == "10"

    async def read() -> list[bytes]:
        server.reply(b"0123456789", "application/octet-stream")
        result = await litellm.afile_content("file-1", stream=True, chunk_size=4, **where)
        return [piece async for piece in result.stream_iterator]

    assert asyncio.run(read()) == [b"0123", b"4567", b"89"]


def test_a_file_is_read_as_text_lines_and_json(server: Server) -> None:
    where: dict[str, Any] = {"api_base": server.base_url, "api_key": KEY}
    lines = ['{"a": "\u00e9"}', "", '{"a": "\u2028"}', "last"]
    server.reply("{}\r\n{}\r{}\n{}".format(*lines).encode(), "application/jsonl")
    content = litellm.file_content("file-1", **where)
    assert content.encoding == "utf-8"
    assert content.text == "{}\r\n{}\r{}\n{}".format(*lines)
    # U+2028 ends no line: JSON may hold it, and then splitlines() makes two broken records of one.
    assert list(content.iter_lines()) == lines
    assert next(content.iter_text(5)) == '{"a":'
    assert "".join(content.iter_text(5)) == content.text
    with pytest.raises(ValueError, match="chunk_size"):
        content.iter_bytes(0)

    server.reply("\u00e9=1".encode("latin-1"), "text/plain; charset=ISO-8859-1; x=y")
    content = litellm.file_content("file-1", **where)
    assert (content.encoding, content.text) == ("ISO-8859-1", "\u00e9=1")
    server.reply(b'{"b": 2}', "application/json; charset=nonsense")
    content = litellm.file_content("file-1", **where)
    assert (content.json(), content.encoding) == ({"b": 2}, "utf-8")

    async def read() -> tuple[list[str], list[str]]:
        server.reply("\u00e9\r\n\u00e8\n".encode(), "application/jsonl")
        content: Any = await litellm.afile_content("file-1", **where)
        return [line async for line in content.aiter_lines()], [text async for text in content.aiter_text(2)]

    assert asyncio.run(read()) == (["\u00e9", "\u00e8"], ["\u00e9\r", "\n\u00e8", "\n"])


def test_lines_are_whole_however_the_bytes_come() -> None:
    from edgequake_litellm import _binary

    written = "\u00e9a\r\nb\r\rc\n\nd".encode()
    for size in range(1, len(written) + 1):
        pieces = (written[start : start + size] for start in range(0, len(written), size))
        assert list(_binary._through(pieces, _binary._Lines("utf-8"))) == ["\u00e9a", "b", "", "c", "", "d"]


def test_a_file_that_breaks_off_is_no_file(server: Server) -> None:
    server.reply(b"0123", "application/octet-stream", more=6)
    with pytest.raises(litellm.exceptions.MidStreamFallbackError):
        litellm.file_content("file-1", api_base=server.base_url, api_key=KEY, max_retries=0)


def test_a_batch_is_made_watched_and_ended(server: Server, ask: Callable[..., Any]) -> None:
    order = {"completion_window": "24h", "endpoint": "/v1/chat/completions", "input_file_id": "file-1"}
    made = ask("create_batch", BATCH, metadata={"a": "b"}, **order)
    assert server.sent == {**order, "metadata": {"a": "b"}}
    assert (made.status, made.request_counts.failed, made.errors, made.usage.completion_tokens) == (
        "completed",
        1,
        None,
        4,
    )
    assert isinstance(made, litellm.types.utils.LiteLLMBatch)
    assert json.loads(made.model_dump_json())["id"] == "batch_1"
    assert ask("retrieve_batch", BATCH, "batch_1").output_file_id == "file-2"
    assert path(server) == "/v1/batches/batch_1"
    ask("cancel_batch", BATCH, "batch_1")
    assert path(server) == "/v1/batches/batch_1/cancel"
    assert [batch.id for batch in ask("list_batches", page(BATCH), after="b", limit=1)] == ["batch_1"]
    assert path(server) == "/v1/batches?after=b&limit=1"


def test_azure_keeps_files_beside_its_deployments(server: Server, ask: Callable[..., Any]) -> None:
    azure = {"custom_llm_provider": "azure", "api_base": server.base_url[:-3], "api_version": "2024-10-21"}
    ask("file_retrieve", FILE, "file-1", **azure)
    assert path(server) == "/openai/files/file-1?api-version=2024-10-21"
    assert server.requests[-1][1]["api-key"] == KEY


def test_a_stored_response_is_asked_for_again(server: Server, ask: Callable[..., Any]) -> None:
    assert ask("get_responses", RESPONSE, "resp_1").output_text == "Hi"
    assert path(server) == "/v1/responses/resp_1"
    ask("cancel_responses", RESPONSE, "resp_1")
    assert path(server) == "/v1/responses/resp_1/cancel"
    items = ask("list_input_items", page({"id": "m"}), "resp_1", limit=3, order="asc")
    assert items["data"] == [{"id": "m"}]
    assert path(server) == "/v1/responses/resp_1/input_items?limit=3&order=asc"
    assert ask("delete_responses", {"id": "resp_1", "object": "response", "deleted": True}, "resp_1").deleted


def test_what_cannot_be_asked_for_is_refused_by_name() -> None:
    for call, words in [
        (lambda: litellm.file_retrieve("", api_key=KEY), "`file_id` is missing"),
        (lambda: litellm.create_file(b"x", "", api_key=KEY), "`purpose` is missing"),
        (lambda: litellm.create_file(b"", "batch", api_key=KEY), "a file without content"),
        (lambda: litellm.create_batch("24h", "", "file-1", api_key=KEY), "`endpoint` is missing"),
        (lambda: litellm.file_list("deepseek", api_key=KEY), "deepseek has no file_list"),
        (lambda: litellm.file_list("anthropic", api_key=KEY), "anthropic has no file_list"),
        (lambda: litellm.file_list("nobody", api_key=KEY), "nobody"),
        (lambda: litellm.get_responses("r", custom_llm_provider="groq", api_key=KEY), "groq has no get_responses"),
    ]:
        with pytest.raises(litellm.BadRequestError, match=words) as caught:
            call()
        assert KEY not in str(caught.value)


def test_an_answer_of_another_form_is_an_error(server: Server, ask: Callable[..., Any]) -> None:
    for name, args in [("file_retrieve", ("f",)), ("retrieve_batch", ("b",)), ("file_list", ())]:
        with pytest.raises(litellm.APIError):
            ask(name, {"object": "something"}, *args)


def test_openais_own_classes_read_what_comes_back(server: Server, ask: Callable[..., Any]) -> None:
    types = pytest.importorskip("openai.types", reason="needs the package openai, whose classes are to read it")
    made = ask("file_retrieve", FILE, "file-1")
    assert types.FileObject.model_validate(made.model_dump()).filename == "a.jsonl"
    job = ask("retrieve_batch", {**BATCH, "usage": None}, "batch_1")
    assert types.Batch.model_validate(job.model_dump()).request_counts.failed == 1
    gone = ask("file_delete", {"id": "file-1", "object": "file", "deleted": True}, "file-1")
    assert types.FileDeleted.model_validate(gone.model_dump()).deleted


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("files.main", "acreate_file"),
        ("files.types", "FileContentStreamingResult"),
        ("batches.main", "retrieve_batch"),
        ("responses.main", "aget_responses"),
        ("types.responses.main", "DeleteResponseResult"),
        ("google_genai", "agenerate_content"),
        ("llms.azure.common_utils", "AzureOpenAIError"),
        ("llms.base_llm.chat.transformation", "BaseLLMException"),
        ("types.llms.anthropic_messages.anthropic_response", "AnthropicMessagesResponse"),
    ],
)
def test_they_are_found_at_litellms_paths(path: str, name: str) -> None:
    module = importlib.import_module(f"edgequake_litellm.{path}")
    assert callable(getattr(module, name))
