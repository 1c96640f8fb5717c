"""litellm.router: many deployments of models behind names of the program's own.

::

    router = Router(model_list=[
        {"model_name": "fast", "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": "…"}},
        {"model_name": "fast", "litellm_params": {"model": "azure/my-deployment", "api_base": "…", "api_key": "…"}},
    ])
    response = router.completion("fast", [{"role": "user", "content": "Hello"}])

Which deployment answers, what is tried again and what is asked instead is decided in the engine; see docs/router.md.
"""

from __future__ import annotations

from typing import Any, NoReturn, Optional, Union

from ._router import making, settings
from ._router.kept import Kept
from .types.router import (
    AlertingConfig,
    AllowedFailsPolicy,
    AssistantsTypedDict,
    CustomRoutingStrategyBase,
    Deployment,
    DeploymentTypedDict,
    GenericLiteLLMParams,
    LiteLLM_Params,
    LiteLLMParamsTypedDict,
    ModelGroupInfo,
    ModelInfo,
    RetryPolicy,
    RouterErrors,
    RouterGeneralSettings,
    RouterModelGroupAliasItem,
    RouterRateLimitError,
    RouterRateLimitErrorBasic,
    RoutingStrategy,
    updateDeployment,
    updateLiteLLMParams,
)

__all__ = [
    "AlertingConfig",
    "AllowedFailsPolicy",
    "AssistantsTypedDict",
    "CustomRoutingStrategyBase",
    "Deployment",
    "DeploymentTypedDict",
    "GenericLiteLLMParams",
    "LiteLLMParamsTypedDict",
    "LiteLLM_Params",
    "ModelGroupInfo",
    "ModelInfo",
    "RetryPolicy",
    "Router",
    "RouterErrors",
    "RouterGeneralSettings",
    "RouterModelGroupAliasItem",
    "RouterRateLimitError",
    "RouterRateLimitErrorBasic",
    "RoutingStrategy",
    "updateDeployment",
    "updateLiteLLMParams",
]

# Attributes that the engine has its share of: to assign one is to change the router.
_ENGINES = frozenset(
    "routing_strategy routing_strategy_args num_retries timeout stream_timeout retry_after retry_policy model_group_retry_policy "
    "allowed_fails allowed_fails_policy cooldown_time disable_cooldowns fallbacks context_window_fallbacks "
    "content_policy_fallbacks max_fallbacks optional_pre_call_checks model_group_alias enable_pre_call_checks enable_tag_filtering "
    "tag_filtering_match_any default_max_parallel_requests default_litellm_params".split()
)
# What `update_settings` changes.
_UPDATABLE = (
    "routing_strategy",
    "routing_strategy_args",
    "timeout",
    "num_retries",
    "retry_after",
    "allowed_fails",
    "cooldown_time",
    "fallbacks",
    "context_window_fallbacks",
    "content_policy_fallbacks",
    "model_group_retry_policy",
    "retry_policy",
    "model_group_alias",
    "enable_tag_filtering",
)
_SHOWN = (
    "routing_strategy_args",
    "routing_strategy",
    "allowed_fails",
    "cooldown_time",
    "num_retries",
    "timeout",
    "retry_after",
    "fallbacks",
    "context_window_fallbacks",
    "model_group_retry_policy",
    "retry_policy",
    "model_group_alias",
    "enable_weighted_failover",
    "enable_tag_filtering",
    "tag_routing_prefix",
)


