"""A small run with everything in its folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from glassnet.experiments import Run, run_recipe
from glassnet.experiments.recipe import recipe_from
from glassnet.report import page, pages
from glassnet.report.figures import style
from glassnet.report.pages import write_run_page

CLASSIFIER = recipe_from({
    "data": {"source": "digits", "train_limit": 200, "test_limit": 50},
    "model": {"network": "conv 3x3, 4, pad 1 -> batchnorm -> relu -> dropout 0.2 -> flatten -> linear"},
    "train": {"epochs": 2},
})  # fmt: skip


def finished_run(folder: Path) -> Run:
    """The run of `CLASSIFIER`, with its report."""
    return run_recipe(CLASSIFIER, folder, on_finish=[write_run_page])


def _blank(figure: Figure) -> bytes:
    """An empty picture of a figure's shape."""
    figure.draw = lambda renderer: None  # type: ignore[method-assign]
    return style.png_bytes(figure)


_WHOLE: Any = style._SCALE, pages.run._CHECKED_EXAMPLES, page.png_bytes
_SMALL: Any = 0.25, 2, _blank


def write_small_reports(small: bool = True) -> None:
    """Pages have blank figures, and check gradients on two pictures, from here on.

    In full they are nine tenths of what a short training takes; the tests of reports have them in full.
    """
    style._SCALE, pages.run._CHECKED_EXAMPLES, page.png_bytes = _SMALL if small else _WHOLE  # type: ignore[attr-defined]
    style.png_bytes.__kwdefaults__["scale"] = style._SCALE  # type: ignore[index]


@contextmanager
def small_reports() -> Iterator[None]:
    """Reports are small within the block."""
    write_small_reports()
    try:
        yield
    finally:
        write_small_reports(False)
