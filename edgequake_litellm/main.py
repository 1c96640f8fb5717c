"""litellm.main: where programs written for litellm import its functions from."""

from __future__ import annotations

from ._completion import acompletion, astream, completion, mock_completion, stream
from ._embedding import aembedding, embedding
from .exceptions import LiteLLMUnknownProvider
from .stream_builder import stream_chunk_builder
from .streaming import CustomStreamWrapper
from .types.utils import (
    ChatCompletionMessageToolCall,
    Choices,
    EmbeddingResponse,
    HiddenParams,
    Message,
    ModelResponse,
    ModelResponseStream,
    StreamingChoices,
    TextChoices,
    TextCompletionResponse,
    Usage,
)

__all__ = [
    "ChatCompletionMessageToolCall",
    "Choices",
    "CustomStreamWrapper",
    "EmbeddingResponse",
    "HiddenParams",
    "LiteLLMUnknownProvider",
    "Message",
    "ModelResponse",
    "ModelResponseStream",
    "StreamingChoices",
    "TextChoices",
    "TextCompletionResponse",
    "Usage",
    "acompletion",
    "aembedding",
    "astream",
    "completion",
    "embedding",
    "mock_completion",
    "stream",
    "stream_chunk_builder",
]
