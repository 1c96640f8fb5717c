"""The programs of docs/c-api.md: they compile without a warning, print what the page says, and lose no memory."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/c-api.md").read_text(encoding="utf-8")
PROGRAMS = {
    name: (source, output)
    for name, source, output in re.findall(
        r"<!-- program: (\w+) -->\n```c\n(.*?)```\n\nIt prints:\n\n```text\n(.*?)```\n", PAGE, re.DOTALL
    )
}
FLAGS = ["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-g", "-Wall", "-Wextra", "-pedantic", "-Werror"]


def test_every_program_of_the_page_is_tested() -> None:
    assert len(PROGRAMS) >= 5
    assert PAGE.count("```c\n") == len(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str, library: Path, server: tuple[str, str], prefix: list[str], tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("cc is not installed")
    if prefix and name == "fork":
        pytest.skip("a forked child leaves its parent's objects alone, which valgrind takes for leaks of the child")
    source, output = PROGRAMS[name]
    (tmp_path / f"{name}.c").write_text(source, encoding="utf-8")
    command = [compiler, *FLAGS, f"-I{ROOT / 'include'}", str(tmp_path / f"{name}.c"), "-o", str(tmp_path / name)]
    built = subprocess.run(
        [*command, str(library), f"-Wl,-rpath,{library.parent}", "-lpthread"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    result = subprocess.run(
        [*prefix, str(tmp_path / name), *server], capture_output=True, text=True, timeout=120, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, output, "")


def test_every_name_that_the_page_uses_is_in_the_header() -> None:
    header = (ROOT / "include/edgequake.h").read_text(encoding="utf-8")
    names = set(re.findall(r"\b(?:eq|EQ)_[A-Za-z_]*[A-Za-z]\b", PAGE))
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", header)] == []


# Told by the header alone: what bindings need, and the accessors that say what their names say.
HEADER_ONLY = {
    "eq_buffer_bytes",
    "eq_buffer_free",
    "eq_error_get_kind",
    "eq_error_json",
    "eq_error_retry_after_ms",
    "eq_query",
}


def test_every_function_and_status_of_the_header_is_explained() -> None:
    header = (ROOT / "include/edgequake.h").read_text(encoding="utf-8")
    statuses = re.findall(r"#define (EQ_(?:OK|TIMEOUT|ERR_\w+)) ", header)
    assert [name for name in statuses if name not in PAGE] == []
    functions = set((ROOT / "include/edgequake.symbols").read_text(encoding="ascii").split())
    assert {name for name in functions if not re.search(rf"\b{name}\b", PAGE)} == HEADER_ONLY
