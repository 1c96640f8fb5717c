"""What a reader sees of the results: a table on the terminal, the tables in README.md and docs/benchmarks.md, the plot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Optional

import peers
from metrics import FIGURES, Figure, amount
from peers import LITELLM, OURS, REPOSITORY, VENVS

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
START, END = "<!-- bench:start -->", "<!-- bench:end -->"
MATPLOTLIB = "matplotlib==3.9.4"  # the last that runs on Python 3.9

# What the README's table leaves to docs/benchmarks.md.
README_FIGURES = [
    "call_cpu",
    "acall_50_rate",
    "acall_50_cpu",
    "stream_cpu",
    "astream_cpu",
    "call_anthropic_cpu",
    "stream_anthropic_cpu",
    "call_gemini_cpu",
    "stream_gemini_cpu",
    "router_overhead",
    "cached_cpu",
    "acached_cpu",
    "afirst_chunk",
    "memory",
    "import_time",
    "import_memory",
    "cold",
    "library",
    "installed",
]


def reference(results: dict[str, Any]) -> str:
    """Whom the others are compared with: this package, or where it was not measured litellm, or else the first."""
    names = [
        name for name in (OURS, LITELLM, *results["contenders"]) if results["contenders"].get(name, {}).get("figures")
    ]
    return names[0] if names else ""


def worse(figure: Figure, theirs: float, ours: float) -> float:
    """How many times worse than the reference: above 1 it takes more, or does less a second."""
    return ours / theirs if figure.more_is_better else theirs / ours


def times(number: float) -> str:
    return f"{number:.0f} ×" if number >= 10 else f"{number:.1f} ×" if number >= 0.95 else f"{number:.2f} ×"


def cell(results: dict[str, Any], name: str, figure: Figure, spread: bool = False) -> str:
    contender = results["contenders"][name]
    summary = contender["figures"].get(figure.key)
    if not summary:
        return "–" if figure.job in contender["lacks"] or figure.job in ("size", "import", "cold") else "failed"
    text = amount(summary["median"], figure.key)
    if spread and len(summary["samples"]) > 1 and summary["high"] > summary["low"]:
        low, high = amount(summary["low"], figure.key), amount(summary["high"], figure.key)
        return f"{text} ({low.split()[0].removesuffix('/s')} – {high})"
    return text


def ratio_cell(results: dict[str, Any], name: str, figure: Figure) -> str:
    base = results["contenders"][reference(results)]["figures"].get(figure.key)
    summary = results["contenders"][name]["figures"].get(figure.key)
    if name == reference(results):
        return f"**{cell(results, name, figure)}**"
    if not base or not summary or not summary["median"]:
        return cell(results, name, figure)
    return times(worse(figure, summary["median"], base["median"])) if base["median"] else cell(results, name, figure)


def heading(results: dict[str, Any], name: str) -> str:
    entry = results["contenders"][name]
    return entry["label"] if name == OURS or not entry["version"] else f"{entry['label']} {entry['version']}"


def table(results: dict[str, Any], figures: list[Figure], cells: Callable[[str, Figure], str]) -> list[str]:
    names = list(results["contenders"])
    lines = [f"| | {' | '.join(heading(results, name) for name in names)} |", "|---|" + "--:|" * len(names)]
    for figure in figures:
        row = [cells(name, figure) for name in names]
        # Results from before a figure was measured lack it, which is no failure.
        measured = any(figure.key in entry["figures"] for entry in results["contenders"].values())
        if measured and any(text != "–" for text in row):
            lines.append(f"| {figure.label} | {' | '.join(row)} |")
    return lines


def budget_table(results: dict[str, Any]) -> list[str]:
    lines = ["| budget | limit | measured | |", "|---|---|---|---|"]
    for budget in results["budgets"]:
        mark = "✓" if budget["met"] else "**✗**"
        lines.append(f"| {budget['what']} | {budget['limit']} | {budget['measured']} | {mark} |")
    return lines


def conditions(results: dict[str, Any]) -> str:
    machine, settings = results["machine"], results["settings"]
    server = results.get("server_us", {})
    cost = f" The server takes {server['call']['median']:.0f} µs of CPU a call." if "call" in server else ""
    load = machine["load_before"]
    busy = f" The machine was busy with other work (load {load:.1f})." if load > 0.5 else ""
    return (
        f"{results['date']}, {machine['cores']} cores of {machine['cpu']}, {machine['system']}, {machine['python']}; "
        f"medians of {settings['repetitions']} processes for each number.{cost}{busy}"
    )


def absences(results: dict[str, Any]) -> list[str]:
    lines = [f"- {name} is absent: it {reason}." for name, reason in results["absent"].items()]
    return lines + [f"- {what} failed: {reason}." for what, reason in results["failures"].items()]


def readme_section(results: dict[str, Any]) -> list[str]:
    figures = [figure for figure in FIGURES if figure.key in README_FIGURES]
    base = results["contenders"][reference(results)]["label"]
    missed, all_of_them = sum(not budget["met"] for budget in results["budgets"]), len(results["budgets"])
    budgets = "the [budgets](docs/benchmarks.md#budgets) that this package sets itself"
    honest = f"It misses {missed} of {all_of_them} of {budgets}." if missed else f"It keeps {budgets}."
    legend = f"N × means: N times what {base} takes (for calls a second: {base} does N times as many)."
    return [
        "![How many times better than litellm each client does, in CPU, calls a second, memory and import](benchmarks/plot.svg)",
        "",
        *table(results, figures, lambda name, figure: ratio_cell(results, name, figure)),
        "",
        f"{legend} {conditions(results)} [How it is measured, and every number](docs/benchmarks.md).",
        "",
        honest,
        *absences(results),
    ]


def docs_section(results: dict[str, Any]) -> list[str]:
    missing = absences(results)
    return [
        f"{conditions(results)}",
        *(["", *missing] if missing else []),
        "",
        "### Budgets",
        "",
        *budget_table(results),
        "",
        "### Every number: median (lowest – highest)",
        "",
        *table(results, FIGURES, lambda name, figure: cell(results, name, figure, spread=True)),
    ]


def text(results: dict[str, Any]) -> str:
    """The results for a terminal: one line a figure and contender."""
    lines = [conditions(results), ""]
    for figure in FIGURES:
        rows = [(name, entry["figures"].get(figure.key)) for name, entry in results["contenders"].items()]
        if not any(summary for _, summary in rows):
            continue
        lines.append(figure.label)
        for name, summary in rows:
            if summary:
                against = ratio_cell(results, name, figure) if name != reference(results) else ""
                lines.append(f"    {name:<24} {cell(results, name, figure, spread=True):<36} {against}")
    if results["budgets"]:
        lines += ["", "Budgets"]
    for budget in results["budgets"]:
        mark = "ok    " if budget["met"] else "MISSED"
        lines.append(f"    {mark} {budget['what']:<44} {budget['limit']:<24} {budget['measured']}")
    return "\n".join([*lines, *absences(results)])


def replace_section(path: Path, lines: list[str], say: Callable[[str], None]) -> None:
    """Puts the lines between the file's markers; a file without markers is named and left as it is."""
    content = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, start, rest = content.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        say(f"{path.name} has no {START} … {END}: no table was written there")
        return
    path.write_text("\n".join([before + START, "", *lines, "", END]) + after, encoding="utf-8")
    say(f"wrote the tables of {path.relative_to(REPOSITORY)}")


def write(results: dict[str, Any], say: Callable[[str], None]) -> None:
    replace_section(REPOSITORY / "README.md", readme_section(results), say)
    replace_section(REPOSITORY / "docs" / "benchmarks.md", docs_section(results), say)
    problem = plot(say)
    say(f"no plot: {problem}" if problem else "wrote benchmarks/plot.svg and benchmarks/plot.png")


def plot(say: Callable[[str], None]) -> Optional[str]:
    """Draws the plot with a matplotlib of its own; why it could not, or None."""
    venv = VENVS / "plot"
    python = venv / "bin" / "python"
    try:
        if not (venv / "installed").is_file():
            say(f"installing matplotlib into {venv.relative_to(REPOSITORY)} …")
            peers.run([sys.executable, "-m", "venv", "--clear", str(venv)])
            peers.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", MATPLOTLIB])
            (venv / "installed").write_text(MATPLOTLIB)
        peers.run([str(python), str(HERE / "plot.py"), str(RESULTS)])
    except subprocess.CalledProcessError as error:
        return peers.last_line(error.output)
    return None
