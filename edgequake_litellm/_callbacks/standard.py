"""litellm's standard logging object: one call as plain data, the same whatever the provider."""

from __future__ import annotations

# All at once, and in the thread of the call: a fork must not find another thread in the middle of an import.
from .._binary import HttpxBinaryResponseContent
from .._costs import completion_cost, cost_per_token
from .._facts import get_model_info
from ..types.router import PRICES
from ..types.utils import CallTypes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from .._types.logged import (
        CostBreakdown,
        StandardLoggingModelInformation,
        StandardLoggingPayload,
        StandardLoggingPayloadErrorInformation,
    )

    Details = dict[str, Any]


def call_type(name: str) -> Any:
    """litellm's enum member for the function `name`."""
    return CallTypes(name)


def cost_of(response: Any, details: Details) -> float | None:
    """What a call cost in US dollars, or None where nobody knows."""
    prices = {name: details["litellm_params"].get(name) for name in PRICES}
    custom = prices if None not in prices.values() else None
    try:
        return completion_cost(
            completion_response=response,
            model=details["model"],
            custom_llm_provider=details["custom_llm_provider"],
            call_type=details["call_type"],
            custom_cost_per_token=custom,
            optional_params=details["optional_params"],
            prompt=details["input"] if details["call_type"].endswith("speech") else "",
        )
    except Exception:
        return None


def logging_object(details: Details, response: Any) -> StandardLoggingPayload:
    """The object for a call that has ended, with `response`, or with `details["exception"]` where that is None."""
    error = details.get("exception")
    usage = _usage(response)
    parameters = details["litellm_params"]
    metadata = parameters["metadata"]
    started, ended = _seconds(details["start_time"]), _seconds(details["end_time"])
    cost = details.get("response_cost") or 0.0
    hidden = dict(getattr(response, "_hidden_params", None) or {})
    return {
        "id": getattr(response, "id", None) or details["litellm_call_id"],
        "litellm_call_id": details["litellm_call_id"],
        "trace_id": details["litellm_trace_id"],
        "session_id": parameters.get("litellm_session_id") or "",
        "call_type": details["call_type"],
        "stream": details["stream"],
        "status": "success" if error is None else "failure",
        "status_fields": {"llm_api_status": "success" if error is None else "failure", "guardrail_status": "not_run"},
        "custom_llm_provider": details["custom_llm_provider"],
        "model": metadata.get("deployment") or details["model"],
        "model_id": details["model_id"] or (metadata.get("model_info") or {}).get("id") or "",
        "model_group": metadata.get("model_group") or "",
        "model_map_information": _model_facts(details)
        if error is None
        else {"model_map_key": "", "model_map_value": None},
        "model_parameters": details["optional_params"] if error is None else {},
        "api_base": details["litellm_params"]["api_base"],
        "metadata": {**metadata, "usage_object": usage, "requester_metadata": metadata or None},  # type: ignore[typeddict-item]  # the program's
        "request_tags": list(tags) if isinstance(tags := metadata.get("tags"), (list, tuple)) else [],
        "end_user": details["user"],
        "messages": details["messages"],
        "response": _dumped(response),
        "prompt_tokens": usage.get("prompt_tokens") or 0,
        "completion_tokens": usage.get("completion_tokens") or 0,
        "total_tokens": usage.get("total_tokens") or 0,
        "response_cost": cost,
        "cost_breakdown": None
        if error is not None or details.get("response_cost") is None
        else _breakdown(details, usage, cost),
        "response_cost_failure_debug_info": None,
        "saved_cache_cost": (cost_of(response, details) or 0.0) if details.get("cache_hit") else 0.0,
        "cache_hit": details.get("cache_hit") if error is None else False,
        "cache_key": hidden.get("cache_key"),
        "startTime": started,
        "endTime": ended,
        "completionStartTime": _seconds(details["completion_start_time"]),
        "response_time": _seconds(details["completion_start_time"]) - started if details["stream"] else ended - started,
        "hidden_params": {
            "model_id": hidden.get("model_id"),
            "cache_key": hidden.get("cache_key"),
            "api_base": hidden.get("api_base"),
            "response_cost": cost,
            "litellm_overhead_time_ms": hidden.get("litellm_overhead_time_ms"),
            "additional_headers": hidden.get("additional_headers") or {},
            "litellm_model_name": hidden.get("litellm_model_name"),
            "usage_object": None,
        },
        "error_str": None if error is None else str(error),
        "error_information": _error(error),
        "guardrail_information": None,
        "standard_built_in_tools_params": {"web_search_options": details["optional_params"].get("web_search_options")},
        "requester_ip_address": None,
        "user_agent": None,
    }


def _dumped(response: Any) -> Details:
    if isinstance(response, HttpxBinaryResponseContent):
        told = response.response
        content_type = told.headers.get("content-type", "application/octet-stream")
        return {"object": "binary", "content_type": content_type, "num_bytes": len(told.content)}
    dumped: Details = response.model_dump() if hasattr(response, "model_dump") else {}
    return dumped


def _usage(response: Any) -> Details:
    usage = getattr(response, "usage", None)
    if usage is None:
        return {}
    dumped: Details = usage.model_dump() if hasattr(usage, "model_dump") else dict(usage)
    if "prompt_tokens" not in dumped:
        # The newer names, of responses, images and sounds.
        dumped["prompt_tokens"] = dumped.get("input_tokens")
        dumped["completion_tokens"] = dumped.get("output_tokens")
    return dumped


def _seconds(moment: datetime) -> float:
    return moment.timestamp()


def _model_facts(details: Details) -> StandardLoggingModelInformation:
    try:
        facts = get_model_info(details["model"], details["custom_llm_provider"])
    except Exception:
        return {"model_map_key": details["model"], "model_map_value": None}
    return {"model_map_key": facts.get("key") or details["model"], "model_map_value": facts}  # type: ignore[typeddict-item]  # of the table


def _breakdown(details: Details, usage: Details, total: float) -> CostBreakdown:
    try:
        asked, answered = cost_per_token(
            model=details["model"],
            prompt_tokens=usage.get("prompt_tokens") or 0,
            completion_tokens=usage.get("completion_tokens") or 0,
            custom_llm_provider=details["custom_llm_provider"],
        )
    except Exception:
        asked, answered = total, 0.0
    return {
        "input_cost": asked,
        "output_cost": answered,
        "tool_usage_cost": 0.0,
        "original_cost": total,
        "discount_percent": 0.0,
        "discount_amount": 0.0,
        "margin_percent": 0.0,
        "margin_fixed_amount": 0.0,
        "margin_total_amount": 0.0,
        "total_cost": total,
    }


def _error(error: BaseException | None) -> StandardLoggingPayloadErrorInformation:
    if error is None:
        return {"error_code": "", "error_class": "", "error_message": "", "llm_provider": "", "traceback": ""}
    return {
        "error_code": str(getattr(error, "status_code", "")),
        "error_class": type(error).__name__,
        "error_message": str(error),
        "llm_provider": getattr(error, "llm_provider", None) or "",
        "error_provider_request_id": getattr(error, "request_id", None),
        "traceback": "",
    }
