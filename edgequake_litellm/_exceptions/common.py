"""What all exceptions of litellm share: how they are filled, shown, pickled and joined to openai's."""

from __future__ import annotations

import enum
from typing import Any, TypeVar

from . import openai_bases as openai
from .response import Request, Response

C = TypeVar("C", bound=type)

classes: dict[str, type[Any]] = {}


class RateLimitErrorCategory(str, enum.Enum):
    """Who limited the rate: the provider, or this program's own limits."""

    VENDOR_RATE_LIMIT = "vendor_rate_limit"
    VENDOR_BATCH_RATE_LIMIT = "vendor_batch_rate_limit"
    LITELLM_RATE_LIMIT = "litellm_rate_limit"
    LITELLM_BATCH_RATE_LIMIT = "litellm_batch_rate_limit"


class RateLimitType(str, enum.Enum):
    """Which limit was reached."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    CONCURRENT_REQUESTS = "concurrent_requests"
    BUDGET = "budget"
    MAX_ITERATIONS = "max_iterations"


def describe(self: Any) -> str:
    shown: str = self.message
    if getattr(self, "num_retries", None):
        shown += f" LiteLLM Retried: {self.num_retries} times"
    if getattr(self, "max_retries", None):
        shown += f", LiteLLM Max Retries: {self.max_retries}"
    return shown


def _restore(key: Any, args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    """Makes an exception from its state. Pickles name this function: its module, name and arguments are kept for them."""
    openai.adopt()
    cls: Any = classes[key] if isinstance(key, str) else key
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


def _reduce(self: Any) -> Any:
    # By name where the class is one of ours: its `__module__` is litellm's, which a reader need not have.
    cls = type(self)
    return _restore, (cls.__name__ if classes.get(cls.__name__) is cls else cls, self.args, self.__dict__)


def public(cls: C) -> C:
    """Completes a class of litellm's: its module, its pickling, and its base of openai's."""
    made: Any = cls
    made.__module__ = "litellm.exceptions"
    made.__reduce__ = _reduce
    classes[cls.__name__] = cls
    if cls.__bases__[0].__module__ == "openai":
        made.__str__ = made.__repr__ = describe
        openai.register(cls)
    return cls


def start(
    error: Any,
    prefix: str,
    message: Any,
    model: Any,
    llm_provider: Any,
    debug_info: Any,
    max_retries: Any,
    num_retries: Any,
) -> None:
    """The part that all constructors share. It stands in for openai's constructors, which want objects of httpx."""
    openai.adopt()
    error.message = f"litellm.{prefix}: {message}"
    error.args = (error.message,)
    error.model = model
    error.llm_provider = llm_provider
    error.litellm_debug_info = debug_info
    error.max_retries = max_retries
    error.num_retries = num_retries


def set_body(error: Any, body: Any) -> None:
    error.body = body
    known = body if isinstance(body, dict) else {}
    code = known.get("code")
    error.code = None if code is None else str(code)
    error.param = known.get("param")
    error.type = known.get("type")


def set_response(error: Any, response: Any, body: Any = None) -> None:
    set_body(error, body)
    error.response = response
    error.request = request_of(response)
    error.request_id = getattr(response, "headers", {}).get("x-request-id")


def request_of(response: Any) -> Any:
    """The request that `response` answers. httpx raises where there is none, so its own attribute is read."""
    found = response._request if hasattr(response, "_request") else getattr(response, "request", None)
    return Request() if found is None else found


def copy_response(status_code: int, response: Any) -> Response:
    """The answer `response` under the status that the exception stands for."""
    if response is None:
        return Response(status_code)
    return Response(
        status_code, getattr(response, "headers", None), getattr(response, "content", b""), request_of(response)
    )


def has_request(response: Any) -> bool:
    """Whether `response` is an answer to a request: httpx's has none when a program made it by hand, and raises when asked."""
    return isinstance(response, Response) or getattr(response, "_request", None) is not None
