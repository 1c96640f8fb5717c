"""Counting and cutting text into tokens: words and signs, which is near enough to a tokenizer for made-up answers."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Dict, List

from ._script import Json

# Every character is in exactly one token, so that the tokens of a text, joined, are the text.
_TOKEN = re.compile(r"\s*(?:\w{1,8}|[^\w\s])|\s+")
# What a message costs besides its text, and the start of the answer; figures of OpenAI's cookbook.
_PER_MESSAGE = 3
_PER_ANSWER = 3


def split_tokens(text: str) -> List[str]:
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    return sum(1 for _ in _TOKEN.finditer(text))


def count_all(value: Any) -> int:
    """The tokens of every string in a JSON value, keys and numbers included."""
    if isinstance(value, dict):
        return sum(count_tokens(str(key)) + count_all(each) for key, each in value.items())
    if isinstance(value, list):
        return sum(map(count_all, value))
    if isinstance(value, str) and value.startswith("data:"):
        return 85  # An image or a file by its data is not text; the price of a small image.
    return 0 if value is None else count_tokens(str(value))


def count_prompt(body: Json) -> int:
    messages = sum(_PER_MESSAGE + count_all(message) for message in body.get("messages") or [])
    return messages + _PER_ANSWER + count_all(body.get("tools") or body.get("functions") or [])


def token_logprob(token: str, top: int) -> Dict[str, Any]:
    """The log probability object of a token: made up, the same for the same token, with ``top`` alternatives."""
    chance = int.from_bytes(hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()[:2], "big") / 65536
    first = -round(chance, 6)

    def entry(text: str, logprob: float) -> Dict[str, Any]:
        return {"token": text, "logprob": logprob, "bytes": list(text.encode("utf-8", "surrogatepass"))}

    alternatives = [entry(token if rank == 0 else f"{token}{rank}", first - rank) for rank in range(top)]
    return {**entry(token, first), "top_logprobs": alternatives}
