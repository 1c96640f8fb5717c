"""From the engine's JSON to response objects. This is the path of every call and every chunk, so it is written for speed:
objects get their `__dict__` whole, and nothing is checked that the engine has checked."""

from __future__ import annotations

from time import time

from .finish import map_finish_reason
from .ids import completion_id
from .message import (
    ChatCompletionAudioResponse,
    ChatCompletionDeltaToolCall,
    Delta,
    Function,
    FunctionCall,
    Message,
    choice_logprobs,
    delta_tool_calls,
    message_tool_call,
)
from .response import Choices, EmbeddingResponse, ModelResponse, ModelResponseStream, StreamingChoices
from .usage import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .meta import Meta

_new = object.__new__
_COUNTS = frozenset(("prompt_tokens", "completion_tokens", "total_tokens"))
_USUAL_MESSAGE = frozenset(("role", "content", "refusal"))
_MESSAGE = frozenset(Message._fields)
_CHOICE = frozenset(Choices._fields) | {"enhancements"}
_RESPONSE = frozenset(ModelResponse._fields) | {"usage"}


def model_response(payload: dict[str, Any], meta: Meta) -> ModelResponse:
    """The response of a completion from a decoded `chat.completion`. `payload` becomes part of it: do not use it again.

    Raises APIError where it is no such object.
    """
    try:
        return _model_response(payload, meta)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise malformed("completion", payload, meta) from error


def malformed(what: str, payload: Any, meta: Meta) -> Exception:
    """The exception for an answer that is not `what` was asked for."""
    from ..exceptions import from_wire

    data = meta.data
    keys = sorted(payload) if isinstance(payload, dict) else type(payload).__name__
    return from_wire(
        {
            "kind": "APIError",
            "message": f"the provider's answer is not a {what}: it has {keys}",
            "status_code": 500,
            "http_status": data.get("status"),
            "headers": data.get("headers"),
            "provider": data.get("provider"),
            "model": meta.model or data.get("model"),
            "request_id": data.get("request_id"),
        }
    )


def _model_response(payload: dict[str, Any], meta: Meta) -> ModelResponse:
    response = _new(ModelResponse)
    own = response.__dict__ = {
        "id": payload.get("id") or completion_id(),
        "created": _created(payload.get("created")),
        "model": payload.get("model"),
        "object": "chat.completion",
        "system_fingerprint": payload.get("system_fingerprint"),
        "choices": [_choice(number, choice) for number, choice in enumerate(payload["choices"])],
        "usage": _usage(payload.get("usage")),
    }
    for name in payload:
        if name not in _RESPONSE:
            own[name] = payload[name]
    response._meta = meta
    return response


def _created(value: Any) -> int:
    if type(value) is int:
        return value
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return int(time())


def _usage(wire: Any) -> Usage:
    if wire is None:
        return Usage()
    if wire.keys() == _COUNTS:
        usage = _new(Usage)
        usage.__dict__ = {
            "completion_tokens": wire["completion_tokens"] or 0,
            "prompt_tokens": wire["prompt_tokens"] or 0,
            "total_tokens": wire["total_tokens"] or 0,
            "completion_tokens_details": None,
            "prompt_tokens_details": None,
        }
        return usage
    return Usage(**wire)


def _choice(number: int, wire: dict[str, Any]) -> Choices:
    message = _message(wire["message"])
    calls = message.__dict__["tool_calls"]
    said = wire.get("finish_reason") or wire.get("finish_details") or "stop"
    # A model that calls a tool and says that it stopped, stopped for the call.
    reason = "tool_calls" if said == "stop" and calls else map_finish_reason(said)
    index = wire.get("index")
    own = {"finish_reason": reason, "index": index if type(index) is int else number, "message": message}
    logprobs = wire.get("logprobs")
    if logprobs is not None:
        own["logprobs"] = choice_logprobs(logprobs)
    extra = wire.get("provider_specific_fields")
    own["provider_specific_fields"] = extra = dict(extra) if extra else {}
    if reason != said and said != "stop":
        extra["native_finish_reason"] = said
    for name in wire:
        if name not in _CHOICE:
            extra[name] = wire[name]
    if wire.get("enhancements") is not None:
        own["enhancements"] = wire["enhancements"]
    choice = _new(Choices)
    choice.__dict__ = own
    return choice


