"""The engine as the whole process shares it: its client, its events, its errors, and what happens to them in a fork.

Nothing of Python's is ever called by the engine. Calls push their events into queues of the engine, and Python reads the
queues; how it waits for them is `_sync`'s and `_async`'s matter.
"""

from __future__ import annotations

import os
from json import JSONDecoder, dumps
from struct import Struct, calcsize
from threading import Lock

from . import _loading
from ._native import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Union

    # The binary inputs of a call, which its request names by their numbers.
    Attachments = Sequence[Union[bytes, bytearray, memoryview]]

_decode = JSONDecoder().raw_decode

OPENED: int = lib.EQ_EVENT_OPENED
CHUNK: int = lib.EQ_EVENT_CHUNK
CONTENT: int = lib.EQ_EVENT_CONTENT
REASONING: int = lib.EQ_EVENT_REASONING
ARGUMENTS: int = lib.EQ_EVENT_ARGUMENTS
BYTES: int = lib.EQ_EVENT_BYTES
DONE: int = lib.EQ_EVENT_DONE
FAILED: int = lib.EQ_EVENT_FAILED

_NO_ATTACHMENTS = ffi.NULL
# The engine's own callback, which fills the queue that is its user data.
_PUSH = ffi.addressof(lib, "eq_queue_push")

# An eq_event as numbers: unpacking all its fields costs as much as reading two of them through cffi.
_EVENT_SIZE: int = ffi.sizeof("eq_event")
_FIELDS = "IiQii" + "PN" * 3 + "P"
_unpack = Struct(f"@{_FIELDS}{_EVENT_SIZE - calcsize('@' + _FIELDS)}x").iter_unpack
KIND, TAG, INDEX, SLOT, DATA_LENGTH, TEXT_LENGTH = 1, 2, 3, 4, 6, 8
LARGE = 64 * 1024
_bytes_at = ffi.unpack


class Batch:
    """Room for the events of one read of a queue. Their memory is the engine's until the next read.

    `size` is how many events it has room for. One reader at a time.
    """

    __slots__ = ("_count", "_events", "_view", "events", "size", "texts")

    def __init__(self, size: int) -> None:
        self.size = size
        self._events = ffi.new("eq_event[]", size)
        self._view = memoryview(ffi.buffer(self._events))
        self._count = ffi.new("size_t *")
        # Made once: making such a view costs as much as reading through it, and a stream reads thousands.
        self.events = [self._events + number for number in range(size)]
        # Where each event's text starts, as the type that `unpack` makes bytes of.
        self.texts = [ffi.cast("char **", ffi.addressof(event.text, "ptr")) for event in self.events]

    def wait(self, queue: Any, timeout_ms: int) -> int:
        """Waits for events of `queue` and returns how many there are, 0 if none came. Raises where the queue is dead."""
        status = lib.eq_queue_next(queue, self._events, self.size, timeout_ms, self._count)
        if status == lib.EQ_OK:
            return self._count[0]  # type: ignore[no-any-return]
        if status == lib.EQ_TIMEOUT:
            return 0
        raise queue_failure(status)

    def fields(self, count: int) -> Iterator[tuple[int, ...]]:
        """The first `count` events as tuples of numbers: their `KIND`, `TAG`, …; pointers in them are addresses."""
        return _unpack(self._view[: count * _EVENT_SIZE])

    def let_go(self, queue: Any) -> None:
        """Gives the memory of the last events back before the next read, for answers too large to keep meanwhile."""
        lib.eq_queue_next(queue, self._events, 0, 0, self._count)

    def item(self, number: int, event: tuple[int, ...]) -> str | tuple[Any, ...]:
        """The chunk that is event `number`, as a stream keeps it: the text alone where that says it all.

        Else `(CHUNK, the chunk's JSON)`, `(BYTES, bytes)` or `(kind, text, index, slot, obfuscation)`.
        """
        kind, length = event[KIND], event[TEXT_LENGTH]
        if kind == CHUNK:
            return kind, _text(self.events[number].data)
        text = _bytes_at(self.texts[number][0], length).decode() if length else ""
        if kind == CONTENT and not event[INDEX] and not event[DATA_LENGTH]:
            return text
        if kind == BYTES:
            return kind, raw(self.events[number].data)
        return kind, text, event[INDEX], event[SLOT], _text(self.events[number].data)


