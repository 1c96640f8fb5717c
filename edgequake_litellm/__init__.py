"""litellm's API on a native core: change the import, keep the code.

::

    import edgequake_litellm as litellm

    response = litellm.completion("openai/gpt-4o", [{"role": "user", "content": "Hello"}])
    print(response.choices[0].message.content)

Functions, response classes, exceptions, settings and module paths have litellm's names. :func:`install_as_litellm` makes
`import litellm` itself give this package.

Everything loads when it is first used: importing the package opens no library, no socket and no thread.
"""

from __future__ import annotations

import sys

from . import config as _config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from . import anthropic_interface as anthropic_interface
    from . import exceptions as exceptions
    from . import main as main
    from . import types as types
    from . import utils as utils
    from ._binary import HttpxBinaryResponseContent as HttpxBinaryResponseContent
    from ._compat import install_as_litellm as install_as_litellm
    from ._completion import acompletion as acompletion
    from ._completion import astream as astream
    from ._completion import completion as completion
    from ._completion import mock_completion as mock_completion
    from ._completion import stream as stream
    from ._costs import completion_cost as completion_cost
    from ._costs import cost_per_token as cost_per_token
    from ._costs import response_cost_calculator as response_cost_calculator
    from ._embedding import aembedding as aembedding
    from ._embedding import embedding as embedding
    from ._exceptions.handler import AzureOpenAIError as AzureOpenAIError
    from ._facts import get_max_tokens as get_max_tokens
    from ._facts import get_model_info as get_model_info
    from ._facts import register_model as register_model
    from ._facts import supports_audio_input as supports_audio_input
    from ._facts import supports_audio_output as supports_audio_output
    from ._facts import supports_computer_use as supports_computer_use
    from ._facts import supports_embedding_image_input as supports_embedding_image_input
    from ._facts import supports_function_calling as supports_function_calling
    from ._facts import supports_native_streaming as supports_native_streaming
    from ._facts import supports_parallel_function_calling as supports_parallel_function_calling
    from ._facts import supports_pdf_input as supports_pdf_input
    from ._facts import supports_prompt_caching as supports_prompt_caching
    from ._facts import supports_reasoning as supports_reasoning
    from ._facts import supports_response_schema as supports_response_schema
    from ._facts import supports_system_messages as supports_system_messages
    from ._facts import supports_tool_choice as supports_tool_choice
    from ._facts import supports_url_context as supports_url_context
    from ._facts import supports_video_input as supports_video_input
    from ._facts import supports_vision as supports_vision
    from ._facts import supports_web_search as supports_web_search
    from ._helpers import OPENAI_CHAT_COMPLETION_PARAMS as OPENAI_CHAT_COMPLETION_PARAMS
    from ._helpers import ProviderConfigManager as ProviderConfigManager
    from ._helpers import get_optional_params as get_optional_params
    from ._helpers import get_secret as get_secret
    from ._helpers import get_secret_bool as get_secret_bool
    from ._helpers import get_secret_str as get_secret_str
    from ._helpers import responses_api_bridge_check as responses_api_bridge_check
    from ._helpers import validate_and_fix_thinking_param as validate_and_fix_thinking_param
    from ._lists import check_valid_key as check_valid_key
    from ._lists import get_valid_models as get_valid_models
    from ._lists import validate_environment as validate_environment
    from ._operations.audio import aspeech as aspeech
    from ._operations.audio import atranscription as atranscription
    from ._operations.audio import speech as speech
    from ._operations.audio import transcription as transcription
    from ._operations.batches import batch_completion as batch_completion
    from ._operations.batches import batch_completion_models as batch_completion_models
    from ._operations.batches import batch_completion_models_all_responses as batch_completion_models_all_responses
    from ._operations.contents import agenerate_content as agenerate_content
    from ._operations.files import acreate_file as acreate_file
    from ._operations.files import afile_content as afile_content
    from ._operations.files import afile_delete as afile_delete
    from ._operations.files import afile_list as afile_list
    from ._operations.files import afile_retrieve as afile_retrieve
    from ._operations.files import create_file as create_file
    from ._operations.files import file_content as file_content
    from ._operations.files import file_delete as file_delete
    from ._operations.files import file_list as file_list
    from ._operations.files import file_retrieve as file_retrieve
    from ._operations.images import aimage_edit as aimage_edit
    from ._operations.images import aimage_generation as aimage_generation
    from ._operations.images import image_edit as image_edit
    from ._operations.images import image_generation as image_generation
    from ._operations.jobs import acancel_batch as acancel_batch
    from ._operations.jobs import acreate_batch as acreate_batch
    from ._operations.jobs import alist_batches as alist_batches
    from ._operations.jobs import aretrieve_batch as aretrieve_batch
    from ._operations.jobs import cancel_batch as cancel_batch
    from ._operations.jobs import create_batch as create_batch
    from ._operations.jobs import list_batches as list_batches
    from ._operations.jobs import retrieve_batch as retrieve_batch
    from ._operations.messages import anthropic_messages as anthropic_messages
    from ._operations.messages import anthropic_messages_handler as anthropic_messages_handler
    from ._operations.moderations import amoderation as amoderation
    from ._operations.moderations import moderation as moderation
    from ._operations.rankings import arerank as arerank
    from ._operations.rankings import rerank as rerank
    from ._operations.responses import aresponses as aresponses
    from ._operations.responses import responses as responses
    from ._operations.stored import acancel_responses as acancel_responses
    from ._operations.stored import adelete_responses as adelete_responses
    from ._operations.stored import aget_responses as aget_responses
    from ._operations.stored import alist_input_items as alist_input_items
    from ._operations.stored import cancel_responses as cancel_responses
    from ._operations.stored import delete_responses as delete_responses
    from ._operations.stored import get_responses as get_responses
    from ._operations.stored import list_input_items as list_input_items
    from ._operations.texts import atext_completion as atext_completion
    from ._operations.texts import text_completion as text_completion
    from ._questions import get_llm_provider as get_llm_provider
    from ._questions import get_supported_openai_params as get_supported_openai_params
    from ._quotas import register_quota as register_quota
    from ._retries import acompletion_with_retries as acompletion_with_retries
    from ._retries import completion_with_retries as completion_with_retries
    from ._telemetry import disable_telemetry as disable_telemetry
    from ._telemetry import enable_telemetry as enable_telemetry
    from ._telemetry import flush_telemetry as flush_telemetry
    from ._telemetry import prometheus_metrics as prometheus_metrics
    from ._text_streaming import TextCompletionStreamWrapper as TextCompletionStreamWrapper
    from ._tokens import create_pretrained_tokenizer as create_pretrained_tokenizer
    from ._tokens import create_tokenizer as create_tokenizer
    from ._tokens import decode as decode
    from ._tokens import encode as encode
    from ._tokens import encoding as encoding
    from ._tokens import token_counter as token_counter
    from ._tokens import trim_messages as trim_messages
    from .budget_manager import BudgetManager as BudgetManager
    from .caching.caching import Cache as Cache
    from .caching.caching import disable_cache as disable_cache
    from .caching.caching import enable_cache as enable_cache
    from .caching.caching import update_cache as update_cache
    from .exceptions import LITELLM_EXCEPTION_TYPES as LITELLM_EXCEPTION_TYPES
    from .exceptions import APIConnectionError as APIConnectionError
    from .exceptions import APIError as APIError
    from .exceptions import APIResponseValidationError as APIResponseValidationError
    from .exceptions import AuthenticationError as AuthenticationError
    from .exceptions import BadGatewayError as BadGatewayError
    from .exceptions import BadRequestError as BadRequestError
    from .exceptions import BudgetExceededError as BudgetExceededError
    from .exceptions import ContentPolicyViolationError as ContentPolicyViolationError
    from .exceptions import ContextWindowExceededError as ContextWindowExceededError
    from .exceptions import ImageFetchError as ImageFetchError
    from .exceptions import InternalServerError as InternalServerError
    from .exceptions import InvalidRequestError as InvalidRequestError
    from .exceptions import JSONSchemaValidationError as JSONSchemaValidationError
    from .exceptions import LiteLLMUnknownProvider as LiteLLMUnknownProvider
    from .exceptions import MockException as MockException
    from .exceptions import ModelNotMappedError as ModelNotMappedError
    from .exceptions import NotFoundError as NotFoundError
    from .exceptions import OpenAIError as OpenAIError
    from .exceptions import PaymentRequiredError as PaymentRequiredError
    from .exceptions import PermissionDeniedError as PermissionDeniedError
    from .exceptions import RateLimitError as RateLimitError
    from .exceptions import RateLimitErrorCategory as RateLimitErrorCategory
    from .exceptions import RateLimitType as RateLimitType
    from .exceptions import ServiceUnavailableError as ServiceUnavailableError
    from .exceptions import Timeout as Timeout
    from .exceptions import UnprocessableEntityError as UnprocessableEntityError
    from .exceptions import UnsupportedParamsError as UnsupportedParamsError
    from .exceptions import VectorStoreSearchError as VectorStoreSearchError
    from .integrations.custom_logger import CustomLogger as CustomLogger
    from .llms.custom_llm import CustomLLM as CustomLLM
    from .router import Router as Router
    from .stream_builder import stream_chunk_builder as stream_chunk_builder
    from .streaming import CustomStreamWrapper as CustomStreamWrapper
    from .types.llms.openai import AllMessageValues as AllMessageValues
    from .types.llms.openai import ChatCompletionAnnotation as ChatCompletionAnnotation
    from .types.llms.openai import ChatCompletionAnnotationURLCitation as ChatCompletionAnnotationURLCitation
    from .types.llms.openai import ChatCompletionAssistantMessage as ChatCompletionAssistantMessage
    from .types.llms.openai import ChatCompletionAssistantToolCall as ChatCompletionAssistantToolCall
    from .types.llms.openai import ChatCompletionAudioObject as ChatCompletionAudioObject
    from .types.llms.openai import ChatCompletionCachedContent as ChatCompletionCachedContent
    from .types.llms.openai import ChatCompletionDeveloperMessage as ChatCompletionDeveloperMessage
    from .types.llms.openai import ChatCompletionFileObject as ChatCompletionFileObject
    from .types.llms.openai import ChatCompletionFileObjectFile as ChatCompletionFileObjectFile
    from .types.llms.openai import ChatCompletionFunctionMessage as ChatCompletionFunctionMessage
    from .types.llms.openai import ChatCompletionImageObject as ChatCompletionImageObject
    from .types.llms.openai import ChatCompletionImageUrlObject as ChatCompletionImageUrlObject
    from .types.llms.openai import ChatCompletionReasoningItem as ChatCompletionReasoningItem
    from .types.llms.openai import ChatCompletionRedactedThinkingBlock as ChatCompletionRedactedThinkingBlock
    from .types.llms.openai import ChatCompletionSystemMessage as ChatCompletionSystemMessage
    from .types.llms.openai import ChatCompletionTextObject as ChatCompletionTextObject
    from .types.llms.openai import ChatCompletionThinkingBlock as ChatCompletionThinkingBlock
    from .types.llms.openai import ChatCompletionToolCallChunk as ChatCompletionToolCallChunk
    from .types.llms.openai import ChatCompletionToolCallFunctionChunk as ChatCompletionToolCallFunctionChunk
    from .types.llms.openai import ChatCompletionToolMessage as ChatCompletionToolMessage
    from .types.llms.openai import ChatCompletionToolParam as ChatCompletionToolParam
    from .types.llms.openai import ChatCompletionToolParamFunctionChunk as ChatCompletionToolParamFunctionChunk
    from .types.llms.openai import ChatCompletionUsageBlock as ChatCompletionUsageBlock
    from .types.llms.openai import ChatCompletionUserMessage as ChatCompletionUserMessage
    from .types.llms.openai import ChatCompletionVideoObject as ChatCompletionVideoObject
    from .types.llms.openai import FileDeleted as FileDeleted
    from .types.llms.openai import GenericEvent as GenericEvent
    from .types.llms.openai import ImageURLListItem as ImageURLListItem
    from .types.llms.openai import ImageURLObject as ImageURLObject
    from .types.llms.openai import InputTokensDetails as InputTokensDetails
    from .types.llms.openai import OpenAIFileObject as OpenAIFileObject
    from .types.llms.openai import OpenAIMessageContent as OpenAIMessageContent
    from .types.llms.openai import OpenAIMessageContentListBlock as OpenAIMessageContentListBlock
    from .types.llms.openai import OpenAIModerationResponse as OpenAIModerationResponse
    from .types.llms.openai import OpenAIModerationResult as OpenAIModerationResult
    from .types.llms.openai import OutputTokensDetails as OutputTokensDetails
    from .types.llms.openai import ResponseAPIUsage as ResponseAPIUsage
    from .types.llms.openai import ResponsesAPIResponse as ResponsesAPIResponse
    from .types.llms.openai import ResponsesAPIStreamEvents as ResponsesAPIStreamEvents
    from .types.router import AlertingConfig as AlertingConfig
    from .types.router import AllowedFailsPolicy as AllowedFailsPolicy
    from .types.router import CredentialLiteLLMParams as CredentialLiteLLMParams
    from .types.router import CustomRoutingStrategyBase as CustomRoutingStrategyBase
    from .types.router import Deployment as Deployment
    from .types.router import DeploymentTypedDict as DeploymentTypedDict
    from .types.router import GenericLiteLLMParams as GenericLiteLLMParams
    from .types.router import LiteLLM_Params as LiteLLM_Params
    from .types.router import LiteLLMParamsTypedDict as LiteLLMParamsTypedDict
    from .types.router import ModelConfig as ModelConfig
    from .types.router import ModelGroupInfo as ModelGroupInfo
    from .types.router import ModelInfo as ModelInfo
    from .types.router import RetryPolicy as RetryPolicy
    from .types.router import RouterConfig as RouterConfig
    from .types.router import RouterErrors as RouterErrors
    from .types.router import RouterErrorTypes as RouterErrorTypes
    from .types.router import RouterGeneralSettings as RouterGeneralSettings
    from .types.router import RouterModelGroupAliasItem as RouterModelGroupAliasItem
    from .types.router import RouterRateLimitError as RouterRateLimitError
    from .types.router import RouterRateLimitErrorBasic as RouterRateLimitErrorBasic
    from .types.router import RoutingStrategy as RoutingStrategy
    from .types.router import UpdateRouterConfig as UpdateRouterConfig
    from .types.router import updateDeployment as updateDeployment
    from .types.router import updateLiteLLMParams as updateLiteLLMParams
    from .types.utils import CallTypes as CallTypes
    from .types.utils import ChatCompletionMessageToolCall as ChatCompletionMessageToolCall
    from .types.utils import Choices as Choices
    from .types.utils import Delta as Delta
    from .types.utils import Embedding as Embedding
    from .types.utils import EmbeddingResponse as EmbeddingResponse
    from .types.utils import Function as Function
    from .types.utils import HiddenParams as HiddenParams
    from .types.utils import ImageObject as ImageObject
    from .types.utils import ImageResponse as ImageResponse
    from .types.utils import LiteLLMBatch as LiteLLMBatch
    from .types.utils import Message as Message
    from .types.utils import ModelResponse as ModelResponse
    from .types.utils import ModelResponseStream as ModelResponseStream
    from .types.utils import StreamingChoices as StreamingChoices
    from .types.utils import TextChoices as TextChoices
    from .types.utils import TextCompletionResponse as TextCompletionResponse
    from .types.utils import TranscriptionResponse as TranscriptionResponse
    from .types.utils import Usage as Usage

    anthropic = anthropic_interface
    LlmProviders: Any
    __version__: str
    model_cost: dict[str, dict[str, Any]]
    model_list: list[str]
    models_by_provider: dict[str, list[str]]
    provider_list: list[Any]

