"""What the README shows works: each of its programs runs as it stands, and its tables are the library's own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edgequake_litellm.testing import LocalProvider

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)


def test_the_readme_has_programs():
    assert len(PROGRAMS) >= 6


@pytest.mark.parametrize("program", PROGRAMS, ids=[str(number) for number in range(len(PROGRAMS))])
def test_a_program_of_the_readme_runs(program):
    with LocalProvider() as provider:
        where = {
            "OPENAI_API_KEY": "test",
            "OPENAI_BASE_URL": provider.base_url,
            "GROQ_API_KEY": "test",
            "GROQ_API_BASE": provider.base_url,
        }
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            env={**os.environ, **where},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (run.returncode, run.stderr) == (0, "")


def test_the_table_of_providers_is_the_librarys():
    run = subprocess.run(
        [sys.executable, str(ROOT / "ci" / "providers.py")], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
