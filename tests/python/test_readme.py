"""What the README and the page on callbacks show works: their programs run, and the tables are the library's own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edgequake_litellm.testing import LocalProvider

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/callbacks.md")
PROGRAMS = [
    program
    for page in PAGES
    for program in re.findall(
        r"^```python\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
]


def test_there_are_programs():
    assert len(PROGRAMS) >= 8


@pytest.mark.parametrize("program", PROGRAMS, ids=[str(number) for number in range(len(PROGRAMS))])
def test_a_program_of_the_documentation_runs(program):
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
