"""litellm's response types, under the path where programs import them from."""

from __future__ import annotations

from typing import Any, Optional, TypedDict

from .._types import (
    CacheCreationTokenDetails,
    ChatCompletionAudioResponse,
    ChatCompletionCustomToolCallPayload,
    ChatCompletionDeltaCustomToolCall,
    ChatCompletionDeltaCustomToolCallPayload,
    ChatCompletionDeltaToolCall,
    ChatCompletionMessageCustomToolCall,
    ChatCompletionMessageToolCall,
    ChatCompletionTokenLogprob,
    ChoiceLogprobs,
    Choices,
    CompletionTokensDetailsWrapper,
    Delta,
    Embedding,
    EmbeddingResponse,
    Function,
    FunctionCall,
    HiddenParams,
    ImageObject,
    ImageResponse,
    ImageUsage,
    ImageUsageInputTokensDetails,
    Logprobs,
    Message,
    ModelResponse,
    ModelResponseBase,
    ModelResponseStream,
    PromptTokensDetailsWrapper,
    ServerToolUse,
    StreamingChoices,
    TextChoices,
    TextCompletionResponse,
    TopLogprob,
    TranscriptionResponse,
    Usage,
)
from .._types import completion_id as generate_id

__all__ = [
    "CacheCreationTokenDetails",
    "ChatCompletionAudioResponse",
    "ChatCompletionCustomToolCallPayload",
    "ChatCompletionDeltaCustomToolCall",
    "ChatCompletionDeltaCustomToolCallPayload",
    "ChatCompletionDeltaToolCall",
    "ChatCompletionMessageCustomToolCall",
    "ChatCompletionMessageToolCall",
    "ChatCompletionTokenLogprob",
    "ChoiceLogprobs",
    "Choices",
    "CompletionTokensDetailsWrapper",
    "Delta",
    "Embedding",
    "EmbeddingResponse",
    "Function",
    "FunctionCall",
    "GenericStreamingChunk",
    "HiddenParams",
    "ImageObject",
    "ImageResponse",
    "ImageUsage",
    "ImageUsageInputTokensDetails",
    "Logprobs",
    "Message",
    "ModelResponse",
    "ModelResponseBase",
    "ModelResponseStream",
    "PromptTokensDetailsWrapper",
    "ServerToolUse",
    "StreamingChoices",
    "TextChoices",
    "TextCompletionResponse",
    "TopLogprob",
    "TranscriptionResponse",
    "Usage",
    "generate_id",
]


class _GenericStreamingChunk(TypedDict):
    text: str
    is_finished: bool
    finish_reason: str
    usage: Optional[Any]


class GenericStreamingChunk(_GenericStreamingChunk, total=False):
    """What the `streaming` of a custom provider yields."""

    tool_use: Optional[Any]
    index: int
    provider_specific_fields: Optional[dict]  # type: ignore[type-arg]
