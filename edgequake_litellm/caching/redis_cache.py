"""litellm.caching.redis_cache: values in Redis."""

from __future__ import annotations

from ._engine import EngineCache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class RedisCache(EngineCache):
    """Values in a Redis that processes and hosts may share. A Redis that is down has no values, and costs no call its answer.

    The server is named by `host` and `port`, by `url`, by `startup_nodes` of a cluster, or by `REDIS_HOST`, `REDIS_URL` and their
    like in the environment. Keyword arguments are those of the Redis client that litellm uses (`ssl`, `db`, `socket_timeout`, …).
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | str | None = None,
        password: str | None = None,
        redis_flush_size: int | None = None,
        namespace: str | None = None,
        **kwargs: Any,
    ) -> None:
        given = {"host": host, "port": port, "password": password, "namespace": namespace, **kwargs}
        super().__init__({"type": "redis", **{name: value for name, value in given.items() if value is not None}})


class RedisClusterCache(RedisCache):
    """Values in a cluster of Redis, which `startup_nodes` name."""


__all__ = ["RedisCache", "RedisClusterCache"]
