"""The calls of programs that have registered callbacks or providers of their own. No other call comes through here."""

from __future__ import annotations

from . import _calls, config
from ._calls import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    Arguments = dict[str, Any]


def call(call_type: str, send: Callable[[Arguments], Any], arguments: Arguments) -> Any:
    """Makes a call by `send`, or by the program's own provider, and tells the callbacks. `call_type` is the function's name."""
    if config.hooks["custom_provider_map"] and "router" not in arguments["kwargs"]:
        from . import _custom

        send = _custom.sender(call_type, arguments) or send
    if config.hooks["_program_cache"]:
        from .caching import _program

        send = _program.sender(call_type, arguments, send)
    if not _is_observed(arguments):
        return send(arguments)
    refused = _refusal()
    if refused is not None:
        return Failure(refused)
    from ._callbacks.call import Call
    from ._callbacks.stream import observe

    observer = Call(call_type, arguments, is_async=False)
    observer.before()
    try:
        outcome = send(arguments)
    except Exception as error:
        observer.failed(error)
        raise
    if isinstance(outcome, Failure):
        observer.failed(outcome.error)
        return outcome
    observer.answered(outcome)
    if not observe(outcome, observer):
        observer.succeeded(outcome)
    return outcome


async def acall(call_type: str, send: Callable[[Arguments], Awaitable[Any]], arguments: Arguments) -> Any:
    """:func:`call` for coroutines."""
    if config.hooks["custom_provider_map"] and "router" not in arguments["kwargs"]:
        from . import _custom

        send = _custom.sender(call_type, arguments) or send
    if config.hooks["_program_cache"]:
        from .caching import _program

        send = _program.sender(call_type, arguments, send)
    if not _is_observed(arguments):
        return await send(arguments)
    refused = _refusal()
    if refused is not None:
        return Failure(refused)
    from ._callbacks.call import Call
    from ._callbacks.stream import observe

    observer = Call(call_type, arguments, is_async=True)
    arguments = await observer.changed_arguments(arguments)
    await observer.before_awaited()
    try:
        outcome = await send(arguments)
    except Exception as error:
        await _told(observer.failed(error))
        raise
    if isinstance(outcome, Failure):
        await _told(observer.failed(outcome.error))
        return outcome
    observer.answered(outcome)
    if observe(outcome, observer):
        return outcome
    outcome = await observer.changed_response(outcome)
    await _told(observer.succeeded_awaited(outcome))
    return outcome


def _is_observed(arguments: Arguments) -> bool:
    extra = arguments["kwargs"]
    if config.hooks["max_budget"] or not config.OWN_CALLBACKS.isdisjoint(extra):
        return True
    registered = [item for name in config.CALLBACKS if config.hooks[name] for item in _listed(config.hooks[name])]
    return bool(registered) and not _are_telemetry(registered, arguments)


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else (value,)


def _are_telemetry(registered: list[Any], arguments: Arguments) -> bool:
    """Turns on what only names telemetry: the engine watches such a call, and nobody in Python has to be told of it."""
    from . import _telemetry, _types

    if not all(isinstance(item, str) and item in _telemetry.NAMED for item in registered):
        return False
    for name in registered:
        _telemetry.enable_by_name(name)
    home = arguments if "litellm_call_id" in arguments else arguments["kwargs"]
    home["litellm_call_id"] = home.get("litellm_call_id") or _types.uuid4()
    return True


def _refusal() -> Exception | None:
    """The error of a call that `max_budget` does not let begin."""
    if not config.hooks["max_budget"]:
        return None
    from . import _spending

    return _spending.refusal()


async def _told(telling: Any) -> None:
    if telling is not None:
        await telling


def completion(arguments: Arguments) -> Any:
    return call("completion", _calls.send_completion, arguments)


async def acompletion(arguments: Arguments) -> Any:
    return await acall("acompletion", _calls.send_acompletion, arguments)
