"""litellm.caching: caches of answers, and places for a program's own values."""

from __future__ import annotations

from .caching import Cache, LiteLLMCacheType, disable_cache, enable_cache, update_cache
from .disk_cache import DiskCache
from .dual_cache import DualCache
from .in_memory_cache import InMemoryCache
from .redis_cache import RedisCache, RedisClusterCache

__all__ = [
    "Cache",
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
