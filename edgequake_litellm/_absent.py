"""What litellm has and this package has not: the words of the AttributeError that says so."""

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
