"""litellm.caching.disk_cache: values in files."""

from __future__ import annotations

from .. import config
from ..exceptions import ServiceUnavailableError
from ._engine import EngineCache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class DiskCache(EngineCache):
    """Values in a directory, which processes may share: `.litellm_cache` in the working directory where none is named.

    A disk that fails fails no call: nothing is kept then. Where nothing can be written from the beginning, a UserWarning says so.
    """

    def __init__(self, disk_cache_dir: str | None = None, **settings: Any) -> None:
        import os

        # Absolute: a program that changes its directory keeps its cache.
        directory = os.path.abspath(disk_cache_dir or ".litellm_cache")
        super().__init__({"type": "disk", "dir": directory, **settings})
        try:
            self._ask(b"cache_ping")
        except ServiceUnavailableError as error:
            why = error.message.rpartition("ServiceUnavailableError: ")[2]
            config.warn(f"nothing can be kept in `disk_cache_dir` {directory!r} as it is now: {why}")


__all__ = ["DiskCache"]
