"""Which callbacks a call has: those of the program's lists and its own."""

from __future__ import annotations

from inspect import iscoroutinefunction

from .. import _telemetry, config
from .._logging import verbose_logger
from ..integrations.custom_logger import CustomLogger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_named: set[str] = set()


class Registered:
    """The callbacks of one call, by event, in the order in which they are called."""

    __slots__ = ("async_failure", "async_input", "async_success", "failure", "input", "success")

    def __init__(self, own: dict[str, Any]) -> None:
        """`own` are the callbacks that were given with the call."""
        lists = config.hooks
        everywhere = [*_listed(lists["callbacks"]), *_listed(own.get("callbacks"))]

        def both(name: str) -> list[Any]:
            return _distinct([*_listed(lists[name]), *_listed(own.get(name)), *everywhere])

        self.input, self.async_input = _parted(both("input_callback"), lists["_async_input_callback"])
        self.success, self.async_success = _parted(both("success_callback"), lists["_async_success_callback"])
        self.failure, self.async_failure = _parted(both("failure_callback"), lists["_async_failure_callback"])
        loggers = [item for item in everywhere if isinstance(item, CustomLogger)]
        self.async_success = _distinct([*loggers, *self.async_success])
        self.async_failure = _distinct([*loggers, *self.async_failure])

    def loggers(self) -> list[CustomLogger]:
        """The loggers that coroutines' calls let look at their arguments and answers."""
        return [item for item in self.async_success if isinstance(item, CustomLogger)]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def _parted(items: list[Any], more: Any) -> tuple[list[Any], list[Any]]:
    """Functions and loggers that are called, and coroutine functions that are awaited."""
    called = [item for item in items if not iscoroutinefunction(item)]
    awaited = [item for item in items if iscoroutinefunction(item)]
    return called, _distinct([*_listed(more), *awaited])


def _distinct(items: Iterable[Any]) -> list[Any]:
    out: list[Any] = []
    for item in items:
        if isinstance(item, str):
            if item in _telemetry.NAMED:
                _telemetry.enable_by_name(item)
            else:
                _warn_of(item)
        elif not (callable(item) or isinstance(item, CustomLogger)):
            _log_of(item)
        elif not any(item is other for other in out):
            out.append(item)
    return out


def _warn_of(name: str) -> None:
    """litellm brings loggers for services, by name; here a program would believe that one is at work."""
    if name in _named:
        return
    _named.add(name)
    config.warn(
        f"edgequake_litellm has no logger {name!r} of its own: nothing is sent there. Register the CustomLogger that the service's "
        "package offers."
    )


def _log_of(item: Any) -> None:
    """litellm passes over what it cannot call, and programs such as crewai register such objects: they are told in the log, once."""
    name = type(item).__qualname__
    if name not in _named:
        _named.add(name)
        verbose_logger.warning("a callback of the class %s is no function and no CustomLogger: it is not called", name)


def overrides(item: Any, method: str) -> bool:
    """Whether a logger has an own method for an event. Those that it inherits do nothing and need no call."""
    return getattr(type(item), method, None) is not getattr(CustomLogger, method)
