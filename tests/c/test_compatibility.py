"""Programs that were compiled for an interface go on running: today's header and library against what was promised."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
V1 = Path(__file__).resolve().parent / "abi-v1"

sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "ci"))

import abi  # noqa: E402
import symbols  # noqa: E402

import build_ffi  # noqa: E402


def declared(header: Path) -> dict[str, str]:
    """Each constant, type and function of a header by its name, as text without its layout."""
    text = build_ffi.declarations(header.read_text(encoding="utf-8"))
    found: dict[str, str] = dict(re.findall(r"^#define (\w+) (.*)$", text, re.MULTILINE))
    rest = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    for declaration in re.findall(r"(?:[^;{]|\{[^}]*\})+;", rest):
        plain = " ".join(declaration.split())
        name = re.search(r"(eq_\w+)\s*\(|\(\*(eq_\w+)\)|(eq_\w+)\s*;$", plain)
        assert name, plain
        found[next(filter(None, name.groups()))] = plain
    return found


def test_the_header_still_says_what_it_said() -> None:
    old, new = declared(V1 / "edgequake.h"), declared(ROOT / "include/edgequake.h")
    assert old["EQ_ABI_VERSION"] == "1"
    assert len(old) > 80
    assert {name: new.get(name) for name in old} == old


def test_an_old_program_runs(library: Path, prefix: list[str], tmp_path: Path) -> None:
    """Interface 1 as it was frozen, source and header, is compiled without today's header in reach, and run with today's library.

    So the program has the sizes, offsets, numbers and symbols of then in its machine code, as one that was compiled then has: a field
    that moved, a number that changed or a function that went fails here. What it does not prove is that code of an older compiler works:
    that rests on the platform's calling convention.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("cc is not installed")
    program = tmp_path / "program"
    # Only its own header is to be found.
    command = [compiler, "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{V1}", str(V1 / "program.c")]
    subprocess.run([*command, "-o", str(program), str(library), f"-Wl,-rpath,{library.parent}"], check=True)
    result = subprocess.run([*prefix, str(program)], capture_output=True, text=True, timeout=120, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("ok, with release ")


@pytest.fixture(scope="module")
def libabigail() -> ModuleType:
    if shutil.which("abidiff") is None or shutil.which("abidw") is None:
        pytest.skip("abidiff is not installed (Debian: abigail-tools)")
    return abi


def changed(tmp_path: Path, *replacements: tuple[str, str]) -> Path:
    """The committed interface with something else in it."""
    text = abi.BASELINE.read_text(encoding="utf-8")
    for pattern, replacement in replacements:
        assert re.search(pattern, text, re.DOTALL), pattern
        text = re.sub(pattern, replacement, text, flags=re.DOTALL)
    path = tmp_path / "changed.abi"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_library_has_the_committed_interface(libabigail: ModuleType, installed: Path) -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("the committed interface is that of Linux on x86_64")
    assert libabigail.check(installed / "lib/libedgequake.so") == ""


def test_every_function_is_in_the_committed_interface() -> None:
    text = abi.BASELINE.read_text(encoding="utf-8")
    missing = [name for name in symbols.listed() if f'elf-symbol-id="{name}"' not in text]
    assert missing == [], "write it anew: make abi"


def test_the_committed_interface_tells_of_nobodys_machine() -> None:
    text = abi.BASELINE.read_text(encoding="utf-8")
    assert re.findall(r'="(?:/|[^"]*\.rs)[^"]*"', text) == []
    assert len(text) < 64 * 1024


@pytest.mark.parametrize(
    ("pattern", "replacement", "word"),
    [
        ('layout-offset-in-bits="160"', 'layout-offset-in-bits="176"', "eq_event"),
        ('name="eq_event" size-in-bits="704"', 'name="eq_event" size-in-bits="640"', "eq_event"),
        ('"eq_call_pause"', '"eq_call_halt"', "eq_call_halt"),
        ('<parameter type-id="[^"]*" name="timeout_ms" />', "", "eq_queue_next"),
    ],
    ids=["a field moved", "a struct grew", "a function went", "a parameter came"],
)
def test_a_change_is_caught(libabigail: ModuleType, tmp_path: Path, pattern: str, replacement: str, word: str) -> None:
    assert word in libabigail.compare(changed(tmp_path, (pattern, replacement)), abi.BASELINE)


def test_a_function_more_is_no_change(libabigail: ModuleType, tmp_path: Path) -> None:
    one = r'<elf-symbol name="eq_call_pause".*?/>', ""
    two = r'<function-decl name="eq_call_pause".*?</function-decl>', ""
    assert libabigail.compare(changed(tmp_path, one, two), abi.BASELINE) == ""


def test_a_library_without_types_is_refused_rather_than_taken_for_equal(libabigail: ModuleType, tmp_path: Path) -> None:
    source, stripped = tmp_path / "nothing.c", tmp_path / "nothing.so"
    source.write_text("int eq_abi_version(void) { return 1; }\n", encoding="ascii")
    subprocess.run(["cc", "-shared", "-fPIC", "-s", "-o", str(stripped), str(source)], check=True)
    with pytest.raises(libabigail.ToolError, match="not a debug build"):
        libabigail.check(stripped)
