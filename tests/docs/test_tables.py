"""The tables that are made from something are what it makes today."""

from __future__ import annotations

import subprocess
import sys

from .blocks import ROOT


def test_the_table_of_providers_is_the_librarys() -> None:
    command = [sys.executable, str(ROOT / "ci" / "providers.py")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
