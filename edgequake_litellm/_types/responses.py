"""The Responses API: its answers, and the events of a streamed one."""

from __future__ import annotations

from enum import Enum

from .base import Contains, DictJson, MutableItems
from .response import Hidden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar


class ResponseObject(Contains, DictJson, MutableItems):
    """Anything inside an answer: an item of its output, a part of an item's content, an annotation.

    It has the members that came; those that OpenAI's kinds of items have beside are None.
    """

    __module__ = "litellm.types.llms.openai"

    if TYPE_CHECKING:
        type: str

    def __init__(self, **data: Any) -> None:
        self.__dict__.update({name: _objects(value) for name, value in data.items()})

    def __getattr__(self, name: str) -> Any:
        # Only for what is not there: what a kind of item may have, and this one has not, is None.
        kind = self.__dict__.get("type")
        if isinstance(kind, str) and name in _OPTIONAL.get(kind, ()):
            return None
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


# Members that are not always sent, by the `type` of what has them. Source: OpenAI's API reference ("Responses").
_OPTIONAL = {
    "message": ("status", "phase"),
    "output_text": ("annotations", "logprobs"),
    "reasoning": ("content", "encrypted_content", "status", "summary"),
    "function_call": ("id", "status", "namespace"),
    "custom_tool_call": ("id", "namespace"),
    "web_search_call": ("action", "status"),
    "file_search_call": ("results", "status"),
    "code_interpreter_call": ("code", "container_id", "outputs", "status"),
    "image_generation_call": ("result", "status"),
    "mcp_call": ("approval_request_id", "error", "output", "status"),
}


def _objects(value: Any) -> Any:
    """`value` with its dicts as objects."""
    if isinstance(value, dict):
        return ResponseObject(**value)
    return [_objects(item) for item in value] if isinstance(value, list) else value


class InputTokensDetails(MutableItems):
    """What the input's tokens were."""

    __module__ = "litellm.types.llms.openai"
    _fields = ("audio_tokens", "cached_tokens", "cached_tokens_details", "image_tokens", "text_tokens", "video_tokens")
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)

    if TYPE_CHECKING:
        cached_tokens: int | None


class OutputTokensDetails(MutableItems):
    """What the output's tokens were spent on."""

    __module__ = "litellm.types.llms.openai"
    _fields = ("audio_tokens", "reasoning_tokens", "text_tokens")
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)

    if TYPE_CHECKING:
        reasoning_tokens: int | None


class ResponseAPIUsage(MutableItems):
    """The tokens of one response."""

    __module__ = "litellm.types.llms.openai"
    _fields = ("input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details", "total_tokens", "cost")
    _required = ("input_tokens", "output_tokens", "total_tokens")
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(("input_tokens_details", "output_tokens_details", "cost"))
    _nested: ClassVar[dict[str, Any]] = {
        "input_tokens_details": InputTokensDetails,
        "output_tokens_details": OutputTokensDetails,
    }

    if TYPE_CHECKING:
        input_tokens: int
        input_tokens_details: InputTokensDetails | None
        output_tokens: int
        output_tokens_details: OutputTokensDetails | None
        total_tokens: int
        cost: float | None


class ResponsesAPIResponse(Hidden, Contains, MutableItems):
    """An answer of the Responses API. `output` is a list of objects of several kinds, told apart by their `type`."""

    __module__ = "litellm.types.llms.openai"
    _fields = (
        "id",
        "created_at",
        "error",
        "incomplete_details",
        "instructions",
        "metadata",
        "model",
        "object",
        "output",
        "parallel_tool_calls",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
        "max_output_tokens",
        "previous_response_id",
        "reasoning",
        "status",
        "text",
        "truncation",
        "usage",
        "user",
        "store",
    )
    _required = ("id", "created_at", "output")
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(
        name for name in _fields if name not in ("id", "created_at", "output")
    )
    _nested: ClassVar[dict[str, Any]] = {"usage": ResponseAPIUsage, "incomplete_details": ResponseObject}

    if TYPE_CHECKING:
        id: str
        created_at: int
        error: dict[str, Any] | None
        incomplete_details: ResponseObject | None
        instructions: Any
        metadata: dict[str, Any] | None
        model: str | None
        object: str | None
        output: list[Any]
        parallel_tool_calls: bool | None
        previous_response_id: str | None
        reasoning: dict[str, Any] | None
        status: str | None
        text: Any
        tool_choice: Any
        tools: list[Any] | None
        usage: ResponseAPIUsage | None

    def __init__(self, **data: Any) -> None:
        if isinstance(data.get("output"), list):
            data["output"] = [_objects(item) for item in data["output"]]
        if isinstance(data.get("created_at"), float):
            data["created_at"] = int(data["created_at"])
        super().__init__(**data)

    @property
    def output_text(self) -> str:
        """The text of all messages in the output, as one."""
        parts: list[str] = []
        for item in self.output:
            if getattr(item, "type", None) == "message":
                parts.extend(part.text for part in item.content or () if getattr(part, "type", None) == "output_text")
        return "".join(parts)


