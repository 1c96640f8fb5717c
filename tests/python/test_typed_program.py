"""Type checkers accept a program that uses the package, and what they believe is true."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgequake_litellm.testing import LocalProvider

from . import typed_program

PROGRAM = Path(typed_program.__file__)
ROOT = PROGRAM.parents[2]


def test_it_does_what_it_says(local_provider: LocalProvider, arguments: dict[str, Any]) -> None:
    where = {"api_base": arguments["api_base"], "api_key": arguments["api_key"]}
    (said, total), streamed, awaited, length, cost, tokens, failed = typed_program.main(**where)  # type: ignore[misc]  # a list of several
    assert said
    assert (streamed, awaited) == (said, said)
    assert total > 0
    assert (length, tokens, failed) == (1536, 2, "")
    assert cost == pytest.approx(0.000125)


def check(*command: str) -> None:
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_accepts_it() -> None:
    pytest.importorskip("mypy", reason="mypy is not installed: `make test` installs it, but not for PyPy")
    check(sys.executable, "-m", "mypy", "--strict", "--follow-imports", "silent", str(PROGRAM))


def test_pyright_accepts_it() -> None:
    if shutil.which("pyright") is None:
        pytest.skip("pyright is not installed: `pip install pyright` brings it")
    check("pyright", str(PROGRAM))
