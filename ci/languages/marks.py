"""What runs of the clients have shown, and the README's table of it."""

from __future__ import annotations

from typing import Dict, List, Tuple

from clients import CLIENTS

START, END = "<!-- languages:start -->", "<!-- languages:end -->"

Faults = List[Tuple[str, str]]
"""Faults, each with the feature that it is of, or ""."""
SHOWN, FAILED, NOT_SHOWN = "✓", "✗", "–"
Marks = Dict[str, str]
"""What a run has shown of each feature."""


def chapters(transcript: str) -> Dict[str, str]:
    """The features that a transcript shows, which are its lines that are not indented, and what it says of each."""
    found: Dict[str, str] = {}
    feature = ""
    for line in transcript.splitlines():
        if not line.startswith(" "):
            feature = line
        found[feature] = found.get(feature, "") + line + "\n"
    return found


def judge(printed: str, expected: str, faults: Faults) -> Marks:
    """A mark for each feature. A fault of no one feature is one of all: such a run shows nothing."""
    said, faulty = chapters(printed), {feature for feature, _ in faults}
    marks = {
        feature: SHOWN if said.get(feature) == text and not faulty & {feature, ""} else FAILED
        for feature, text in chapters(expected).items()
    }
    # What fits no feature counts against all of them, too: a line before the first, another order.
    return marks if FAILED in marks.values() or printed == expected else dict.fromkeys(marks, FAILED)


def table(text: str, columns: List[str], shown: Dict[str, Marks]) -> str:
    """The README with the rows of the clients that ran; the other rows stay as they are, unless they have other columns."""
    head, rest = text.split(START)
    old, tail = rest.split(END)
    rows = [f"| | {' | '.join(columns)} |", "|---|" + ":-:|" * len(columns)]
    for client in CLIENTS:
        name = f"| [{client.name}](examples/{client.folder}) |"
        if client.name in shown:
            rows.append(f"{name} {' | '.join(shown[client.name].get(feature, NOT_SHOWN) for feature in columns)} |")
        elif rows[0] in old:
            rows += [line for line in old.splitlines() if line.startswith(name)]
    return head + START + "\n" + "\n".join(rows) + "\n" + END + tail
