"""litellm.types.router: deployments, policies and errors of a :class:`~edgequake_litellm.Router`.

The classes read and write as litellm's pydantic models do. Unlike litellm's they refuse a policy for an error that does not exist,
and their `repr` shows which arguments a deployment has and none that could be a secret.
"""

from __future__ import annotations

import enum
import os
from typing import Any, ClassVar, Optional, TypedDict

from .._types.base import Contains, Model, MutableItems
from .._types.ids import uuid4
from ..exceptions import RateLimitError, RateLimitErrorCategory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "VALID_LITELLM_ENVIRONMENTS",
    "AlertingConfig",
    "AllowedFailsPolicy",
    "AssistantsTypedDict",
    "CredentialLiteLLMParams",
    "CustomRoutingStrategyBase",
    "Deployment",
    "DeploymentTypedDict",
    "GenericLiteLLMParams",
    "LiteLLMParamsTypedDict",
    "LiteLLM_Params",
    "ModelConfig",
    "ModelGroupInfo",
    "ModelInfo",
    "RetryPolicy",
    "RouterConfig",
    "RouterErrorTypes",
    "RouterErrors",
    "RouterGeneralSettings",
    "RouterModelGroupAliasItem",
    "RouterRateLimitError",
    "RouterRateLimitErrorBasic",
    "RoutingStrategy",
    "UpdateRouterConfig",
    "updateDeployment",
    "updateLiteLLMParams",
]

PRICES = ("input_cost_per_token", "output_cost_per_token")
"""A deployment's own prices, in US dollars."""

VALID_LITELLM_ENVIRONMENTS = ["development", "staging", "production"]
"""What `LITELLM_ENVIRONMENT` may be where deployments name their `supported_environments`."""


# Arguments of deployments --------------------------------------------------------------------------------------------------


class CredentialLiteLLMParams(MutableItems, Contains):
    """Where a deployment is and who calls it."""

    __module__ = "litellm.types.router"
    _fields = tuple(
        "api_key api_base api_version azure_ad_token tenant_id client_id client_secret azure_scope azure_username azure_password "
        "vertex_project vertex_location vertex_credentials region_name gcs_bucket_name bucket_name aws_access_key_id "
        "aws_secret_access_key aws_session_token aws_region_name aws_session_name aws_profile_name aws_role_name "
        "aws_web_identity_token aws_sts_endpoint aws_external_id aws_session_tags aws_bedrock_runtime_endpoint "
        "aws_bedrock_project_id s3_bucket_name s3_endpoint_url s3_region_name s3_access_key_id s3_secret_access_key "
        "s3_encryption_key_id s3_bucket_owner aws_batch_role_arn s3_output_bucket_name bedrock_tags watsonx_region_name".split()
    )
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)

    def __repr__(self) -> str:
        shown = {name: value for name, value in self._items(False) if value is not None}
        hidden = [name for name in shown if name not in _PUBLIC]
        parts = [f"{name}={shown[name]!r}" for name in shown if name in _PUBLIC]
        return "{}({})".format(type(self).__name__, ", ".join(parts + [f"{name}=…" for name in hidden]))


# What a repr may show. All else may be a secret, or hold one.
_PUBLIC = frozenset(
    "model custom_llm_provider api_version tpm rpm weight order max_parallel_requests timeout stream_timeout max_retries tags "
    "input_cost_per_token output_cost_per_token region_name".split()
)


class GenericLiteLLMParams(CredentialLiteLLMParams):
    """The arguments of a call beside its model and messages, with attributes. Anything may be given; what was not given is None."""

    __module__ = "litellm.types.router"
    _fields = (
        *CredentialLiteLLMParams._fields,
        *(
            "custom_llm_provider tpm rpm itpm otpm timeout stream_timeout max_retries drop_params organization "
            "configurable_clientside_auth_params litellm_credential_name litellm_trace_id max_file_size_mb max_budget "
            "budget_duration use_litellm_proxy merge_reasoning_content_in_choices model_info mock_response tags "
            "input_cost_per_token output_cost_per_token input_cost_per_second output_cost_per_second".split()
        ),
    )
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)

    def __init__(self, **data: Any) -> None:
        for name in ("self", "params", "__class__"):
            data.pop(name, None)
        if isinstance(data.get("max_retries"), str):
            data["max_retries"] = int(data["max_retries"])
        super().__init__(**data)


class LiteLLM_Params(GenericLiteLLMParams):  # noqa: N801  # litellm's name
    """The arguments that a deployment adds to the calls that it gets: a `model` and whatever else `completion` takes."""

    __module__ = "litellm.types.router"
    _fields = (*GenericLiteLLMParams._fields, "model")
    _required = ("model",)


