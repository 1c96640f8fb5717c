"""A streamed answer: :class:`CustomStreamWrapper`, litellm's class, for `for` and for `async for`."""

from __future__ import annotations

import sys
from time import time

from . import _runtime
from ._runtime import ARGUMENTS, CHUNK, CONTENT, REASONING
from ._types import ChunkFactory, Meta, ToldByMeta, completion_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, NoReturn, Union

    from ._types import ModelResponseStream

    # A piece of content of choice 0 is its text; anything else is (kind, text, …), see Batch.item.
    Item = Union[str, tuple[Any, ...]]

# How much text a stream keeps after it was read, for `chunks` and `response_uptil_now`. No model writes as much; without a
# limit a server that never ends would fill the memory of a program that reads along.
_KEPT_CHARACTERS = 16 * 1024 * 1024


class Source:
    """Where a stream's events come from. Subclasses know how to wait; this knows what has come.

    `items` are the events so far, `position` is the first one that has not been read. `meta` is what the provider said when
    it accepted the request. `failure` is the engine's error that ends the stream, as JSON.
    """

    is_async = False

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.position = 0
        self.meta: bytes | None = None
        self.ended = False
        self.closed = False
        self.failure: Any = None
        self.lost: str | None = None
        self.forgot = False
        self._size = 0

    def wait(self) -> None:
        """Blocks until there is an item at `position`, or `ended` is set. A source for coroutines cannot."""
        raise TypeError("this stream comes from a coroutine: read it with `async for`")

    async def more(self) -> None:
        """What `wait` does, without blocking the event loop."""
        self.wait()

    def close(self) -> None:
        """Ends the call and its connection; what has not been read is gone. From any thread, at any time, and again."""
        self.ended = self.closed = True
        self.failure = None
        # A new list: a reader in another thread may have the old one in hand.
        self.items = self.items[: self.position]

    def add(self, item: Item) -> None:
        self.items.append(item)
        # What an item holds beside its text weighs about as much as this.
        self._size += (len(item) if type(item) is str else len(item[1])) + 64
        if self._size > _KEPT_CHARACTERS and self.position > 1024:
            del self.items[: self.position]
            self.position = 0
            self.forgot = True

    def finish(self) -> None:
        """Raises, once, why the stream has ended, unless it ended as it should."""
        failure, self.failure = self.failure, None
        if failure is not None:
            from . import exceptions

            raise exceptions.from_wire(failure, is_pre_first_chunk=self.position == 0 and not self.forgot)
        lost, self.lost = self.lost, None
        if lost is not None:
            raise _runtime.lost(lost)


