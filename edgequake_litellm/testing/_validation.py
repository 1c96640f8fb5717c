"""The checks that make the local provider refuse what OpenAI's API refuses: status 400 and an `error` object."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ._script import Error, Json

_ROLES = ("developer", "system", "user", "assistant", "tool", "function")
_FUNCTION_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MAX_INPUTS = 2048


class Refused(Exception):
    """The request is answered with ``error`` instead."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error


def refuse(message: str, param: Optional[str], code: Optional[str] = None, status: int = 400) -> Refused:
    return Refused(Error(status, message, type="invalid_request_error", param=param, code=code))


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


Check = Tuple[Callable[[Any], bool], str]

_CHAT_PARAMETERS: Dict[str, Check] = {
    "n": (lambda value: _whole(value) and 1 <= value <= 128, "an integer from 1 to 128"),
    "max_tokens": (lambda value: _whole(value) and value >= 1, "an integer of at least 1"),
    "max_completion_tokens": (lambda value: _whole(value) and value >= 1, "an integer of at least 1"),
    "temperature": (lambda value: _number(value) and 0 <= value <= 2, "a number from 0 to 2"),
    "top_p": (lambda value: _number(value) and 0 <= value <= 1, "a number from 0 to 1"),
    "presence_penalty": (lambda value: _number(value) and -2 <= value <= 2, "a number from -2 to 2"),
    "frequency_penalty": (lambda value: _number(value) and -2 <= value <= 2, "a number from -2 to 2"),
    "stop": (
        lambda value: isinstance(value, str) or (_strings(value) and len(value) <= 4),
        "a string or an array of at most 4 strings",
    ),
    "seed": (_whole, "an integer"),
    "stream": (lambda value: isinstance(value, bool), "a boolean"),
    "stream_options": (lambda value: isinstance(value, dict), "an object"),
    "logprobs": (lambda value: isinstance(value, bool), "a boolean"),
    "top_logprobs": (lambda value: _whole(value) and 0 <= value <= 20, "an integer from 0 to 20"),
    "tools": (lambda value: isinstance(value, list) and len(value) > 0, "an array with at least one tool"),
    "functions": (lambda value: isinstance(value, list) and len(value) > 0, "an array with at least one function"),
    "parallel_tool_calls": (lambda value: isinstance(value, bool), "a boolean"),
    "response_format": (
        lambda value: isinstance(value, dict) and value.get("type") in ("text", "json_object", "json_schema"),
        "an object with the type 'text', 'json_object' or 'json_schema'",
    ),
    "user": (lambda value: isinstance(value, str), "a string"),
}
_EMBEDDING_PARAMETERS: Dict[str, Check] = {
    "dimensions": (lambda value: _whole(value) and value >= 1, "an integer of at least 1"),
    "encoding_format": (lambda value: value in ("float", "base64"), "'float' or 'base64'"),
    "user": (lambda value: isinstance(value, str), "a string"),
}
# A parameter of the first column means nothing without that of the second.
_NEEDS = (
    ("stream_options", "stream"),
    ("top_logprobs", "logprobs"),
    ("tool_choice", "tools"),
    ("parallel_tool_calls", "tools"),
    ("function_call", "functions"),
)


def _check_parameters(body: Json, checks: Mapping[str, Check]) -> None:
    for name, (accepts, expected) in checks.items():
        value = body.get(name)
        if value is not None and not accepts(value):
            raise refuse(f"Invalid value for '{name}': expected {expected}.", name, "invalid_value")


def _check_model(body: Json) -> None:
    model = body.get("model")
    if model is None or model == "":
        raise refuse("Missing required parameter: 'model'.", "model", "missing_required_parameter")
    if not isinstance(model, str):
        raise refuse("Invalid type for 'model': expected a string.", "model", "invalid_type")


