"""Draws results.json: how many times better than litellm each client does. Run by report.py in a venv with matplotlib.

A bar starts at litellm (1 ×) and its length is a number of powers of ten, so the logarithmic scale has a true zero. The
background is transparent and every colour stands out from white and from near black, as READMEs are read on both.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from metrics import FIGURES, amount
from peers import FLOOR, LITELLM, OURS, STDLIB

TEXT = "#727d89"
GRID = "#8b949e"
OURS_COLOUR = "#d9730d"
PEER_COLOUR = "#5b8db8"
# What no Python package is measured by: no package at all, and no Python at all.
BASELINE_COLOUR = "#98a1ab"

PANELS = [
    ("call_cpu", "CPU of a call"),
    ("acall_50_rate", "Async calls a second, 50 at once"),
    ("astream_cpu", "CPU of a streamed chunk"),
    ("afirst_chunk", "Time to the first text"),
    ("memory", "Memory of a call in flight"),
    ("cold", "Import and first call"),
]
LABELS = {
    "edgequake-litellm-pyo3": "PyO3 edgequake-litellm",
    STDLIB: "http.client + json",
    FLOOR: "bare reqwest, in Rust",
}


def colour(name: str) -> str:
    return OURS_COLOUR if name == OURS else BASELINE_COLOUR if name in (STDLIB, FLOOR) else PEER_COLOUR


def draw_panel(axes, contenders, names, key, title):
    figures = {name: entry["figures"] for name, entry in contenders.items()}
    figure = next(figure for figure in FIGURES if figure.key == key)
    base = figures[LITELLM][key]["median"]
    for row, name in enumerate(names):
        summary = figures[name].get(key)
        style = {"fontsize": 8, "va": "center", "color": TEXT}
        if name == OURS:
            style.update(color=OURS_COLOUR, fontweight="bold")
        if not summary:
            axes.text(
                1.14, row, contenders[name]["lacks"].get(figure.job, "failed"), **{**style, "fontstyle": "italic"}
            )
            continue
        value = summary["median"]
        times = value / base if figure.more_is_better else base / value
        axes.barh(row, times - 1, left=1, height=0.62, color=colour(name))
        shown = f"{times:.0f} ×" if times >= 10 else f"{times:.1f} ×"
        text = f"{shown}   {amount(value, key)}"
        axes.text(max(times, 1) * 1.14, row, text, **style)
    axes.axvline(1, color=GRID, linewidth=1)
    axes.set_title(title, loc="left", fontsize=10, color=TEXT, fontweight="bold", pad=16)
    axes.text(0, 1.03, f"litellm: {amount(base, key)}", transform=axes.transAxes, fontsize=8, color=TEXT)


def main() -> None:
    results = json.loads(Path(sys.argv[1]).read_text())
    contenders = results["contenders"]
    if LITELLM not in contenders:
        raise SystemExit("litellm was not measured, and the plot compares with it")
    names = [name for name in contenders if name != LITELLM]

    mpl.rcParams.update({"font.family": "sans-serif", "svg.hashsalt": "edgequake", "svg.fonttype": "path"})
    plot, grid = plt.subplots(2, 3, figsize=(11, 5.4), sharex=True, sharey=True)
    for axes, (key, title) in zip(grid.flat, PANELS):
        if key in contenders[LITELLM]["figures"]:
            draw_panel(axes, contenders, names, key, title)
        axes.set_xscale("log")
        axes.set_xlim(0.18, 30_000)
        axes.set_xticks([1, 10, 100, 1000], ["1 ×", "10 ×", "100 ×", "1000 ×"])
        axes.minorticks_off()
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_yticks(range(len(names)), [LABELS.get(name, name) for name in names])
        axes.tick_params(length=0, colors=TEXT, labelsize=8)
        axes.grid(axis="x", color=GRID, alpha=0.2, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_frame_on(False)
        for label, name in zip(axes.get_yticklabels(), names):
            if name == OURS:
                label.set(color=OURS_COLOUR, fontweight="bold")
    plot.suptitle("How many times better than litellm each client does", x=0.013, ha="left", fontsize=13, color=TEXT)
    machine = results["machine"]
    plot.text(
        0.013,
        0.012,
        f"Logarithmic scale; longer is better. {machine['cores']} cores, {machine['python']}, local server, "
        f"median of {results['settings']['repetitions']}, {results['date']}.",
        fontsize=8,
        color=TEXT,
    )
    plot.tight_layout(rect=(0, 0.03, 1, 0.99), h_pad=2.0)
    folder = Path(__file__).resolve().parent
    for suffix, options in (("svg", {"metadata": {"Date": None}}), ("png", {"dpi": 200})):
        plot.savefig(folder / f"plot.{suffix}", transparent=True, **options)


if __name__ == "__main__":
    main()
