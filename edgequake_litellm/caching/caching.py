"""litellm.caching.caching: the cache of a program's answers, `litellm.cache`."""

from __future__ import annotations

import sys

from .. import _request, _runtime, config
from ..types.caching import DEFAULT_CACHING_SUPPORTED_CALL_TYPES, CacheMode, LiteLLMCacheType
from ._engine import Answers
from .base_cache import BaseCache
from .disk_cache import DiskCache
from .dual_cache import DualCache
from .in_memory_cache import InMemoryCache
from .redis_cache import RedisCache, RedisClusterCache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._engine import EngineCache

# What litellm calls a function whose answers can be kept: the engine's name of the operation.
_OPERATIONS = {
    prefix + name: name
    for name in ("completion", "embedding", "text_completion", "transcription", "rerank", "responses")
    for prefix in ("", "a")
}
# The attributes that the engine is told of when a program changes them.
_TERMS = frozenset(("ttl", "namespace", "mode", "supported_call_types", "max_messages"))
# The methods that a program may put its own in the place of.
_OWN = ("get_cache", "add_cache", "async_get_cache", "async_add_cache")


class Cache:
    """Keeps the answers of calls, so that an equal call costs neither time nor money. Assign it: `litellm.cache = Cache()`.

    `type` is where: `"local"` (the memory of this process), `"disk"` (`disk_cache_dir`, which processes may share) or `"redis"`
    (`host`, `port`, `password`, `redis_startup_nodes`, or any argument of :class:`RedisCache`). `ttl` is how many seconds an answer
    holds: where it is not given ten minutes in memory, one in Redis, and for good on disk. `mode="default_off"` keeps only the calls
    that ask for it by `cache={"use-cache": True}`. Calls of more than `max_messages` messages are left out; None leaves out none.
    `supported_call_types` are the functions whose answers are kept.

    Keyword arguments beyond litellm's are the engine's: `max_bytes`, `max_entries`, `max_item_bytes`, `single_flight`.

    Raises NotImplementedError for a type that this package does not have, and BadRequestError for settings that are wrong.
    """

    def __init__(
        self,
        type: LiteLLMCacheType | str | None = LiteLLMCacheType.LOCAL,
        mode: CacheMode | str | None = CacheMode.default_on,
        host: str | None = None,
        port: str | int | None = None,
        password: str | None = None,
        namespace: str | None = None,
        ttl: float | None = None,
        default_in_memory_ttl: float | None = None,
        default_in_redis_ttl: float | None = None,
        similarity_threshold: float | None = None,
        supported_call_types: list[Any] | None = list(DEFAULT_CACHING_SUPPORTED_CALL_TYPES),  # noqa: B006  # litellm's signature; never changed here
        redis_flush_size: int | None = None,
        redis_startup_nodes: list[Any] | None = None,
        disk_cache_dir: str | None = None,
        max_messages: int | None = 4,
        _backend: Any = None,
        **kwargs: Any,
    ) -> None:
        kind = "local" if type is None else str(getattr(type, "value", type))
        if kind == "local" and default_in_memory_ttl is not None:
            ttl = default_in_memory_ttl
        if kind == "redis" and default_in_redis_ttl is not None:
            ttl = default_in_redis_ttl
        _check_call_types(supported_call_types)
        self.type = LiteLLMCacheType.LOCAL if type is None else type
        self.mode = mode or CacheMode.default_on
        self.namespace = namespace
        self.ttl = ttl
        self.redis_flush_size = redis_flush_size
        self.supported_call_types = supported_call_types
        self.max_messages = max_messages
        terms = {**self._terms(), **_engine_settings(kind, kwargs)}
        self.cache: Any
        if _backend is not None:
            self.cache = _backend
        elif kind == "local":
            self.cache = Answers({"type": "memory", **terms})
        elif kind == "disk":
            self.cache = DiskCache(disk_cache_dir, **terms)
        elif kind == "redis":
            if redis_startup_nodes:
                # A node's address stands among the others: what names a single server is left out.
                self.cache = RedisClusterCache(password=password, redis_startup_nodes=redis_startup_nodes, **terms)
            else:
                self.cache = RedisCache(host=host, port=port, password=password, **terms)
        else:
            raise _missing(kind)

    # What the engine is told ----------------------------------------------------------------------------------------------

    def _terms(self) -> dict[str, Any]:
        """The settings of the engine's cache that are the same at every place."""
        terms: dict[str, Any] = {"mode": getattr(self.mode, "value", self.mode), "namespace": self.namespace}
        if self.ttl is not None:
            terms["ttl"] = self.ttl
        names = [getattr(name, "value", name) for name in self.supported_call_types or ()]
        terms["operations"] = sorted({_OPERATIONS[name] for name in names if name in _OPERATIONS})
        terms["max_messages"] = self.max_messages
        return {name: value for name, value in terms.items() if value is not None}

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        place = self.__dict__.get("cache")
        if place is None:
            return
        if name in _TERMS and _is_engines(place):
            others = {key: kept for key, kept in place._settings.items() if key not in (*_TERMS, "operations")}
            place._configure({**others, **self._terms()})
        elif (
            name in _OWN or name in ("cache", "get_cache_key", "should_use_cache")
        ) and config.current_cache() is self:
            # The calls of the program may go another way from here on.
            use(self)

    # What programs call -----------------------------------------------------------------------------------------------------

    def get_cache_key(self, **kwargs: Any) -> str:
        """The key under which the answer to a call with these arguments is kept."""
        given = kwargs.get("cache_key")
        if given is not None:
            return str(given)
        place = self.cache if _is_engines(self.cache) else _unkept()
        kwargs = {name: value for name, value in kwargs.items() if value is not None}
        asked = {"cache": place._name, "operation": _operation(kwargs)}
        fields = {
            name: value for name, value in kwargs.items() if name not in ("litellm_params", "litellm_logging_obj")
        }
        if config.changed:
            fields["settings"] = config.changed
        asked["request"] = fields
        return _runtime.query(b"cache_key", _request.encode(asked))  # type: ignore[no-any-return]

    def should_use_cache(self, **kwargs: Any) -> bool:
        """Whether the cache has to do with a call of these arguments."""
        items = kwargs.get("messages") or kwargs.get("input")
        count = len([item for item in items if not isinstance(item, str)]) if isinstance(items, list) else 0
        if self.max_messages is not None and count > self.max_messages:
            return False
        own = kwargs.get("cache")
        return self.mode != CacheMode.default_off or bool(isinstance(own, dict) and own.get("use-cache"))

    def get_cache(self, dynamic_cache_object: Any = None, **kwargs: Any) -> Any:
        """The answer that is kept for a call with these arguments, as a dict, or None."""
        if not self.should_use_cache(**kwargs):
            return None
        place = self.cache if dynamic_cache_object is None else dynamic_cache_object
        return _response(place.get_cache(self.get_cache_key(**kwargs), **_wanted(kwargs)))

    async def async_get_cache(self, dynamic_cache_object: Any = None, **kwargs: Any) -> Any:
        """:meth:`get_cache` for coroutines."""
        if not self.should_use_cache(**kwargs):
            return None
        place = self.cache if dynamic_cache_object is None else dynamic_cache_object
        return _response(await place.async_get_cache(self.get_cache_key(**kwargs), **_wanted(kwargs)))

    def add_cache(self, result: Any, **kwargs: Any) -> None:
        """Keeps `result` for calls with these arguments, as if one had got it."""
        if self.should_use_cache(**kwargs):
            self.cache.set_cache(self.get_cache_key(**kwargs), self._value(result), **self._kept(kwargs))

    async def async_add_cache(self, result: Any, dynamic_cache_object: Any = None, **kwargs: Any) -> None:
        """:meth:`add_cache` for coroutines."""
        if self.should_use_cache(**kwargs):
            place = self.cache if dynamic_cache_object is None else dynamic_cache_object
            await place.async_set_cache(self.get_cache_key(**kwargs), self._value(result), **self._kept(kwargs))

    def _value(self, result: Any) -> Any:
        dump = getattr(result, "model_dump", None)
        value = result if dump is None else dump(mode="json")
        if _is_engines(self.cache):
            return _decoded(value)
        from time import time

        # The form in which litellm's own places hold an answer.
        return {"timestamp": time(), "response": value}

    def _kept(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        own = kwargs.get("cache")
        ttl = own.get("ttl") if isinstance(own, dict) else None
        ttl = self.ttl if ttl is None else ttl
        kept = {} if ttl is None else {"ttl": ttl}
        return {**kept, "operation": _operation(kwargs)} if _is_engines(self.cache) else kept

    async def ping(self) -> Any:
        """Whether answers can be kept; raises ServiceUnavailableError, which says why, where they cannot."""
        return await self.cache.ping()

    async def delete_cache_keys(self, keys: list[str]) -> Any:
        """Removes the answers of `keys`."""
        return await self.cache.delete_cache_keys(keys)

    def flush_cache(self) -> None:
        """Removes all answers."""
        self.cache.flush_cache()

    flushall = flush_cache

    async def disconnect(self) -> None:
        """Gives back what is held open. The cache may be used on."""
        if hasattr(self.cache, "disconnect"):
            await self.cache.disconnect()

    def supports_async(self) -> bool:
        """True: every type has coroutines."""
        return True

    def __repr__(self) -> str:
        return f"<Cache type={getattr(self.type, 'value', self.type)!r}>"


def _check_call_types(names: Any) -> None:
    """Raises BadRequestError for a function that does not exist, and warns of one whose answers are never kept."""
    from ..exceptions import BadRequestError
    from ..types.utils import CallTypes

    known = {item.value for item in CallTypes}
    for name in [] if names is None else [names] if isinstance(names, str) else names:
        called = getattr(name, "value", name)
        if isinstance(names, str) or called not in known:
            raise BadRequestError(
                f"`supported_call_types` is a list of functions' names, such as {', '.join(sorted(_OPERATIONS))}; "
                f"{called!r} is none.",
                model="",
                llm_provider="",
            )
        if called not in DEFAULT_CACHING_SUPPORTED_CALL_TYPES:
            config.warn(f"`supported_call_types` has {called!r}, whose answers no cache keeps")


def _engine_settings(kind: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments beyond litellm's own, without those that only types need that this one is not."""
    others = ("azure_", "s3_", "gcs_", "gcp_", "qdrant_", "redis_semantic", "valkey_semantic", "semantic_cache")
    return {name: value for name, value in kwargs.items() if value is not None and not name.startswith(others)}


def _missing(kind: str) -> Exception:
    known = [item.value for item in LiteLLMCacheType]
    if kind in known:
        return NotImplementedError(f"a cache of type {kind!r} is not supported: use 'local', 'disk' or 'redis'")
    return ValueError(f"{kind!r} is no type of a cache: use 'local', 'disk' or 'redis'")


def _is_engines(place: Any) -> bool:
    from ._engine import EngineCache

    return isinstance(place, EngineCache)


_for_keys: list[EngineCache] = []


def _unkept() -> EngineCache:
    """A cache of the engine that keeps nothing: for the keys of places that are the program's own."""
    if not _for_keys:
        _for_keys.append(Answers({"type": "memory", "max_bytes": 0}))
    return _for_keys[0]


def _operation(kwargs: dict[str, Any]) -> str:
    """The operation whose arguments these are."""
    if "messages" in kwargs:
        return "completion"
    if "prompt" in kwargs:
        return "text_completion"
    if "documents" in kwargs:
        return "rerank"
    if "file" in kwargs:
        return "transcription"
    return "embedding" if "input" in kwargs else "completion"


def _wanted(kwargs: dict[str, Any]) -> dict[str, Any]:
    own = kwargs.get("cache")
    age = own.get("s-maxage", own.get("s-max-age")) if isinstance(own, dict) else None
    return {} if age is None else {"max_age": age}


def _decoded(value: Any) -> Any:
    if isinstance(value, str):
        import json

        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _response(found: Any) -> Any:
    """The answer in what a place holds: as the engine keeps it, or with its time around it."""
    found = _decoded(found)
    if isinstance(found, dict) and "timestamp" in found and "response" in found:
        return _decoded(found["response"])
    return found


# The program's cache -------------------------------------------------------------------------------------------------------


def use(cache: Any) -> None:
    """Has the program's calls use `cache`: what an assignment of `litellm.cache` does. None ends it.

    Raises TypeError for what is no cache.
    """
    config.changed.pop("cache_name", None)
    config.hooks["_program_cache"] = []
    if cache is None:
        return
    if not (callable(getattr(cache, "get_cache", None)) and callable(getattr(cache, "add_cache", None))):
        raise TypeError("`cache` must be a Cache, or an object with get_cache and add_cache")
    if isinstance(cache, Cache) and _is_engines(cache.cache) and not _is_overridden(cache, _OWN):
        config.changed["cache_name"] = cache.cache._name
        if not _is_overridden(cache, ("get_cache_key", "should_use_cache")):
            return
    config.hooks["_program_cache"] = [cache]


def _is_overridden(cache: Cache, names: tuple[str, ...]) -> bool:
    """Has the program put functions of its own in the place of these methods, on the object or in a subclass?"""
    return any(name in cache.__dict__ or getattr(type(cache), name) is not getattr(Cache, name) for name in names)


def enable_cache(
    type: LiteLLMCacheType | str | None = LiteLLMCacheType.LOCAL,
    host: str | None = None,
    port: str | None = None,
    password: str | None = None,
    supported_call_types: list[Any] | None = list(DEFAULT_CACHING_SUPPORTED_CALL_TYPES),  # noqa: B006  # litellm's signature; never changed here
    **kwargs: Any,
) -> None:
    """Makes a :class:`Cache` of these arguments the program's, unless it has one."""
    if config.current_cache() is None:
        update_cache(type, host, port, password, supported_call_types, **kwargs)


def update_cache(
    type: LiteLLMCacheType | str | None = LiteLLMCacheType.LOCAL,
    host: str | None = None,
    port: str | None = None,
    password: str | None = None,
    supported_call_types: list[Any] | None = list(DEFAULT_CACHING_SUPPORTED_CALL_TYPES),  # noqa: B006  # litellm's signature; never changed here
    **kwargs: Any,
) -> None:
    """Makes a :class:`Cache` of these arguments the program's, in the place of the one that it has."""
    made = Cache(
        type=type,
        host=host,
        port=port,
        password=password,
        supported_call_types=supported_call_types,
        **kwargs,
    )
    sys.modules[__package__.partition(".")[0]].cache = made  # type: ignore[attr-defined]


def disable_cache() -> None:
    """Ends the use of the program's cache. What it has kept goes with it, unless it is on disk or in Redis."""
    sys.modules[__package__.partition(".")[0]].cache = None  # type: ignore[attr-defined]


__all__ = [
    "BaseCache",
    "Cache",
    "CacheMode",
    "DiskCache",
    "DualCache",
    "InMemoryCache",
    "LiteLLMCacheType",
    "RedisCache",
    "RedisClusterCache",
    "disable_cache",
    "enable_cache",
    "update_cache",
]
