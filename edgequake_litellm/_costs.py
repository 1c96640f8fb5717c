"""What calls cost, in US dollars. The arithmetic is the engine's; this reads counts from litellm's objects."""

from __future__ import annotations

from . import _facts, _questions
from .exceptions import ModelNotMappedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def cost_per_token(
    model: str = "",
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    response_time_ms: float | None = 0.0,
    custom_llm_provider: str | None = None,
    region_name: str | None = None,
    prompt_characters: int | None = None,
    completion_characters: int | None = None,
    cache_creation_input_tokens: int | None = 0,
    cache_read_input_tokens: int | None = 0,
    custom_cost_per_token: Any = None,
    custom_cost_per_second: float | None = None,
    number_of_queries: int | None = None,
    usage_object: Any = None,
    rerank_billed_units: Any = None,
    call_type: str = "completion",
    audio_transcription_file_duration: float = 0.0,
    service_tier: str | None = None,
    **unused: Any,
) -> tuple[float, float]:
    """What the prompt and the completion of a call cost.

    `prompt_tokens` counts all that went in; what was read from a cache or written to one is told beside it, and is billed once, at its own
    price. `usage_object`, a `Usage`, goes before the counts. Raises BadRequestError for a model whose provider is unknown, and
    ModelNotMappedError for one that is in no table.
    """
    if custom_cost_per_second is not None:
        return 0.0, custom_cost_per_second * (response_time_ms or 0.0) / 1000
    if usage_object is not None:
        counts = _counts(usage_object)
    else:
        counts = {
            "prompt": prompt_tokens,
            "completion": completion_tokens,
            "cache_write": cache_creation_input_tokens or 0,
            "cache_read": cache_read_input_tokens or 0,
        }
    if custom_cost_per_token is not None:
        prices = dict(custom_cost_per_token)
        return counts["prompt"] * prices["input_cost_per_token"], counts["completion"] * prices["output_cost_per_token"]
    entry = _facts.ask(b"model_entry", model, custom_llm_provider)
    if entry is not None:
        special = _by_other_units(
            entry["entry"],
            response_time_ms,
            number_of_queries,
            audio_transcription_file_duration,
            call_type,
            prompt_characters,
        )
        if special is not None:
            return special
    cost = _facts.ask(b"cost", model, custom_llm_provider, service_tier=service_tier, **counts)
    if cost is None:
        _questions.get_llm_provider(model, custom_llm_provider)  # An unknown provider is the better reason.
        raise ModelNotMappedError(
            f"This model isn't mapped yet. model={model}, custom_llm_provider={custom_llm_provider}. "
            "Add its prices with register_model."
        )
    return cost["prompt"], cost["completion"]


def _searches(response: Any, usage: Any) -> int:
    """How often the provider searched the web for an answer, as far as the answer tells."""
    told = _get(_get(usage, "prompt_tokens_details"), "web_search_requests")
    told = told or _get(_get(usage, "server_tool_use"), "web_search_requests")
    told = told or _get(_get(usage, "server_side_tool_usage_details"), "web_search_calls")
    if told:
        return int(told)
    output = _get(response, "output")
    if isinstance(output, (list, tuple)):
        return sum(_get(item, "type") == "web_search_call" for item in output)
    choices = _get(response, "choices")
    for choice in choices if isinstance(choices, (list, tuple)) else ():
        # OpenAI's chats search once, or not at all, and cite what they have found.
        cited = _get(_get(choice, "message"), "annotations")
        if isinstance(cited, (list, tuple)) and any(_get(note, "type") == "url_citation" for note in cited):
            return 1
    return 0


def _tools_cost(model: str, provider: str | None, response: Any, usage: Any, parameters: Any) -> float:
    """What the tools that the provider ran cost, beside the tokens."""
    count = _searches(response, usage)
    if not count:
        return 0.0
    size = _get(_get(parameters, "web_search_options"), "search_context_size")
    cost = _facts.ask(b"cost", model, provider, web_searches=count, search_context_size=size)
    return 0.0 if cost is None else float(cost["tools"])


# Providers whose answers say what they cost, in US dollars.
_BILLS = ("perplexity", "xai", "openrouter")


def _billed(provider: str | None, model: str, usage: Any) -> float | None:
    if (provider or model.partition("/")[0]) not in _BILLS:
        return None
    told = _get(usage, "cost")
    told = _get(told, "total_cost") if isinstance(told, dict) else told
    return float(told) if isinstance(told, (int, float)) and not isinstance(told, bool) and told > 0 else None


def _by_other_units(
    entry: dict[str, Any],
    milliseconds: float | None,
    queries: int | None,
    seconds: float,
    call_type: str,
    characters: int | None,
) -> tuple[float, float] | None:
    """Models that are not billed by tokens: rerankers by query, transcription by second, speech by character."""
    if call_type in ("rerank", "arerank"):
        return float((queries or 1) * entry.get("input_cost_per_query", 0.0)), 0.0
    if call_type in ("transcription", "atranscription") and entry.get("input_cost_per_second") is not None:
        # As litellm tells it: on the side of the answer.
        return 0.0, seconds * float(entry.get("output_cost_per_second") or entry["input_cost_per_second"])
    if call_type in ("speech", "aspeech") and entry.get("input_cost_per_character") is not None:
        return (characters or 0) * float(entry["input_cost_per_character"]), 0.0
    if entry.get("input_cost_per_token") is None and entry.get("input_cost_per_second") is not None and milliseconds:
        return float(entry["input_cost_per_second"]) * milliseconds / 1000, 0.0
    return None


