"""Messages and deltas, and the tool calls in them."""

from __future__ import annotations

from . import interop
from .base import Contains, DictJson, Forgiving, Items, Model, MutableItems
from .ids import uuid4

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

_ROLES = ("assistant", "user", "system", "tool", "function")


class FunctionCall(Model):
    """The function call of a message, in the form that tools have replaced."""

    __module__ = "litellm.types.utils"
    _fields = ("arguments", "name")
    _required = ("arguments",)
    _defaults: ClassVar[dict[str, Any]] = {"name": None}

    if TYPE_CHECKING:
        arguments: str
        name: str | None


class Function(Contains, MutableItems):
    """The function that a tool call names. `arguments` is JSON text; a dict is made that."""

    __module__ = "litellm.types.utils"
    _fields = ("arguments", "name")
    _required = ("arguments", "name")

    if TYPE_CHECKING:
        arguments: str
        name: str | None

    def __init__(self, arguments: Any = None, name: str | None = None, **params: Any) -> None:
        if arguments is None:
            arguments = params.get("parameters")
            if not isinstance(arguments, dict):
                arguments = ""
        if isinstance(arguments, dict):
            import json

            arguments = json.dumps(arguments)
        own = self.__dict__
        own["arguments"] = arguments
        own["name"] = name


class ChatCompletionMessageToolCall(Contains, MutableItems):
    """A tool call of a whole message. Without an `id` it gets one, without a `type` it is a function."""

    __module__ = "litellm.types.utils"

    if TYPE_CHECKING:
        function: Function
        id: str
        type: str

    def __init__(self, function: Any, id: str | None = None, type: str | None = None, **params: Any) -> None:
        own = self.__dict__
        own.update(params)
        own["function"] = Function(**function) if isinstance(function, dict) else function
        own["id"] = uuid4() if id is None else id
        own["type"] = "function" if type is None else type


class ChatCompletionDeltaToolCall(Contains, MutableItems):
    """A piece of a tool call. Only the first piece of a call has its `id` and the function's name."""

    __module__ = "litellm.types.utils"
    _fields = ("id", "function", "type", "index")
    _required = ("function", "index")
    _defaults: ClassVar[dict[str, Any]] = {"id": None, "type": None}
    _nested: ClassVar[dict[str, Any]] = {"function": Function}

    if TYPE_CHECKING:
        id: str | None
        function: Function
        type: str | None
        index: int


class ChatCompletionCustomToolCallPayload(Contains, MutableItems):
    __module__ = "litellm.types.utils"
    _fields = ("name", "input")
    _required = _fields

    if TYPE_CHECKING:
        name: str
        input: str


class ChatCompletionDeltaCustomToolCallPayload(Contains, MutableItems):
    __module__ = "litellm.types.utils"
    _fields = ("name", "input")
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)

    if TYPE_CHECKING:
        name: str | None
        input: str | None


class ChatCompletionMessageCustomToolCall(Contains, MutableItems):
    """A call of a custom tool, whose input is free text."""

    __module__ = "litellm.types.utils"
    _fields = ("id", "type", "custom")
    _required = ("id", "custom")
    _defaults: ClassVar[dict[str, Any]] = {"type": "custom"}
    _nested: ClassVar[dict[str, Any]] = {"custom": ChatCompletionCustomToolCallPayload}

    if TYPE_CHECKING:
        id: str
        type: str
        custom: ChatCompletionCustomToolCallPayload


class ChatCompletionDeltaCustomToolCall(Contains, MutableItems):
    """A piece of a call of a custom tool."""

    __module__ = "litellm.types.utils"
    _fields = ("id", "type", "custom", "index")
    _required = ("custom", "index")
    _defaults: ClassVar[dict[str, Any]] = {"id": None, "type": None}
    _nested: ClassVar[dict[str, Any]] = {"custom": ChatCompletionDeltaCustomToolCallPayload}

    if TYPE_CHECKING:
        id: str | None
        type: str | None
        custom: ChatCompletionDeltaCustomToolCallPayload
        index: int


