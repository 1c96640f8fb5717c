"""The calls behind litellm's functions: arguments in, a response or an exception out.

An exception of a call is handed back in a :class:`Failure`, not raised: around the function that the program called is `raising`,
which raises it when the arguments are gone. So no frame of this package in a traceback has a key among its variables, whoever reports them.
"""

from __future__ import annotations

from functools import wraps
from time import perf_counter

from . import _files, _request, _sync, config
from ._types import Meta, model_response
from .streaming import CustomStreamWrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, TypeVar

    from typing_extensions import ParamSpec

    from ._binary import HttpxBinaryResponseContent
    from ._types import ModelResponse

    Arguments = dict[str, Any]
    P = ParamSpec("P")
    R = TypeVar("R")
    # The decoded answer and its Meta become a response; a source, the model, `stream_options=` and `call_id=` a stream.
    Make = Callable[[Any, Meta], R]
    Wrap = Callable[..., R]


class Failure:
    """An exception on its way to the function that raises it. Taken out, it does not hang on the frame that raised it."""

    __slots__ = ("_error",)

    def __init__(self, error: Exception) -> None:
        self._error: Exception | None = error

    @property
    def error(self) -> Any:
        """The exception, left where it is."""
        return self._error

    def pop(self) -> Exception:
        error, self._error = self._error, None
        return error  # type: ignore[return-value]  # popped once


