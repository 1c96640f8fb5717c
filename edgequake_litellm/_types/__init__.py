"""The response objects, in litellm's shapes, and how they are made from what the engine answers.

`litellm.types.utils` is where programs import the classes from; here they are defined. `__module__` says `litellm.types.utils`,
since programs recognise litellm's objects by it; pickles refer to this package instead and need no litellm.
"""

from __future__ import annotations

from .base import Model
from .finish import map_finish_reason
from .ids import completion_id, uuid4
from .judging import OpenAIModerationResponse, OpenAIModerationResult, RerankResponse
from .media import (
    ImageObject,
    ImageResponse,
    ImageUsage,
    ImageUsageInputTokensDetails,
    TranscriptionResponse,
)
from .message import (
    ChatCompletionAudioResponse,
    ChatCompletionCustomToolCallPayload,
    ChatCompletionDeltaCustomToolCall,
    ChatCompletionDeltaCustomToolCallPayload,
    ChatCompletionDeltaToolCall,
    ChatCompletionMessageCustomToolCall,
    ChatCompletionMessageToolCall,
    ChatCompletionTokenLogprob,
    ChoiceLogprobs,
    Delta,
    Function,
    FunctionCall,
    Message,
    TopLogprob,
)
from .meta import Meta, ToldByMeta
from .operations import (
    image_response,
    moderation_response,
    rerank_response,
    responses_response,
    text_completion_response,
    transcription_response,
)
from .response import (
    Choices,
    Embedding,
    EmbeddingResponse,
    HiddenParams,
    Logprobs,
    ModelResponse,
    ModelResponseBase,
    ModelResponseStream,
    StreamingChoices,
    TextChoices,
    TextCompletionResponse,
)
from .responses import ResponseAPIUsage, ResponsesAPIResponse, ResponsesAPIStreamEvents
from .usage import (
    CacheCreationTokenDetails,
    CompletionTokensDetailsWrapper,
    PromptTokensDetailsWrapper,
    ServerToolUse,
    Usage,
)
from .wire import ChunkFactory, embedding_response, model_response

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
    "ChunkFactory",
    "CompletionTokensDetailsWrapper",
    "Delta",
    "Embedding",
    "EmbeddingResponse",
    "Function",
    "FunctionCall",
    "HiddenParams",
    "ImageObject",
    "ImageResponse",
    "ImageUsage",
    "ImageUsageInputTokensDetails",
    "Logprobs",
    "Message",
    "Meta",
    "Model",
    "ModelResponse",
    "ModelResponseBase",
    "ModelResponseStream",
    "OpenAIModerationResponse",
    "OpenAIModerationResult",
    "PromptTokensDetailsWrapper",
    "RerankResponse",
    "ResponseAPIUsage",
    "ResponsesAPIResponse",
    "ResponsesAPIStreamEvents",
    "ServerToolUse",
    "StreamingChoices",
    "TextChoices",
    "TextCompletionResponse",
    "ToldByMeta",
    "TopLogprob",
    "TranscriptionResponse",
    "Usage",
    "completion_id",
    "embedding_response",
    "image_response",
    "map_finish_reason",
    "model_response",
    "moderation_response",
    "rerank_response",
    "responses_response",
    "text_completion_response",
    "transcription_response",
    "uuid4",
]