class CustomStreamWrapper(ToldByMeta):
    """The chunks of an answer while it comes. From `completion(stream=True)` it is read by `for`, from `acompletion` by `async for`.

    Read it from one thread (one task) at a time. Closing it, leaving its `with` block, or dropping it ends the request and its
    connection. An error of the provider, and an answer that breaks off, raise where they come; a stream that just ends
    was complete.
    """

    __module__ = "litellm.litellm_core_utils.streaming_handler"

    def __init__(
        self,
        completion_stream: Source,
        model: str | None = None,
        logging_obj: Any = None,
        custom_llm_provider: str | None = None,
        stream_options: Any = None,
        *,
        call_id: str | None = None,
    ) -> None:
        self.completion_stream = completion_stream
        self.model = model
        self.logging_obj = logging_obj
        self.stream_options = stream_options
        self.created = int(time())
        self._meta = Meta(completion_stream.meta or b"", model=model, call_id=call_id)
        self._id = completion_id()
        self._provider = custom_llm_provider
        self._make = self._maker()

    def _maker(self) -> Maker:
        options = self.stream_options
        include_usage = bool(options.get("include_usage")) if isinstance(options, dict) else False
        return Maker(
            ChunkFactory(self.model or "", self._meta, created=self.created, include_usage=include_usage), self._id
        )

    # Reading -----------------------------------------------------------------------------------------------------------

    def __iter__(self) -> CustomStreamWrapper:
        if self.completion_stream.is_async:
            raise TypeError("this stream comes from a coroutine: read it with `async for`")
        return self

    def __next__(self) -> ModelResponseStream:
        source = self.completion_stream
        items, position = source.items, source.position
        if position >= len(items):
            source.wait()
            items, position = source.items, source.position
            if position >= len(items):
                source.finish()
                raise StopIteration
        source.position = position + 1
        item = items[position]
        return self._make.content(0, item) if type(item) is str else self._make(item)

    def __aiter__(self) -> CustomStreamWrapper:
        return self

    async def __anext__(self) -> ModelResponseStream:
        source = self.completion_stream
        items, position = source.items, source.position
        if position >= len(items):
            await source.more()
            items, position = source.items, source.position
            if position >= len(items):
                source.finish()
                raise StopAsyncIteration
        source.position = position + 1
        item = items[position]
        return self._make.content(0, item) if type(item) is str else self._make(item)

    # Ending ------------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Ends the request, if it is still running; nothing more can be read then."""
        self.completion_stream.close()

    async def aclose(self) -> None:
        """The same as :meth:`close`, for programs that await it."""
        self.completion_stream.close()

    def __enter__(self) -> CustomStreamWrapper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.completion_stream.close()

    async def __aenter__(self) -> CustomStreamWrapper:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.completion_stream.close()

    def __copy__(self) -> CustomStreamWrapper:
        # A copy would share the connection, and the first of the two to go would close it for the other.
        raise TypeError("a stream cannot be copied: it is one connection")

    def __deepcopy__(self, memo: dict[int, Any]) -> CustomStreamWrapper:
        return self.__copy__()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a stream cannot be pickled: it is one connection")

    def __del__(self, ending: Callable[[], bool] = sys.is_finalizing) -> None:
        source = self.__dict__.get("completion_stream")
        # As with `_sync.Channel`: there may be nothing left to close it with.
        if source is not None and not ending():
            source.close()

    # Looking -----------------------------------------------------------------------------------------------------------

    @property
    def chunks(self) -> list[ModelResponseStream]:
        """The chunks that have been read, made anew: what :func:`stream_chunk_builder` takes."""
        make = self._maker()
        return [make.content(0, item) if type(item) is str else make(item) for item in self._read()]

    @property
    def response_uptil_now(self) -> str:
        """The content that has been read, of all choices."""
        parts = []
        for item in self._read():
            if type(item) is str:
                parts.append(item)
            elif item[0] == CONTENT:
                parts.append(item[1])
            elif item[0] == CHUNK:
                choices = _runtime.parsed(item[1]).get("choices") or ()
                parts.extend((choice.get("delta") or {}).get("content") or "" for choice in choices)
        return "".join(parts)

    def _read(self) -> list[Item]:
        source = self.completion_stream
        if source.forgot:
            raise RuntimeError("the stream is too long to be kept: collect the chunks while you read them")
        return source.items[: source.position]

    @property
    def custom_llm_provider(self) -> str | None:
        """litellm's name of the provider that answers."""
        return self._provider or self._meta.data.get("provider")

    def __repr__(self) -> str:
        source = self.completion_stream
        state = "ended" if source.ended else "open"
        return f"<CustomStreamWrapper of {self.model}: {state}, {source.position} chunks read>"


class Maker:
    """Makes the chunks of one stream from its items."""

    __slots__ = ("_factory", "_id", "content")

    def __init__(self, factory: ChunkFactory, stream_id: str) -> None:
        self._factory = factory
        self._id = stream_id
        self.content = factory.content

    def __call__(self, item: Any) -> ModelResponseStream:
        kind, text = item[0], item[1]
        factory = self._factory
        if kind == CHUNK:
            payload = _runtime.parsed(text)
            if not payload.get("id"):
                # The same for all chunks of the stream, however often they are made.
                payload["id"] = self._id
            try:
                return factory.full(payload)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise _runtime.unreadable(error) from error
        _, _, index, slot, padding = item
        if kind == CONTENT:
            chunk = factory.content(index, text)
        elif kind == REASONING:
            chunk = factory.reasoning(index, text)
        elif kind == ARGUMENTS:
            chunk = factory.arguments(index, slot, text)
        else:
            raise RuntimeError(
                f"the engine sent an event of kind {kind} in a stream of chunks: the package is older than its library"
            )
        if padding:
            chunk.__dict__["obfuscation"] = padding
        return chunk