def _message(wire: dict[str, Any]) -> Message:
    own = {
        "content": wire.get("content"),
        "role": wire.get("role") or "assistant",
        "tool_calls": None,
        "function_call": None,
    }
    message = _new(Message)
    message.__dict__ = own
    if wire.keys() <= _USUAL_MESSAGE:
        if "refusal" in wire:
            own["provider_specific_fields"] = {"refusal": wire["refusal"]}
        return message
    if wire.get("tool_calls"):
        own["tool_calls"] = [message_tool_call(call) for call in wire["tool_calls"]]
    if wire.get("function_call") is not None:
        own["function_call"] = FunctionCall(**wire["function_call"])
    audio = wire.get("audio")
    if audio is not None:
        own["audio"] = ChatCompletionAudioResponse(**audio)
    images = wire.get("images")
    if images is not None:
        own["images"] = [
            {**image, "index": number} if isinstance(image, dict) and "index" not in image else image
            for number, image in enumerate(images)
        ]
    for name in ("reasoning_content", "thinking_blocks", "reasoning_items", "annotations"):
        value = wire.get(name)
        if value is not None:
            own[name] = value
    extra = dict(wire.get("provider_specific_fields") or {})
    if "thinking_blocks" in wire:
        extra["thinking_blocks"] = wire["thinking_blocks"]
    for name in wire:
        if name not in _MESSAGE:
            extra[name] = wire[name]
    if extra:
        own["provider_specific_fields"] = extra
    return message


def embedding_response(payload: dict[str, Any], meta: Meta) -> EmbeddingResponse:
    """The response of an embedding from its decoded answer. `payload` becomes part of it: do not use it again.

    Raises APIError where it is none.
    """
    try:
        return _embedding_response(payload, meta)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise malformed("list of embeddings", payload, meta) from error


