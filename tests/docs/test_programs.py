"""Every Python program of the pages runs, warns of nothing, and prints what the page says."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from .blocks import Block, blocks


def missing(source: str) -> set[str]:
    """The packages that a program imports and this Python does not have."""
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
    return {name for name in names if importlib.util.find_spec(name) is None}


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_program(block: Block, folder: Path, environment: dict[str, str]) -> None:
    lacking = missing(block.source)
    if lacking:
        pytest.skip(f"not installed: {', '.join(sorted(lacking))}")
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.source],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    if block.output is not None:
        assert run.stdout == block.output