# The module of each name that is loaded when it is first used. A test keeps it equal to the list above.
_HOMES = {
    name: module
    for module, names in {
        "._binary": "HttpxBinaryResponseContent",
        "._compat": "install_as_litellm",
        "._completion": "completion acompletion stream astream mock_completion",
        "._costs": "completion_cost cost_per_token response_cost_calculator",
        "._embedding": "embedding aembedding",
        "._exceptions.handler": "AzureOpenAIError",
        "._facts": (
            "get_max_tokens get_model_info register_model supports_audio_input supports_audio_output supports_computer_use "
            "supports_embedding_image_input supports_function_calling supports_native_streaming "
            "supports_parallel_function_calling supports_pdf_input supports_prompt_caching supports_reasoning "
            "supports_response_schema supports_system_messages supports_tool_choice supports_url_context supports_video_input "
            "supports_vision supports_web_search"
        ),
        "._helpers": (
            "OPENAI_CHAT_COMPLETION_PARAMS ProviderConfigManager get_optional_params get_secret get_secret_bool get_secret_str "
            "responses_api_bridge_check validate_and_fix_thinking_param"
        ),
        "._lists": "check_valid_key get_valid_models validate_environment",
        "._logging": "_turn_on_debug verbose_logger",
        "._operations.audio": "transcription atranscription speech aspeech",
        "._operations.batches": "batch_completion batch_completion_models batch_completion_models_all_responses",
        "._operations.images": "image_generation aimage_generation image_edit aimage_edit",
        "._operations.contents": "agenerate_content",
        "._operations.files": (
            "create_file acreate_file file_retrieve afile_retrieve file_delete afile_delete file_list afile_list file_content afile_content"
        ),
        "._operations.jobs": (
            "create_batch acreate_batch retrieve_batch aretrieve_batch cancel_batch acancel_batch list_batches alist_batches"
        ),
        "._operations.stored": (
            "get_responses aget_responses delete_responses adelete_responses cancel_responses acancel_responses "
            "list_input_items alist_input_items"
        ),
        "._operations.messages": "anthropic_messages anthropic_messages_handler",
        "._operations.moderations": "moderation amoderation",
        "._operations.rankings": "rerank arerank",
        "._operations.responses": "responses aresponses",
        "._operations.texts": "text_completion atext_completion",
        "._questions": "get_llm_provider get_supported_openai_params",
        "._quotas": "register_quota",
        "._telemetry": "disable_telemetry enable_telemetry flush_telemetry prometheus_metrics",
        "._text_streaming": "TextCompletionStreamWrapper",
        "._retries": "acompletion_with_retries completion_with_retries",
        "._tokens": ("create_pretrained_tokenizer create_tokenizer decode encode encoding token_counter trim_messages"),
        ".budget_manager": "BudgetManager",
        ".caching.caching": "Cache disable_cache enable_cache update_cache",
        ".exceptions": (
            "LITELLM_EXCEPTION_TYPES APIConnectionError APIError APIResponseValidationError AuthenticationError BadGatewayError "
            "BadRequestError BudgetExceededError ContentPolicyViolationError ContextWindowExceededError ImageFetchError "
            "InternalServerError InvalidRequestError JSONSchemaValidationError LiteLLMUnknownProvider MockException "
            "ModelNotMappedError NotFoundError OpenAIError PaymentRequiredError PermissionDeniedError RateLimitError "
            "RateLimitErrorCategory RateLimitType ServiceUnavailableError Timeout UnprocessableEntityError "
            "UnsupportedParamsError VectorStoreSearchError"
        ),
        ".integrations.custom_logger": "CustomLogger",
        ".llms.custom_llm": "CustomLLM",
        ".router": "Router",
        ".stream_builder": "stream_chunk_builder",
        ".streaming": "CustomStreamWrapper",
        ".types.router": (
            "AlertingConfig AllowedFailsPolicy CredentialLiteLLMParams CustomRoutingStrategyBase Deployment "
            "DeploymentTypedDict GenericLiteLLMParams LiteLLM_Params LiteLLMParamsTypedDict ModelConfig "
            "ModelGroupInfo ModelInfo RetryPolicy RouterConfig RouterErrors RouterErrorTypes "
            "RouterGeneralSettings RouterModelGroupAliasItem RouterRateLimitError RouterRateLimitErrorBasic "
            "RoutingStrategy UpdateRouterConfig updateDeployment updateLiteLLMParams"
        ),
        ".types.llms.openai": (
            "AllMessageValues ChatCompletionAnnotation ChatCompletionAnnotationURLCitation "
            "ChatCompletionAssistantMessage ChatCompletionAssistantToolCall ChatCompletionAudioObject "
            "ChatCompletionCachedContent ChatCompletionDeveloperMessage ChatCompletionFileObject "
            "ChatCompletionFileObjectFile ChatCompletionFunctionMessage ChatCompletionImageObject "
            "ChatCompletionImageUrlObject ChatCompletionReasoningItem ChatCompletionRedactedThinkingBlock "
            "ChatCompletionSystemMessage ChatCompletionTextObject ChatCompletionThinkingBlock "
            "ChatCompletionToolCallChunk ChatCompletionToolCallFunctionChunk ChatCompletionToolMessage "
            "ChatCompletionToolParam ChatCompletionToolParamFunctionChunk ChatCompletionUsageBlock "
            "ChatCompletionUserMessage ChatCompletionVideoObject FileDeleted GenericEvent ImageURLListItem "
            "ImageURLObject InputTokensDetails OpenAIFileObject OpenAIMessageContent "
            "OpenAIMessageContentListBlock OpenAIModerationResponse OpenAIModerationResult OutputTokensDetails "
            "ResponseAPIUsage ResponsesAPIResponse ResponsesAPIStreamEvents"
        ),
        ".types.utils": (
            "CallTypes ChatCompletionMessageToolCall Choices Delta Embedding EmbeddingResponse Function HiddenParams ImageObject "
            "ImageResponse LiteLLMBatch Message ModelResponse ModelResponseStream StreamingChoices TextChoices TextCompletionResponse "
            "TranscriptionResponse Usage"
        ),
    }.items()
    for name in names.split()
}
# Tables that are made when they are first asked for, by the function that makes them.
_MADE = {
    "LlmProviders": ("._lists", "make_llm_providers"),
    "model_cost": ("._facts", "load_model_cost"),
    "model_list": ("._lists", "make_model_list"),
    "models_by_provider": ("._lists", "make_models_by_provider"),
    "provider_list": ("._lists", "make_provider_list"),
}
_SUBMODULES = frozenset(
    (
        "_logging _version anthropic_interface batches budget_manager caching constants cost_calculator exceptions files "
        "google_genai integrations "
        "litellm_core_utils llms main router secret_managers testing types utils"
    ).split()
)

