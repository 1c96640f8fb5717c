"""What the program itself forbids, does not know, or makes up for a test."""

from __future__ import annotations

from typing import Any, Optional

from . import openai_bases as openai
from .common import RateLimitErrorCategory, RateLimitType, public, set_body, start
from .response import Request


@public
class BudgetExceededError(Exception):
    """The program has spent what it allowed itself."""

    def __init__(
        self,
        current_cost: float,
        max_budget: float,
        message: Optional[str] = None,
        llm_provider: Optional[str] = None,
        entity_type: Optional[str] = None,
        entity_id: Optional[str] = None,
    ) -> None:
        self.current_cost = current_cost
        self.max_budget = max_budget
        self.status_code = 422
        self.llm_provider = llm_provider or ""
        self.entity_type = entity_type
        self.entity_id = entity_id
        self.category = RateLimitErrorCategory.LITELLM_RATE_LIMIT.value
        self.rate_limit_type = RateLimitType.BUDGET.value
        costs = (current_cost, max_budget)
        self.message = message or "Budget has been exceeded! Current cost: {}, Max budget: {}".format(*costs)
        super().__init__(self.message)


@public
class ModelNotMappedError(Exception):
    """The table of models does not know the model."""


@public
class GuardrailRaisedException(Exception):
    """A guardrail refused a request, or could not judge it; `blocked_content` tells the two apart."""

    def __init__(
        self,
        guardrail_name: Optional[str] = None,
        message: str = "",
        should_wrap_with_default_message: bool = True,
        status_code: int = 400,
        blocked_content: bool = False,
    ) -> None:
        self.guardrail_name = guardrail_name
        self.status_code = status_code
        self.blocked_content = blocked_content
        wrapped = f"Guardrail raised an exception, Guardrail: {guardrail_name}, Message: {message}"
        self.message = wrapped if should_wrap_with_default_message else message
        super().__init__(self.message)


@public
class BlockedPiiEntityError(Exception):
    """A guardrail found personal data of a forbidden kind."""

    def __init__(self, entity_type: str, guardrail_name: Optional[str] = None, status_code: int = 400) -> None:
        self.entity_type = entity_type
        self.guardrail_name = guardrail_name
        self.status_code = status_code
        text = "Blocked entity detected: %s by Guardrail: %s. It may not be part of this request."
        self.message = text % (entity_type, guardrail_name)
        super().__init__(self.message)


@public
class OpenAIError(openai.OpenAIError):
    """An error of openai's library, without more."""

    message = ""

    def __init__(self, original_exception: Any = None) -> None:
        openai.adopt()
        super().__init__()
        self.llm_provider = "openai"


@public
class MockException(openai.APIError):
    """What tests raise."""

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
    ) -> None:
        self.status_code = status_code
        start(self, "MockException", message, model, llm_provider, litellm_debug_info, max_retries, num_retries)
        set_body(self, None)
        self.request = Request() if request is None else request
