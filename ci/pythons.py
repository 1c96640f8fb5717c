"""Runs the tests of the package on every Python of this machine, each with the wheel installed.

Usage: ``python ci/pythons.py WHEEL [NAME…]``, where a name is one of `NAMES`; without names, all that are there. A Python
that is named and not there is an error; without names it is only listed. Each gets a virtual environment of its own in
``.cache/pythons``, which is used again, and its output is in a file there.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "pythons"

# t: without the GIL.
NAMES = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.14t", "pypy3.9", "pypy3.10", "pypy3.11")

# Most of a run is waiting, for time limits that are tested and for processes that start.
AT_ONCE = 2
TIME_LIMIT = 20 * 60

IDENTITY = """
import ensurepip, sys, sysconfig, venv
name = "pypy" if sys.implementation.name == "pypy" else ""
free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
print("%s%d.%d%s" % (name, sys.version_info[0], sys.version_info[1], free))
"""


@dataclasses.dataclass
class Outcome:
    name: str
    passed: bool
    summary: str
    seconds: float
    log: Path


def interpreters() -> dict[str, Path]:
    """The Pythons of this machine that can make virtual environments: on the path, and those that pyenv has."""
    candidates = [shutil.which(name if name.startswith("pypy") else f"python{name}") for name in NAMES]
    candidates += [shutil.which("pypy3"), shutil.which("python3"), sys.executable]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    # Later releases first: the first that answers to a name is taken.
    candidates += [str(path) for path in sorted(pyenv.glob("*/bin/python"), reverse=True)]
    found: dict[str, Path] = {}
    for candidate in filter(None, candidates):
        # A shim of a version manager may stand for a Python that is not there, and Debian's come without venv.
        result = subprocess.run([candidate, "-c", IDENTITY], capture_output=True, text=True, check=False)
        name = result.stdout.strip()
        if result.returncode == 0 and name in NAMES:
            found.setdefault(name, Path(candidate))
    return found


def test(name: str, interpreter: Path, wheel: Path) -> Outcome:
    """Installs the wheel and what the tests need, and runs them all."""
    started = time.monotonic()
    directory, log = CACHE / name, CACHE / f"{name}.log"
    python = directory / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    environment = {
        **{
            key: value
            for key, value in os.environ.items()
            if key not in ("PYTHONPATH", "PYTHONHOME", "EDGEQUAKE_LIBRARY")
        },
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    with open(log, "w", encoding="utf-8") as output:

        def run(*command: object) -> bool:
            output.write("$ " + " ".join(map(str, command)) + "\n")
            output.flush()
            try:
                # Not in the source tree, whose package would hide the one of the wheel.
                done = subprocess.run(
                    [str(part) for part in command],
                    cwd=CACHE,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=TIME_LIMIT,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                output.write(f"stopped after {TIME_LIMIT} s\n")
                return False
            return done.returncode == 0

        passed = (
            (python.exists() or run(interpreter, "-m", "venv", directory))
            # A package is installed where its version is missing, but this version of ours may be an earlier build's.
            and run(python, "-m", "pip", "install", "--quiet", f"{wheel}[test]")
            and run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", wheel)
            and run(python, "-c", f"import edgequake_litellm as e; assert e.__file__.startswith({str(directory)!r})")
            and run(
                *(python, "-m", "pytest", "--config-file", ROOT / "pyproject.toml", "--rootdir", ROOT),
                *("-p", "no:cacheprovider", ROOT / "tests" / "python", ROOT / "tests" / "docs" / "test_programs.py"),
            )
        )
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return Outcome(name, passed, text[-1].strip("= ") if text else "", time.monotonic() - started, log)


def main(arguments: list[str]) -> int:
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    wheel, names = Path(arguments[0]).resolve(), arguments[1:]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no such Python: {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    CACHE.mkdir(parents=True, exist_ok=True)
    # A shell's background job ignores Ctrl-C and so does what it starts, but the tests press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    found = interpreters()
    absent = [name for name in names or NAMES if name not in found]
    if absent:
        print(f"not on this machine: {', '.join(absent)}", flush=True)
    chosen = [name for name in names or NAMES if name in found]
    failed = bool(absent) if names else not chosen
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for outcome in pool.map(lambda name: test(name, found[name], wheel), chosen):
            failed |= not outcome.passed
            mark = "passed" if outcome.passed else "FAILED"
            print(f"{outcome.name:<9} {mark}  {outcome.seconds:4.0f} s  {outcome.summary}", flush=True)
            if not outcome.passed:
                tail = outcome.log.read_text(encoding="utf-8", errors="replace").splitlines()[-80:]
                print("\n".join(["", *tail, f"the whole output is in {outcome.log.relative_to(ROOT)}", ""]), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
