"""What a Router is made with: the engine's share as JSON, and what the package does not do, said in words."""

from __future__ import annotations

import json
import sys

from .. import _compat, _request, config
from .._types.base import Model
from ..types.router import PRICES
from . import own
from .table import invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .base import RouterBase
    from .calls import Calls

    Fields = dict[str, Any]

_PACKAGE = __package__.partition(".")[0]

# Arguments that would let a call through that should be stopped, or send it elsewhere: to ignore them is no choice.
REFUSED = {
    "assistants_config": "OpenAI's assistants are not supported. Leave `assistants_config` out.",
    "search_tools": "Search tools are not supported. Leave `search_tools` out.",
    "guardrail_list": "Guardrails are not supported, and a call that should be guarded is not made. Check messages in the program.",
    "plugins": "Routing plugins are not supported. A strategy of the program's own is set by `set_custom_routing_strategy`.",
    "routing_groups": "Routing groups are not supported. Use one Router for each strategy.",
    "provider_budget_config": "A router has no budgets. Set one per provider by `register_quota`, and pass its name as `quota`.",
    "model_group_affinity_config": "Affinity of sessions to deployments is not supported. Name a deployment's id as the `model`.",
    "fallback_access_check": "`fallback_access_check` is not supported. Give each caller the `fallbacks` that it may use.",
    "fallback_budget_check": "`fallback_budget_check` is not supported. Give each caller the `fallbacks` that it may use.",
    "auto_router_capability_limit": "Routers by content are not supported. Leave `auto_router_capability_limit` out.",
    "tag_routing_prefix": "`tag_routing_prefix` is not supported. Give the tags as the deployments have them.",
}

# Arguments that change no answer: a program runs as well without them, and is told so once.
WARNED = {
    "alerting_config": "alerts of slow and failed calls",
    "caching_groups": "caches that several groups share",
    "default_priority": "priorities of calls",
    "enable_health_check_routing": "health checks in the background",
    "background_health_check_model_groups": "health checks in the background",
}

# Names of checks before a call, by what the package does about each.
_CHECKS_DONE = frozenset(("router_budget_limiting", "enforce_model_rate_limits"))
_CHECKS_WARNED = frozenset(
    ("prompt_caching", "deployment_affinity", "session_affinity", "responses_api_deployment_check")
)

STRATEGIES = (
    "simple-shuffle",
    "least-busy",
    "latency-based-routing",
    "cost-based-routing",
    "usage-based-routing",
    "usage-based-routing-v2",
)


def refuse_what_is_not_done(given: Fields) -> None:
    """Raises BadRequestError for an argument in REFUSED that says anything, and warns of those in WARNED."""
    for name, words in REFUSED.items():
        if given.get(name):
            raise invalid(f"{words} (`{name}` of Router)")
    for name, feature in WARNED.items():
        if given.get(name) not in (None, False):
            config.unsupported(name, feature)
    for name in given.get("optional_pre_call_checks") or ():
        if name in _CHECKS_WARNED:
            config.unsupported(name, f"the check {name!r} before a call")
        elif name not in _CHECKS_DONE:
            raise invalid(f"{name!r} of `optional_pre_call_checks` is not supported. Leave it out.")


def share(router: RouterBase, given: Fields) -> None:
    """Notes what the router shares with other processes, and through which Redis."""
    named = {name: given[f"redis_{name}"] for name in ("url", "host", "port", "password", "db")}
    router._redis = {name: value for name, value in {**named, **given["cache_kwargs"]}.items() if value is not None}
    if router._redis.get("namespace") == "":
        # To litellm an empty one is none.
        del router._redis["namespace"]
    if given["cache_responses"] and getattr(package(), "cache", None) is None:
        from ..caching import Cache

        # As litellm does: the program's cache, which calls outside of the router may then use too.
        package().cache = Cache(type="redis" if router._redis else "local", **router._redis)


# Strategies to which `rpm` and `tpm` are limits. To the others they are weights.
_LIMITING = ("latency-based-routing", "cost-based-routing", "usage-based-routing", "usage-based-routing-v2")


