"""The programs of examples/c do what they say, against the local provider, without a leak."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from edgequake_litellm.testing import LocalProvider


def run(prefix: list[str], program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*prefix, program, *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_complete(prefix: list[str], examples: Path, server: tuple[str, str]) -> None:
    result = run(prefix, examples / "complete", *server)
    assert (result.returncode, result.stderr) == (0, "")
    answer = json.loads(result.stdout)
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"] == "You said: What is the capital of France?"


@pytest.mark.parametrize("program", ["stream_queue", "stream_callback"])
def test_stream(prefix: list[str], examples: Path, server: tuple[str, str], program: str) -> None:
    result = run(prefix, examples / program, *server)
    assert (result.returncode, result.stdout, result.stderr) == (0, "You said: Tell me about the sea.\n", "")


def test_cancel(prefix: list[str], examples: Path, server: tuple[str, str]) -> None:
    result = run(prefix, examples / "cancel", *server)
    assert result.returncode == 0, result.stderr
    text, mark, rest = result.stdout.partition(" … cancelled\n")
    assert mark
    assert rest == ""
    assert text
    assert "You said: Tell me everything about the sea.".startswith(text)
    assert result.stderr.startswith("Cancelled (")


def test_error(prefix: list[str], examples: Path, server: tuple[str, str]) -> None:
    result = run(prefix, examples / "error", *server)
    assert (result.returncode, result.stderr) == (0, "")
    start, end = re.findall(r"^(at the \w+: .*)\n  message: (.*)\n  json: (.*)$", result.stdout, re.MULTILINE)
    assert re.match(r"at the start: BadRequestError, kind 1, HTTP status 0, retry after -1 ms", start[0])
    assert "messages" in start[1]
    assert re.match(r"at the end: NotFoundError, kind 4, HTTP status 404, retry after -1 ms", end[0])
    assert "no-such-model" in end[1]
    for error in (start, end):
        fields = json.loads(error[2])
        assert fields["message"] == error[1]
        assert server[1] not in error[2]
    assert json.loads(end[2])["http_status"] == 404
    assert json.loads(end[2])["model"] == "no-such-model"


def test_a_server_that_accepts_everything_is_said_to(examples: Path) -> None:
    """The error program has nothing to show then, and says why."""
    with LocalProvider() as provider:
        result = run([], examples / "error", provider.base_url, "any-key")
    assert result.returncode == 1
    assert "the server accepted the model no-such-model" in result.stderr


@pytest.mark.parametrize("program", ["complete", "stream_queue", "stream_callback"])
def test_a_refused_key_is_an_error_and_is_not_shown(examples: Path, server: tuple[str, str], program: str) -> None:
    result = run([], examples / program, server[0], "a-wrong-secret")
    assert result.returncode == 1
    assert result.stderr.startswith("AuthenticationError (HTTP status 401): ")
    assert "a-wrong-secret" not in result.stdout + result.stderr


def test_no_server_is_an_error(examples: Path) -> None:
    # Port 1 is reserved and not listened on.
    result = run([], examples / "complete", "http://127.0.0.1:1/v1", "any")
    assert result.returncode == 1
    assert re.match(r"(APIConnectionError|InternalServerError) \(HTTP status 0\): ", result.stderr)
