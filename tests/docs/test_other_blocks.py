"""The blocks that are not Python: each is run, compiled or read, or has a reason why not."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Iterator

import pytest

from edgequake_litellm import _native

from .blocks import BLOCKS, PAGES, ROOT, Block, blocks
from .test_languages import BUILDERS

FLAGS = ["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-g", "-Wall", "-Wextra", "-pedantic", "-Werror"]
SUPPRESSIONS = ROOT / "tests/c/valgrind.supp"
CHECKED = {"python", "c", "console", "json", *BUILDERS}


def test_every_block_is_checked_or_says_why_not() -> None:
    unknown = [block for block in BLOCKS if block.language not in CHECKED and not block.reason]
    assert [f"{block}: {block.language!r}" for block in unknown] == []


def test_every_fence_is_read() -> None:
    """A fence that the reader of blocks takes for no block would be checked by nobody."""
    fences = sum(len(re.findall(r"^\s*(?:```|~~~)", page.read_text(encoding="utf-8"), re.MULTILINE)) for page in PAGES)
    assert fences == 2 * len(BLOCKS) + 2 * sum(block.output is not None for block in BLOCKS)


def test_pages_are_found() -> None:
    found = Counter(block.language for block in BLOCKS)
    assert found["python"] >= 30
    assert found["c"] >= 5
    assert {"README.md", "docs/c-api.md", "docs/first-ten-minutes.md"} <= {block.page for block in BLOCKS}


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json(block: Block) -> None:
    json.loads(block.source)


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[str, str]]:
    """The local provider in a process of its own, for C: its address and its key."""
    # The pause between chunks leaves the time to cancel a stream.
    options = ["--api-key", "key-of-the-page", "--model", "gpt-4o-mini", "--gap", "0.02"]
    command = [sys.executable, "-m", "edgequake_litellm.testing", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), "key-of-the-page"
        process.terminate()
        assert process.wait(10) == 0


@pytest.mark.parametrize("tool", ["", "valgrind"])
@pytest.mark.parametrize("block", blocks("c"), ids=str)
def test_c(block: Block, tool: str, server: tuple[str, str], tmp_path: Path) -> None:
    """It compiles without a warning, prints what the page says, and under valgrind loses no memory."""
    for needed in filter(None, ("cc", tool)):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not installed")
    if tool and "fork()" in block.source:
        pytest.skip("a forked child leaves its parent's objects alone, which valgrind takes for leaks of the child")
    library = Path(_native.library_path())
    source, program = tmp_path / "program.c", tmp_path / "program"
    source.write_text(block.source, encoding="utf-8")
    command = ["cc", *FLAGS, f"-I{ROOT / 'include'}", source, "-o", program, library]
    linking = [f"-Wl,-rpath,{library.parent}", "-lpthread"]
    built = subprocess.run([*command, *linking], capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    prefix = []
    if tool:
        leaks = ["--leak-check=full", "--errors-for-leak-kinds=definite", "--show-leak-kinds=definite"]
        prefix = [tool, "--quiet", "--error-exitcode=99", *leaks, f"--suppressions={SUPPRESSIONS}"]
    run = subprocess.run([*prefix, program, *server], capture_output=True, text=True, timeout=120, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, block.output, "")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@pytest.mark.parametrize("block", blocks("console"), ids=str)
def test_console(block: Block, folder: Path, environment: dict[str, str]) -> None:
    """The commands succeed one after the other, and print what stands under them, where something does."""
    if os.name != "posix":
        pytest.skip("the commands are for a POSIX shell")
    # The port of the pages may be somebody's; any will do.
    lines = block.source.replace("8080", str(free_port())).splitlines()
    commands = [line[2:] for line in lines if line.startswith("$ ")]
    for tool in {command.split()[0] for command in commands} & {"curl"}:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    script = "\n".join(commands)
    printed = "\n".join(line for line in lines if not line.startswith("$ "))
    # Into files: what runs on in the background keeps a pipe open.
    with open(folder / "out", "w+") as out, open(folder / "err", "w+") as err:
        command = ["bash", "-eu", "-o", "pipefail", "-c", script]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err, start_new_session=True)
        try:
            status = process.wait(60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
    assert (status, (folder / "err").read_text()) == (0, "")
    if printed:
        assert (folder / "out").read_text().strip() == printed.strip()
