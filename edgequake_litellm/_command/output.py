"""How the command prints."""

from __future__ import annotations

import json
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any


def as_json(value: Any) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns under their names where a person reads them; with a tab between them, and no names, where a program does."""
    rows = [list(row) for row in rows]
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row))
        return
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    for row in [list(head), *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def money(dollars: float | None) -> str:
    """An amount with as many digits as tell something."""
    if dollars is None:
        return "unknown"
    if dollars == 0 or dollars >= 0.01:
        return f"${dollars:,.4f}"
    return f"${dollars:.3g}" if dollars >= 1e-4 else f"${dollars:.10f}".rstrip("0")
