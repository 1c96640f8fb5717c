"""An answer that is bytes: :class:`HttpxBinaryResponseContent`, litellm's (and openai's) class."""

from __future__ import annotations

import json
import sys
from codecs import getincrementaldecoder
from io import IncrementalNewlineDecoder

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
    def encoding(self) -> str:
        """The encoding of the text: what the provider says, or UTF-8."""
        _, _, named = (self._meta.headers or {}).get("content-type", "").partition("charset=")
        name = named.partition(";")[0].strip(" \"'")
        try:
            getincrementaldecoder(name)
        except LookupError:
            return "utf-8"
        return name

    @property
    def text(self) -> str:
        """All of it as text. What is none has U+FFFD in its place."""
        return self.content.decode(self.encoding, "replace")

    def json(self, **kwargs: Any) -> Any:
        """What its JSON holds. Raises ValueError where it is none."""
        return json.loads(self.content, **kwargs)

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
        return self._all() if chunk_size is None else _through(self._all(), _Sizes(chunk_size))

    iter_raw = iter_bytes

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        """The text as it comes, or in pieces of `chunk_size` characters."""
        texts = _through(self._all(), _Texts(self.encoding))
        return texts if chunk_size is None else _through(texts, _Sizes(chunk_size))

    def iter_lines(self) -> Iterator[str]:
        """The lines of the text as they come, without their ends, which are those of files alone: a JSON text may hold Unicode's."""
        return _through(self._all(), _Lines(self.encoding))

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

    def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """:meth:`iter_bytes` for coroutines."""
        return self._aall() if chunk_size is None else _athrough(self._aall(), _Sizes(chunk_size))

    aiter_raw = aiter_bytes

    def aiter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        """:meth:`iter_text` for coroutines."""
        texts = _athrough(self._aall(), _Texts(self.encoding))
        return texts if chunk_size is None else _athrough(texts, _Sizes(chunk_size))

    def aiter_lines(self) -> AsyncIterator[str]:
        """:meth:`iter_lines` for coroutines."""
        return _athrough(self._aall(), _Lines(self.encoding))

    async def _aall(self) -> AsyncIterator[bytes]:
        number = 0
        while number < len(self._pieces) or await self._more():
            if number == len(self._pieces):
                self._take()
            yield self._pieces[number]
            number += 1

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


def _through(pieces: Iterator[Any], made: Any) -> Iterator[Any]:
    for piece in pieces:
        yield from made.add(piece)
    yield from made.rest()


async def _athrough(pieces: AsyncIterator[Any], made: Any) -> AsyncIterator[Any]:
    async for piece in pieces:
        for other in made.add(piece):
            yield other
    for other in made.rest():
        yield other


class _Sizes:
    """Makes pieces of one size, the last one excepted, of bytes or of text."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"chunk_size must be 1 or more, not {size!r}")
        self._size = size
        self._held: list[Any] = []
        self._length = 0

    def add(self, piece: Any) -> list[Any]:
        self._held.append(piece)
        self._length += len(piece)
        if self._length < self._size:
            return []
        joined = piece[:0].join(self._held)
        end = self._length - self._length % self._size
        self._held, self._length = [joined[end:]], self._length - end
        return [joined[start : start + self._size] for start in range(0, end, self._size)]

    def rest(self) -> list[Any]:
        return [self._held[0][:0].join(self._held)] if self._length else []


class _Texts:
    """Makes text of bytes, whose characters may be cut in two between one piece and the next."""

    def __init__(self, encoding: str) -> None:
        self._decoder: Any = getincrementaldecoder(encoding)("replace")

    def add(self, piece: bytes, final: bool = False) -> list[str]:
        text = self._decoder.decode(piece, final)
        return [text] if text else []

    def rest(self) -> list[str]:
        return self.add(b"", final=True)


class _Lines(_Texts):
    def __init__(self, encoding: str) -> None:
        super().__init__(encoding)
        self._decoder = IncrementalNewlineDecoder(self._decoder, translate=True)
        self._begun: list[str] = []

    def add(self, piece: bytes, final: bool = False) -> list[str]:
        first, *others = self._decoder.decode(piece, final).split("\n")
        self._begun.append(first)
        if not others:
            return []
        line = "".join(self._begun)
        self._begun = [others.pop()]
        return [line, *others]

    def rest(self) -> list[str]:
        lines = super().rest()
        last = "".join(self._begun)
        return [*lines, last] if last else lines
