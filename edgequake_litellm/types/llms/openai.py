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
    cache_control: ChatCompletionCachedContent


class ImageURLObject(TypedDict, total=False):
    url: str
    detail: Optional[str]


class ChatCompletionImageUrlObject(TypedDict, total=False):
    url: str
    detail: str
    format: str


class ChatCompletionImageObject(TypedDict):
    type: Literal["image_url"]
    image_url: Union[str, ChatCompletionImageUrlObject]


class ImageURLListItem(TypedDict):
    """An image that a model made."""

    image_url: ImageURLObject
    index: int
    type: Literal["image_url"]


class ChatCompletionInputAudio(TypedDict):
    data: str
    format: Literal["wav", "mp3"]


class ChatCompletionAudioObject(TypedDict):
    type: Literal["input_audio"]
    input_audio: ChatCompletionInputAudio


class ChatCompletionVideoObject(TypedDict):
    type: Literal["video_url"]
    video_url: Union[str, dict[str, Any]]


class ChatCompletionFileObjectFile(TypedDict, total=False):
    file_data: str
    file_id: str
    filename: str
    format: str
    detail: str
    video_metadata: dict[str, Any]


class ChatCompletionFileObject(TypedDict):
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
    thinking: str
    signature: Optional[str]
    cache_control: Union[dict[str, Any], ChatCompletionCachedContent, None]


class _RedactedThinking(TypedDict):
    type: Literal["redacted_thinking"]


class ChatCompletionRedactedThinkingBlock(_RedactedThinking, total=False):
    data: str
    cache_control: Union[dict[str, Any], ChatCompletionCachedContent, None]


class _ReasoningItem(TypedDict):
    type: Literal["reasoning"]


class ChatCompletionReasoningItem(_ReasoningItem, total=False):
    id: str
    encrypted_content: Optional[str]
    summary: list[dict[str, Any]]


class ChatCompletionAnnotationURLCitation(TypedDict, total=False):
    end_index: int
    start_index: int
    title: str
    url: str


class ChatCompletionAnnotation(TypedDict, total=False):
    type: Literal["url_citation"]
    url_citation: ChatCompletionAnnotationURLCitation


class ChatCompletionToolCallFunctionChunk(TypedDict, total=False):
    name: Optional[str]
    arguments: str
    provider_specific_fields: Optional[dict[str, Any]]


class ChatCompletionToolCallChunk(TypedDict):
    id: Optional[str]
    type: Literal["function"]
    function: ChatCompletionToolCallFunctionChunk
    index: int


class ChatCompletionAssistantToolCall(TypedDict):
    id: Optional[str]
    type: Literal["function"]
    function: ChatCompletionToolCallFunctionChunk


class _ToolParamFunction(TypedDict):
    name: str


class ChatCompletionToolParamFunctionChunk(_ToolParamFunction, total=False):
    description: str
    parameters: dict[str, Any]
    strict: bool


class _ToolParam(TypedDict):
    type: Union[Literal["function"], str]
    function: ChatCompletionToolParamFunctionChunk


class ChatCompletionToolParam(_ToolParam, total=False):
    cache_control: ChatCompletionCachedContent
    allowed_callers: list[str]


class _UserMessage(TypedDict):
    role: Literal["user"]
    content: OpenAIMessageContent


class ChatCompletionUserMessage(_UserMessage, total=False):
    cache_control: ChatCompletionCachedContent


class _AssistantMessage(TypedDict):
    role: Literal["assistant"]


class ChatCompletionAssistantMessage(_AssistantMessage, total=False):
    content: Union[str, Iterable[Any], None]
    name: Optional[str]
    tool_calls: Optional[list[ChatCompletionAssistantToolCall]]
    function_call: Optional[ChatCompletionToolCallFunctionChunk]
    reasoning_content: Optional[str]
    cache_control: ChatCompletionCachedContent
    thinking_blocks: Optional[list[Union[ChatCompletionThinkingBlock, ChatCompletionRedactedThinkingBlock]]]
    reasoning_items: Optional[list[ChatCompletionReasoningItem]]


class ChatCompletionToolMessage(TypedDict):
    role: Literal["tool"]
    content: Union[str, Iterable[Any]]
    tool_call_id: str


class ChatCompletionFunctionMessage(TypedDict):
    role: Literal["function"]
    content: Union[str, Iterable[ChatCompletionTextObject], None]
    name: str
    tool_call_id: Optional[str]


class _SystemMessage(TypedDict):
    role: Literal["system"]
    content: Union[str, list[Any]]


class ChatCompletionSystemMessage(_SystemMessage, total=False):
    name: str
    cache_control: ChatCompletionCachedContent


class _DeveloperMessage(TypedDict):
    role: Literal["developer"]
    content: Union[str, list[Any]]


class ChatCompletionDeveloperMessage(_DeveloperMessage, total=False):
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
    prompt_tokens_details: Optional[dict[str, Any]]
    completion_tokens_details: Optional[dict[str, Any]]
