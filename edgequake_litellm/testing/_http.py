"""HTTP/1.1 over asyncio for the local provider: keep-alive, chunked bodies, and knowing when a client has gone.

The standard library's ``http.server`` takes a thread per connection and learns that a client has gone only from a write
that fails. Here a connection is an :class:`asyncio.Protocol`: the end of the client's side cancels the answer at once,
also while the answer is waiting, and hundreds of slow streams cost one thread.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import sys
from http import HTTPStatus
from typing import Awaitable, Callable, Iterable, List, Optional, Tuple, cast

MAX_HEAD_BYTES = 256 * 1024
MAX_BODY_BYTES = 256 * 1024 * 1024

Headers = List[Tuple[str, str]]

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/1\.([01])")
_HEADER_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")
# struct linger has two shorts on Windows and two ints elsewhere.
_LINGER_ZERO = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class BadRequest(Exception):
    """The client's bytes are not an acceptable HTTP/1.1 request; the connection ends after ``status`` is sent."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class IncomingRequest:
    """One HTTP request as it came: nothing decoded but the header names' case."""

    __slots__ = ("body", "headers", "http10", "method", "target")

    def __init__(self, method: str, target: str, http10: bool, headers: Headers) -> None:
        self.method = method
        self.target = target
        self.http10 = http10
        self.headers = headers
        self.body = b""

    def header(self, name: str) -> str:
        """The values of the header called ``name`` (in lower case) joined by ", ", or ""."""
        return ", ".join(value for key, value in self.headers if key == name)

    @property
    def keep_alive(self) -> bool:
        options = self.header("connection").lower()
        return "keep-alive" in options if self.http10 else "close" not in options


def parse_head(head: bytes) -> IncomingRequest:
    """Parses a request line and headers, each line ended by CRLF and without the empty line."""
    line, *lines = head.split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise BadRequest(400, "the request line is not 'METHOD target HTTP/1.1'")
    headers: Headers = []
    for line in lines:
        header = _HEADER_LINE.fullmatch(line)
        if header is None:
            raise BadRequest(400, "a header line is not 'name: value'")
        headers.append((header[1].decode("ascii").lower(), header[2].decode("latin-1")))
    return IncomingRequest(match[1].decode("ascii"), match[2].decode("latin-1"), match[3] == b"0", headers)


