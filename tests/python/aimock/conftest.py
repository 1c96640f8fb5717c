"""The server, and what a call needs to be told apart from others in its journal."""

from __future__ import annotations

import uuid
from typing import Any, Iterator

import pytest

from . import server


class Aimock:
    """aimock for one test: its requests carry an id, so that the journal and the counters are the test's own."""

    def __init__(self, running: server.Server) -> None:
        self._running = running
        self.url = running.url
        self.test_id = uuid.uuid4().hex

    def call(self, text: str, model: str = "openai/gpt-4o", path: str = "/v1", **chaos: object) -> dict[str, Any]:
        """The arguments of a chat call. `chaos` is what aimock is to do to it: `disconnect=1`, `latency=500`, …"""
        return {"messages": [{"role": "user", "content": text}], **self.embed(model, path, **chaos)}

    def embed(self, model: str, path: str = "/v1", **chaos: object) -> dict[str, Any]:
        """The arguments of any call, without what it asks."""
        headers = {"x-test-id": self.test_id}
        headers.update({f"x-aimock-chaos-{name}": str(value) for name, value in chaos.items()})
        return {"model": model, "api_base": self.url + path, "api_key": "sk-test", "extra_headers": headers}

    @property
    def journal(self) -> list[dict[str, Any]]:
        return self._running.journal(self.test_id)


@pytest.fixture(scope="session")
def aimock_server() -> Iterator[server.Server]:
    missing = server.what_is_missing()
    if missing:
        pytest.skip(missing)
    yield from server.running()


@pytest.fixture
def aimock(aimock_server: server.Server) -> Aimock:
    return Aimock(aimock_server)
