"""Who is measured: their packages, what they lack, and the virtual environment that each gets to itself."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Callable, Optional

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
VENVS = HERE / ".venvs"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "rust-ffi" / "target"))

ASYNC_CALLS = ("acall_1", "acall_50", "acall_200")
OTHER_PROTOCOLS = tuple(
    f"{metric}_{protocol}" for protocol in ("anthropic", "gemini") for metric in ("call", "stream", "astream")
)
ASYNC_STREAMS = ("astream", "astream_obfuscated", "astream_chunkwise", "astream_paced", "afirst_chunk")

NO_SYNC = "no synchronous API"
NO_SYNC_STREAM = "no synchronous streaming"
NO_ASYNC = "no asynchronous API"
# Its chunks come when the last has been read: a time to the first, or a price of waking up for each, it does not have.
NOT_STREAMING = "collects the whole stream first"
NO_ADDRESS = "its embeddings go to OpenAI whatever the address"
NOT_PYTHON = "not a Python package"
FLOOR_ONLY = "not part of the floor"
NO_ROUTER = "no router in Python"
ROUTER = ("route", "choose")
NO_CACHE = "no cache of answers"
CACHE = ("call_cached", "acall_cached")
OPENAI_ONLY = "measured with OpenAI's protocol only"


@dataclass(frozen=True)
class Contender:
    name: str
    label: str
    # A file of contenders/, or "" for the Rust program.
    adapter: str
    # What `import` statement loads it.
    imports: str = ""
    # What pip installs, or "" where there is nothing to install.
    requirement: str = ""
    # The distribution whose version is reported and the folder whose shared library is weighed.
    package: str = ""
    # Metric -> why it has none.
    lacks: dict[str, str] = field(default_factory=dict)
    # What its cache needs that pip does not bring with it; it goes into a second venv, so that nothing else is measured with it.
    needed_by_cache: tuple[str, ...] = ()

    @property
    def venv(self) -> Path:
        return VENVS / self.name

    @property
    def cache_venv(self) -> Path:
        return VENVS / f"{self.name}-cache" if self.needed_by_cache else self.venv

    def python(self, job: str) -> Path:
        venv = self.cache_venv if job in CACHE else self.venv
        return venv / "bin" / "python" if self.requirement else Path(sys.executable)

    def command(self, job: str) -> list[str]:
        if not self.adapter:
            return [str(TARGET / "release" / "reqwest_loop")]
        return [str(self.python(job)), str(HERE / "worker.py")]


def lacking(reason: str, *metrics: str) -> dict[str, str]:
    return dict.fromkeys(metrics, reason)


OURS = "edgequake-litellm"
LITELLM = "litellm"
LITER_LLM = "liter-llm"
PYO3 = "edgequake-litellm-pyo3"
STDLIB = "http.client"
FLOOR = "reqwest"

# Exact versions: a benchmark that measures something else next month cannot be compared with itself.
CONTENDERS = [
    Contender(OURS, "edgequake-litellm", "litellm_api", "edgequake_litellm", "dist/*.whl", "edgequake-litellm"),
    Contender(
        LITER_LLM,
        "liter-llm",
        "liter_llm_api",
        "liter_llm",
        "liter-llm==2.4.0",
        "liter-llm",
        {
            **lacking(NO_SYNC, "call", "call_cached", "stream", "first_chunk", "embed"),
            **lacking(OPENAI_ONLY, *OTHER_PROTOCOLS),
            **lacking(NO_ROUTER, *ROUTER),
        },
    ),
    Contender(
        PYO3,
        "edgequake-litellm (PyO3)",
        "pyo3_api",
        "edgequake_litellm",
        "edgequake-litellm==0.10.4",
        "edgequake-litellm",
        {
            **lacking(NO_SYNC_STREAM, "stream", "first_chunk"),
            **lacking(NOT_STREAMING, "astream_paced", "afirst_chunk"),
            **lacking(NO_ADDRESS, "embed"),
            **lacking(OPENAI_ONLY, *OTHER_PROTOCOLS),
            **lacking(NO_ROUTER, *ROUTER),
            **lacking(NO_CACHE, *CACHE),
        },
    ),
    Contender(
        *("openai", "openai", "openai_api", "openai", "openai==2.54.0", "openai"),
        lacks={
            **lacking(OPENAI_ONLY, *OTHER_PROTOCOLS),
            **lacking(NO_ROUTER, *ROUTER),
            **lacking(NO_CACHE, *CACHE),
        },
    ),
    Contender(
        *(LITELLM, "litellm", "litellm_api", "litellm", "litellm==1.106.2", "litellm"),
        # Without them a hit of its cache raises ModuleNotFoundError.
        needed_by_cache=("fastapi==0.165.0", "orjson==3.13.0", "soundfile==0.14.0"),
    ),
    Contender(
        STDLIB,
        "http.client + json",
        "http_client",
        "http.client, json",
        lacks={
            **lacking(NO_ASYNC, *ASYNC_CALLS, *ASYNC_STREAMS, "astream_anthropic", "astream_gemini", "memory"),
            **lacking(NO_ROUTER, *ROUTER),
            **lacking(NO_CACHE, *CACHE),
        },
    ),
    Contender(
        FLOOR,
        "bare reqwest (Rust)",
        "",
        lacks={
            **lacking(NOT_PYTHON, "import", "cold", "stream", "first_chunk"),
            **lacking(FLOOR_ONLY, "embed", *OTHER_PROTOCOLS),
            **lacking(NO_ROUTER, *ROUTER),
            **lacking(NO_CACHE, *CACHE),
        },
    ),
]


def prepare(contender: Contender, say: Callable[[str], None]) -> Optional[str]:
    """Makes the contender ready to run; why it cannot be, or None."""
    if not contender.requirement:
        return None
    wanted, source = contender.requirement, contender.requirement
    if contender.name == OURS:
        wheel = shipped_wheel(say)
        wanted, source = hashlib.sha256(wheel.read_bytes()).hexdigest(), str(wheel)
    problem = install(contender.venv, wanted, [source], say)
    if contender.needed_by_cache and not problem:
        requirements = [source, *contender.needed_by_cache]
        without = install(contender.cache_venv, " ".join([wanted, *contender.needed_by_cache]), requirements, say)
        if without:
            say(f"what the cache of {contender.name} needs {without}; its measurements will fail, the others will not")
    return problem


def install(venv: Path, wanted: str, requirements: list[str], say: Callable[[str], None]) -> Optional[str]:
    """Installs into a new venv, unless `wanted` says what it has already; why it cannot, or None."""
    # Written last, so that a venv whose installation broke off is made anew.
    mark = venv / "installed"
    if mark.is_file() and mark.read_text() == wanted:
        return None
    say(f"installing into {venv.relative_to(REPOSITORY)} …")
    try:
        shutil.rmtree(venv, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(venv)])
        pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, *requirements])
    except subprocess.CalledProcessError as error:
        return f"could not be installed: {last_line(error.output)}"
    mark.write_text(wanted)
    return None


def shipped_wheel(say: Callable[[str], None]) -> Path:
    """The wheel that `make wheel` has made: what a user downloads is what is measured, with the library linked as it is shipped."""
    wheels = sorted((REPOSITORY / "dist").glob("edgequake_litellm-*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        raise SystemExit("there is no wheel of this package in dist/: `make wheel` builds it")
    newest = max(sources(), key=lambda path: path.stat().st_mtime)
    if newest.stat().st_mtime > wheels[-1].stat().st_mtime:
        say(f"WARNING: {newest.relative_to(REPOSITORY)} is newer than {wheels[-1].name}; `make wheel` builds it anew.")
    return wheels[-1]


def build_rust(say: Callable[[str], None]) -> None:
    """Compiles the server and the bare reqwest loop, beside the library so that they share what cargo has compiled."""
    say("compiling benchmarks/rust …")
    cargo = [os.environ.get("CARGO", "cargo"), "build", "--release", "--locked", "--quiet"]
    try:
        run([*cargo, "--manifest-path", str(HERE / "rust" / "Cargo.toml")], CARGO_TARGET_DIR=str(TARGET))
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"benchmarks/rust does not compile:\n{error.output}") from None


def environment(**variables: str) -> dict[str, str]:
    """This process' environment, without what would put another package or library in the place of the installed one."""
    own = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "EDGEQUAKE_LIBRARY")}
    return {**own, **variables}


