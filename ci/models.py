"""Writes rust-ffi/data/models.json: what models cost, hold and can do.

The figures are facts that litellm's package ships, most with the provider's page that they were read from (`source`). Sentences
(`metadata`, `comment`, `description`) and the rules for names that nobody knows are left out. Run it to take over newer figures:

    python ci/models.py --version 1.106.2            downloads that release of litellm with pip
    python ci/models.py --wheel litellm-….whl        reads a wheel that is there
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent.parent / "rust-ffi" / "data" / "models.json"
TABLE = "litellm/model_prices_and_context_window_backup.json"
NOT_MODELS = {"sample_spec", "fallback_generalizations"}
SENTENCES = {"metadata", "comment", "description"}


def facts(table: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The models of litellm's table, without what is not a fact."""
    return {
        name: {key: value for key, value in sorted(entry.items()) if key not in SENTENCES}
        for name, entry in sorted(table.items())
        if name not in NOT_MODELS
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--version", help="the release of litellm to download")
    source.add_argument("--wheel", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel = options.wheel
        if wheel is None:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
            subprocess.run([*command, f"litellm=={options.version}"], check=True)
            wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            models = facts(json.loads(archive.read(TABLE)))
    lines = [f"{json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}" for name, entry in models.items()]
    OUT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{OUT.name}: {len(models)} models from {wheel.name}")


if __name__ == "__main__":
    main()
