"""What litellm has and this package has not: the words of the AttributeError, or of the ModuleNotFoundError, that says so."""

from __future__ import annotations

# A part of a name of litellm's, what it belongs to, and what a program can do instead. The first that fits counts.
_FAMILIES = (
    ("realtime", "realtime sessions", "open the provider's WebSocket with its own library"),
    (
        "fine_tuning",
        "fine-tuning jobs",
        "start them with the provider's own library; the model that comes of it can be called here",
    ),
    ("vector_store", "vector stores", "use the provider's own library"),
    ("assistant", "assistants", "use responses(), which OpenAI has put in their place"),
    ("thread", "assistants' threads", "use responses(), which OpenAI has put in their place"),
    ("_run", "assistants' runs", "use responses(), which OpenAI has put in their place"),
    ("add_message", "assistants' threads", "use responses(), which OpenAI has put in their place"),
    ("get_messages", "assistants' threads", "use responses(), which OpenAI has put in their place"),
    ("container", "containers", "use the provider's own library"),
    ("sandbox", "sandboxes", "use the provider's own library"),
    ("video", "videos", "use the provider's own library"),
    ("ocr", "reading of scanned pages", "send the page as an image or a file to completion()"),
    ("image_variation", "variations of images", "use image_edit()"),
    ("skill", "skills", "use the provider's own library"),
    ("_eval", "evaluations", "use the provider's own library"),
    ("_agent", "agents of providers", "use the provider's own library"),
    ("search", "search engines", "pass web_search_options to completion(), or call rerank()"),
    ("passthrough", "requests that are only passed on", "use the provider's own library"),
    ("health_check", "health checks", "call completion() with max_tokens=1"),
    ("config_completion", "completions by a configuration file", "call completion() with its values"),
    ("config", "the classes that describe a provider", "call get_supported_openai_params() or get_optional_params()"),
    ("compact_responses", "compaction of responses", "use the provider's own library"),
)


def message(module: str, name: str) -> str:
    """What the AttributeError of `name` says: for a name of litellm's that is not there, what to do instead."""
    text = f"module {module!r} has no attribute {name!r}"
    if name.startswith("_"):
        return text
    for part, what, cure in _FAMILIES:
        if part in name.lower():
            return f"{text}: {what} of litellm's are not in this package; {cure}"
    return text


_PROXY = "run litellm's proxy in an environment of its own; a Router has its routing, fallbacks, limits and caches"
# The beginning of a module's name below `litellm.`, what it is, and what a program can do instead.
_MODULES = (
    ("proxy.", "the parts of litellm's proxy server", _PROXY),
    (
        "router_strategy.",
        "the parts of litellm's Router",
        "set routing_strategy of Router, or set_custom_routing_strategy()",
    ),
    (
        "integrations.opentelemetry.",
        "litellm's loggers of that name",
        'set callbacks = ["otel"], or call enable_telemetry()',
    ),
    (
        "integrations.prometheus.",
        "litellm's loggers of that name",
        'set callbacks = ["prometheus"], or call prometheus_metrics()',
    ),
    (
        "integrations.",
        "litellm's loggers for services",
        "register the CustomLogger that the service's package offers, or one of your own, of litellm.integrations.custom_logger",
    ),
    (
        "llms.",
        "litellm's classes of providers",
        "call the functions of the package: its core speaks the providers' protocols",
    ),
)


def module_message(name: str) -> str | None:
    """What the ModuleNotFoundError of a module of litellm's says beyond that it is not there; None where nothing is known of it."""
    path = name.partition(".")[2] + "."
    for start, what, cure in _MODULES:
        if path.startswith(start):
            return f"No module named {name!r}: {what} are not in edgequake_litellm; {cure}"
    family = next(((what, cure) for part, what, cure in _FAMILIES if path.startswith(part)), None)
    return (
        None
        if family is None
        else f"No module named {name!r}: {family[0]} of litellm's are not in edgequake_litellm; {family[1]}"
    )
