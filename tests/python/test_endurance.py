"""The long runs of ci/endurance.py, with a hundredth of their calls: each ends, and leaves no descriptor and no thread behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "ci/endurance.py"
PHASES = ["calls", "streams", "errors", "cancelled", "event-loops", "threads", "backpressure", "many-streams"]


@pytest.mark.skipif(sys.platform != "linux", reason="the program reads /proc, which only Linux has")
def test_every_phase_passes_on_a_hundredth_of_its_calls() -> None:
    run = subprocess.run(
        [sys.executable, str(PROGRAM), "--scale", "0.01"], capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    lines = run.stdout.splitlines()
    assert list(dict.fromkeys(line.split()[0] for line in lines)) == PHASES
    assert all(line.endswith(("ok", "not judged")) for line in lines)


@pytest.mark.skipif(sys.platform != "linux", reason="the program reads /proc, which only Linux has")
def test_an_unknown_phase_is_refused() -> None:
    run = subprocess.run(
        [sys.executable, str(PROGRAM), "leaks"], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 2
    assert "no phase is called leaks" in run.stderr
