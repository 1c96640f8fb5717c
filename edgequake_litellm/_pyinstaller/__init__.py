"""Tells PyInstaller where the hook of this package is. PyInstaller finds it by the entry point in pyproject.toml."""

from __future__ import annotations

import os

__all__ = ["get_hook_dirs"]


def get_hook_dirs() -> list[str]:
    return [os.path.dirname(os.path.abspath(__file__))]