# What says where a Redis is and how it is reached; `cache_kwargs` may have other arguments of a cache beside them.
_OF_A_SERVER = {
    "url",
    "host",
    "port",
    "username",
    "password",
    "db",
    "namespace",
    "startup_nodes",
    "socket_timeout",
    "socket_connect_timeout",
    "protocol",
}


def _server(given: Fields) -> Fields | None:
    """The Redis through which processes tell each other which deployments are left alone."""
    if not {"url", "host", "startup_nodes"} & given.keys():
        return None
    return {name: value for name, value in given.items() if name in _OF_A_SERVER or name.startswith("ssl")}


def quota_config(router: RouterBase) -> Fields | None:
    """The engine's quota that counts the limits of the router's deployments; None where it needs none.

    Through Redis it counts for all processes whose deployments have the same ids. In this process alone the router keeps its
    limits by itself, unless every strategy is to keep them.
    """
    enforced = "enforce_model_rate_limits" in (router.optional_pre_call_checks or ())
    kept = enforced or router.enable_pre_call_checks or router.routing_strategy in _LIMITING
    if not kept or not (router._redis or enforced):
        return None
    store = {"type": "redis", **router._redis} if router._redis else {"type": "memory"}
    # No limit but the deployments' own: this one is for none of them.
    return {"store": store, "limits": [{"per": "deployment", "match": [], "parallel": 0}]}


def strategy(value: Any) -> str:
    """The name of a routing strategy, from a name or litellm's enum. Raises ValueError for one that there is not."""
    name = getattr(value, "value", value)
    if name is None:
        return "simple-shuffle"
    if name not in STRATEGIES:
        raise ValueError(f"Invalid routing_strategy: {name!r}. Valid options: {list(STRATEGIES)}")
    return str(name)


def check_fallbacks(fallbacks: Any) -> None:
    """Raises ValueError unless `fallbacks` is a list of dicts with one group each."""
    for item in fallbacks or ():
        if not isinstance(item, dict):
            raise ValueError(f'Item {item!r} of fallbacks is not a dictionary: write {{"group": ["another group"]}}.')
        if len(item) != 1:
            raise ValueError(f"Dictionary {item!r} of fallbacks must have exactly one key: the group that falls back.")


def listed(fallbacks: Any) -> Any:
    """`fallbacks` with lists where a group has one other only: `{"a": "b"}` is litellm's for `{"a": ["b"]}`."""
    if not isinstance(fallbacks, (list, tuple)):
        return fallbacks
    return [
        {group: [other] if isinstance(other, str) else other for group, other in item.items()}
        if isinstance(item, dict) and "model" not in item
        else item
        for item in fallbacks
    ]


def warn_of_unknown_groups(router: Calls) -> None:
    """Warns of names in fallbacks and aliases that no deployment serves: litellm finds a typing error only when a group has failed.

    It is no error, since deployments may be added later; a router that has none yet says nothing.
    """
    if not router._table.rows or router.router_general_settings.pass_through_all_models:
        return
    named = [(router.get_model_from_alias(alias), "model_group_alias") for alias in router.model_group_alias]
    for where in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"):
        for item in listed(getattr(router, where)) or ():
            for group, others in item.items():
                named.append((group, where))
                if isinstance(others, (list, tuple)):
                    named.extend((_model_of(other), where) for other in others)
    unknown = [
        f"{group!r} of `{where}`"
        for group, where in dict.fromkeys(named)
        if group != "*" and group not in router._table and not router.get_model_list(group)
    ]
    if unknown:
        config.warn(f"No deployment of the Router serves {', '.join(unknown)}.")


def _model_of(target: Any) -> str:
    """The group of a fallback, which may be a dict of arguments."""
    return str(target.get("model")) if isinstance(target, dict) else str(target)


def package() -> Any:
    return sys.modules[_PACKAGE]


def package_setting(name: str) -> Any:
    """litellm's setting of the whole program, where a Router has none of its own."""
    return getattr(package(), name)


