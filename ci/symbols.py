"""The library's exported symbols against the committed list, include/edgequake.symbols.

``python ci/symbols.py LIBRARY`` compares the two; ``--write`` makes the list anew from the header. An exported name is
a promise to every program that links the library: one that appears by accident, or goes, must be seen by a person.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import build_ffi  # noqa: E402

LIST = ROOT / "include" / "edgequake.symbols"
_FUNCTION = re.compile(r"\b(eq_\w+)\s*\((?!\s*\*)")


def declared() -> list[str]:
    """The functions of the header, in alphabetical order."""
    text = build_ffi.declarations(build_ffi.HEADER.read_text(encoding="utf-8"))
    # In `typedef eq_action (*eq_event_fn)(…)` there is no function, hence the look at what follows the parenthesis.
    return sorted(set(_FUNCTION.findall(text)))


def listed() -> list[str]:
    """The committed list."""
    return LIST.read_text(encoding="ascii").split()


def exported(library: Path) -> list[str]:
    """The names that a dynamic linker finds in the library, in alphabetical order; needs ``nm``."""
    # macOS's nm knows no --dynamic, writes a leading underscore, and -g is what its dynamic linker sees.
    darwin = sys.platform == "darwin"
    options = ["-gU"] if darwin else ["--dynamic", "--defined-only"]
    table = subprocess.run(["nm", *options, str(library)], check=True, capture_output=True, text=True).stdout
    names = [line.split()[-1] for line in table.splitlines() if line.strip()]
    # A symbol's version (name@@VERSION) is no part of its name.
    return sorted(name.split("@")[0].removeprefix("_" if darwin else "") for name in names)


def main(arguments: list[str]) -> int:
    if arguments == ["--write"]:
        LIST.write_text("\n".join(declared()) + "\n", encoding="ascii")
        print(f"{LIST.relative_to(ROOT)}: {len(declared())} functions")
        return 0
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    found, expected = exported(Path(arguments[0])), listed()
    for name in sorted(set(found) - set(expected)):
        print(f"exported, but not in {LIST.name}: {name}", file=sys.stderr)
    for name in sorted(set(expected) - set(found)):
        print(f"in {LIST.name}, but not exported: {name}", file=sys.stderr)
    return int(found != expected)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
