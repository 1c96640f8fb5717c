"""What a callback sees where the program wants its messages kept from logs: everything but what was asked and answered."""

from __future__ import annotations

import sys
from copy import deepcopy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

REDACTED = "redacted-by-litellm"
_PACKAGE = __package__.partition(".")[0]


def apply(item: Any, details: dict[str, Any], response: Any) -> tuple[dict[str, Any], Any]:
    """The dict and the answer for the callback `item`: themselves, or copies without content where it shall see none."""
    if not _wanted(item, details):
        return details, response
    hidden = {
        **details,
        "messages": [{"role": "user", "content": REDACTED}],
        "input": "",
        "original_response": REDACTED,
        "additional_args": {**details["additional_args"], "complete_input_dict": REDACTED},
    }
    seen = _without_content(response)
    for name in ("complete_streaming_response", "async_complete_streaming_response"):
        if name in details:
            hidden[name] = seen
    payload = details.get("standard_logging_object")
    if payload is not None:
        answer = {"text": REDACTED} if payload.get("response") else payload.get("response")
        hidden["standard_logging_object"] = {**payload, "messages": hidden["messages"], "response": answer}
    return hidden, seen


def _wanted(item: Any, details: dict[str, Any]) -> bool:
    if details["litellm_params"].get("turn_off_message_logging"):
        return True
    if getattr(item, "turn_off_message_logging", False) is True or getattr(item, "message_logging", True) is False:
        return True
    return bool(getattr(sys.modules[_PACKAGE], "turn_off_message_logging", False))


def _without_content(response: Any) -> Any:
    if response is None:
        return None
    made = deepcopy(response)
    for choice in getattr(made, "choices", None) or ():
        message = getattr(choice, "message", None)
        if message is None:
            choice.text = REDACTED
            continue
        message.content = REDACTED
        for name in ("reasoning_content", "thinking_blocks", "tool_calls", "function_call", "audio"):
            if getattr(message, name, None) is not None:
                setattr(message, name, None)
    if getattr(made, "object", None) == "list" and hasattr(made, "data"):
        made.data = []
    return made
