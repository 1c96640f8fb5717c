"""What the local provider answers to a chat without a script: the same answer to the same request, on every machine.

It says back what it was told, calls a tool that the prompt speaks of, reports what a tool answered, and fills a JSON
Schema, so that a program can be run through all its branches without a model.
"""

from __future__ import annotations

import json
import re
from typing import Any, List, Mapping, Optional, Tuple

from ._schema import Hints, UnsupportedSchema, instance
from ._script import Choice, Json, Reply, tool_call
from ._tokens import split_tokens
from ._validation import refuse

# Choice i of a request with the seed s begins with the (s + i)th, so that neither choices nor seeds look the same.
OPENINGS = ("You said: ", "I heard: ", "You wrote: ", "Understood: ", "Noted: ", "Received: ")

# What a content part that is no text leaves in the text.
_PARTS = {"image_url": "[image]", "input_audio": "[audio]", "file": "[file]"}
# Words of tools' names that say nothing of what a prompt must speak of.
_VERBS = {
    "call", "create", "current", "fetch", "find", "for", "get", "list", "look", "lookup", "make", "read", "run", "search",
    "set", "the", "tool", "and", "with",
}  # fmt: skip


def text_of(content: Any) -> str:
    """The text of a message's content, which is a string, null or an array of parts."""
    if not isinstance(content, list):
        return content or ""
    parts = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in ("text", "refusal", *_PARTS):
            raise refuse(
                "Invalid value for 'messages': a content part has an unknown type.", "messages", "invalid_value"
            )
        parts.append(str(part.get(kind, "")) if kind in ("text", "refusal") else _PARTS[str(kind)])
    return " ".join(parts)


def default_reply(body: Json) -> Reply:
    """The answer to ``body``, which has been checked."""
    messages: List[Mapping[str, Any]] = body["messages"]
    last = messages[-1]
    count = body.get("n") or 1
    if last["role"] in ("tool", "function"):
        return Reply([_text_choice(body, _report(messages)) for _ in range(count)])
    spoken = next((message for message in reversed(messages) if message["role"] == "user"), last)
    prompt = text_of(spoken.get("content"))
    called = _called(body, prompt) if last["role"] == "user" else None
    if called is not None:
        return Reply([called] * count)
    structured = _structured(body, prompt)
    first = body.get("seed") or 0
    return Reply(
        [
            _text_choice(
                body, structured if structured is not None else OPENINGS[(first + index) % len(OPENINGS)] + prompt
            )
            for index in range(count)
        ]
    )


def _text_choice(body: Json, text: str) -> Choice:
    """``text`` as a choice, ended by ``stop`` and by the limit of tokens."""
    reason = "stop"
    stops = body.get("stop") or []
    for stop in [stops] if isinstance(stops, str) else stops:
        if stop:
            text = text.partition(stop)[0]
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    tokens = split_tokens(text)
    if limit is not None and len(tokens) > limit:
        text, reason = "".join(tokens[:limit]), "length"
    return Choice(text, finish_reason=reason)


def _report(messages: List[Mapping[str, Any]]) -> str:
    """What the tools answered, from the messages at the end."""
    names = {
        call.get("id"): (call.get("function") or call.get("custom") or {}).get("name")
        for message in messages
        for call in message.get("tool_calls") or []
    }
    lines: List[str] = []
    for message in reversed(messages):
        if message["role"] not in ("tool", "function"):
            break
        name = message.get("name") or names.get(message.get("tool_call_id"))
        lines.insert(0, f"{name} answered: {text_of(message.get('content'))}")
    return "\n".join(lines)


def _structured(body: Json, prompt: str) -> Optional[str]:
    """The JSON text that ``response_format`` asks for."""
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_object":
        return json.dumps({"answer": prompt}, ensure_ascii=False)
    if wanted.get("type") == "json_schema":
        schema = wanted["json_schema"].get("schema", {})
        return json.dumps(_instance(schema, prompt, "response_format"), ensure_ascii=False)
    return None


def _instance(schema: Any, prompt: str, param: str) -> Any:
    try:
        return instance(schema, Hints(prompt))
    except UnsupportedSchema as error:
        raise refuse(
            f"Invalid schema in '{param}': {error}. The local provider makes up no value for it; "
            "script the answer with LocalProvider.reply().",
            param,
            "invalid_schema",
        ) from None


def _called(body: Json, prompt: str) -> Optional[Choice]:
    """The call of a tool, if one is demanded or the prompt speaks of one."""
    if body.get("functions"):
        return _legacy_called(body, prompt)
    tools = [tool["function"] for tool in body.get("tools") or [] if tool["type"] == "function"]
    tools, demanded = _allowed(tools, body.get("tool_choice"))
    chosen = [tool for tool in tools if _speaks_of(prompt, tool)]
    if not chosen and demanded:
        chosen = tools[:1]
    if body.get("parallel_tool_calls") is False:
        chosen = chosen[:1]
    if not chosen:
        return None
    return Choice(tool_calls=[tool_call(tool["name"], _arguments(tool, prompt, "tools")) for tool in chosen])


def _legacy_called(body: Json, prompt: str) -> Optional[Choice]:
    functions, demand = body["functions"], body.get("function_call")
    if demand == "none":
        return None
    if isinstance(demand, dict):
        chosen = [function for function in functions if function.get("name") == demand.get("name")]
        if not chosen:
            raise refuse(
                f"Function '{demand.get('name')}' not found in 'functions' parameter.", "function_call", "invalid_value"
            )
    else:
        chosen = [function for function in functions if _speaks_of(prompt, function)]
    if not chosen:
        return None
    call = tool_call(chosen[0]["name"], _arguments(chosen[0], prompt, "functions"))["function"]
    return Choice(function_call=call)


def _allowed(tools: List[Json], choice: Any) -> Tuple[List[Json], bool]:
    """The tools that ``tool_choice`` leaves, and whether one of them must be called."""
    if choice == "none":
        return [], False
    if not isinstance(choice, dict):
        return tools, choice == "required"
    if choice.get("type") == "allowed_tools":
        allowed = choice.get("allowed_tools") or {}
        names = [(tool.get("function") or {}).get("name") for tool in allowed.get("tools") or []]
        return [tool for tool in tools if tool["name"] in names], allowed.get("mode") == "required"
    name = (choice.get("function") or {}).get("name")
    return [tool for tool in tools if tool["name"] == name], True


def _arguments(tool: Json, prompt: str, param: str) -> Json:
    made = _instance(tool.get("parameters") or {"type": "object", "properties": {}}, prompt, param)
    if not isinstance(made, dict):
        raise refuse("Invalid schema for a tool: its 'parameters' must be an object.", param, "invalid_schema")
    return made


def _speaks_of(prompt: str, tool: Json) -> bool:
    """Whether the prompt has a word that begins as one of the tool's name or of its parameters' names does."""
    properties = (tool.get("parameters") or {}).get("properties") or {}
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", " ".join([tool["name"], *properties]))
    stems = {word.lower()[:5] for word in words if len(word) > 2 and word.lower() not in _VERBS}
    return any(word.startswith(tuple(stems)) for word in re.findall(r"\w+", prompt.lower())) if stems else False