class updateLiteLLMParams(GenericLiteLLMParams):  # noqa: N801  # litellm's name
    """`LiteLLM_Params` that need no model."""

    __module__ = "litellm.types.router"
    _fields = (*GenericLiteLLMParams._fields, "model")
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)


class ModelInfo(MutableItems, Contains):
    """What is known of a deployment: its `id`, made up where none is given, the `base_model` that prices and limits are looked up
    by, and whatever else the program keeps there."""

    __module__ = "litellm.types.router"
    _fields = (
        tuple(
            "id db_model updated_at updated_by created_at created_by base_model tier team_id team_public_model_name blocked".split()
        )
        + PRICES
    )
    _defaults: ClassVar[dict[str, Any]] = {**dict.fromkeys(_fields), "db_model": False}

    if TYPE_CHECKING:
        id: str

    def __init__(self, id: Any = None, **params: Any) -> None:
        super().__init__(id=uuid4() if id is None else str(id), **{"db_model": False, **params})


class Deployment(MutableItems, Contains):
    """One place that serves a group of models: `model_name` is the group."""

    __module__ = "litellm.types.router"
    _fields = ("model_name", "litellm_params", "model_info", "blocked")
    _required = ("model_name", "litellm_params", "model_info")
    _defaults: ClassVar[dict[str, Any]] = {"blocked": None}
    _nested: ClassVar[dict[str, Any]] = {"litellm_params": LiteLLM_Params, "model_info": ModelInfo}

    def __init__(self, model_name: str, litellm_params: Any, model_info: Any = None, **params: Any) -> None:
        info = (
            ModelInfo()
            if model_info is None
            else ModelInfo(**model_info)
            if isinstance(model_info, dict)
            else model_info
        )
        super().__init__(model_name=model_name, litellm_params=litellm_params, model_info=info, **params)
        for name in PRICES:
            # litellm keeps prices in both places.
            price = self.litellm_params.get(name)
            if price is not None:
                setattr(info, name, price)

    if TYPE_CHECKING:
        model_name: str
        litellm_params: LiteLLM_Params
        model_info: ModelInfo

    def to_json(self, **kwargs: Any) -> Any:
        """The deployment as plain dicts."""
        return self.model_dump(**kwargs)


class updateDeployment(Model):  # noqa: N801  # litellm's name
    """What of a deployment is to be changed."""

    __module__ = "litellm.types.router"
    _fields = Deployment._fields
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)
    _nested: ClassVar[dict[str, Any]] = {"litellm_params": updateLiteLLMParams, "model_info": ModelInfo}


class ModelConfig(Model):
    """A deployment with its limits, as configuration files have it."""

    __module__ = "litellm.types.router"
    _fields = ("model_name", "litellm_params", "tpm", "rpm")
    _required = _fields


class LiteLLMParamsTypedDict(TypedDict, total=False):
    """`LiteLLM_Params` as a dict; more keys are allowed, whatever `completion` takes."""

    model: str
    custom_llm_provider: Optional[str]
    tpm: Optional[int]
    rpm: Optional[int]
    order: Optional[int]
    weight: Optional[int]
    max_parallel_requests: Optional[int]
    api_key: Optional[str]
    api_base: Optional[str]
    api_version: Optional[str]
    timeout: Any
    stream_timeout: Any
    max_retries: Optional[int]
    num_retries: Optional[int]
    organization: Any
    drop_params: Optional[bool]
    litellm_credential_name: Optional[str]
    region_name: Optional[str]
    vertex_project: Optional[str]
    vertex_location: Optional[str]
    aws_access_key_id: Optional[str]
    aws_secret_access_key: Optional[str]
    aws_region_name: Optional[str]
    input_cost_per_token: Optional[float]
    output_cost_per_token: Optional[float]
    mock_response: Any
    tags: Optional[list[str]]
    max_budget: Optional[float]
    budget_duration: Optional[str]


class _DeploymentKeys(TypedDict):
    model_name: str
    litellm_params: LiteLLMParamsTypedDict


class DeploymentTypedDict(_DeploymentKeys, total=False):
    """A deployment as a dict."""

    model_info: dict[str, Any]


class RouterModelGroupAliasItem(TypedDict):
    """Another name of a group; a `hidden` one is not listed."""

    model: str
    hidden: bool


class AssistantsTypedDict(TypedDict):
    """litellm's settings of assistants, which the package does not have."""

    custom_llm_provider: str
    litellm_params: LiteLLMParamsTypedDict


