"""What people install: the wheel from the source distribution, its metadata and the one version number."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from edgequake_litellm import _native

from .conftest import importing_from

ROOT = Path(__file__).resolve().parents[2]

with importing_from(ROOT / "ci"):
    import check_wheel

# Rust and build tools are slow to start from nothing, and are shared with the build that made the installed package.
ENVIRONMENT = {**os.environ, "CARGO_TARGET_DIR": os.environ.get("CARGO_TARGET_DIR", str(ROOT / "rust-ffi/target"))}


def run(*command: object, cwd: Path) -> str:
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    return result.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sdist")
    # Of a copy: building leaves files in the tree, and the tests of another Python may be at it too.
    unneeded = shutil.ignore_patterns(".*", "target", "build", "dist", "node_modules", "*.egg-info", "__pycache__")
    source = shutil.copytree(ROOT, directory / "repository", ignore=unneeded)
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", directory, source, cwd=directory)
    shutil.rmtree(source)
    (archive,) = directory.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def wheel(sdist: Path) -> Path:
    """Built from the unpacked source distribution, so that nothing of the repository can help."""
    with tarfile.open(sdist) as archive:
        archive.extractall(sdist.parent, **({"filter": "data"} if sys.version_info >= (3, 12) else {}))
    (source,) = (path for path in sdist.parent.iterdir() if path.is_dir())
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", sdist.parent, source, cwd=sdist.parent)
    (path,) = sdist.parent.glob("*.whl")
    return path


def test_one_version_number() -> None:
    manifest = (ROOT / "rust-ffi/Cargo.toml").read_text(encoding="utf-8")
    (version,) = re.findall(r'^version = "(.*)"$', manifest, re.MULTILINE)
    assert importlib.metadata.version("edgequake-litellm") == version
    assert _native.library_version() == version


def test_the_source_distribution_has_what_the_build_needs_and_no_product_of_it(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "LICENSE",
        "README.md",
        "build_ffi.py",
        "include/edgequake.h",
        "pyproject.toml",
        "rust-ffi/Cargo.lock",
        "rust-ffi/Cargo.toml",
        "rust-ffi/src/lib.rs",
        "setup.py",
    } <= names
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "rust-ffi/src").rglob("*") if path.is_file()}
    assert sources <= names
    products = re.compile(r"(^|/)(target|__pycache__|build|\.venv)/|\.(so|dylib|dll|pyc|whl)$|_cffi\.py$")
    assert [name for name in sorted(names) if products.search(name)] == []


def test_the_wheel_serves_every_python_of_its_platform(wheel: Path) -> None:
    assert check_wheel.faults(wheel) == []


def test_the_library_of_the_wheel_needs_no_python_and_exports_the_list(wheel: Path) -> None:
    pytest.importorskip("lief", reason="lief is not installed: `make test` installs it, but there is none for PyPy")
    assert check_wheel.library_faults(wheel) == []


def test_the_wheel_has_complete_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode()
    for line in (
        "Name: edgequake-litellm",
        "License-Expression: Apache-2.0",
        "License-File: LICENSE",
        "Requires-Python: >=3.9",
        "Description-Content-Type: text/markdown",
        "Classifier: Typing :: Typed",
    ):
        assert line in metadata.splitlines()
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:") and "extra ==" not in line]
    # Nothing but cffi: the package must be cheap to add to any program.
    assert required == ['Requires-Dist: cffi>=1.15; platform_python_implementation != "PyPy"']


def test_the_wheel_tells_pyinstaller_where_its_hook_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt"))
        told = re.search(r"\[pyinstaller40\]\s+hook-dirs *= *([\w.]+):(\w+)", archive.read(name).decode())
    assert told is not None
    (folder,) = getattr(importlib.import_module(told[1]), told[2])()
    assert (Path(folder) / "hook-edgequake_litellm.py").is_file()


def test_the_description_has_no_link_that_leads_nowhere(wheel: Path) -> None:
    """It is read on the index and in `pip show`, where the files of the repository are not."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        _, _, description = archive.read(name).decode().partition("\n\n")
    assert description.startswith("# edgequake-litellm")
    links = re.findall(r"\]\(([^)]*)\)", description)
    assert links
    headings = {
        "#" + heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", description, re.MULTILINE)
    }
    assert [link for link in links if not link.startswith("https://") and link not in headings] == []


