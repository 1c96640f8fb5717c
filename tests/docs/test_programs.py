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


def missing(source: str, beside: Path) -> set[str]:
    """The packages that a program imports and neither this Python nor the folder of its page has."""
    names = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    if "install_as_litellm()" in source:
        names.discard("litellm")
    return {name for name in names if importlib.util.find_spec(name) is None and not (beside / f"{name}.py").exists()}


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_program(block: Block, folder: Path, environment: dict[str, str]) -> None:
    beside = (ROOT / block.page).parent
    lacking = missing(block.source, beside)
    if lacking:
        pytest.skip(f"not installed: {', '.join(sorted(lacking))}")
    command = [sys.executable, "-W", "error", "-c", block.source]
    tests = len(re.findall(r"^def test_", block.source, re.MULTILINE))
    if tests:
        (folder / "test_page.py").write_text(block.source, encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-W",
            "error",
            "-c",
            os.devnull,
            "--rootdir",
            ".",
            "test_page.py",
        ]
    run = subprocess.run(
        command,
        cwd=folder,
        env={**environment, "PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], str(beside)])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    if tests:
        assert f"{tests} passed" in run.stdout
    if block.output is not None:
        assert run.stdout == block.output
