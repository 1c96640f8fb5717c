"""What callbacks are given of a call: the types of litellm's standard logging object, with the fields that it has here."""

from __future__ import annotations

from typing import Any, Literal, Optional, TypedDict, Union


class ModelInfo(TypedDict, total=False):
    """The facts of a model that `get_model_info` gives. The table has many more prices than are named here."""

    key: str
    litellm_provider: str
    mode: str
    max_tokens: Optional[int]
    max_input_tokens: Optional[int]
    max_output_tokens: Optional[int]
    input_cost_per_token: float
    output_cost_per_token: float
    cache_creation_input_token_cost: Optional[float]
    cache_read_input_token_cost: Optional[float]
    output_vector_size: Optional[int]
    rpm: Optional[int]
    tpm: Optional[int]
    supports_function_calling: Optional[bool]
    supports_parallel_function_calling: Optional[bool]
    supports_pdf_input: Optional[bool]
    supports_prompt_caching: Optional[bool]
    supports_reasoning: Optional[bool]
    supports_response_schema: Optional[bool]
    supports_system_messages: Optional[bool]
    supports_tool_choice: Optional[bool]
    supports_vision: Optional[bool]
    supports_web_search: Optional[bool]
    supported_openai_params: Optional[list[str]]


class StandardLoggingModelInformation(TypedDict):
    """The model in the table of facts; None as its value where it is in none."""

    model_map_key: str
    model_map_value: Optional[ModelInfo]


class StandardLoggingMetadata(TypedDict, total=False):
    """The call's `metadata`, and what is known of it besides. Those of litellm's proxy are not among them."""

    usage_object: Optional[dict[str, Any]]
    requester_metadata: Optional[dict[str, Any]]
    tags: list[str]
    model_group: str
    deployment: str
    model_info: dict[str, Any]


class StandardLoggingHiddenParams(TypedDict):
    """Of the answer's `_hidden_params`."""

    model_id: Optional[str]
    cache_key: Optional[str]
    api_base: Optional[str]
    response_cost: Union[str, float, None]
    litellm_overhead_time_ms: Optional[float]
    additional_headers: Optional[dict[str, Any]]
    litellm_model_name: Optional[str]
    usage_object: Optional[dict[str, Any]]


class StandardLoggingPayloadErrorInformation(TypedDict, total=False):
    """The exception of a call that failed; of one that was answered, empty texts."""

    error_code: Optional[str]
    error_class: Optional[str]
    error_message: Optional[str]
    llm_provider: Optional[str]
    error_provider_request_id: Optional[str]
    traceback: Optional[str]


class StandardLoggingPayloadStatusFields(TypedDict):
    """What became of the call. No guardrail ever runs here."""

    llm_api_status: StandardLoggingPayloadStatus
    guardrail_status: Literal["not_run"]


StandardLoggingPayloadStatus = Literal["success", "failure"]


class CostBreakdown(TypedDict):
    """What a call cost, in US dollars. Discounts and margins are litellm's; here they are 0."""

    input_cost: float
    output_cost: float
    tool_usage_cost: float
    original_cost: float
    discount_percent: float
    discount_amount: float
    margin_percent: float
    margin_fixed_amount: float
    margin_total_amount: float
    total_cost: float


class StandardLoggingPayload(TypedDict):
    """One call as plain data: what callbacks find as `kwargs["standard_logging_object"]`."""

    id: str
    litellm_call_id: Optional[str]
    trace_id: str
    session_id: str
    call_type: str
    stream: Optional[bool]
    status: StandardLoggingPayloadStatus
    status_fields: StandardLoggingPayloadStatusFields
    custom_llm_provider: Optional[str]
    model: str
    model_id: Optional[str]
    model_group: Optional[str]
    model_map_information: StandardLoggingModelInformation
    model_parameters: dict[str, Any]
    api_base: str
    metadata: StandardLoggingMetadata
    request_tags: list[str]
    end_user: Optional[str]
    messages: Union[str, list[Any], dict[str, Any], None]
    response: Union[str, list[Any], dict[str, Any], None]
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    response_cost: float
    cost_breakdown: Optional[CostBreakdown]
    response_cost_failure_debug_info: None
    saved_cache_cost: float
    cache_hit: Optional[bool]
    cache_key: Optional[str]
    startTime: float
    endTime: float
    completionStartTime: float
    response_time: float
    hidden_params: StandardLoggingHiddenParams
    error_str: Optional[str]
    error_information: Optional[StandardLoggingPayloadErrorInformation]
    guardrail_information: None
    standard_built_in_tools_params: Optional[dict[str, Any]]
    requester_ip_address: Optional[str]
    user_agent: Optional[str]


class StandardCallbackDynamicParams(TypedDict, total=False):
    """Settings of callbacks that one call may have."""

    turn_off_message_logging: Optional[bool]
