"""The reference has everything that a program may use."""

from __future__ import annotations

import inspect
import re

import edgequake_litellm
from edgequake_litellm import config, exceptions, testing

from .blocks import ROOT

REFERENCE = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "reference").glob("*.md")}


def test_every_public_name_has_an_entry() -> None:
    """A new name gets a line `::: edgequake_litellm.NAME` on the page of docs/reference that it fits, or a row of a table there."""
    text = "\n".join(REFERENCE.values())
    entries = set(re.findall(r"^::: (?:edgequake_litellm\.)(?:\w+\.)*(\w+)$", text, re.MULTILINE))
    entries |= set(re.findall(r"`(\w+)(?:\(\))?`", text))
    # Their page has all of the module.
    entries |= set(exceptions.__all__)
    wanted = {*edgequake_litellm._HOMES, *edgequake_litellm._MADE}
    wanted |= set(testing.__all__)
    assert sorted(wanted - entries) == []


def test_every_setting_is_on_its_page() -> None:
    """A setting of a feature that is not there is told of in differences.md, and warns."""
    known = set(re.findall(r"`(\w+)`", REFERENCE["settings"])) | set(config._UNSUPPORTED)
    assert sorted(name for name in config.DEFAULTS if name not in known and not name.startswith("_")) == []


def test_every_public_function_and_class_says_what_it_is() -> None:
    objects = {name: getattr(edgequake_litellm, name) for name in edgequake_litellm._HOMES}
    objects.update({f"testing.{name}": getattr(testing, name) for name in testing.__all__})
    silent = [
        name
        for name, value in objects.items()
        if (inspect.isclass(value) or inspect.isroutine(value)) and not (value.__doc__ or "").strip()
    ]
    assert silent == []
