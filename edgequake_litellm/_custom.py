"""Providers that the program has written itself: calls of a :class:`CustomLLM`."""

from __future__ import annotations

import json
from inspect import isawaitable
from time import perf_counter

from . import _questions, _types, config
from ._calls import Failure
from ._runtime import CHUNK
from .streaming import CustomStreamWrapper, Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Arguments = dict[str, Any]


def handler_of(model: Any, provider: Any) -> tuple[str, str, Any] | None:
    """The model's name without the provider, the provider and its handler; None where the program has none for the model."""
    if not isinstance(model, str):
        return None
    prefix, slash, rest = model.partition("/")
    for entry in config.hooks["custom_provider_map"]:
        name = entry["provider"]
        if provider == name:
            return (rest if slash and prefix == name else model), name, entry["custom_handler"]
        if provider is None and slash and prefix == name:
            return rest, name, entry["custom_handler"]
    return None


def sender(call_type: str, arguments: Arguments) -> Callable[[Arguments], Any] | None:
    """What makes the call `call_type` in the engine's stead; None for a model of the engine's."""
    extra = arguments["kwargs"]
    if call_type not in ("completion", "acompletion", "embedding", "aembedding"):
        return None
    found = handler_of(arguments["model"], arguments.get("custom_llm_provider") or extra.get("custom_llm_provider"))
    if found is None:
        return None
    if extra.get("mock_response") is not None:
        # The engine makes up the answer, and need not know the provider.
        arguments["model"] = found[0]
        extra["custom_llm_provider"] = "custom_openai"
        return None
    call = _Call(call_type, *found)
    return call.send_awaited if call_type.startswith("a") else call.send


class _Call:
    """One call of a handler's method."""

    def __init__(self, call_type: str, model: str, provider: str, handler: Any) -> None:
        self.call_type = call_type
        self.model = model
        self.provider = provider
        self.handler = handler

    def send(self, arguments: Arguments) -> Any:
        started = perf_counter()
        asked = _Asked(self, arguments)
        try:
            made = asked.method(**asked.keywords)
            return self._stream(asked, made, False) if asked.stream else self._response(asked, made, started)
        except Exception as error:
            return Failure(self.failure(error))

    async def send_awaited(self, arguments: Arguments) -> Any:
        started = perf_counter()
        asked = _Asked(self, arguments)
        try:
            made = asked.method(**asked.keywords)
            if isawaitable(made):
                made = await made
            return self._stream(asked, made, True) if asked.stream else self._response(asked, made, started)
        except Exception as error:
            return Failure(self.failure(error))

    def _response(self, asked: _Asked, made: Any, started: float) -> Any:
        wanted = type(asked.keywords["model_response"])
        if not isinstance(made, wanted):
            raise TypeError(
                f"the provider {self.provider!r} must return a {wanted.__name__} from {asked.method.__name__}, "
                f"not an object of {type(made).__name__}"
            )
        response: Any = made
        if response.model is None:
            response.model = self.model
        if isinstance(response, _types.ModelResponse) and "usage" not in response:
            response.usage = _types.Usage()
        if getattr(response, "_meta", None) is None:
            response._meta = asked.meta((perf_counter() - started) * 1000)
        return response

    def _stream(self, asked: _Asked, made: Any, awaited: bool) -> CustomStreamWrapper:
        source = _AwaitedChunks(self, made) if awaited else _Chunks(self, made)
        source.meta = asked.raw_meta()
        options = asked.stream_options
        source.with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
        return CustomStreamWrapper(
            source,
            self.model,
            stream_options=asked.stream_options,
            custom_llm_provider=self.provider,
            call_id=asked.call_id,
        )

    def failure(self, error: Exception) -> Exception:
        """litellm's exception for what a handler has raised."""
        if hasattr(error, "llm_provider"):
            return error
        from .exceptions import from_wire

        status = getattr(error, "status_code", None)
        kind = "APIConnectionError" if status is None else _KINDS.get(status, "APIError")
        made: Exception = from_wire(
            {
                "kind": kind,
                "message": getattr(error, "message", None) or str(error) or type(error).__name__,
                "status_code": 500 if status is None else status,
                "provider": self.provider,
                "model": self.model,
                "custom": True,
            }
        )
        made.__cause__ = error
        return made


_KINDS = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    408: "Timeout",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
    502: "BadGatewayError",
    503: "ServiceUnavailableError",
    504: "Timeout",
}

# Arguments that are handed on under a name of their own, or that concern nobody but the package.
_ELSEWHERE = frozenset(("model", "messages", "input", "stream_options"))


