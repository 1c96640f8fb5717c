"""litellm.types.router: the arguments that steer a call, as programs keep them."""

from __future__ import annotations

from .._types.base import MutableItems


class GenericLiteLLMParams(MutableItems):
    """The arguments of a call beside its model and messages, with attributes. Anything may be given; what was not given is None."""

    __module__ = "litellm.types.router"
    _fields = tuple(
        "api_key api_base api_version custom_llm_provider region_name vertex_project vertex_location vertex_credentials "
        "aws_access_key_id aws_secret_access_key aws_region_name tpm rpm timeout stream_timeout max_retries organization "
        "litellm_credential_name litellm_trace_id max_budget budget_duration drop_params mock_response model_info tags "
        "input_cost_per_token output_cost_per_token input_cost_per_second output_cost_per_second".split()
    )
    _defaults = dict.fromkeys(_fields)
