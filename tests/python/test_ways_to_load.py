"""Programs that load the package in other ways: without site, from an archive, frozen, in a subinterpreter."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
import zipapp
from pathlib import Path

import pytest

import edgequake_litellm
from edgequake_litellm import _native
from edgequake_litellm.testing import LocalProvider

from .conftest import run_python

PACKAGE = Path(edgequake_litellm.__file__).resolve().parent

CALL = """
import edgequake_litellm as litellm
from edgequake_litellm import _native

arguments = dict(model="openai/gpt-4o", messages=[{{"role": "user", "content": "Hello"}}], api_base={base!r}, api_key="test")
print(litellm.completion(**arguments).choices[0].message.content)
print("".join(chunk.choices[0].delta.content or "" for chunk in litellm.completion(**arguments, stream=True)))
print(_native.library_path())
"""


def call(provider: LocalProvider) -> str:
    """A program that makes two calls, and prints their answers and the library's path."""
    return CALL.format(base=provider.base_url)


def run(*command: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "EDGEQUAKE_LIBRARY")}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def copied_package(directory: Path) -> Path:
    """The package with its library and without bytecode, as a wheel has it. Returns its folder."""
    to = directory / "edgequake_litellm"
    shutil.copytree(PACKAGE, to, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.dylib", "*.dll"))
    library = Path(_native.library_path())
    # EDGEQUAKE_LIBRARY may name the tested library by another name.
    shutil.copy(library, to / "_native" / f"{'' if library.suffix == '.dll' else 'lib'}edgequake_ffi{library.suffix}")
    return to


def cffi_paths() -> list[str]:
    """The folders of cffi's core: a program without site-packages has them on its path, or carries them."""
    spec = importlib.util.find_spec("_cffi_backend")
    # PyPy's is a part of the interpreter.
    return [] if spec is None or spec.origin in (None, "built-in") else [str(Path(str(spec.origin)).parent)]


def test_without_site_packages(local_provider: LocalProvider, tmp_path: Path) -> None:
    copied_package(tmp_path)
    paths = os.pathsep.join([str(tmp_path), *cffi_paths()])
    result = run(sys.executable, "-S", "-c", call(local_provider), cwd=tmp_path, PYTHONPATH=paths)
    assert result.stderr == ""
    first, second, library = result.stdout.splitlines()
    assert first == second == "You said: Hello"
    assert Path(library).parent == tmp_path / "edgequake_litellm" / "_native"


def test_a_zipapp_says_why_it_cannot_open_the_library_and_opens_one_beside_it(
    local_provider: LocalProvider, tmp_path: Path
) -> None:
    source = tmp_path / "app"
    source.mkdir()
    library = copied_package(source) / "_native" / Path(_native.library_path()).name
    (source / "__main__.py").write_text(call(local_provider), encoding="utf-8")
    archive = tmp_path / "app.pyz"
    zipapp.create_archive(source, archive)
    paths = os.pathsep.join(cffi_paths())

    result = run(sys.executable, archive, cwd=tmp_path, PYTHONPATH=paths)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("ImportError: edgequake_litellm cannot open its native library: ")
    assert f"imported from the archive {archive}" in last
    assert "EDGEQUAKE_LIBRARY" in last

    beside = tmp_path / library.name
    shutil.copy(_native.library_path(), beside)
    result = run(sys.executable, archive, cwd=tmp_path, PYTHONPATH=paths, EDGEQUAKE_LIBRARY=str(beside))
    assert result.stderr == ""
    assert result.stdout.splitlines() == ["You said: Hello", "You said: Hello", str(beside)]


@pytest.mark.parametrize("form", ["--onedir", "--onefile"])
def test_a_frozen_program_carries_the_library(local_provider: LocalProvider, tmp_path: Path, form: str) -> None:
    if importlib.util.find_spec("PyInstaller") is None:
        pytest.skip("PyInstaller is not installed: `make test` installs it, but there is none for PyPy")
    if sys.platform == "linux" and not sysconfig.get_config_var("Py_ENABLE_SHARED"):
        pytest.skip("this Python was built without libpython.so, and PyInstaller cannot freeze it")
    source = tmp_path / "source"
    source.mkdir()
    package = copied_package(source)
    (source / "app.py").write_text(call(local_provider), encoding="utf-8")
    # The hook by its folder: an entry point belongs to an installed package, and this is a copy.
    options = ("--noconfirm", "--log-level", "ERROR", "--additional-hooks-dir", package / "_pyinstaller")
    built = run(
        *(sys.executable, "-m", "PyInstaller", form, *options, "--paths", source, source / "app.py"),
        cwd=tmp_path,
        PYTHONPATH=str(source),
        PYINSTALLER_CONFIG_DIR=str(tmp_path / "cache"),
    )
    assert built.returncode == 0, built.stderr[-4000:]
    shutil.rmtree(source)

    program = tmp_path / "dist" / ("app" if form == "--onedir" else ".") / f"app{'.exe' * (sys.platform == 'win32')}"
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    result = run(program, cwd=tmp_path, TMPDIR=str(unpacked), TEMP=str(unpacked), TMP=str(unpacked))
    assert result.stderr == ""
    first, second, library = result.stdout.splitlines()
    assert first == second == "You said: Hello"
    assert Path(library).is_relative_to(tmp_path / "dist" if form == "--onedir" else unpacked)


# -- subinterpreters ----------------------------------------------------------------------------------------------------

# `_interpreters` is what `concurrent.interpreters` (3.14) stands on. Every interpreter is made, used and destroyed twice.
IN_AN_INTERPRETER = """
try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as _interpreters
    create = lambda: _interpreters.create(isolated={isolated})
    run = _interpreters.run_string
else:
    create = lambda: _interpreters.create("isolated" if {isolated} else "legacy")
    def run(interpreter, code):
        failed = _interpreters.exec(interpreter, code)
        assert failed is None, failed.formatted

import sys
for _ in range(2):
    interpreter = create()
    run(interpreter, "import sys; sys.path[:] = " + repr(sys.path) + "\\n" + {code!r})
    _interpreters.destroy(interpreter)
"""

needs_subinterpreters = pytest.mark.skipif(
    all(importlib.util.find_spec(name) is None for name in ("_interpreters", "_xxsubinterpreters")),
    reason="this Python has no subinterpreters",
)


def in_an_interpreter(code: str, *, isolated: bool) -> list[str]:
    # Python itself remarks in its dev mode that 3.12's module of subinterpreters is not for programs, and the like.
    text = textwrap.dedent(IN_AN_INTERPRETER).format(isolated=isolated, code=code + "sys.stdout.flush()\n")
    return run_python(text).splitlines()


@needs_subinterpreters
def test_a_subinterpreter_that_shares_the_gil_makes_calls(local_provider: LocalProvider) -> None:
    lines = in_an_interpreter(call(local_provider), isolated=False)
    assert lines == ["You said: Hello", "You said: Hello", _native.library_path()] * 2


@needs_subinterpreters
@pytest.mark.skipif(sys.version_info < (3, 12), reason="before Python 3.12 all interpreters share one GIL")
def test_an_isolated_subinterpreter_makes_calls_or_says_why_not(local_provider: LocalProvider) -> None:
    code = (
        "try:\n" + textwrap.indent(call(local_provider), "    ") + "\nexcept ImportError as error:\n    print(error)\n"
    )
    for line in in_an_interpreter(code, isolated=True):
        if line not in ("You said: Hello", _native.library_path()):
            assert line.startswith("edgequake_litellm cannot load its cffi module: ")
            assert "subinterpreter" in line
            assert "processes" in line
            assert "pip install" not in line
