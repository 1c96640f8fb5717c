"""From the engine's errors to litellm's exceptions. Loaded with the first error."""

from __future__ import annotations

from typing import Any, Optional

from .common import classes
from .program import BudgetExceededError
from .provider import APIError, JSONSchemaValidationError, MidStreamFallbackError, Timeout
from .request import LiteLLMUnknownProvider
from .response import Response

# Providers whose errors litellm maps by rules of their own. Those of all others go through OpenAI's, and their texts name the
# class once more.
_OWN_RULES = frozenset(
    (
        "ai21",
        "anthropic",
        "anthropic_text",
        "bedrock",
        "cloudflare",
        "cohere",
        "cohere_chat",
        "databricks",
        "gemini",
        "huggingface",
        "jina_ai",
        "nlp_cloud",
        "ollama",
        "ollama_chat",
        "replicate",
        "sagemaker",
        "sagemaker_chat",
        "vertex_ai",
        "vertex_ai_beta",
        "voyage",
        "watsonx",
    )
)
_OPENAI = frozenset(("openai", "custom_openai"))
_AZURE = frozenset(("azure", "azure_text"))
# Found before anything is sent: the text is ours and names no provider's exception.
_OURS = frozenset(
    ("UnsupportedParamsError", "BudgetExceededError", "JSONSchemaValidationError", "LiteLLMUnknownProvider")
)
_MAY_RETRY = 429
# What the engine calls it when no deployment of a router's group is to be had.
_NOBODY = "no_deployments_available"
# The classes that are made of an answer.
_OF_ANSWERS = frozenset(
    (
        "AuthenticationError",
        "BadGatewayError",
        "BadRequestError",
        "ContentPolicyViolationError",
        "ContextWindowExceededError",
        "ImageFetchError",
        "InternalServerError",
        "NotFoundError",
        "PaymentRequiredError",
        "PermissionDeniedError",
        "RateLimitError",
        "ServiceUnavailableError",
        "UnprocessableEntityError",
        "UnsupportedParamsError",
    )
)
_KINDS = _OF_ANSWERS | _OURS | {"APIConnectionError", "APIResponseValidationError", "Timeout"}


def make(payload: dict[str, Any], is_pre_first_chunk: Optional[bool]) -> Exception:
    """See `edgequake_litellm.exceptions.from_wire`."""
    error: Exception = _plain(payload)
    if not payload.get("mid_stream"):
        return error
    status = getattr(error, "status_code", None) or 500
    if 400 <= status < 500 and status != _MAY_RETRY:
        return error
    generated = payload.get("generated") or ""
    wrapper = MidStreamFallbackError(
        str(error),
        model=payload.get("model") or "",
        llm_provider=payload.get("provider") or "",
        original_exception=error,
        response=getattr(error, "response", None),
        generated_content=generated,
        is_pre_first_chunk=not generated if is_pre_first_chunk is None else is_pre_first_chunk,
    )
    wrapper.__cause__ = error
    _complete(wrapper, payload, getattr(error, "body", None))
    return wrapper


def _plain(payload: dict[str, Any]) -> Any:
    """The exception of the class that the engine names."""
    kind = payload.get("kind")
    if kind not in _KINDS:  # of an engine newer than this file
        kind = "APIError"
    model, provider = payload.get("model") or None, payload.get("provider") or None
    status = payload.get("status_code")
    text = payload.get("body")
    body = _body(text)
    response = Response(
        payload.get("http_status") or status or 500,
        payload.get("headers"),
        text.encode("utf-8", "replace") if isinstance(text, str) else b"",
    )
    message = _message(kind, provider, payload)
    error: Any
    if kind == "RateLimitError" and payload.get("code") == _NOBODY:
        from ..types.router import RouterRateLimitError

        error = RouterRateLimitError(model or "", (payload.get("retry_after_ms") or 0) / 1000, False, [])
    elif kind in _OF_ANSWERS:
        error = classes[kind](message=message, model=model, llm_provider=provider, response=response)
    elif kind in ("APIConnectionError", "APIResponseValidationError"):
        error = classes[kind](message, provider, model)
    elif kind == "Timeout":
        error = Timeout(message, model, provider, exception_status_code=status)
    elif kind == "BudgetExceededError":
        met = body if isinstance(body, dict) else {}
        spent, limit = met.get("used", 0.0), met.get("max", 0.0)
        error = BudgetExceededError(spent, limit, message, provider, met.get("per"), met.get("value"))
    elif kind == "JSONSchemaValidationError":
        error = JSONSchemaValidationError(model or "", provider or "", text or "", "")
        error.message = "litellm.JSONSchemaValidationError: " + message
    elif kind == "LiteLLMUnknownProvider":
        error = LiteLLMUnknownProvider(model or "", provider)
        error.message = "litellm.BadRequestError: " + message
    else:
        error = APIError(status or 500, message, provider, model)
    if payload.get("http_status") is not None or payload.get("headers"):
        error.response = response
    if kind == "ContentPolicyViolationError" and isinstance(body, dict) and "innererror" in body:
        # Which of Azure's filters it was. litellm gives it under both names.
        error.provider_specific_fields = {"innererror": body["innererror"], "inner_error": body["innererror"]}
    if kind != "BudgetExceededError" and isinstance(status, int):
        error.status_code = status
    error.litellm_debug_info = f"\nModel: {model}"
    _complete(error, payload, body)
    return error


def _complete(error: Any, payload: dict[str, Any], body: Any) -> None:
    """What litellm puts on an exception after it has made it, and what the engine knows beyond that."""
    error.body = body
    # Some classes say by themselves what their code and type are.
    for name in ("code", "type", "param"):
        if getattr(error, name, None) is None:
            setattr(error, name, payload.get(name))
    error.request_id = payload.get("request_id")
    error.litellm_response_headers = Response(0, payload.get("headers")).headers
    error.retry_after_ms = payload.get("retry_after_ms")
    attempts = payload.get("attempts") or 0
    if attempts > 1:
        error.num_retries = attempts - 1
        error.max_retries = payload.get("num_retries")


def _message(kind: str, provider: Optional[str], payload: dict[str, Any]) -> str:
    """The message with litellm's prefix of the provider, from which programs learn what kind of error it is."""
    message: str = payload.get("message") or ""
    if not provider or kind in _OURS:
        return message
    if provider in _AZURE:
        if kind == "ContentPolicyViolationError":
            return message
        return "AzureException {}- {}".format("" if kind == "BadRequestError" else kind + " ", message)
    who = ("OpenAI" if provider in _OPENAI else provider[0].upper() + provider[1:]) + "Exception"
    if provider in _OWN_RULES or kind == "BadRequestError" or payload.get("custom"):
        return f"{who} - {message}"
    if kind == "NotFoundError" and payload.get("code") == "model_not_found":
        return f"{who} - {message}"
    return "{}: {} - {}".format("Timeout Error" if kind == "Timeout" else kind, who, message)


def _body(text: Any) -> Any:
    """The provider's body as openai's library hands it out: decoded, and of an object with `error` that."""
    if not isinstance(text, str):
        return text
    import json

    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        return text or None
    return decoded.get("error", decoded) if isinstance(decoded, dict) else decoded