def _text(value: Any) -> str:
    return str(ffi.buffer(value.ptr, value.len), "utf-8") if value.len else ""


def raw(value: Any) -> bytes:
    """A copy of an `eq_bytes`."""
    return ffi.buffer(value.ptr, value.len)[:] if value.len else b""


def decoded(value: Any) -> Any:
    """The JSON of an `eq_bytes`. Raises APIResponseValidationError for JSON that Python cannot hold."""
    return parsed(str(ffi.buffer(value.ptr, value.len), "utf-8"))


def parsed(text: str) -> Any:
    """The value of the JSON `text`, which the engine wrote: without white space around it. Raises as :func:`decoded` does."""
    try:
        return _decode(text)[0]
    except (ValueError, RecursionError) as error:
        # The engine has checked the grammar; what is left are numbers of thousands of digits.
        raise unreadable(error) from None


def unreadable(error: BaseException) -> Exception:
    """litellm's exception for an answer that is JSON and still no answer."""
    from . import exceptions

    message = f"the provider's answer cannot be read: {type(error).__name__}: {error}"
    return exceptions.from_wire({"kind": "APIResponseValidationError", "message": message, "status_code": 500})


# Starting ------------------------------------------------------------------------------------------------------------------


class Process:
    """What belongs to this process and not to the one that it was forked from."""

    def __init__(self, generation: int) -> None:
        self.client: Any = None
        self.lock = Lock()
        self.reads_records = False
        # How many forks lie between the first import and this process: what was opened under another number is a parent's.
        self.generation = generation


process = Process(0)


def client() -> Any:
    """The process's client, made with its first call. It is kept for good: its connections are the program's."""
    if process.client is None:
        with process.lock:
            if process.client is None:
                out, error = ffi.new("eq_client **"), ffi.new("eq_error **")
                config = dumps(_configured).encode() if _configured else b""
                check(lib.eq_client_new((ffi.from_buffer(config), len(config)), out, error), error)
                process.client = out[0]
        with _loading.lock:
            from . import _records

            _records.listen()
            if "LITELLM_LOG" in os.environ:
                from . import _logging

                _logging.listen_as_environment_says()
    return process.client


# What the engine's client has by name, by kind: each process's client is given it anew.
_configured: dict[str, dict[str, Any]] = {}


def configure(kind: str, name: str | None, value: Any) -> None:
    """Sets the object `name` of a kind (`routers`, `caches`, …) that requests refer to; None removes it. `value` is JSON's.

    Without a name, it is the one object of its kind (`telemetry`). Raises litellm's BadRequestError for a configuration that the engine
    refuses; then nothing has changed.
    """
    try:
        text = dumps({kind: value if name is None else {name: value}}, allow_nan=False)
    except ValueError:
        from . import _request

        # It names what JSON does not have.
        text = _request.encode(value if isinstance(value, dict) else {kind: value}).decode()
    query(b"configure", text.encode())
    with process.lock:
        if name is None:
            _configured.pop(kind, None)
            if value is not None:
                _configured[kind] = value
            return
        objects = _configured.setdefault(kind, {})
        if value is None:
            objects.pop(name, None)
        else:
            objects[name] = value


def new_queue() -> Any:
    """A queue for calls. With the first, somebody begins to read what the engine has to warn of meanwhile."""
    if not process.reads_records:
        process.reads_records = True
        with _loading.lock:
            from . import _records

            _records.read()
    return bare_queue()


def bare_queue() -> Any:
    out, error = ffi.new("eq_queue **"), ffi.new("eq_error **")
    check(lib.eq_queue_new(0, out, error), error)
    return out[0]


def descriptor(queue: Any) -> int:
    """What is readable while `queue` has events; it belongs to the queue."""
    out = ffi.new("intptr_t *")
    status = lib.eq_queue_descriptor(queue, out)
    if status != lib.EQ_OK:
        raise queue_failure(status)
    return out[0]  # type: ignore[no-any-return]


