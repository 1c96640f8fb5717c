"""The README's table of providers, made from the table that the library works by: `python ci/providers.py [--write]`.

Without `--write` it fails when the README says something else.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edgequake_litellm import _runtime

README = Path(__file__).resolve().parent.parent / "README.md"
START, END = "<!-- providers:start -->", "<!-- providers:end -->"


def table() -> str:
    rows = ["| provider | protocol | address | key in the environment |", "|---|---|---|---|"]
    for row in _runtime.query(b"providers", b"{}")["wire"]:
        address = row["api_base"] or (", ".join(f"`{name}`" for name in row["api_base_env"]) or "`api_base=`")
        keys = ", ".join(f"`{name}`" for name in row["api_key_env"]) or "none"
        rows.append(f"| `{row['name']}/` | {row['protocol']} | {address} | {keys} |")
    return "\n".join(rows)


def with_table(text: str) -> str:
    head, rest = text.split(START)
    tail = rest.split(END)[1]
    summary = f"<details><summary>{table().count(chr(10)) - 1} providers</summary>"
    return f"{head}{START}\n{summary}\n\n{table()}\n\n</details>\n{END}{tail}"


def main() -> int:
    text = README.read_text(encoding="utf-8")
    if "--write" in sys.argv[1:]:
        README.write_text(with_table(text), encoding="utf-8")
    elif text != with_table(text):
        print("README.md has another table of providers than the library: run `python ci/providers.py --write`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
