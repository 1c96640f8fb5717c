"""litellm.caching.dual_cache: a memory before a cache that processes share."""

from __future__ import annotations

from .base_cache import BaseCache
from .in_memory_cache import InMemoryCache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class DualCache(BaseCache):
    """Values in memory and, where there is one, in Redis: written to both, read from the memory first.

    `default_in_memory_ttl` and `default_redis_ttl` are the seconds that values hold at each where no `ttl` is given.
    `local_only=True` leaves Redis out.
    """

    def __init__(
        self,
        in_memory_cache: Any = None,
        redis_cache: Any = None,
        default_in_memory_ttl: float | None = None,
        default_redis_ttl: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.in_memory_cache = InMemoryCache() if in_memory_cache is None else in_memory_cache
        self.redis_cache = redis_cache
        self.default_in_memory_ttl = default_in_memory_ttl
        self.default_redis_ttl = default_redis_ttl

    def _redis(self, local_only: bool) -> Any:
        return None if local_only else self.redis_cache

    def set_cache(self, key: str, value: Any, local_only: bool = False, **kwargs: Any) -> None:
        self.in_memory_cache.set_cache(key, value, **_held(kwargs, self.default_in_memory_ttl))
        redis = self._redis(local_only)
        if redis is not None:
            redis.set_cache(key, value, **_held(kwargs, self.default_redis_ttl))

    async def async_set_cache(self, key: str, value: Any, local_only: bool = False, **kwargs: Any) -> None:
        await self.in_memory_cache.async_set_cache(key, value, **_held(kwargs, self.default_in_memory_ttl))
        redis = self._redis(local_only)
        if redis is not None:
            await redis.async_set_cache(key, value, **_held(kwargs, self.default_redis_ttl))

    def get_cache(self, key: str, parent_otel_span: Any = None, local_only: bool = False, **kwargs: Any) -> Any:
        value = self.in_memory_cache.get_cache(key, **kwargs)
        redis = self._redis(local_only)
        if value is None and redis is not None:
            value = redis.get_cache(key, **kwargs)
            if value is not None:
                self.in_memory_cache.set_cache(key, value, **_held(kwargs, self.default_in_memory_ttl))
        return value

    async def async_get_cache(
        self, key: str, parent_otel_span: Any = None, local_only: bool = False, **kwargs: Any
    ) -> Any:
        value = await self.in_memory_cache.async_get_cache(key, **kwargs)
        redis = self._redis(local_only)
        if value is None and redis is not None:
            value = await redis.async_get_cache(key, **kwargs)
            if value is not None:
                await self.in_memory_cache.async_set_cache(key, value, **_held(kwargs, self.default_in_memory_ttl))
        return value

    def delete_cache(self, key: str) -> None:
        self.in_memory_cache.delete_cache(key)
        if self.redis_cache is not None:
            self.redis_cache.delete_cache(key)

    async def async_delete_cache(self, key: str) -> None:
        self.in_memory_cache.delete_cache(key)
        if self.redis_cache is not None:
            await self.redis_cache.async_delete_cache(key)

    def flush_cache(self) -> None:
        """Removes all values at both places."""
        self.in_memory_cache.flush_cache()
        if self.redis_cache is not None:
            self.redis_cache.flush_cache()


def _held(kwargs: dict[str, Any], ttl: float | None) -> dict[str, Any]:
    """`kwargs` with a time for the value: its own, else the place's."""
    if ttl is None or kwargs.get("ttl") is not None:
        return kwargs
    return {**kwargs, "ttl": ttl}


__all__ = ["DualCache"]
