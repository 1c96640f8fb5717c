"""griffe's extension for the docstrings of the package, which are written for whoever reads the source.

They name other objects by Sphinx's roles and show code after `::`. In the site a role becomes a link where the object has an
entry, and the code is coloured.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import griffe

_REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
_ENTRIES = {
    entry.rpartition(".")[2]: entry
    for page in sorted(_REFERENCE.glob("*.md"))
    for entry in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
}
_ROLE = re.compile(r":(?:func|class|meth|attr|mod|data):`~?([\w.]+)`")
_CODE = re.compile(r"^(.*?):?:\n\n((?:(?:    .*)?\n)*    .*)$", re.MULTILINE)


class Docstrings(griffe.Extension):
    def on_instance(self, *, obj: griffe.Object | griffe.Alias, **_: Any) -> None:
        if isinstance(obj, griffe.Alias) or obj.docstring is None:
            return
        text = _ROLE.sub(_link, obj.docstring.value)
        obj.docstring.value = _CODE.sub(_fenced, text)


def _link(found: re.Match[str]) -> str:
    entry = _ENTRIES.get(found[1].rpartition(".")[2])
    return f"`{found[1]}`" if entry is None else f"[`{found[1]}`][{entry}]"


def _fenced(found: re.Match[str]) -> str:
    lead = f"{found[1]}:\n\n" if found[1] else ""
    code = "\n".join(line[4:] for line in found[2].split("\n"))
    return f"{lead}```python\n{code}\n```"
