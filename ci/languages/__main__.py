"""Builds the clients of examples/, runs them and compares what they print: ``python ci/languages [--write] [CLIENT …]``.

Each client runs its program against the same library and the same kind of server, and has to print examples/transcript.txt, byte for
byte; what the server saw has to fit. Go has a second program, with a router and a cache. README.md has a table of what the runs have
shown, and nothing else: ``--write`` puts it there, otherwise it is compared. What a machine has no tools for is reported and left out;
with ``--all`` that is a failure.
"""

from __future__ import annotations

import argparse
import difflib
import itertools
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Optional, Tuple, Union

from clients import BUILD, CLIENTS, EXAMPLES, ROOT, Client, Failed, Missing, environment, named
from marks import FAILED, Faults, Marks, chapters, judge, table
from stage import KEY, REFUSED_KEY, Stage

from edgequake_litellm.testing import Error, LocalProvider, Request

README = ROOT / "README.md"
PROGRAM_LIMIT_S = 180


def show(text: str) -> None:
    print("".join(f"    {line}\n" for line in text.rstrip("\n").splitlines()), end="", flush=True)


def perform(command: List[str], library: Path, provider: LocalProvider) -> Tuple[str, Faults]:
    """What a program has printed, and what is wrong with how it ran."""
    try:
        done = subprocess.run(
            [*command, provider.base_url, KEY],
            env=environment(library),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROGRAM_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode(errors="replace"), [("", f"it did not end within {PROGRAM_LIMIT_S} s")]
    faults = []
    printed, complaints = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    if done.returncode != 0:
        faults.append(("", f"the exit status is {done.returncode}"))
    if complaints:
        faults.append(("", f"it wrote to stderr: {complaints.rstrip()}"))
    if any(key in printed + complaints for key in (KEY, REFUSED_KEY)):
        faults.append(("", "a key was shown"))
    return printed, faults


def report(name: str, printed: str, expected: str, faults: Faults, how: str) -> Marks:
    """Prints how a program has fared, and marks it."""
    marks = judge(printed, expected, faults)
    if printed == expected and not faults:
        print(f"{name}: the same transcript ({how})", flush=True)
        return marks
    print(f"{name}: failed ({how})")
    for _, fault in faults:
        show(fault)
    if printed != expected:
        lines = difflib.unified_diff(expected.splitlines(), printed.splitlines(), "expected", "printed", lineterm="")
        show("the transcript is another one:\n" + "\n".join(lines))
    return marks


def build(client: Client, library: Path) -> Optional[List[str]]:
    """The command of a client's program; None where it does not build, which it prints."""
    started = time.monotonic()
    try:
        command = client.build(library)
    except Failed as failure:
        print(f"{client.name}: does not build")
        show(str(failure))
        return None
    print(f"{client.name}: built in {time.monotonic() - started:.1f} s", flush=True)
    return command


def try_transcript(client: Client, command: List[str], library: Path, expected: str) -> Marks:
    """Runs the program that every client has."""
    started = time.monotonic()
    stage = Stage()
    with stage.provider as provider:
        printed, faults = perform(command, library, provider)
        faults += stage.faults()
    how = f"{time.monotonic() - started:.1f} s; the server was held at {stage.pages_while_held} pages of {stage.pages}"
    return report(client.name, printed, expected, faults, how)


def try_policies(client: Client, library: Path, expected: str) -> Marks:
    """Runs the program of a router and a cache, which is built with its client."""
    number = itertools.count(1)

    def respond(request: Request) -> Union[Error, str]:
        if request.json["model"] == "fails":
            return Error(500, "Not today.")
        greeted = request.json["messages"][-1]["content"] == "Hello"
        return "Hello" if greeted else f"Answer {next(number)}"

    with LocalProvider(responder=respond) as provider:
        printed, faults = perform([str(BUILD / client.folder / "router")], library, provider)
        requests = len(provider.requests)
    if requests != REQUESTS_OF_POLICIES:
        faults.append(("", f"the server saw {requests} requests instead of {REQUESTS_OF_POLICIES}"))
    return report(f"{client.name}, router and cache", printed, expected, faults, f"{requests} requests")


# 40 calls that are spread, one that fails and the one made instead, one after the change; two questions, and one of them again by a
# call that takes no kept answer.
REQUESTS_OF_POLICIES = 46


def main() -> int:
    parser = argparse.ArgumentParser(prog="ci/languages", description="Runs the clients of examples/ side by side.")
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help=f"of {', '.join(each.folder for each in CLIENTS)}")
    parser.add_argument("--library", type=Path, required=True, help="the shared library that they all load")
    parser.add_argument("--all", action="store_true", help="fail where a client cannot be tried on this machine")
    parser.add_argument("--write", action="store_true", help="write the table into README.md")
    given = parser.parse_args()
    unknown = [name for name in given.clients if named(name) is None]
    if unknown:
        parser.error(f"no such client: {', '.join(unknown)}")
    library = given.library.resolve(strict=True)
    expected = (EXAMPLES / "transcript.txt").read_text(encoding="utf-8")
    of_policies = (EXAMPLES / "go/router/transcript.txt").read_text(encoding="utf-8")
    shown: Dict[str, Marks] = {}
    missing: List[str] = []
    for client in CLIENTS:
        if given.clients and client.folder not in given.clients:
            continue
        try:
            command = build(client, library)
        except Missing as reason:
            print(f"{client.name}: NOT TRIED, {reason}", flush=True)
            if given.all and not client.optional:
                missing.append(client.name)
            continue
        programs = [expected, *([of_policies] if client.folder == "go" else [])]
        if command is None:
            shown[client.name] = {feature: FAILED for program in programs for feature in chapters(program)}
            continue
        shown[client.name] = try_transcript(client, command, library, expected)
        if of_policies in programs:
            shown[client.name].update(try_policies(client, library, of_policies))
    text = README.read_text(encoding="utf-8")
    made = table(text, [*chapters(expected), *chapters(of_policies)], shown)
    if given.write:
        README.write_text(made, encoding="utf-8")
    failed = [name for name, marks in shown.items() if FAILED in marks.values()] + missing
    if failed:
        print(f"failed: {', '.join(failed)}")
        return 1
    if text != made and not given.write:
        print("README.md has another table of languages than these runs: run `make languages WRITE=1`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
