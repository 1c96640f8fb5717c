"""What is known of models: limits, prices, capabilities. The facts are the engine's; this is litellm's way to ask for them."""

from __future__ import annotations

import json
import sys

from . import _questions
from .exceptions import ModelNotMappedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Entry = dict[str, Any]

_PACKAGE = __package__

# Entries that the program has registered, by name.
_registered: dict[str, Entry] = {}


def registered() -> dict[str, Entry]:
    """The entries that the program has registered so far."""
    return dict(_registered)


def load_model_cost() -> dict[str, Entry]:
    """The whole table, by name: litellm's `model_cost`. A program may change it; what it changes holds from then on."""
    table: dict[str, Entry] = _questions.ask(b"model_cost", {})
    table.update(_registered)
    return table


def own(model: str, provider: str | None) -> dict[str, Entry] | None:
    """The entries of the program that a question about a model has to regard."""
    table = vars(sys.modules[_PACKAGE]).get("model_cost")
    if table is None:
        return _registered or None
    names = _questions.ask(b"model_names", {"model": model, "custom_llm_provider": provider})
    # A name that the program took out of the table has no entry any more.
    return {name: table.get(name) for name in (*names, model)}


def ask(question: bytes, model: str, provider: str | None, **more: Any) -> Any:
    """The answer to a question about a model."""
    fields = {"model": model, "custom_llm_provider": provider, "own": own(model, provider), **more}
    return _questions.ask(question, fields)


def get_model_info(
    model: str,
    custom_llm_provider: str | None = None,
    api_base: str | None = None,
    api_key: str | None = None,
) -> Entry:
    """The facts of a model as a dict: limits, prices in US dollars, capabilities, supported parameters.

    Raises ModelNotMappedError for a model that is in no table. `api_base` and `api_key` are accepted and not used: nothing is fetched.
    """
    facts: Entry | None = ask(b"model_info", model, custom_llm_provider)
    if facts is None:
        raise ModelNotMappedError(
            f"This model isn't mapped yet. model={model}, custom_llm_provider={custom_llm_provider}. "
            "Add it with register_model."
        )
    facts["supported_openai_params"] = _questions.get_supported_openai_params(model, custom_llm_provider)
    return facts


def get_max_tokens(model: str) -> int | None:
    """The largest answer of a model, in tokens. Raises an Exception for a model that is in no table."""
    found = ask(b"model_entry", model, None)
    if found is None:
        raise Exception(f"Model {model} isn't mapped yet. Add it with register_model.")
    limit: int | None = found["entry"].get("max_output_tokens", found["entry"].get("max_tokens"))
    return limit


def register_model(
    model_cost: str | dict[str, Entry],
    *,
    persist_across_reloads: bool = True,
    warning_display_name: str | None = None,
    custom_llm_provider: str | None = None,
) -> dict[str, Entry]:
    """Adds entries to the table, or members to entries that are there, and returns what was given.

    `model_cost` is a dict by model name, or the path of a file with its JSON. Addresses are refused: read them in your program,
    where you decide what to trust.
    """
    if isinstance(model_cost, str):
        if model_cost.startswith(("http://", "https://")):
            raise ValueError(
                "register_model fetches no addresses: download the table and pass it as a dict, or the path of a file"
            )
        with open(model_cost, encoding="utf-8") as file:
            model_cost = json.load(file)
    if not isinstance(model_cost, dict) or not all(isinstance(entry, dict) for entry in model_cost.values()):
        raise TypeError("`model_cost` must be a dict of dicts: {'my-model': {'input_cost_per_token': …}}")
    table = vars(sys.modules[_PACKAGE]).get("model_cost")
    for name, entry in model_cost.items():
        known = ask(b"model_entry", name, custom_llm_provider or entry.get("litellm_provider"))
        merged = {**(known["entry"] if known else {}), **entry}
        _registered[name] = merged
        if table is not None:
            table[name] = merged
    return model_cost


def _supports(model: str, provider: str | None, capability: str) -> bool:
    return bool(ask(b"supports", model, provider, capability=capability))


def supports_audio_input(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the model hear?"""
    return _supports(model, custom_llm_provider, "supports_audio_input")


def supports_audio_output(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the model speak?"""
    return _supports(model, custom_llm_provider, "supports_audio_output")


def supports_computer_use(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the model know the tools that use a computer?"""
    return _supports(model, custom_llm_provider, "supports_computer_use")


def supports_embedding_image_input(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the embedding model take images?"""
    return _supports(model, custom_llm_provider, "supports_embedding_image_input")


def supports_function_calling(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the model call tools?"""
    return _supports(model, custom_llm_provider, "supports_function_calling")


def supports_native_streaming(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the provider stream the model's answers? True where nothing is known of it."""
    found = ask(b"model_entry", model, custom_llm_provider)
    return found is not None and found["entry"].get("supports_native_streaming") is not False


def supports_parallel_function_calling(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the model call several tools at once?"""
    return _supports(model, custom_llm_provider, "supports_parallel_function_calling")


def supports_pdf_input(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the model read PDF documents?"""
    return _supports(model, custom_llm_provider, "supports_pdf_input")


def supports_prompt_caching(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the provider cache the model's prompts?"""
    return _supports(model, custom_llm_provider, "supports_prompt_caching")


def supports_reasoning(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the model reason before it answers?"""
    return _supports(model, custom_llm_provider, "supports_reasoning")


def supports_response_schema(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the model keep to a JSON schema?"""
    return _supports(model, custom_llm_provider, "supports_response_schema")


def supports_system_messages(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the model take system messages?"""
    return _supports(model, custom_llm_provider, "supports_system_messages")


def supports_tool_choice(model: str, custom_llm_provider: str | None = None) -> bool:
    """Can the program choose which tool the model calls?"""
    return _supports(model, custom_llm_provider, "supports_tool_choice")


def supports_url_context(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the model read pages by their address?"""
    return _supports(model, custom_llm_provider, "supports_url_context")


def supports_video_input(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the model watch videos?"""
    return _supports(model, custom_llm_provider, "supports_video_input")


def supports_vision(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the model see images?"""
    return _supports(model, custom_llm_provider, "supports_vision")


def supports_web_search(model: str, custom_llm_provider: str | None = None) -> bool:
    """Does the model search the web?"""
    return _supports(model, custom_llm_provider, "supports_web_search")