# Policies ------------------------------------------------------------------------------------------------------------------


# The errors that policies tell apart, by the beginnings of litellm's names for them.
_KINDS = (
    *("BadRequestError", "AuthenticationError", "TimeoutError", "RateLimitError", "ContentPolicyViolationError"),
    *("InternalServerError", "ServiceUnavailableError", "NotFoundError"),
)


class _Policy(MutableItems):
    """Numbers for kinds of errors. A name that is none raises ValueError: nothing would ever act on it."""

    def __init__(self, **data: Any) -> None:
        unknown = [name for name in data if name not in self._fields]
        if unknown:
            raise ValueError(f"{type(self).__name__} has no {', '.join(unknown)}. It takes {', '.join(self._fields)}.")
        for name, value in data.items():
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
                raise ValueError(f"{type(self).__name__}.{name} must be a whole number, 0 or more, not {value!r}.")
        super().__init__(**data)


class RetryPolicy(_Policy):
    """How often a call is tried again after each kind of error; `DefaultRetries` holds for the others."""

    __module__ = "litellm.types.router"
    _fields = tuple(f"{kind}Retries" for kind in (*_KINDS, "Default"))
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)


class AllowedFailsPolicy(_Policy):
    """How many errors of each kind a deployment may have in a minute before it is left alone for a while."""

    __module__ = "litellm.types.router"
    _fields = tuple(f"{kind}AllowedFails" for kind in (*_KINDS, "BadGatewayError"))
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)


class AlertingConfig(Model):
    """Where litellm's proxy would report slow and failed calls to."""

    __module__ = "litellm.types.router"
    _fields = ("webhook_url", "alerting_threshold")
    _required = ("webhook_url",)
    _defaults: ClassVar[dict[str, Any]] = {"alerting_threshold": 300}


class RouterGeneralSettings(Model):
    """`pass_through_all_models`: a model that is no group of the router is called as `completion` would call it."""

    __module__ = "litellm.types.router"
    _fields = ("async_only_mode", "pass_through_all_models")
    _defaults: ClassVar[dict[str, Any]] = {"async_only_mode": False, "pass_through_all_models": False}

    if TYPE_CHECKING:
        async_only_mode: bool
        pass_through_all_models: bool


class RouterConfig(Model):
    """The arguments of a Router as a configuration file has them."""

    __module__ = "litellm.types.router"
    _fields = tuple(
        "model_list redis_url redis_host redis_port redis_password cache_responses cache_kwargs caching_groups client_ttl "
        "num_retries timeout default_litellm_params set_verbose fallbacks allowed_fails context_window_fallbacks "
        "model_group_alias retry_after routing_strategy".split()
    )
    _required = ("model_list",)
    _defaults: ClassVar[dict[str, Any]] = {
        **dict.fromkeys(_fields),
        "client_ttl": 3600,
        "num_retries": 0,
        "retry_after": 0,
        "routing_strategy": "simple-shuffle",
    }
    _nested: ClassVar[dict[str, Any]] = {"model_list": ModelConfig}


class UpdateRouterConfig(Model):
    """What `Router.update_settings` changes."""

    __module__ = "litellm.types.router"
    _fields = tuple(
        "routing_strategy_args routing_strategy retry_policy model_group_retry_policy allowed_fails cooldown_time num_retries "
        "timeout max_retries retry_after fallbacks context_window_fallbacks model_group_alias enable_tag_filtering".split()
    )
    _defaults: ClassVar[dict[str, Any]] = dict.fromkeys(_fields)


class ModelGroupInfo(MutableItems):
    """What the deployments of a group have in common, or the most of what any of them has."""

    __module__ = "litellm.types.router"
    _fields = tuple(
        "model_group providers max_input_tokens max_output_tokens input_cost_per_token output_cost_per_token "
        "input_cost_per_pixel mode tpm rpm supports_parallel_function_calling supports_vision supports_web_search "
        "supports_url_context supports_reasoning supports_function_calling supported_openai_params "
        "configurable_clientside_auth_params".split()
    )
    _required = ("model_group", "providers")
    _defaults: ClassVar[dict[str, Any]] = {
        **{
            name: False if name.startswith("supports_") else None
            for name in _fields
            if name not in ("model_group", "providers")
        },
        "mode": "chat",
        "supported_openai_params": [],
    }

    if TYPE_CHECKING:
        model_group: str
        providers: list[str]
        tpm: int | None
        rpm: int | None


