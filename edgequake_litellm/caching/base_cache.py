"""litellm.caching.base_cache: what a place for values by key has to do."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class BaseCache:
    """A place for values by key. A program that writes its own overrides what it needs; the coroutines call the functions."""

    def __init__(self, default_ttl: float = 60) -> None:
        self.default_ttl = default_ttl

    def get_ttl(self, **kwargs: Any) -> float | None:
        """The seconds that a value holds: `ttl` where it is given, else the default."""
        ttl = kwargs.get("ttl")
        try:
            return self.default_ttl if ttl is None else float(ttl)
        except (TypeError, ValueError):
            return self.default_ttl

    def get_cache(self, key: str, **kwargs: Any) -> Any:
        """The value of `key`, or None."""
        raise NotImplementedError

    def set_cache(self, key: str, value: Any, **kwargs: Any) -> None:
        """Keeps `value`; `ttl` is in seconds."""
        raise NotImplementedError

    async def async_get_cache(self, key: str, **kwargs: Any) -> Any:
        return self.get_cache(key, **kwargs)

    async def async_set_cache(self, key: str, value: Any, **kwargs: Any) -> None:
        self.set_cache(key, value, **kwargs)

    def batch_get_cache(self, keys: list[str], **kwargs: Any) -> list[Any]:
        """The values of `keys` in their order, None where there is none."""
        return [self.get_cache(key, **kwargs) for key in keys]

    async def async_batch_get_cache(self, keys: list[str], **kwargs: Any) -> list[Any]:
        return [await self.async_get_cache(key, **kwargs) for key in keys]

    async def async_set_cache_pipeline(self, cache_list: list[tuple[str, Any]], **kwargs: Any) -> None:
        """Keeps the pairs of `cache_list`."""
        for key, value in cache_list:
            await self.async_set_cache(key, value, **kwargs)

    async def batch_cache_write(self, key: str, value: Any, **kwargs: Any) -> None:
        await self.async_set_cache(key, value, **kwargs)

    async def disconnect(self) -> None:
        """Gives back what is held open. The value may be used on: it is opened again."""


__all__ = ["BaseCache"]
