"""How each client of examples/ is built and started."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES, INCLUDE, CACHE, BUILD = ROOT / "examples", ROOT / "include", ROOT / ".cache", ROOT / "build" / "languages"


class Missing(Exception):
    """Something that a client needs is not on this machine; the text says what, and where it comes from."""


class Failed(Exception):
    """A client did not build."""


def run(command: Sequence[object], cwd: Path = ROOT, **environment: object) -> str:
    """Runs a step of a build and returns what it printed; a failure shows it."""
    words = [str(word) for word in command]
    env = {**os.environ, **{name: str(value) for name, value in environment.items()}}
    # Where the library is built is no business of the example's cargo.
    env.pop("CARGO_BUILD_BUILD_DIR", None)
    done = subprocess.run(
        words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    printed = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise Failed(f"{' '.join(words)} (exit status {done.returncode})\n{printed}")
    return printed


def need(program: str, where: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise Missing(f"{program} is not on the PATH (on Debian: apt install {where})")
    return found


def need_header(compiler: str, header: str, where: str) -> None:
    check = subprocess.run(
        [*compiler.split(), "-E", "-"], input=f"#include <{header}>\n".encode(), capture_output=True, check=False
    )
    if check.returncode != 0:
        raise Missing(f"{compiler} does not find <{header}> (on Debian: apt install {where})")


def c(library: Path) -> List[str]:
    compiler = os.environ.get("CC", "cc")
    need(compiler.split()[0], "gcc")
    need("make", "make")
    need_header(compiler, "cjson/cJSON.h", "libcjson-dev")
    run(["make", "-C", EXAMPLES / "c", f"CC={compiler}", f"LIBRARY={library}", f"OUT={BUILD}/c", "transcript"])
    return [str(BUILD / "c/transcript")]


def cpp(library: Path) -> List[str]:
    compiler = os.environ.get("CXX", "c++")
    need(compiler.split()[0], "g++")
    need("make", "make")
    need_header(f"{compiler} -x c++", "nlohmann/json.hpp", "nlohmann-json3-dev")
    run(["make", "-C", EXAMPLES / "cpp", f"CXX={compiler}", f"LIBRARY={library}", f"OUT={BUILD}/cpp"])
    return [str(BUILD / "cpp/transcript")]


def go_environment(library: Path) -> Dict[str, object]:
    """What makes Go's tools find the library, as they would find an installed one."""
    # In place of the file of an installed library, for the one that is built here.
    (BUILD / "go").mkdir(parents=True, exist_ok=True)
    (BUILD / "go/edgequake.pc").write_text(
        f"Name: edgequake\nDescription: as it is built here\nVersion: 0\nCflags: -I{INCLUDE}\n"
        f"Libs: -L{library.parent} -Wl,-rpath,{library.parent} -ledgequake_ffi\n"
    )
    return {
        "CGO_ENABLED": 1,
        "PKG_CONFIG_PATH": BUILD / "go",
        "GOCACHE": CACHE / "go",
        # Whatever Go is there: another one would have to be downloaded.
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "",
    }


def go(library: Path) -> List[str]:
    need("go", "golang-go")
    need("cc", "gcc")
    need("pkg-config", "pkg-config")
    folder, environment = EXAMPLES / "go", go_environment(library)
    run(["go", "vet", "./..."], folder, **environment)
    run(["go", "build", "-o", BUILD / "go/transcript", "."], folder, **environment)
    run(["go", "build", "-o", BUILD / "go/router", "./router"], folder, **environment)
    return [str(BUILD / "go/transcript")]


def node_packages() -> Path:
    """The folder of the client for Node.js, with the packages that it is built of."""
    need("node", "nodejs")
    need("npm", "npm")
    version = run(["node", "--version"]).strip()
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers < (20, 15):
        raise Missing(f"node is {version}; the client is for 20.15 and later")
    folder = EXAMPLES / "node"
    wanted, installed = folder / "package-lock.json", folder / "node_modules/.package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
        run(["npm", "ci", "--no-audit", "--no-fund", "--cache", CACHE / "npm"], folder)
    return folder


