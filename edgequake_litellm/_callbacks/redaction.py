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
    parameters = _concealed(details["optional_params"])
    hidden.update(_concealed({name: details[name] for name in details["optional_params"] if name in details}))
    hidden["optional_params"] = parameters
    if payload is not None:
        answer = {"text": REDACTED} if payload.get("response") else payload.get("response")
        told = {"messages": hidden["messages"], "response": answer}
        if payload.get("model_parameters"):
            told["model_parameters"] = parameters
        hidden["standard_logging_object"] = {**payload, **told}
    return hidden, seen


# Parameters that are a part of what is asked.
_ASKED = frozenset(
    (
        "instructions",
        "suffix",
        "prediction",
        "documents",
        "input",
        "prompt",
        "system",
        "systemInstruction",
        "system_instruction",
    )
)


def _concealed(parameters: dict[str, Any]) -> dict[str, Any]:
    # Google's configuration holds the system's instruction.
    return {
        name: REDACTED
        if name in _ASKED
        else _concealed(value)
        if name == "config" and isinstance(value, dict)
        else value
        for name, value in parameters.items()
    }


def _wanted(item: Any, details: dict[str, Any]) -> bool:
    if details["litellm_params"].get("turn_off_message_logging"):
        return True
    if getattr(item, "turn_off_message_logging", False) is True or getattr(item, "message_logging", True) is False:
        return True
    return bool(getattr(sys.modules[_PACKAGE], "turn_off_message_logging", False))


def _without_content(response: Any) -> Any:
    if response is None:
        return None
    if not hasattr(response, "choices") and getattr(response, "object", None) != "list":
        # Images, sounds, texts of sounds, rankings, responses: all of it is content.
        return {"text": REDACTED}
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
