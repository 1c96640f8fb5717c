"""Images and transcriptions."""

from __future__ import annotations

from time import time

from .base import Contains, DictJson, MutableItems
from .response import Hidden, _as

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar


class ImageObject(Contains, DictJson, MutableItems):
    """One image, by its address or as base64."""

    __module__ = "litellm.types.utils"
    _fields = ("b64_json", "revised_prompt", "url", "provider_specific_fields")
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)

    if TYPE_CHECKING:
        b64_json: str | None
        revised_prompt: str | None
        url: str | None
        provider_specific_fields: dict[str, Any] | None

    def __init__(
        self,
        b64_json: str | None = None,
        url: str | None = None,
        revised_prompt: str | None = None,
        provider_specific_fields: dict[str, Any] | None = None,
        **params: Any,
    ) -> None:
        own = self.__dict__
        own["b64_json"] = b64_json
        own["revised_prompt"] = revised_prompt
        own["url"] = url
        if provider_specific_fields:
            own["provider_specific_fields"] = provider_specific_fields
        own.update(params)


class ImageUsageInputTokensDetails(MutableItems):
    """What an image's input was."""

    __module__ = "litellm.types.utils"
    _fields = ("image_tokens", "text_tokens")
    _required = _fields

    if TYPE_CHECKING:
        image_tokens: int
        text_tokens: int


class ImageUsage(MutableItems):
    """The tokens of one request for images; zeros where the provider counts none."""

    __module__ = "litellm.types.utils"
    _fields = ("input_tokens", "input_tokens_details", "output_tokens", "total_tokens")
    _required = _fields
    _nested: ClassVar[dict[str, Any]] = {"input_tokens_details": ImageUsageInputTokensDetails}

    if TYPE_CHECKING:
        input_tokens: int
        input_tokens_details: ImageUsageInputTokensDetails
        output_tokens: int
        total_tokens: int


class ImageResponse(Hidden, Contains, DictJson, MutableItems):
    """Images, made or changed."""

    __module__ = "litellm.types.utils"
    _fields = ("created", "background", "data", "output_format", "quality", "size", "usage")
    _required = ("created",)
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(("background", "output_format", "quality", "size"))

    if TYPE_CHECKING:
        created: int
        data: list[ImageObject]
        background: str | None
        output_format: str | None
        quality: str | None
        size: str | None
        usage: ImageUsage

    def __init__(
        self,
        created: int | None = None,
        data: Any = None,
        response_ms: float | None = None,
        usage: Any = None,
        hidden_params: Any = None,
        **params: Any,
    ) -> None:
        own = self.__dict__
        own["created"] = int(time()) if created is None else created
        own["data"] = [_as(ImageObject, item) for item in data or ()]
        own["usage"] = _image_usage(usage)
        own.update(params)
        if response_ms:
            self._ms = response_ms
        if hidden_params:
            self._hidden = hidden_params


def _image_usage(usage: Any) -> ImageUsage:
    if isinstance(usage, ImageUsage):
        return usage
    given = usage if isinstance(usage, dict) else {}
    counts = {name: given.get(name) or 0 for name in ("input_tokens", "output_tokens", "total_tokens")}
    details = given.get("input_tokens_details") or {"image_tokens": 0, "text_tokens": 0}
    details = {"image_tokens": 0, "text_tokens": 0, **details} if isinstance(details, dict) else details
    return ImageUsage(**{**given, **counts, "input_tokens_details": details})


class TranscriptionResponse(Hidden, Contains, DictJson, MutableItems):
    """What was said. `duration`, `language`, `segments` and `words` are there where the provider tells them."""

    __module__ = "litellm.types.utils"
    _fields = ("text", "usage")
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)

    if TYPE_CHECKING:
        text: str | None
        usage: Any
        duration: float | None
        language: str | None
        segments: list[Any] | None
        words: list[Any] | None

    def __init__(self, text: str | None = None, **params: Any) -> None:
        own = self.__dict__
        own["text"] = text
        own.update(params)
        if isinstance(own.get("usage"), dict):
            own["usage"] = TranscriptionUsage(**own["usage"])


class TranscriptionUsage(MutableItems):
    """What a transcription is billed by: `type` is "duration", with `seconds`, or "tokens"."""

    __module__ = "litellm.types.utils"
    _fields = ("type",)
    _required = _fields

    if TYPE_CHECKING:
        type: str