# Exceptions that dir() leaves out: programs such as aider go through the names that end in "Error" and stop at one that is
# newer than they are.
_HIDDEN = frozenset(
    (
        "ImageFetchError",
        "ModelNotMappedError",
        "PaymentRequiredError",
        "PermissionDeniedError",
        "VectorStoreSearchError",
    )
)


def __getattr__(name: str) -> Any:
    # Python asks here only while the module has no such attribute.
    home = _HOMES.get(name)
    if home is not None:
        from importlib import import_module

        from . import _loading

        with _loading.lock:
            value = getattr(import_module(home, __name__), name)
    elif name in _MADE:
        from importlib import import_module

        from . import _loading

        home, maker = _MADE[name]
        with _loading.lock:
            value = getattr(import_module(home, __name__), maker)()
    elif name in _SUBMODULES:
        from importlib import import_module

        from . import _loading

        with _loading.lock:
            return import_module("." + name, __name__)
    elif name == "anthropic":
        from . import anthropic_interface as value
    elif name in _config.DEFAULTS:
        return _config.DEFAULTS[name]
    elif name == "__version__":
        from ._native import library_version

        value = library_version()
    else:
        from ._absent import message

        raise AttributeError(message(__name__, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    names = (
        globals().keys()
        | _HOMES.keys()
        | _MADE.keys()
        | _SUBMODULES
        | _config.DEFAULTS.keys()
        | {"__version__", "anthropic"}
    )
    return sorted(name for name in names - _HIDDEN if not name.startswith("_") or name.startswith("__"))


class _Package(type(sys)):  # type: ignore[misc]  # the type of modules, without an import
    """This module's class: it notices when the program assigns a setting."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOMES and isinstance(value, type(sys)):
            # Importing `responses.streaming_iterator` binds the package `responses`: the function of that name stays, as in litellm.
            return
        super().__setattr__(name, value)
        _config.assigned(name, value)

    def __delattr__(self, name: str) -> None:
        # A setting that was never assigned has its default; to delete it leaves it so.
        if name in self.__dict__ or name not in _config.DEFAULTS:
            super().__delattr__(name)
        _config.deleted(name)


_module: ModuleType = sys.modules[__name__]
_module.__class__ = _Package
del _module
