"""Makes the responses of the operations beside chats and vectors from what the engine answers."""

from __future__ import annotations

from .judging import OpenAIModerationResponse, RerankResponse
from .kept import BatchPage, DeleteResponseResult, FileDeleted, FilePage, LiteLLMBatch, OpenAIFileObject
from .media import ImageResponse, TranscriptionResponse
from .response import TextCompletionResponse
from .responses import ResponsesAPIResponse
from .wire import malformed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .meta import Meta


def _made(kind: Any, what: str, payload: Any, meta: Meta) -> Any:
    """`payload` as an object of `kind`. Raises APIError where it is none."""
    try:
        response = kind(**payload)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise malformed(what, payload, meta) from error
    response._meta = meta
    return response


def text_completion_response(payload: Any, meta: Meta) -> TextCompletionResponse:
    return _made(TextCompletionResponse, "text completion", payload, meta)  # type: ignore[no-any-return]


def image_response(payload: Any, meta: Meta) -> ImageResponse:
    return _made(ImageResponse, "list of images", payload, meta)  # type: ignore[no-any-return]


def transcription_response(payload: Any, meta: Meta) -> TranscriptionResponse:
    return _made(TranscriptionResponse, "transcription", payload, meta)  # type: ignore[no-any-return]


def rerank_response(payload: Any, meta: Meta) -> RerankResponse:
    return _made(RerankResponse, "reranking", payload, meta)  # type: ignore[no-any-return]


def moderation_response(payload: Any, meta: Meta) -> OpenAIModerationResponse:
    return _made(OpenAIModerationResponse, "moderation", payload, meta)  # type: ignore[no-any-return]


def responses_response(payload: Any, meta: Meta) -> ResponsesAPIResponse:
    return _made(ResponsesAPIResponse, "response", payload, meta)  # type: ignore[no-any-return]


def file_object(payload: Any, meta: Meta) -> OpenAIFileObject:
    return _made(OpenAIFileObject, "file", payload, meta)  # type: ignore[no-any-return]


def file_deleted(payload: Any, meta: Meta) -> FileDeleted:
    return _made(FileDeleted, "deleted file", payload, meta)  # type: ignore[no-any-return]


def file_page(payload: Any, meta: Meta) -> FilePage:
    return _made(FilePage, "list of files", payload, meta)  # type: ignore[no-any-return]


def batch(payload: Any, meta: Meta) -> LiteLLMBatch:
    return _made(LiteLLMBatch, "batch", payload, meta)  # type: ignore[no-any-return]


def batch_page(payload: Any, meta: Meta) -> BatchPage:
    return _made(BatchPage, "list of batches", payload, meta)  # type: ignore[no-any-return]


def response_deleted(payload: Any, meta: Meta) -> DeleteResponseResult:
    return _made(DeleteResponseResult, "deleted response", payload, meta)  # type: ignore[no-any-return]
