"""The code blocks of README.md and of the pages under docs/ and examples/, and what the pages say of each.

A block is run or read by its language. One that cannot be has the reason in the line before it, as `<!-- not run: reason -->`.
What a program prints may stand after it: "It prints:", and a block of `text`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Optional

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for path in (ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/README.md"))
    if not {"node_modules", "target"} & set(path.parts)
)

_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>.+?) -->\n)?"
    r"^```(?P<language>[^\n]*)\n(?P<source>.*?)^```$"
    r"(?:\n\nIt prints:\n\n```text\n(?P<output>.*?)^```$)?",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    source: str
    output: Optional[str]
    reason: Optional[str]
    """Why it is not run."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def _read(path: Path) -> Iterator[Block]:
    text = path.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("source"))
        page = path.relative_to(ROOT).as_posix()
        yield Block(page, line, found["language"], found["source"], found["output"], found["reason"])


BLOCKS = [block for path in PAGES for block in _read(path)]


def blocks(*languages: str) -> list[Block]:
    """The blocks of these languages that are run."""
    return [block for block in BLOCKS if block.language in languages and block.reason is None]
