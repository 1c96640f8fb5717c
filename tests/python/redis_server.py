"""A real Redis for the tests: `redis-server` on a free port of this machine."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

START = 20.0


class RedisServer:
    """`with RedisServer(tmp_path) as redis:`; `redis.store` are its settings for a quota or a cache."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("redis-server") is None:
            pytest.skip("redis-server is not installed (on Debian: apt install redis-server)")
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> RedisServer:
        # Another process may take the port in between: then another one is tried.
        for _ in range(20):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
            with contextlib.suppress(ConnectionError):
                self.start()
                return self
        raise RuntimeError("no redis-server could be started")

    def __exit__(self, *unused: object) -> None:
        self.kill()

    @property
    def store(self) -> dict[str, Any]:
        return {"type": "redis", "host": "127.0.0.1", "port": self.port}

    def start(self) -> None:
        """Starts it, empty, on its port. Raises ConnectionError if it does not come up."""
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen(
            ["redis-server", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                return
            time.sleep(0.01)
        self.kill()
        raise ConnectionError(f"redis-server did not start on port {self.port}")

    def command(self, *words: str) -> bytes:
        """Sends one command and returns the answer as it comes, up to 64 KiB."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
            connection.sendall(f"*{len(words)}\r\n{parts}".encode())
            return connection.recv(65536)

    def freeze(self, frozen: bool) -> None:
        """Has it hang, connections and all, or go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def kill(self) -> None:
        """Ends it at once, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
