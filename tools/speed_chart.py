"""Draw docs/images/speed.png from the table of training steps in docs/benchmarks.md.

python tools/speed_chart.py
"""

from __future__ import annotations

import re
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from glassnet.files import atomic_write
from glassnet.report.figures.style import BLUE, GREY, INK, dress, legend, new_figure, png_bytes

DOCS = Path(__file__).resolve().parent.parent / "docs"
_ROW = re.compile(r"\| ([^|]+) \| (\d+) \| ([\d.]+) \([^|]+\) \| ([\d.]+) \| ([\d.]+) \|")
_LIGHT, _BAR, _LEFT = "#9cc7e6", 0.38, 0.5


def ratios(page: str) -> dict[str, dict[int, float]]:
    """PyTorch's milliseconds over glassnet's, as the table states them: by network and number of threads."""
    found: dict[str, dict[int, float]] = {}
    for network, threads, _, _, ratio in _ROW.findall(page):
        found.setdefault(network, {})[int(threads)] = float(ratio)
    return found


def draw(found: dict[str, dict[int, float]]) -> Figure:
    """Two bars for each network, the largest ratio on top; at 1 both sides are equally fast."""
    figure = new_figure(8.2, 0.3 + 0.36 * len(found))
    axes = figure.subplots()
    names = sorted(found, key=lambda name: max(found[name].values()))
    for threads, colour, side in ((1, _LIGHT, -0.5), (2, BLUE, 0.5)):
        label = f"{threads} thread" + "s" * (threads > 1)
        places = [place - side * _BAR for place in range(len(names))]
        widths = [found[name][threads] - _LEFT for name in names]
        axes.barh(places, widths, _BAR, left=_LEFT, color=colour, label=label)
    for place, name in enumerate(names):
        most = max(found[name].values())
        axes.text(most * 1.06, place, f"{most:.3g}", va="center", fontsize=8.5, color=INK)
    axes.axvline(1, color=INK, linewidth=1)
    dress(axes, title="How many times PyTorch's speed", grid="x")
    axes.set_xscale("log")
    axes.set_xlim(_LEFT, 330)
    axes.xaxis.set_major_locator(FixedLocator([0.5, 1, 2, 5, 10, 20, 50, 100, 200]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", labelcolor=GREY)
    legend(axes, loc="lower right")
    return figure


def main() -> None:
    """Read the table, draw, save."""
    page = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    with atomic_write(DOCS / "images" / "speed.png") as file:
        file.write(png_bytes(draw(ratios(page)), scale=1.5))


if __name__ == "__main__":
    main()