def node(library: Path) -> List[str]:
    folder = node_packages()
    run(["npm", "run", "build"], folder)
    return ["node", str(folder / "dist/transcript.js")]


def rust(library: Path) -> List[str]:
    need("cargo", "cargo, or see https://rustup.rs")
    folder, target = EXAMPLES / "rust", CACHE / "languages/rust"
    run(["cargo", "build", "--locked"], folder, CARGO_TARGET_DIR=target)
    return [str(target / "debug/edgequake-example")]


def jdks() -> Dict[Path, int]:
    """The JDKs of this machine and their versions, oldest first."""
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("javac")
    if on_path is not None:
        homes.append(Path(on_path).resolve().parent.parent)
    # Where the packages of Linux distributions put them.
    homes += sorted(Path("/usr/lib/jvm").glob("*"))
    found = {}
    for home in homes:
        if (home / "bin/javac").exists():
            version = re.search(r"javac (\d+)", run([home / "bin/javac", "-version"]))
            if version is not None:
                found[home.resolve()] = int(version[1])
    return dict(sorted(found.items(), key=lambda item: item[1]))


def java(module: str, main: str, least: int) -> List[str]:
    need("mvn", "maven")
    found = jdks()
    fit = [home for home, version in found.items() if version >= least]
    if not fit:
        versions = ", ".join(map(str, found.values())) or "none"
        raise Missing(f"a JDK {least} or later is needed; this machine has {versions} (JAVA_HOME may name one)")
    folder = EXAMPLES / "java"
    # By the newest, which builds for the others too; the oldest that fits runs the result.
    run(
        ["mvn", "-q", "-B", f"-Dmaven.repo.local={CACHE / 'maven'}", "process-classes"],
        folder,
        JAVA_HOME=list(found)[-1],
    )
    path = [folder / part / "target" / what for part in (module, "common") for what in ("classes", "dependency/*")]
    # Newer versions write a warning where a program does not say that it calls native code.
    native = ["--enable-native-access=ALL-UNNAMED"] if found[fit[0]] >= 22 else []
    return [str(fit[0] / "bin/java"), *native, "-cp", os.pathsep.join(map(str, path)), main]


def jna(library: Path) -> List[str]:
    return java("jna", "edgequake.JnaClient", 17)


def ffm(library: Path) -> List[str]:
    return java("ffm", "edgequake.FfmClient", 22)


def python(library: Path) -> List[str]:
    return [sys.executable, str(EXAMPLES / "python/transcript.py")]


@dataclass(frozen=True)
class Client:
    """A row of the README's table."""

    name: str
    folder: str
    build: Callable[[Path], List[str]]
    """Builds against a library and returns the command that runs the transcript."""
    optional: bool = False
    """Whether a machine may lack what it needs also where every client is asked for."""


CLIENTS = [
    Client("C", "c", c),
    Client("C++17", "cpp", cpp),
    Client("Go", "go", go),
    Client("Rust", "rust", rust),
    Client("Java 17", "java/jna", jna),
    # Debian 12 has no such JDK.
    Client("Java 22", "java/ffm", ffm, optional=True),
    Client("TypeScript, Node.js", "node", node),
    Client("Python, standard library only", "python", python),
]


def environment(library: Path) -> Dict[str, str]:
    """What a program is started with: nothing that could send it anywhere but to the address that it is given."""
    kept = {name: value for name, value in os.environ.items() if not re.search(r"_(API_KEY|API_BASE|BASE_URL)$", name)}
    return {**kept, "EDGEQUAKE_LIBRARY": str(library)}


def named(name: str) -> Optional[Client]:
    return next((client for client in CLIENTS if client.folder == name), None)