def _embedding_response(payload: dict[str, Any], meta: Meta) -> EmbeddingResponse:
    response = _new(EmbeddingResponse)
    wire = payload.get("usage") or {}
    usage = {name: wire.get(name) or 0 for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    response.__dict__ = {
        "model": payload.get("model"),
        "data": payload["data"],
        "object": payload.get("object") or "list",
        "usage": _usage({**wire, **usage} if wire.get("prompt_tokens_details") else usage),
    }
    response._meta = meta
    return response


class ChunkFactory:
    """Makes the chunks of one stream.

    `full` takes a CHUNK event's decoded JSON. The other methods make, for the events that carry one string, a chunk that
    equals the last full one but for its delta. One thread at a time.

    `model` stands in where a chunk names none, `meta` is the stream's, `created` the time that all its chunks carry (now, if
    not given): litellm, too, dates chunks itself. With `include_usage=False` a count of tokens that the provider sends
    unasked is not an attribute of its chunk but `_hidden_params["usage"]`, where `stream_chunk_builder` finds it.
    """

    __slots__ = ("_choice", "_created", "_id", "_include_usage", "_meta", "_model", "_top")

    def __init__(self, model: str, meta: Meta, *, created: int | None = None, include_usage: bool = True) -> None:
        self._model = model
        self._meta = meta
        self._created = int(time()) if created is None else created
        self._include_usage = include_usage
        self._id: str | None = None
        self._top: dict[str, Any] = self._fields({})
        self._choice: dict[str, Any] = {"finish_reason": None, "index": 0, "delta": None, "logprobs": None}

    def _fields(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The fields of a chunk's top level, in litellm's order."""
        # A provider that gives no id gets one for the whole stream: programs join the chunks of an answer by it.
        self._id = payload.get("id") or self._id or completion_id()
        own = {
            "id": self._id,
            "created": self._created,
            "model": payload.get("model") or self._model,
            "object": "chat.completion.chunk",
            "system_fingerprint": payload.get("system_fingerprint"),
            "choices": None,
        }
        for name in payload:
            if name not in own and name != "usage":
                own[name] = payload[name]
        return own

    def full(self, payload: dict[str, Any]) -> ModelResponseStream:
        """The chunk of a decoded `chat.completion.chunk`, which becomes part of it.

        A chunk without choices, such as the one that carries the count of tokens, gets one empty choice.
        """
        top = self._fields(payload)
        # `usage` and what else is in one chunk only is not part of the chunks that follow.
        self._top = {name: top[name] for name in top if name != "obfuscation"} if "obfuscation" in top else top
        chunk = _new(ModelResponseStream)
        own = chunk.__dict__ = top.copy()
        wire = payload.get("choices")
        own["choices"] = [_streaming_choice(choice) for choice in wire] if wire else [StreamingChoices()]
        chunk._meta = self._meta
        usage = payload.get("usage")
        if usage is not None:
            if self._include_usage:
                own["usage"] = counted = _usage(usage)
                if "cost" not in counted.__dict__ and _is_last(wire):
                    cost = self._meta.cost(own)
                    if cost is not None:
                        counted.cost = cost
            else:
                chunk._hidden_params["usage"] = _usage(usage)
        return chunk

    def content(self, index: int, text: str) -> ModelResponseStream:
        """A chunk that adds `text` to the content of the choice `index`."""
        delta = _new(Delta)
        delta.__dict__ = {"content": text, "role": None, "function_call": None, "tool_calls": None, "audio": None}
        choice = _new(StreamingChoices)
        choice.__dict__ = {"finish_reason": None, "index": index, "delta": delta, "logprobs": None}
        chunk = _new(ModelResponseStream)
        own = self._top.copy()
        own["choices"] = [choice]
        chunk.__dict__ = own
        chunk._meta = self._meta
        return chunk

    def reasoning(self, index: int, text: str) -> ModelResponseStream:
        """A chunk that adds `text` to the reasoning of the choice `index`."""
        chunk = self.content(index, text)
        own = chunk.__dict__["choices"][0].__dict__["delta"].__dict__
        own["reasoning_content"] = text
        own["content"] = None
        return chunk

    def arguments(self, index: int, slot: int, text: str) -> ModelResponseStream:
        """A chunk that adds `text` to the arguments of the tool call `slot` of the choice `index`."""
        function = _new(Function)
        function.__dict__ = {"arguments": text, "name": None}
        call = _new(ChatCompletionDeltaToolCall)
        call.__dict__ = {"id": None, "function": function, "type": "function", "index": slot}
        chunk = self.content(index, text)
        own = chunk.__dict__["choices"][0].__dict__["delta"].__dict__
        own["content"] = None
        own["tool_calls"] = [call]
        return chunk


def _is_last(choices: Any) -> bool:
    """Whether a chunk with a count of tokens is the one at the end: some providers count in every chunk."""
    return not choices or any(choice.get("finish_reason") for choice in choices)


def _streaming_choice(wire: dict[str, Any]) -> StreamingChoices:
    own = {name: wire[name] for name in wire if name != "message"}
    reason = wire.get("finish_reason")
    own["finish_reason"] = map_finish_reason(reason) if reason else None
    own["index"] = wire.get("index") or 0
    own["delta"] = _delta(wire.get("delta") or {})
    own["logprobs"] = choice_logprobs(wire.get("logprobs"))
    choice = _new(StreamingChoices)
    choice.__dict__ = own
    return choice


def _delta(wire: dict[str, Any]) -> Delta:
    own: dict[str, Any] = {"content": None, "role": None, "function_call": None, "tool_calls": None, "audio": None}
    own.update(wire)
    for name in _ABSENT & wire.keys():
        if own[name] is None:
            del own[name]
    if own["tool_calls"]:
        own["tool_calls"] = delta_tool_calls(own["tool_calls"])
    if own["function_call"] is not None:
        own["function_call"] = FunctionCall(**{"arguments": "", **own["function_call"]})
    delta = _new(Delta)
    delta.__dict__ = own
    return delta


# Parts of a delta that are absent rather than None.
_ABSENT = frozenset(("reasoning_content", "thinking_blocks", "reasoning_items", "annotations", "images"))
