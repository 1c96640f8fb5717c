"""litellm.caching.in_memory_cache: Python objects by key, in this process."""

from __future__ import annotations

from heapq import heappop, heappush
from threading import RLock
from time import time

from .base_cache import BaseCache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class InMemoryCache(BaseCache):
    """Values of any type, at most `max_size_in_memory` of them, each for `default_ttl` seconds. Any thread may call.

    For values of a program's own. The answers of calls are kept by the engine: see :class:`~edgequake_litellm.caching.Cache`.
    """

    def __init__(
        self,
        max_size_in_memory: int | None = 200,
        default_ttl: float | None = 600,
        max_size_per_item: int | None = 1024,
        clock: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(default_ttl or 600)
        self.max_size_in_memory = 200 if max_size_in_memory is None else max_size_in_memory
        self.max_size_per_item = max_size_per_item
        self.cache_dict: dict[str, Any] = {}
        self.ttl_dict: dict[str, float] = {}
        self._ends: list[tuple[float, str]] = []
        self._lock = RLock()
        self._clock = clock or time

    def set_cache(self, key: str, value: Any, **kwargs: Any) -> None:
        """Keeps `value`. Texts and bytes of more than `max_size_per_item` KiB are not kept."""
        if self.max_size_in_memory <= 0 or self._is_too_large(value):
            return
        ttl = self.get_ttl(**kwargs)
        with self._lock:
            if key not in self.cache_dict:
                self._make_room()
            self.cache_dict[key] = value
            self.ttl_dict[key] = end = self._clock() + (0 if ttl is None else ttl)
            heappush(self._ends, (end, key))

    def get_cache(self, key: str, **kwargs: Any) -> Any:
        with self._lock:
            end = self.ttl_dict.get(key)
            if end is not None and end <= self._clock():
                self.delete_cache(key)
            return self.cache_dict.get(key)

    def increment_cache(self, key: str, value: float, **kwargs: Any) -> float:
        """Adds `value` to the number of `key`, which is 0 where there is none, and returns it."""
        with self._lock:
            kept = self.get_cache(key) or 0
            self.set_cache(key, kept + value, **kwargs)
        return kept + value

    async def async_increment(self, key: str, value: float, **kwargs: Any) -> float:
        return self.increment_cache(key, value, **kwargs)

    def delete_cache(self, key: str) -> None:
        with self._lock:
            self.cache_dict.pop(key, None)
            self.ttl_dict.pop(key, None)

    async def async_delete_cache(self, key: str) -> None:
        self.delete_cache(key)

    def flush_cache(self) -> None:
        """Removes all values."""
        with self._lock:
            self.cache_dict.clear()
            self.ttl_dict.clear()
            self._ends.clear()

    async def async_get_ttl(self, key: str) -> int | None:
        """The time at which the value of `key` ends, in seconds since 1970."""
        end = self.ttl_dict.get(key)
        return None if end is None else int(end)

    def _is_too_large(self, value: Any) -> bool:
        return (
            self.max_size_per_item is not None
            and isinstance(value, (str, bytes))
            and len(value) > self.max_size_per_item * 1024
        )

    def _make_room(self) -> None:
        """Removes what has ended, and the values that end first while there is no room."""
        now = self._clock()
        while self._ends and (self._ends[0][0] <= now or len(self.cache_dict) >= self.max_size_in_memory):
            end, key = heappop(self._ends)
            # A value that was set again has a later end, which is further down.
            if self.ttl_dict.get(key) == end:
                self.delete_cache(key)


__all__ = ["InMemoryCache"]
