"""What the tests of the caches share: a cache at each place, and a Redis that belongs to one test."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

import edgequake_litellm as litellm

from ..redis_server import RedisServer


@pytest.fixture(autouse=True)
def no_cache_is_left() -> Iterator[None]:
    yield
    litellm.disable_cache()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture(params=["local", "disk", "redis"])
def make_cache(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Any]:
    """Makes a cache at each of the places, whose answers are there for the next one that it makes."""
    if request.param == "local":
        return litellm.Cache
    if request.param == "disk":
        return lambda **more: litellm.Cache(type="disk", disk_cache_dir=str(tmp_path / "cache"), **more)
    port = request.getfixturevalue("redis").port
    return lambda **more: litellm.Cache(type="redis", host="127.0.0.1", port=port, **more)
