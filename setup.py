"""Builds the package: the Rust library by setuptools-rust, the cffi module by build_ffi.py.

What the package is (name, dependencies, …) stands in pyproject.toml. Here is what a table cannot say:

- The library is no extension module. Python never imports it, cffi opens it, so it keeps its own name without the tag
  of a Python version, and one file serves every interpreter.
- Hence the wheel is ``py3-none-<platform>``: any Python 3, no Python ABI, this platform.
- The version is the one of the crate.
- The long description is README.md without the links and pictures of the repository, which lead nowhere on a page of its own.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools_rust import Binding, RustExtension, build_rust

ROOT = Path(__file__).resolve().parent
# setup.py is run by path, so its own directory need not be on the path (PEP 517).
sys.path.insert(0, str(ROOT))

import build_ffi  # noqa: E402

PACKAGE = "edgequake_litellm._native"


def crate_version() -> str:
    """The version in rust-ffi/Cargo.toml, the one place where it is written."""
    manifest = (ROOT / "rust-ffi" / "Cargo.toml").read_text(encoding="utf-8")
    match = re.search(r'^\[package\][^\[]*?^version\s*=\s*"([^"]+)"', manifest, re.MULTILINE | re.DOTALL)
    if match is None:
        raise SystemExit("rust-ffi/Cargo.toml has no package version")
    return match.group(1)


def long_description() -> str:
    """README.md for a page outside of the repository: links to its files become their words, and its pictures are left out."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"^!\[[^\]]*\]\((?!https?://)[^)]*\)\n+", "", text, flags=re.MULTILINE)
    return re.sub(r"(?<!!)\[([^\]]+)\]\((?!https?://|#)[^)]*\)", r"\1", text)


def library_name(platform: str) -> str:
    """The library's file name on a platform (``sys.platform``); edgequake_litellm/_native opens it by this name."""
    if platform.startswith(("win", "cygwin")):
        return "edgequake_ffi.dll"
    return "libedgequake_ffi.dylib" if platform == "darwin" else "libedgequake_ffi.so"


class BuildLibrary(build_rust):
    """setuptools-rust's build step, with the library's own name in place of an extension module's.

    ``EDGEQUAKE_CARGO`` in the environment is a command to call in place of cargo, such as cargo-zigbuild. (setuptools-rust
    takes it from ``CARGO``; but cargo-zigbuild takes that for the cargo that it is to call, and would call itself.)
    """

    def initialize_options(self) -> None:
        super().initialize_options()
        self.cargo = os.environ.get("EDGEQUAKE_CARGO") or self.cargo

    def get_dylib_ext_path(self, ext: RustExtension, target_fname: str) -> str:
        extension_module = Path(super().get_dylib_ext_path(ext, target_fname))
        return str(extension_module.with_name(library_name(sys.platform)))


class BuildPython(build_py):
    """The usual step, and the cffi module made from the header."""

    def _cffi_module(self) -> Path:
        root = ROOT if self.editable_mode else Path(self.build_lib)
        return root / build_ffi.MODULE_PATH

    def run(self) -> None:
        super().run()
        build_ffi.write_module(self._cffi_module())

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        outputs: list[str] = super().get_outputs(include_bytecode)
        module = str(self._cffi_module())
        return outputs if module in outputs else [*outputs, module]

    def get_output_mapping(self) -> dict[str, str]:
        # An editable install links files of the source tree; the generated module is one of them.
        mapping: dict[str, str] = super().get_output_mapping()
        if self.editable_mode:
            module = str(ROOT / build_ffi.MODULE_PATH)
            mapping[str(Path(self.build_lib) / build_ffi.MODULE_PATH)] = module
        return mapping


class BuildWheel(bdist_wheel):
    """Any Python 3 and no Python ABI, but this platform's library."""

    def get_tag(self) -> tuple[str, str, str]:
        _, _, platform = super().get_tag()
        return "py3", "none", platform


setup(
    version=crate_version(),
    long_description=long_description(),
    long_description_content_type="text/markdown",
    rust_extensions=[
        RustExtension(
            f"{PACKAGE}.edgequake_ffi",
            path="rust-ffi/Cargo.toml",
            binding=Binding.NoBinding,
            # Also in an editable install: a debug build is ten times slower and its tests would measure nothing.
            debug=False,
            args=["--locked"],
        )
    ],
    cmdclass={"bdist_wheel": BuildWheel, "build_py": BuildPython, "build_rust": BuildLibrary},
)
