"""The command `edgequake-litellm`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

from edgequake_litellm import _command
from edgequake_litellm.testing import Choice, LocalProvider

from .conftest import KEY, wait_until

Run = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], local_provider: LocalProvider, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in this process: its exit code, and what it printed."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", local_provider.base_url)
    monkeypatch.setenv("EDGEQUAKE_MODEL", "openai/gpt-4o")

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            code: Any = _command.main(arguments)
        except SystemExit as exit:
            code = exit.code
        out, err = capsys.readouterr()
        assert KEY not in out + err
        return code, out, err

    return call


def start(*arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Starts the command as a program of its own."""
    environment = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    program = [sys.executable, "-X", "dev", "-W", "error", "-m", "edgequake_litellm", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(program, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


# chat -----------------------------------------------------------------------------------------------------------------------


def test_an_answer_is_printed_while_it_comes(local_provider: LocalProvider, run: Run) -> None:
    local_provider.reply("Hello there")
    assert run("chat", "Hi", "-s", "Be brief", "-t", "0.5", "--max-tokens", "9", "--stop", "x", "-p", "n=1") == (
        0,
        "Hello there\n",
        "",
    )
    sent = local_provider.requests[-1].json
    assert sent["messages"] == [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}]
    assert (sent["model"], sent["stream"], sent["temperature"], sent["max_tokens"]) == ("gpt-4o", True, 0.5, 9)
    assert (sent["stop"], sent["n"]) == (["x"], 1)


def test_reasoning_and_usage_are_not_part_of_the_answer(local_provider: LocalProvider, run: Run) -> None:
    for flags in (), ("--no-stream",):
        local_provider.reply("Hello\n", reasoning="Hm.")
        code, out, err = run("chat", "Hi", "--usage", "--reasoning", *flags)
        assert (code, out.strip()) == (0, "Hello")
        assert err.startswith("Hm.")
        assert "tokens, $" in err


def test_json_is_the_whole_answer(local_provider: LocalProvider, run: Run) -> None:
    local_provider.reply("Hello")
    code, out, _ = run("chat", "Hi", "--json")
    answer = json.loads(out)
    assert (code, answer["choices"][0]["message"]["content"]) == (0, "Hello")
    assert answer["response_cost"] > 0
    assert "stream" not in local_provider.requests[-1].json


def test_an_image_is_sent_with_the_prompt(local_provider: LocalProvider, run: Run, tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert run("chat", "Look", "-i", str(image), "-i", "https://example.com/b.png")[0] == 0
    parts = local_provider.requests[-1].json["messages"][0]["content"]
    assert parts[0] == {"type": "text", "text": "Look"}
    assert parts[1]["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgo="
    assert parts[2]["image_url"]["url"] == "https://example.com/b.png"
    code, _, err = run("chat", "Look", "-i", str(tmp_path / "none.png"))
    assert (code, "cannot be read" in err) == (2, True)


def test_the_standard_input_is_the_prompt_or_a_part_of_it(local_provider: LocalProvider) -> None:
    where = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": local_provider.base_url}
    for words, expected in ((), "from a pipe"), (("Sum", "up:", "-"), "Sum up:\n\nfrom a pipe"):
        process = start("chat", *words, "-m", "openai/gpt-4o", **where)
        out, err = process.communicate("from a pipe\n", timeout=60)
        assert (process.returncode, bool(out), err) == (0, True, "")
        assert local_provider.requests[-1].json["messages"][0]["content"] == expected


def test_several_answers_are_printed_one_after_another(local_provider: LocalProvider, run: Run) -> None:
    local_provider.reply(choices=[Choice("one two"), Choice("three four")])
    assert run("chat", "Hi", "-p", "n=2") == (0, "one two\nthree four\n", "")


def test_ctrl_c_ends_it_quietly(local_provider: LocalProvider) -> None:
    where = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": local_provider.base_url}
    local_provider.delay(60)
    process = start("chat", "Hi", "-m", "openai/gpt-4o", **where)
    assert wait_until(lambda: local_provider.requests, timeout=30)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end in another way there")
def test_a_reader_that_goes_away_is_no_error() -> None:
    process = start("models")
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(30) == 0
    assert process.stdin is not None
    process.stdin.close()
    process.stderr.close()


def test_expected_failures_are_one_sentence(
    local_provider: LocalProvider, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_provider.error(401, "no such key")
    code, out, err = run("chat", "Hi", "--retries", "0")
    assert (code, out) == (1, "")
    assert err.startswith("edgequake-litellm: litellm.AuthenticationError: ")
    assert len(err.splitlines()) == 1
    for arguments, words in [
        (("chat", "Hi", "-m", "nothing"), "LLM Provider NOT provided"),
        (("chat", "Hi", "-p", "x"), "is not NAME=VALUE"),
        (("chat", "Hi", "-t", "warm"), "invalid float"),
        (("chat", "Hi", "-p", "timeout=0"), "timeout"),
        (("cost", "--prompt-tokens", "-1"), "0 or more"),
        (("cost",), "say how many tokens"),
        (("cost", "-m", "openai/nothing", "--prompt-tokens", "1"), "nothing"),
        (("doctor", "nobody"), "no provider"),
        (("fly",), "invalid choice"),
    ]:
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert words in err
        assert "Traceback" not in err
    monkeypatch.delenv("EDGEQUAKE_MODEL")
    assert "name a model" in _said(run("tokens", "Hi"))


def _said(outcome: tuple[int, str, str]) -> str:
    assert outcome[0] == 2
    return outcome[2]


def test_a_stream_that_breaks_off_keeps_what_came(local_provider: LocalProvider, run: Run) -> None:
    local_provider.cut(content="Hello there, all of you", after=2)
    code, out, err = run("chat", "Hi", "--retries", "0")
    assert code == 1
    assert out.startswith("Hello")
    assert out.endswith("\n")
    assert "MidStreamFallbackError" in err


# The others -----------------------------------------------------------------------------------------------------------------


def test_models_are_found_by_words_provider_and_mode(run: Run) -> None:
    code, out, _ = run("models", "gpt-4o", "mini", "-p", "openai", "--mode", "chat")
    assert code == 0
    names = [line.split("\t")[0] for line in out.splitlines()]
    assert "gpt-4o-mini" in names
    assert all("gpt-4o" in name and "mini" in name for name in names)
    entry = next(entry for entry in json.loads(run("models", "gpt-4o", "--json")[1]) if entry["model"] == "gpt-4o")
    assert (entry["litellm_provider"], entry["input_cost_per_token"]) == ("openai", 2.5e-06)
    assert run("models", "no such model")[0] == 1


def test_providers_say_what_they_need(run: Run) -> None:
    assert run("providers", "groq")[1] == "groq\tOpenAI\tGROQ_API_KEY\thttps://api.groq.com/openai/v1\n"
    rows = {row["name"]: row for row in json.loads(run("providers", "--json")[1])}
    assert rows["openai"]["set"] == ["OPENAI_API_KEY", "OPENAI_BASE_URL"]
    assert len(rows) > 100


def test_tokens_and_costs(run: Run) -> None:
    assert run("tokens", "hello world") == (0, "2\n", "")
    assert json.loads(run("tokens", "hello world", "--json")[1]) == {"model": "openai/gpt-4o", "tokens": 2}
    answer = json.loads(run("cost", "--prompt-tokens", "1000", "--completion-tokens", "1000", "--json")[1])
    assert (answer["prompt_cost"], answer["completion_cost"], answer["cost"]) == (0.0025, 0.01, 0.0125)
    assert "together\t2\t$0.000005\n" in run("cost", "--prompt", "hello world")[1]
    code, _, err = run("cost", "gpt-4o")
    assert (code, "cost -m gpt-4o" in err) == (2, True)


def test_the_doctor_names_what_is_missing_and_shows_no_key(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_BASE", "https://user:hidden-password@groq.example:8443/v1?token=hidden-too")
    code, out, _ = run("doctor", "--json")
    states = {state["name"]: state for state in json.loads(out)["providers"]}
    assert code == 1
    assert states["openai"]["ready"]
    assert states["groq"]["missing"] == ["GROQ_API_KEY"]
    assert states["groq"]["address"] == "https://groq.example:8443/v1"
    assert "hidden" not in out
    code, out, _ = run("doctor", "openai/gpt-4o")
    assert code == 0
    assert "ok       openai: OPENAI_API_KEY, OPENAI_BASE_URL set" in out
    code, out, _ = run("doctor", "groq")
    assert (code, "missing  groq: set GROQ_API_KEY" in out, "hidden" in out) == (1, True, False)
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("GROQ_API_BASE")
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "VERTEX", "WATSONX", "DATABRICKS")):
            monkeypatch.delenv(name)
    code, out, _ = run("doctor")
    assert code == 1
    assert "No provider is configured" in out


def test_help_and_version_need_no_model(run: Run) -> None:
    assert run("--version")[1].startswith("edgequake-litellm 1.")
    for command in ("chat", "models", "providers", "cost", "tokens", "doctor"):
        code, out, _ = run(command, "--help")
        assert (code, "--json" in out) == (0, True)
