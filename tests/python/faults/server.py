"""A server that misbehaves on purpose, with its hands on the socket.

:class:`FaultServer` answers each request (or each connection, before any request) with the next :class:`Fault` of its
script, and with a good answer when the script is at its end. It tells what it received, how many bytes of an answer the
kernel took, and when a client went away. Each connection has a thread of its own, since a fault is a sequence of blocking
steps that is read from top to bottom.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import struct
import sys
import threading
import time
from typing import Any, Dict, List, Optional, Set, Tuple

from . import messages
from .steps import OK, Fault

# struct linger has two shorts on Windows and two ints elsewhere.
_LINGER_ZERO = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)
# How often a wait looks again whether a client has gone whose unread bytes hide the end of its stream.
_SLICE = 0.01
# How long a closing side waits for the other to close too.
_CLOSE_SECONDS = 1.0


class ClientGone(Exception):
    """The client ended the connection: ``how`` is "fin" or "rst"."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class ServerClosing(Exception):
    """The server is being closed; the connection's thread ends."""


class ConnectionOver(Exception):
    """A step has ended the connection."""


class Exchange:
    """A fault that was met: the request (empty if it met the connection), and what became of the answer.

    ``sent`` counts the bytes that the kernel has taken; ``gone`` is "fin" or "rst" if the client ended the connection
    while the steps ran, at the time ``gone_at`` of :func:`time.monotonic`; ``finished`` says that the steps are over.
    """

    def __init__(self, fault: str, connection: int, raw: bytes = b"") -> None:
        self.fault = fault
        self.connection = connection
        self.raw = raw
        self.received_at = time.monotonic()
        self.sent = 0
        self.gone: Optional[str] = None
        self.gone_at: Optional[float] = None
        self.finished = False
        start, _, self.body = raw.partition(b"\r\n\r\n")
        line, *lines = start.decode("latin-1").split("\r\n")
        self.method, self.target = [*line.split(" "), "", ""][:2]
        self.headers: Dict[str, str] = {
            name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)
        }
        if "transfer-encoding" in self.headers:
            self.body = messages.unchunk(self.body)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"<Exchange: {self.fault}, connection {self.connection}, {self.method} {self.target}, {self.sent} bytes sent>"


