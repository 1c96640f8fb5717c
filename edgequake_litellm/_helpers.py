"""Smaller functions of litellm's that programs call beside the large ones."""

from __future__ import annotations

import os
import sys
from typing import Any

from . import _questions
from .exceptions import BadRequestError, UnsupportedParamsError

_PACKAGE = __package__

OPENAI_CHAT_COMPLETION_PARAMS = (
    "functions function_call temperature top_p n stream stream_options stop max_completion_tokens modalities prediction audio "
    "max_tokens presence_penalty frequency_penalty logit_bias user request_timeout api_base api_version api_key deployment_id "
    "organization base_url default_headers timeout response_format seed tools tool_choice max_retries parallel_tool_calls "
    "logprobs top_logprobs reasoning_effort extra_headers thinking web_search_options include_server_side_tool_invocations "
    "service_tier prompt_cache_key prompt_cache_retention safety_identifier verbosity store"
).split()
"""The arguments of a completion that are not a provider's own."""

_THINKING_TOKENS = 2048


def get_secret(secret_name: str, default_value: Any = None, optional_params: Any = None) -> Any:
    """The environment variable `secret_name`, which may be written `os.environ/NAME`; true and false are bools."""
    value = os.environ.get(secret_name.replace("os.environ/", "", 1))
    if value is None:
        return default_value
    return {"true": True, "false": False}.get(value.strip().lower(), value)


def get_secret_str(secret_name: str, default_value: str | None = None) -> str | None:
    """`get_secret` for a text."""
    value = os.environ.get(secret_name.replace("os.environ/", "", 1))
    return default_value if value is None else value


def get_secret_bool(secret_name: str, default_value: bool | None = None) -> bool | None:
    """`get_secret` for true or false; None for anything else."""
    value = get_secret(secret_name, default_value)
    return value if isinstance(value, bool) else None


def validate_and_fix_thinking_param(thinking: Any) -> Any:
    """The argument `thinking` as Anthropic's API has it: a bool becomes the object, `budgetTokens` becomes `budget_tokens`."""
    if thinking is True:
        return {"type": "enabled", "budget_tokens": _THINKING_TOKENS}
    if thinking is False:
        return None
    if not isinstance(thinking, dict) or "budgetTokens" not in thinking:
        return dict(thinking) if isinstance(thinking, dict) else thinking
    fixed = dict(thinking)
    tokens = fixed.pop("budgetTokens")
    fixed.setdefault("budget_tokens", tokens)
    return fixed


def load_credentials_from_list(kwargs: dict[str, Any]) -> None:
    """Puts what `litellm.credential_list` holds under `kwargs["litellm_credential_name"]` into `kwargs`, where nothing stands yet.

    Raises BadRequestError for a name that the list has not: a request without its credentials would go out with others.
    """
    name = kwargs.get("litellm_credential_name")
    if not name:
        return
    known = list(sys.modules[_PACKAGE].credential_list)
    for item in known:
        if _read(item, "credential_name") == name:
            for key, value in (_read(item, "credential_values") or {}).items():
                kwargs.setdefault(key, value)
            return
    raise BadRequestError(
        f"litellm_credential_name={name!r} is none of the {len(known)} credentials in litellm.credential_list. Add it there.",
        model=kwargs.get("model") or "",
        llm_provider="",
    )


def _read(item: Any, name: str) -> Any:
    return item.get(name) if isinstance(item, dict) else getattr(item, name, None)


def get_optional_params(
    model: str,
    custom_llm_provider: str | None = None,
    drop_params: bool | None = None,
    additional_drop_params: list[str] | None = None,
    allowed_openai_params: list[str] | None = None,
    **parameters: Any,
) -> dict[str, Any]:
    """Those of `parameters`, under OpenAI's names, that a call of `model` would carry.

    Raises UnsupportedParamsError for one that the provider does not support, unless `drop_params` leaves it out. Providers with
    protocols of their own get them under other names when the call is made.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    for name in additional_drop_params or ():
        given.pop(name, None)
    supported = _questions.get_supported_openai_params(model, custom_llm_provider) or []
    openais = frozenset(OPENAI_CHAT_COMPLETION_PARAMS)
    refused = [
        name
        for name in given
        if name in openais
        and name not in supported
        and name not in _UNCHECKED
        and name not in (allowed_openai_params or ())
    ]
    if refused and not (drop_params or sys.modules[_PACKAGE].drop_params):
        raise UnsupportedParamsError(
            f"{custom_llm_provider or model} does not support the parameters {refused}. Leave them out, or set `drop_params=True`.",
            llm_provider=custom_llm_provider,
            model=model,
        )
    return {name: value for name, value in given.items() if name not in refused}


_UNCHECKED = frozenset(("user", "stream", "stream_options", "max_retries", "extra_headers"))


def responses_api_bridge_check(model: str, custom_llm_provider: str, **unused: Any) -> tuple[dict[str, Any], str]:
    """The facts of a model as a dict, and its name without a leading `responses/`.

    In litellm, the mode `responses` says that a completion is asked through the Responses API. This package asks through chat
    completions always, and says `chat` of such a model.
    """
    from ._facts import get_model_info

    bare = model.replace("responses/", "", 1) if model.startswith("responses/") else model
    try:
        facts = get_model_info(bare, custom_llm_provider)
    except Exception:
        return {}, bare
    if facts.get("mode") == "responses":
        facts = {**facts, "mode": "chat"}
    return facts, bare


class ProviderConfigManager:
    """litellm's registry of the classes that translate for providers. The translation is the core's, so there are none."""

    @staticmethod
    def get_provider_responses_api_config(provider: Any, model: str | None = None) -> None:
        """None: no completion goes through a Responses API, see `responses_api_bridge_check`."""
        return

    @staticmethod
    def get_provider_chat_config(model: str, provider: Any, **unused: Any) -> None:
        """None: see the class."""
        return
