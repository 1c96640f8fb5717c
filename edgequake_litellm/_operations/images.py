"""`image_generation`, `image_edit` and their twins."""

from __future__ import annotations

from .. import _calls
from .._calls import araising, raising
from .._types import image_response
from .arguments import TEN_MINUTES, given

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._types import ImageResponse


@raising
def image_generation(
    prompt: str,
    model: str | None = None,
    n: int | None = None,
    quality: str | None = None,
    response_format: str | None = None,
    size: str | None = None,
    style: str | None = None,
    user: str | None = None,
    timeout: Any = TEN_MINUTES,
    api_key: str | None = None,
    api_base: str | None = None,
    api_version: str | None = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> ImageResponse:
    """Images of what `prompt` says: `data` has each by its `url` or as `b64_json`. Without `model` it is dall-e-2."""
    return _calls.answered(b"image_generation", given(locals()), image_response)


@araising
async def aimage_generation(
    prompt: str,
    model: str | None = None,
    n: int | None = None,
    quality: str | None = None,
    response_format: str | None = None,
    size: str | None = None,
    style: str | None = None,
    user: str | None = None,
    timeout: Any = TEN_MINUTES,
    api_key: str | None = None,
    api_base: str | None = None,
    api_version: str | None = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> ImageResponse:
    """:func:`image_generation` for coroutines."""
    return await _calls.aanswered(b"image_generation", given(locals()), image_response)


@raising
def image_edit(
    image: Any = None,
    prompt: str | None = None,
    model: str | None = None,
    mask: Any = None,
    n: int | None = None,
    quality: str | None = None,
    response_format: str | None = None,
    size: str | None = None,
    user: str | None = None,
    extra_headers: dict[str, Any] | None = None,
    extra_query: dict[str, Any] | None = None,
    extra_body: dict[str, Any] | None = None,
    timeout: Any = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> ImageResponse:
    """Images made of `image` (a file or a list of files) by what `prompt` says; `mask` is a file, too.

    A file is bytes, a path, a file object opened as binary, or a tuple of a name, one of these and perhaps its content type.
    """
    return _calls.answered(b"image_edit", locals(), image_response, ("image", "mask"))


@araising
async def aimage_edit(
    image: Any = None,
    prompt: str | None = None,
    model: str | None = None,
    mask: Any = None,
    n: int | None = None,
    quality: str | None = None,
    response_format: str | None = None,
    size: str | None = None,
    user: str | None = None,
    extra_headers: dict[str, Any] | None = None,
    extra_query: dict[str, Any] | None = None,
    extra_body: dict[str, Any] | None = None,
    timeout: Any = None,
    custom_llm_provider: str | None = None,
    **kwargs: Any,
) -> ImageResponse:
    """:func:`image_edit` for coroutines. The files are read before it waits."""
    return await _calls.aanswered(b"image_edit", locals(), image_response, ("image", "mask"))
