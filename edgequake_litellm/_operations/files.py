"""Files that a provider keeps: `create_file`, `file_retrieve`, `file_delete`, `file_list`, `file_content` and their twins."""

from __future__ import annotations

from .. import _calls
from .._binary import HttpxBinaryResponseContent
from .._calls import araising, raising
from .._types.operations import file_deleted, file_object, file_page
from ..files.types import FileContentStreamingResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types.kept import FileDeleted, FilePage, OpenAIFileObject

# Bytes that a streamed file comes in, unless the program says otherwise.
_PIECE = 1 << 20


@raising
def create_file(
    file: Any,
    purpose: str,
    expires_after: dict[str, Any] | None = None,
    custom_llm_provider: str | None = None,
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    **kwargs: Any,
) -> OpenAIFileObject:
    """Uploads `file`: bytes, a path, a file object opened as binary, or a tuple of a name, one of these and perhaps its content type.

    `purpose` says what for, such as "batch" or "user_data". The provider is OpenAI where none is named.
    """
    return _calls.answered(b"create_file", locals(), file_object, ("file",))


@araising
async def acreate_file(
    file: Any,
    purpose: str,
    expires_after: dict[str, Any] | None = None,
    custom_llm_provider: str = "openai",
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    **kwargs: Any,
) -> OpenAIFileObject:
    """:func:`create_file` for coroutines. The file is read before it waits."""
    return await _calls.aanswered(b"create_file", locals(), file_object, ("file",))


@raising
def file_retrieve(
    file_id: str,
    custom_llm_provider: str = "openai",
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    **kwargs: Any,
) -> OpenAIFileObject:
    """What the provider says of a file: its name, size, purpose and status."""
    return _calls.answered(b"file_retrieve", locals(), file_object)


@araising
async def afile_retrieve(
    file_id: str,
    custom_llm_provider: str = "openai",
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    **kwargs: Any,
) -> OpenAIFileObject:
    """:func:`file_retrieve` for coroutines."""
    return await _calls.aanswered(b"file_retrieve", locals(), file_object)


@raising
def file_delete(
    file_id: str,
    model: str | None = None,
    custom_llm_provider: str = "openai",
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    **kwargs: Any,
) -> FileDeleted:
    """Deletes a file."""
    return _calls.answered(b"file_delete", locals(), file_deleted)


@araising
async def afile_delete(
    file_id: str,
    custom_llm_provider: str = "openai",
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    **kwargs: Any,
) -> FileDeleted:
    """:func:`file_delete` for coroutines."""
    return await _calls.aanswered(b"file_delete", locals(), file_deleted)


@raising
def file_list(
    custom_llm_provider: str = "openai",
    purpose: str | None = None,
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    **kwargs: Any,
) -> FilePage:
    """The files that the provider keeps, a page of them; `after`, `limit` and `order` choose which."""
    return _calls.answered(b"file_list", locals(), file_page)


@araising
async def afile_list(
    custom_llm_provider: str = "openai",
    purpose: str | None = None,
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    **kwargs: Any,
) -> FilePage:
    """:func:`file_list` for coroutines."""
    return await _calls.aanswered(b"file_list", locals(), file_page)


@raising
def file_content(
    file_id: str,
    model: str | None = None,
    custom_llm_provider: str | None = None,
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    chunk_size: int = _PIECE,
    stream: bool = False,
    **kwargs: Any,
) -> HttpxBinaryResponseContent | FileContentStreamingResult:
    """The bytes of a file, as the `content` of what this returns.

    With `stream=True` it returns once they begin to come: `stream_iterator` gives them in pieces of `chunk_size` bytes.
    """
    arguments = locals()
    del arguments["stream"], arguments["chunk_size"]
    content = _calls.streamed(b"file_content", arguments, HttpxBinaryResponseContent)
    if stream and isinstance(content, HttpxBinaryResponseContent):
        return FileContentStreamingResult(content.iter_bytes(chunk_size), content._response_headers or {})
    return _calls.whole(content)


@araising
async def afile_content(
    file_id: str,
    custom_llm_provider: str = "openai",
    extra_headers: dict[str, str] | None = None,
    extra_body: dict[str, str] | None = None,
    chunk_size: int = _PIECE,
    stream: bool = False,
    **kwargs: Any,
) -> HttpxBinaryResponseContent | FileContentStreamingResult:
    """:func:`file_content` for coroutines."""
    arguments = locals()
    del arguments["stream"], arguments["chunk_size"]
    content = await _calls.astreamed(b"file_content", arguments, HttpxBinaryResponseContent)
    if stream and isinstance(content, HttpxBinaryResponseContent):
        return FileContentStreamingResult(content.aiter_bytes(chunk_size), content._response_headers or {})
    return await _calls.awhole(content)