def completion_cost(
    completion_response: Any = None,
    model: str | None = None,
    prompt: str = "",
    messages: Any = (),
    completion: str = "",
    total_time: float | None = 0.0,
    call_type: str | None = None,
    custom_llm_provider: str | None = None,
    region_name: str | None = None,
    size: str | None = None,
    quality: str | None = None,
    n: int | None = None,
    custom_cost_per_token: Any = None,
    custom_cost_per_second: float | None = None,
    optional_params: Any = None,
    custom_pricing: bool | None = None,
    base_model: str | None = None,
    service_tier: str | None = None,
    **unused: Any,
) -> float:
    """What a whole call cost: of its response, or of a prompt and a completion whose tokens are counted here."""
    usage = None
    if completion_response is not None:
        usage = _get(completion_response, "usage")
        hidden = getattr(completion_response, "_hidden_params", None) or {}
        custom_llm_provider = custom_llm_provider or hidden.get("custom_llm_provider")
        service_tier = service_tier or _get(completion_response, "service_tier")
        total_time = total_time or getattr(completion_response, "_response_ms", None)
        model = model or hidden.get("litellm_model_name") or _get(completion_response, "model")
    model = base_model or model
    if not model:
        raise ValueError("`model` is missing: pass it, or a response that names its model")
    if usage is None and (prompt or messages or completion):
        from ._tokens import token_counter

        read = (
            token_counter(model=model, messages=list(messages)) if messages else token_counter(model=model, text=prompt)
        )
        usage = {"prompt_tokens": read, "completion_tokens": token_counter(model=model, text=completion)}
    images = _get(completion_response, "data") if call_type in ("image_generation", "aimage_generation") else None
    if images is not None:
        return _images(model, custom_llm_provider, len(images))
    own_prices = custom_cost_per_token is not None or custom_cost_per_second is not None
    billed = None if own_prices else _billed(custom_llm_provider, model, usage)
    if billed is not None:
        return billed
    # A deployment's model may be another than the one that answered: the one that has a price counts.
    names = [model]
    answered = _get(completion_response, "model")
    if answered and answered not in names:
        names.append(answered)
    for name in names:
        provider = None if name == answered and "/" in name else custom_llm_provider
        try:
            tokens = cost_per_token(
                model=name,
                custom_llm_provider=provider,
                response_time_ms=total_time,
                usage_object=usage if usage is not None else {},
                custom_cost_per_token=custom_cost_per_token,
                custom_cost_per_second=custom_cost_per_second,
                number_of_queries=_search_units(completion_response),
                audio_transcription_file_duration=_duration(completion_response),
                call_type=call_type or "completion",
                service_tier=service_tier if service_tier in ("priority", "flex") else None,
                prompt_characters=len(prompt),
            )
            tools = 0.0 if own_prices else _tools_cost(name, provider, completion_response, usage, optional_params)
            return sum(tokens) + tools
        except Exception:
            if name == names[-1]:
                raise
    raise AssertionError("unreachable: the last name returns or raises")


def _search_units(response: Any) -> int | None:
    """What a ranking is billed by, as its provider says."""
    units = _get(_get(_get(response, "meta"), "billed_units"), "search_units")
    return int(units) if isinstance(units, (int, float)) else None


def _duration(response: Any) -> float:
    """The seconds of sound that were transcribed, as its provider says; 0 where it does not."""
    usage = _get(response, "usage")
    told = _get(response, "duration") or (_get(usage, "seconds") if _get(usage, "type") == "duration" else None)
    try:
        return float(told or 0.0)
    except (TypeError, ValueError):
        return 0.0


def _images(model: str, provider: str | None, count: int) -> float:
    found = _facts.ask(b"model_entry", model, provider)
    entry = found["entry"] if found else {}
    price = entry.get("output_cost_per_image", entry.get("input_cost_per_image"))
    if price is None:
        raise ModelNotMappedError(f"No price of an image is known for model={model}. Add it with register_model.")
    return float(price) * count


def response_cost_calculator(response_object: Any, model: str | None = None, **arguments: Any) -> float:
    """litellm's other name of :func:`completion_cost`."""
    known = ("call_type", "custom_llm_provider", "base_model", "optional_params", "service_tier")
    return completion_cost(
        response_object, model=model, **{name: arguments[name] for name in known if name in arguments}
    )


def _get(value: Any, name: str) -> Any:
    """A member of an object or a dict, None where there is none."""
    if isinstance(value, dict):
        return value.get(name)
    return getattr(value, name, None)


def _counts(usage: Any) -> dict[str, float]:
    """The counts of a `Usage` (or of the dict that it is), as the engine names them."""
    prompt, completion = _get(usage, "prompt_tokens_details"), _get(usage, "completion_tokens_details")
    write = _get(prompt, "cache_creation_tokens") or _get(usage, "cache_creation_input_tokens")
    read = (
        _get(prompt, "cached_tokens")
        or _get(usage, "cache_read_input_tokens")
        or _get(usage, "prompt_cache_hit_tokens")
    )
    hour = _get(_get(prompt, "cache_creation_token_details"), "ephemeral_1h_input_tokens")
    counts = {
        "prompt": _get(usage, "prompt_tokens") or _get(usage, "input_tokens"),
        "completion": _get(usage, "completion_tokens") or _get(usage, "output_tokens"),
        "cache_read": read,
        "cache_write": write,
        "cache_write_1h": hour,
        "prompt_audio": _get(prompt, "audio_tokens"),
        "prompt_image": _get(prompt, "image_tokens"),
        "reasoning": _get(completion, "reasoning_tokens"),
        "completion_audio": _get(completion, "audio_tokens"),
        "completion_image": _get(completion, "image_tokens"),
    }
    return {name: count or 0 for name, count in counts.items()}
