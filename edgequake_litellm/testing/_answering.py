"""From a received request to the bytes of its answer: refused, scripted, or made up."""

from __future__ import annotations

import asyncio
import inspect
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Awaitable, Callable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from ._answers import default_reply
from ._chat import Exchange, completion, dumps, made_up_id, stream
from ._embeddings import default_embeddings, embeddings_json
from ._http import Connection, Headers
from ._request import Request
from ._script import (
    ANSWERS,
    EMBEDDINGS,
    MODELS,
    OTHER,
    Answer,
    Cut,
    Embeddings,
    Error,
    Json,
    Raw,
    Reply,
    fits,
    read_choice,
)
from ._validation import Refused, check_chat, check_embeddings, refuse

DEFAULT_MODELS = ("gpt-4o", "gpt-4o-mini", "text-embedding-3-small", "text-embedding-3-large")
# When the models were made, as the list of models says; any past moment will do.
_MODELS_CREATED = 1700000000
# A stream without pauses sends this many chunks in one write, then lets the other connections have their turn.
CHUNKS_PER_TURN = 8

Response = Union[Answer, str, Mapping[str, Any], None]
Responder = Callable[[Request], Union[Response, Awaitable[Response]]]


@dataclass(frozen=True)
class Policy:
    """How a provider answers; the fields are parameters of :class:`LocalProvider`."""

    api_key: Optional[str] = None
    require_key: bool = True
    models: Optional[Sequence[str]] = None
    gap: float = 0.0
    responder: Optional[Responder] = None

    def check_key(self, given: Optional[str]) -> None:
        if given is None and (self.require_key or self.api_key is not None):
            raise refuse("No API key was given: send 'Authorization: Bearer KEY'.", None, None, 401)
        if self.api_key is not None and given != self.api_key:
            raise refuse("Incorrect API key provided.", None, "invalid_api_key", 401)

    def check_known(self, model: str) -> None:
        if self.models is not None and model not in self.models:
            raise refuse(f"The model '{model}' does not exist.", "model", "model_not_found", 404)

    def model_list(self) -> Json:
        return {"object": "list", "data": [_model_json(model) for model in self.models or DEFAULT_MODELS]}


def _model_json(model: str) -> Json:
    return {"id": model, "object": "model", "created": _MODELS_CREATED, "owned_by": "local-provider"}