def check_chat(body: Json) -> None:
    """Raises :class:`Refused` unless ``body`` is a request for a chat completion."""
    _check_model(body)
    messages = body.get("messages")
    if messages is None:
        raise refuse("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    if not isinstance(messages, list) or not messages:
        raise refuse(
            "Invalid value for 'messages': expected an array with at least one message.", "messages", "invalid_value"
        )
    _check_messages(messages)
    _check_parameters(body, _CHAT_PARAMETERS)
    for name, needed in _NEEDS:
        if body.get(name) is not None and not body.get(needed):
            raise refuse(f"The '{name}' parameter is only allowed with '{needed}'.", name, "invalid_value")
    _check_tools(body)
    if (body.get("response_format") or {}).get("type") == "json_schema":
        given = body["response_format"].get("json_schema")
        param = "response_format.json_schema"
        if not isinstance(given, dict) or not isinstance(given.get("name"), str):
            raise refuse(f"Missing required parameter: '{param}.name'.", f"{param}.name", "missing_required_parameter")
        if not isinstance(given.get("schema", {}), dict):
            raise refuse(f"Invalid type for '{param}.schema': expected an object.", f"{param}.schema", "invalid_type")


def _check_messages(messages: List[Any]) -> None:
    calls: List[Any] = []
    for index, message in enumerate(messages):
        param = f"messages[{index}]"
        if not isinstance(message, dict):
            raise refuse(f"Invalid type for '{param}': expected an object.", param, "invalid_type")
        role, content = message.get("role"), message.get("content")
        if role not in _ROLES:
            raise refuse(
                f"Invalid value for '{param}.role': expected one of {', '.join(_ROLES)}.",
                f"{param}.role",
                "invalid_value",
            )
        if not isinstance(content, (str, list, type(None))):
            raise refuse(
                f"Invalid type for '{param}.content': expected a string or an array of parts.",
                f"{param}.content",
                "invalid_type",
            )
        if role == "tool":
            if message.get("tool_call_id") not in calls:
                raise refuse(
                    f"Invalid value for '{param}.tool_call_id': a message of the role 'tool' must answer a call in "
                    "'tool_calls' of the assistant's message before it.",
                    f"{param}.tool_call_id",
                )
        else:
            asked = message.get("tool_calls") or []
            if not isinstance(asked, list) or not all(isinstance(call, dict) for call in asked):
                raise refuse(
                    f"Invalid type for '{param}.tool_calls': expected an array.", f"{param}.tool_calls", "invalid_type"
                )
            calls = [call.get("id") for call in asked]


def _check_tools(body: Json) -> None:
    names = []
    for index, tool in enumerate(body.get("tools") or []):
        param = f"tools[{index}]"
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind not in ("function", "custom") or not isinstance(tool.get(kind), dict):
            raise refuse(
                f"Invalid value for '{param}': expected {{'type': 'function', 'function': {{…}}}}.",
                param,
                "invalid_value",
            )
        name = tool[kind].get("name")
        if not isinstance(name, str) or _FUNCTION_NAME.fullmatch(name) is None:
            raise refuse(
                f"Invalid value for '{param}.{kind}.name': expected 1 to 64 letters, digits, underscores or dashes.",
                f"{param}.{kind}.name",
                "invalid_value",
            )
        names.append(name)
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in ("function", "custom"):
        named = (choice.get(choice["type"]) or {}).get("name")
        if named not in names:
            raise refuse(f"Tool choice '{named}' not found in 'tools' parameter.", "tool_choice", "invalid_value")
    elif choice is not None and choice not in ("none", "auto", "required") and not isinstance(choice, dict):
        raise refuse(
            "Invalid value for 'tool_choice': expected 'none', 'auto', 'required' or an object.",
            "tool_choice",
            "invalid_value",
        )


def check_embeddings(body: Json) -> List[Any]:
    """The inputs of a request for embeddings, each a string or an array of tokens; or raises :class:`Refused`."""
    _check_model(body)
    if body.get("input") is None:
        raise refuse("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    given = body["input"]
    inputs = given if isinstance(given, list) and not (given and all(map(_whole, given))) else [given]
    for each in inputs:
        tokens = isinstance(each, list) and all(_whole(token) and token >= 0 for token in each)
        if not (isinstance(each, str) or tokens) or not each:
            raise refuse(
                "Invalid value for 'input': expected a string or an array of tokens, or an array of those, none of them empty.",
                "input",
                "invalid_value",
            )
    if not 1 <= len(inputs) <= MAX_INPUTS:
        raise refuse(f"Invalid value for 'input': expected 1 to {MAX_INPUTS} inputs.", "input", "invalid_value")
    _check_parameters(body, _EMBEDDING_PARAMETERS)
    return inputs
