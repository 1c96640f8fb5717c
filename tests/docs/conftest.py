"""Where the programs of the pages run: a folder with files, an environment without keys, a provider on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Iterator

import pytest

from edgequake_litellm import _native

from .provider import FILES, Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def environment(provider: Provider) -> dict[str, str]:
    """Nobody's keys and addresses, and the package that is tested, also where it is not installed."""
    endings = ("_API_KEY", "_API_BASE", "_BASE_URL", "_PROXY", "_proxy")
    inherited = {name: value for name, value in os.environ.items() if not name.endswith(endings)}
    path = os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", "")])
    package = os.pathsep.join(folder for folder in sys.path if folder)
    library = _native.library_path()
    return {**inherited, "PATH": path, "PYTHONPATH": package, "EDGEQUAKE_LIBRARY": library, **provider.environment}