class Answering:
    """The answering of one request: :meth:`run` sends it over ``connection``.

    ``take`` gives the scripted pause and answer for an operation.
    """

    def __init__(
        self,
        policy: Policy,
        take: Callable[[str], Tuple[float, Optional[Answer]]],
        request: Request,
        connection: Connection,
    ) -> None:
        self.policy = policy
        self.take = take
        self.request = request
        self.connection = connection
        self.started = time.monotonic()

    async def run(self) -> None:
        try:
            await self.dispatch()
        except Refused as refused:
            await self.send_error(refused.error)
        except ConnectionError:
            raise
        except Exception as error:
            # Whoever runs the test learns of it from the answer, if that has not begun.
            if self.request.status is not None:
                raise
            await self.send_error(Error(500, f"the local provider failed: {error!r}"))

    async def dispatch(self) -> None:
        request = self.request
        if request.operation is None:
            await self.answer_other()
            return
        if request.method != ("GET" if request.operation == MODELS else "POST"):
            raise refuse(f"Not allowed to {request.method} on {request.path}.", None, None, 405)
        if request.deployment is not None and "api-version" not in request.query:
            raise refuse("Resource not found: a deployment's address needs '?api-version=…'.", None, "404", 404)
        self.policy.check_key(request.api_key)
        if request.operation == MODELS:
            await self.answer_models()
            return
        seconds, scripted = self.take(request.operation)
        if seconds:
            await asyncio.sleep(seconds)
        if isinstance(scripted, (Raw, Error)) and await self.send_ready(scripted):
            return
        body = self.decoded_body()
        inputs: Optional[List[Any]] = None
        if request.operation == EMBEDDINGS:
            inputs = check_embeddings(body)
        else:
            check_chat(body)
        self.policy.check_known(body["model"])
        answer = await self.ask_responder(request.operation) if scripted is None else scripted
        if isinstance(answer, (Raw, Error)) and await self.send_ready(
            answer, streamed=inputs is None and body.get("stream") is True
        ):
            return
        if inputs is None:
            await self.answer_chat(body, answer)
        else:
            await self.answer_embeddings(body, inputs, answer)

    async def answer_other(self) -> None:
        """A path that the provider knows nothing of, perhaps of another API with keys of its own: the test answers, or nobody."""
        seconds, answer = self.take(OTHER)
        if seconds:
            await asyncio.sleep(seconds)
        if answer is None:
            answer = await self.ask_responder(OTHER)
        if not isinstance(answer, (Raw, Error)):
            raise refuse(f"Invalid URL ({self.request.method} {self.request.path})", None, None, 404)
        await self.send_ready(answer, streamed=False)

    def decoded_body(self) -> Json:
        try:
            body = self.request.json
        except (ValueError, RecursionError):
            raise refuse("The body of the request is not JSON.", None) from None
        if not isinstance(body, dict):
            raise refuse("The body of the request is not a JSON object.", None)
        if self.request.deployment is not None:
            body["model"] = self.request.deployment
        return body

    async def ask_responder(self, operation: str) -> Optional[Answer]:
        if self.policy.responder is None:
            return None
        try:
            response = self.policy.responder(self.request)
            answer = await response if inspect.isawaitable(response) else response
            if isinstance(answer, (str, Mapping)):
                answer = Reply([read_choice(answer)])
        except Exception as error:
            raise Refused(Error(500, f"the responder raised {error!r}")) from error
        if answer is not None and not (isinstance(answer, ANSWERS) and fits(answer, operation)):
            raise Refused(Error(500, f"the responder answered {operation} with {type(answer).__name__}"))
        return answer

    async def answer_models(self) -> None:
        wanted = self.request.model_in_path
        if wanted is None:
            await self.send_json(200, self.policy.model_list())
            return
        self.policy.check_known(wanted)
        await self.send_json(200, _model_json(wanted))

    async def answer_embeddings(self, body: Json, inputs: Sequence[Any], answer: Optional[Answer]) -> None:
        given = answer if isinstance(answer, Embeddings) else default_embeddings(body, inputs)
        made = dumps(embeddings_json(given, body, inputs))
        await self.send(200, "application/json", made, given.headers, answer if isinstance(answer, Cut) else None)

    async def answer_chat(self, body: Json, answer: Optional[Answer]) -> None:
        reply = answer if isinstance(answer, Reply) else default_reply(body)
        if isinstance(answer, Cut):
            reply.cut_after, reply.reset = answer.after, answer.reset
        elif isinstance(answer, Error):
            reply.error_after, reply.error = answer.after, answer
        exchange = Exchange(body, self.request.number, int(time.time()), self.request.deployment is not None)
        if body.get("stream"):
            await self.stream(stream(exchange, reply), reply)
        else:
            cut = None if reply.cut_after is None else Cut(reply.cut_after, reply.reset)
            await self.send(200, "application/json", dumps(completion(exchange, reply)), reply.headers, cut)

    # -- sending -------------------------------------------------------------------------------------------------------

    def headers(self, content_type: str, others: Mapping[str, str]) -> Headers:
        elapsed = int((time.monotonic() - self.started) * 1000)
        headers = {
            "content-type": content_type,
            "openai-version": "2020-10-01",
            "openai-processing-ms": str(elapsed),
            "x-request-id": made_up_id("req_", self.request.number, length=32),
            "x-ratelimit-limit-requests": "10000",
            "x-ratelimit-remaining-requests": "9999",
            **{name.lower(): str(value) for name, value in others.items()},
        }
        return list(headers.items())

    async def send(
        self, status: int, content_type: str, body: bytes, headers: Mapping[str, str], cut: Optional[Cut] = None
    ) -> None:
        self.request.status = status
        head = self.headers(content_type, headers)
        if cut is not None:
            await self.connection.send_part(status, head, body, len(body) // 2)
            self.connection.cut(cut.reset)
            return
        with self.completing():
            await self.connection.send(status, head, body)

    async def send_ready(self, answer: Union[Raw, Error], streamed: bool = True) -> bool:
        """Sends what needs no look at the request; False for an error that is to come within a stream."""
        if isinstance(answer, Raw):
            await self.send(answer.status, answer.content_type, answer.body, answer.headers)
        elif answer.after is None or not streamed:
            await self.send_error(answer)
        else:
            return False
        return True

    async def send_json(self, status: int, value: Any) -> None:
        await self.send(status, "application/json", dumps(value), {})

    async def send_error(self, error: Error) -> None:
        headers = dict(error.headers)
        if error.retry_after is not None:
            headers["retry-after"] = str(error.retry_after)
        body, content_type = error.body, "application/json"
        if isinstance(body, (bytes, str)):
            content_type = "text/html" if body[:1] in (b"<", "<") else content_type
            body = body.encode() if isinstance(body, str) else body
        else:
            body = dumps(error.as_json() if body is None else body)
        await self.send(error.status, content_type, body, headers)

    async def stream(self, chunks: Iterator[bytes], reply: Reply) -> None:
        gap = self.policy.gap if reply.gap is None else reply.gap
        self.request.status = 200
        connection, request = self.connection, self.request
        await connection.start_stream(200, self.headers("text/event-stream; charset=utf-8", reply.headers))
        limit = reply.cut_after if reply.error is None else reply.error_after
        chunks = islice(chunks, limit)
        while True:
            group = [b"data: %b\n\n" % chunk for chunk in islice(chunks, 1 if gap else CHUNKS_PER_TURN)]
            if not group:
                break
            await asyncio.sleep(gap)
            await connection.send_chunks(group)
            request.chunks_sent += len(group)
        if reply.cut_after is not None:
            connection.cut(reply.reset)
            return
        end = b"[DONE]"
        if reply.error is not None:
            end = dumps(reply.error.as_json() if reply.error.body is None else reply.error.body)
        with self.completing():
            await connection.send_chunks([b"data: %b\n\n" % end], last=True)

    @contextmanager
    def completing(self) -> Iterator[None]:
        """Around the sending of an answer's end: a test that has read it must not find it incomplete."""
        self.request.complete = True
        try:
            yield
        except BaseException:
            self.request.complete = False
            raise