class ChatCompletionAudioResponse(Contains, MutableItems):
    """Audio in a message: base64 `data`, its `transcript`, and until when the provider knows its `id`."""

    __module__ = "litellm.types.utils"
    _fields = ("id", "data", "expires_at", "transcript")
    _required = _fields

    if TYPE_CHECKING:
        id: str
        data: str
        expires_at: int
        transcript: str

    def __init__(self, data: str, expires_at: int, transcript: str, id: str | None = None, **params: Any) -> None:
        fields = {"id": uuid4() if id is None else id, "data": data, "expires_at": expires_at, "transcript": transcript}
        super().__init__(**fields, **params)


def _is_custom(call: dict[str, Any]) -> bool:
    return call.get("type") == "custom" or call.get("custom") is not None


def message_tool_call(call: Any) -> Any:
    """The tool call of a message from its dict; an object stays what it is."""
    if not isinstance(call, dict):
        return call
    if not _is_custom(call):
        return ChatCompletionMessageToolCall(**call)
    known = {name: value for name, value in call.items() if value is not None or name not in ("function", "type")}
    return ChatCompletionMessageCustomToolCall(**known)


def delta_tool_calls(calls: Any) -> Any:
    """The tool calls of a delta from their dicts. A call without an `index` is numbered, one without a `type` is a function."""
    if not isinstance(calls, (list, tuple)):
        return calls
    made: list[Any] = []
    numbered = 0
    for given in calls:
        if not isinstance(given, dict):
            if isinstance(given, (ChatCompletionDeltaToolCall, ChatCompletionDeltaCustomToolCall)):
                made.append(given)
            continue
        call = dict(given)
        if call.get("index") is None:
            call["index"] = numbered
            numbered += 1
        if _is_custom(call):
            if call.get("function", call) is None:
                del call["function"]
            made.append(ChatCompletionDeltaCustomToolCall(**call))
        else:
            if call.get("type") is None:
                call["type"] = "function"
            made.append(ChatCompletionDeltaToolCall(**call))
    return made


class Message(Forgiving, DictJson, MutableItems):
    """A message of a model. A part that the model did not send is absent: reading it raises AttributeError.

    What the provider sent beyond the known parts is in `provider_specific_fields`.
    """

    __module__ = "litellm.types.utils"
    _fields = (
        "content",
        "role",
        "tool_calls",
        "function_call",
        "audio",
        "images",
        "reasoning_content",
        "thinking_blocks",
        "reasoning_items",
        "provider_specific_fields",
        "annotations",
    )
    _required = ("content", "role", "tool_calls", "function_call")
    _defaults: ClassVar[dict[str, Any]] = {"provider_specific_fields": None}

    if TYPE_CHECKING:
        content: str | None
        role: str
        tool_calls: list[Any] | None
        function_call: FunctionCall | None
        audio: ChatCompletionAudioResponse
        images: list[dict[str, Any]]
        reasoning_content: str
        thinking_blocks: list[dict[str, Any]]
        reasoning_items: list[dict[str, Any]]
        provider_specific_fields: dict[str, Any] | None
        annotations: list[dict[str, Any]]

    def __init__(
        self,
        content: str | None = None,
        role: str = "assistant",
        function_call: Any = None,
        tool_calls: Any = None,
        audio: Any = None,
        images: Any = None,
        provider_specific_fields: dict[str, Any] | None = None,
        reasoning_content: str | None = None,
        thinking_blocks: Any = None,
        reasoning_items: Any = None,
        annotations: Any = None,
        **params: Any,
    ) -> None:
        if content is not None and not isinstance(content, str):
            raise interop.invalid("Message", "string_type", "content", content)
        role = role or "assistant"
        if role not in _ROLES:
            expected = "'{}' or '{}'".format("', '".join(_ROLES[:-1]), _ROLES[-1])
            raise interop.invalid("Message", "literal_error", "role", role, expected=expected)
        own = self.__dict__
        own["content"] = content
        own["role"] = role
        own["tool_calls"] = [message_tool_call(call) for call in tool_calls] if tool_calls else None
        own["function_call"] = FunctionCall(**function_call) if isinstance(function_call, dict) else function_call
        if audio is not None:
            own["audio"] = ChatCompletionAudioResponse(**audio) if isinstance(audio, dict) else audio
        if images is not None:
            own["images"] = images
        if reasoning_content is not None:
            own["reasoning_content"] = reasoning_content
        if thinking_blocks is not None:
            own["thinking_blocks"] = thinking_blocks
        if reasoning_items is not None:
            own["reasoning_items"] = reasoning_items
        if provider_specific_fields:
            own["provider_specific_fields"] = provider_specific_fields
        if annotations is not None:
            own["annotations"] = annotations
        if params:
            own.update(params)


