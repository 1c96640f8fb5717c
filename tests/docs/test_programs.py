"""Every Python program of the pages runs, warns of nothing, and prints what the page says; one of tests passes."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .blocks import ROOT, Block, blocks


def imported(source: str) -> set[str]:
    """The packages that a program imports, but for litellm where this one takes its place."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    packages = {name.split(".")[0] for name in names}
    return packages - {"litellm"} if "install_as_litellm()" in source else packages


def of_others(package: str) -> bool:
    """Whether it is neither Python's own nor this one: what it warns of, as of a newer Python, is not for these tests."""
    spec = importlib.util.find_spec(package)
    return package != "edgequake_litellm" and spec is not None and "site-packages" in (spec.origin or "")


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_program(block: Block, folder: Path, environment: dict[str, str]) -> None:
    beside = (ROOT / block.page).parent
    packages = {name for name in imported(block.source) if not (beside / f"{name}.py").exists()}
    lacking = sorted(name for name in packages if importlib.util.find_spec(name) is None)
    if lacking:
        pytest.skip(f"not installed: {', '.join(lacking)}")
    strict = [] if any(map(of_others, packages)) else ["-W", "error"]
    command = [sys.executable, *strict, "-c", block.source]
    tests = len(re.findall(r"^def test_", block.source, re.MULTILINE))
    if tests:
        (folder / "test_page.py").write_text(block.source, encoding="utf-8")
        options = ["-q", "-W", "error", "-c", os.devnull, "--rootdir", "."]
        command = [sys.executable, "-m", "pytest", *options, "test_page.py"]
    run = subprocess.run(
        command,
        cwd=folder,
        env={**environment, "PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], str(beside)])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # Pages name a Redis of this machine, and there may be none: calls go on without it, and the log says so.
    complaints = [line for line in run.stderr.splitlines() if not line.startswith("Redis at localhost:6379 fails")]
    assert (run.returncode, complaints) == (0, [])
    if tests:
        assert f"{tests} passed" in run.stdout
    if block.output is not None:
        assert run.stdout == block.output