class Peer:
    """The client's connection, as the steps use it. Only its own thread does."""

    def __init__(self, server: FaultServer, connection: socket.socket, number: int) -> None:
        self.server = server
        self.number = number
        self.exchange = Exchange("", number)
        self._socket = connection
        self._socket.setblocking(False)
        self._received = bytearray()

    # -- waiting -------------------------------------------------------------------------------------------------------

    def _wait(self, read: bool, write: bool, timeout: Optional[float]) -> Tuple[bool, bool]:
        """Waits until the socket is readable or writable; (False, False) after ``timeout`` seconds."""
        with _Selector() as selector:
            selector.register(self.server.closing, selectors.EVENT_READ)
            events = (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
            if events:
                selector.register(self._socket, events)
            ready = {key.fileobj: mask for key, mask in selector.select(timeout)}
        if self.server.closing in ready:
            raise ServerClosing
        mask = ready.get(self._socket, 0)
        return bool(mask & selectors.EVENT_READ), bool(mask & selectors.EVENT_WRITE)

    def pause(self, seconds: Optional[float]) -> None:
        """Waits; raises :class:`ClientGone` as soon as the client ends the connection. None waits for nothing else."""
        end = None if seconds is None else time.monotonic() + seconds
        unread = bool(self._received)
        while True:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return
            if unread:
                left = _SLICE if left is None else min(left, _SLICE)
            readable, _ = self._wait(not unread, False, left)
            if readable or unread:
                unread = self._peek()

    def _peek(self) -> bool:
        """Whether the client has sent bytes that nobody read; raises :class:`ClientGone` at the end of its stream."""
        try:
            if not self._socket.recv(1, socket.MSG_PEEK):
                raise ClientGone("fin")
        except BlockingIOError:
            return False
        except OSError:
            raise ClientGone("rst") from None
        return True

    # -- bytes ---------------------------------------------------------------------------------------------------------

    def receive(self, timeout: Optional[float] = None) -> bytes:
        """The next bytes from the client, b"" after ``timeout`` seconds."""
        if self._received:
            data = bytes(self._received)
            self._received.clear()
            return data
        readable, _ = self._wait(True, False, timeout)
        if not readable:
            return b""
        try:
            data = self._socket.recv(1 << 16)
        except BlockingIOError:
            return b""
        except OSError:
            raise ClientGone("rst") from None
        if not data:
            raise ClientGone("fin")
        return data

    def read_request(self) -> bytes:
        """A whole request as it came, with the body that Content-Length or chunks say."""
        data = bytearray()
        while b"\r\n\r\n" not in data:
            data += self.receive()
        end = data.index(b"\r\n\r\n") + 4
        length = re.search(rb"\r\ncontent-length:[ \t]*(\d+)", data[:end], re.IGNORECASE)
        if length is not None:
            end += int(length[1])
        elif re.search(rb"\r\ntransfer-encoding:[ \t]*chunked", data[:end], re.IGNORECASE):
            while b"\r\n0\r\n\r\n" not in data[end - 2 :]:
                data += self.receive()
            end = data.index(b"\r\n0\r\n\r\n", end - 2) + 7
        while len(data) < end:
            data += self.receive()
        self._received[:0] = data[end:]
        return bytes(data[:end])

    def send(self, data: bytes) -> None:
        """Sends all of ``data``, waiting for a client that does not read."""
        view = memoryview(data)
        while view:
            try:
                sent = self._socket.send(view)
            except BlockingIOError:
                self._wait(False, True, None)
                continue
            except OSError as error:
                raise ClientGone("fin" if isinstance(error, BrokenPipeError) else "rst") from None
            self.exchange.sent += sent
            view = view[sent:]

    # -- ends ----------------------------------------------------------------------------------------------------------

    def fin(self) -> None:
        """Ends this side's stream in order, and the connection when the client has ended its own."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
            end = time.monotonic() + _CLOSE_SECONDS
            while time.monotonic() < end:
                self.receive(max(end - time.monotonic(), 0))
        except (ClientGone, OSError):
            pass
        raise ConnectionOver

    def rst(self) -> None:
        """Ends the connection with a TCP reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._socket.close()
        raise ConnectionOver

    def close(self) -> None:
        self._socket.close()


class FaultServer:
    """Serves ``faults`` in order, one for each request, then ``then`` for ever.

    ::

        with FaultServer(rst_after_request(), status(503)) as server:
            completion("openai/gpt-4o", messages, api_base=server.base_url, num_retries=2)
            assert len(server.requests) == 3

    ``send_buffer`` is the size of the kernel's buffer for what a client has not taken yet; a small one shows sooner that
    a slow reader holds the server back.
    """

    def __init__(
        self, *faults: Fault, then: Optional[Fault] = None, host: str = "127.0.0.1", send_buffer: Optional[int] = None
    ) -> None:
        self.host = host
        self.then = OK if then is None else then
        self._script: List[Fault] = list(faults)
        self._exchanges: List[Exchange] = []
        self._accepted = 0
        self._changed = threading.Condition()
        self._threads: Set[threading.Thread] = set()
        self._send_buffer = send_buffer
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._wake, self.closing = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept, name="fault server", daemon=True)

    def __enter__(self) -> FaultServer:
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._send_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._send_buffer)
        self._listener.bind((self.host, 0))
        self._listener.listen(1024)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._wake.close()
        self._acceptor.join()
        self._listener.close()
        with self._changed:
            threads = list(self._threads)
        for thread in threads:
            thread.join()
        self.closing.close()

    @property
    def origin(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    # -- looking -------------------------------------------------------------------------------------------------------

    @property
    def exchanges(self) -> List[Exchange]:
        """The faults that were met, good answers included, in order."""
        with self._changed:
            return list(self._exchanges)

    @property
    def requests(self) -> List[Exchange]:
        """Those that began with a request."""
        return [exchange for exchange in self.exchanges if exchange.raw]

    @property
    def connections(self) -> int:
        with self._changed:
            return self._accepted

    @property
    def open_connections(self) -> int:
        with self._changed:
            return len(self._threads)

    def wait_gone(self, timeout: float = 5.0, count: int = 1) -> bool:
        """Waits until clients have gone away from ``count`` faults in all; False after ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(
                lambda: sum(exchange.gone is not None for exchange in self._exchanges) >= count, timeout
            )

    def wait_requests(self, count: int = 1, timeout: float = 5.0) -> bool:
        """Waits until ``count`` requests have come in all; False after ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: sum(bool(each.raw) for each in self._exchanges) >= count, timeout)

    def wait_idle(self, timeout: float = 5.0) -> bool:
        """Waits until no connection is open; False after ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._threads, timeout)

    # -- serving -------------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        with _Selector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self.closing, selectors.EVENT_READ)
            while True:
                if any(key.fileobj is self.closing for key, _ in selector.select()):
                    return
                try:
                    connection, _ = self._listener.accept()
                except OSError:
                    continue
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._changed:
                    self._accepted += 1
                    peer = Peer(self, connection, self._accepted)
                    thread = threading.Thread(target=self._serve, args=(peer,), name="fault connection", daemon=True)
                    self._threads.add(thread)
                thread.start()

    def _next(self, on_accept: bool) -> Optional[Fault]:
        """The next fault, if it is one for a connection or for a request; the good answer at the end."""
        with self._changed:
            if not self._script:
                return self.then if self.then.on_accept is on_accept else None
            return self._script.pop(0) if self._script[0].on_accept is on_accept else None

    def _serve(self, peer: Peer) -> None:
        try:
            fault = self._next(on_accept=True)
            if fault is not None:
                self._meet(peer, fault, b"")
            while True:
                raw = peer.read_request()
                # A connection that was open before a fault for connections came up is answered well.
                self._meet(peer, self._next(on_accept=False) or OK, raw)
        except (ClientGone, ConnectionOver, ServerClosing):
            pass
        finally:
            peer.close()
            with self._changed:
                self._threads.discard(threading.current_thread())
                self._changed.notify_all()

    def _meet(self, peer: Peer, fault: Fault, raw: bytes) -> None:
        self.begin(peer, fault.name, raw)
        try:
            for step in fault.steps:
                step.run(peer)
        except ClientGone as gone:
            peer.exchange.gone = gone.how
            peer.exchange.gone_at = time.monotonic()
            raise
        finally:
            peer.exchange.finished = True
            with self._changed:
                self._changed.notify_all()

    def begin(self, peer: Peer, name: str, raw: bytes) -> None:
        """Records that ``peer`` meets the fault ``name`` with the request ``raw``."""
        peer.exchange = Exchange(name, peer.number, raw)
        with self._changed:
            self._exchanges.append(peer.exchange)
            self._changed.notify_all()
