"""The page of a comparison: the verdict, how good each is, what differs, their curves, classes and pictures."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from glassnet.experiments.compare import Comparison
from glassnet.experiments.contestants import Group
from glassnet.experiments.pairs import Pair
from glassnet.experiments.verdicts import interval_words, meaning, open_questions, sentence, verdict_of
from glassnet.report.figures.grouped import Grouped, grouped_curves
from glassnet.report.html import Html, element, join
from glassnet.report.page import Chart, Heading, Panel, write_page
from glassnet.report.panels.contested import class_panels, contested_panels
from glassnet.report.tables import Cell, interval_text, number, percent, table, whole
from glassnet.text import counted, shorten

__all__ = ["write_comparison_page"]

_LONGEST = 36  # letters of a name in a table
_SETTING = 60  # letters of a setting's value


def write_comparison_page(
    path: str | os.PathLike[str], found: Comparison, title: str = "", more: Panel | None = None
) -> Path:
    """Write one self-contained HTML page; returns its path.

    Parameters
    ----------
    path : path-like
        The file.
    found : Comparison
        What is shown. The pictures that are shown are loaded; where they are not there any more, the page says so.
    title : str
        The page's; the names of what is compared unless told.
    more : Panel, optional
        What else is known of them; it stands after the pairs.

    Raises
    ------
    GlassnetError
        The file cannot be written.
    """
    panels = [_figures_panel(found), _pairs_panel(found), more, _settings_panel(found), _curves_panel(found)]
    panels += [*class_panels(found), *contested_panels(found), _notes_panel(found)]
    names = [shorten(group.name, _LONGEST) for group in found.groups]
    many = f"{len(names)} recipes compared" if len(names) > 3 else " and ".join([", ".join(names[:-1]), names[-1]])
    heading = Heading(title or many, verdict=_verdict_box(found))
    write_page(path, heading, [panel for panel in panels if panel is not None])
    return Path(path)


def _show(found: Comparison, value: float) -> str:
    return percent(value, 2) if found.unit.scale > 1 else f"{value:.2f}\u00a0dB"


def _interval(group: Group) -> tuple[float, float] | None:
    """The interval of a single network's figure; None of several."""
    one = group.members[0]
    if len(group.members) > 1:
        return None
    if one.evaluation is not None:
        low, high = one.evaluation.accuracy_interval
        return low, high
    assert one.reconstruction is not None
    return one.reconstruction.psnr_interval


def _spread_text(found: Comparison, group: Group) -> str:
    """The interval of one network, or the range of several."""
    interval = _interval(group)
    accuracy = found.unit.scale > 1
    low, high = (min(group.figures), max(group.figures)) if interval is None else interval
    text = interval_text(low, high) if accuracy else f"{low:.2f} to {high:.2f}\u00a0dB"
    return text if interval is not None else f"{counted(len(group.members), 'seed')}: {text}"


def _verdict_box(found: Comparison) -> Html:
    """The verdict, with what it rests on and which question it answers."""
    word, opened, rest = verdict_of(found).partition(" (")
    questions = open_questions(found)
    settled = all(pair.outcome != "undecided" for pair in found.pairs)
    return element(
        "div",
        element("p", word[:1].upper() + word[1:] if word.startswith("undecided") else word, class_="word"),
        element("p", rest.removesuffix(")").replace(" %", "\u00a0%")) if opened else None,
        element("ul", *(element("li", text) for text in questions)) if questions else None,
        element("p", meaning(found)),
        class_=f"verdict {'good' if settled else 'warning'}",
        role="status",
    )


def _figures_panel(found: Comparison) -> Panel:
    accuracy = found.unit.scale > 1
    several = any(len(group.members) > 1 for group in found.groups)
    single = any(len(group.members) == 1 for group in found.groups)
    told = not found.settings and any(group.about for group in found.groups)  # else the table of settings tells
    headings = [("", False), *([("network", False)] if told else []), *([("seeds", True)] if several else [])]
    headings += [("pictures", True), (found.unit.name if accuracy else "PSNR", True)]
    headings += [("deviation of seeds", True)] if several else []
    calibrated = accuracy and not several  # for which there is no room beside the seeds
    headings += [("loss", True)] if accuracy else []
    headings += [("calibration error", True)] if calibrated else []
    rows = []
    for group in found.groups:
        mean, parts = float(np.mean(group.figures)), group.members[0].predictions
        cells = [Cell(whole(group.name), group.name)]
        if told:
            cells.append(Cell(element("span", shorten(group.about, _SETTING), class_="sentence"), group.about))
        if several:
            cells.append(Cell(number(len(group.members)), float(len(group.members))))
        cells.append(Cell(f"{number(len(parts))} {parts.part}", float(len(parts))))
        shown = _bar(mean, group) if accuracy else join([_show(found, mean), " ", _small(_spread_text(found, group))])
        cells.append(Cell(shown, mean))
        if several:
            deviation = float(np.std(group.figures, ddof=1)) if len(group.members) > 1 else float("nan")
            cells.append(Cell(_deviation(found, deviation), deviation))
        evaluations = [one.evaluation for one in group.members if one.evaluation is not None]
        if accuracy:
            loss, error = (
                float(np.mean(f)) for f in zip(*((e.loss, e.calibration.error) for e in evaluations), strict=True)
            )
            cells += [Cell(number(loss), loss), *([Cell(percent(error), error)] if calibrated else [])]
        rows.append(cells)
    lead = "Of one network, with its 95 % interval." if single else ""
    lead += " Of several seeds, their mean, and from the least to the most." if several else ""
    body = table(headings, rows, sortable=True, compact=True, label="figures of each")
    return Panel("figures", "How good each is", lead.strip(), body=body)


