"""What providers answer, and what happens on the way to them."""

from __future__ import annotations

from typing import Any, Optional, Union

from . import openai_bases as openai
from .common import (
    RateLimitErrorCategory,
    RateLimitType,
    copy_response,
    describe,
    public,
    set_body,
    set_response,
    start,
)
from .response import Request, Response


@public
class AuthenticationError(openai.AuthenticationError):
    """401: the key is missing or wrong."""

    def __init__(
        self,
        message: Any,
        llm_provider: Any,
        model: Any,
        response: Any = None,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
    ) -> None:
        self.status_code = 401
        start(self, "AuthenticationError", message, model, llm_provider, litellm_debug_info, max_retries, num_retries)
        set_response(self, response or Response(401))


@public
class PermissionDeniedError(openai.PermissionDeniedError):
    """403: the key may not do this."""

    def __init__(
        self,
        message: Any,
        llm_provider: Any,
        model: Any,
        response: Any,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
    ) -> None:
        self.status_code = 403
        start(self, "PermissionDeniedError", message, model, llm_provider, litellm_debug_info, max_retries, num_retries)
        set_response(self, response)


@public
class NotFoundError(openai.NotFoundError):
    """404: there is no such model, deployment or address."""

    def __init__(
        self,
        message: Any,
        model: Any,
        llm_provider: Any,
        response: Any = None,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
    ) -> None:
        self.status_code = 404
        start(self, "NotFoundError", message, model, llm_provider, litellm_debug_info, max_retries, num_retries)
        set_response(self, response or Response(404))


@public
class UnprocessableEntityError(openai.UnprocessableEntityError):
    """422: the provider understood the request and cannot do it."""

    def __init__(
        self,
        message: Any,
        model: Any,
        llm_provider: Any,
        response: Any,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
    ) -> None:
        self.status_code = 422
        start(
            self, "UnprocessableEntityError", message, model, llm_provider, litellm_debug_info, max_retries, num_retries
        )
        set_response(self, response)


@public
class Timeout(openai.APITimeoutError):
    """408, or the provider's 504: there was no answer in time."""

    status_code: int

    def __init__(
        self,
        message: Any,
        model: Any,
        llm_provider: Any,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
        headers: Optional[dict[str, Any]] = None,
        exception_status_code: Optional[int] = None,
        response: Any = None,
    ) -> None:
        self.status_code = exception_status_code or 408
        start(self, "Timeout", message, model, llm_provider, litellm_debug_info, max_retries, num_retries)
        self.headers = headers
        set_body(self, None)
        self.request = Request()
        if response is not None:
            self.response = response


@public
class RateLimitError(openai.RateLimitError):
    """429: too much was asked. `category` says by whose limit, `rate_limit_type` by which."""

    def __init__(
        self,
        message: Any,
        llm_provider: Any,
        model: Any,
        response: Any = None,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
        category: Union[str, RateLimitErrorCategory] = RateLimitErrorCategory.VENDOR_RATE_LIMIT,
        rate_limit_type: Union[str, RateLimitType, None] = None,
        headers: Optional[dict[str, Any]] = None,
        detail: Any = None,
        body: Any = None,
    ) -> None:
        self.status_code = 429
        start(self, "RateLimitError", message, model, llm_provider, litellm_debug_info, max_retries, num_retries)
        self.category = category.value if isinstance(category, RateLimitErrorCategory) else category
        limit = rate_limit_type
        self.rate_limit_type = limit.value if isinstance(limit, RateLimitType) else limit
        # What a proxy may hand on to its own clients: never the provider's headers by themselves.
        self.headers = {name: str(value) for name, value in headers.items()} if headers else None
        self.detail = self.message if detail is None else detail
        set_response(self, copy_response(429, response), body)
        self.code = "429"
        self.type = "throttling_error"


@public
class InternalServerError(openai.InternalServerError):
    """500: the provider failed."""

    def __init__(
        self,
        message: Any,
        llm_provider: Any,
        model: Any,
        response: Any = None,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
        body: Any = None,
    ) -> None:
        self.status_code = 500
        start(self, "InternalServerError", message, model, llm_provider, litellm_debug_info, max_retries, num_retries)
        set_response(self, copy_response(500, response), body)
        self.type = "internal_server_error"


