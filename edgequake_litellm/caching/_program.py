"""Calls of a program that has a cache of its own writing: it is asked before a call, and told of the answer after it."""

from __future__ import annotations

from inspect import isawaitable

from .. import _types, config
from .._calls import Failure
from .._logging import verbose_logger
from .._types import Meta
from .caching import _OWN, Cache, _is_engines, _is_overridden, _response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Arguments = dict[str, Any]

# What makes a response of an answer, by operation.
_MAKERS: dict[str, Callable[[Any, Meta], Any]] = {
    "completion": _types.model_response,
    "embedding": _types.embedding_response,
    "text_completion": _types.text_completion_response,
    "rerank": _types.rerank_response,
    "transcription": _types.transcription_response,
    "responses": _types.responses_response,
}


def sender(call_type: str, arguments: Arguments, send: Callable[[Arguments], Any]) -> Callable[[Arguments], Any]:
    """What sends a call that the program's cache may answer; `send` itself where the cache has nothing to do with it."""
    (cache,) = config.hooks["_program_cache"]
    is_async = call_type not in _MAKERS
    operation = call_type[1:] if is_async else call_type
    given = {name: value for name, value in arguments.items() if value is not None and name != "kwargs"}
    given.update(arguments["kwargs"])
    if operation not in _MAKERS or given.get("caching") is False or not _is_wanted(cache, given):
        return send
    if isinstance(cache, Cache) and _is_engines(cache.cache) and not _is_overridden(cache, _OWN):
        # Only the key, or the choice of calls, is the program's: the rest is the engine's work.
        key = cache.get_cache_key(**given)
        arguments["kwargs"] = {**arguments["kwargs"], "cache_key": key}
        return send
    supported = getattr(cache, "supported_call_types", None)
    if given.get("stream") or (supported is not None and call_type not in supported):
        # A stream's answer is not put together here: it is neither looked for nor kept.
        return send
    own = given.get("cache") or {}
    # The engine's own cache has no part in it.
    arguments["kwargs"].pop("cache", None)
    call = _Cached(cache, _MAKERS[operation], given, not own.get("no-cache"), not own.get("no-store"))
    return (lambda left: call.awaited(send, left)) if is_async else (lambda left: call(send, left))


def _is_wanted(cache: Any, given: Arguments) -> bool:
    wants = getattr(cache, "should_use_cache", None)
    return wants is None or bool(wants(**given))


class _Cached:
    """One call and the program's cache. What the cache raises is logged, and the call goes on without it."""

    def __init__(self, cache: Any, make: Callable[[Any, Meta], Any], given: Arguments, read: bool, write: bool) -> None:
        self.cache = cache
        self.make = make
        self.given = given
        self.read = read
        self.write = write

    def __call__(self, send: Callable[[Arguments], Any], arguments: Arguments) -> Any:
        found = None
        if self.read:
            try:
                found = self._made(self.cache.get_cache(**self.given))
            except Exception:
                _log("get_cache")
        if found is not None:
            return found
        outcome = send(arguments)
        if self.write and not isinstance(outcome, Failure):
            try:
                self.cache.add_cache(outcome, **self.given)
            except Exception:
                _log("add_cache")
        return outcome

    async def awaited(self, send: Callable[[Arguments], Any], arguments: Arguments) -> Any:
        found = None
        if self.read:
            try:
                get = getattr(self.cache, "async_get_cache", None) or self.cache.get_cache
                answer = get(**self.given)
                found = self._made(await answer if isawaitable(answer) else answer)
            except Exception:
                _log("async_get_cache")
        if found is not None:
            return found
        outcome = await send(arguments)
        if self.write and not isinstance(outcome, Failure):
            try:
                add = getattr(self.cache, "async_add_cache", None) or self.cache.add_cache
                done = add(outcome, **self.given)
                if isawaitable(done):
                    await done
            except Exception:
                _log("async_add_cache")
        return outcome

    def _made(self, found: Any) -> Any:
        """The response that was found."""
        found = _response(found)
        if not isinstance(found, dict):
            return found
        meta = Meta(b'{"cache":{"hit":true,"key":null}}', model=self.given.get("model"), response_ms=0.0)
        return self.make(found, meta)


def _log(method: str) -> None:
    verbose_logger.error("the program's cache raised an exception in %s", method, exc_info=True)
