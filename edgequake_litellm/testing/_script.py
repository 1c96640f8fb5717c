"""What a test may tell the local provider to answer: the scripted answers, and how their short forms are read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

Json = Dict[str, Any]
ToolCallLike = Union[Tuple[str, Any], Mapping[str, Any]]


def tool_call(name: str, arguments: Union[str, Mapping[str, Any]] = "{}", *, id: Optional[str] = None) -> Json:
    """A tool call in OpenAI's form, for :meth:`LocalProvider.reply`.

    ``arguments`` is a mapping, or a string that is sent as it stands (so that arguments may be cut or no JSON at all).
    Without an ``id`` the provider makes one.
    """
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments)
    call: Json = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return call if id is None else {"id": id, **call}


def read_tool_call(value: ToolCallLike) -> Json:
    """``value`` in OpenAI's form; it is ``(name, arguments)``, ``{"name": …, "arguments": …}`` or that form already."""
    if isinstance(value, tuple):
        return tool_call(*value)
    if "function" in value or "custom" in value:
        call = json.loads(json.dumps(value))
        function = call.get("function")
        if function is not None and not isinstance(function.get("arguments", ""), str):
            function["arguments"] = json.dumps(function["arguments"])
        return {"type": "custom" if function is None else "function", **call}
    if "name" not in value:
        raise ValueError(f"a tool call needs a name: got the keys {sorted(value)}")
    return tool_call(value["name"], value.get("arguments", "{}"), id=value.get("id"))


@dataclass
class Choice:
    """One choice of a chat completion.

    ``finish_reason`` is found from the content if it is None. ``logprobs`` is True for made-up ones, or the object to
    send; None gives made-up ones to a request that asks for them. ``message`` has further fields of the message
    (``audio``, ``annotations``, …); a stream sends them in one delta before the content. ``chunks`` are the pieces in
    which a stream sends the content; without them it is cut into words.
    """

    content: Optional[str] = None
    tool_calls: Sequence[ToolCallLike] = ()
    reasoning: Optional[str] = None
    refusal: Optional[str] = None
    function_call: Optional[Json] = None
    finish_reason: Optional[str] = None
    logprobs: Union[bool, Json, None] = None
    message: Mapping[str, Any] = field(default_factory=dict)
    chunks: Optional[Sequence[str]] = None

    def __post_init__(self) -> None:
        self.tool_calls = [read_tool_call(call) for call in self.tool_calls]
        if self.chunks is not None:
            joined = "".join(self.chunks)
            if self.content is None:
                self.content = joined
            elif self.content != joined:
                raise ValueError("the chunks do not make up the content: leave content away, or chunks")
        if self.finish_reason is None:
            called = "tool_calls" if self.tool_calls else "function_call" if self.function_call else "stop"
            self.finish_reason = called


def read_choice(value: Union[str, Choice, Mapping[str, Any]]) -> Choice:
    if isinstance(value, str):
        return Choice(value)
    return value if isinstance(value, Choice) else Choice(**value)


@dataclass
class Reply:
    """A chat completion, streamed if the request asks for a stream.

    ``usage`` replaces fields of the counted usage; ``total_tokens`` is summed unless it is given. ``gap`` is the pause
    in seconds before each chunk of a stream. ``cut_after`` ends the connection after that many chunks of a stream (of a
    plain answer: in the middle of the body), ``reset`` says that it ends with a TCP reset; ``error_after`` sends
    ``error`` as an event after that many chunks and then ends the stream.
    """

    choices: List[Choice]
    usage: Mapping[str, Any] = field(default_factory=dict)
    model: Optional[str] = None
    headers: Mapping[str, str] = field(default_factory=dict)
    gap: Optional[float] = None
    cut_after: Optional[int] = None
    reset: bool = False
    error_after: Optional[int] = None
    error: Optional[Error] = None


@dataclass
class Cut:
    """The answer that would come without a script, cut as :class:`Reply` says."""

    after: int
    reset: bool = False


@dataclass
class Error:
    """An error in OpenAI's form. With ``after`` it comes in a stream, after that many chunks of the unscripted answer.

    ``body`` replaces the whole body: bytes or a string go out as they are, anything else as JSON.
    """

    status: int
    message: str
    type: Optional[str] = None
    code: Any = None
    param: Optional[str] = None
    retry_after: Optional[Union[float, str]] = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    after: Optional[int] = None

    def as_json(self) -> Json:
        """The body in OpenAI's form, which is sent unless ``body`` replaces it."""
        kind = self.type or _ERROR_TYPES.get(
            self.status, "server_error" if self.status >= 500 else "invalid_request_error"
        )
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


# The `type` that OpenAI's API gives with a status.
_ERROR_TYPES = {429: "requests", 401: "invalid_request_error", 403: "invalid_request_error"}


@dataclass
class Embeddings:
    """The vectors to answer an embeddings request with, in order."""

    vectors: Sequence[Sequence[float]]
    usage: Mapping[str, Any] = field(default_factory=dict)
    model: Optional[str] = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Raw:
    """Bytes for a body, whatever was asked: an HTML page, JSON that is none, a recorded stream."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Delay:
    """A pause of ``seconds`` before whatever answer comes next."""

    seconds: float


ANSWERS = (Reply, Cut, Error, Embeddings, Raw)
Answer = Union[Reply, Cut, Error, Embeddings, Raw]
Entry = Union[Answer, Delay]

CHAT = "chat/completions"
EMBEDDINGS = "embeddings"
MODELS = "models"
# Any path but those of the three.
OTHER = "another path"


def fits(entry: Answer, operation: str) -> bool:
    """Whether a request of ``operation`` may be answered with ``entry``."""
    if isinstance(entry, Embeddings):
        return operation == EMBEDDINGS
    if isinstance(entry, Reply):
        return operation == CHAT
    # A cut needs an answer that the provider makes up.
    return operation != OTHER or not isinstance(entry, Cut)


class Script:
    """The answers to come, in order. Not locked: its owner is."""

    def __init__(self) -> None:
        self._entries: List[Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)

    def clear(self) -> None:
        self._entries.clear()

    def take(self, operation: str) -> Tuple[float, Optional[Answer]]:
        """The pause and the first answer that fits ``operation``, taken from the script; (0, None) if it has none.

        A pause belongs to the answer that follows it; at the end of the script, to the next answer of any kind.
        """
        start, seconds = 0, 0.0
        for position, entry in enumerate(self._entries):
            if isinstance(entry, Delay):
                seconds += entry.seconds
            elif fits(entry, operation):
                del self._entries[start : position + 1]
                return seconds, entry
            else:
                start, seconds = position + 1, 0.0
        del self._entries[start:]
        return seconds, None
