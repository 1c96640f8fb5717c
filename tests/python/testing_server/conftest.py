"""A provider for each test."""

from __future__ import annotations

from typing import Iterator

import pytest

from edgequake_litellm.testing import LocalProvider


@pytest.fixture
def provider() -> Iterator[LocalProvider]:
    with LocalProvider() as running:
        yield running