class Delta(Forgiving, Contains, MutableItems):
    """What a chunk adds to a message. `content`, `role`, `function_call`, `tool_calls` and `audio` are always there, or None."""

    __module__ = "litellm.types.utils"
    _fields = ("reasoning_content", "thinking_blocks", "reasoning_items", "provider_specific_fields")
    _defaults: ClassVar[dict[str, Any]] = {"provider_specific_fields": None}

    if TYPE_CHECKING:
        content: str | None
        role: str | None
        function_call: FunctionCall | None
        tool_calls: list[Any] | None
        audio: Any
        images: list[dict[str, Any]]
        reasoning_content: str
        thinking_blocks: list[dict[str, Any]]
        reasoning_items: list[dict[str, Any]]
        provider_specific_fields: dict[str, Any] | None
        annotations: list[dict[str, Any]]

    def __init__(
        self,
        content: Any = None,
        role: str | None = None,
        function_call: Any = None,
        tool_calls: Any = None,
        audio: Any = None,
        images: Any = None,
        reasoning_content: str | None = None,
        thinking_blocks: Any = None,
        reasoning_items: Any = None,
        annotations: Any = None,
        **params: Any,
    ) -> None:
        if reasoning_content is None and "reasoning" in params:
            reasoning_content = params.pop("reasoning")
        own = self.__dict__
        if reasoning_content is not None:
            own["reasoning_content"] = reasoning_content
        if thinking_blocks is not None:
            own["thinking_blocks"] = thinking_blocks
        if reasoning_items is not None:
            own["reasoning_items"] = reasoning_items
        if params:
            own.update(params)
        own["content"] = content
        own["role"] = role
        own["function_call"] = FunctionCall(**function_call) if isinstance(function_call, dict) else function_call
        own["tool_calls"] = delta_tool_calls(tool_calls) if tool_calls else tool_calls
        own["audio"] = audio
        if images:
            own["images"] = images
        if annotations is not None:
            own["annotations"] = annotations


class TopLogprob(Model):
    """A token that could have stood at a place, and the logarithm of its probability."""

    __module__ = "litellm.types.utils"
    _fields = ("token", "bytes", "logprob")
    _required = ("token", "logprob")
    _defaults: ClassVar[dict[str, Any]] = {"bytes": None}

    if TYPE_CHECKING:
        token: str
        bytes: list[int] | None
        logprob: float


class ChatCompletionTokenLogprob(Contains, Items):
    """A token of the answer, the logarithm of its probability, and the likeliest tokens at its place."""

    __module__ = "litellm.types.utils"
    _fields = ("token", "bytes", "logprob", "top_logprobs")
    _required = ("token", "logprob", "top_logprobs")
    _defaults: ClassVar[dict[str, Any]] = {"bytes": None}
    _nested: ClassVar[dict[str, Any]] = {"top_logprobs": TopLogprob}

    if TYPE_CHECKING:
        token: str
        bytes: list[int] | None
        logprob: float
        top_logprobs: list[TopLogprob]

    @classmethod
    def _adopt(cls, name: str, value: Any) -> Any:
        return super()._adopt(name, [] if value is None else value)


class ChoiceLogprobs(Contains, Items):
    """The log probabilities of a choice's tokens."""

    __module__ = "litellm.types.utils"
    _fields = ("content",)
    _defaults: ClassVar[dict[str, Any]] = {"content": None}
    _nested: ClassVar[dict[str, Any]] = {"content": ChatCompletionTokenLogprob}

    if TYPE_CHECKING:
        content: list[ChatCompletionTokenLogprob] | None


def choice_logprobs(value: Any) -> Any:
    """`value` as ChoiceLogprobs where it is a dict."""
    return ChoiceLogprobs(**value) if isinstance(value, dict) else value
