"""HTTP messages as bytes, right ones and wrong ones, and the good answers that faults are made from."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any, Dict, Iterable, List, Sequence, Tuple, Union

Headers = Iterable[Tuple[str, str]]

TEXT = "One two three, and a smile: 😀."
_HEAD: Dict[str, Any] = {"id": "chatcmpl-1", "created": 1700000000, "model": "gpt-4o"}
USAGE = {"prompt_tokens": 5, "completion_tokens": 9, "total_tokens": 14}


def head(status: Union[int, str], headers: Headers) -> bytes:
    """A status line and headers. ``status`` may have its phrase with it."""
    lines = [f"HTTP/1.1 {status if isinstance(status, str) else f'{status} Status'}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def response(
    body: bytes, *, status: int = 200, content_type: str = "application/json", headers: Headers = (), length: int = -1
) -> bytes:
    """An answer with a Content-Length, which is the body's unless ``length`` says something else."""
    promised = len(body) if length < 0 else length
    return head(status, [("content-type", content_type), *headers, ("content-length", str(promised))]) + body


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%x%b\r\n%b\r\n" % (len(data), extension, data)


def unchunk(data: bytes) -> bytes:
    """What is in the chunks of a request's body, which has come whole and without extensions."""
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        if int(size, 16) == 0:
            return body
        body, data = body + data[: int(size, 16)], data[int(size, 16) + 2 :]


def chunked(
    parts: Iterable[bytes],
    *,
    content_type: str = "text/event-stream",
    headers: Headers = (),
    extension: bytes = b"",
    trailers: Headers = (),
) -> bytes:
    """An answer in chunks, one for each of ``parts``."""
    body = b"".join(chunk(part, extension) for part in parts)
    end = "".join(f"{name}: {value}\r\n" for name, value in trailers).encode("latin-1")
    start = head(200, [("content-type", content_type), *headers, ("transfer-encoding", "chunked")])
    return start + body + b"0\r\n" + end + b"\r\n"


def dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def event(value: Union[str, Dict[str, Any]]) -> bytes:
    return b"data: %b\n\n" % (value.encode() if isinstance(value, str) else dumps(value))


def completion(text: str = TEXT) -> bytes:
    """The body of a chat completion."""
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return dumps({**_HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE})


def stream_events(text: str = TEXT) -> List[bytes]:
    """The events of a streamed chat completion: a word of ``text`` each, the finish reason, the usage, ``[DONE]``."""

    def part(delta: Dict[str, Any], finish_reason: Any = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return event({**_HEAD, "object": "chat.completion.chunk", "choices": [choice]})

    first, *words = text.split(" ")
    pieces = [first, *(f" {word}" for word in words)]
    usage = event({**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": USAGE})
    return [
        part({"role": "assistant", "content": ""}),
        *(part({"content": piece}) for piece in pieces),
        part({}, "stop"),
        usage,
        event("[DONE]"),
    ]


def embeddings(count: int = 1) -> bytes:
    data = [{"object": "embedding", "index": index, "embedding": [0.6, 0.8]} for index in range(count)]
    return dumps({"object": "list", "data": data, "model": "text-embedding-3-small", "usage": {**USAGE}})


def error(message: str, kind: str = "server_error", code: Any = None) -> bytes:
    return dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})


def gzip_bomb(mebibytes: int) -> bytes:
    """That many mebibytes of zeros, compressed to about a thousandth, without ever having them in memory."""
    block = bytes(1 << 20)
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # After a full flush the compressor has forgotten what came before, so one block's bytes stand for each of them.
    packed = compressor.compress(block) + compressor.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(mebibytes):
        checksum = zlib.crc32(block, checksum)
    end = compressor.flush() + struct.pack("<II", checksum, (mebibytes << 20) & 0xFFFFFFFF)
    return b"\x1f\x8b\x08" + bytes(7) + packed * mebibytes + end


def split(data: bytes, size: int) -> Sequence[bytes]:
    """``data`` in pieces of ``size`` bytes."""
    return [data[start : start + size] for start in range(0, len(data), size)]
