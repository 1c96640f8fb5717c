"""Language models through libedgequake_ffi, from the standard library's ctypes alone: one file to copy.

For programs that cannot have cffi, or want no package. Where they can, the package ``edgequake_litellm`` is faster and has
litellm's whole API.

::

    with Client() as client:
        answer = client.completion(model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}])
        print(answer["choices"][0]["message"]["content"])

Every object may be used from any thread; one thread at a time reads a stream.
"""

from __future__ import annotations

import ctypes
import enum
import json
import os
import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Dict, Iterator, Optional, Type

ABI_VERSION = 1

_INSTALLED = {"darwin": "libedgequake.1.dylib", "win32": "edgequake.dll"}.get(sys.platform, "libedgequake.so.1")
_OK = 0
_CHUNK, _CONTENT, _REASONING, _ARGUMENTS, _DONE, _FAILED = 2, 3, 4, 5, 8, 9
_TEXT_MESSAGE, _TEXT_KIND_NAME = 0, 6
# How long one wait lasts. Between two of them Python looks for Ctrl-C, which ctypes cannot while it is in a function.
_SLICE_MS = 100


class ErrorKind(enum.IntEnum):
    """What went wrong, by litellm's exception class. A kind that a newer library adds is UNKNOWN; its name tells it."""

    UNKNOWN = 0
    BAD_REQUEST = 1
    AUTHENTICATION = 2
    PERMISSION_DENIED = 3
    NOT_FOUND = 4
    TIMEOUT = 5
    UNPROCESSABLE_ENTITY = 6
    RATE_LIMIT = 7
    INTERNAL_SERVER = 8
    BAD_GATEWAY = 9
    SERVICE_UNAVAILABLE = 10
    API = 11
    API_CONNECTION = 12
    API_RESPONSE_VALIDATION = 13
    CONTEXT_WINDOW_EXCEEDED = 14
    CONTENT_POLICY_VIOLATION = 15
    UNSUPPORTED_PARAMS = 16
    CANCELLED = 17
    BUDGET_EXCEEDED = 18
    JSON_SCHEMA_VALIDATION = 19
    PAYMENT_REQUIRED = 20
    IMAGE_FETCH = 21

    @classmethod
    def _missing_(cls, value: object) -> ErrorKind:
        return cls.UNKNOWN


class EdgequakeError(Exception):
    """A request that was refused or a call that failed. No field ever holds a key."""

    def __init__(self, kind: ErrorKind, name: str, message: str, details: Dict[str, Any]) -> None:
        super().__init__(f"{name}: {message}")
        self.kind = kind
        self.name = name
        self.message = message
        self.details = details
        """Everything the library knows of the error, by the names of docs/architecture.md."""

    @property
    def http_status(self) -> Optional[int]:
        """The status of the server's answer; None where there was none."""
        return self.details.get("http_status")

    @property
    def retry_after_ms(self) -> Optional[int]:
        """How long the provider asks to wait; None where it does not say."""
        return self.details.get("retry_after_ms")


@dataclass(frozen=True)
class Event:
    """A piece of a stream. ``text`` is new content; ``chunk`` the whole chat.completion.chunk where it is more than that."""

    text: str
    reasoning: str
    arguments: str
    slot: int
    """The tool call that ``arguments`` belong to."""
    index: int
    """The choice."""
    chunk: Optional[Dict[str, Any]]


class _Bytes(ctypes.Structure):
    _fields_ = (("ptr", ctypes.c_void_p), ("len", ctypes.c_size_t))

    def read(self) -> bytes:
        return ctypes.string_at(self.ptr, self.len) if self.len else b""


class _Event(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_uint32),
        ("kind", ctypes.c_int32),
        ("tag", ctypes.c_uint64),
        ("index", ctypes.c_int32),
        ("slot", ctypes.c_int32),
        ("data", _Bytes),
        ("text", _Bytes),
        ("meta", _Bytes),
        ("error", ctypes.c_void_p),
        ("call", ctypes.c_void_p),
    )


_HANDLE = ctypes.c_void_p
_OUT = ctypes.POINTER(ctypes.c_void_p)
_SIGNATURES: Dict[str, Any] = {
    "eq_abi_version": (ctypes.c_uint32, []),
    "eq_status_name": (ctypes.c_char_p, [ctypes.c_int32]),
    "eq_client_new": (ctypes.c_int32, [_Bytes, _OUT, _OUT]),
    "eq_client_free": (ctypes.c_int32, [_HANDLE]),
    "eq_call_start": (
        ctypes.c_int32,
        # The callback is eq_queue_push: a function of the library, so that Python is never called from its threads.
        [_HANDLE, _Bytes, _Bytes, _HANDLE, ctypes.c_size_t, ctypes.c_uint64, _HANDLE, _HANDLE, _OUT, _OUT],
    ),
    "eq_call_cancel": (ctypes.c_int32, [_HANDLE]),
    "eq_call_free": (ctypes.c_int32, [_HANDLE]),
    "eq_queue_new": (ctypes.c_int32, [ctypes.c_size_t, _OUT, _OUT]),
    "eq_queue_free": (ctypes.c_int32, [_HANDLE]),
    "eq_queue_next": (
        ctypes.c_int32,
        [_HANDLE, ctypes.POINTER(_Event), ctypes.c_size_t, ctypes.c_int32, ctypes.POINTER(ctypes.c_size_t)],
    ),
    "eq_error_get_kind": (ctypes.c_int32, [_HANDLE]),
    "eq_error_get_text": (_Bytes, [_HANDLE, ctypes.c_int32]),
    "eq_error_json": (_Bytes, [_HANDLE]),
    "eq_error_free": (ctypes.c_int32, [_HANDLE]),
}