def _deviation(found: Comparison, value: float) -> str:
    return "–" if np.isnan(value) else f"{found.unit.show(value)} {found.unit.unit}"


def _small(text: str) -> Html:
    return element("small", text, class_="interval")


def _bar(share: float, group: Group) -> Html:
    """An accuracy as a bar, with the interval of one network or the range of several."""
    one = group.members[0].evaluation
    assert one is not None
    low, high = one.accuracy_interval if len(group.members) == 1 else (min(group.figures), max(group.figures))
    bar = element(
        "span",
        element("span", class_="fill", style=f"width:{100 * share:.2f}%"),
        element("span", class_="whisker", style=f"left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"),
        class_="bar",
        aria_hidden="true",
    )
    return join([bar, element("span", percent(share, 2), " ", _small(interval_text(low, high)), class_="figure")])


def _pairs_panel(found: Comparison) -> Panel:
    unit, several = found.unit, len(found.pairs) > 1
    counted_pairs = any(pair.test is not None for pair in found.pairs)
    seeded = any(pair.found.question == "recipes" for pair in found.pairs)
    headings = [("", False), (f"difference in {unit.unit}", True)]
    headings += [("of these networks", True)] if seeded else []
    headings += [("difference of the loss", True)] if found.groups[0].classifies else []
    headings += [("only first right", True), ("only second right", True)] if counted_pairs else []
    headings += [("p", True), *([("p, all pairs", True), ("verdict", False)] if several else [])]
    rows = []
    for pair in found.pairs:
        names = join([whole(f"{pair.first},"), element("br"), whole(pair.second)])
        cells = [Cell(names, pair.first), _difference(pair, found)]
        if seeded:
            low, high = pair.networks.interval()
            shown = join([unit.show(pair.networks.value), " ", _small(f"{unit.show(low)} to {unit.show(high)}")])
            cells.append(Cell(shown, pair.networks.value))
        if pair.loss is not None:
            low, high = pair.loss.interval()
            shown = join([f"{pair.loss.value:.4f}", " ", _small(f"{low:.4f} to {high:.4f}")])
            cells.append(Cell(shown, pair.loss.value))
        if counted_pairs:
            counts = (pair.test.only_first, pair.test.only_second) if pair.test is not None else (None, None)
            cells += [Cell(number(c), float("nan") if c is None else float(c)) for c in counts]
        cells.append(Cell(f"{pair.found.p:.2g}", pair.found.p))
        if several:
            text = sentence(pair, unit, found.margin).partition(" (")[0]
            cells += [Cell(f"{pair.p:.2g}", pair.p), Cell(element("span", text, class_="sentence"), text)]
        rows.append(cells)
    lead = _how(found, counted_pairs, seeded, several)
    body = table(headings, rows, sortable=several, compact=True, label="pairs and their differences")
    return Panel("pairs", "How far apart they are", lead, body=body)


def _difference(pair: Pair, found: Comparison) -> Cell:
    unit = found.unit
    text = interval_words(pair, unit).removeprefix("95 % interval ")
    return Cell(join([unit.show(pair.found.value), " ", _small(text)]), pair.found.value)


def _how(found: Comparison, counts: bool, seeded: bool, several: bool) -> str:
    said = ["The first less the second, picture by picture, with its 95 % interval."]
    if seeded:
        said.append(
            "Of recipes, other seeds and other pictures might have been drawn, and the interval allows for both; of"
            " these networks, other pictures alone."
        )
    if counts:
        said.append(
            "McNemar's exact test counts the pictures that only one of the two has right: were both equally good, each"
            " would fall to either with probability 1/2. p is how often chance alone divides them so unevenly."
        )
    if several:
        said.append("p, all pairs, is corrected for their number (Holm) and decides.")
    said.append(
        f"Equal means that the interval{' (of all pairs together)' if several else ''} holds no difference of"
        f" {found.unit.show(found.margin)} {found.unit.unit} or more."
    )
    return " ".join(said)


def _settings_panel(found: Comparison) -> Panel | None:
    if not found.settings:
        return None
    headings = [("setting", False), *((shorten(group.name, _LONGEST), False) for group in found.groups)]
    rows = [
        [Cell(element("code", name), name), *(Cell(_value(value), str(value)) for value in values)]
        for name, values in found.settings.items()
    ]
    return Panel(
        "settings", "What differs", "Settings that are the same for all are left out.",
        body=table(headings, rows, compact=True, label="settings that differ"),
    )  # fmt: skip


def _value(value: object) -> Html:
    text = "–" if value is None else str(value)
    return element("span", text.replace("->", "→"), class_="label long" if len(text) > 24 else "label")


def _curves_panel(found: Comparison) -> Panel | None:
    groups = [
        Grouped(group.name, tuple(one.run.history.records for one in group.members if one.run is not None))
        for group in found.groups
    ]
    drawn = [group for group in groups if group.histories]
    if not drawn:
        return None
    lead = "Training dashed, validation solid."
    if any(len(group.histories) > 1 for group in drawn):
        lead += " Of several seeds, their mean, and the band from the least to the most."
    chart = Chart("curves", lambda: grouped_curves(drawn), "Learning curves of all over one another",
                  narrow=lambda: grouped_curves(drawn, narrow=True))  # fmt: skip
    return Panel("curves", "Learning curves", lead, chart)


def _notes_panel(found: Comparison) -> Panel | None:
    if not found.notes:
        return None
    return Panel("notes", "Notes", body=element("ul", *(element("li", note) for note in found.notes)))
