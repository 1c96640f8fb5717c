"""An answer of Anthropic's Messages API, as types of dicts.

They are for annotations: an answer is a plain dict, and nothing is checked when one is made.
"""

from __future__ import annotations

from typing import Any, Optional, TypedDict


class AnthropicUsage(TypedDict, total=False):
    """Tokens; those from a cache are no part of `input_tokens`."""

    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int


class AnthropicMessagesResponse(TypedDict, total=False):
    """A message. Each block of `content` is a dict with a `type`."""

    id: str
    type: str
    role: str
    content: list[dict[str, Any]]
    model: str
    stop_reason: Optional[str]
    stop_sequence: Optional[str]
    usage: AnthropicUsage
    container: Optional[dict[str, Any]]
