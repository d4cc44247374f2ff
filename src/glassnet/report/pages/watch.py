"""The pages of videos: what was seen in one, and a table of several."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from glassnet.metrics import SeriesMean
from glassnet.report.figures.timeline import labels_figure, probability_figure
from glassnet.report.html import Html, data_uri, element
from glassnet.report.page import Chart, Heading, Panel, write_page
from glassnet.report.tables import Cell, interval_text, number, percent, table
from glassnet.watch import Watched

__all__ = ["write_videos_page", "write_watch_page"]

_TILES = 12


def write_watch_page(
    path: Path, model: str, found: Watched, *, video: str = "", frames: str = "", figures: Path | None = None
) -> list[Path]:
    """Write the page of a video.

    Parameters
    ----------
    path : Path
        The HTML file.
    model : str
        What the model is called.
    found : Watched
        What it saw.
    video, frames : str
        The names of the annotated video and of the table of all frames beside the page; "" where there is none.
    figures : Path or None
        A folder for the figures as PNG files.

    Returns
    -------
    list of Path
        All files written, the page first.
    """
    panels = [_labels_panel(found), _probability_panel(found), _smoothing_panel(found), _frames_panel(found)]
    panels.append(_classes_panel(found))
    if video or frames:
        panels.append(_files_panel(video, frames))
    sentence = f"What {model} sees in each of {number(len(found.timeline))} frames, {found.seconds:.1f} seconds."
    sentence += "".join(f" {note[:1].upper()}{note[1:]}." for note in (*found.damage, *found.notes))
    return write_page(path, Heading(found.path.name, sentence, _cards(found)), panels, figures_folder=figures)


def _cards(found: Watched) -> list[tuple[str, str, str]]:
    cards = []
    if found.raw is not None and found.after is not None:
        cards.append((f"frames right: {found.expected_names}", percent(found.raw.value), _note(found, found.raw)))
        if found.window:
            cards.append(("right after smoothing", percent(found.after.value), _note(found, found.after)))
    label, count, _ = found.counts()[0]
    share = count / len(found.timeline)
    cards.append(("most frequent label", found.class_names[label], f"{percent(share)} of the frames"))
    changes = f"{number(found.smoothed_changes)} after smoothing" if found.window else ""
    cards.append(("changes of the label", number(found.changes), changes))
    return cards


def _note(found: Watched, mean: SeriesMean) -> str:
    """The interval and how it was found, or why there is none."""
    if mean.reason:
        return f"no interval: {mean.reason}"
    block = f"{mean.block} frames ({found.block_seconds(mean):.2g} s)"
    return f"95 % interval {interval_text(*mean.interval)}; {mean.method}, {mean.blocks} blocks of {block}"


def _labels_panel(found: Watched) -> Panel:
    lead = "A row for each of the most frequent labels, the darker the more probable; green rows are expected."
    if not found.expect:
        lead = "A row for each of the most frequent labels, the darker the more probable."
    if found.window:
        lead += f" The line below a row is where its label leads in the mean over {found.window:g} s."
    chart = Chart("timeline", lambda: labels_figure(found), "Which labels are seen when",
                  narrow=lambda: labels_figure(found, narrow=True))  # fmt: skip
    return Panel("timeline", "Labels over time", lead, chart)


def _probability_panel(found: Watched) -> Panel:
    chart = Chart("probability", lambda: probability_figure(found), "Probability over time, raw and smoothed",
                  narrow=lambda: probability_figure(found, narrow=True))  # fmt: skip
    lead = "" if found.expect else "No class is expected, so this is how sure the model is of whatever it sees."
    return Panel("probability", "Probability over time", lead, chart)


def _smoothing_panel(found: Watched) -> Panel:
    rows = [("each frame", found.raw, found.changes)]
    if found.window:
        rows.append((f"mean over {found.window:g} s", found.after, found.smoothed_changes))
    headings = [("", False), ("changes of the label", True)]
    if found.expect:
        headings[1:1] = [("frames right", True), ("95 % interval", True), ("how", False)]
    cells = []
    for name, mean, changes in rows:
        row = [_text(name)]
        if mean is not None:
            ends = "–" if mean.reason else interval_text(*mean.interval)
            row += [Cell(percent(mean.value), mean.value), Cell(ends, ends), _text(_how(found, mean), long=True)]
        cells.append([*row, Cell(number(changes), changes)])
    lead = (
        "Frames that follow one another are nearly the same picture, so an interval for independent pictures would be"
        " far too narrow. Blocks of frames are drawn instead, as long as the rule of Politis and White says."
    )
    if found.gain is not None and found.window:
        gain = found.gain
        told = (
            "" if gain.reason else f" (95 % interval {100 * gain.interval.low:+.1f} to {100 * gain.interval.high:+.1f})"
        )
        lead += f" Smoothing adds {100 * gain.value:+.1f} points{told}."
    if not found.expect:
        lead = "How often the label changes from one frame to the next."
    return Panel("smoothing", "The share of frames that are right" if found.expect else "Smoothing", lead,
                 body=table(headings, cells, compact=True))  # fmt: skip


def _how(found: Watched, mean: SeriesMean) -> str:
    if mean.reason:
        return f"no interval: {mean.reason}"
    return f"{mean.method}, {mean.blocks} blocks of {mean.block} frames ({found.block_seconds(mean):.2g} s)"


def _frames_panel(found: Watched) -> Panel:
    every = found.thumbnails
    step = max(1, -(-len(every) // _TILES))
    tiles = []
    for small in every[::step]:
        label = int(found.timeline.labels[small.number])
        sure = float(found.timeline.probabilities[small.number, 0])
        kind = "sure" if not found.expect else "true" if label in found.expect else "wrong"
        caption = element(
            "figcaption",
            element("span", found.class_names[label], class_=kind),
            element("span", f"{percent(sure, 0)} sure", class_="sure"),
            element("span", f"{float(found.timeline.times[small.number]):.2f} s"),
        )
        image = element("img", src=_jpeg(small.pixels), alt=f"frame {small.number}")
        tiles.append(element("figure", image, caption, class_="tile"))
    lead = "Frames at even distances, with the label of each."
    return Panel("frames", "Frames", lead, body=element("div", *tiles, class_="tiles"))


def _jpeg(pixels: object) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=85)  # type: ignore[arg-type]
    return data_uri(buffer.getvalue(), "jpeg")


def _classes_panel(found: Watched) -> Panel:
    total = len(found.timeline)
    rows = []
    for label, count, mean in found.counts():
        share = count / total
        name = _text(found.class_names[label])
        rows.append([name, Cell(number(count), count), Cell(percent(share), share), Cell(percent(mean), mean)])
    headings = [("label", False), ("frames", True), ("share", True), ("mean probability", True)]
    return Panel("labels", "What it is taken for", body=table(headings, rows, sortable=True, compact=True))


def _files_panel(video: str, frames: str) -> Panel:
    told: list[Html] = []
    if video:
        told.append(element("li", element("a", video, href=video), ": the video with its labels drawn in"))
    if frames:
        told.append(element("li", element("a", frames, href=frames), ": every frame with its time and classes"))
    return Panel("files", "Files", body=element("ul", *told))


def write_videos_page(
    path: Path, model: str, found: Sequence[tuple[str, Watched]], unread: Sequence[tuple[Path, str]] = ()
) -> Path:
    """Write the page of several videos: a table, each row with a link to the page of its video.

    Parameters
    ----------
    path : Path
        The HTML file.
    model : str
        What the model is called.
    found : sequence of (str, Watched)
        The address of each video's page, from here, and what was seen in it.
    unread : sequence of (Path, str)
        The videos that could not be read, and why.
    """
    expect = any(watched.expect for _, watched in found)
    headings = [("video", False), ("frames", True), ("seconds", True)]
    if expect:
        headings += [("frames right", True), ("95 % interval", True), ("smoothed", True), ("95 % interval ", True)]
    headings += [("most frequent label", False), ("changes", True)]
    remarks = any(watched.damage or watched.notes for _, watched in found)
    headings += [("remarks", False)] if remarks else []
    panels = [
        Panel("videos", "Videos", body=table(headings, [_row(*each, remarks=remarks) for each in found], sortable=True))
    ]
    if unread:
        rows = [[_text(str(file)), _text(reason, long=True)] for file, reason in unread]
        panels.append(Panel("unread", "Not read", body=table([("file", False), ("reason", False)], rows)))
    count = f"{len(found):,} video{'' if len(found) == 1 else 's'}"
    sentence = f"What {model} sees in every frame of {count}."
    if expect:
        sentence += f" Right is {found[0][1].expected_names}."
    write_page(path, Heading("Videos", sentence), panels)
    return path


def _row(address: str, found: Watched, *, remarks: bool) -> list[Cell]:
    name = found.path.name
    cells = [
        Cell(element("a", name, href=address, class_="words"), name),
        Cell(number(len(found.timeline)), len(found.timeline)),
    ]
    cells.append(Cell(f"{found.seconds:.1f}", found.seconds))
    for mean in (found.raw, found.after):
        if mean is not None:
            ends = "–" if mean.reason else interval_text(*mean.interval)
            cells += [Cell(percent(mean.value), mean.value), Cell(ends, mean.interval.low)]
    label = found.class_names[found.counts()[0][0]]
    cells += [_text(label), Cell(number(found.changes), found.changes)]
    return [*cells, _text("; ".join((*found.damage, *found.notes)), long=True)] if remarks else cells


def _text(text: str, *, long: bool = False) -> Cell:
    """A cell of words that keeps its width on a phone."""
    return Cell(element("span", text, class_="words long" if long else "words"), text)
