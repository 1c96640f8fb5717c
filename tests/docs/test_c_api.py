"""docs/c-api.md and the header tell of the same functions."""

from __future__ import annotations

import re

from .blocks import ROOT

PAGE = (ROOT / "docs/c-api.md").read_text(encoding="utf-8")
HEADER = (ROOT / "include/edgequake.h").read_text(encoding="utf-8")

# Told by the header alone: what bindings need, and the accessors that say what their names say.
HEADER_ONLY = {
    "eq_buffer_bytes",
    "eq_buffer_free",
    "eq_error_get_kind",
    "eq_error_json",
    "eq_error_retry_after_ms",
    "eq_query",
}


def test_every_name_that_the_page_uses_is_in_the_header() -> None:
    names = set(re.findall(r"\b(?:eq|EQ)_[A-Za-z_]*[A-Za-z]\b", PAGE))
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", HEADER)] == []


def test_every_function_and_status_of_the_header_is_explained() -> None:
    statuses = re.findall(r"#define (EQ_(?:OK|TIMEOUT|ERR_\w+)) ", HEADER)
    assert [name for name in statuses if name not in PAGE] == []
    functions = set((ROOT / "include/edgequake.symbols").read_text(encoding="ascii").split())
    assert {name for name in functions if not re.search(rf"\b{name}\b", PAGE)} == HEADER_ONLY
