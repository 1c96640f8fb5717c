"""mkdocs' hook for pages that the repository keeps elsewhere than in docs/, and for links that leave docs/.

README.md is the site's first page, the README of each folder of examples/ is a page, and the header is one. Links are written
as they hold in the repository, whichever file they stand in; here they are made to hold in the site. A file that is no page is
copied into the site once a page links to it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]

HEADER = "include/edgequake.h"
# Pages of the site, by the files of the repository that they are.
PAGES = {
    "README.md": "index.md",
    HEADER: f"{HEADER}.md",
    **{
        readme.relative_to(ROOT).as_posix(): readme.relative_to(ROOT).as_posix()
        for readme in (ROOT / "examples/README.md", *sorted(ROOT.glob("examples/*/README.md")))
    },
}
_ORIGINS = {page: origin for origin, page in PAGES.items()}
_LINK = re.compile(r"(?<=\]\()([^()\s#:]+)(#[^()\s]*)?(?=\))")


def on_files(files: Files, config: Any, **_: Any) -> Files:
    for origin, page in PAGES.items():
        text = (ROOT / origin).read_text(encoding="utf-8")
        if origin == HEADER:
            text = f"# edgequake.h\n\n```c\n{text}```\n"
        # GitHub reads Markdown within HTML anyhow.
        files.append(File.generated(config, page, content=text.replace("<details>", "<details markdown>")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files, **_: Any) -> str:
    where = page.file.src_uri
    origin = _ORIGINS.get(where, f"docs/{where}")

    def link(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), found[1]))
        # A folder is its README, or the one of the folder above that tells of it.
        while (ROOT / target).is_dir():
            readme = f"{target}/README.md"
            target = readme if (ROOT / readme).is_file() else posixpath.dirname(target)
        if not (ROOT / target).is_file():
            return found[0]  # For mkdocs, which says so.
        inside = PAGES.get(target) or (target[len("docs/") :] if target.startswith("docs/") else f"files/{target}")
        if files.get_file_from_path(inside) is None:
            files.append(File.generated(config, inside, abs_src_path=str(ROOT / target)))
        return posixpath.relpath(inside, posixpath.dirname(where) or ".") + (found[2] or "")

    return _LINK.sub(link, markdown)
