"""Tokens: counted, encoded, decoded, and messages cut to a number of them. The counting is the engine's, with the GIL released."""

from __future__ import annotations

import copy
import sys

from . import _facts, _questions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_TRIM_ATTEMPTS = 10


def token_counter(
    model: str = "",
    custom_tokenizer: dict[str, Any] | None = None,
    text: str | list[str] | None = None,
    messages: Sequence[Any] | None = None,
    count_response_tokens: bool | None = False,
    tools: list[Any] | None = None,
    tool_choice: Any = None,
    use_default_image_token_count: bool | None = False,
    default_token_count: int | None = None,
) -> int:
    """How many tokens a text or a list of messages has.

    Exact for OpenAI's models. Others, whose vocabularies are not published, are counted with OpenAI's `cl100k_base`.
    `custom_tokenizer` is what `create_tokenizer` returned. `default_token_count` is the answer for content that cannot be counted,
    which raises ValueError otherwise.
    """
    if getattr(sys.modules[__package__], "disable_token_counter", False):
        return 0
    if text is not None and messages is not None:
        raise ValueError("give `text` or `messages`, not both")
    if text is None and messages is None:
        raise ValueError("give `text` or `messages`")
    if text is not None:
        if tools or tool_choice:
            raise ValueError("`tools` and `tool_choice` belong to `messages`, not to `text`")
        joined = text if isinstance(text, str) else "".join(part for part in text if isinstance(part, str))
        if custom_tokenizer is not None:
            return len(encode(model, joined, custom_tokenizer))
        return int(_questions.ask(b"token_count", {"model": model, "text": joined}))
    assert messages is not None
    plain = [_plain(message) for message in messages]
    if custom_tokenizer is not None:
        # The frames of messages are OpenAI's, the texts are counted with the tokenizer.
        return (
            sum(
                3 + len(encode(model, str(value), custom_tokenizer))
                for item in plain
                for value in item.values()
                if value
            )
            + 3
        )
    try:
        count = _questions.ask(
            b"token_count",
            {
                "model": model,
                "messages": plain,
                "tools": tools or None,
                "tool_choice": tool_choice,
                "response": True if count_response_tokens else None,
                "default_images": True if use_default_image_token_count else None,
            },
        )
    except Exception as error:
        if default_token_count is not None:
            return default_token_count
        raise ValueError(f"the tokens of the messages cannot be counted: {getattr(error, 'message', error)}") from None
    return int(count)


def _plain(message: Any) -> dict[str, Any]:
    if isinstance(message, dict):
        return message
    dump = getattr(message, "model_dump", None)
    if dump is None:
        raise ValueError(f"a message must be a dict or a Message, not {type(message).__name__}")
    return dump(exclude_none=True)  # type: ignore[no-any-return]


def encode(model: str = "", text: str = "", custom_tokenizer: dict[str, Any] | None = None) -> list[int]:
    """The tokens of a text: of OpenAI's `cl100k_base`, whatever the model, as in litellm; or of a tokenizer of your own."""
    if custom_tokenizer is not None:
        encoded = custom_tokenizer["tokenizer"].encode(text)
        return list(getattr(encoded, "ids", encoded))
    return _questions.ask(b"encode", {"text": text, "encoding": "cl100k_base"})  # type: ignore[no-any-return]


def decode(
    model: str = "",
    tokens: Sequence[int] = (),
    custom_tokenizer: dict[str, Any] | None = None,
    skip_special_tokens: bool = True,
) -> str:
    """The text of tokens that :func:`encode` made."""
    if custom_tokenizer is not None:
        return custom_tokenizer["tokenizer"].decode(list(tokens), skip_special_tokens=skip_special_tokens)  # type: ignore[no-any-return]
    return _questions.ask(b"decode", {"tokens": list(tokens), "encoding": "cl100k_base"})  # type: ignore[no-any-return]


class Encoding:
    """litellm's `encoding`: OpenAI's `cl100k_base`, with the methods of tiktoken's class that programs call."""

    name = "cl100k_base"

    def encode(self, text: str, **unused: Any) -> list[int]:
        """The tokens of `text`. What looks like a special token is text."""
        return encode(text=text)

    encode_ordinary = encode

    def decode(self, tokens: Sequence[int], errors: str = "replace") -> str:
        """The text of `tokens`."""
        return decode(tokens=tokens)

    def __repr__(self) -> str:
        return "<Encoding 'cl100k_base'>"