class _Asked:
    """What a handler's method is called with."""

    def __init__(self, call: _Call, arguments: Arguments) -> None:
        extra = arguments["kwargs"]
        given = {name: value for name, value in arguments.items() if value is not None and name != "kwargs"}
        given.update((name, value) for name, value in extra.items() if value is not None)
        control = set(_questions.ask(b"control_names", {"names": list(given)}))
        is_chat = call.call_type.endswith("completion")
        self.call = call
        self.stream = bool(given.get("stream")) and is_chat
        self.stream_options = given.get("stream_options")
        self.call_id = given.get("litellm_call_id")
        parameters = {name: value for name, value in given.items() if name not in control and name not in _ELSEWHERE}
        if self.stream_options is not None:
            parameters["stream_options"] = self.stream_options
        if given.get("extra_body"):
            parameters["extra_body"] = given["extra_body"]
        if given.get("max_retries") is not None:
            parameters["max_retries"] = given["max_retries"]
        self.requested_model = given["model"]
        self.api_base = given.get("api_base") or given.get("base_url")
        awaited = call.call_type.startswith("a")
        streaming = "astreaming" if awaited else "streaming"
        self.method = getattr(call.handler, streaming if self.stream else call.call_type)
        timeout = given.get("timeout")
        self.keywords: Arguments = {
            "model": call.model,
            "api_key": given.get("api_key"),
            "api_base": self.api_base,
            "logging_obj": None,
            "optional_params": parameters,
            "litellm_params": {
                **{name: value for name, value in given.items() if name in control and name not in ("model", "stream")},
                "custom_llm_provider": call.provider,
                "metadata": given.get("metadata") or {},
            },
            "timeout": 600.0 if timeout is None else timeout,
            "print_verbose": _print_verbose,
        }
        if is_chat:
            from ._tokens import encoding

            self.keywords.update(
                messages=given.get("messages", []),
                headers=given.get("extra_headers") or given.get("headers") or {},
                model_response=_types.ModelResponse(model=None),
                acompletion=awaited,
                logger_fn=given.get("logger_fn"),
                custom_prompt_dict={},
                client=given.get("client"),
                encoding=encoding,
            )
        else:
            self.keywords.update(input=given.get("input"), model_response=_types.EmbeddingResponse())

    def raw_meta(self) -> bytes:
        return json.dumps(
            {"provider": self.call.provider, "model": self.call.model, "api_base": self.api_base}
        ).encode()

    def meta(self, milliseconds: float) -> _types.Meta:
        return _types.Meta(self.raw_meta(), model=self.requested_model, response_ms=milliseconds, call_id=self.call_id)


def _print_verbose(*args: Any, **kwargs: Any) -> None:
    """litellm hands handlers a function to print with when `set_verbose` is on."""
    from ._logging import verbose_logger

    verbose_logger.debug(" ".join(str(item) for item in args))


class _Chunks(Source):
    """The chunks of a handler's generator, as the engine would have sent them."""

    def __init__(self, call: _Call, chunks: Any) -> None:
        super().__init__()
        self._call = call
        self._model = call.model
        self._chunks = chunks
        self._steps: Any = iter(chunks)
        self.with_usage = False
        self._first = True
        self._called = False
        self._text: list[str] = []

    def wait(self) -> None:
        while self.position >= len(self.items) and not self.ended:
            self._step()

    def _step(self) -> None:
        try:
            self._took(next(self._steps))
        except StopIteration:
            self.ended = True
        except Exception as error:
            self._broken(error)

    def _took(self, chunk: Any) -> None:
        for payload in self._payloads(chunk):
            self.add((CHUNK, json.dumps(payload)))

    def _broken(self, error: Exception) -> None:
        self.ended = True
        made = self._call.failure(error)
        text = "".join(self._text)
        self.failure = {
            "kind": type(made).__name__,
            "message": getattr(error, "message", None) or str(error) or type(error).__name__,
            "status_code": getattr(made, "status_code", 500),
            "provider": self._call.provider,
            "model": self._model,
            "mid_stream": True,
            "generated": text,
            "custom": True,
        }

    def _payloads(self, chunk: Any) -> list[Arguments]:
        if hasattr(chunk, "model_dump"):
            return [chunk.model_dump(exclude_none=True)]
        if not isinstance(chunk, dict):
            raise self._call.failure(
                TypeError(
                    f"a provider must yield dicts with `text` and `is_finished`, not objects of {type(chunk).__name__}"
                )
            )
        if "choices" in chunk:
            return [chunk]
        index, out = chunk.get("index") or 0, []
        delta: Arguments = {}
        if chunk.get("text"):
            delta["content"] = chunk["text"]
            self._text.append(chunk["text"])
        if chunk.get("tool_use"):
            delta["tool_calls"] = [chunk["tool_use"]]
            self._called = True
        if chunk.get("provider_specific_fields"):
            delta["provider_specific_fields"] = chunk["provider_specific_fields"]
        if delta or (self._first and not chunk.get("is_finished")):
            if self._first:
                delta["role"] = "assistant"
                self._first = False
            out.append(self._payload(index, delta, None))
        if chunk.get("is_finished"):
            reason = chunk.get("finish_reason") or "stop"
            out.append(self._payload(index, {}, "tool_calls" if reason == "stop" and self._called else reason))
        if chunk.get("usage") and self.with_usage:
            usage = chunk["usage"]
            usage = usage.model_dump() if hasattr(usage, "model_dump") else dict(usage)
            out.append({**self._payload(index, {}, None), "choices": [], "usage": usage})
        return out

    def _payload(self, index: int, delta: Arguments, reason: str | None) -> Arguments:
        choice = {"index": index, "delta": delta, "finish_reason": reason}
        return {"object": "chat.completion.chunk", "model": self._model, "choices": [choice]}

    def close(self) -> None:
        super().close()
        close = getattr(self._chunks, "close", None)
        if close is not None:
            try:
                close()
            except (RuntimeError, ValueError):
                return  # It is running, in another thread or in this one: it ends with its next value, which nobody takes.


class _AwaitedChunks(_Chunks):
    """The chunks of a handler's asynchronous generator."""

    is_async = True

    def __init__(self, call: _Call, chunks: Any) -> None:
        super().__init__(call, ())
        self._chunks = None
        self._steps = chunks.__aiter__()

    def wait(self) -> None:
        raise TypeError("this stream comes from a coroutine: read it with `async for`")

    async def more(self) -> None:
        while self.position >= len(self.items) and not self.ended:
            await self._awaited_step()

    async def _awaited_step(self) -> None:
        try:
            self._took(await self._steps.__anext__())
        except StopAsyncIteration:
            self.ended = True
        except Exception as error:
            self._broken(error)
