"""What `make install-c` installs is what a C program finds: by pkg-config, by CMake, shared and static."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "abi_calls.c"
FLAGS = ["-std=c99", "-D_XOPEN_SOURCE=700", "-D_DEFAULT_SOURCE"]
VERSION = re.search(r'^version = "(.*)"', (ROOT / "rust-ffi/Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]
ABI = re.search(r"#define EQ_ABI_VERSION (\d+)", (ROOT / "include/edgequake.h").read_text(encoding="utf-8"))[1]

needs_elf = pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files, which are Linux's")


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: object, **environment: str) -> str:
    result = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def dynamic(binary: Path, tag: str) -> list[str]:
    return re.findall(rf"\({tag}\).*\[(.*)\]", run(tool("readelf"), "--dynamic", "--wide", binary))


def pkg_config(prefix: Path, *options: str) -> list[str]:
    return run(tool("pkg-config"), *options, "edgequake", PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig")).split()


def test_the_files(installed: Path) -> None:
    files = {str(path.relative_to(installed)) for path in installed.rglob("*") if not path.is_dir()}
    shared = {name for name in files if re.search(r"\.so|\.dylib", name)}
    assert len(shared) == 3
    assert files - shared == {
        "include/edgequake.h",
        "lib/libedgequake.a",
        "lib/pkgconfig/edgequake.pc",
        "share/cmake/edgequake/edgequake-config.cmake",
        "share/cmake/edgequake/edgequake-config-version.cmake",
        "share/cmake/edgequake/edgequake-installed.cmake",
    }
    assert (installed / "include/edgequake.h").read_bytes() == (ROOT / "include/edgequake.h").read_bytes()


@needs_elf
def test_the_name_that_programs_load_ends_with_the_number_of_the_interface(installed: Path) -> None:
    name = f"libedgequake.so.{ABI}"
    assert dynamic(installed / "lib/libedgequake.so", "SONAME") == [name]
    assert (installed / "lib" / name).exists()


@needs_elf
def test_the_library_of_the_package_has_a_name_too_and_another_one(library: Path) -> None:
    """Without one the linker would write the path of this build into every program."""
    assert dynamic(library, "SONAME") == ["libedgequake_ffi.so"]


@needs_elf
def test_unloading_leaves_either_library_where_it_is(installed: Path, library: Path) -> None:
    """Its threads run on after `dlclose`."""
    for file in (installed / "lib/libedgequake.so", library):
        assert re.search(r"FLAGS_1\).*\bNODELETE\b", run(tool("readelf"), "--dynamic", "--wide", file)), file


def test_the_installation_names_its_files(installed: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_again = [sys.executable, ROOT / "ci/install_c.py", "--profile", "dev", "--prefix", installed]
    _, mark, listed = run(*run_again).partition("installed:\n")
    assert mark
    files = {str(path) for path in installed.rglob("*") if not path.is_dir()}
    assert {line.strip() for line in listed.splitlines()} == files


def test_pkg_config_shared(installed: Path, tmp_path: Path) -> None:
    assert pkg_config(installed, "--modversion") == [VERSION]
    program = tmp_path / "program"
    flags = pkg_config(installed, "--cflags", "--libs")
    run(tool("cc"), *FLAGS, PROGRAM, "-o", program, *flags, f"-Wl,-rpath,{installed / 'lib'}", "-lpthread")
    assert "ok " in run(program)
    if sys.platform == "linux":
        assert f"libedgequake.so.{ABI}" in dynamic(program, "NEEDED")


def test_pkg_config_static(installed: Path, tmp_path: Path) -> None:
    """The archive alone: what it needs of the system is what Libs.private says, and nothing is left to load."""
    libraries = pkg_config(installed, "--static", "--libs")
    assert "-ledgequake" in libraries
    archive = [str(installed / "lib/libedgequake.a") if part == "-ledgequake" else part for part in libraries]
    program = tmp_path / "program"
    run(tool("cc"), *FLAGS, *pkg_config(installed, "--cflags"), PROGRAM, "-o", program, *archive)
    assert "ok " in run(program)
    if sys.platform == "linux":
        assert not [name for name in dynamic(program, "NEEDED") if "edgequake" in name]


def configure(prefix: Path, build: Path, wanted: str) -> subprocess.CompletedProcess[str]:
    command = [tool("cmake"), "-S", HERE / "cmake", "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}"]
    command += [f"-DPROGRAM={PROGRAM}", f"-DWANTED={wanted}"]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False)


def test_cmake(installed: Path, tmp_path: Path) -> None:
    # Moved as a whole, as a package manager or a container does.
    moved = tmp_path / "moved"
    shutil.copytree(installed, moved, symlinks=True)
    major = VERSION.partition(".")[0]
    result = configure(moved, tmp_path / "build", f"{major}.0")
    assert result.returncode == 0, result.stderr
    assert f"edgequake {VERSION}" in result.stdout
    run(tool("cmake"), "--build", tmp_path / "build")
    for kind in ("edgequake", "static"):
        assert "ok " in run(tmp_path / "build" / f"with_{kind}")
    if sys.platform == "linux":
        assert f"libedgequake.so.{ABI}" in dynamic(tmp_path / "build/with_edgequake", "NEEDED")
        assert not [name for name in dynamic(tmp_path / "build/with_static", "NEEDED") if "edgequake" in name]


@pytest.mark.parametrize("wanted", ["99.0", "0.1"])
def test_cmake_refuses_another_release(installed: Path, tmp_path: Path, wanted: str) -> None:
    result = configure(installed, tmp_path, wanted)
    assert result.returncode != 0
    assert VERSION in result.stderr
    assert "requested version" in result.stderr


def test_cmake_says_that_the_library_is_missing(installed: Path, tmp_path: Path) -> None:
    half = tmp_path / "half"
    shutil.copytree(installed / "share", half / "share")
    result = configure(half, tmp_path / "build", "")
    assert result.returncode != 0
    assert "no library edgequake" in result.stderr


def test_a_staged_installation_records_the_final_place(tmp_path: Path, installed: Path) -> None:
    """DESTDIR, as packagers use it; what was built for `installed` is used again."""
    command = [sys.executable, ROOT / "ci/install_c.py", "--profile", "dev", "--prefix", "/usr", "--libdir", "lib64"]
    run(*command, "--destdir", tmp_path)
    text = (tmp_path / "usr/lib64/pkgconfig/edgequake.pc").read_text(encoding="utf-8")
    assert "prefix=/usr\n" in text
    assert "libdir=${prefix}/lib64\n" in text
    assert str(tmp_path) not in text
    assert (tmp_path / "usr/lib64/libedgequake.a").stat().st_size == (installed / "lib/libedgequake.a").stat().st_size
