"""Programs that the tests run, each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# The debug mode of asyncio, which -X dev turns on, remarks on steps above 0.1 s: how busy the machine is, is not tested.
QUIET = "import logging; logging.getLogger('asyncio').addFilter(lambda record: ' took ' not in record.getMessage())"

PREAMBLE = """\
import json, os, sys, threading, time
import edgequake_litellm as litellm

arguments = json.loads(os.environ["ARGUMENTS"])

def ask(content="Say hello", **more):
    messages = [{"role": "user", "content": content}]
    return litellm.completion(**{**arguments, "messages": messages, **more}).choices[0].message.content

async def ask_async(content="Say hello", **more):
    messages = [{"role": "user", "content": content}]
    answer = await litellm.acompletion(**{**arguments, "messages": messages, **more})
    return answer.choices[0].message.content

def text(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

def say(*words):
    # In one write: a child writes to the same pipe.
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
"""

# Python 3.12 warns of a fork in a process with threads, which is what is tested.
FORKS = ("-W", "ignore:This process:DeprecationWarning")


def environment(arguments: dict[str, Any]) -> dict[str, str]:
    """The environment of a program that finds the arguments of its calls, and what this process imports."""
    return {
        **os.environ,
        "ARGUMENTS": json.dumps(arguments),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONUNBUFFERED": "1",
    }


def start(
    code: str, arguments: dict[str, Any], *flags: str, first: str = "", **variables: str
) -> subprocess.Popen[str]:
    """Starts `code` after PREAMBLE. Any warning fails it; `first` comes before everything else."""
    source = "\n".join((first, QUIET, PREAMBLE, textwrap.dedent(code)))
    command = [sys.executable, "-X", "dev", "-W", "error", *flags, "-c", source]
    return _start(command, {**environment(arguments), **variables})


def start_file(file: Path, arguments: dict[str, Any], *flags: str, argv: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Starts the program in `file`, which children can import again; otherwise as :func:`start`."""
    command = [sys.executable, "-X", "dev", "-W", "error", *flags, str(file), *argv]
    return _start(command, environment(arguments))


def _start(command: list[str], variables: dict[str, str]) -> subprocess.Popen[str]:
    # In a session of its own, so that it can be ended with its children.
    return subprocess.Popen(
        command,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str], code: int = 0, timeout: float = 60) -> list[str]:
    """Waits for the end of a program, which must be `code` with nothing on stderr. Returns the lines it printed."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        # With its children, which hold the pipes.
        os.killpg(process.pid, signal.SIGKILL) if os.name == "posix" else process.kill()
        raise AssertionError(f"the program hangs; it had printed {process.communicate()}") from None
    assert (process.returncode, err) == (code, ""), f"{process.returncode}\n{out}\n{err}"
    return out.splitlines()


def run(code: str, arguments: dict[str, Any], *flags: str, **variables: str) -> list[str]:
    """What :func:`start` and :func:`finish` do."""
    return finish(start(code, arguments, *flags, **variables))
