"""Rerankings and moderations."""

from __future__ import annotations

from .base import Contains, MutableItems
from .response import Hidden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar


class RerankResponse(Hidden, Contains, MutableItems):
    """Documents in the order in which they answer a query. `results` and `meta` are plain dicts, as in litellm."""

    __module__ = "litellm.types.rerank"
    _fields = ("id", "results", "meta")
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)

    if TYPE_CHECKING:
        id: str | None
        results: list[dict[str, Any]] | None
        meta: dict[str, Any] | None

    def __getitem__(self, key: str) -> Any:
        if key not in self:
            raise KeyError(key)
        return getattr(self, key)


class OpenAIModerationResult(MutableItems):
    """The judgement of one input."""

    __module__ = "litellm.types.llms.openai"
    _fields = ("categories", "category_applied_input_types", "category_scores", "flagged")
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)

    if TYPE_CHECKING:
        categories: dict[str, bool] | None
        category_applied_input_types: dict[str, list[str]] | None
        category_scores: dict[str, float] | None
        flagged: bool | None


class OpenAIModerationResponse(Hidden, Contains, MutableItems):
    """The judgements of all inputs, in their order."""

    __module__ = "litellm.types.llms.openai"
    _fields = ("id", "model", "results")
    _defaults: ClassVar[dict[str, Any]] = {"id": None, "model": None}
    _required = ("results",)
    _nested: ClassVar[dict[str, Any]] = {"results": OpenAIModerationResult}

    if TYPE_CHECKING:
        id: str | None
        model: str | None
        results: list[OpenAIModerationResult]