def engine_config(router: RouterBase) -> Fields:
    """The router's settings and deployments as the engine has them; what was not given is not in it."""
    given: Fields = {
        "model_list": [wire_row(row) for row in router._table.rows],
        "routing_strategy": router.routing_strategy,
        "routing_strategy_args": _plain(router.routing_strategy_args),
        "num_retries": router.num_retries,
        "timeout": router._explicit_timeout,
        "stream_timeout": router.stream_timeout,
        "retry_after": router.retry_after,
        "retry_policy": _plain(router.retry_policy),
        "model_group_retry_policy": {
            group: _plain(policy) for group, policy in (router.model_group_retry_policy or {}).items()
        },
        "allowed_fails": router.allowed_fails,
        "allowed_fails_policy": _plain(router.allowed_fails_policy),
        "cooldown_time": router.cooldown_time,
        "disable_cooldowns": router.disable_cooldowns,
        "fallbacks": listed(router.fallbacks),
        "context_window_fallbacks": listed(router.context_window_fallbacks),
        "content_policy_fallbacks": listed(router.content_policy_fallbacks),
        "max_fallbacks": router.max_fallbacks,
        "model_group_alias": router.model_group_alias,
        "enable_pre_call_checks": router.enable_pre_call_checks,
        "enable_tag_filtering": router.enable_tag_filtering,
        "tag_filtering_match_any": router.tag_filtering_match_any,
        "default_max_parallel_requests": router.default_max_parallel_requests,
        "redis": _server(router._redis),
        "default_litellm_params": wire_params(_without(router.default_litellm_params, "metadata", "timeout")),
    }
    try:
        _request.translate_times(given)
    except TypeError as error:
        raise invalid(f"{error} (in the arguments of Router)") from None
    made = {name: value for name, value in given.items() if value is not None and value not in ({}, [])}
    # What JSON has not is made JSON, or named where it stands.
    plain: Fields = json.loads(_request.encode(made))
    return plain


def wire_row(row: Fields) -> Fields:
    """A deployment as the engine has it."""
    params, info = row["litellm_params"], row["model_info"]
    if own.answers(row):
        # The engine chooses it, and need not know more of it than that takes.
        params = {name: params[name] for name in ("model", *_CHOOSING) if name in params}
    return {
        "model_name": row["model_name"],
        "litellm_params": wire_params(params),
        "model_info": {name: info[name] for name in _INFO if info.get(name) is not None},
        "blocked": bool(row.get("blocked") or info.get("blocked")),
    }


# What a deployment is chosen by.
_CHOOSING = (
    "rpm",
    "tpm",
    "itpm",
    "otpm",
    "weight",
    "order",
    "tags",
    "max_parallel_requests",
    *PRICES,
)
# What the engine knows of a deployment beside its arguments. The rest of a `model_info` is the program's own.
_INFO = (
    "id",
    "base_model",
    "max_tokens",
    "max_input_tokens",
    "max_output_tokens",
    *PRICES,
    "order",
    "rpm",
    "tpm",
    "itpm",
    "otpm",
    "cooldown_time",
    "allowed_fails",
    "allowed_fails_policy",
)


def wire_params(params: Fields) -> Fields:
    """Arguments of a call without what only Python, or only litellm's proxy, knows; None and what is that are left out."""
    made = _without(params, *_ELSEWHERE)
    wanted = made.get("response_format")
    if isinstance(wanted, type):
        try:
            made["response_format"] = _compat.response_format(wanted, strict=not _request.is_google(params))
        except TypeError as error:
            raise invalid(f"{error} (in `litellm_params`)") from None
    _request.translate(made)
    return {name: _plain(value) for name, value in made.items() if value is not None}


# What only litellm's proxy reads, and what Python reads itself.
_ELSEWHERE = (
    "azure_ad_token_provider",
    "allow_client_keepalive_override",
    "configurable_clientside_auth_params",
    "default_api_key_rpm_limit",
    "default_api_key_tpm_limit",
    "keepalive_seconds",
    "max_file_size_mb",
    "model_info",
    "use_in_pass_through",
)


def _without(fields: Fields, *names: str) -> Fields:
    return {name: value for name, value in fields.items() if name not in names}


def _plain(value: Any) -> Any:
    return value.model_dump(exclude_none=True) if isinstance(value, Model) else value