class Connection(asyncio.Protocol):
    """One client's connection. Its task reads a request, has it answered, and reads the next."""

    def __init__(
        self,
        answer: Callable[[IncomingRequest, Connection], Awaitable[None]],
        on_open: Callable[[Connection], None],
        on_closed: Callable[[Connection], None],
    ) -> None:
        self._answer = answer
        self._on_open = on_open
        self._on_closed = on_closed
        self._reader = asyncio.StreamReader(limit=MAX_HEAD_BYTES)
        self._transport: Optional[asyncio.Transport] = None
        self._task: Optional[asyncio.Task[None]] = None
        self._writable = asyncio.Event()
        self._chunked = False
        self._keep_alive = True
        self._wants_body = True
        self._answering = False
        self.client_gone = False

    # -- asyncio's side ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # So "writable" means that the kernel has every byte: a client that goes before its answer has left this process
        # counts as gone, and a slow client holds the answer back. (With 0 asyncio's TLS would never be writable.)
        self._transport.set_write_buffer_limits(high=1, low=0)
        self._writable.set()
        self._reader.set_transport(self._transport)
        self._on_open(self)
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def data_received(self, data: bytes) -> None:
        self._reader.feed_data(data)

    def eof_received(self) -> bool:
        # HTTP clients that want an answer do not close their sending side, so the end of it means that they have left.
        self._leave()
        return False

    def connection_lost(self, exc: Optional[Exception]) -> None:
        self._leave()
        self._on_closed(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _leave(self) -> None:
        if not self.client_gone:
            self.client_gone = True
            self._reader.feed_eof()
            if self._answering and self._task is not None:
                self._task.cancel()

    # -- reading -------------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        try:
            await self._serve_requests()
        except (asyncio.CancelledError, ConnectionError):
            pass  # The client has gone or the server is closing; who waits for that hears of it from the connection.
        finally:
            self._answering = False
            self.transport.close()

    async def _serve_requests(self) -> None:
        try:
            while self._keep_alive and not self.client_gone:
                request = await self._read_request()
                if request is None:
                    break
                self._keep_alive = request.keep_alive
                self._chunked = not request.http10
                self._wants_body = request.method != "HEAD"
                # From here on the client waits for an answer, and its leaving cancels this task.
                self._answering = True
                await self._answer(request, self)
                self._answering = False
        except BadRequest as error:
            self._keep_alive = False
            await self.send(error.status, [("content-type", "text/plain; charset=utf-8")], f"{error}\n".encode())

    async def _read_request(self) -> Optional[IncomingRequest]:
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        except asyncio.LimitOverrunError:
            raise BadRequest(431, f"the headers are longer than {MAX_HEAD_BYTES} bytes") from None
        # RFC 9112 2.2: empty lines before a request line are to be ignored.
        request = parse_head(head[:-4].lstrip(b"\r\n"))
        try:
            request.body = await self._read_body(request)
        except asyncio.IncompleteReadError:
            return None
        return request

    async def _read_body(self, request: IncomingRequest) -> bytes:
        coding, length = request.header("transfer-encoding").lower(), request.header("content-length")
        if not coding and not length:
            return b""
        if request.header("expect").lower() == "100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if coding:
            if coding != "chunked":
                raise BadRequest(501, "the only transfer coding of this server is 'chunked'")
            return await self._read_chunks()
        if re.fullmatch("[0-9]{1,18}", length) is None:
            raise BadRequest(400, "Content-Length is not a number")
        if int(length) > MAX_BODY_BYTES:
            raise BadRequest(413, f"the body is longer than {MAX_BODY_BYTES} bytes")
        return await self._reader.readexactly(int(length))

    async def _read_chunks(self) -> bytes:
        body = bytearray()
        while True:
            size = (await self._read_line()).partition(b";")[0].strip()
            if re.fullmatch(rb"[0-9A-Fa-f]{1,15}", size) is None:
                raise BadRequest(400, "a chunk's size is not a hexadecimal number")
            if len(body) + int(size, 16) > MAX_BODY_BYTES:
                raise BadRequest(413, f"the body is longer than {MAX_BODY_BYTES} bytes")
            if int(size, 16) == 0:
                break
            body += await self._reader.readexactly(int(size, 16))
            if await self._reader.readexactly(2) != b"\r\n":
                raise BadRequest(400, "a chunk is longer than its size")
        while await self._read_line():  # trailers
            pass
        return bytes(body)

    async def _read_line(self) -> bytes:
        try:
            return (await self._reader.readuntil(b"\r\n"))[:-2]
        except asyncio.LimitOverrunError:
            raise BadRequest(400, "a line of the chunked body is too long") from None

    # -- writing -------------------------------------------------------------------------------------------------------

    @property
    def transport(self) -> asyncio.Transport:
        if self._transport is None:
            raise RuntimeError("the connection has not been made yet")
        return self._transport

    async def flush(self) -> None:
        """Returns when the kernel has taken all that was written; a client that has gone cancels or raises."""
        self._check_client()
        await self._writable.wait()

    def _check_client(self) -> None:
        # A write that failed closes the transport at once, and connection_lost() is called later.
        if self.client_gone or self.transport.is_closing():
            self.client_gone = True
            raise ConnectionResetError("the client has gone")

    def _write_head(self, status: int, headers: Headers) -> None:
        reason = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
        lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
        if not self._keep_alive:
            lines.append("connection: close")
        self.transport.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def send(self, status: int, headers: Headers, body: bytes) -> None:
        """Sends a whole answer."""
        self._write_head(status, [*headers, ("content-length", str(len(body)))])
        if self._wants_body:
            self.transport.write(body)
        await self.flush()

    async def send_part(self, status: int, headers: Headers, body: bytes, length: int) -> None:
        """Sends the first ``length`` bytes of an answer whose head promises all of them."""
        self._write_head(status, [*headers, ("content-length", str(len(body)))])
        self.transport.write(body[:length])
        await self.flush()

    async def start_stream(self, status: int, headers: Headers) -> None:
        """Sends the head of an answer whose length is not known."""
        if self._chunked:
            headers = [*headers, ("transfer-encoding", "chunked")]
        else:
            self._keep_alive = False  # An HTTP/1.0 client knows the end of such a body by the end of the connection.
        self._write_head(status, headers)
        await self.flush()

    async def send_chunks(self, pieces: Iterable[bytes], last: bool = False) -> None:
        """Sends pieces of a stream, none of them empty, in one write; ``last`` ends the stream after them."""
        if self._chunked:
            pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
            if last:
                pieces.append(b"0\r\n\r\n")
        self._check_client()
        self.transport.write(b"".join(pieces))
        await self.flush()

    def cut(self, reset: bool) -> None:
        """Ends the connection in the middle of an answer, with a TCP reset or with an orderly close that is too soon."""
        self._keep_alive = False
        self._answering = False
        if reset:
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            self.transport.abort()
        else:
            self.transport.close()

    def abort(self) -> None:
        """Drops the connection and its task; for the end of the server."""
        if self._task is not None:
            self._task.cancel()
        self.transport.abort()
