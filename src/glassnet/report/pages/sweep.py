"""The page of a sweep: what came of each value, all runs as a table, their curves over one another, what failed."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.errors import DataError
from glassnet.experiments import Run, Sweep
from glassnet.metrics import wilson_interval
from glassnet.notation import is_real
from glassnet.report.figures import style
from glassnet.report.figures.compared import Compared, State, compared_curves, swept_figure
from glassnet.report.figures.curves import Measure, Record, best_epoch, epoch_records
from glassnet.report.html import Html, element, join
from glassnet.report.page import Chart, Heading, Panel, write_page
from glassnet.report.tables import Cell, interval_text, number, percent, table
from glassnet.text import shorten

__all__ = ["SweepRun", "best_run", "short_settings", "sweep_report", "write_sweep_page"]

_LOWER_IS_BETTER = ("loss", "error", "seconds", "mse", "distance")
_BEST_BY = ("valid_accuracy", "valid_psnr", "valid_error", "valid_loss", "accuracy", "psnr", "error", "loss")
_SHARES = ("accuracy", "error", "word_error")
_MEASURES = (
    Measure("accuracy", "Accuracy", True),
    Measure("psnr", "PSNR in dB", False),
    Measure("error", "Character error rate", True),
    Measure("loss", "Loss", False),
)
_LONGEST_NAME = 60  # letters of a run's name in a sentence


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
        Final figures by name ("valid_accuracy", "valid_loss", "seconds", ...); names with "accuracy" are shares, those
        that end in "_interval" pairs. Taken from the history's best (else last) epoch if empty.
    link : str
        A relative address of the run's own report, or "".
    failed : str
        Why it failed, in one line, or "".
    diverged : str
        How it diverged, though it finished, or "".
    settings : mapping of str to value
        The values that set it apart by setting, {"optimizer.lr": 0.002}; the label stands for them if empty.
    part : str
        What its figures are of where their names do not say: "test", "validation" or "training".
    """

    label: str
    history: Sequence[Record]
    figures: Mapping[str, Any] = field(default_factory=dict)
    link: str = ""
    failed: str = ""
    diverged: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    part: str = "test"

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
        Name of the figure; the first known of valid_accuracy, valid_psnr, valid_error, valid_loss, then of the same on
        the evaluated part, unless told. Losses, errors, distances and seconds are better when lower. Of equal ones the
        lower validation loss is better, as for epochs; then the earlier run.
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
        run, link = sweep.runs.get(label), folder / "report.html"
        compared.append(
            SweepRun(
                label,
                sweep.history(label),
                {} if run is None else _figures(run),
                f"{folder.name}/{link.name}" if link.exists() and run is not None else "",
                sweep.failed.get(label, ""),
                sweep.diverged(label),
                sweep.settings[label],
                "test" if run is None else run.evaluated_on,
            )
        )
    return sweep_report(sweep.folder / "index.html", compared, title=sweep.title or "Sweep")


def _figures(run: Run) -> dict[str, Any]:
    """The final figures of a run, with the interval of its validation accuracy."""
    found = run.figures()
    share = found.get("valid_accuracy")
    if run.evaluated_on == "validation":
        return {name: value for name, value in found.items() if not name.startswith("valid_")}
    if share is None or run.splits.valid is None:
        return found
    count = len(run.splits.valid)
    interval = list(wilson_interval(round(share * count), count))
    order = {name: None for name in found if not name.startswith("valid_")} | {"valid_accuracy": None}
    return {name: found[name] for name in order} | {"valid_accuracy_interval": interval} | found


