"""litellm's lists: providers, models, and what a provider needs in the environment."""

from __future__ import annotations

import os
import sys
from enum import Enum

from . import _questions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PACKAGE = __package__

# Three members of litellm's enum are not spelled as their values.
_MEMBERS = {"sap": "SAP_GENERATIVE_AI_HUB", "meta_llama": "LLAMA", "nano-gpt": "NANOGPT"}


class _Provider(str, Enum):
    """A provider's name, equal to the string that it is."""

    __str__ = str.__str__


def make_llm_providers() -> Any:
    """litellm's enum of the providers that it knows. The library reaches some of them only; see the README."""
    names: list[str] = _questions.ask(b"provider_names", {})
    members = {_MEMBERS.get(name, name.upper().replace("-", "_").replace(".", "_")): name for name in names}
    made: Any = _Provider("LlmProviders", members)  # type: ignore[call-overload]  # an enum of given members
    made.__module__ = "litellm.types.utils"
    return made


def make_provider_list() -> list[Any]:
    """litellm's `provider_list`."""
    return list(_package().LlmProviders)


def make_models_by_provider() -> dict[str, list[str]]:
    """litellm's `models_by_provider`: the names of a provider's models in the table."""
    out: dict[str, list[str]] = {}
    for name, entry in _package().model_cost.items():
        provider = entry.get("litellm_provider")
        if provider:
            # The table splits some providers by what their models are made of: vertex_ai-anthropic_models.
            out.setdefault(provider.split("-")[0] if provider.startswith("vertex_ai") else provider, []).append(name)
    return out


def make_model_list() -> list[str]:
    """litellm's `model_list`: the names of models that answer in words or vectors."""
    modes = (None, "chat", "completion", "embedding", "responses")
    return [name for name, entry in _package().model_cost.items() if entry.get("mode") in modes]


def get_valid_models(
    check_provider_endpoint: bool | None = None,
    custom_llm_provider: str | None = None,
    litellm_params: Any = None,
    api_key: str | None = None,
    api_base: str | None = None,
) -> list[str]:
    """The models of the providers that have a key in the environment, or of `custom_llm_provider`.

    The table answers; no provider is asked for what it serves today (`check_provider_endpoint` is refused).
    """
    if check_provider_endpoint:
        raise ValueError(
            "get_valid_models asks no provider: leave check_provider_endpoint out to get the models of the table"
        )
    by_provider = _package().models_by_provider
    if custom_llm_provider is not None:
        return list(by_provider.get(custom_llm_provider, []))
    valid: list[str] = []
    for provider in by_provider:
        names = {f"{provider.upper()}_API_KEY", f"{provider.replace('_', '').upper()}_API_KEY", *_keys(provider)}
        if any(os.environ.get(name) for name in names):
            valid.extend(by_provider[provider])
    return valid


def check_valid_key(model: str, api_key: str) -> bool:
    """Does a provider take the key? Asks for an answer of ten tokens, which is billed."""
    try:
        _package().completion(
            model=model, messages=[{"role": "user", "content": "Hello"}], api_key=api_key, max_tokens=10, num_retries=0
        )
    except Exception:
        return False
    return True


# What must be set for a provider whose key alone is not enough, or one key of several is.
_ALL_OF = {
    "azure": ("AZURE_API_BASE", "AZURE_API_VERSION", "AZURE_API_KEY"),
    "vertex_ai": ("VERTEXAI_PROJECT", "VERTEXAI_LOCATION"),
    "bedrock": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "sagemaker": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "cloudflare": ("CLOUDFLARE_API_KEY", "CLOUDFLARE_API_BASE"),
}
_INSTEAD = {
    "anthropic": ("ANTHROPIC_AUTH_TOKEN",),
    "bedrock": (
        "AWS_ROLE_ARN",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_BEARER_TOKEN_BEDROCK",
    ),
}
# What litellm reports as missing where a provider has several names for its key.
_REPORTED = {
    "gemini": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    "ollama": ("OLLAMA_API_BASE",),
    "ollama_chat": ("OLLAMA_API_BASE",),
}


def validate_environment(
    model: str | None = None,
    api_key: str | None = None,
    api_base: str | None = None,
    api_version: str | None = None,
) -> dict[str, Any]:
    """What `model` needs in the environment: `{"keys_in_environment": bool, "missing_keys": [names]}`.

    What is passed as `api_key`, `api_base` or `api_version` is not missing. Values are never shown.
    """
    if model is None:
        return {"keys_in_environment": False, "missing_keys": []}
    try:
        provider = _questions.get_llm_provider(model)[1]
    except Exception:
        return {"keys_in_environment": False, "missing_keys": []}
    needed = _ALL_OF.get(provider)
    if needed is None:
        keys = _REPORTED.get(provider) or tuple(_keys(provider))
        found = any(os.environ.get(name) for name in keys)
        needed = () if found else keys if provider in _REPORTED else keys[:1]
    if any(os.environ.get(name) for name in _INSTEAD.get(provider, ())):
        needed = ()
    given = {"_API_KEY": api_key, "_API_BASE": api_base, "_API_VERSION": api_version}
    missing = [
        name
        for name in needed
        if not os.environ.get(name) and not any(value and name.endswith(end) for end, value in given.items())
    ]
    if needed and len(missing) < len(needed) and provider == "azure":
        # litellm names all three while one is missing.
        missing = (
            [name for name in needed if not any(value and name.endswith(end) for end, value in given.items())]
            if missing
            else []
        )
    return {"keys_in_environment": not missing, "missing_keys": missing}


def _keys(provider: str) -> list[str]:
    """The environment variables that may hold a provider's key, in the engine's order; litellm's usual name where it has no row."""
    for row in _questions.ask(b"providers", {})["wire"]:
        if row["name"] == provider:
            keys: list[str] = row["api_key_env"]
            return keys
    return [f"{provider.upper()}_API_KEY"]


def _package() -> Any:
    return sys.modules[_PACKAGE]
