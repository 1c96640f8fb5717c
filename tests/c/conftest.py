"""The C programs of examples/c and of this folder, and the server that they talk to."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from edgequake_litellm import _native

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def library() -> Path:
    """The library of the installed package: what Python calls is what C programs link."""
    return Path(_native.library_path())


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make install-c` installs: its prefix. Of the debug build, which takes seconds; the steps are the same."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not installed")
    prefix = tmp_path_factory.mktemp("installed")
    command = [sys.executable, str(ROOT / "ci/install_c.py"), "--profile", "dev", "--prefix", str(prefix)]
    subprocess.run(command, check=True)
    return prefix


@pytest.fixture(scope="session")
def examples(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("examples")
    for tool in ("make", "cc"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    subprocess.run(
        ["make", "-C", str(ROOT / "examples/c"), f"LIBRARY={library}", f"OUT={directory}"],
        check=True,
        stdout=subprocess.PIPE,
    )
    return directory


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[str, str]]:
    """The local provider, in a process of its own, as a user starts it: its address and its key."""
    # The pause between chunks leaves the time to cancel a stream.
    options = ["--api-key", "key-of-the-c-tests", "--model", "gpt-4o-mini", "--gap", "0.02"]
    process = subprocess.Popen(
        [sys.executable, "-m", "edgequake_litellm.testing", *options], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:"), address
    yield address, "key-of-the-c-tests"
    process.terminate()
    assert process.wait(10) == 0
    process.stdout.close()


@pytest.fixture(params=["plain", "valgrind"])
def prefix(request: pytest.FixtureRequest) -> list[str]:
    """What to run a program with: nothing, or a tool that fails on a leak and on memory used wrongly."""
    if request.param == "plain":
        return []
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        pytest.skip("valgrind is not installed")
    return [
        valgrind,
        "--quiet",
        "--error-exitcode=99",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite",
        "--show-leak-kinds=definite",
        f"--suppressions={ROOT / 'tests/c/valgrind.supp'}",
    ]
