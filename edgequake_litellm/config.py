"""The settings of the whole program: litellm's module attributes, such as ``api_key``, ``drop_params`` or ``num_retries``.

A program assigns them on the package (``edgequake_litellm.api_base = "…"``) and each call reads them anew. The package's
module reports every change to :func:`assigned` and :func:`deleted`, so that a call of a program that has set nothing pays for
one ``if``. Attributes that litellm does not have, or no longer has, may be assigned too; nobody reads them.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

changed: dict[str, Any] = {}
"""The settings for the engine that the program has assigned, by name; what a request carries as ``settings``."""

_aliases: list[dict[str, str]] = [{}]


def aliases() -> dict[str, str]:
    """`model_alias_map`, models by the names that the program gave them. Programs also change the dict that it is."""
    return _aliases[0]


CALLBACKS = (
    "callbacks",
    "input_callback",
    "success_callback",
    "failure_callback",
    "_async_input_callback",
    "_async_success_callback",
    "_async_failure_callback",
)
"""The lists of a program's callbacks."""

OWN_CALLBACKS = frozenset(CALLBACKS[:4])
"""The arguments by which one call has callbacks of its own."""

traced = False
"""Whether calls are to say which span they are made in."""

hooks: dict[str, Any] = {
    **{name: [] for name in (*CALLBACKS, "custom_provider_map", "_program_cache")},
    "max_budget": 0.0,
}
"""What the program has registered to be called: the lists themselves, which programs also append to. And what it may spend."""

_DEFAULT_HOOKS = dict(hooks)


def hooked(arguments: dict[str, Any]) -> bool:
    """Whether a call with the further `arguments` concerns anything that the program has registered."""
    return any(hooks.values()) or not OWN_CALLBACKS.isdisjoint(arguments)


_cache: list[Any] = [None]


def current_cache() -> Any:
    """`cache`, the program's cache of answers; None without one."""
    return _cache[0]


class SettingList(list[object]):
    """A setting that is a list, which programs also append to: the package takes note of that as of an assignment."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def _grows(self) -> None:
        changed[self._name] = self

    def append(self, item: object) -> None:
        self._grows()
        super().append(item)

    def extend(self, items: Any) -> None:
        self._grows()
        super().extend(items)

    def insert(self, position: Any, item: object) -> None:
        self._grows()
        super().insert(position, item)

    def __iadd__(self, items: Any) -> SettingList:  # type: ignore[misc]
        self._grows()
        super().extend(items)
        return self


class UnsupportedList(SettingList):
    """One of a feature that this package lacks: the first change warns."""

    def _grows(self) -> None:
        _warn(self._name)


# What the package does not do yet, by the settings that ask for it. To raise would stop programs at their first line, to
# say nothing would let them believe that it is done.
_UNSUPPORTED = {
    "service_callback": "callbacks of services",
    **dict.fromkeys(("pre_call_rules", "post_call_rules"), "rules"),
    "model_fallbacks": "`model_fallbacks`; the setting is `fallbacks`",
    "budget_duration": "budgets that begin anew",
    "add_function_to_prompt": "tools written into the prompt",
    "custom_prompt_dict": "prompt templates of the program",
    "redact_messages_in_exceptions": "exceptions without the provider's words",
    "callback_settings": "settings of callbacks",
    **dict.fromkeys(("cost_discount_config", "cost_margin_config"), "discounts and margins of costs"),
    "REPEATED_STREAMING_CHUNK_LIMIT": "limits of equal chunks",
    "log_raw_request_response": "the log of raw requests",
    "route_all_chat_openai_to_responses": "completions by way of the Responses API",
    **dict.fromkeys(("client_session", "aclient_session"), "HTTP clients of the program"),
    "secret_manager_client": "secret managers",
    "provider_url_destination_allowed_hosts": "litellm's proxy and its telemetry, whose destinations it limits",
    "enable_json_schema_validation": "validation of answers by a JSON Schema",
}

# Arguments of a call that ask for such a feature: each warns once, so that nobody relies on it in silence.
FEATURES = {
    **{
        name: _UNSUPPORTED[name]
        for name in (
            "enable_json_schema_validation",
            "budget_duration",
            "custom_prompt_dict",
        )
    },
    "max_budget": "budgets of one call",
    "model_list": "lists of deployments",
    "guardrails": "guardrails",
    "retry_policy": "retry policies",
    "litellm_request_debug": "the log of raw requests",
    "merge_reasoning_content_in_choices": "reasoning within the content",
    **dict.fromkeys(("timeout_by_service_tier", "stream_timeout_by_service_tier"), "time limits by service tier"),
    **dict.fromkeys(
        ("roles", "initial_prompt_value", "final_prompt_value", "bos_token", "eos_token"),
        "prompt templates of the program",
    ),
    **dict.fromkeys(
        ("prompt_id", "prompt_variables", "prompt_version", "prompt_label", "prompt_environment"), "managed prompts"
    ),
    **dict.fromkeys(
        ("tenant_id", "client_id", "client_secret", "azure_username", "azure_password", "azure_scope"),
        "signing in at Microsoft Entra",
    ),
}

# The rest of litellm's settings that the engine knows. Keys and addresses of providers are known by their ending, so that
# a provider that the engine learns needs no line here.
_FORWARDED = frozenset(
    (
        "api_key",
        "api_base",
        "api_version",
        "organization",
        "project",
        "headers",
        "drop_params",
        "modify_params",
        "num_retries",
        "quota",
        "request_timeout",
        "fallbacks",
        "default_fallbacks",
        "context_window_fallbacks",
        "content_policy_fallbacks",
        "max_fallbacks",
        "ssl_verify",
        "ssl_certificate",
        "vertex_project",
        "vertex_location",
        "vertex_ai_safety_settings",
        "use_litellm_proxy",
        "enable_preview_features",
        "disable_stop_sequence_limit",
        "user_url_validation",
        "user_url_allowed_hosts",
        "turn_off_message_logging",
        "AZURE_DEFAULT_API_VERSION",
    )
)
_FORWARDED_ENDINGS = ("_key", "_api_base")

_KEYS = """
    openai azure anthropic groq xai cohere openrouter huggingface replicate databricks openai_like ai21 ollama baseten
    clarifai maritalk predibase aleph_alpha nlp_cloud snowflake nebius wandb heroku cometapi ovhcloud lemonade
    vercel_ai_gateway infinity datarobot gigachat togetherai_api cloudflare_api novita_api gradient_ai_api amazon_nova_api
    llama_api
