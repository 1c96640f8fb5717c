"""The site is built without a warning, and viewing it asks no other host for anything."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from .blocks import ROOT

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mkdocs") is None, reason="mkdocs is not installed: pip install -r docs/requirements.txt"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(directory)],
        cwd=ROOT,
        # Instead of colours and a notice about mkdocs' own future.
        env={**os.environ, "NO_MKDOCS_2_WARNING": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    return directory


class Loaded(HTMLParser):
    """What a browser loads by itself for a page: not links, which a reader follows."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "link" and given.get("rel") in ("canonical", "next", "prev"):
            return
        for name in ("src", "srcset", "data", "href") if tag != "a" else ():
            if given.get(name):
                self.addresses.append(given[name] or "")


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    pages = list(site.glob("**/*.html"))
    loaded = {(page.name, address) for page in pages for address in Loaded(page.read_text(encoding="utf-8")).addresses}
    assert len(pages) > 20
    assert {one for one in loaded if one[1].startswith(("http:", "https:", "//"))} == set()
    styles = "".join(style.read_text(encoding="utf-8") for style in site.glob("**/*.css"))
    assert "url(http" not in styles
    assert "@import" not in styles


def test_every_file_that_a_page_loads_is_there(site: Path) -> None:
    for page in site.glob("**/*.html"):
        for address in Loaded(page.read_text(encoding="utf-8")).addresses:
            path = address.partition("?")[0].partition("#")[0]
            # The page for what is not found has addresses from the top.
            base = site if path.startswith("/") else page.parent
            assert not path or (base / path.lstrip("/")).exists(), f"{page.name} loads {address}"


def test_the_first_page_is_the_readme(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    assert 'src="files/benchmarks/plot.svg"' in text
    assert "<code>anthropic/</code>" in text


def test_the_reference_has_the_docstrings(site: Path) -> None:
    text = (site / "reference/functions.html").read_text(encoding="utf-8")
    assert 'id="edgequake_litellm.completion"' in text
    assert "Any thread may call." in text