class ResponsesAPIStreamEvents(str, Enum):
    """The kinds of events of a streamed response."""

    __module__ = "litellm.types.llms.openai"

    RESPONSE_CREATED = "response.created"
    RESPONSE_IN_PROGRESS = "response.in_progress"
    RESPONSE_COMPLETED = "response.completed"
    RESPONSE_FAILED = "response.failed"
    RESPONSE_INCOMPLETE = "response.incomplete"
    RESPONSE_PART_ADDED = "response.reasoning_summary_part.added"
    REASONING_SUMMARY_TEXT_DELTA = "response.reasoning_summary_text.delta"
    REASONING_SUMMARY_TEXT_DONE = "response.reasoning_summary_text.done"
    REASONING_SUMMARY_PART_DONE = "response.reasoning_summary_part.done"
    OUTPUT_ITEM_ADDED = "response.output_item.added"
    OUTPUT_ITEM_DONE = "response.output_item.done"
    CONTENT_PART_ADDED = "response.content_part.added"
    CONTENT_PART_DONE = "response.content_part.done"
    OUTPUT_TEXT_DELTA = "response.output_text.delta"
    OUTPUT_TEXT_ANNOTATION_ADDED = "response.output_text.annotation.added"
    OUTPUT_TEXT_DONE = "response.output_text.done"
    REFUSAL_DELTA = "response.refusal.delta"
    REFUSAL_DONE = "response.refusal.done"
    FUNCTION_CALL_ARGUMENTS_DELTA = "response.function_call_arguments.delta"
    FUNCTION_CALL_ARGUMENTS_DONE = "response.function_call_arguments.done"
    CUSTOM_TOOL_CALL_INPUT_DELTA = "response.custom_tool_call_input.delta"
    CUSTOM_TOOL_CALL_INPUT_DONE = "response.custom_tool_call_input.done"
    FILE_SEARCH_CALL_IN_PROGRESS = "response.file_search_call.in_progress"
    FILE_SEARCH_CALL_SEARCHING = "response.file_search_call.searching"
    FILE_SEARCH_CALL_COMPLETED = "response.file_search_call.completed"
    WEB_SEARCH_CALL_IN_PROGRESS = "response.web_search_call.in_progress"
    WEB_SEARCH_CALL_SEARCHING = "response.web_search_call.searching"
    WEB_SEARCH_CALL_COMPLETED = "response.web_search_call.completed"
    MCP_LIST_TOOLS_IN_PROGRESS = "response.mcp_list_tools.in_progress"
    MCP_LIST_TOOLS_COMPLETED = "response.mcp_list_tools.completed"
    MCP_LIST_TOOLS_FAILED = "response.mcp_list_tools.failed"
    MCP_CALL_IN_PROGRESS = "response.mcp_call.in_progress"
    MCP_CALL_ARGUMENTS_DELTA = "response.mcp_call_arguments.delta"
    MCP_CALL_ARGUMENTS_DONE = "response.mcp_call_arguments.done"
    MCP_CALL_COMPLETED = "response.mcp_call.completed"
    MCP_CALL_FAILED = "response.mcp_call.failed"
    IMAGE_GENERATION_PARTIAL_IMAGE = "image_generation.partial_image"
    ERROR = "error"


class ResponseEvent(Contains, DictJson, MutableItems):
    """An event of a streamed response. Its `type` is one of :class:`ResponsesAPIStreamEvents`, or a text where it is a newer one."""

    __module__ = "litellm.types.llms.openai"
    _fields = ("type",)
    _required = _fields

    if TYPE_CHECKING:
        type: Any
        response: ResponsesAPIResponse
        delta: Any
        item: Any

    def __init__(self, **data: Any) -> None:
        own = self.__dict__
        for name, value in data.items():
            own[name] = _objects(value)
        response = data.get("response")
        if isinstance(response, dict):
            own["response"] = ResponsesAPIResponse(**response)
        own["type"] = _KINDS.get(data["type"], data["type"])


_KINDS: dict[str, ResponsesAPIStreamEvents] = {kind.value: kind for kind in ResponsesAPIStreamEvents}


class GenericEvent(ResponseEvent):
    """An event of a kind that this package does not know by name."""

    __module__ = "litellm.types.llms.openai"


def _event(name: str) -> Any:
    # A class for each kind: programs tell events apart by isinstance, too.
    body = {
        "__module__": "litellm.types.llms.openai",
        "__doc__": f"An event of a streamed response: see {name} in the API.",
    }
    return type(name, (ResponseEvent,), body)


_NAMES = {
    "RESPONSE_CREATED": "ResponseCreatedEvent",
    "RESPONSE_IN_PROGRESS": "ResponseInProgressEvent",
    "RESPONSE_COMPLETED": "ResponseCompletedEvent",
    "RESPONSE_FAILED": "ResponseFailedEvent",
    "RESPONSE_INCOMPLETE": "ResponseIncompleteEvent",
    "RESPONSE_PART_ADDED": "ResponsePartAddedEvent",
    "ERROR": "ErrorEvent",
    "IMAGE_GENERATION_PARTIAL_IMAGE": "ImageGenerationPartialImageEvent",
}


def _class_name(kind: ResponsesAPIStreamEvents) -> str:
    """litellm's name of the class: OUTPUT_TEXT_DELTA is OutputTextDeltaEvent."""
    words = kind.name.split("_")
    return _NAMES.get(kind.name) or "".join("MCP" if word == "MCP" else word.title() for word in words) + "Event"


EVENTS: dict[str, Any] = {kind.value: _event(_class_name(kind)) for kind in ResponsesAPIStreamEvents}
"""The class of each kind of event."""


def response_event(payload: dict[str, Any]) -> ResponseEvent:
    """The event of its decoded JSON, which becomes part of it."""
    made: ResponseEvent = EVENTS.get(payload["type"], GenericEvent)(**payload)
    return made
