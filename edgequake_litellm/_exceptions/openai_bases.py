"""The bases of the exceptions: openai's where the program has loaded openai, stand-ins until then.

Programs write ``except openai.RateLimitError`` around litellm, whose classes derive from openai's. This package must not
import openai, which costs half a second. So its exceptions derive from the stand-ins below, which mirror openai's tree under
openai's name, and `adopt` swaps them for the real classes the first time that it matters after the program imported openai:
when an error is made, or one that was made before is asked for its class. The classes stay the same objects, so those that
a program holds, or has derived from, stay valid.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class OpenAIError(Exception):
    __module__ = "openai"

    @property
    def __class__(self) -> type[Any]:
        """The class, asked for by `isinstance` among others: of an error from before the import of openai as well.

        `isinstance` looks at this only after it found no base, and only at a class that is not the one it has looked at.
        So the one answer that comes while the bases are swapped is a class derived from the error's own.
        """
        cls = type(self)
        adopt()
        if issubclass(cls, OpenAIError):
            return cls
        return type(cls.__name__, (cls,), {"__module__": cls.__module__, "__qualname__": cls.__qualname__})

    @__class__.setter
    def __class__(self, cls: type[Any]) -> None:
        object.__dict__["__class__"].__set__(self, cls)


class APIError(OpenAIError):
    __module__ = "openai"

    if TYPE_CHECKING:
        message: str
        request: Any
        body: Any
        code: str | None
        param: str | None
        type: str | None
        # What litellm adds: its exceptions are the only heirs that a type checker sees here.
        status_code: int
        model: str | None
        llm_provider: str | None
        litellm_debug_info: str | None
        max_retries: int | None
        num_retries: int | None
        response: Any
        request_id: str | None
        retry_after_ms: int | None


class APIResponseValidationError(APIError):
    __module__ = "openai"


class APIStatusError(APIError):
    __module__ = "openai"


class APIConnectionError(APIError):
    __module__ = "openai"


class APITimeoutError(APIConnectionError):
    __module__ = "openai"


class BadRequestError(APIStatusError):
    __module__ = "openai"


class AuthenticationError(APIStatusError):
    __module__ = "openai"


class PermissionDeniedError(APIStatusError):
    __module__ = "openai"


class NotFoundError(APIStatusError):
    __module__ = "openai"


class UnprocessableEntityError(APIStatusError):
    __module__ = "openai"


class RateLimitError(APIStatusError):
    __module__ = "openai"


class InternalServerError(APIStatusError):
    __module__ = "openai"


_heirs: list[tuple[type[Any], str]] = []
_adopted: Any = None


def register(cls: type[Any]) -> None:
    """Remembers `cls`, whose first base is one of the stand-ins, for `adopt`."""
    _heirs.append((cls, cls.__bases__[0].__name__))


def adopt() -> None:
    """Makes openai's own classes the bases of the registered ones, if the program has loaded openai. Cheap when it has not.

    While another thread is still importing openai, or when it is something else by that name, the stand-ins stay.
    """
    global _adopted  # noqa: PLW0603
    module = sys.modules.get("openai")
    if module is None or module is _adopted:
        return
    bases: list[tuple[Any, Any]] = [(cls, getattr(module, name, None)) for cls, name in _heirs]
    if not all(isinstance(base, type) and issubclass(base, Exception) for _, base in bases):
        return
    # Two threads may both do this; they write the same.
    for cls, base in bases:
        cls.__bases__ = (base,)
    _adopted = module