def run(command: list[str], **variables: str) -> None:
    subprocess.run(
        command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(**variables)
    )


def last_line(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"


SOURCES = {".py", ".rs", ".h", ".json", ".symbols"}
BUILD_FILES = ("setup.py", "pyproject.toml", "build_ffi.py", "rust-ffi/Cargo.toml", "rust-ffi/Cargo.lock")


def sources() -> list[Path]:
    """The files that a wheel is made of, but for the one that the build writes itself."""
    folders = [REPOSITORY / name for name in ("edgequake_litellm", "rust-ffi/src", "rust-ffi/data", "include")]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in SOURCES]
    return [REPOSITORY / name for name in BUILD_FILES] + [path for path in files if path.name != "_cffi.py"]


def version(contender: Contender) -> str:
    if not contender.package:
        return ""
    return next(iter(metadata.distributions(name=contender.package, path=[str(site_packages(contender))]))).version


def sizes(contender: Contender) -> dict[str, float]:
    """Bytes of the contender's own shared library, stripped, and of all that its installation brought."""
    if not contender.requirement:
        return {}
    site = site_packages(contender)
    folder = site / contender.package.replace("-", "_")
    libraries = [path for path in folder.rglob("*") if path.suffix in {".so", ".dylib", ".pyd", ".dll"}]
    # What venv itself put there is no contender's.
    venv_own = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")
    installed = [
        path
        for entry in site.iterdir()
        if not entry.name.startswith(venv_own)
        for path in ([entry] if entry.is_file() else entry.rglob("*"))
        if path.is_file()
    ]
    result = {"installed_bytes": float(sum(path.stat().st_size for path in installed))}
    if libraries:
        result["library_bytes"] = float(sum(stripped_size(path) for path in libraries))
    return result


def stripped_size(library: Path) -> int:
    strip = shutil.which("strip")
    if not strip:
        return library.stat().st_size
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / library.name
        shutil.copy(library, copy)
        # `-x` is what both GNU's and Apple's strip accept for a shared library.
        subprocess.run([strip, "-x", str(copy)], check=False, capture_output=True)
        return min(copy.stat().st_size, library.stat().st_size)


def site_packages(contender: Contender) -> Path:
    (site,) = contender.venv.glob("lib/python*/site-packages")
    return site
