"""Installs the library for C programs: header, shared and static library, pkg-config and CMake files.

``make install-c PREFIX=/usr/local`` calls it. The result is what ``cargo cinstall`` (the tool cargo-c) makes of the same
``[package.metadata.capi]`` of rust-ffi/Cargo.toml, file by file, so that packagers may use either; this needs nothing
but cargo, because building cargo-c takes several times as long as building the library.

    PREFIX/include/edgequake.h
    PREFIX/lib/libedgequake.so.1.0.0, and the links libedgequake.so.1 (what programs load) and libedgequake.so (what the linker reads)
    PREFIX/lib/libedgequake.a
    PREFIX/lib/pkgconfig/edgequake.pc
    PREFIX/share/cmake/edgequake/edgequake-config.cmake, and what it needs
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CRATE = ROOT / "rust-ffi"
MANIFEST = CRATE / "Cargo.toml"
CARGO = os.environ.get("CARGO", "cargo")


@dataclass
class Names:
    """What the files of the shared library are called."""

    real: str
    loaded: str
    linked: str
    link_arguments: list[str]


def names(platform: str, name: str, version: str, libdir: Path) -> Names:
    """The names on a platform (``sys.platform``), as cargo-c gives them. ``libdir`` is where programs will find it."""
    major, minor, patch = version.split(".")
    if platform == "darwin":
        loaded = f"lib{name}.{major}.dylib"
        argument = f"-Wl,-install_name,{libdir / loaded},-current_version,{version},-compatibility_version,{major}"
        return Names(
            f"lib{name}.{version}.dylib", loaded, f"lib{name}.dylib", [argument, "-Wl,-headerpad_max_install_names"]
        )
    loaded = f"lib{name}.so.{major}"
    return Names(f"lib{name}.so.{major}.{minor}.{patch}", loaded, f"lib{name}.so", [f"-Wl,-soname,{loaded}"])


def package() -> dict[str, Any]:
    """What cargo knows of the crate, and where it builds."""
    command = [CARGO, "metadata", "--no-deps", "--format-version=1", "--locked", "--manifest-path", str(MANIFEST)]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    found: dict[str, Any] = next(entry for entry in metadata["packages"] if entry["name"] == "edgequake-ffi")
    found["target_directory"] = metadata["target_directory"]
    # Cargo before 1.91 has one folder for both.
    found["build_directory"] = metadata.get("build_directory", metadata["target_directory"])
    return found


def build(crate: dict[str, Any], profile: str, link_arguments: list[str]) -> tuple[list[Path], list[str]]:
    """Builds both libraries; their files, and the system's libraries that the static one needs."""
    command = [CARGO, "rustc", "--lib", "--locked", "--manifest-path", str(MANIFEST), "--profile", profile]
    command += ["--features", "capi", "--crate-type", "cdylib,staticlib", "--message-format", "json"]
    # A folder of its own: the library of the Python package has the same file name, but another name inside.
    command += ["--target-dir", str(Path(crate["target_directory"]) / "capi"), "--"]
    command += [part for argument in link_arguments for part in ("-C", f"link-arg={argument}")]
    command += ["--print", "native-static-libs"]
    # The dependencies are those of every other build.
    environment = {**os.environ, "CARGO_BUILD_BUILD_DIR": crate["build_directory"]}
    result = subprocess.run(command, check=False, stdout=subprocess.PIPE, env=environment, encoding="utf-8")
    files: list[Path] = []
    libraries: list[str] = []
    for message in map(json.loads, result.stdout.splitlines()):
        if message["reason"] == "compiler-artifact" and message["target"]["name"] == "edgequake_ffi":
            files += map(Path, message["filenames"])
        elif message["reason"] == "compiler-message":
            mark, _, rest = message["message"]["message"].partition("native-static-libs:")
            if rest and not mark:
                libraries = rest.split()
            elif message["message"]["level"] in ("error", "warning"):
                print(message["message"]["rendered"], file=sys.stderr)
    if result.returncode:
        raise SystemExit(result.returncode)
    if not libraries:
        raise SystemExit("rustc did not say which libraries of the system the static library needs")
    return files, libraries


def pkg_config(crate: dict[str, Any], name: str, prefix: Path, libdir: str, private: list[str]) -> str:
    """The text of the .pc file."""
    return f"""prefix={prefix}
exec_prefix=${{prefix}}
libdir=${{prefix}}/{libdir}
includedir=${{prefix}}/include

Name: {crate["metadata"]["capi"]["pkg_config"]["name"]}
Description: {crate["description"]}
Version: {crate["version"]}
Libs: -L${{libdir}} -l{name}
Cflags: -I${{includedir}}
Libs.private: {" ".join(private)}
"""


def install(prefix: Path, destdir: str, libdir: str, profile: str) -> None:
    """Builds and installs. ``destdir`` is put before every path that is written, and into none that is recorded."""
    print("building the libraries: the first time this takes some minutes", flush=True)
    crate = package()
    capi = crate["metadata"]["capi"]
    name = capi["library"]["name"]
    shared = names(sys.platform, name, capi["library"]["version"], prefix / libdir)
    files, private = build(crate, profile, shared.link_arguments)

    root = Path(destdir + str(prefix)) if destdir else prefix
    libraries, include = root / libdir, root / "include"
    data = root / "share" / capi["install"]["data"]["asset"][0]["to"]
    for directory in (libraries / "pkgconfig", include, data):
        directory.mkdir(parents=True, exist_ok=True)

    for file in files:
        if file.suffix == ".a":
            shutil.copyfile(file, libraries / f"lib{name}.a")
        elif file.suffix in (".so", ".dylib"):
            # Removed first: a program that has the old one open keeps it.
            (libraries / shared.real).unlink(missing_ok=True)
            shutil.copy(file, libraries / shared.real)
    for link in (shared.loaded, shared.linked):
        (libraries / link).unlink(missing_ok=True)
        (libraries / link).symlink_to(shared.real)
    text = pkg_config(crate, name, prefix, libdir, private)
    (libraries / "pkgconfig" / "edgequake.pc").write_text(text, encoding="utf-8")
    shutil.copyfile(ROOT / "include/edgequake.h", include / "edgequake.h")
    for file in sorted((CRATE / "cmake").glob("*.cmake")):
        shutil.copyfile(file, data / file.name)
    made = [libraries / entry for entry in (shared.real, shared.loaded, shared.linked, f"lib{name}.a")]
    made += [libraries / "pkgconfig/edgequake.pc", include / "edgequake.h", *sorted(data.glob("*.cmake"))]
    print("\n".join(["installed:", *(f"  {path}" for path in made)]))


def main() -> int:
    parser = argparse.ArgumentParser(description="Install the library for C programs.")
    parser.add_argument("--prefix", type=Path, default=Path("/usr/local"), help="where programs will find it")
    parser.add_argument(
        "--libdir", default="lib", help="the libraries' folder under the prefix: lib, lib64, lib/x86_64-linux-gnu"
    )
    parser.add_argument("--destdir", default="", help="a folder to stage the installation in, for packagers")
    parser.add_argument("--profile", default="release", help="cargo's profile: release or dev")
    options = parser.parse_args()
    if sys.platform in ("win32", "cygwin"):
        parser.error("on Windows use cargo-c: cargo cinstall --manifest-path rust-ffi/Cargo.toml")
    if Path(options.libdir).is_absolute():
        parser.error("--libdir is relative to --prefix")
    install(Path(os.path.abspath(options.prefix)), options.destdir, options.libdir, options.profile)
    return 0


if __name__ == "__main__":
    sys.exit(main())