def short_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the last word of each setting: {"lr": 0.1} of {"optimizer.lr": 0.1}; whole names where they clash."""
    last = [name.rpartition(".")[2] for name in settings]
    return {
        word if last.count(word) == 1 else name: value
        for word, (name, value) in zip(last, settings.items(), strict=True)
    }


def sweep_report(
    path: str | os.PathLike[str],
    runs: Sequence[SweepRun],
    *,
    title: str = "Sweep",
    sentence: str = "",
    best_by: str | None = None,
) -> list[Path]:
    """Write one self-contained HTML file that compares several runs: by value, as a table, and by learning curves.

    Parameters
    ----------
    path : path-like
        The file.
    runs : sequence of SweepRun
        At least one.
    title, sentence : str
        The top of the page; which run is best is added, and how many failed or diverged.
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
    measure = _measure(runs)
    compared = _compared(runs, measure, None if best is None else best[0])
    panels = (
        _values_panel(compared, measure),
        _runs_panel(runs, compared),
        _failures_panel(runs),
        _curves_panel(compared),
    )
    heading = Heading(title, " ".join([*([sentence] if sentence else []), *_sentences(runs, compared, best)]))
    return write_page(path, heading, [panel for panel in panels if panel is not None])


def _sentences(runs: Sequence[SweepRun], compared: Sequence[Compared], best: tuple[int, str] | None) -> list[str]:
    said = []
    if best is not None:
        place, name = best
        shown = _show(name, runs[place].final()[name])
        run = shorten(compared[place].label, _LONGEST_NAME)
        said.append(f"Best of {len(runs)} runs by {_heading(name, runs[place].part)}: {run}, with {shown}.")
    for state, words in (("failed", "failed"), ("diverged", "diverged: the loss rose instead of falling")):
        count = sum(run.state == state for run in compared)
        if count:
            said.append(f"{count} of {len(runs)} runs {words}.")
    return said


def _compared(runs: Sequence[SweepRun], measure: Measure, best: int | None) -> list[Compared]:
    """The runs as figures show them."""
    found = []
    for place, run in enumerate(runs):
        settings, final = short_settings(run.settings), run.final()
        state: State = "failed" if run.failed else "diverged" if run.diverged else "best" if place == best else ""
        figures = {}
        for name, part in ((measure.key, run.part), (f"valid_{measure.key}", "validation")):
            if is_real(final.get(name)):
                low, high = final.get(f"{name}_interval", (math.nan, math.nan))
                figures[part] = (float(final[name]), float(low), float(high))
        label = ", ".join(f"{name} = {value}" for name, value in settings.items()) or run.label
        if len(settings) == 1 and isinstance(text := next(iter(settings.values())), str):
            label = text
        found.append(Compared(label, settings, run.history, figures, state))
    return found


def _measure(runs: Sequence[SweepRun]) -> Measure:
    finals = [run.final() for run in runs]
    known = (m for m in _MEASURES if any(m.key in final or f"valid_{m.key}" in final for final in finals))
    return next(known, _MEASURES[-1])


def _values_panel(runs: Sequence[Compared], measure: Measure) -> Panel | None:
    if len(runs) < 2 or not any(run.figures for run in runs):
        return None
    kind = measure.title.removesuffix(" in dB")
    swept = list(runs[0].settings)
    names = " and ".join(swept) or "run"
    lead = ""
    if len(swept) == 2:
        lead = f"One row for each value of {swept[0]}, one column for each of {swept[1]}. Ringed: the best."
    elif measure.share:
        lead = "Each point with its 95 % interval: where intervals overlap much, the runs may be equally good."
    alternative = f"{kind} of every run by {names}; the table below has the same"
    chart = Chart("swept", lambda: swept_figure(runs, measure), alternative,
                  narrow=lambda: swept_figure(runs, measure, narrow=True))  # fmt: skip
    return Panel("values", f"{kind} by {names}", lead, chart)


def _runs_panel(runs: Sequence[SweepRun], compared: Sequence[Compared]) -> Panel:
    lead = "Each first value leads to the run's own report. " if any(run.link for run in runs) else ""
    lead += "Below each figure, where it is known, its 95 % interval. Click a heading to sort."
    return Panel("runs", "The runs", lead, body=_final_table(runs, compared))


