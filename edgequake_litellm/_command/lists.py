"""`edgequake-litellm models` and `edgequake-litellm providers`."""

from __future__ import annotations

import os
import sys

from .. import _questions
from . import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any


def models(given: Namespace) -> int:
    words = [word.lower() for word in given.word]
    table: dict[str, dict[str, Any]] = sys.modules[__package__.rpartition(".")[0]].model_cost
    found = []
    for name, entry in sorted(table.items()):
        provider = entry.get("litellm_provider")
        if given.provider is not None and provider != given.provider:
            continue
        if given.mode is not None and entry.get("mode") != given.mode:
            continue
        if all(word in name.lower() for word in words):
            found.append({"model": name, **entry})
    if given.json:
        output.as_json(found)
    else:
        output.table(
            ("MODEL", "PROVIDER", "MODE", "INPUT", "OUTPUT", "$/M IN", "$/M OUT"),
            (
                (
                    entry["model"],
                    entry.get("litellm_provider") or "",
                    entry.get("mode") or "",
                    _number(entry.get("max_input_tokens")),
                    _number(entry.get("max_output_tokens")),
                    _price(entry.get("input_cost_per_token")),
                    _price(entry.get("output_cost_per_token")),
                )
                for entry in found
            ),
        )
    if not found:
        print("no model fits; the names are those of `edgequake-litellm models`", file=sys.stderr)
        return 1
    return 0


def _number(value: Any) -> str:
    return "" if value is None else str(value)


def _price(per_token: Any) -> str:
    return "" if per_token is None else f"{float(per_token) * 1e6:.6g}"


def providers(given: Namespace) -> int:
    rows = [row for row in described() if not given.word or any(word.lower() in row["name"] for word in given.word)]
    if given.json:
        output.as_json(rows)
    else:
        output.table(
            ("PROVIDER", "PROTOCOL", "KEY", "ADDRESS"),
            (
                (
                    row["name"],
                    row["protocol"],
                    " or ".join(row["api_key_env"]),
                    row["api_base"] or " or ".join(row["api_base_env"]),
                )
                for row in rows
            ),
        )
    if not rows:
        print("no provider fits", file=sys.stderr)
        return 1
    return 0


def described() -> list[dict[str, Any]]:
    """The providers, each with the variables that hold its key and its address, and which of them are set."""
    rows = []
    for row in _questions.ask(b"providers", {})["wire"]:
        names = [*row["api_key_env"], *row["api_base_env"]]
        rows.append(
            {
                "name": row["name"],
                "protocol": row["protocol"],
                "api_base": row["api_base"],
                "api_base_env": row["api_base_env"],
                "api_key_env": row["api_key_env"],
                "needs_key": row["needs_key"],
                "set": [name for name in names if os.environ.get(name)],
            }
        )
    return rows
