"""The programs of examples/ in other languages, as their pages show them: each builds with its client, runs, and prints what is said.

What a language needs is found, or said to be missing, by `make languages`' own steps.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest

from edgequake_litellm import _native

from .blocks import BLOCKS, ROOT, Block

sys.path.insert(0, str(ROOT / "ci" / "languages"))
try:
    import clients
finally:
    sys.path.pop(0)

LIBRARY = Path(_native.library_path())


def cpp(source: str, folder: Path) -> list[str]:
    compiler = os.environ.get("CXX", "c++")
    clients.need(compiler.split()[0], "g++")
    (folder / "program.cpp").write_text(source, encoding="utf-8")
    flags = [
        "-std=c++17",
        "-Wall",
        "-Wextra",
        "-pedantic",
        "-Werror",
        f"-I{clients.EXAMPLES}/cpp",
        f"-I{clients.INCLUDE}",
    ]
    linking = [LIBRARY, f"-Wl,-rpath,{LIBRARY.parent}", "-lpthread"]
    clients.run([compiler, *flags, "-o", folder / "program", folder / "program.cpp", *linking])
    return [str(folder / "program")]


def go(source: str, folder: Path) -> list[str]:
    clients.need("go", "golang-go")
    clients.need("pkg-config", "pkg-config")
    shutil.copytree(clients.EXAMPLES / "go", folder / "go")
    (folder / "go/main.go").write_text(source, encoding="utf-8")
    environment = clients.go_environment(LIBRARY)
    clients.run(["go", "vet", "./..."], folder / "go", **environment)
    clients.run(["go", "build", "-o", folder / "program", "."], folder / "go", **environment)
    return [str(folder / "program")]


def rust(source: str, folder: Path) -> list[str]:
    clients.need("cargo", "cargo, or see https://rustup.rs")
    shutil.copytree(clients.EXAMPLES / "rust", folder / "rust", ignore=shutil.ignore_patterns("target"))
    (folder / "rust/src/main.rs").write_text(source, encoding="utf-8")
    # Dependencies are compiled once, for this and for the transcript; the program has a name of its own.
    manifest = folder / "rust/Cargo.toml"
    manifest.write_text(manifest.read_text().replace('version = "0.0.0"', 'version = "0.0.0"\nautobins = false', 1))
    with manifest.open("a", encoding="utf-8") as file:
        file.write('\n[[bin]]\nname = "page"\npath = "src/main.rs"\n')
    target = clients.CACHE / "languages/rust"
    clients.run(["cargo", "build", "--locked"], folder / "rust", CARGO_TARGET_DIR=target)
    return [str(target / "debug/page")]


def typescript(source: str, folder: Path) -> list[str]:
    home = clients.node_packages()
    for name in ("package.json", "tsconfig.json"):
        shutil.copy(home / name, folder)
    shutil.copytree(home / "src", folder / "src")
    (folder / "src/transcript.ts").unlink()
    (folder / "src/program.ts").write_text(source, encoding="utf-8")
    (folder / "node_modules").symlink_to(home / "node_modules")
    clients.run(["npm", "run", "build"], folder)
    return ["node", str(folder / "dist/program.js")]


def java(source: str, folder: Path) -> list[str]:
    *command, _ = clients.jna(LIBRARY)
    (folder / "Sea.java").write_text(source, encoding="utf-8")
    path = f"{command[-1]}{os.pathsep}{folder}"
    clients.run([Path(command[0]).with_name("javac"), "-Xlint:all", "-Werror", "-cp", path, folder / "Sea.java"])
    return [*command[:-1], path, "Sea"]


BUILDERS: dict[str, Callable[[str, Path], list[str]]] = {
    "cpp": cpp,
    "go": go,
    "java": java,
    "rust": rust,
    "typescript": typescript,
}
PROGRAMS = [block for block in BLOCKS if block.language in BUILDERS and block.reason is None]


@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_program(block: Block, environment: dict[str, str], tmp_path: Path) -> None:
    try:
        command = BUILDERS[block.language](block.source, tmp_path)
    except clients.Missing as missing:
        pytest.skip(str(missing))
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, block.output, "")
