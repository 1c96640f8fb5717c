"""Requests that cannot be right: BadRequestError and what derives from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from . import openai_bases as openai
from .common import has_request, public, set_response, start
from .response import Response

if TYPE_CHECKING:
    from collections.abc import Sequence


@public
class BadRequestError(openai.BadRequestError):
    """400: the provider does not accept the request, or it was not sent because it cannot be right."""

    def __init__(
        self,
        message: Any,
        model: Any,
        llm_provider: Any,
        response: Any = None,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
        body: Any = None,
    ) -> None:
        self.status_code = 400
        start(self, "BadRequestError", message, model, llm_provider, litellm_debug_info, max_retries, num_retries)
        set_response(self, response if has_request(response) else Response(400), body)


@public
class ContextWindowExceededError(BadRequestError):
    """400: the messages are longer than the model can read."""

    def __init__(
        self,
        message: Any,
        model: Any,
        llm_provider: Any,
        response: Any = None,
        litellm_debug_info: Optional[str] = None,
    ) -> None:
        super().__init__(message, model, llm_provider, response, litellm_debug_info)
        self.message = "litellm.ContextWindowExceededError: " + self.message


@public
class ContentPolicyViolationError(BadRequestError):
    """400: the provider's content policy forbids the request. `provider_specific_fields` may say which part of it."""

    def __init__(
        self,
        message: Any,
        model: Any,
        llm_provider: Any,
        response: Any = None,
        litellm_debug_info: Optional[str] = None,
        provider_specific_fields: Optional[dict[str, Any]] = None,
        body: Any = None,
    ) -> None:
        text = f"litellm.ContentPolicyViolationError: {message}"
        super().__init__(text, model, llm_provider, response, litellm_debug_info, body=body)
        self.provider_specific_fields = provider_specific_fields


@public
class UnsupportedParamsError(BadRequestError):
    """400: the model has no such parameter. `drop_params=True` leaves it out instead."""

    def __init__(
        self,
        message: Any,
        llm_provider: Optional[str] = None,
        model: Optional[str] = None,
        status_code: int = 400,
        response: Any = None,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
    ) -> None:
        super().__init__(message, model, llm_provider, response, litellm_debug_info, max_retries, num_retries)
        self.message = f"litellm.UnsupportedParamsError: {message}"
        self.args = (self.message,)


@public
class PaymentRequiredError(BadRequestError):
    """402: the account has no money left."""

    def __init__(
        self,
        message: Any,
        model: Any,
        llm_provider: Any,
        response: Any = None,
        litellm_debug_info: Optional[str] = None,
    ) -> None:
        answer = response if has_request(response) else Response(402)
        super().__init__(message, model, llm_provider, answer, litellm_debug_info)
        self.status_code = 402
        self.message = f"litellm.PaymentRequiredError: {message}"


@public
class ImageFetchError(BadRequestError):
    """400: an image of a message could not be fetched."""

    def __init__(
        self,
        message: Any,
        model: Any = None,
        llm_provider: Any = None,
        response: Any = None,
        litellm_debug_info: Optional[str] = None,
        max_retries: Optional[int] = None,
        num_retries: Optional[int] = None,
        body: Any = None,
    ) -> None:
        super().__init__(message, model, llm_provider, response, litellm_debug_info, max_retries, num_retries, body)


@public
class VectorStoreSearchError(BadRequestError):
    """400: some of the vector stores of a request could not be searched. `failures` says which, and why."""

    def __init__(
        self, failures: Sequence[Any], model: Optional[str] = None, llm_provider: Optional[str] = None
    ) -> None:
        self.failures = tuple(failures)
        detail = "; ".join("{}: {}".format(failure["vector_store_id"], failure["error"]) for failure in self.failures)
        super().__init__(
            f"{len(self.failures)} vector store searches failed: {detail}",
            model,
            llm_provider,
            body={"type": "invalid_request_error", "code": "vector_store_search_failed"},
        )


@public
class RejectedRequestError(BadRequestError):
    """400: a rule of the program refused the request. `request_data` is the request."""

    def __init__(
        self,
        message: Any,
        model: Any,
        llm_provider: Any,
        request_data: dict[str, Any],
        litellm_debug_info: Optional[str] = None,
    ) -> None:
        text = f"litellm.RejectedRequestError: {message}"
        super().__init__(text, model, llm_provider, litellm_debug_info=litellm_debug_info)
        self.request_data = request_data


@public
class LiteLLMUnknownProvider(BadRequestError):
    """400: there is no such provider for this kind of call."""

    def __init__(self, model: str, custom_llm_provider: Optional[str] = None) -> None:
        text = "There is no provider for this call. You passed model=%s, custom_llm_provider=%s. Write the model as %s."
        super().__init__(text % (model, custom_llm_provider, "'provider/model'"), model, custom_llm_provider)


@public
class InvalidRequestError(openai.BadRequestError):
    """The name that BadRequestError had once."""

    def __init__(self, message: Any, model: Any, llm_provider: Any) -> None:
        self.status_code = 400
        start(self, "InvalidRequestError", message, model, llm_provider, None, None, None)
        self.message = message
        self.args = (message,)
        set_response(self, Response(400))