@public
class BadGatewayError(openai.APIStatusError):
    """502: something before the provider had no good answer from it."""

    def __init__(
        self,
        message: Any,
        llm_provider: Any,
        model: Any,
        response: Any = None,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
    ) -> None:
        self.status_code = 502
        start(self, "BadGatewayError", message, model, llm_provider, litellm_debug_info, max_retries, num_retries)
        set_response(self, copy_response(502, response))


@public
class ServiceUnavailableError(openai.APIStatusError):
    """503: the provider is overloaded or down."""

    def __init__(
        self,
        message: Any,
        llm_provider: Any,
        model: Any,
        response: Any = None,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
    ) -> None:
        self.status_code = 503
        start(
            self, "ServiceUnavailableError", message, model, llm_provider, litellm_debug_info, max_retries, num_retries
        )
        set_response(self, copy_response(503, response))


@public
class MidStreamFallbackError(ServiceUnavailableError):
    """A stream failed after it had begun.

    `original_exception` is what happened, whose status this has; `generated_content` the text that had come;
    `is_pre_first_chunk` whether the program had not been given any of it yet, so that another model can start afresh.
    """

    def __init__(
        self,
        message: str,
        model: str,
        llm_provider: str,
        original_exception: Optional[BaseException] = None,
        response: Any = None,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
        generated_content: str = "",
        is_pre_first_chunk: bool = False,
    ) -> None:
        super().__init__(message, llm_provider, model, response, litellm_debug_info, max_retries, num_retries)
        status = getattr(original_exception, "status_code", None)
        self.status_code = 503 if status is None else int(status)
        self.message = f"litellm.MidStreamFallbackError: {message}"
        self.args = (self.message,)
        set_response(self, Response(self.status_code) if response is None else response)
        self.original_exception = original_exception
        self.generated_content = generated_content
        self.is_pre_first_chunk = is_pre_first_chunk

    def __str__(self) -> str:
        shown = describe(self)
        if self.original_exception is not None:
            shown += f" Original exception: {type(self.original_exception).__name__}: {self.original_exception}"
        return shown

    __repr__ = __str__


@public
class APIError(openai.APIError):
    """Any other failure of the provider, with its status."""

    def __init__(
        self,
        status_code: int,
        message: Any,
        llm_provider: Any,
        model: Any,
        request: Any = None,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
        body: Any = None,
    ) -> None:
        self.status_code = status_code
        start(self, "APIError", message, model, llm_provider, litellm_debug_info, max_retries, num_retries)
        set_body(self, body)
        self.request = Request() if request is None else request


@public
class APIConnectionError(openai.APIConnectionError):
    """500: there was no connection, or it was lost."""

    def __init__(
        self,
        message: Any,
        llm_provider: Any,
        model: Any,
        request: Any = None,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
    ) -> None:
        self.status_code = 500
        start(self, "APIConnectionError", message, model, llm_provider, litellm_debug_info, max_retries, num_retries)
        set_body(self, None)
        self.request = Request() if request is None else request


@public
class APIResponseValidationError(openai.APIResponseValidationError):
    """500: the provider answered something that is not an answer."""

    def __init__(
        self,
        message: Any,
        llm_provider: Any,
        model: Any,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
    ) -> None:
        start(
            self,
            "APIResponseValidationError",
            message,
            model,
            llm_provider,
            litellm_debug_info,
            max_retries,
            num_retries,
        )
        set_body(self, None)
        self.response = Response(500)
        self.request = self.response.request
        self.status_code = 500


@public
class JSONSchemaValidationError(APIResponseValidationError):
    """500: the answer does not follow the schema that was asked for. `raw_response` is the answer, `schema` the schema."""

    def __init__(self, model: str, llm_provider: str, raw_response: str, schema: str) -> None:
        self.raw_response = raw_response
        self.schema = schema
        text = "model=%s, returned an invalid response=%s, for schema=%s.\nAccess raw response with `e.raw_response`"
        super().__init__(text % (model, raw_response, schema), llm_provider, model)
        self.message = "litellm.JSONSchemaValidationError: " + text % (model, raw_response, schema)
