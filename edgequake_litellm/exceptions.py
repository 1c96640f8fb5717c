"""litellm's exceptions.

Their constructors, attributes and texts are litellm's. Unlike litellm's they can be pickled and copied, and `response` has the
provider's own status, headers and body where there was an answer. `openai.RateLimitError` and its like catch them in programs
that use openai.
"""

from __future__ import annotations

from typing import Any, Optional

from ._exceptions.common import RateLimitErrorCategory, RateLimitType
from ._exceptions.openai_bases import adopt
from ._exceptions.program import (
    BlockedPiiEntityError,
    BudgetExceededError,
    GuardrailRaisedException,
    MockException,
    ModelNotMappedError,
    OpenAIError,
)
from ._exceptions.provider import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    AuthenticationError,
    BadGatewayError,
    InternalServerError,
    JSONSchemaValidationError,
    MidStreamFallbackError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
    Timeout,
    UnprocessableEntityError,
)
from ._exceptions.request import (
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    ImageFetchError,
    InvalidRequestError,
    LiteLLMUnknownProvider,
    PaymentRequiredError,
    RejectedRequestError,
    UnsupportedParamsError,
    VectorStoreSearchError,
)

__all__ = [
    "LITELLM_EXCEPTION_TYPES",
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "AuthenticationError",
    "BadGatewayError",
    "BadRequestError",
    "BlockedPiiEntityError",
    "BudgetExceededError",
    "ContentPolicyViolationError",
    "ContextWindowExceededError",
    "GuardrailRaisedException",
    "ImageFetchError",
    "InternalServerError",
    "InvalidRequestError",
    "JSONSchemaValidationError",
    "LiteLLMUnknownProvider",
    "MidStreamFallbackError",
    "MockException",
    "ModelNotMappedError",
    "NotFoundError",
    "OpenAIError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "RateLimitErrorCategory",
    "RateLimitType",
    "RejectedRequestError",
    "ServiceUnavailableError",
    "Timeout",
    "UnprocessableEntityError",
    "UnsupportedParamsError",
    "VectorStoreSearchError",
    "from_wire",
]

# How they come to have openai's bases is told in _exceptions/openai_bases.py.
LITELLM_EXCEPTION_TYPES = [
    AuthenticationError,
    NotFoundError,
    BadRequestError,
    UnprocessableEntityError,
    UnsupportedParamsError,
    Timeout,
    PermissionDeniedError,
    RateLimitError,
    ContextWindowExceededError,
    PaymentRequiredError,
    RejectedRequestError,
    ContentPolicyViolationError,
    InternalServerError,
    ServiceUnavailableError,
    BadGatewayError,
    APIError,
    APIConnectionError,
    APIResponseValidationError,
    OpenAIError,
    JSONSchemaValidationError,
]
"""The exceptions that a call may raise; `except tuple(…)` of it catches them all. litellm's list, in its order."""

adopt()


def from_wire(payload: dict[str, Any], *, is_pre_first_chunk: Optional[bool] = None) -> Exception:
    """The exception for an error of the engine, from its decoded error JSON.

    An error in the middle of a stream is a MidStreamFallbackError around what happened, unless it is the caller's own
    mistake (a status of 4xx other than 429), which no other model would forgive either. `is_pre_first_chunk` says whether
    the program has been given no chunk yet; without it, that is taken from whether any text had come.
    """
    from ._exceptions.wire import make

    return make(payload, is_pre_first_chunk)