class Start:
    """Starts calls whose events go to one queue. Holds what C writes to, so that a call allocates nothing. One thread at a time."""

    __slots__ = ("_error", "call", "queue")

    def __init__(self, queue: Any) -> None:
        self.queue = queue
        self.call = ffi.new("eq_call **")
        self._error = ffi.new("eq_error **")

    def __call__(self, operation: bytes, request: bytes, tag: int, attachments: Attachments = ()) -> Any:
        """Starts a call and returns its handle; `self.call[0]` has it even if an exception such as Ctrl-C comes between.

        The engine reads `attachments` before this returns. Raises litellm's exception for a request that it refuses.
        """
        lent = _NO_ATTACHMENTS
        if attachments:
            # cffi keeps no buffer alive for a struct in an array: this list does.
            buffers = [ffi.from_buffer(content) for content in attachments]
            lent = ffi.new("eq_bytes[]", [(buffer, len(buffer)) for buffer in buffers])
        status = lib.eq_call_start(
            process.client or client(),
            (ffi.from_buffer(operation), len(operation)),
            (ffi.from_buffer(request), len(request)),
            lent,
            len(attachments),
            tag,
            _PUSH,
            self.queue,
            self.call,
            self._error,
        )
        if status != lib.EQ_OK:
            raise status_failure(status, self._error)
        return self.call[0]


_asked: set[bytes] = set()


def query(name: bytes, request: bytes) -> Any:
    """The engine's answer to a question that needs no network. Raises litellm's exception where it has none."""
    if name not in _asked:
        # The first time, the engine may load a table: a fork in the middle of it would leave the child with half of one.
        with _loading.lock:
            answer = _query(name, request)
            _asked.add(name)
            return answer
    return _query(name, request)


def _query(name: bytes, request: bytes) -> Any:
    out, error = ffi.new("eq_buffer **"), ffi.new("eq_error **")
    check(
        lib.eq_query(
            client(), (ffi.from_buffer(name), len(name)), (ffi.from_buffer(request), len(request)), out, error
        ),
        error,
    )
    try:
        return decoded(lib.eq_buffer_bytes(out[0]))
    finally:
        lib.eq_buffer_free(out[0])


def provider_of(model: Any) -> str:
    """litellm's name of the provider that serves `model`, for messages; empty where it cannot be known."""
    from ._request import encode

    try:
        return query(b"get_llm_provider", encode({"model": model}))["custom_llm_provider"]  # type: ignore[no-any-return]
    except Exception:
        return ""


# Errors --------------------------------------------------------------------------------------------------------------------


def error_payload(error: Any) -> Any:
    """The JSON of an `eq_error` that somebody else frees."""
    return decoded(lib.eq_error_json(error))


def error_of(error: Any) -> Exception:
    """litellm's exception for an `eq_error` that somebody else frees."""
    from . import exceptions

    return exceptions.from_wire(error_payload(error))


def check(status: int, error: Any) -> None:
    """Raises what went wrong unless `status` is EQ_OK. `error` is the `eq_error **` that the function got."""
    if status != lib.EQ_OK:
        raise status_failure(status, error)


def status_failure(status: int, error: Any) -> Exception:
    """The exception for a failed function; frees the error object that it may have stored in `error`."""
    stored = error[0]
    if stored:
        error[0] = ffi.NULL
        try:
            return error_of(stored)
        finally:
            lib.eq_error_free(stored)
    return queue_failure(status)


def queue_failure(status: int) -> Exception:
    """The exception for a status that comes without an error object."""
    if status == lib.EQ_ERR_FORKED:
        return lost("it was opened before the process forked; a child process must make calls of its own")
    name = ffi.string(lib.eq_status_name(status)).decode("ascii")
    return _failure("InternalServerError", f"the engine of edgequake_litellm failed: {name}")


def lost(why: str) -> Exception:
    """The exception for a stream that is dead for a reason on this side."""
    return _failure("APIConnectionError", f"the stream has no more to give: {why}")


def _failure(kind: str, message: str) -> Exception:
    from . import exceptions

    return exceptions.from_wire({"kind": kind, "message": message, "status_code": 500, "provider": "", "model": ""})


# Fork ----------------------------------------------------------------------------------------------------------------------

_forgotten: list[Any] = []


def on_fork(forget: Any) -> None:
    """Has `forget` called in a child process after a fork, to let go of what belongs to the parent."""
    _forgotten.append(forget)


def _after_fork() -> None:
    # The child's first call makes a client of its own. The parent's is not freed: its threads exist in the parent only.
    process.__init__(process.generation + 1)  # type: ignore[misc]
    for forget in _forgotten:
        forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
