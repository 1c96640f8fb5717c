"""Checks a wheel of the package: its tag, its files against an allow-list, its size, and the library in it.

Usage: ``python ci/check_wheel.py WHEEL``. A file that is not on the list is either a mistake of the build (a test, a
second library, a machine's path) or belongs on the list. The library must be bound to no Python, need nothing but what
every system of its platform has, and export the names of ``include/edgequake.symbols``; reading it needs ``lief``.
"""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import lief

SYMBOLS = Path(__file__).resolve().parent.parent / "include" / "edgequake.symbols"

# The budgets, from the design: a wheel must stay easy to ship in a function or a container.
WHEEL_LIMIT = 8 * 1024 * 1024
LIBRARY_LIMIT = 16 * 1024 * 1024

ALLOWED = [
    re.compile(pattern)
    for pattern in (
        r"edgequake_litellm/(?:[a-z_0-9]+/)*[a-z_0-9]+\.py",
        # PyInstaller finds hooks by this name.
        r"edgequake_litellm/_pyinstaller/hook-edgequake_litellm\.py",
        r"edgequake_litellm/py\.typed",
        r"edgequake_litellm/_native/(?:libedgequake_ffi\.(?:so|dylib)|edgequake_ffi\.dll)",
        r"edgequake_litellm-[^/]+\.dist-info/(?:METADATA|WHEEL|RECORD|top_level\.txt|entry_points\.txt|licenses/LICENSE)",
    )
]
REQUIRED = (
    "edgequake_litellm/__init__.py",
    "edgequake_litellm/py.typed",
    "edgequake_litellm/_native/_cffi.py",
)
NAME = re.compile(r"edgequake_litellm-[^-]+-py3-none-(?!any)([a-z0-9_.]+)\.whl")

# What a library of a wheel may need, by the beginning of the platform's tag. manylinux: PEP 600 has a longer list, and
# not even libgcc_s is needed. macOS and Windows: what belongs to the system, and no runtime of a compiler.
NEEDED = {
    "manylinux": r"lib(?:c|m|dl|rt|pthread|gcc_s)\.so\.\d+|ld-linux-[a-z0-9-]+\.so\.\d",
    "linux": r"lib(?:c|m|dl|rt|pthread|gcc_s)\.so\.\d+|ld-linux-[a-z0-9-]+\.so\.\d",
    "musllinux": r"libc(?:\.musl-[a-z0-9_]+)?\.so(?:\.1)?|libgcc_s\.so\.1",
    "macosx": r"/usr/lib/.*|/System/Library/Frameworks/.*",
    "win": r"(?i:(?:api-ms-win-|ext-ms-win-).*|(?:kernel32|ntdll|advapi32|bcrypt|bcryptprimitives|crypt32|ncrypt|secur32"
    r"|user32|userenv|ws2_32|iphlpapi|ole32|oleaut32|shell32|synchronization|msvcrt|ucrtbase)(?:\.dll))",
}
# What an extension module uses of Python; the library is none, or it would serve one Python only.
PYTHON_SYMBOL = re.compile(r"_?_?Py[A-Z_][A-Za-z0-9_]*")
PYTHON_LIBRARY = re.compile(r"(?:lib)?python\d.*|.*Python\.framework.*", re.IGNORECASE)


def faults(path: Path) -> list[str]:
    """What is wrong with a wheel as a package, as sentences; empty when nothing is."""
    found = []
    if not NAME.fullmatch(path.name):
        found.append(f"{path.name} is not edgequake_litellm-<version>-py3-none-<platform>.whl")
    if path.stat().st_size > WHEEL_LIMIT:
        found.append(f"the wheel has {path.stat().st_size / 1e6:.1f} MB; the limit is {WHEEL_LIMIT / 1e6:.1f} MB")
    with zipfile.ZipFile(path) as wheel:
        infos = {info.filename: info for info in wheel.infolist() if not info.is_dir()}
        metadata = next((name for name in infos if name.endswith(".dist-info/WHEEL")), None)
        tags = wheel.read(metadata).decode() if metadata else ""
    if "Root-Is-Purelib: false" not in tags:
        found.append("the wheel says that it is pure Python: it would be installed on every platform")
    found += [f"{name} does not belong in the wheel" for name in infos if not any(p.fullmatch(name) for p in ALLOWED)]
    found += [f"{name} is missing" for name in REQUIRED if name not in infos]
    libraries = [info for info in infos.values() if is_library(info.filename)]
    if len(libraries) != 1:
        found.append(f"there are {len(libraries)} libraries in the wheel, not one")
    found += [
        f"{info.filename} has {info.file_size / 1e6:.1f} MB; the limit is {LIBRARY_LIMIT / 1e6:.1f} MB"
        for info in libraries
        if info.file_size > LIBRARY_LIMIT
    ]
    return found