class Router(Kept):
    """Calls models by names of the program's own, each of which one or more deployments serve.

    Any thread may use it and change it, and so may coroutines of any loop; a forked child uses it as its parent did. Arguments and
    attributes are litellm's, and an attribute may be assigned. What counts failures, usage and health lives in the engine and
    goes when the router goes.
    """

    def __init__(
        self,
        model_list: Optional[list[Any]] = None,
        assistants_config: Optional[AssistantsTypedDict] = None,
        search_tools: Optional[list[Any]] = None,
        guardrail_list: Optional[list[Any]] = None,
        redis_url: Optional[str] = None,
        redis_host: Optional[str] = None,
        redis_port: Optional[int] = None,
        redis_password: Optional[str] = None,
        redis_db: Optional[int] = None,
        cache_responses: Optional[bool] = False,
        cache_kwargs: dict[str, Any] = {},  # noqa: B006  # litellm's signature; never changed here
        caching_groups: Optional[list[Any]] = None,
        client_ttl: int = 3600,
        polling_interval: Optional[float] = None,
        default_priority: Optional[int] = None,
        num_retries: Optional[int] = None,
        max_fallbacks: Optional[int] = None,
        timeout: Any = None,
        stream_timeout: Any = None,
        default_litellm_params: Optional[dict[str, Any]] = None,
        default_max_parallel_requests: Optional[int] = None,
        set_verbose: bool = False,
        debug_level: str = "INFO",
        default_fallbacks: Optional[list[str]] = None,
        fallbacks: list[Any] = [],  # noqa: B006
        context_window_fallbacks: list[Any] = [],  # noqa: B006
        content_policy_fallbacks: list[Any] = [],  # noqa: B006
        model_group_alias: Optional[dict[str, Any]] = {},  # noqa: B006
        enable_pre_call_checks: bool = False,
        enable_tag_filtering: bool = False,
        tag_filtering_match_any: bool = True,
        tag_routing_prefix: str = "",
        plugins: Optional[list[Any]] = None,
        retry_after: int = 0,
        retry_policy: Union[RetryPolicy, dict[str, Any], None] = None,
        model_group_retry_policy: dict[str, Any] = {},  # noqa: B006
        allowed_fails: Optional[int] = None,
        allowed_fails_policy: Union[AllowedFailsPolicy, dict[str, Any], None] = None,
        cooldown_time: Optional[float] = None,
        disable_cooldowns: Optional[bool] = None,
        routing_strategy: Any = "simple-shuffle",
        optional_pre_call_checks: Optional[list[str]] = None,
        routing_strategy_args: dict[str, Any] = {},  # noqa: B006
        routing_groups: Optional[list[Any]] = None,
        provider_budget_config: Optional[dict[str, Any]] = None,
        alerting_config: Optional[AlertingConfig] = None,
        router_general_settings: Any = RouterGeneralSettings(),  # noqa: B008  # litellm's signature
        deployment_affinity_ttl_seconds: int = 3600,
        model_group_affinity_config: Optional[dict[str, list[str]]] = None,
        ignore_invalid_deployments: bool = False,
        enable_health_check_routing: bool = False,
        health_check_staleness_threshold: Optional[int] = None,
        health_check_ignore_transient_errors: bool = False,
        background_health_check_model_groups: Any = None,
        enable_weighted_failover: bool = False,
        fallback_access_check: Any = None,
        fallback_budget_check: Any = None,
        auto_router_capability_limit: Any = None,
    ) -> None:
        """
        `model_list` has the deployments: dicts with `model_name` (the group), `litellm_params` (the arguments of `completion`, and
        `rpm`, `tpm`, `weight`, `order`, `max_parallel_requests`, `tags`) and `model_info`. `num_retries` is how often a call is
        tried again within its group (2), `timeout` the seconds for a call with all of that, `fallbacks` the groups that are asked
        when one has failed: `[{"group": ["another", …]}]`.

        Raises BadRequestError for a deployment or setting that is wrong, and for one that the package does not have and that a
        program could not do without. Of the others it warns once.
        """
        failure = making.begin(self, locals())
        if failure is not None:
            del model_list, redis_url, redis_password, cache_kwargs, default_litellm_params
            raise failure.pop()

    @staticmethod
    def validate_fallbacks(fallback_param: Any) -> None:
        """Raises ValueError unless it is a list of dicts, each from one group to a list of others."""
        settings.check_fallbacks(fallback_param)

    @staticmethod
    def get_valid_args() -> list[str]:
        """The names of the constructor's arguments."""
        code = Router.__init__.__code__
        return list(code.co_varnames[1 : code.co_argcount])

    # Settings ----------------------------------------------------------------------------------------------------------

    @property
    def timeout(self) -> Any:
        """The seconds for a call, all attempts and fallbacks together."""
        return self._explicit_timeout or settings.package_setting("request_timeout")

    @timeout.setter
    def timeout(self, value: Any) -> None:
        self._explicit_timeout = value

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in _ENGINES:
            self._engine.changed()

    def get_settings(self) -> dict[str, Any]:
        """The settings that `update_settings` changes, and some more."""
        return {**{name: getattr(self, name) for name in _SHOWN}, "routing_groups": []}

    def update_settings(self, **kwargs: Any) -> None:
        """Changes settings of the router while it is used. Raises TypeError for one that cannot be changed this way.

        What the new settings are together is checked before the next call.
        """
        unknown = [name for name in kwargs if name not in _UPDATABLE]
        if unknown:
            raise TypeError(f"update_settings() takes {', '.join(_UPDATABLE)}, not {', '.join(unknown)}")
        made = {name: making.setting(name, value) for name, value in kwargs.items()}
        for name, value in made.items():
            setattr(self, name, value)

    # Ending ------------------------------------------------------------------------------------------------------------

    def discard(self) -> None:
        """Nothing: the router goes when nobody holds it. litellm's had to be taken out of the program's callbacks."""

    def flush_cache(self) -> None:
        """Forgets cached answers: the package has no cache after this, as in litellm."""
        settings.package().cache = None

    def reset(self) -> None:
        """Takes the program's callbacks, its cache and the retry policy away, as litellm does before it ends."""
        package = settings.package()
        for name in ("success_callback", "_async_success_callback", "failure_callback", "_async_failure_callback"):
            setattr(package, name, [])
        self.retry_policy = None
        self.flush_cache()

    def __repr__(self) -> str:
        groups = list(self._table.by_group)
        return f"<Router of {len(self._table.rows)} deployments in {len(groups)} groups: {self.routing_strategy}>"

    def __copy__(self) -> Router:
        # Programs copy agents that hold a router: the copy calls through the same one.
        return self

    def __deepcopy__(self, memo: Any) -> Router:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Router cannot be pickled: make another with the same arguments")
