"""litellm.main: where programs written for litellm import its functions from."""

from __future__ import annotations

from ._completion import acompletion, astream, completion, mock_completion, stream
from ._embedding import aembedding, embedding
from ._helpers import get_optional_params, get_secret, get_secret_bool, get_secret_str, responses_api_bridge_check
from ._operations.audio import aspeech, atranscription, speech, transcription
from ._operations.batches import batch_completion, batch_completion_models, batch_completion_models_all_responses
from ._operations.images import aimage_edit, aimage_generation, image_edit, image_generation
from ._operations.moderations import amoderation, moderation
from ._operations.rankings import arerank, rerank
from ._operations.responses import aresponses, responses
from ._operations.texts import atext_completion, text_completion
from ._retries import acompletion_with_retries, completion_with_retries
from .exceptions import LiteLLMUnknownProvider
from .stream_builder import stream_chunk_builder
from .streaming import CustomStreamWrapper
from .types.utils import (
    ChatCompletionMessageToolCall,
    Choices,
    EmbeddingResponse,
    HiddenParams,
    ImageResponse,
    Message,
    ModelResponse,
    ModelResponseStream,
    StreamingChoices,
    TextChoices,
    TextCompletionResponse,
    TranscriptionResponse,
    Usage,
)

__all__ = [
    "ChatCompletionMessageToolCall",
    "Choices",
    "CustomStreamWrapper",
    "EmbeddingResponse",
    "HiddenParams",
    "ImageResponse",
    "LiteLLMUnknownProvider",
    "Message",
    "ModelResponse",
    "ModelResponseStream",
    "StreamingChoices",
    "TextChoices",
    "TextCompletionResponse",
    "TranscriptionResponse",
    "Usage",
    "acompletion",
    "acompletion_with_retries",
    "aembedding",
    "aimage_edit",
    "aimage_generation",
    "amoderation",
    "arerank",
    "aresponses",
    "aspeech",
    "astream",
    "atext_completion",
    "atranscription",
    "batch_completion",
    "batch_completion_models",
    "batch_completion_models_all_responses",
    "completion",
    "completion_with_retries",
    "embedding",
    "get_optional_params",
    "get_secret",
    "get_secret_bool",
    "get_secret_str",
    "image_edit",
    "image_generation",
    "mock_completion",
    "moderation",
    "rerank",
    "responses",
    "responses_api_bridge_check",
    "speech",
    "stream",
    "stream_chunk_builder",
    "text_completion",
    "transcription",
]