encoding = Encoding()


def create_tokenizer(json: str) -> dict[str, Any]:
    """A tokenizer for `custom_tokenizer`, from the JSON of a `tokenizer.json`. Needs the package `tokenizers`."""
    return {"type": "huggingface_tokenizer", "tokenizer": _tokenizers().Tokenizer.from_str(json)}


def create_pretrained_tokenizer(
    identifier: str, revision: str = "main", auth_token: str | None = None
) -> dict[str, Any]:
    """A tokenizer of the Hugging Face hub for `custom_tokenizer`. Needs the package `tokenizers`, and the network."""
    tokenizer = _tokenizers().Tokenizer.from_pretrained(identifier, revision=revision, token=auth_token)
    return {"type": "huggingface_tokenizer", "tokenizer": tokenizer}


def _tokenizers() -> Any:
    try:
        import tokenizers  # type: ignore[import-not-found]  # optional
    except ImportError:
        raise ImportError("custom tokenizers need the package `tokenizers`: pip install tokenizers") from None
    return tokenizers


# Messages cut to a number of tokens -----------------------------------------------------------------------------------------


def trim_messages(
    messages: list[Any],
    model: str | None = None,
    trim_ratio: float = 0.75,
    return_response_tokens: bool = False,
    max_tokens: int | None = None,
) -> Any:
    """The messages, cut so that they have at most `max_tokens` (else `trim_ratio` of what `model` reads).

    The system messages become one, which stays whole; the newest messages stay, then older ones as far as there is room, the oldest of them
    with its middle cut out. Tool answers at the end stay as they are. With `return_response_tokens` the answer is a pair: the messages, and
    how many tokens are left. Messages of a model that is not known come back as they are.
    """
    if max_tokens is None:
        found = _facts.ask(b"model_entry", model, None) if model else None
        limit = found["entry"].get("max_input_tokens", found["entry"].get("max_tokens")) if found else None
        if limit is None:
            return messages
        max_tokens = int(limit * trim_ratio)
    kept = copy.deepcopy(messages)
    answers: list[Any] = []
    while kept and kept[-1]["role"] == "tool":
        answers.insert(0, kept.pop())

    def count(some: list[Any]) -> int:
        return token_counter(model=model or "", messages=some)

    if count(kept) < max_tokens:
        return _with_rest(kept + answers, max_tokens - count(kept), return_response_tokens)
    room = max_tokens
    system = "\n".join(message["content"] for message in kept if message["role"] == "system")
    head: list[Any] = []
    if system:
        head = [{"role": "system", "content": system}]
        used = count(head)
        if used > room:
            head = [_shortened(head[0], room, model)]
            used = count(head)
        room -= used
        if room <= 0:
            return _with_rest(head, 0, return_response_tokens)
        kept = [message for message in kept if message["role"] != "system"]
    chosen: list[Any] = []
    for message in reversed(kept):
        left = room - (count(chosen) if chosen else 0)
        if left <= 3:
            break
        if count([message, *chosen]) <= room:
            chosen.insert(0, message)
        elif "function_call" not in message and isinstance(message.get("content"), str):
            shorter = _shortened(message, left, model)
            if count([*chosen, shorter]) <= room:
                chosen.insert(0, shorter)
    final = head + chosen + answers
    return _with_rest(final, max_tokens - count(final), return_response_tokens)


def _with_rest(messages: list[Any], rest: int, wanted: bool) -> Any:
    return (messages, rest) if wanted else messages


def _shortened(message: dict[str, Any], tokens: int, model: str | None) -> dict[str, Any]:
    """The message with as much of its middle cut out as brings it down to `tokens`, or near that."""
    if model is not None and "gpt" in model and tokens <= 10:
        return message  # The frame alone takes as many.
    for _ in range(_TRIM_ATTEMPTS):
        total = token_counter(model=model or "", messages=[message])
        if total <= tokens:
            break
        content = message["content"]
        half = max(0, int(len(content) * tokens / total) - 1) // 2
        message["content"] = f"{content[:half]}..{content[-half:] if half else ''}"
    return message
