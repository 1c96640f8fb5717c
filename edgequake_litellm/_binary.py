"""An answer that is bytes: :class:`HttpxBinaryResponseContent`, litellm's (and openai's) class."""

from __future__ import annotations

import sys

from ._types import Meta, ToldByMeta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any

    from .streaming import Source


class HttpxBinaryResponseContent(ToldByMeta):
    """Sound, or other bytes that a provider sends: whole as :attr:`content`, or piece by piece while they come.

    What was read is kept, so it can be read again; a sound that is passed on while it comes can be as long as memory allows. One from a
    coroutine that has not come to its end is read by the methods whose names begin with `a`. Closing it, leaving its `with` block, or
    dropping it ends the request. One thread, or task, at a time.
    """

    __module__ = "litellm.types.llms.openai"

    def __init__(
        self, source: Source, model: str | None = None, *, stream_options: Any = None, call_id: str | None = None
    ) -> None:
        self._source = source
        self._meta = Meta(source.meta or b"", model=model, call_id=call_id)
        self._pieces: list[bytes] = []

    # Reading -----------------------------------------------------------------------------------------------------------

    @property
    def content(self) -> bytes:
        """All of it. Waits for what has not come yet."""
        return self.read()

    def read(self) -> bytes:
        """All of it. Waits for what has not come yet."""
        for _ in self._rest():
            pass
        return self._joined()

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The pieces as they come, or in pieces of `chunk_size` bytes."""
        return _in_sizes(self._all(), chunk_size)

    iter_raw = iter_bytes

    def _all(self) -> Iterator[bytes]:
        number = 0
        while True:
            while number < len(self._pieces):
                yield self._pieces[number]
                number += 1
            if next(self._rest(), None) is None:
                return

    def _rest(self) -> Iterator[bytes]:
        source = self._source
        while True:
            if source.position >= len(source.items):
                if not source.ended:
                    source.wait()
                if source.position >= len(source.items):
                    source.finish()
                    return
            yield self._take()

    def _take(self) -> bytes:
        source = self._source
        piece: bytes = source.items[source.position][1]  # type: ignore[assignment]  # (BYTES, bytes)
        source.position += 1
        self._pieces.append(piece)
        return piece

    def _joined(self) -> bytes:
        if len(self._pieces) != 1:
            self._pieces[:] = [b"".join(self._pieces)]
        return self._pieces[0]

    async def aread(self) -> bytes:
        """:attr:`content` for coroutines."""
        while await self._more():
            self._take()
        return self._joined()

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """:meth:`iter_bytes` for coroutines."""
        held = bytearray()
        number = 0
        while number < len(self._pieces) or await self._more():
            if number == len(self._pieces):
                self._take()
            piece = self._pieces[number]
            number += 1
            if chunk_size is None:
                yield piece
                continue
            held += piece
            while len(held) >= chunk_size:
                yield bytes(held[:chunk_size])
                del held[:chunk_size]
        if held:
            yield bytes(held)

    aiter_raw = aiter_bytes

    async def _more(self) -> bool:
        source = self._source
        if source.position >= len(source.items):
            if not source.ended:
                await source.more()
            if source.position >= len(source.items):
                source.finish()
                return False
        return True

    # Writing -----------------------------------------------------------------------------------------------------------

    def stream_to_file(self, file: Any, *, chunk_size: int | None = None) -> None:
        """Writes all of it to the file of this path, piece by piece."""
        with open(file, "wb") as out:
            out.writelines(self.iter_bytes(chunk_size))

    def write_to_file(self, file: Any) -> None:
        """Writes all of it to the file of this path."""
        self.stream_to_file(file)

    async def astream_to_file(self, file: Any, *, chunk_size: int | None = None) -> None:
        """:meth:`stream_to_file` for coroutines."""
        with open(file, "wb") as out:
            async for piece in self.aiter_bytes(chunk_size):
                out.write(piece)

    # Ending ------------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Ends the request, if it is still running."""
        self._source.close()

    async def aclose(self) -> None:
        """The same as :meth:`close`, for programs that await it."""
        self._source.close()

    def __enter__(self) -> HttpxBinaryResponseContent:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    async def __aenter__(self) -> HttpxBinaryResponseContent:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._source.close()

    def __del__(self, ending: Callable[[], bool] = sys.is_finalizing) -> None:
        source = self.__dict__.get("_source")
        if source is not None and not ending():
            source.close()

    # Looking -----------------------------------------------------------------------------------------------------------

    @property
    def response(self) -> Any:
        """The provider's answer: its `status_code`, its `headers`, and as `content` what has been read."""
        from ._exceptions.response import Response

        return Response(self._meta.data.get("status") or 200, self._meta.headers, self._joined())

    def __repr__(self) -> str:
        state = "ended" if self._source.ended else "open"
        return f"<HttpxBinaryResponseContent: {state}, {sum(map(len, self._pieces))} bytes read>"


def _in_sizes(pieces: Iterator[bytes], size: int | None) -> Iterator[bytes]:
    if size is None:
        yield from pieces
        return
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)
