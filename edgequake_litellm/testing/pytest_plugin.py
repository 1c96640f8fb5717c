"""The fixture ``local_provider``. Register it with ``pytest_plugins = ["edgequake_litellm.testing.pytest_plugin"]``."""

from __future__ import annotations

from typing import Iterator

import pytest

from ._provider import LocalProvider


@pytest.fixture
def local_provider() -> Iterator[LocalProvider]:
    """A :class:`LocalProvider` of the test's own, closed after the test."""
    with LocalProvider() as provider:
        yield provider
