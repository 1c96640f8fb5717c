"""Faults, and the steps that they are made of. A step has ``run(peer)`` and leaves by an exception when the connection is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Dict, Optional, Protocol, Sequence, Union

from . import messages

if TYPE_CHECKING:
    from .server import Peer

Value = Union[str, Callable[["Peer"], str]]


class Step(Protocol):
    """One thing that the server does to a connection."""

    def run(self, peer: Peer) -> None: ...


@dataclass(frozen=True)
class Fault:
    """What one request meets: steps in order. With ``on_accept`` a connection meets it before it has sent anything."""

    name: str
    steps: Sequence[Step]
    on_accept: bool = False


def good_body(peer: Peer) -> bytes:
    """The body of the answer that the request asks for."""
    exchange = peer.exchange
    if "/embeddings" in exchange.target:
        given = exchange.json["input"]
        return messages.embeddings(len(given) if isinstance(given, list) and isinstance(given[0], (str, list)) else 1)
    return b"".join(messages.stream_events()) if wants_stream(peer) else messages.completion()


def wants_stream(peer: Peer) -> bool:
    try:
        return peer.exchange.json.get("stream") is True
    except ValueError:
        return False


def good_answer(peer: Peer) -> bytes:
    """The answer that the request asks for: a stream in chunks of an event each, anything else with its length."""
    if wants_stream(peer):
        return messages.chunked(messages.stream_events())
    return messages.response(good_body(peer))


@dataclass(frozen=True)
class Send:
    """Sends bytes as they stand."""

    data: bytes

    def run(self, peer: Peer) -> None:
        peer.send(self.data)


@dataclass(frozen=True)
class Respond:
    """Sends an answer with ``status`` and ``body``; a header's value may be a function of the peer."""

    status: int
    body: bytes
    headers: Dict[str, Value]
    content_type: str = "application/json"

    def run(self, peer: Peer) -> None:
        headers = [(name, value if isinstance(value, str) else value(peer)) for name, value in self.headers.items()]
        peer.send(messages.response(self.body, status=self.status, content_type=self.content_type, headers=headers))


@dataclass(frozen=True)
class Answer:
    """Sends the good answer; with ``content_type`` under another type than it has."""

    content_type: Optional[str] = None

    def run(self, peer: Peer) -> None:
        answer = good_answer(peer)
        if self.content_type is not None:
            start, end = answer.split(b"\r\n", 2)[1], f"content-type: {self.content_type}".encode()
            answer = answer.replace(start, end, 1)
        peer.send(answer)


@dataclass(frozen=True)
class BeginAnswer:
    """Sends the good answer up to the middle of its body: in the middle of an event of a stream, or after ``events`` whole ones."""

    events: Optional[int] = None

    def run(self, peer: Peer) -> None:
        if not wants_stream(peer):
            answer = good_answer(peer)
            peer.send(answer[: len(answer) - len(good_body(peer)) // 2])
            return
        events = messages.stream_events()
        middle = len(events) // 2 if self.events is None else self.events
        # Without the last chunk of size 0.
        begun = messages.chunked(events[:middle])[: -len(b"0\r\n\r\n")]
        if self.events is None:
            begun += messages.chunk(events[middle][: len(events[middle]) // 2])
        peer.send(begun)


@dataclass(frozen=True)
class Drip:
    """Sends ``data`` (without it, the good answer) ``size`` bytes at a time, ``gap`` seconds apart."""

    data: Optional[bytes] = None
    size: int = 1
    gap: float = 0.0

    def run(self, peer: Peer) -> None:
        data = good_answer(peer) if self.data is None else self.data
        for piece in messages.split(data, self.size):
            peer.send(piece)
            if self.gap:
                peer.pause(self.gap)


@dataclass(frozen=True)
class Endless:
    """Sends ``data`` again and again until the client goes or ``limit`` bytes are sent, then ends the connection."""

    data: bytes
    limit: int

    def run(self, peer: Peer) -> None:
        end = peer.exchange.sent + self.limit
        while peer.exchange.sent < end:
            peer.send(self.data)
        peer.fin()


@dataclass(frozen=True)
class Sleep:
    """Waits, unless the client goes."""

    seconds: float

    def run(self, peer: Peer) -> None:
        peer.pause(self.seconds)


@dataclass(frozen=True)
class Stall:
    """Does nothing until the client goes."""

    def run(self, peer: Peer) -> None:
        peer.pause(None)


@dataclass(frozen=True)
class Receive:
    """Reads what the client sends first, such as the greeting of TLS."""

    def run(self, peer: Peer) -> None:
        peer.receive()


@dataclass(frozen=True)
class NextRequest:
    """Reads one more request on the same connection; it is recorded as an exchange of its own."""

    def run(self, peer: Peer) -> None:
        name = peer.exchange.fault
        peer.exchange.finished = True
        raw = peer.read_request()
        peer.server.begin(peer, name, raw)


@dataclass(frozen=True)
class Fin:
    """Ends the connection in order."""

    def run(self, peer: Peer) -> None:
        peer.fin()


@dataclass(frozen=True)
class Rst:
    """Ends the connection with a TCP reset."""

    def run(self, peer: Peer) -> None:
        peer.rst()


OK = Fault("ok", [Answer()])
