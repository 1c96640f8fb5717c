"""litellm's response types, under the path where programs import them from."""

from __future__ import annotations

from enum import Enum
from typing import Any, Optional, TypedDict, Union

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
    ResponsesAPIResponse,
    ServerToolUse,
    StreamingChoices,
    TextChoices,
    TextCompletionResponse,
    TopLogprob,
    TranscriptionResponse,
    Usage,
)
from .._types import completion_id as generate_id
from .._types.base import restore_response as restore_response
from .._types.kept import BatchRequestCounts, LiteLLMBatch, OpenAIFileObject
from .._types.logged import (
    CostBreakdown,
    ModelInfo,
    StandardCallbackDynamicParams,
    StandardLoggingHiddenParams,
    StandardLoggingMetadata,
    StandardLoggingModelInformation,
    StandardLoggingPayload,
    StandardLoggingPayloadErrorInformation,
    StandardLoggingPayloadStatus,
    StandardLoggingPayloadStatusFields,
)
from .llms.anthropic_messages.anthropic_response import AnthropicMessagesResponse

__all__ = [
    "BatchRequestCounts",
    "CacheCreationTokenDetails",
    "CallTypes",
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
    "CostBreakdown",
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
    "LLMResponseTypes",
    "LiteLLMBatch",
    "Logprobs",
    "Message",
    "ModelInfo",
    "ModelResponse",
    "ModelResponseBase",
    "ModelResponseStream",
    "PromptTokensDetailsWrapper",
    "ServerToolUse",
    "StandardCallbackDynamicParams",
    "StandardLoggingHiddenParams",
    "StandardLoggingMetadata",
    "StandardLoggingModelInformation",
    "StandardLoggingPayload",
    "StandardLoggingPayloadErrorInformation",
    "StandardLoggingPayloadStatus",
    "StandardLoggingPayloadStatusFields",
    "StreamingChoices",
    "TextChoices",
    "TextCompletionResponse",
    "TopLogprob",
    "TranscriptionResponse",
    "Usage",
    "all_litellm_params",
    "generate_id",
]


CallTypes = Enum(  # type: ignore[misc]  # an enum of given members
    "CallTypes",
    {
        name: name
        for name in """
    embedding aembedding completion acompletion text_completion atext_completion image_generation aimage_generation image_edit aimage_edit
    moderation amoderation transcription atranscription speech aspeech rerank arerank search asearch responses aresponses
    create_batch acreate_batch retrieve_batch aretrieve_batch create_file acreate_file file_retrieve afile_retrieve file_delete afile_delete
    file_list afile_list file_content afile_content create_fine_tuning_job acreate_fine_tuning_job anthropic_messages aanthropic_messages
    create_video acreate_video generate_content agenerate_content
    """.split()
    },
    type=str,
    module=__name__,
)
CallTypes.__doc__ = "litellm's names of the kinds of calls: those of its functions."


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


# Every kind of answer, for annotations of callbacks.
LLMResponseTypes = Union[
    ModelResponse,
    EmbeddingResponse,
    ImageResponse,
    OpenAIFileObject,
    LiteLLMBatch,
    AnthropicMessagesResponse,
    ResponsesAPIResponse,
]

# Arguments that are for the package and reach no provider, for programs that sort theirs.
all_litellm_params = """
api_base api_key api_version base_url base_model cache caching cooldown_time custom_llm_provider drop_params fallbacks
context_window_fallback_dict input_cost_per_token output_cost_per_token id litellm_call_id litellm_metadata litellm_session_id
litellm_trace_id max_retries metadata mock_response model_info model_list no-log num_retries rpm tpm stream_timeout timeout
turn_off_message_logging
""".split()
