"""What the tests of the caches share: a cache at each place, and a Redis that belongs to one test."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

import edgequake_litellm as litellm


@pytest.fixture(autouse=True)
def no_cache_is_left() -> Iterator[None]:
    yield
    litellm.disable_cache()


class Redis:
    """A redis-server on a free port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: Any = None
        for _ in range(20):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            if self.start():
                return
        raise RuntimeError("no redis-server could be started")

    def start(self) -> bool:
        program = shutil.which("redis-server")
        assert program, "redis-server is needed for these tests (on Debian: apt install redis-server)"
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return True
            time.sleep(0.01)
        return False

    def command(self, *words: str) -> bytes:
        """Sends one command and returns the answer as it comes, up to 64 KiB."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
            connection.sendall(f"*{len(words)}\r\n{parts}".encode())
            return connection.recv(65536)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    yield server
    server.kill()


@pytest.fixture(params=["local", "disk", "redis"])
def make_cache(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Any]:
    """Makes a cache at each of the places, whose answers are there for the next one that it makes."""
    if request.param == "local":
        return litellm.Cache
    if request.param == "disk":
        return lambda **more: litellm.Cache(type="disk", disk_cache_dir=str(tmp_path / "cache"), **more)
    port = request.getfixturevalue("redis").port
    return lambda **more: litellm.Cache(type="redis", host="127.0.0.1", port=port, **more)
