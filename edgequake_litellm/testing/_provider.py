"""The local provider: a server of OpenAI's API in a thread of its own, which a test scripts and looks at."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import deque
from types import TracebackType
from typing import Any, Deque, List, Mapping, Optional, Sequence, Set, Tuple, Type, Union

from ._answering import Answering, Policy, Responder
from ._http import Connection, IncomingRequest
from ._request import Request
from ._script import Answer, Choice, Cut, Delay, Embeddings, Error, Json, Raw, Reply, Script, ToolCallLike, read_choice


class LocalProvider:
    """A server of OpenAI's API on this machine, over real HTTP/1.1.

    ::

        with LocalProvider() as provider:
            provider.reply("Hello")
            completion("openai/gpt-4o", messages, api_base=provider.base_url, api_key="test")
            assert provider.requests[-1].json["messages"] == messages

    It serves from a thread of its own until it is closed; every method may be called from any thread, also in a program
    that runs an event loop. Scripted answers are given in order; without one the provider makes up an answer, always
    the same to the same request:

    - It says back the last user message. It obeys ``n``, ``stop``, ``max_tokens``, ``stream``, ``logprobs``, ``seed``.
    - If the prompt has a word of a tool's name or of its parameters' names, or ``tool_choice`` demands it, it calls the
      tool, with arguments that fit the tool's schema and take names and numbers from the prompt. After a ``tool``
      message it tells what the tool answered.
    - ``response_format`` gets JSON; for a schema, JSON that the schema accepts.
    - Embeddings are unit vectors from hashes; texts that share words are closer to each other.
    - What OpenAI's API refuses is refused with its error object: 400, 401 without a key, 404, 405.

    By itself it answers chat completions, embeddings and the list of models. Any other path is a 404, unless :meth:`raw`,
    :meth:`error` or ``responder`` (with a :class:`Raw` or an :class:`Error`) has an answer: so responses, images, sounds
    and the APIs of other providers can be played too, whose keys are then not looked at.

    ``port`` 0 takes a free one. ``api_key`` is the only key to be accepted; None accepts any, but there must be one unless
    ``require_key`` is False. ``models`` are the only models to be known; None accepts any name and lists a few. ``gap`` is
    the pause in seconds before each chunk of a stream. ``responder`` is asked for the answer where the script has none: a
    function of the :class:`Request` that returns an answer (a text, a dict of :class:`Choice`'s fields, a
    :class:`Reply`, :class:`Error`, …) or None; it is called in the provider's thread and must not block. A coroutine
    function may wait: only the answer to that request waits with it. ``ssl_context`` makes the server speak TLS. The
    last ``keep_requests`` requests are kept.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        api_key: Optional[str] = None,
        require_key: bool = True,
        models: Optional[Sequence[str]] = None,
        gap: float = 0.0,
        responder: Optional[Responder] = None,
        ssl_context: Optional[ssl.SSLContext] = None,
        keep_requests: int = 10_000,
    ) -> None:
        self.host = host
        self._wanted_port = port
        self._policy = Policy(api_key, require_key, models, gap, responder)
        self._ssl_context = ssl_context
        self._changed = threading.Condition()
        self._script = Script()
        self._requests: Deque[Request] = deque(maxlen=keep_requests)
        self._received = 0
        self._disconnects = 0
        self._accepted = 0
        self._connections: Set[Connection] = set()
        self._port: Optional[int] = None
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._stop: Optional[asyncio.Event] = None
        self._thread: Optional[threading.Thread] = None

    # -- running -------------------------------------------------------------------------------------------------------

    def start(self) -> LocalProvider:
        """Begins to serve; the context manager does it too. Raises OSError if the address cannot be had."""
        if self._thread is not None:
            raise RuntimeError("the provider is running already")
        ready = threading.Event()
        failure: List[BaseException] = []
        self._thread = threading.Thread(
            target=self._run, args=(ready, failure), name="edgequake_litellm.testing", daemon=True
        )
        self._thread.start()
        ready.wait()
        if failure:
            self._thread.join()
            self._thread = None
            raise failure[0]
        return self

    def close(self) -> None:
        """Drops all connections and ends the thread. A second call does nothing."""
        thread, loop, stop = self._thread, self._loop, self._stop
        if thread is None or loop is None or stop is None:
            return
        self._thread = None
        loop.call_soon_threadsafe(stop.set)
        thread.join()

    def __enter__(self) -> LocalProvider:
        return self.start()

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        where = self.origin if self._thread is not None else "not running"
        return f"<LocalProvider: {where}>"

    @property
    def port(self) -> int:
        """The port that it listens on. Raises RuntimeError before :meth:`start`."""
        if self._port is None:
            raise RuntimeError("the provider has no port before start()")
        return self._port

    @property
    def origin(self) -> str:
        """The address without a path, for Azure's ``api_base``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self._ssl_context is None else 'https'}://{host}:{self.port}"

    @property
    def base_url(self) -> str:
        """The address for ``api_base`` and for OpenAI's ``base_url``."""
        return f"{self.origin}/v1"

    def _run(self, ready: threading.Event, failure: List[BaseException]) -> None:
        loop = self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._serve(ready))
        except BaseException as error:
            if ready.is_set():
                raise
            failure.append(error)  # For start(), which raises it in the caller's thread.
        finally:
            asyncio.set_event_loop(None)
            loop.close()
            ready.set()

    async def _serve(self, ready: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await loop.create_server(
            lambda: Connection(self._answer, self._opened, self._closed),
            self.host,
            self._wanted_port,
            ssl=self._ssl_context,
            backlog=1024,
        )
        self._port = server.sockets[0].getsockname()[1]
        ready.set()
        try:
            await self._stop.wait()
        finally:
            server.close()
            for connection in list(self._connections):
                connection.abort()
            await server.wait_closed()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*others, return_exceptions=True)

    # -- the script ----------------------------------------------------------------------------------------------------

    def reply(
        self,
        content: Optional[str] = None,
        *,
        tool_calls: Sequence[ToolCallLike] = (),
        reasoning: Optional[str] = None,
        refusal: Optional[str] = None,
        finish_reason: Optional[str] = None,
        logprobs: Union[bool, Json, None] = None,
        message: Optional[Mapping[str, Any]] = None,
        chunks: Optional[Sequence[str]] = None,
        choices: Optional[Sequence[Union[str, Choice, Mapping[str, Any]]]] = None,
        usage: Optional[Mapping[str, Any]] = None,
        model: Optional[str] = None,
        headers: Optional[Mapping[str, str]] = None,
        gap: Optional[float] = None,
    ) -> None:
        """Answers the next chat completion with this, as a stream if it asks for one.

        The parameters up to ``chunks`` are those of :class:`Choice`, the others those of :class:`Reply`. ``tool_calls`` are
        ``("name", {…arguments})``, ``{"name": …, "arguments": …}`` or OpenAI's own form. Several ``choices`` are given as
        texts, dicts of :class:`Choice`'s fields or :class:`Choice` objects, in place of those parameters.
        """
        one = Choice(content, tool_calls, reasoning, refusal, None, finish_reason, logprobs, message or {}, chunks)
        if choices is not None and one != Choice():
            raise ValueError("give either choices or the fields of one choice")
        made = [one] if choices is None else [read_choice(choice) for choice in choices]
        self.add(Reply(made, usage=usage or {}, model=model, headers=headers or {}, gap=gap))

    def error(
        self,
        status: int,
        message: str = "scripted error",
        *,
        type: Optional[str] = None,
        code: Any = None,
        param: Optional[str] = None,
        retry_after: Optional[Union[float, str]] = None,
        headers: Optional[Mapping[str, str]] = None,
        body: Any = None,
        after: Optional[int] = None,
    ) -> None:
        """Answers the next request with an error in OpenAI's form, at whatever path but that of the models.

        ``retry_after`` is the header's value: seconds, or a date as a string. ``body`` replaces the whole body. With
        ``after`` the error comes as an event of a stream, after that many chunks, and ``status`` is not seen.
        """
        self.add(Error(status, message, type, code, param, retry_after, headers or {}, body, after))

    def cut(
        self, content: Optional[str] = None, *, after: int = 1, reset: bool = False, gap: Optional[float] = None
    ) -> None:
        """Ends the connection in the middle of the next answer, which is ``content`` or, without it, made up.

        A stream ends after ``after`` chunks (the first one of a choice opens the message and has no text), any other answer
        after half of its body. ``reset`` ends it with a TCP reset instead of an orderly close.
        """
        if content is None:
            self.add(Cut(after, reset))
        else:
            self.add(Reply([Choice(content)], gap=gap, cut_after=after, reset=reset))

    def delay(self, seconds: float) -> None:
        """Waits before the answer that is scripted next, or before a made-up one if there is none."""
        self.add(Delay(seconds))

    def embeddings(
        self,
        vectors: Sequence[Sequence[float]],
        *,
        usage: Optional[Mapping[str, Any]] = None,
        model: Optional[str] = None,
        headers: Optional[Mapping[str, str]] = None,
    ) -> None:
        """Answers the next embeddings request with ``vectors``, in the encoding that it asks for."""
        self.add(Embeddings(vectors, usage or {}, model, headers or {}))

    def raw(
        self,
        body: Union[bytes, str],
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: Optional[Mapping[str, str]] = None,
    ) -> None:
        """Answers the next request with these bytes, whatever it asks for and at whatever path, but for the list of models."""
        self.add(Raw(body.encode() if isinstance(body, str) else body, status, content_type, headers or {}))

    def add(self, entry: Union[Answer, Delay]) -> None:
        """Puts an answer at the end of the script. An answer that does not fit a request waits for one that it fits."""
        with self._changed:
            self._script.add(entry)

    def reset(self) -> None:
        """Forgets the script, the requests and the counts; connections stay."""
        with self._changed:
            self._script.clear()
            self._requests.clear()
            self._received = self._disconnects = 0
            self._accepted = len(self._connections)

    # -- looking -------------------------------------------------------------------------------------------------------

    @property
    def requests(self) -> List[Request]:
        """The requests received so far, oldest first; a copy."""
        with self._changed:
            return list(self._requests)

    @property
    def pending(self) -> int:
        """How many scripted answers have not been given yet (pauses count too)."""
        with self._changed:
            return len(self._script)

    @property
    def disconnects(self) -> int:
        """How many requests lost their client before the answer was complete."""
        with self._changed:
            return self._disconnects

    @property
    def connections(self) -> int:
        """How many connections have been accepted: one for many requests if the client keeps them alive."""
        with self._changed:
            return self._accepted

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        with self._changed:
            return len(self._connections)

    def wait_requests(self, count: int = 1, timeout: float = 5.0) -> bool:
        """Waits until ``count`` requests have been received in all; False if ``timeout`` seconds pass before."""
        with self._changed:
            return self._changed.wait_for(lambda: self._received >= count, timeout)

    def wait_disconnected(self, timeout: float = 5.0, *, count: int = 1) -> bool:
        """Waits until ``count`` requests in all have lost their client before the answer was complete.

        False if ``timeout`` seconds pass before.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._disconnects >= count, timeout)

    def wait_idle(self, timeout: float = 5.0) -> bool:
        """Waits until no connection is open; False if ``timeout`` seconds pass before."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._connections, timeout)

    def _opened(self, connection: Connection) -> None:
        with self._changed:
            self._accepted += 1
            self._connections.add(connection)
            self._changed.notify_all()

    def _closed(self, connection: Connection) -> None:
        with self._changed:
            self._connections.discard(connection)
            self._changed.notify_all()

    # -- answering -----------------------------------------------------------------------------------------------------

    async def _answer(self, incoming: IncomingRequest, connection: Connection) -> None:
        with self._changed:
            self._received += 1
            request = Request(self._received, incoming)
            self._requests.append(request)
            self._changed.notify_all()
        try:
            await Answering(self._policy, self._take, request, connection).run()
        finally:
            with self._changed:
                if connection.client_gone and not request.complete:
                    request.disconnected = True
                    self._disconnects += 1
                self._changed.notify_all()

    def _take(self, operation: str) -> Tuple[float, Optional[Answer]]:
        with self._changed:
            return self._script.take(operation)
