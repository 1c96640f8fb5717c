"""The response objects, in litellm's shapes, and how they are made from what the engine answers.

`litellm.types.utils` is where programs import the classes from; here they are defined. `__module__` says `litellm.types.utils`,
since programs recognise litellm's objects by it; pickles refer to this package instead and need no litellm.
"""

from __future__ import annotations

from .base import Model
from .finish import map_finish_reason
from .ids import completion_id, uuid4
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
from .meta import Meta
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
    "Logprobs",
    "Message",
    "Meta",
    "Model",
    "ModelResponse",
    "ModelResponseBase",
    "ModelResponseStream",
    "PromptTokensDetailsWrapper",
    "ServerToolUse",
    "StreamingChoices",
    "TextChoices",
    "TextCompletionResponse",
    "TopLogprob",
    "Usage",
    "completion_id",
    "embedding_response",
    "map_finish_reason",
    "model_response",
    "uuid4",
]
