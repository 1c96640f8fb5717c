"""What PyInstaller cannot see in the source: the library is opened by its path, and modules are imported when first used."""

# PyInstaller sets the name.
# ruff: noqa: N999

from __future__ import annotations

from PyInstaller.utils.hooks import collect_dynamic_libs, collect_submodules

binaries = collect_dynamic_libs("edgequake_litellm")
hiddenimports = collect_submodules(
    "edgequake_litellm", filter=lambda name: not name.startswith("edgequake_litellm.testing")
)