def test_the_readme_knows_the_size_of_the_library(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (size,) = (info.file_size for info in archive.infolist() if check_wheel.is_library(info.filename))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    told = float(re.search(r"own shared library, stripped \| \*\*([\d.]+) MB\*\*", text)[1])
    assert abs(size / 1e6 - told) < told / 10, "`make bench` measures it anew"


def test_the_installed_wheel_answers_without_the_source_tree(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=tmp_path)
    code = (
        "import edgequake_litellm as litellm\n"
        "from edgequake_litellm.testing import LocalProvider\n"
        "with LocalProvider() as provider:\n"
        "    answer = litellm.completion(model='openai/gpt-4o', messages=[{'role': 'user', 'content': 'Hello'}],\n"
        "                                api_base=provider.base_url, api_key='test')\n"
        "print(answer.choices[0].message.content)\n"
        "print(litellm.__file__)\n"
    )
    answer, file = run(python, "-I", "-c", code, cwd=tmp_path).splitlines()
    assert answer == "You said: Hello"
    assert Path(file).is_relative_to(tmp_path)


# -- the check itself ---------------------------------------------------------------------------------------------------


def make_wheel(path: Path, *, remove: str = "", add: str = "", tags: str = "Root-Is-Purelib: false") -> Path:
    info = "edgequake_litellm-1.0.0.dist-info"
    names = {
        *check_wheel.REQUIRED,
        "edgequake_litellm/_native/libedgequake_ffi.so",
        f"{info}/METADATA",
        f"{info}/RECORD",
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{info}/WHEEL", tags)
        for name in sorted(names - {remove} | ({add} if add else set())):
            archive.writestr(name, "")
    return path


GOOD = "edgequake_litellm-1.0.0-py3-none-linux_x86_64.whl"


def test_the_check_passes_a_good_wheel(tmp_path: Path) -> None:
    assert check_wheel.faults(make_wheel(tmp_path / GOOD)) == []


@pytest.mark.parametrize(
    ("name", "changes", "fault"),
    [
        ("edgequake_litellm-1.0.0-py3-none-any.whl", {}, "is not edgequake_litellm-<version>-py3-none-<platform>.whl"),
        ("edgequake_litellm-1.0.0-cp311-cp311-linux_x86_64.whl", {}, "is not edgequake_litellm-<version>-py3-none"),
        (GOOD, {"tags": "Root-Is-Purelib: true"}, "pure Python"),
        (GOOD, {"add": "tests/test_x.py"}, "tests/test_x.py does not belong"),
        (GOOD, {"add": "edgequake_litellm/_native/libedgequake_ffi.cpython-311.so"}, "there are 2 libraries"),
        (GOOD, {"remove": "edgequake_litellm/_native/libedgequake_ffi.so"}, "there are 0 libraries"),
        (GOOD, {"remove": "edgequake_litellm/_native/_cffi.py"}, "_cffi.py is missing"),
    ],
)
def test_the_check_finds_a_fault(tmp_path: Path, name: str, changes: dict[str, str], fault: str) -> None:
    assert any(fault in found for found in check_wheel.faults(make_wheel(tmp_path / name, **changes)))


def compiled(directory: Path, source: str, *options: str) -> Path:
    """A wheel whose library is made of this C source."""
    cc = shutil.which("cc")
    if cc is None:
        pytest.skip("cc is not installed")
    library, other = directory / "lib.so", directory / "libother.so"
    for output, text, more in ((other, "", ("-Wl,-soname,libother.so.1",)), (library, source, options)):
        command = [cc, "-shared", "-fPIC", "-nostartfiles", f"-L{directory}", "-x", "c", "-", "-o", str(output), *more]
        subprocess.run(command, input=text, text=True, check=True)
    path = directory / "edgequake_litellm-1.0.0-py3-none-manylinux_2_17_x86_64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(library, "edgequake_litellm/_native/libedgequake_ffi.so")
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="the libraries are made by this platform's compiler, for manylinux")
@pytest.mark.parametrize(
    ("source", "options", "fault"),
    [
        ("int surplus;  int surplus_function(void) { return 1; }", (), "it exports surplus_function, which is not in"),
        ("static int none;", (), "it does not export eq_version"),
        ("void PyErr_Clear(void); void f(void) { PyErr_Clear(); }", (), "it needs PyErr_Clear of Python"),
        (
            "static int none;",
            ("-Wl,--no-as-needed", "-lother"),
            "it needs libother.so.1, which not every system of manylinux_2_17",
        ),
        (
            "int getentropy(void *, unsigned long); int f(void) { return getentropy(0, 0); }",
            (),
            "it needs GLIBC_2.25, and manylinux_2_17_x86_64 has glibc 2.17",
        ),
    ],
    ids=["surplus", "missing", "python", "library", "glibc"],
)
def test_the_check_finds_a_fault_of_the_library(
    tmp_path: Path, source: str, options: tuple[str, ...], fault: str
) -> None:
    pytest.importorskip("lief", reason="lief is not installed: `make test` installs it, but there is none for PyPy")
    found = check_wheel.library_faults(compiled(tmp_path, source, *options))
    assert any(fault in text for text in found), found