def raising(function: Callable[P, R]) -> Callable[P, R]:
    """Has `function` raise what is in a Failure that it returns, of which its type does not speak.

    `completion` and `embedding`, of which programs make the most calls, do so by themselves.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        outcome = function(*args, **kwargs)
        if isinstance(outcome, Failure):
            del args, kwargs
            raise outcome.pop()
        return outcome

    return call


def araising(function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """:func:`raising` for coroutines."""

    @wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        waiting = function(*args, **kwargs)
        del args, kwargs  # They are of no more use, and an answer may take long.
        outcome = await waiting
        if isinstance(outcome, Failure):
            del waiting
            raise outcome.pop()
        return outcome

    return call


def completion(arguments: Arguments) -> ModelResponse | CustomStreamWrapper | Failure:
    """`completion` with the parameters `arguments`, among them `kwargs`."""
    if config.hooked(arguments["kwargs"]):
        from . import _hooked

        return _hooked.completion(arguments)  # type: ignore[no-any-return]
    return send_completion(arguments)


def send_completion(arguments: Arguments) -> ModelResponse | CustomStreamWrapper | Failure:
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
    if config.hooked(arguments["kwargs"]):
        from . import _hooked

        return await _hooked.acompletion(arguments)  # type: ignore[no-any-return]
    return await send_acompletion(arguments)


async def send_acompletion(arguments: Arguments) -> ModelResponse | CustomStreamWrapper | Failure:
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


def answered(operation: bytes, arguments: Arguments, make: Make[R], files: tuple[str, ...] = ()) -> R:
    """An operation that is not streamed: what `make` makes of its answer, or a Failure for `raising`. `files` names the arguments
    that are files."""
    if config.hooked(arguments["kwargs"]):
        from . import _hooked

        return _hooked.call(operation.decode(), lambda given: _answered(operation, given, make, files), arguments)  # type: ignore[no-any-return]
    return _answered(operation, arguments, make, files)  # type: ignore[return-value]


def _answered(operation: bytes, arguments: Arguments, make: Make[R], files: tuple[str, ...]) -> R | Failure:
    model, call_id = arguments.get("model"), _call_id(arguments)
    try:
        started = perf_counter()
        attachments = _files.read(arguments, files) if files else ()
        answer, meta = _sync.call(operation, _request.request(arguments), attachments)
        return make(answer, _meta(meta, model, started, call_id))
    except Exception as error:
        return _failure(error)


async def aanswered(operation: bytes, arguments: Arguments, make: Make[R], files: tuple[str, ...] = ()) -> R:
    """:func:`answered` for coroutines."""
    if config.hooked(arguments["kwargs"]):
        from . import _hooked

        return await _hooked.acall(  # type: ignore[no-any-return]
            "a" + operation.decode(), lambda given: _aanswered(operation, given, make, files), arguments
        )
    return await _aanswered(operation, arguments, make, files)  # type: ignore[return-value]


async def _aanswered(operation: bytes, arguments: Arguments, make: Make[R], files: tuple[str, ...]) -> R | Failure:
    from . import _async

    model, call_id = arguments.get("model"), _call_id(arguments)
    try:
        started = perf_counter()
        attachments = _files.read(arguments, files) if files else ()
        call = _async.call(operation, _request.request(arguments), attachments)
        del attachments
        arguments.clear()  # They are of no more use, and an answer may take long.
        answer, meta = await call
        return make(answer, _meta(meta, model, started, call_id))
    except Exception as error:
        return _failure(error)


def streamed(operation: bytes, arguments: Arguments, wrap: Wrap[R]) -> R:
    """A streamed operation whose provider has accepted it: what `wrap` makes of its source, or a Failure for `raising`."""
    if config.hooked(arguments["kwargs"]):
        from . import _hooked

        return _hooked.call(operation.decode(), lambda given: _streamed(operation, given, wrap), arguments)  # type: ignore[no-any-return]
    return _streamed(operation, arguments, wrap)  # type: ignore[return-value]


def _streamed(operation: bytes, arguments: Arguments, wrap: Wrap[R]) -> R | Failure:
    model, call_id, options = arguments.get("model"), _call_id(arguments), arguments.get("stream_options")
    try:
        source = _sync.StreamSource(operation, _request.request(arguments))
        return wrap(source, model, stream_options=options, call_id=call_id)
    except Exception as error:
        return _failure(error)


async def astreamed(operation: bytes, arguments: Arguments, wrap: Wrap[R]) -> R:
    """:func:`streamed` for coroutines."""
    if config.hooked(arguments["kwargs"]):
        from . import _hooked

        return await _hooked.acall(  # type: ignore[no-any-return]
            "a" + operation.decode(), lambda given: _astreamed(operation, given, wrap), arguments
        )
    return await _astreamed(operation, arguments, wrap)  # type: ignore[return-value]


async def _astreamed(operation: bytes, arguments: Arguments, wrap: Wrap[R]) -> R | Failure:
    from . import _async

    model, call_id, options = arguments.get("model"), _call_id(arguments), arguments.get("stream_options")
    try:
        source = await _async.stream(operation, _request.request(arguments))
        return wrap(source, model, stream_options=options, call_id=call_id)
    except Exception as error:
        return _failure(error)


def whole(sound: HttpxBinaryResponseContent) -> HttpxBinaryResponseContent:
    """`sound` when all of it has come, or a Failure for `raising`, as `sound` itself may be one."""
    try:
        if not isinstance(sound, Failure):
            sound.read()
        return sound
    except Exception as error:
        return _failure(error)  # type: ignore[return-value]


async def awhole(sound: HttpxBinaryResponseContent) -> HttpxBinaryResponseContent:
    """:func:`whole` for coroutines."""
    try:
        if not isinstance(sound, Failure):
            await sound.aread()
        return sound
    except Exception as error:
        return _failure(error)  # type: ignore[return-value]


def _call_id(arguments: Arguments) -> str | None:
    given: str | None = arguments.get("litellm_call_id")
    return arguments["kwargs"].get("litellm_call_id") if given is None else given


def _meta(raw: bytes, model: Any, started: float, call_id: str | None) -> Meta:
    return Meta(raw, model=model, response_ms=(perf_counter() - started) * 1000, call_id=call_id)


def refused(error: Exception) -> Failure:
    """A Failure for an exception that comes before the engine is asked."""
    return _failure(error)


def _failure(error: Exception) -> Failure:
    """An exception of litellm's, without the frames in which it was found. Any other is a defect, whose frames are needed."""
    if not hasattr(error, "llm_provider"):
        raise error
    error.__traceback__ = error.__context__ = None
    return Failure(error)
