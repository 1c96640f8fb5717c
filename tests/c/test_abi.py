"""The C interface from C, linked both ways, and once under valgrind."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PROGRAMS = sorted(path.stem for path in HERE.glob("abi_*.c"))
# _DEFAULT_SOURCE: -std=c99 alone hides what is POSIX's.
FLAGS = ["-std=c99", "-D_XOPEN_SOURCE=700", "-D_DEFAULT_SOURCE", "-g", "-Wall", "-Wextra", "-pedantic", "-Werror"]


def build(name: str, directory: Path, *libraries: str) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("cc is not installed")
    program = directory / name
    command = [compiler, *FLAGS, f"-I{ROOT / 'include'}", str(HERE / f"{name}.c"), "-o", str(program)]
    result = subprocess.run([*command, *libraries, "-lpthread", "-lm"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return program


def check(*command: object) -> None:
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, encoding="utf-8", timeout=300, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    assert "ok " in result.stdout


@pytest.fixture(scope="session")
def linked(library: Path) -> list[str]:
    return [str(library), f"-Wl,-rpath,{library.parent}"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_with_the_shared_library(name: str, linked: list[str], prefix: list[str], tmp_path: Path) -> None:
    if prefix and name == "abi_fork":
        pytest.skip("a forked child leaves its parent's objects alone, which valgrind takes for leaks of the child")
    check(*prefix, build(name, tmp_path, *linked))


@pytest.mark.parametrize("seed", range(2, 8))
def test_misuse_by_other_sequences(seed: int, linked: list[str], tmp_path: Path) -> None:
    check(build("abi_misuse", tmp_path, *linked), seed, 20000)


@pytest.fixture(scope="session")
def archive(installed: Path) -> list[str]:
    """The static library, and what it needs of the system as its pkg-config file says."""
    text = (installed / "lib/pkgconfig/edgequake.pc").read_text(encoding="utf-8")
    private = re.search(r"^Libs\.private: (.*)$", text, re.MULTILINE)
    assert private
    return [str(installed / "lib/libedgequake.a"), *private[1].split()]


@pytest.mark.parametrize("name", PROGRAMS)
def test_with_the_static_library(name: str, archive: list[str], tmp_path: Path) -> None:
    check(build(name, tmp_path, *archive))
