"""The messages and tools of OpenAI's protocol, as types of dicts.

They are for annotations: a message is a plain dict, and nothing is checked when one is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

from ..._binary import HttpxBinaryResponseContent
from ..._types import (
    ChatCompletionAudioResponse,
    OpenAIModerationResponse,
    OpenAIModerationResult,
    ResponseAPIUsage,
    ResponsesAPIResponse,
    ResponsesAPIStreamEvents,
)
from ..._types.kept import FileDeleted, OpenAIFileObject
from ..._types.responses import EVENTS, GenericEvent, InputTokensDetails, OutputTokensDetails

# pydantic refuses typing's own before Python 3.12, and whoever has pydantic has this one.
if TYPE_CHECKING:
    from typing import TypedDict
else:
    try:
        from typing_extensions import TypedDict
    except ImportError:
        from typing import TypedDict

__all__ = [
    "AllMessageValues",
    "ChatCompletionAnnotation",
    "ChatCompletionAnnotationURLCitation",
    "ChatCompletionAssistantMessage",
    "ChatCompletionAssistantToolCall",
    "ChatCompletionAudioObject",
    "ChatCompletionAudioResponse",
    "ChatCompletionCachedContent",
    "ChatCompletionDeveloperMessage",
    "ChatCompletionFileObject",
    "ChatCompletionFileObjectFile",
    "ChatCompletionFunctionMessage",
    "ChatCompletionImageObject",
    "ChatCompletionImageUrlObject",
    "ChatCompletionInputAudio",
    "ChatCompletionReasoningItem",
    "ChatCompletionRedactedThinkingBlock",
    "ChatCompletionSystemMessage",
    "ChatCompletionTextObject",
    "ChatCompletionThinkingBlock",
    "ChatCompletionToolCallChunk",
    "ChatCompletionToolCallFunctionChunk",
    "ChatCompletionToolMessage",
    "ChatCompletionToolParam",
    "ChatCompletionToolParamFunctionChunk",
    "ChatCompletionUsageBlock",
    "ChatCompletionUserMessage",
    "ChatCompletionVideoObject",
    "FileDeleted",
    "GenericEvent",
    "HttpxBinaryResponseContent",
    "ImageURLListItem",
    "ImageURLObject",
    "InputTokensDetails",
    "OpenAIFileObject",
    "OpenAIMessageContent",
    "OpenAIMessageContentListBlock",
    "OpenAIModerationResponse",
    "OpenAIModerationResult",
    "OutputTokensDetails",
    "ResponseAPIUsage",
    "ResponsesAPIResponse",
    "ResponsesAPIStreamEvents",
]

# ResponseCreatedEvent, OutputTextDeltaEvent and their kin: a class for each kind of event.
globals().update({event.__name__: event for event in EVENTS.values()})


# A dict type with optional keys extends one with the required keys: Python 3.9 has no other way to say it.


class _CachedContent(TypedDict):
    type: Literal["ephemeral"]


class ChatCompletionCachedContent(_CachedContent, total=False):
    """Marks a part of a prompt for the provider's cache."""

    ttl: Literal["5m", "1h"]


class _Text(TypedDict):
    type: Literal["text"]
    text: str


class ChatCompletionTextObject(_Text, total=False):
    """A part of a message that is text."""

    cache_control: ChatCompletionCachedContent


class ImageURLObject(TypedDict, total=False):
    """Where an image is, and how closely it is looked at."""

    url: str
    detail: Optional[str]


class ChatCompletionImageUrlObject(TypedDict, total=False):
    """Where an image is, how closely it is looked at, and its type."""

    url: str
    detail: str
    format: str


class ChatCompletionImageObject(TypedDict):
    """A part of a message that is an image."""

    type: Literal["image_url"]
    image_url: Union[str, ChatCompletionImageUrlObject]


class ImageURLListItem(TypedDict):
    """An image that a model made."""

    image_url: ImageURLObject
    index: int
    type: Literal["image_url"]


class ChatCompletionInputAudio(TypedDict):
    """Sound in base64."""

    data: str
    format: Literal["wav", "mp3"]


class ChatCompletionAudioObject(TypedDict):
    """A part of a message that is sound."""

    type: Literal["input_audio"]
    input_audio: ChatCompletionInputAudio


class ChatCompletionVideoObject(TypedDict):
    """A part of a message that is a video."""

    type: Literal["video_url"]
    video_url: Union[str, dict[str, Any]]


class ChatCompletionFileObjectFile(TypedDict, total=False):
    """A file: its content, or the id that the provider gave it."""

    file_data: str
    file_id: str
    filename: str
    format: str
    detail: str
    video_metadata: dict[str, Any]


class ChatCompletionFileObject(TypedDict):
    """A part of a message that is a file."""

    type: Literal["file"]
    file: ChatCompletionFileObjectFile


OpenAIMessageContentListBlock = Union[
    ChatCompletionTextObject,
    ChatCompletionImageObject,
    ChatCompletionAudioObject,
    ChatCompletionVideoObject,
    ChatCompletionFileObject,
]
OpenAIMessageContent = Union[str, Iterable[OpenAIMessageContentListBlock]]


