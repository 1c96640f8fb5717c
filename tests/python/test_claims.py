"""Numbers and lists in the documentation that a change of the code makes wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import edgequake_litellm
from edgequake_litellm.testing import LocalProvider

ROOT = Path(__file__).resolve().parents[2]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_number_of_functions_of_the_c_interface() -> None:
    count = str(len(read("include/edgequake.symbols").split()))
    told = {name: re.findall(r"(\d+) functions", read(name)) for name in ("README.md", "docs/architecture.md")}
    assert told == {"README.md": [count], "docs/architecture.md": [count]}


def test_every_module_stands_in_the_table_of_the_architecture() -> None:
    _, _, chapter = read("docs/architecture.md").partition("## The Python package")
    rows = re.findall(r"^\| (`.*?) \|", chapter, re.MULTILINE)
    told = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    package = Path(edgequake_litellm.__file__).parent
    there = {path.name for path in package.glob("*.py")}
    there |= {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert sorted(told) == sorted(there)


def test_the_files_that_the_documentation_names_are_there() -> None:
    pages = ["README.md", *(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))]
    named = [
        (page, folder + name)
        for page in pages
        for pattern, folder in (
            (r"`((?:tests|ci|rust-ffi|benchmarks|include|examples|docs)/\w[\w./-]*)`", ""),
            (r"`((?:wire|engine|abi|models|tokenizer|edgequake)/[\w/]*(?:\.rs|/))`", "rust-ffi/src/"),
        )
        for name in re.findall(pattern, read(page))
    ]
    assert len(named) > 10
    assert [(page, name) for page, name in named if not (ROOT / name).exists()] == []


def test_the_readme_leads_to_every_page() -> None:
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")}
    # The reference is made by `make docs`, and has a list of its own.
    guides = {page for page in pages if not page.startswith("docs/reference/")}
    linked = {link.partition("#")[0] for link in re.findall(r"\]\((docs/[^)]+)\)", read("README.md"))}
    assert guides - linked == set()


# What happens, and what the first program on errors prints then. It is told how to reach the provider by the environment.
@pytest.mark.parametrize(
    ("status", "printed"),
    [
        (None, "no key, or one that was refused: litellm.AuthenticationError"),
        (401, "no key, or one that was refused: litellm.AuthenticationError"),
        (429, "429 openai gpt-4o"),
        (500, "any other failure of a call: InternalServerError"),
    ],
)
def test_the_program_on_errors_catches_them(status: int | None, printed: str) -> None:
    programs = re.findall(r"^```python\n([^`]*?)^```", read("docs/guides/errors.md"), re.MULTILINE)
    (program,) = [program for program in programs if "LITELLM_EXCEPTION_TYPES" in program]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    with LocalProvider() as provider:
        if status is not None:
            provider.error(status, "so it is")
            environment.update(OPENAI_API_KEY="test", OPENAI_BASE_URL=provider.base_url)
        command = [sys.executable, "-c", program]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith(printed)
