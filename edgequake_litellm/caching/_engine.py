"""Caches of the engine, as objects: the places that answers are kept at."""

from __future__ import annotations

import sys
from itertools import count

from .. import _request, _runtime
from .base_cache import BaseCache
from .in_memory_cache import InMemoryCache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_numbers = count(1)


class EngineCache(BaseCache):
    """One cache of the engine. Its values are JSON's. A cache that cannot be reached has no values, and keeps none.

    It may wait for a disk or a server; the coroutines wait in a thread. Any thread may call.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__()
        self._name = f"python-{next(_numbers)}"
        self._settings: dict[str, Any] = {}
        self._configure(settings)

    def _configure(self, settings: dict[str, Any]) -> None:
        """Has the engine use `settings`; what was kept stays, unless they name another place. Raises BadRequestError for wrong ones."""
        _runtime.configure("caches", self._name, settings)
        self._settings = settings

    def __del__(self, ending: Any = sys.is_finalizing) -> None:
        if not ending() and getattr(self, "_settings", None):
            _runtime.configure("caches", self._name, None)

    def _ask(self, question: bytes, **fields: Any) -> Any:
        return _runtime.query(question, _request.encode({"cache": self._name, **fields}))

    async def _asked(self, question: bytes, **fields: Any) -> Any:
        if self._settings["type"] == "memory":
            return self._ask(question, **fields)
        from .._async import running_loop

        return await running_loop().run_in_executor(None, lambda: self._ask(question, **fields))

    def get_cache(self, key: str, **kwargs: Any) -> Any:
        return self._ask(b"cache_get", key=key, max_age=kwargs.get("max_age"))

    async def async_get_cache(self, key: str, **kwargs: Any) -> Any:
        return await self._asked(b"cache_get", key=key, max_age=kwargs.get("max_age"))

    def set_cache(self, key: str, value: Any, **kwargs: Any) -> None:
        self._ask(b"cache_put", **_kept(key, value, kwargs))

    async def async_set_cache(self, key: str, value: Any, **kwargs: Any) -> None:
        await self._asked(b"cache_put", **_kept(key, value, kwargs))

    def delete_cache(self, key: str) -> None:
        self._ask(b"cache_remove", keys=[key])

    async def async_delete_cache(self, key: str) -> None:
        await self._asked(b"cache_remove", keys=[key])

    async def delete_cache_keys(self, keys: list[str]) -> int:
        """Removes the values of `keys`; how many there were."""
        return await self._asked(b"cache_remove", keys=list(keys))  # type: ignore[no-any-return]

    def flush_cache(self) -> None:
        """Removes all values of this library's, and nothing else that may be at the place."""
        self._ask(b"cache_clear")

    flushall = flush_cache

    async def async_flush_cache(self) -> None:
        await self._asked(b"cache_clear")

    async def ping(self) -> bool:
        """True where values can be kept. Raises ServiceUnavailableError, which says why, where they cannot."""
        await self._asked(b"cache_ping")
        return True

    def sync_ping(self) -> bool:
        self._ask(b"cache_ping")
        return True

    async def test_connection(self) -> dict[str, Any]:
        """Whether values can be kept, without an exception: litellm's form."""
        from ..exceptions import ServiceUnavailableError

        try:
            await self.ping()
        except ServiceUnavailableError as error:
            return {"status": "failed", "message": "the cache does not work", "error": str(error)}
        return {"status": "success", "message": "the cache works", "error": None}


def _kept(key: str, value: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"operation": kwargs.get("operation", "completion"), "key": key, "answer": value, "ttl": kwargs.get("ttl")}


class Answers(EngineCache, InMemoryCache):
    """The answers that the engine keeps in the memory of this process."""

    def __init__(self, settings: dict[str, Any]) -> None:
        EngineCache.__init__(self, settings)

    def increment_cache(self, key: str, value: float, **kwargs: Any) -> float:
        raise NotImplementedError("answers are no numbers: use an InMemoryCache of your own to count")
