"""The binary interface of the library against the committed one, include/edgequake.abi.

``python ci/abi.py LIBRARY`` fails when a program that was compiled for the committed interface would not run with
LIBRARY: a function that is gone, another parameter, a field that moved. A function that is only added is no such
change. ``python ci/abi.py --write LIBRARY`` makes the file anew, for a new interface (EQ_ABI_VERSION) or a new function.

LIBRARY is a debug build: its types stand in its debug information. ``abidw`` and ``abidiff`` are libabigail's (on Debian
the package abigail-tools). The file is what abidw writes, but for the functions and types that are not part of the interface.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / "include" / "edgequake.abi"
# What names other types in abidw's XML.
_REFERENCES = ("type-id", "method-class-id", "naming-typedef-id")
# abidiff's exit status is a set of bits (its manual, "Return values").
_FAILED, _USAGE, _CHANGED, _INCOMPATIBLE = 1, 2, 4, 8


class ToolError(RuntimeError):
    """libabigail failed, or did not find what it needs."""


def interface(library: Path) -> str:
    """The exported functions of a library with every type that they reach, as abidw's XML."""
    command = ["abidw", "--no-show-locs", "--no-corpus-path", "--no-comp-dir-path", "--no-elf-needed", str(library)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ToolError(f"{' '.join(command)} failed: {result.stderr}")
    corpus = ElementTree.fromstring(result.stdout)
    # The name that the linker records is an installation's, not the interface's.
    corpus.attrib.pop("soname", None)
    _prune(corpus)
    described = {entry.get("elf-symbol-id") for entry in corpus.iter("function-decl")}
    for symbol in corpus.iter("elf-symbol"):
        if symbol.get("name") not in described:
            raise ToolError(f"{library} has no types for {symbol.get('name')}: it is not a debug build")
    ElementTree.indent(corpus)
    return ElementTree.tostring(corpus, encoding="unicode") + "\n"


def _prune(corpus: ElementTree.Element) -> None:
    """Takes out what no exported function reaches: the debug information tells of the whole crate."""
    types = {entry.get("id"): entry for entry in corpus.iter() if entry.get("id") and entry.tag != "elf-symbol"}
    exported = [entry for entry in corpus.iter("function-decl") if entry.get("elf-symbol-id")]
    needed: set[str] = set()
    waiting = list(exported)
    while waiting:
        entry = waiting.pop()
        for part in [entry, *_parts(entry)]:
            for reference in filter(None, (part.get(name) for name in _REFERENCES)):
                if reference not in needed and reference in types:
                    needed.add(reference)
                    waiting.append(types[reference])

    def keep(entry: ElementTree.Element) -> bool:
        for child in list(entry):
            variable = child.tag == "var-decl" and entry.tag != "data-member"
            if variable or not keep(child):
                entry.remove(child)
        if entry.tag == "member-function" or (entry.tag == "function-decl" and not entry.get("elf-symbol-id")):
            return False
        if entry.tag == "member-type" or entry.tag in ("abi-instr", "namespace-decl"):
            return len(entry) > 0
        identity = entry.get("id")
        return identity is None or identity in needed or any(part.get("id") in needed for part in entry.iter())

    # One unit instead of the compiler's own, whose names are paths and change with every build.
    whole = ElementTree.Element("abi-instr", {"address-size": "64", "path": "edgequake", "language": "LANG_C99"})
    for unit in list(corpus):
        if keep(unit) and unit.tag == "abi-instr":
            whole.extend(unit)
        if unit.tag == "abi-instr":
            corpus.remove(unit)
    corpus.append(whole)


def _parts(entry: ElementTree.Element) -> list[ElementTree.Element]:
    """What belongs to an entry: not the functions of a type, which C does not call."""
    found = []
    for child in entry:
        if child.tag not in ("member-function", "member-type"):
            found += [child, *_parts(child)]
    return found


def compare(old: Path, new: Path) -> str:
    """What would break programs that were compiled for ``old``; empty when nothing would."""
    command = ["abidiff", "--no-added-syms", "--no-show-locs", str(old), str(new)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode & (_FAILED | _USAGE):
        raise ToolError(f"{' '.join(command)} failed: {result.stdout}{result.stderr}")
    # A change that abidiff calls compatible it cannot be sure of; for an interface this small a person looks at each.
    return result.stdout if result.returncode & (_CHANGED | _INCOMPATIBLE) else ""


def check(library: Path, baseline: Path = BASELINE) -> str:
    """As :func:`compare`, for a library."""
    with tempfile.TemporaryDirectory() as directory:
        new = Path(directory) / "new.abi"
        new.write_text(interface(library), encoding="utf-8")
        return compare(baseline, new)


def main(arguments: list[str]) -> int:
    write = arguments[:1] == ["--write"]
    if len(arguments) != 1 + write:
        print(__doc__, file=sys.stderr)
        return 2
    library = Path(arguments[-1])
    try:
        if write:
            BASELINE.write_text(interface(library), encoding="utf-8")
            print(f"{BASELINE.relative_to(ROOT)}: {BASELINE.stat().st_size} bytes")
            return 0
        difference = check(library)
    except ToolError as error:
        print(error, file=sys.stderr)
        return 2
    print(difference, end="", file=sys.stderr)
    return int(bool(difference))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
