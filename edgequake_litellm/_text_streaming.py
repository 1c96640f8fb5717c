"""A streamed text completion: :class:`TextCompletionStreamWrapper`, litellm's class."""

from __future__ import annotations

from . import _runtime
from ._runtime import CHUNK
from ._types import Meta, TextChoices, TextCompletionResponse, Usage
from .streaming import CustomStreamWrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class TextCompletionStreamWrapper(CustomStreamWrapper):
    """The chunks of a text completion while it comes: TextCompletionResponse objects, whose `choices[0].text` is the next piece.

    In all else it is a :class:`CustomStreamWrapper`.
    """

    __module__ = "litellm.utils"

    def _maker(self) -> Any:
        options = self.stream_options
        include_usage = bool(options.get("include_usage")) if isinstance(options, dict) else False
        return TextMaker(self.model, self._meta, self._id, self.created, include_usage)

    @property
    def response_uptil_now(self) -> str:
        """The text that has been read, of all choices."""
        return "".join(choice.text or "" for chunk in self.chunks for choice in chunk.choices)  # type: ignore[attr-defined]


class TextMaker:
    """Makes the chunks of one stream from its items."""

    __slots__ = ("_created", "_id", "_include_usage", "_meta", "_model", "_top")

    def __init__(self, model: str | None, meta: Meta, stream_id: str, created: int, include_usage: bool) -> None:
        self._model = model
        self._meta = meta
        self._id = stream_id
        self._created = created
        self._include_usage = include_usage
        self._top: dict[str, Any] = {}

    def content(self, index: int, text: str) -> TextCompletionResponse:
        """A chunk that equals the last whole one but for its one text."""
        return self._chunk(self._top, [{"index": index, "text": text, "finish_reason": None}])

    def __call__(self, item: Any) -> TextCompletionResponse:
        kind, text = item[0], item[1]
        if kind != CHUNK:
            _, _, index, _, _ = item
            if kind == _runtime.CONTENT:
                return self.content(index, text)
            reasoning = {"reasoning_content": text} if kind == _runtime.REASONING else {}
            return self._chunk(self._top, [{"index": index, "text": None, "finish_reason": None, **reasoning}])
        payload = _runtime.parsed(text)
        try:
            self._top = {name: value for name, value in payload.items() if name not in ("choices", "usage")}
            return self._chunk(payload, payload.get("choices") or [])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _runtime.unreadable(error) from error

    def _chunk(self, payload: dict[str, Any], choices: list[Any]) -> TextCompletionResponse:
        usage = payload.get("usage") if self._include_usage else None
        chunk = TextCompletionResponse(
            id=payload.get("id") or self._id,
            choices=[TextChoices(**choice) for choice in choices] or [TextChoices()],
            created=payload.get("created") or self._created,
            model=payload.get("model") or self._model,
            usage=Usage(**usage) if usage else None,
        )
        chunk._meta = self._meta
        return chunk
