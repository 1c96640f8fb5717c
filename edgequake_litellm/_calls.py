"""The calls behind litellm's functions: arguments in, a response or an exception out.

An exception of a call is handed back in a :class:`Failure`, not raised: the function that the program called raises it when
its own variables are gone. So no frame of this package in a traceback has a key among its variables, whoever reports them.
"""

from __future__ import annotations

from time import perf_counter

from . import _request, _sync
from ._types import Meta, embedding_response, model_response
from .streaming import CustomStreamWrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._types import EmbeddingResponse, ModelResponse

    Arguments = dict[str, Any]


class Failure:
    """An exception on its way to the function that raises it. Taken out, it does not hang on the frame that raised it."""

    __slots__ = ("_error",)

    def __init__(self, error: Exception) -> None:
        self._error: Exception | None = error

    def pop(self) -> Exception:
        error, self._error = self._error, None
        return error  # type: ignore[return-value]  # popped once


def completion(arguments: Arguments) -> ModelResponse | CustomStreamWrapper | Failure:
    """`completion` with the parameters `arguments`, among them `kwargs`."""
    model, call_id = arguments["model"], arguments["kwargs"].get("litellm_call_id")
    try:
        if arguments["stream"]:
            options = arguments["stream_options"]
            source = _sync.StreamSource(b"completion", _request.request(arguments))
            return CustomStreamWrapper(source, model, stream_options=options, call_id=call_id)
        started = perf_counter()
        answer, meta = _sync.call(b"completion", _request.request(arguments))
        return model_response(answer, _meta(meta, model, started, call_id))
    except Exception as error:
        return _failure(error)


async def acompletion(arguments: Arguments) -> ModelResponse | CustomStreamWrapper | Failure:
    """`acompletion` with the parameters `arguments`, among them `kwargs`."""
    from . import _async

    model, call_id = arguments["model"], arguments["kwargs"].get("litellm_call_id")
    try:
        if arguments["stream"]:
            options = arguments["stream_options"]
            source = await _async.stream(b"completion", _request.request(arguments))
            return CustomStreamWrapper(source, model, stream_options=options, call_id=call_id)
        started = perf_counter()
        call = _async.call(b"completion", _request.request(arguments))
        arguments.clear()  # They are of no more use, and an answer may take long.
        answer, meta = await call
        return model_response(answer, _meta(meta, model, started, call_id))
    except Exception as error:
        return _failure(error)


def embedding(arguments: Arguments) -> EmbeddingResponse | Failure:
    """`embedding` with the parameters `arguments`, among them `kwargs`."""
    model, call_id = arguments["model"], arguments["litellm_call_id"]
    try:
        started = perf_counter()
        answer, meta = _sync.call(b"embedding", _request.request(arguments))
        return embedding_response(answer, _meta(meta, model, started, call_id))
    except Exception as error:
        return _failure(error)


async def aembedding(arguments: Arguments) -> EmbeddingResponse | Failure:
    """`aembedding` with the parameters `arguments`, among them `kwargs`."""
    from . import _async

    model, call_id = arguments["model"], arguments["litellm_call_id"]
    try:
        started = perf_counter()
        call = _async.call(b"embedding", _request.request(arguments))
        arguments.clear()
        answer, meta = await call
        return embedding_response(answer, _meta(meta, model, started, call_id))
    except Exception as error:
        return _failure(error)


def _meta(raw: bytes, model: Any, started: float, call_id: str | None) -> Meta:
    return Meta(raw, model=model, response_ms=(perf_counter() - started) * 1000, call_id=call_id)


def _failure(error: Exception) -> Failure:
    """An exception of litellm's, without the frames in which it was found. Any other is a defect, whose frames are needed."""
    if not hasattr(error, "llm_provider"):
        raise error
    error.__traceback__ = error.__context__ = None
    return Failure(error)
