"""The page of a sweep: several runs side by side, the best one marked."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.errors import DataError
from glassnet.experiments import Sweep
from glassnet.notation import is_real
from glassnet.report.figures import style
from glassnet.report.figures.curves import Record, best_epoch, epoch_records, learning_curves, measure_of
from glassnet.report.html import Html, element
from glassnet.report.page import Chart, Heading, Panel, write_page
from glassnet.report.tables import Cell, number, percent, table

__all__ = ["SweepRun", "best_run", "sweep_report", "write_sweep_page"]

_LOWER_IS_BETTER = ("loss", "error", "seconds", "mse", "distance")
_BEST_BY = ("valid_accuracy", "valid_psnr", "valid_loss", "accuracy", "psnr", "loss")


@dataclass
class SweepRun:
    """One run of a sweep.

    Attributes
    ----------
    label : str
        What sets it apart, such as "optimizer.lr = 0.002".
    history : sequence of Record
        Its records, see `learning_curves`.
    figures : mapping of str to object
        Final figures by name ("valid_accuracy", "valid_loss", "seconds", ...); names with "accuracy" are shares. Taken
        from the history's best (else last) epoch if empty.
    link : str
        A relative address of the run's own report, or "".
    failed : str
        Why it failed, in one line, or "".
    """

    label: str
    history: Sequence[Record]
    figures: Mapping[str, Any] = field(default_factory=dict)
    link: str = ""
    failed: str = ""

    def final(self) -> dict[str, Any]:
        """The given figures, or those of the best epoch on validation, or of the last epoch; none of a failed run."""
        if self.failed:
            return {}
        if self.figures:
            return dict(self.figures)
        records = epoch_records(self.history)
        if not records:
            return {}
        best = best_epoch(self.history)
        chosen = next((r for r in records if best is not None and r.get("epoch") == best[0]), records[-1])
        return {key: value for key, value in chosen.items() if key not in ("kind", "rate", "step") and is_real(value)}


def best_run(runs: Sequence[SweepRun], by: str | None = None) -> tuple[int, str] | None:
    """Index of the best run and the figure that decided; `None` if no run has it as a finite number.

    Parameters
    ----------
    by : str, optional
        Name of the figure; the first known of valid_accuracy, valid_psnr, valid_loss, accuracy, psnr, loss unless told.
        Losses, errors, distances and seconds are better when lower. Of equal ones the lower validation loss is better,
        as for epochs; then the earlier run.
    """
    finals = [run.final() for run in runs]
    for name in (by,) if by else _BEST_BY:
        known = [(float(f[name]), i) for i, f in enumerate(finals) if is_real(f.get(name)) and math.isfinite(f[name])]
        if known:
            sign = 1.0 if any(word in name for word in _LOWER_IS_BETTER) else -1.0
            losses = style.finite(final.get("valid_loss") for final in finals)
            losses = np.where(np.isnan(losses), math.inf, losses)
            return min((sign * value, float(losses[i]), i) for value, i in known)[2], name
    return None


def write_sweep_page(sweep: Sweep) -> list[Path]:
    """Write `index.html` into the folder of a sweep; returns its path, as a finisher does. Raises `GlassnetError`."""
    compared = []
    for label, folder in sweep.folders.items():
        run, history, link = sweep.runs.get(label), sweep.history(label), folder / "report.html"
        figures = {} if run is None else run.figures()
        address = f"{folder.name}/{link.name}" if link.exists() and run is not None else ""
        compared.append(SweepRun(label, history, figures, address, sweep.failed.get(label, "")))
    return sweep_report(sweep.folder / "index.html", compared, title=sweep.title or "Sweep")


def sweep_report(
    path: str | os.PathLike[str],
    runs: Sequence[SweepRun],
    *,
    title: str = "Sweep",
    sentence: str = "",
    best_by: str | None = None,
) -> list[Path]:
    """Write one self-contained HTML file that compares several runs: a table of final figures and all learning curves.

    Parameters
    ----------
    path : path-like
        The file.
    runs : sequence of SweepRun
        At least one.
    title, sentence : str
        The top of the page; which run is best is added.
    best_by : str or None
        The figure that decides, see `best_run`.

    Returns
    -------
    list of Path
        The paths written.

    Raises
    ------
    DataError
        No runs were given.
    GlassnetError
        The file cannot be written.
    """
    if not runs:
        raise DataError("A sweep report needs at least one run. Got none.")
    best = best_run(runs, best_by)
    if best is not None:
        name = _heading(best[1])
        shown = _show(best[1], runs[best[0]].final()[best[1]])
        sentence = f"{sentence} Best of {len(runs)} runs by {name}: {runs[best[0]].label}, with {shown}.".strip()
    panels = (_runs_panel(runs, best), _failures_panel(runs), _curves_panel(runs, best))
    return write_page(path, Heading(title, sentence), [panel for panel in panels if panel is not None])


def _runs_panel(runs: Sequence[SweepRun], best: tuple[int, str] | None) -> Panel:
    lead = "The best run is marked. Click a heading to sort."
    return Panel("runs", "The runs", lead, body=_final_table(runs, best))


def _failures_panel(runs: Sequence[SweepRun]) -> Panel | None:
    failed = [run for run in runs if run.failed]
    if not failed:
        return None
    lead = f"{len(failed)} of {len(runs)} runs failed; the others went on."
    rows = [
        [Cell(element("span", run.label, class_="label"), run.label), Cell(run.failed, run.failed)] for run in failed
    ]
    return Panel("failed", "What failed", lead, body=table([("run", False), ("reason", False)], rows))


def _curves_panel(runs: Sequence[SweepRun], best: tuple[int, str] | None) -> Panel:
    measured = any(measure_of(run.history) is not None for run in runs)
    lead = "One column for each run, on one axis."
    if measured:
        lead = "One column for each run, the loss above; all share their axes."
    labels = _distinct([f"{run.label}  ★" if best and i == best[0] else run.label for i, run in enumerate(runs)])
    histories = {label: run.history for label, run in zip(labels, runs, strict=True)}
    chart = Chart("learning_curves", lambda: learning_curves(histories), "Learning curves, one column for each run")
    return Panel("curves", "Learning curves", lead, chart)


def _distinct(labels: list[str]) -> list[str]:
    """Labels name the columns, so equal ones get a number."""
    seen: dict[str, int] = {}
    named = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        named.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return named


def _final_table(runs: Sequence[SweepRun], best: tuple[int, str] | None) -> Html:
    finals = [run.final() for run in runs]
    names = sorted(dict.fromkeys(name for final in finals for name in final), key=lambda name: name == "seconds")
    headings = [("run", False)] + [(_heading(name), True) for name in names]
    rows = []
    for i, (run, final) in enumerate(zip(runs, finals, strict=True)):
        label: object = element("a", run.label, href=run.link) if run.link else run.label
        mark = element("span", "best", class_="badge good") if best and best[0] == i else None
        if run.failed:
            mark = element("span", "failed", class_="badge bad")
        cells = [Cell(element("span", label, " ", mark, class_="label"), run.label)]
        rows.append(cells + [Cell(_show(name, final.get(name)), _key(final.get(name))) for name in names])
    return table(headings, rows, sortable=True, marked=None if best is None else best[0])


def _key(value: Any) -> float:
    if isinstance(value, list | tuple) and value:
        value = value[0]
    return float(value) if is_real(value) else math.nan


def _show(name: str, value: Any) -> str:
    if "accuracy" in name and is_real(value):
        return percent(float(value), 2)
    if "accuracy" in name and isinstance(value, list | tuple) and len(value) == 2 and all(map(is_real, value)):
        return f"{100 * value[0]:.1f} – {percent(value[1])}"
    return number(value)


def _heading(name: str) -> str:
    if name == "accuracy_interval":
        return "95 % interval"
    return name.replace("valid_", "validation_").replace("_", " ")
