"""Checks a wheel of the package: its tag, its files against an allow-list, and its size.

Usage: ``python ci/check_wheel.py WHEEL``. A file that is not on the list is either a mistake of the build (a test, a
second library, a machine's path) or belongs on the list.
"""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

# The budget for the stripped library, from the design: a wheel must stay easy to ship in a function or a container.
LIBRARY_LIMIT = 16 * 1024 * 1024

ALLOWED = [
    re.compile(pattern)
    for pattern in (
        r"edgequake_litellm/(?:[a-z_0-9]+/)*[a-z_0-9]+\.py",
        r"edgequake_litellm/py\.typed",
        r"edgequake_litellm/_native/(?:libedgequake_ffi\.(?:so|dylib)|edgequake_ffi\.dll)",
        r"edgequake_litellm-[^/]+\.dist-info/(?:METADATA|WHEEL|RECORD|top_level\.txt|licenses/LICENSE)",
    )
]
REQUIRED = (
    "edgequake_litellm/__init__.py",
    "edgequake_litellm/py.typed",
    "edgequake_litellm/_native/_cffi.py",
)
NAME = re.compile(r"edgequake_litellm-[^-]+-py3-none-(?!any)[a-z0-9_.]+\.whl")


def faults(path: Path) -> list[str]:
    """What is wrong with a wheel, as sentences; empty when nothing is."""
    found = []
    if not NAME.fullmatch(path.name):
        found.append(f"{path.name} is not edgequake_litellm-<version>-py3-none-<platform>.whl")
    with zipfile.ZipFile(path) as wheel:
        infos = {info.filename: info for info in wheel.infolist() if not info.is_dir()}
        metadata = next((name for name in infos if name.endswith(".dist-info/WHEEL")), None)
        tags = wheel.read(metadata).decode() if metadata else ""
    if "Root-Is-Purelib: false" not in tags:
        found.append("the wheel says that it is pure Python: it would be installed on every platform")
    found += [f"{name} does not belong in the wheel" for name in infos if not any(p.fullmatch(name) for p in ALLOWED)]
    found += [f"{name} is missing" for name in REQUIRED if name not in infos]
    libraries = [info for name, info in infos.items() if name.endswith((".so", ".dylib", ".dll"))]
    if len(libraries) != 1:
        found.append(f"there are {len(libraries)} libraries in the wheel, not one")
    found += [
        f"{info.filename} has {info.file_size / 1e6:.1f} MB; the limit is {LIBRARY_LIMIT / 1e6:.1f} MB"
        for info in libraries
        if info.file_size > LIBRARY_LIMIT
    ]
    return found


def main(arguments: list[str]) -> int:
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    failed = False
    for path in map(Path, arguments):
        with zipfile.ZipFile(path) as wheel:
            infos = wheel.infolist()
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {len(infos)} files")
        for info in sorted(infos, key=lambda info: -info.file_size)[:3]:
            print(f"  {info.file_size / 1e6:6.2f} MB  {info.filename}")
        for fault in faults(path):
            failed = True
            print(f"  wrong: {fault}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
