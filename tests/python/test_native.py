"""Loading the native library: late, once, and with an error that says what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgequake_litellm import _native

CC = shutil.which("cc")


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key != "EDGEQUAKE_LIBRARY"}
    env.update(environment)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)


def library(directory: Path, source: str) -> str:
    if CC is None:
        pytest.skip("cc is not installed")
    path = directory / "libfake.so"
    subprocess.run([CC, "-shared", "-fPIC", "-x", "c", "-", "-o", str(path)], input=source, text=True, check=True)
    return str(path)


def test_importing_opens_nothing_and_needs_no_parser() -> None:
    result = python(
        "import sys; from edgequake_litellm import _native; _native.ffi.new('eq_event *');"
        "assert 'lib' not in vars(_native);"
        "print(sorted({'cffi', 'pycparser'} & sys.modules.keys()))"
    )
    assert (result.stdout, result.stderr) == ("[]\n", "")


def test_it_is_opened_once() -> None:
    result = python(
        "import threading; from edgequake_litellm import _native; found = [];"
        "threads = [threading.Thread(target=lambda: found.append(_native.lib)) for _ in range(16)];"
        "[t.start() for t in threads]; [t.join() for t in threads];"
        "print(len(found), len({id(lib) for lib in found}))"
    )
    assert (result.stdout, result.stderr) == ("16 1\n", "")


def test_the_file_is_no_extension_module() -> None:
    # Python would offer it for import, and a wheel would be bound to one Python version.
    assert Path(_native.library_path()).name in {"libedgequake_ffi.so", "libedgequake_ffi.dylib", "edgequake_ffi.dll"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _native.nothing  # noqa: B018


def test_another_abi_version_names_both_and_the_cure(tmp_path: Path) -> None:
    path = library(tmp_path, "unsigned eq_abi_version(void) { return 4711; }")
    result = python("from edgequake_litellm._native import lib", EDGEQUAKE_LIBRARY=path)
    last = result.stderr.splitlines()[-1]
    expected = _native.ffi.integer_const("EQ_ABI_VERSION")
    assert last.startswith("ImportError: ")
    assert f"has ABI version 4711, but this edgequake_litellm was made for ABI version {expected}" in last
    assert path in last
    assert "pip install --force-reinstall edgequake-litellm" in last


def test_a_foreign_library_is_refused(tmp_path: Path) -> None:
    path = library(tmp_path, "int answer(void) { return 42; }")
    result = python("from edgequake_litellm._native import lib", EDGEQUAKE_LIBRARY=path)
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: {path} is not the library of edgequake_litellm: it has no eq_abi_version.")


@pytest.mark.parametrize("content", [None, b"no library"])
def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "libmissing.so"
    if content is not None:
        path.write_bytes(content)
    result = python("import edgequake_litellm._native as n; n.lib", EDGEQUAKE_LIBRARY=str(path))
    last = result.stderr.splitlines()[-1]
    assert last.startswith("ImportError: edgequake_litellm cannot open its native library: ")
    assert str(path) in last
    assert "EDGEQUAKE_LIBRARY names this file" in last


def test_a_missing_cffi_module_says_how_to_make_it() -> None:
    result = python(
        "import sys; sys.modules['edgequake_litellm._native._cffi'] = None; from edgequake_litellm._native import lib"
    )
    last = result.stderr.splitlines()[-1]
    assert last.startswith("ImportError: edgequake_litellm cannot load its cffi module: ")
    assert "make install" in last


def test_a_missing_cffi_says_to_install_it() -> None:
    result = python(
        "import sys; sys.modules['_cffi_backend'] = None; sys.modules.pop('edgequake_litellm._native._cffi', None);"
        "from edgequake_litellm._native import lib"
    )
    last = result.stderr.splitlines()[-1]
    assert last.startswith("ImportError: edgequake_litellm cannot load its cffi module: ")
    assert "pip install 'cffi>=1.15'" in last


def test_the_library_outlives_its_python_object() -> None:
    # cffi closes a library whose object is collected. Here threads of the library would then run unmapped code.
    result = python(
        "import gc; from edgequake_litellm import _native;"
        "version = _native.lib.eq_version(); del _native.lib; gc.collect();"
        "print(_native.ffi.string(version).decode() == _native.library_version())"
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "True\n", "")


def test_a_configuration_that_the_engine_refuses_is_not_kept():
    from edgequake_litellm import BadRequestError, _runtime

    with pytest.raises(BadRequestError, match="nothing that a client is configured with"):
        _runtime.configure("no_such_kind", "name", {})
    assert "no_such_kind" not in _runtime._configured