"""

DEFAULTS: dict[str, Any] = {
    "api_key": None,
    "api_base": None,
    "api_version": None,
    "organization": None,
    "project": None,
    "headers": None,
    **dict.fromkeys(name + "_key" for name in _KEYS.split()),
    "vertex_project": None,
    "vertex_location": None,
    "use_litellm_proxy": False,
    "enable_preview_features": False,
    "ssl_verify": True,
    "ssl_certificate": None,
    "user_url_validation": True,
    "user_url_allowed_hosts": SettingList("user_url_allowed_hosts"),
    "drop_params": False,
    "modify_params": False,
    "num_retries": None,
    "quota": None,
    "request_timeout": 6000.0,
    "max_tokens": 256,
    "allowed_fails": 3,
    "max_fallbacks": None,
    "add_function_to_prompt": False,
    "model_alias_map": aliases(),
    "custom_prompt_dict": {},
    "set_verbose": False,
    "suppress_debug_info": False,
    "turn_off_message_logging": False,
    "redact_messages_in_exceptions": False,
    "AZURE_DEFAULT_API_VERSION": "2025-02-01-preview",
    **hooks,
    **{name: UnsupportedList(name) for name in _UNSUPPORTED if name.endswith(("_callback", "_rules", "_hosts"))},
    "cache": None,
    "caching": False,
    "caching_with_models": False,
    "fallbacks": None,
    "default_fallbacks": None,
    "context_window_fallbacks": None,
    "content_policy_fallbacks": None,
    "model_fallbacks": None,
    "_current_cost": 0.0,
    "budget_duration": None,
    "cost_discount_config": {},
    "cost_margin_config": {},
    "REPEATED_STREAMING_CHUNK_LIMIT": 100,
    "log_raw_request_response": False,
    "route_all_chat_openai_to_responses": False,
    "callback_settings": {},
    "client_session": None,
    "aclient_session": None,
    "credential_list": [],
    "secret_manager_client": None,
    "enable_json_schema_validation": False,
}
"""What a setting is until the program assigns it: litellm's default. A list or dict is one object, as in litellm."""

_warned: set[str] = set()


def assigned(name: str, value: Any) -> None:
    """Takes note that the program has assigned `value` to the package's attribute `name`, whatever it is."""
    if name in _FORWARDED or name.endswith(_FORWARDED_ENDINGS):
        # Programs save a setting, change it and put it back: the default counts as not assigned, and so does None.
        default = DEFAULTS.get(name)
        same = value is default and not value if isinstance(default, list) else value == default
        if value is None or (same and type(value) in (bool, int, float, str, SettingList)):
            changed.pop(name, None)
        else:
            changed[name] = value
    elif name == "set_verbose":
        from . import _logging

        _logging.set_verbose(bool(value))
    elif name == "model_alias_map":
        # An empty one is the program's too: it may fill it later.
        _aliases[0] = {} if value is None else value
    elif name == "cache":
        if value is not None or _cache[0] is not None:
            from .caching.caching import use

            use(value)
            _cache[0] = value
    elif name in hooks:
        hooks[name] = [] if value is None else value
    elif value and name in _UNSUPPORTED and value is not DEFAULTS.get(name):
        _warn(name)


def deleted(name: str) -> None:
    """Takes note that the program has deleted the package's attribute `name`, which has its default again."""
    if name in _DEFAULT_HOOKS:
        hooks[name] = _DEFAULT_HOOKS[name]
    elif name in DEFAULTS:
        default = DEFAULTS[name]
        grown = isinstance(default, SettingList) and default
        assigned(name, default if grown or name in ("set_verbose", "model_alias_map") else None)
    else:
        changed.pop(name, None)


def _warn(name: str) -> None:
    feature = _UNSUPPORTED[name]
    if feature in _warned:
        return
    _warned.add(feature)
    warn(f"edgequake_litellm does not support {feature} yet: `{name}` is kept, but nothing acts on it.")


def unsupported(name: str, feature: str) -> None:
    """Warns, once, that an argument of a call asks for a feature that the package lacks."""
    _UNSUPPORTED.setdefault(name, feature)
    _warn(name)


def warn(message: str) -> None:
    """Warns at the line of the program that led here: that is the line to change, and what filters of warnings look at."""
    from warnings import warn

    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        frame, level = frame.f_back, level + 1
    warn(message, UserWarning, stacklevel=level)
