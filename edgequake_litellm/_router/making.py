"""A Router from its arguments."""

from __future__ import annotations

import logging
from threading import RLock

from .. import _calls
from .._logging import verbose_router_logger
from ..types.router import AllowedFailsPolicy, RetryPolicy, RouterGeneralSettings
from . import settings
from .engine import Engine
from .table import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .calls import Calls

_DEFAULT_RETRIES = 2
_DEFAULT_MAX_FALLBACKS = 5

# Arguments that are attributes as they are. Those of what the package does not do are there for programs that look at them.
_KEPT = (
    "set_verbose debug_level ignore_invalid_deployments enable_pre_call_checks enable_tag_filtering tag_filtering_match_any "
    "tag_routing_prefix enable_weighted_failover client_ttl default_max_parallel_requests default_priority allowed_fails "
    "cooldown_time disable_cooldowns stream_timeout retry_after routing_strategy_args cache_responses provider_budget_config "
    "optional_pre_call_checks alerting_config assistants_config deployment_affinity_ttl_seconds model_group_affinity_config "
    "enable_health_check_routing"
).split()


def begin(router: Calls, given: dict[str, Any]) -> _calls.Failure | None:
    """Makes `router` of the arguments `given`, or says what is wrong with them."""
    try:
        _begin(router, given)
    except Exception as error:
        return failure(error)
    return None


def failure(error: Exception) -> _calls.Failure:
    """`error` without the frames that it came through: they have the program's keys among their variables."""
    error.__traceback__ = error.__context__ = None
    return _calls.Failure(error)


def _begin(router: Calls, given: dict[str, Any]) -> None:
    settings.refuse_what_is_not_done(given)
    router._lock = RLock()
    router._engine = Engine(router)
    router._table = Table()
    router._strategy = None
    for name in _KEPT:
        setattr(router, name, given[name])
    if given["set_verbose"]:
        level = logging.DEBUG if given["debug_level"] == "DEBUG" else logging.INFO
        verbose_router_logger.setLevel(level)
    package = settings.package_setting
    router.router_general_settings = given["router_general_settings"] or RouterGeneralSettings()
    # Only where the program has assigned it: litellm's default of 3 belongs to litellm's way to count.
    router.allowed_fails = _first(given["allowed_fails"], vars(settings.package()).get("allowed_fails"))
    router.model_group_alias = given["model_group_alias"] or {}
    router.allowed_fails_policy = policy(AllowedFailsPolicy, given["allowed_fails_policy"])
    router.num_retries = _first(given["num_retries"], package("num_retries"), _DEFAULT_RETRIES)
    router.max_fallbacks = _first(given["max_fallbacks"], package("max_fallbacks"), _DEFAULT_MAX_FALLBACKS)
    router.timeout = given["timeout"]
    router.retry_policy = policy(RetryPolicy, given["retry_policy"])
    router.model_group_retry_policy = policies(given["model_group_retry_policy"])
    router.routing_strategy = settings.strategy(given["routing_strategy"])
    router.fallbacks = _fallbacks(given["fallbacks"], given["default_fallbacks"])
    router.context_window_fallbacks = given["context_window_fallbacks"] or package("context_window_fallbacks")
    router.content_policy_fallbacks = given["content_policy_fallbacks"] or package("content_policy_fallbacks")
    settings.check_fallbacks(router.context_window_fallbacks)
    settings.check_fallbacks(router.content_policy_fallbacks)
    router.default_litellm_params = dict(given["default_litellm_params"] or {})
    settings.share(router, given)
    router.set_model_list(given["model_list"] or [])
    settings.warn_of_unknown_groups(router)
    router._engine.ready(router)


def _fallbacks(fallbacks: Any, default_fallbacks: Any) -> Any:
    made = fallbacks or settings.package_setting("fallbacks")
    settings.check_fallbacks(made)
    default = default_fallbacks or settings.package_setting("default_fallbacks")
    # A list of its own: the caller's may be shared with another router.
    return [*(made or ()), {"*": default}] if default else made


def setting(name: str, value: Any) -> Any:
    """The value of the attribute `name` for what a program gives. Raises ValueError where it is wrong."""
    if name == "routing_strategy":
        return settings.strategy(value)
    if name == "retry_policy":
        return policy(RetryPolicy, value)
    if name == "model_group_retry_policy":
        return policies(value)
    if name.endswith("fallbacks"):
        settings.check_fallbacks(value)
    return value


def policy(kind: Any, value: Any) -> Any:
    return kind(**value) if isinstance(value, dict) else value


def policies(by_group: Any) -> dict[str, Any]:
    return {group: policy(RetryPolicy, value) for group, value in (by_group or {}).items()}


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
