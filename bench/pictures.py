"""Curves of what was measured, for the README: Fujin and its peers against the number of consoles, as SVG.

`python -m bench.pictures DIR`, DIR being what `python -m bench --out DIR` wrote. Needs the extra `bench` (matplotlib).
Never measures; the colours can be read on a light page and on a dark one.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_TO = Path(__file__).resolve().parent.parent / "docs" / "pictures"
_INK, _LINES = "#7a828c", "#9aa3ad55"
_STYLES = {
    "Fujin, HTTP": ("#3b82c4", "-"),
    "Fujin, WebSocket": ("#3b82c4", "--"),
    "Socket.IO + Redis streams": ("#c08a3e", "-"),
    "nchan + Redis": ("#5f9e6e", "-"),
    "nchan, no store": ("#5f9e6e", "--"),
    "broadcaster on uvicorn": ("#a077b5", "-"),
}
Found = Mapping[str, Mapping[str, Any]]
"""Of each subject, by the number of consoles: the medians of its rounds."""


def figures_of(file: Path) -> Found:
    """What `bench.fanout` found, from its JSON."""
    results = json.loads(file.read_text("utf-8"))["results"]
    return {name: {count: each["together"] for count, each in found.items()} for name, found in results.items()}


def draw(found: Found, to: Path) -> list[Path]:
    """Three pictures: deliveries a second, how soon the last console has an alarm, CPU for each delivery."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {
        "svg.fonttype": "none", "svg.hashsalt": "fujin", "font.family": "sans-serif", "font.size": 10,
        "text.color": _INK, "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK, "axes.edgecolor": _INK,
        "axes.titlesize": 11, "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
    }  # fmt: skip
    to.mkdir(parents=True, exist_ok=True)
    return [
        _picture(found, to / "fanout-deliveries.svg",
                 {"Deliveries a second": lambda each: each["deliveries_s"] / 1000},
                 unit="thousands a second"),
        _picture(found, to / "fanout-latency.svg",
                 {"From the press to the last console, p50": lambda each: each["every_ms"]["p50"],
                  "p99": lambda each: each["every_ms"]["p99"]}, unit="ms", log=True),
        _picture(found, to / "fanout-cpu.svg",
                 {"CPU of the server for each delivery": lambda each: each["server_us"]}, unit="µs", log=True),
    ]  # fmt: skip


def _picture(
    found: Found, file: Path, panels: Mapping[str, Callable[[Mapping[str, Any]], float]], unit: str, log: bool = False
) -> Path:
    """One curve for each subject in each panel."""
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter

    plain = FuncFormatter(lambda value, _: f"{value:,g}")
    figure, axes = pyplot.subplots(1, len(panels), figsize=(3.6 + 3.8 * len(panels), 4.2), sharey=True, squeeze=False)
    for (title, value), axis in zip(panels.items(), axes[0], strict=True):
        for name, by_count in found.items():
            colour, dashes = _STYLES.get(name, (_INK, ":"))
            counts = sorted(map(int, by_count))
            axis.plot(counts, [value(by_count[str(count)]) for count in counts], dashes, color=colour, label=name,
                      marker="o", markersize=4, linewidth=2.2 if name.startswith("Fujin") else 1.5)  # fmt: skip
        axis.set_title(title)
        axis.set_xscale("log")
        axis.set_xlabel("consoles of one station")
        axis.set_xticks(sorted({int(count) for by_count in found.values() for count in by_count}))
        axis.xaxis.set_major_formatter(plain)
        axis.xaxis.set_minor_formatter("")
        if log:
            axis.set_yscale("log")
        else:
            axis.set_ylim(bottom=0)
        axis.yaxis.set_major_formatter(plain)
        axis.grid(color=_LINES, linewidth=0.6)
    axes[0][0].set_ylabel(unit)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False, labelcolor=_INK)
    figure.set_layout_engine("constrained")
    figure.savefig(file, transparent=True, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    return file


def main() -> int:
    """Draw; 1 when there is nothing to draw from, or nothing to draw with."""
    parser = argparse.ArgumentParser(prog="python -m bench.pictures", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR", help="what python -m bench --out DIR wrote")
    parser.add_argument("--to", type=Path, default=_TO, metavar="DIR", help="docs/pictures without")
    chosen = parser.parse_args()
    try:
        for file in draw(figures_of(chosen.folder / "fanout.json"), chosen.to):
            print(file)
    except (FileNotFoundError, ModuleNotFoundError) as fault:
        print(f"{fault}: first python -m bench --only fanout --out {chosen.folder}, and pip install '.[bench]'",
              file=sys.stderr)  # fmt: skip
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
