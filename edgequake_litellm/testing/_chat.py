"""Chat completions on OpenAI's wire: the whole object, and the events of a stream."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from ._script import Choice, Json, Reply
from ._tokens import count_prompt, count_tokens, split_tokens, token_logprob

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(separators=(",", ":")).encode


def dumps(value: Any) -> bytes:
    """``value`` as OpenAI writes JSON: characters as they are, but for those that UTF-8 has no bytes for."""
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:
        return _encode_ascii(value).encode()


def made_up_id(prefix: str, *parts: object, length: int = 24) -> str:
    """An identifier in the form of OpenAI's: the same for the same parts."""
    return prefix + hashlib.sha256(repr(parts).encode()).hexdigest()[:length]


@dataclass
class Exchange:
    """What an answer says of itself: the request it belongs to, and when it was made."""

    body: Json
    number: int
    created: int
    azure: bool = False

    @property
    def id(self) -> str:
        return made_up_id("chatcmpl-", self.number, length=29)

    @property
    def include_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    def call_id(self, choice: int, slot: int) -> str:
        return made_up_id("call_", self.number, choice, slot)

    def head(self, kind: str, reply: Reply) -> Json:
        seed = self.body.get("seed")
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": reply.model or self.body["model"],
            "service_tier": self.body.get("service_tier") or "default",
            "system_fingerprint": made_up_id("fp_", "local provider", seed, length=10),
        }


def usage_of(exchange: Exchange, reply: Reply) -> Json:
    """The counted usage, with what the script says of it."""
    reasoning = sum(count_tokens(choice.reasoning or "") for choice in reply.choices)
    completion = reasoning
    for choice in reply.choices:
        texts = [choice.content or "", choice.refusal or "", (choice.function_call or {}).get("arguments") or ""]
        for call in _calls(exchange, 0, choice):
            texts += [str(value) for value in call[call["type"]].values()]
        completion += sum(map(count_tokens, texts))
    counted: Json = {
        "prompt_tokens": count_prompt(exchange.body),
        "completion_tokens": completion,
        "total_tokens": 0,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    counted.update(reply.usage)
    if "total_tokens" not in reply.usage:
        counted["total_tokens"] = counted["prompt_tokens"] + counted["completion_tokens"]
    return counted


def _calls(exchange: Exchange, index: int, choice: Choice) -> List[Json]:
    calls: List[Json] = []
    for slot, call in enumerate(choice.tool_calls):
        assert isinstance(call, dict)  # Choice has read them.
        calls.append({"id": exchange.call_id(index, slot), **call})
    return calls


def _pieces(choice: Choice) -> Sequence[str]:
    return choice.chunks if choice.chunks is not None else split_tokens(choice.content or "")


def _logprobs(exchange: Exchange, choice: Choice) -> Optional[Json]:
    if isinstance(choice.logprobs, dict):
        return choice.logprobs
    if choice.logprobs is False or not (choice.logprobs or exchange.body.get("logprobs")):
        return None
    top = exchange.body.get("top_logprobs") or 0
    return {"content": [token_logprob(piece, top) for piece in _pieces(choice)], "refusal": None}


# -- the whole object --------------------------------------------------------------------------------------------------


def completion(exchange: Exchange, reply: Reply) -> Json:
    """The ``chat.completion`` object."""
    choices = []
    for index, choice in enumerate(reply.choices):
        message: Json = {"role": "assistant", "content": choice.content, "refusal": choice.refusal, "annotations": []}
        if choice.reasoning is not None:
            message["reasoning_content"] = choice.reasoning
        if choice.tool_calls:
            message["tool_calls"] = _calls(exchange, index, choice)
        if choice.function_call:
            message["function_call"] = choice.function_call
        message.update(choice.message)
        made = {
            "index": index,
            "message": message,
            "logprobs": _logprobs(exchange, choice),
            "finish_reason": choice.finish_reason,
        }
        if exchange.azure:
            made["content_filter_results"] = _NOTHING_FILTERED
        choices.append(made)
    head = exchange.head("chat.completion", reply)
    answer: Json = {**head, "choices": choices, "usage": usage_of(exchange, reply)}
    if exchange.azure:
        answer["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": _NOTHING_FILTERED}]
    return answer


_NOTHING_FILTERED = {
    name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")
}


# -- the stream --------------------------------------------------------------------------------------------------------


def stream(exchange: Exchange, reply: Reply) -> Iterator[bytes]:
    """The data of each event of a stream but the ``[DONE]`` at its end. Several choices come in turn, chunk by chunk."""
    head = dumps(exchange.head("chat.completion.chunk", reply))[:-1]
    tail = b',"usage":null}' if exchange.include_usage else b"}"
    if exchange.azure:
        yield dumps(
            {
                "id": "",
                "object": "",
                "created": 0,
                "model": "",
                "choices": [],
                "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _NOTHING_FILTERED}],
            }
        )
    parts = [_choice_parts(exchange, index, choice) for index, choice in enumerate(reply.choices)]
    for turn in zip_longest(*parts):
        for part in turn:
            if part is not None:
                if exchange.azure:
                    part["content_filter_results"] = {}
                yield b'%b,"choices":[%b]%b' % (head, dumps(part), tail)
    if exchange.include_usage:
        yield b'%b,"choices":[],"usage":%b}' % (head, dumps(usage_of(exchange, reply)))


def _choice_parts(exchange: Exchange, index: int, choice: Choice) -> Iterator[Dict[str, Any]]:
    """The objects that stand in ``choices`` for one choice, in order."""

    def part(delta: Mapping[str, Any], logprobs: Optional[Json] = None, finish_reason: Optional[str] = None) -> Json:
        return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}

    calls_only = bool(choice.tool_calls or choice.function_call) and choice.content is None
    yield part({"role": "assistant", "content": None if calls_only else "", "refusal": None})
    if choice.message:
        yield part(choice.message)
    for piece in split_tokens(choice.reasoning or ""):
        yield part({"reasoning_content": piece})
    pieces = _pieces(choice)
    for piece, logprobs in zip(pieces, _spread(_logprobs(exchange, choice), len(pieces))):
        yield part({"content": piece}, logprobs)
    for piece in split_tokens(choice.refusal or ""):
        yield part({"refusal": piece})
    if choice.function_call:
        yield part({"function_call": {**choice.function_call, "arguments": ""}})
        for piece in split_tokens(choice.function_call.get("arguments", "")):
            yield part({"function_call": {"arguments": piece}})
    for slot, call in enumerate(_calls(exchange, index, choice)):
        kind = call["type"]
        text = "input" if kind == "custom" else "arguments"
        yield part({"tool_calls": [{"index": slot, **call, kind: {**call[kind], text: ""}}]})
        for piece in split_tokens(call[kind].get(text) or ""):
            yield part({"tool_calls": [{"index": slot, kind: {text: piece}}]})
    yield part({}, finish_reason=choice.finish_reason)


def _spread(logprobs: Optional[Json], count: int) -> List[Optional[Json]]:
    """A choice's logprobs as one object for each of ``count`` chunks: an entry each, or all with the first."""
    if logprobs is None or not count:
        return [None] * count
    entries = logprobs.get("content") or []
    if len(entries) != count:
        return [logprobs, *[None] * (count - 1)]
    return [{**logprobs, "content": [entry]} for entry in entries]