class CustomRoutingStrategyBase:
    """What `Router.set_custom_routing_strategy` takes: the program's own choice of a deployment.

    Both methods return an element of `router.model_list`, or None where none will do.
    """

    async def async_get_available_deployment(
        self,
        model: str,
        messages: Optional[list[dict[str, str]]] = None,
        input: Any = None,
        specific_deployment: Optional[bool] = False,
        request_kwargs: Optional[dict[str, Any]] = None,
    ) -> Any:
        """The deployment for a call of a coroutine."""

    def get_available_deployment(
        self,
        model: str,
        messages: Optional[list[dict[str, str]]] = None,
        input: Any = None,
        specific_deployment: Optional[bool] = False,
        request_kwargs: Optional[dict[str, Any]] = None,
    ) -> Any:
        """The deployment for a call that waits."""


# Errors --------------------------------------------------------------------------------------------------------------------


class RoutingStrategy(enum.Enum):
    """How a deployment is chosen, beside "simple-shuffle", which needs no name."""

    LEAST_BUSY = "least-busy"
    LATENCY_BASED = "latency-based-routing"
    COST_BASED = "cost-based-routing"
    USAGE_BASED_ROUTING_V2 = "usage-based-routing-v2"
    USAGE_BASED_ROUTING = "usage-based-routing"
    PROVIDER_BUDGET_LIMITING = "provider-budget-routing"


class RouterErrors(enum.Enum):
    """The beginnings of a router's messages, which programs look for."""

    user_defined_ratelimit_error = "Deployment over user-defined ratelimit."
    max_parallel_requests_exceeded = "Deployment has all max_parallel_requests slots in use."
    no_deployments_available = "No deployments available for selected model"
    all_deployments_in_cooldown = "All deployments for selected model are in cooldown"
    no_deployments_with_tag_routing = "Not allowed to access model due to tags configuration"
    no_deployments_with_provider_budget_routing = "No deployments available - crossed budget"
    no_healthy_deployments = "There are no healthy deployments for this model"


class RouterErrorTypes(str, enum.Enum):
    """The `type` of a RouterRateLimitError."""

    rate_limit_error = "rate_limit_error"
    all_deployments_in_cooldown = "all_deployments_in_cooldown"


class RouterRateLimitErrorBasic(ValueError):
    """No deployment of a group is to be had."""

    def __init__(self, model: str) -> None:
        self.model = model
        super().__init__(f"{RouterErrors.no_deployments_available.value}.")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.model,)


class RouterRateLimitError(RateLimitError, ValueError):
    """No deployment of a group is to be had for `cooldown_time` seconds: all are over their limits, or are left alone after failures.

    `cooldown_list` has the ids of those that are left alone. litellm's is a ValueError only; this one is a RateLimitError too.
    """

    def __init__(
        self,
        model: str,
        cooldown_time: float,
        enable_pre_call_checks: bool,
        cooldown_list: list[Any],
        model_ids: Sequence[str] = (),
    ) -> None:
        ids = tuple(model_ids)
        alone = bool(ids) and set(ids) <= set(cooldown_list)
        reason = f" {RouterErrors.all_deployments_in_cooldown.value}." if alone else ""
        message = (
            f"{RouterErrors.no_deployments_available.value}, Try again in {cooldown_time} seconds.{reason} Passed model={model}. "
            f"pre-call-checks={enable_pre_call_checks}, cooldown_list={cooldown_list}"
        )
        super().__init__(message, "", model, category=RateLimitErrorCategory.LITELLM_RATE_LIMIT)
        self.cooldown_time = cooldown_time
        self.enable_pre_call_checks = enable_pre_call_checks
        self.cooldown_list = cooldown_list
        self.model_ids = ids
        self.all_deployments_in_cooldown = alone
        kind = RouterErrorTypes.all_deployments_in_cooldown if alone else RouterErrorTypes.rate_limit_error
        self.type = kind.value


def is_active_here(supported_environments: Any) -> bool:
    """Whether a deployment whose `model_info` names `supported_environments` serves in the environment that
    `LITELLM_ENVIRONMENT` says this is. Raises ValueError where that is not set or not known."""
    if supported_environments is None:
        return True
    here = os.environ.get("LITELLM_ENVIRONMENT")
    for name in [here, *supported_environments]:
        if name not in VALID_LITELLM_ENVIRONMENTS:
            raise ValueError(
                f"{name!r} is no environment: `supported_environments` of model_info and the environment variable "
                f"LITELLM_ENVIRONMENT take {', '.join(VALID_LITELLM_ENVIRONMENTS)}."
            )
    return here in supported_environments
