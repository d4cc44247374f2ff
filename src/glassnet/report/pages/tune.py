"""The page of a study: the best so far, which settings matter, every trial, and what came of the best."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

from glassnet.experiments import Trial, Tuned
from glassnet.notation import is_real
from glassnet.report.figures.tuning import best_so_far, importance_bars, parallel_coordinates, slices
from glassnet.report.html import Html, element, join
from glassnet.report.page import Chart, Heading, Panel, write_page
from glassnet.report.tables import Cell, interval_text, number, percent, table
from glassnet.text import counted

__all__ = ["write_tune_page"]

_WORDS = {"doctor": "ended by the doctor"}


def write_tune_page(study: Tuned) -> list[Path]:
    """Write `index.html` and the figures into the folder of a study; returns the page. Raises `GlassnetError`."""
    panels = (
        _progress_panel(study),
        _best_panel(study),
        _importance_panel(study),
        _slices_panel(study),
        _parallel_panel(study),
        _trials_panel(study),
        _failed_panel(study),
    )
    found = [panel for panel in panels if panel is not None]
    folder = study.folder
    return write_page(folder / "index.html", _heading(study), found, figures_folder=folder / "figures")[:1]


def _heading(study: Tuned) -> Heading:
    best, cards = study.best, []
    name = f"validation {study.metric.name}"
    if best is not None:
        note = f"trial {best.number} of {len(study.trials)}"
        cards.append((f"best {name}", _figure(study, best.value), note))
    if study.own is not None and study.own.value is not None:
        cards.append(("the recipe as it was", _figure(study, study.own.value), "trial 0"))
    if study.confirmed:
        values = sorted(study.confirmed.values())
        note = f"{_figure(study, values[0])} to {_figure(study, values[-1])}"
        cards.append((f"on {counted(len(values), 'fresh seed')}", _figure(study, statistics.fmean(values)), note))
    if study.run is not None and study.run.evaluated_on == "test":
        cards.append(("test part", *_test(study)))
    return Heading(f"Study: {study.title}" if study.title else "Study", _sentence(study), cards)


def _sentence(study: Tuned) -> str:
    counts = {word: study.count(word) for word in ("finished", "pruned", "doctor", "failed", "in flight")}
    told = ", ".join(f"{count} {_WORDS.get(word, word)}" for word, count in counts.items() if count)
    text = f"{counted(len(study.trials), 'trial')}: {told}. Validation decides, so of many trials the best one's own"
    text += " figure is partly luck; fresh seeds show how much."
    if study.run is not None and study.run.evaluated_on == "test":
        seen = (
            "No trial has seen the test part" if study.looks < 2 else f"{study.looks} recipes have seen the test part"
        )
        text += f" {seen}; the best recipe was evaluated on it {'once' if study.looks < 2 else 'last'}."
    return text


def _test(study: Tuned) -> tuple[str, str]:
    assert study.run is not None
    figures = study.run.figures()
    if "accuracy" in figures:
        return percent(figures["accuracy"], 2), f"95 % interval {interval_text(*figures['accuracy_interval'])}"
    if "error" in figures:
        return percent(figures["error"], 2), f"95 % interval {interval_text(*figures['error_interval'])}"
    return f"{figures['psnr']:.2f} dB", "PSNR"


def _progress_panel(study: Tuned) -> Panel:
    lead = "Each point is a trial; hollow ones were ended early, at the best value that they had by then."
    chart = Chart("best_so_far", lambda: best_so_far(study.trials, study.metric), "The metric of every trial by number",
                  narrow=lambda: best_so_far(study.trials, study.metric, narrow=True))  # fmt: skip
    return Panel("progress", "Best so far", lead, chart)


def _best_panel(study: Tuned) -> Panel | None:
    best = study.best
    if best is None:
        return None
    rows = [
        [Cell(name, name), _setting(best.settings.get(name)), _setting(study.unchanged.get(name))]
        for name in study.space
    ]
    body = table([("setting", False), ("best", False), ("recipe as it was", False)], rows, compact=True,
                 label="the best settings")  # fmt: skip
    parts: list[Html] = [body]
    if study.run is not None and study.run.folder is not None:
        report = study.run.folder / "report.html"
        if report.exists():
            link = element("a", "its report", href=f"{study.run.folder.name}/{report.name}")
            parts.append(element("p", "The best recipe is in ", element("code", "best.toml"), ": ", link, "."))
    return Panel("best", "The best settings", "", body=join(parts))


def _importance_panel(study: Tuned) -> Panel | None:
    if not study.importance:
        return None
    lead = (
        "Of the finished trials, by a forest of regression trees (fANOVA, Hutter et al. 2014). Few trials say little."
    )
    chart = Chart("importance", lambda: importance_bars(study.importance), "The importance of every setting",
                  narrow=lambda: importance_bars(study.importance, narrow=True))  # fmt: skip
    return Panel("importance", "Which settings matter", lead, chart)


def _slices_panel(study: Tuned) -> Panel:
    lead = "All trials by one setting at a time. Later trials are darker; hollow ones were ended early."
    chart = Chart("slices", lambda: slices(study.trials, study.space, study.metric), "The metric by each setting",
                  narrow=lambda: slices(study.trials, study.space, study.metric, narrow=True))  # fmt: skip
    return Panel("slices", "Setting by setting", lead, chart)


def _parallel_panel(study: Tuned) -> Panel | None:
    if sum(trial.finished for trial in study.trials) < 2:
        return None
    lead = "A line for each finished trial; the darker, the better. Orange: the best."
    chart = Chart("parallel", lambda: parallel_coordinates(study.trials, study.space, study.metric),
                  "Every finished trial through its values of all settings")  # fmt: skip
    return Panel("parallel", "All settings at once", lead, chart)


def _trials_panel(study: Tuned) -> Panel:
    best = study.best
    headings = [("trial", True), ("result", False), (f"validation {study.metric.name}", True)]
    headings += [(name.rpartition(".")[2], _numeric(study, name)) for name in study.space]
    headings += [("epochs", True), ("seconds", True)]
    rows = [_row(study, trial, best) for trial in study.trials]
    marked = next((i for i, trial in enumerate(study.trials) if best is not None and trial.number == best.number), None)
    body = table(headings, rows, sortable=True, marked=marked, label="the trials")
    return Panel("trials", "The trials", "Click a heading to sort.", body=body)


def _row(study: Tuned, trial: Trial, best: Trial | None) -> list[Cell]:
    value = math.nan if trial.value is None else trial.value
    leads = best is not None and trial.number == best.number
    word = "best" if leads else _WORDS.get(trial.outcome, trial.outcome)
    kind = "badge good" if leads else "badge bad" if trial.outcome == "failed" else None
    shown: Any = element("span", word, class_=kind) if kind else word
    return [
        Cell(str(trial.number), trial.number),
        Cell(shown, word),
        Cell(_figure(study, trial.value), value),
        *(_setting(trial.settings.get(name)) for name in study.space),
        Cell(str(len(trial.values)), len(trial.values)),
        Cell(f"{trial.seconds:.1f}", trial.seconds),
    ]


def _failed_panel(study: Tuned) -> Panel | None:
    bad = [trial for trial in study.trials if trial.reason and trial.outcome in ("failed", "doctor")]
    if not bad:
        return None
    items = [element("li", element("b", f"trial {trial.number}"), f": {trial.reason}") for trial in bad]
    return Panel("failed", "What failed, and what the doctor ended", "", body=element("ul", *items))


def _numeric(study: Tuned, name: str) -> bool:
    values = [trial.settings.get(name) for trial in study.trials]
    return all(value is None or is_real(value) for value in values) and any(map(is_real, values))


def _setting(value: Any) -> Cell:
    if is_real(value):
        return Cell(number(value, 3), float(value))
    text = "none" if value is None else str(value)
    return Cell(element("span", text.replace("->", "→"), class_="label long" if len(text) > 24 else "label"), text)


def _figure(study: Tuned, value: float | None) -> str:
    if value is None:
        return "–"
    return percent(value, 2) if study.metric.name == "accuracy" else f"{value:.4g}"
