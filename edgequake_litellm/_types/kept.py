"""What a provider keeps for its user: files, batches, and lists of them."""

from __future__ import annotations

from .base import Contains, DictJson, MutableItems
from .response import Hidden
from .usage import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import Any, ClassVar


class Kept(Hidden, Contains, DictJson, MutableItems):
    """Something with an id that can be asked for again. It costs nothing by itself."""

    _priced = False

    if TYPE_CHECKING:
        id: str
        object: str


class OpenAIFileObject(Kept):
    """A file that was uploaded. `bytes` is its size."""

    __module__ = "litellm.types.llms.openai"
    _fields = ("id", "bytes", "created_at", "filename", "object", "purpose", "status", "expires_at", "status_details")
    _required = ("id",)
    _defaults: ClassVar[dict[str, Any]] = {
        "object": "file",
        **dict.fromkeys(name for name in _fields if name not in ("id", "object")),
    }

    if TYPE_CHECKING:
        bytes: int | None
        created_at: int | None
        filename: str | None
        purpose: str | None
        status: str | None
        expires_at: int | None
        status_details: str | None


class FileDeleted(Kept):
    """Whether a file is gone."""

    __module__ = "litellm.types.llms.openai"
    _fields = ("id", "deleted", "object")
    _required = ("id", "deleted")
    _defaults: ClassVar[dict[str, Any]] = {"object": "file"}

    if TYPE_CHECKING:
        deleted: bool


class DeleteResponseResult(Kept):
    """Whether a stored response is gone."""

    __module__ = "litellm.types.responses.main"
    _fields = ("id", "object", "deleted")
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)

    if TYPE_CHECKING:
        deleted: bool | None


class BatchRequestCounts(MutableItems):
    """How many of a batch's requests there are, and what became of them."""

    __module__ = "litellm.types.utils"
    _fields = ("completed", "failed", "total")
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields, 0)

    if TYPE_CHECKING:
        completed: int
        failed: int
        total: int


class LiteLLMBatch(Kept):
    """A batch of requests that the provider works off. `output_file_id` names the file of its answers once it is completed."""

    __module__ = "litellm.types.utils"
    _fields = (
        "id",
        "completion_window",
        "created_at",
        "endpoint",
        "input_file_id",
        "object",
        "status",
        "cancelled_at",
        "cancelling_at",
        "completed_at",
        "error_file_id",
        "errors",
        "expired_at",
        "expires_at",
        "failed_at",
        "finalizing_at",
        "in_progress_at",
        "metadata",
        "model",
        "output_file_id",
        "request_counts",
        "usage",
    )
    _required = ("id", "status")
    _defaults: ClassVar[dict[str, Any]] = {
        "object": "batch",
        **dict.fromkeys(name for name in _fields if name not in ("id", "status", "object")),
    }
    _nested: ClassVar[dict[str, Any]] = {"request_counts": BatchRequestCounts}

    if TYPE_CHECKING:
        completion_window: str | None
        created_at: int | None
        endpoint: str | None
        input_file_id: str | None
        status: str
        error_file_id: str | None
        errors: Any
        metadata: dict[str, str] | None
        output_file_id: str | None
        request_counts: BatchRequestCounts | None
        usage: Usage | None

    def __init__(self, **data: Any) -> None:
        usage = data.get("usage")
        if isinstance(usage, dict):
            # The API counts a batch as it counts a response.
            names = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}
            known = {
                names.get(name, name): usage[name]
                for name in ("input_tokens", "output_tokens", "total_tokens", "prompt_tokens", "completion_tokens")
                if name in usage
            }
            data["usage"] = Usage(**known)
        super().__init__(**data)


class CursorPage(Kept):
    """A page of a list. Iterating gives its `data`; where `has_more` is true, `after=page.last_id` asks for the next."""

    __module__ = "litellm.types.llms.openai"
    _fields = ("data", "has_more", "object", "first_id", "last_id")
    _required = ("data",)
    _defaults: ClassVar[dict[str, Any]] = {"has_more": None, "object": "list", "first_id": None, "last_id": None}

    if TYPE_CHECKING:
        data: list[Any]
        has_more: bool | None
        first_id: str | None
        last_id: str | None

    def __iter__(self) -> Iterator[Any]:
        return iter(self.data)

    async def __aiter__(self) -> AsyncIterator[Any]:
        for item in self.data:
            yield item

    def has_next_page(self) -> bool:
        """Is there more behind this page?"""
        return bool(self.has_more)


class FilePage(CursorPage):
    """A page of files."""

    __module__ = "litellm.types.llms.openai"
    _nested: ClassVar[dict[str, Any]] = {"data": OpenAIFileObject}


class BatchPage(CursorPage):
    """A page of batches."""

    __module__ = "litellm.types.llms.openai"
    _nested: ClassVar[dict[str, Any]] = {"data": LiteLLMBatch}
