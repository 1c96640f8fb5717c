"""Questions that the engine answers without a network: which provider serves a model, and what it supports."""

from __future__ import annotations

from . import _request, _runtime, config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def get_llm_provider(
    model: str,
    custom_llm_provider: str | None = None,
    api_base: str | None = None,
    api_key: str | None = None,
    litellm_params: Any = None,
) -> tuple[str, str, str | None, str | None]:
    """Where a call of `model` goes: the model as the provider knows it, the provider, a key and an address.

    The key and the address are those that were given, or that the provider's own environment variables and defaults make;
    None where the call itself will find them. Raises BadRequestError for a model whose provider is not known.
    """
    own = _own(model, custom_llm_provider)
    if own is not None:
        return own[0], own[1], api_key, api_base
    answer = ask(
        b"get_llm_provider",
        {"model": model, "custom_llm_provider": custom_llm_provider, "api_base": api_base, "api_key": api_key},
    )
    return answer["model"], answer["custom_llm_provider"], answer["dynamic_api_key"], answer["api_base"]


def get_supported_openai_params(
    model: str,
    custom_llm_provider: str | None = None,
    request_type: str = "chat_completion",
    base_model: str | None = None,
) -> list[str] | None:
    """The parameters of `request_type` (`chat_completion` or `embeddings`) that a provider supports for `model`.

    None for a provider that is not known.
    """
    own = _own(model, custom_llm_provider)
    return ask(  # type: ignore[no-any-return]
        b"supported_params",
        {
            "model": model if own is None else own[0],
            # What a program's own provider supports only the program knows: OpenAI's parameters, as in litellm.
            "custom_llm_provider": custom_llm_provider if own is None else "custom_openai",
            "request_type": request_type,
            "base_model": base_model,
        },
    )


def _own(model: str, custom_llm_provider: str | None) -> Any:
    """The program's own provider of a model, see `_custom.handler_of`."""
    if not config.hooks["custom_provider_map"]:
        return None
    from . import _custom

    return _custom.handler_of(model, custom_llm_provider)


def ask(name: bytes, fields: dict[str, Any]) -> Any:
    """The engine's answer to the question `name`, whose fields that are None are not given."""
    given = {key: value for key, value in fields.items() if value is not None}
    return _runtime.query(name, _request.encode(given))
