"""What the tests of the package share: a local provider, a call's usual arguments, and programs in processes of their own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

import edgequake_litellm as litellm
from edgequake_litellm.testing import LocalProvider
from edgequake_litellm.testing.pytest_plugin import local_provider

__all__ = ["local_provider"]

MESSAGES = [{"role": "user", "content": "Say hello"}]
KEY = "sk-test-a-key-that-no-error-may-show"


@contextlib.contextmanager
def importing_from(*folders: Path) -> Iterator[None]:
    """Has folders of the repository on the path, and takes them off again.

    The repository's own folder holds the package: left on the path, it would hide an installed wheel that is to be tested
    from the programs that tests start.
    """
    before = sys.path[:]
    sys.path[:0] = map(str, folders)
    try:
        yield
    finally:
        sys.path[:] = before


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and addresses in the environment of whoever runs the tests decide nothing."""
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_API_BASE", "_BASE_URL", "_PROXY", "_proxy")) or name.startswith("LITELLM_"):
            monkeypatch.delenv(name)


@pytest.fixture
def arguments(local_provider: LocalProvider) -> dict[str, Any]:
    """The arguments of a call that the local provider answers."""
    return {
        "model": "openai/gpt-4o",
        "messages": [dict(message) for message in MESSAGES],
        "api_base": local_provider.base_url,
        "api_key": KEY,
    }


@pytest.fixture
def embed(local_provider: LocalProvider) -> dict[str, Any]:
    """The arguments of a call of `embedding` that the local provider answers."""
    return {"model": "openai/text-embedding-3-small", "api_base": local_provider.base_url, "api_key": KEY}


@pytest.fixture
def sent(local_provider: LocalProvider, arguments: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Makes a call and returns the body that reached the provider."""

    def call(**more: Any) -> dict[str, Any]:
        litellm.completion(**{**arguments, **more})
        body: dict[str, Any] = local_provider.requests[-1].json
        return body

    return call


# The debug mode of asyncio, which -X dev turns on, remarks on steps above 0.1 s: how busy the machine is, is not tested.
QUIET = "import logging; logging.getLogger('asyncio').addFilter(lambda record: ' took ' not in record.getMessage())\n"


def start_python(code: str, *flags: str, **variables: str) -> subprocess.Popen[str]:
    """Starts a Python program that fails at any warning and says so on stderr."""
    program = [sys.executable, "-X", "dev", "-W", "error", *flags, "-c", QUIET + textwrap.dedent(code)]
    environment = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run_python(code: str, *flags: str, timeout: float = 60, **variables: str) -> str:
    """Runs a program as `start_python` does; it must succeed and leave stderr empty. Returns what it printed."""
    process = start_python(code, *flags, **variables)
    out, err = process.communicate(timeout=timeout)
    assert (process.returncode, err) == (0, ""), err
    return out


def wait_until(condition: Callable[[], object], timeout: float = 5.0) -> bool:
    """Waits until `condition()` holds; False if it does not in `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
