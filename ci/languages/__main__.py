"""Builds the clients of examples/, runs them and compares what they print: ``python ci/languages [--write] [CLIENT …]``.

Each client runs its program against the same library and the same kind of server, and has to print examples/transcript.txt, byte for
byte; what the server saw has to fit. README.md has a table of the result: ``--write`` puts it there, otherwise it is compared.
What a machine has no tools for is reported and left out; with ``--all`` that is a failure.
"""

from __future__ import annotations

import argparse
import difflib
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Optional

from clients import BUILD, CLIENTS, EXAMPLES, ROOT, Client, Failed, Missing, environment, named
from stage import KEY, REFUSED_KEY, Stage

from edgequake_litellm.testing import Error, LocalProvider

README = ROOT / "README.md"
START, END = "<!-- languages:start -->", "<!-- languages:end -->"
PROGRAM_LIMIT_S = 180


def features(transcript: str) -> List[str]:
    """What a transcript shows: its headings, which are the lines that are not indented."""
    return [line for line in transcript.splitlines() if not line.startswith(" ")]


def show(text: str) -> None:
    print("".join(f"    {line}\n" for line in text.rstrip("\n").splitlines()), end="", flush=True)


def try_client(client: Client, library: Path, expected: str) -> Optional[List[str]]:
    """What a client has shown; None where it failed."""
    started = time.monotonic()
    try:
        command = client.build(library)
    except Failed as failure:
        print(f"{client.name}: does not build")
        show(str(failure))
        return None
    built = time.monotonic()
    stage = Stage()
    with stage.provider as provider:
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
            print(f"{client.name}: did not end within {PROGRAM_LIMIT_S} s; it printed")
            show((late.stdout or b"").decode(errors="replace"))
            return None
        faults = stage.faults()
    printed, complaints = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    if done.returncode != 0:
        faults.append(f"the exit status is {done.returncode}")
    if complaints:
        faults.append(f"it wrote to stderr: {complaints.rstrip()}")
    if any(key in printed + complaints for key in (KEY, REFUSED_KEY)):
        faults.append("a key was shown")
    if printed != expected:
        lines = difflib.unified_diff(expected.splitlines(), printed.splitlines(), "expected", "printed", lineterm="")
        faults.append("the transcript is another one:\n" + "\n".join(lines))
    elapsed = f"built in {built - started:.1f} s, ran {time.monotonic() - built:.1f} s"
    if faults:
        print(f"{client.name}: failed ({elapsed})")
        for fault in faults:
            show(fault)
        return None
    held = f"the server was held at {stage.pages_while_held} pages of {stage.pages}"
    print(f"{client.name}: the same transcript ({elapsed}; {held})", flush=True)
    return features(printed)


def try_router() -> bool:
    """Runs the router's example, which Go has, and says whether it printed what it should."""
    expected = (EXAMPLES / "go/router/transcript.txt").read_text(encoding="utf-8")
    failing = Error(500, "Not today.")
    with LocalProvider(responder=lambda request: failing if request.json["model"] == "fails" else "Hello") as provider:
        command = [str(BUILD / "go/router"), provider.base_url, KEY]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROGRAM_LIMIT_S, check=False
        )
        requests = len(provider.requests)
    printed = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode == 0 and printed == expected and requests == _ROUTED:
        print("Go: the router answers as it should", flush=True)
        return True
    print(f"Go: the router failed (exit status {done.returncode}, {requests} requests)")
    lines = difflib.unified_diff(expected.splitlines(), printed.splitlines(), "expected", "printed", lineterm="")
    show("\n".join(lines))
    return False


# 40 calls that are spread, one that fails and the one made instead, one after the change.
_ROUTED = 43


def table(text: str, columns: List[str], shown: Dict[str, List[str]]) -> str:
    """The README with the rows of the clients that ran; the other rows stay as they are."""
    head, rest = text.split(START)
    old, tail = rest.split(END)
    rows = [
        f"| | loads the library by | gives events by | {' | '.join(columns)} |",
        "|---|---|---|" + ":-:|" * len(columns),
    ]
    for client in CLIENTS:
        name = f"| [{client.name}](examples/{client.folder}) |"
        if client.name in shown:
            marks = " | ".join("✓" if feature in shown[client.name] else "–" for feature in columns)
            rows.append(f"{name} {client.loads} | {client.reads} | {marks} |")
        else:
            rows += [line for line in old.splitlines() if line.startswith(name)]
    return head + START + "\n" + "\n".join(rows) + "\n" + END + tail


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
    shown: Dict[str, List[str]] = {}
    failed: List[str] = []
    for client in CLIENTS:
        if given.clients and client.folder not in given.clients:
            continue
        try:
            result = try_client(client, library, expected)
        except Missing as missing:
            print(f"{client.name}: NOT TRIED, {missing}", flush=True)
            if given.all and not client.optional:
                failed.append(client.name)
            continue
        if result is None:
            failed.append(client.name)
        elif client.folder == "go" and not try_router():
            failed.append("the router of Go")
        else:
            shown[client.name] = result
    if failed:
        print(f"failed: {', '.join(failed)}")
        return 1
    text = README.read_text(encoding="utf-8")
    made = table(text, features(expected), shown)
    if given.write:
        README.write_text(made, encoding="utf-8")
    elif text != made:
        print("README.md has another table of languages than these runs: run `make languages WRITE=1`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