def _load(path: Optional[str]) -> ctypes.CDLL:
    library = ctypes.CDLL(path or os.environ.get("EDGEQUAKE_LIBRARY") or _INSTALLED)
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    if library.eq_abi_version() != ABI_VERSION:
        raise ImportError(f"{library._name} has interface {library.eq_abi_version()}; this file is for {ABI_VERSION}")
    return library


class Client:
    """Connections and threads that calls share; one is enough for a program. Close it, or use it in a ``with``."""

    def __init__(self, library: Optional[str] = None) -> None:
        """``library`` is the path of libedgequake_ffi; without it $EDGEQUAKE_LIBRARY, then what the system finds."""
        self._library = _load(library)
        self._handle: Optional[int] = self._make("eq_client_new", _given(b""))

    def completion(self, **request: Any) -> Dict[str, Any]:
        """One chat completion, with litellm's names of parameters."""
        with Stream(self, "completion", request, 0) as call:
            return call._answer()

    def embedding(self, **request: Any) -> Dict[str, Any]:
        """Embeddings, with litellm's names of parameters."""
        with Stream(self, "embedding", request, 0) as call:
            return call._answer()

    def stream(self, *, capacity: int = 0, **request: Any) -> Stream:
        """A streamed chat completion.

        ``capacity`` is how many bytes may wait for a slow reader before the provider is held back; 0 means 1 MiB.
        """
        return Stream(self, "completion", {**request, "stream": True}, capacity)

    def close(self) -> None:
        """Cancels what still runs."""
        handle, self._handle = self._handle, None
        self._library.eq_client_free(handle)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        self.close()

    def _make(self, function: str, *arguments: Any) -> Optional[int]:
        """Calls a function whose last two parameters are ``out`` and ``error``."""
        out, error = ctypes.c_void_p(), ctypes.c_void_p()
        status = getattr(self._library, function)(*arguments, ctypes.byref(out), ctypes.byref(error))
        if status == _OK:
            return out.value
        if not error.value:
            self._check(status)
        try:
            raise self._error(error)
        finally:
            self._library.eq_error_free(error)

    def _check(self, status: int) -> None:
        if status < 0:
            raise RuntimeError(self._library.eq_status_name(status).decode())

    def _error(self, error: Any) -> EdgequakeError:
        library = self._library
        return EdgequakeError(
            ErrorKind(library.eq_error_get_kind(error)),
            library.eq_error_get_text(error, _TEXT_KIND_NAME).read().decode(),
            library.eq_error_get_text(error, _TEXT_MESSAGE).read().decode(),
            json.loads(library.eq_error_json(error).read()),
        )


class Stream:
    """A running call: iterate over its events. Leaving the ``with``, or closing it, ends the call and its connection."""

    def __init__(self, client: Client, operation: str, request: Dict[str, Any], capacity: int) -> None:
        self._client, self._library = client, client._library
        # What the library lent last, and how much of it has been read.
        self._events, self._count, self._at = (_Event * 16)(), ctypes.c_size_t(), 0
        self._finished = False
        self._call: Optional[int] = None
        # A queue of its own: a reader that is slow holds back this call and no other.
        self._queue = client._make("eq_queue_new", capacity)
        push = ctypes.cast(self._library.eq_queue_push, ctypes.c_void_p)
        name, body = _given(operation.encode()), _given(json.dumps(request).encode())
        try:
            self._call = client._make("eq_call_start", client._handle, name, body, None, 0, 0, push, self._queue)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        """Waits for the next event. Raises EdgequakeError where the stream fails, also when it was cancelled."""
        while True:
            event = self._next()
            kind = event.kind
            if kind == _DONE:
                raise StopIteration
            if kind in (_CHUNK, _CONTENT, _REASONING, _ARGUMENTS):
                text = event.text.read().decode()
                return Event(
                    text=text if kind in (_CHUNK, _CONTENT) else "",
                    reasoning=text if kind == _REASONING else "",
                    arguments=text if kind == _ARGUMENTS else "",
                    slot=event.slot,
                    index=event.index,
                    chunk=json.loads(event.data.read()) if kind == _CHUNK else None,
                )

    def cancel(self) -> None:
        """Ends the call and its connection, from any thread; whoever reads the stream gets ErrorKind.CANCELLED."""
        if self._call is not None:
            self._library.eq_call_cancel(self._call)

    def close(self) -> None:
        """Lets go of the call, and ends it if it is still running."""
        self._finished, self._at = True, self._count.value
        call, self._call, queue, self._queue = self._call, None, self._queue, None
        self._library.eq_call_free(call)
        self._library.eq_queue_free(queue)

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        self.close()

    def _next(self) -> _Event:
        """The next event as the library lends it: to be read before the one after it is asked for."""
        while self._at == self._count.value:
            if self._finished:
                raise StopIteration
            self._at = self._count.value = 0
            status = self._library.eq_queue_next(self._queue, self._events, 16, _SLICE_MS, ctypes.byref(self._count))
            self._client._check(status)
        event = self._events[self._at]
        self._at += 1
        # Both are a call's last event.
        self._finished = event.kind in (_DONE, _FAILED)
        if event.kind == _FAILED:
            raise self._client._error(event.error)
        return event

    def _answer(self) -> Dict[str, Any]:
        """The answer of a call that is not streamed."""
        event = self._next()
        while event.kind != _DONE:
            event = self._next()
        data = event.data.read()
        if not data:
            raise ValueError("the request asks for a stream: take stream()")
        answer: Dict[str, Any] = json.loads(data)
        return answer


def _given(raw: bytes) -> _Bytes:
    given = _Bytes(ctypes.cast(ctypes.c_char_p(raw), ctypes.c_void_p), len(raw))
    # ctypes does not keep alive what a cast pointer points to.
    given.raw = raw
    return given
