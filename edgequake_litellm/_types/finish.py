"""Finish reasons: what providers say, in OpenAI's words."""

from __future__ import annotations

_MAP = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "function_call",
    "content_filter": "content_filter",
    # Anthropic
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "compaction": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "content_filtered": "content_filter",
    # Bedrock
    "guardrail_intervened": "content_filter",
    # Cohere
    "COMPLETE": "stop",
    "ERROR": "stop",
    "ERROR_TOXIC": "content_filter",
    # Text generation inference
    "eos": "stop",
    "eos_token": "stop",
    # Gemini and Vertex AI
    "STOP": "stop",
    "FINISH_REASON_UNSPECIFIED": "stop",
    "MALFORMED_FUNCTION_CALL": "stop",
    "MALFORMED_RESPONSE": "stop",
    "MISSING_THOUGHT_SIGNATURE": "stop",
    "TOO_MANY_TOOL_CALLS": "stop",
    "UNEXPECTED_TOOL_CALL": "stop",
    "ESCALATION": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "OTHER": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "IMAGE_OTHER": "content_filter",
    "NO_IMAGE": "content_filter",
    # Zhipu
    "network_error": "stop",
    "sensitive": "content_filter",
    # OpenRouter, when the provider behind it fails
    "error": "stop",
}


def map_finish_reason(reason: str) -> str:
    """The OpenAI finish reason for a provider's; `stop` for one that nobody knows."""
    return _MAP.get(reason, "stop")