def _failures_panel(runs: Sequence[SweepRun]) -> Panel | None:
    bad = [run for run in runs if run.failed or run.diverged]
    if not bad:
        return None
    failed = sum(bool(run.failed) for run in runs)
    lead = f"{failed} of {len(runs)} runs failed; the others went on." if failed else ""
    items = [element("li", element("b", run.label), f": {run.failed or run.diverged}") for run in bad]
    return Panel("failed", "What failed" if failed else "What diverged", lead, body=element("ul", *items))


def _curves_panel(runs: Sequence[Compared]) -> Panel:
    lead = "All runs over one another; the best is thicker."
    if any(run.state in ("diverged", "failed") for run in runs):
        lead += " The axes fit the runs that trained: the dashed grey ones may leave them."
    chart = Chart("learning_curves", lambda: compared_curves(runs), "Learning curves of all runs over one another",
                  narrow=lambda: compared_curves(runs, narrow=True))  # fmt: skip
    return Panel("curves", "Learning curves", lead, chart)


def _final_table(runs: Sequence[SweepRun], compared: Sequence[Compared]) -> Html:
    finals = [run.final() for run in runs]
    names = sorted(dict.fromkeys(name for final in finals for name in final), key=_rank)
    names = [name for name in names if not name.endswith("_interval")]
    swept = list(compared[0].settings) or ["run"]
    numeric = [all(is_real(run.settings.get(name)) for run in compared) for name in swept]
    stated = any(run.state for run in compared)
    headings = [*zip(swept, numeric, strict=True), *([("result", False)] if stated else [])]
    headings += [(_heading(name, runs[0].part), True) for name in names]
    rows = []
    for run, shown, final in zip(runs, compared, finals, strict=True):
        values = list(shown.settings.values()) or [run.label]
        cells = [_setting(value) for value in values]
        if run.link:
            cells[0] = cells[0]._replace(shown=element("a", cells[0].shown, href=run.link, title=run.label))
        if stated:
            badge = element("span", shown.state, class_="badge good" if shown.state == "best" else "badge bad")
            cells.append(Cell(badge if shown.state else "", shown.state))
        rows.append(cells + [_figure(name, final) for name in names])
    marked = next((i for i, run in enumerate(compared) if run.state == "best"), None)
    return table(headings, rows, sortable=True, marked=marked, label="the runs and their final figures")


def _rank(name: str) -> int:
    """What is asked first stands first, times last."""
    return 2 if name == "seconds" else 1 if "loss" in name else 0


def _setting(value: Any) -> Cell:
    if is_real(value):
        return Cell(f"{value:g}", float(value))
    # An arrow of two characters would be broken between them.
    text = str(value)
    return Cell(element("span", text.replace("->", "→"), class_="label long" if len(text) > 24 else "label"), text)


def _figure(name: str, final: Mapping[str, Any]) -> Cell:
    """A figure, its interval below it."""
    value, interval = final.get(name), final.get(f"{name}_interval")
    key = float(value) if value is not None and is_real(value) else math.nan
    if interval is None:
        return Cell(_show(name, value), key)
    return Cell(join([_show(name, value), " ", element("small", _show(name, interval), class_="interval")]), key)


def _show(name: str, value: Any) -> str:
    share = name.removeprefix("valid_").removesuffix("_interval") in _SHARES
    if share and is_real(value):
        return percent(float(value), 2)
    if isinstance(value, list | tuple) and len(value) == 2 and all(map(is_real, value)):
        return interval_text(*value) if share else f"{number(value[0])} to {number(value[1])}"
    if name == "seconds" and is_real(value):
        return f"{value:.1f}"
    return number(value)


def _heading(name: str, part: str) -> str:
    if name in ("accuracy", "loss", "psnr", "error"):
        return f"{part} {name}".replace("psnr", "PSNR")
    return name.replace("valid_", "validation_").replace("_", " ").replace("psnr", "PSNR")