class _Thinking(TypedDict):
    type: Literal["thinking"]


class ChatCompletionThinkingBlock(_Thinking, total=False):
    """What Claude thought, with the signature that has to come back with it."""

    thinking: str
    signature: Optional[str]
    cache_control: Union[dict[str, Any], ChatCompletionCachedContent, None]


class _RedactedThinking(TypedDict):
    type: Literal["redacted_thinking"]


class ChatCompletionRedactedThinkingBlock(_RedactedThinking, total=False):
    """What Claude thought and does not show."""

    data: str
    cache_control: Union[dict[str, Any], ChatCompletionCachedContent, None]


class _ReasoningItem(TypedDict):
    type: Literal["reasoning"]


class ChatCompletionReasoningItem(_ReasoningItem, total=False):
    """An item of reasoning of the Responses API."""

    id: str
    encrypted_content: Optional[str]
    summary: list[dict[str, Any]]


class ChatCompletionAnnotationURLCitation(TypedDict, total=False):
    """A page that a piece of an answer rests on."""

    end_index: int
    start_index: int
    title: str
    url: str


class ChatCompletionAnnotation(TypedDict, total=False):
    """A note on a piece of an answer."""

    type: Literal["url_citation"]
    url_citation: ChatCompletionAnnotationURLCitation


class ChatCompletionToolCallFunctionChunk(TypedDict, total=False):
    """The function of a call, and its arguments as JSON."""

    name: Optional[str]
    arguments: str
    provider_specific_fields: Optional[dict[str, Any]]


class ChatCompletionToolCallChunk(TypedDict):
    """A call of a tool, or a piece of one in a stream."""

    id: Optional[str]
    type: Literal["function"]
    function: ChatCompletionToolCallFunctionChunk
    index: int


class ChatCompletionAssistantToolCall(TypedDict):
    """A call of a tool, in a message of the assistant's."""

    id: Optional[str]
    type: Literal["function"]
    function: ChatCompletionToolCallFunctionChunk


class _ToolParamFunction(TypedDict):
    name: str


class ChatCompletionToolParamFunctionChunk(_ToolParamFunction, total=False):
    """A function that a model may call."""

    description: str
    parameters: dict[str, Any]
    strict: bool


class _ToolParam(TypedDict):
    type: Union[Literal["function"], str]
    function: ChatCompletionToolParamFunctionChunk


class ChatCompletionToolParam(_ToolParam, total=False):
    """A tool that a model may call."""

    cache_control: ChatCompletionCachedContent
    allowed_callers: list[str]


class _UserMessage(TypedDict):
    role: Literal["user"]
    content: OpenAIMessageContent


class ChatCompletionUserMessage(_UserMessage, total=False):
    """What the user says."""

    cache_control: ChatCompletionCachedContent


class _AssistantMessage(TypedDict):
    role: Literal["assistant"]


class ChatCompletionAssistantMessage(_AssistantMessage, total=False):
    """What the model said."""

    content: Union[str, Iterable[Any], None]
    name: Optional[str]
    tool_calls: Optional[list[ChatCompletionAssistantToolCall]]
    function_call: Optional[ChatCompletionToolCallFunctionChunk]
    reasoning_content: Optional[str]
    cache_control: ChatCompletionCachedContent
    thinking_blocks: Optional[list[Union[ChatCompletionThinkingBlock, ChatCompletionRedactedThinkingBlock]]]
    reasoning_items: Optional[list[ChatCompletionReasoningItem]]


class ChatCompletionToolMessage(TypedDict):
    """What a tool gave."""

    role: Literal["tool"]
    content: Union[str, Iterable[Any]]
    tool_call_id: str


class ChatCompletionFunctionMessage(TypedDict):
    """What a function gave, in the form that came before tools."""

    role: Literal["function"]
    content: Union[str, Iterable[ChatCompletionTextObject], None]
    name: str
    tool_call_id: Optional[str]


class _SystemMessage(TypedDict):
    role: Literal["system"]
    content: Union[str, list[Any]]


class ChatCompletionSystemMessage(_SystemMessage, total=False):
    """What the model is told before."""

    name: str
    cache_control: ChatCompletionCachedContent


class _DeveloperMessage(TypedDict):
    role: Literal["developer"]
    content: Union[str, list[Any]]


class ChatCompletionDeveloperMessage(_DeveloperMessage, total=False):
    """The newer form of a system message."""

    name: str
    cache_control: ChatCompletionCachedContent


AllMessageValues = Union[
    ChatCompletionUserMessage,
    ChatCompletionAssistantMessage,
    ChatCompletionToolMessage,
    ChatCompletionSystemMessage,
    ChatCompletionFunctionMessage,
    ChatCompletionDeveloperMessage,
]


class _UsageBlock(TypedDict):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletionUsageBlock(_UsageBlock, total=False):
    """The tokens of an answer."""

    prompt_tokens_details: Optional[dict[str, Any]]
    completion_tokens_details: Optional[dict[str, Any]]
