"""litellm.caching.disk_cache: values in files."""

from __future__ import annotations

from ._engine import EngineCache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class DiskCache(EngineCache):
    """Values in a directory, which processes may share: `.litellm_cache` in the working directory where none is named."""

    def __init__(self, disk_cache_dir: str | None = None, **settings: Any) -> None:
        import os

        # Absolute: a program that changes its directory keeps its cache.
        directory = os.path.abspath(disk_cache_dir or ".litellm_cache")
        super().__init__({"type": "disk", "dir": directory, **settings})


__all__ = ["DiskCache"]