def is_library(name: str) -> bool:
    return name.endswith((".so", ".dylib", ".dll"))


def library_faults(path: Path) -> list[str]:
    """What is wrong with the library of a wheel, as sentences; empty when nothing is."""
    import lief

    match = NAME.fullmatch(path.name)
    platforms = match.group(1).split(".") if match else []
    found = []
    with zipfile.ZipFile(path) as wheel:
        for name in filter(is_library, wheel.namelist()):
            library = lief.parse(wheel.read(name))
            if library is None:
                found.append(f"{name} is no library that lief can read")
                continue
            for platform in platforms:
                found += [f"{name}: {fault}" for fault in binary_faults(library, platform)]
    return list(dict.fromkeys(found))


def binary_faults(library: lief.Binary, platform: str) -> list[str]:
    """What is wrong with a library on the platform of a tag (``manylinux_2_17_x86_64``), as sentences."""
    import lief

    # A Mach-O symbol has C's underscore before its name.
    underscore = "_" if isinstance(library, lief.MachO.Binary) else ""
    exported = {function.name.removeprefix(underscore) for function in library.exported_functions}
    imported = {function.name.removeprefix(underscore) for function in library.imported_functions}
    if isinstance(library, lief.ELF.Binary):
        exported = {symbol.name for symbol in library.exported_symbols}
        # Also those that have no type, as where no library that is linked has them.
        imported = {symbol.name for symbol in library.dynamic_symbols if symbol.shndx == 0}
    if isinstance(library, lief.MachO.Binary):
        imported |= {symbol.name.removeprefix(underscore) for symbol in library.imported_symbols}
    needed = {entry if isinstance(entry, str) else entry.name for entry in library.libraries}
    if isinstance(library, lief.MachO.Binary):
        # A dynamic library lists its own name first.
        needed -= {
            command.name for command in library.commands if command.command == lief.MachO.LoadCommand.TYPE.ID_DYLIB
        }

    found = []
    expected = set(SYMBOLS.read_text(encoding="ascii").split())
    found += [f"it exports {name}, which is not in {SYMBOLS.name}" for name in sorted(exported - expected)]
    found += [f"it does not export {name}" for name in sorted(expected - exported)]
    found += [f"it needs {name} of Python" for name in sorted(imported) if PYTHON_SYMBOL.fullmatch(name)]
    for name in sorted(needed):
        allowed = next((pattern for start, pattern in NEEDED.items() if platform.startswith(start)), None)
        if PYTHON_LIBRARY.fullmatch(name) or allowed is None or not re.fullmatch(allowed, name):
            found.append(f"it needs {name}, which not every system of {platform} has")
    if isinstance(library, lief.ELF.Binary):
        found += glibc_faults(library, platform)
    return found


def glibc_faults(library: lief.ELF.Binary, platform: str) -> list[str]:
    """The versions of glibc's symbols that are newer than the tag's glibc (PEP 600)."""
    versions = {
        auxiliary.name
        for requirement in library.symbols_version_requirement
        for auxiliary in requirement.get_auxiliary_symbols()
        if auxiliary.name.startswith("GLIBC_")
    }
    legacy = {"manylinux1_": "2_5_", "manylinux2010_": "2_12_", "manylinux2014_": "2_17_"}
    for name, version in legacy.items():
        platform = platform.replace(name, f"manylinux_{version}")
    match = re.match(r"manylinux_(\d+)_(\d+)_", platform)
    if match is None:
        return [f"it needs glibc, which {platform} has not"] if versions and platform.startswith("musllinux") else []
    limit = (int(match.group(1)), int(match.group(2)))
    numbers = {name: tuple(int(part) for part in re.findall(r"\d+", name)) for name in versions}
    return [
        f"it needs {name}, and {platform} has glibc {limit[0]}.{limit[1]}"
        for name, number in sorted(numbers.items(), key=lambda item: item[1])
        if number[:2] > limit
    ]


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
        for fault in faults(path) + library_faults(path):
            failed = True
            print(f"  wrong: {fault}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
