"""What the clients of examples/ repeat of the header, because their languages cannot read it, is what the header says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "ci" / "languages"))
try:
    import marks
finally:
    sys.path.pop(0)

HEADER = (ROOT / "include/edgequake.h").read_text(encoding="utf-8")
CONSTANTS = {name: int(value) for name, value in re.findall(r"^#define EQ_(\w+) (-?\d+)$", HEADER, re.MULTILINE)}
KINDS = {name[len("ERROR_") :]: value for name, value in CONSTANTS.items() if name.startswith("ERROR_")}


def example(path: str) -> str:
    return (ROOT / "examples" / path).read_text(encoding="utf-8")


def body(source: str, start: str, end: str) -> str:
    """The part of a source from the line that has `start` to the first `end`."""
    return source[source.index(start) :].split(end, 1)[0]


def kinds_of_python() -> dict[str, int]:
    listed = body(example("python/edgequake.py"), "class ErrorKind", "@classmethod")
    return {name: int(value) for name, value in re.findall(r"^    (\w+) = (\d+)$", listed, re.MULTILINE)}


def kinds_of_rust() -> dict[str, int]:
    listed = body(example("rust/src/edgequake.rs"), "pub enum ErrorKind", "}")
    return {
        re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper(): int(value)
        for name, value in re.findall(r"^    (\w+) = (\d+),$", listed, re.MULTILINE)
    }


def kinds_of_java() -> dict[str, int]:
    listed = body(example("java/common/src/main/java/edgequake/ErrorKind.java"), "public enum ErrorKind", ";\n\n")
    names = re.findall(r"^    ([A-Z_]+)(?:,|$)", listed, re.MULTILINE)
    return {name: number for number, name in enumerate(names)}


@pytest.mark.parametrize("kinds", [kinds_of_python, kinds_of_rust, kinds_of_java])
def test_the_kinds_of_errors_have_the_headers_numbers(kinds):
    assert kinds() == {"UNKNOWN": 0, **KINDS}


@pytest.mark.parametrize("path", ["cpp/edgequake.hpp", "go/edgequake/edgequake.go"])
def test_a_client_that_reads_the_header_knows_every_kind(path):
    assert set(re.findall(r"\bEQ_ERROR_(\w+)", example(path))) == set(KINDS)


def test_the_client_in_typescript_knows_every_kind_by_its_name():
    names = (ROOT / "rust-ffi/src/engine/error.rs").read_text(encoding="utf-8")
    listed = re.findall(r'^  \| "(\w+)"', example("node/src/edgequake.ts"), re.MULTILINE)
    assert len(listed) == len(KINDS)
    assert [name for name in listed if f'"{name}"' not in names] == []


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("python/edgequake.py", r"^ABI_VERSION = (\d+)$"),
        ("rust/src/edgequake.rs", r"ABI_VERSION: u32 = (\d+);"),
        ("node/src/edgequake.ts", r"^const ABI_VERSION = (\d+);"),
        ("java/common/src/main/java/edgequake/Client.java", r"int ABI_VERSION = (\d+);"),
    ],
)
def test_a_client_is_for_the_headers_interface(path, pattern):
    assert [int(number) for number in re.findall(pattern, example(path), re.MULTILINE)] == [CONSTANTS["ABI_VERSION"]]


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("rust/src/edgequake.rs", r"const EVENT_(\w+): i32 = (\d+);"),
        ("java/common/src/main/java/edgequake/Event.java", r"static final int (\w+) = (\d+);"),
    ],
)
def test_a_client_has_the_headers_numbers_of_events(path, pattern):
    found = re.findall(pattern, example(path))
    assert len(found) == 6
    assert [(name, number) for name, number in found if CONSTANTS[f"EVENT_{name}"] != int(number)] == []


# What `make languages` makes of a run.

EXPECTED = "completion\n  answer: yes\ncancel\n  cancelled: yes\n"


@pytest.mark.parametrize(
    ("printed", "faults", "completion", "cancel"),
    [
        (EXPECTED, [], "✓", "✓"),
        (EXPECTED.replace("cancelled: yes", "cancelled: no"), [], "✓", "✗"),
        (EXPECTED, [("cancel", "the connection stayed open")], "✓", "✗"),
        (EXPECTED, [("", "the exit status is 1")], "✗", "✗"),
        ("completion\n  answer: yes\n", [("", "it did not end")], "✗", "✗"),
        ("", [], "✗", "✗"),
        ("  astray\n" + EXPECTED, [], "✗", "✗"),
    ],
)
def test_a_feature_is_marked_by_what_the_run_showed(printed, faults, completion, cancel):
    assert marks.judge(printed, EXPECTED, faults) == {"completion": completion, "cancel": cancel}


@pytest.mark.parametrize("heading", ["| | completion | cache |", "| | completion | stream |"])
def test_the_table_has_the_failures_and_keeps_the_rows_of_what_did_not_run_under_the_same_heading(heading):
    old, line = "| [C](examples/c) | ✓ | ✓ |", "|---|:-:|:-:|"
    text = f"before\n{marks.START}\n{heading}\n{line}\n{old}\n| [Go](examples/go) | ✓ | ✓ |\n{marks.END}\nafter\n"
    made = marks.table(text, ["completion", "cache"], {"Go": {"completion": "✗"}})
    kept = [old] if "cache" in heading else []
    rows = ["| | completion | cache |", line, *kept, "| [Go](examples/go) | ✗ | – |"]
    assert made.splitlines() == ["before", marks.START, *rows, marks.END, "after"]
