"""litellm.caching.redis_cluster_cache: values in a cluster of Redis."""

from __future__ import annotations

from .redis_cache import RedisClusterCache

__all__ = ["RedisClusterCache"]
