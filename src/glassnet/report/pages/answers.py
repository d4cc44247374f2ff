"""The page of a prediction: a sheet of pictures with what a model sees in each."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from glassnet.data import read_picture
from glassnet.report.figures.pictures import as_rgb, picture_png
from glassnet.report.html import Html, data_uri, element
from glassnet.report.page import Heading, Panel, write_page
from glassnet.report.tables import Cell, number, percent, table

__all__ = ["Answer", "write_answers_page"]

_SIDE = 224  # pixels of a picture on the page
_ENOUGH = 4 * _SIDE * _SIDE  # pixels that a photograph is decoded at
_MOST = 1000  # pictures on the page
_SHOWN = 0.001  # a class that is less probable is not named beside a more probable one


@dataclass(frozen=True)
class Answer:
    """A picture file, its classes with their probabilities, the most probable first, and how it was changed."""

    picture: Path
    classes: tuple[tuple[str, float], ...]
    changes: tuple[str, ...] = ()


def write_answers_page(
    path: str | os.PathLike[str], model: str, answers: Sequence[Answer], unread: Sequence[tuple[Path, str]] = ()
) -> Path:
    """Write one self-contained HTML page: each picture with its class, how sure the model is, and the runner-up.

    Parameters
    ----------
    path : path-like
        The file.
    model : str
        What the model is called.
    answers : sequence of Answer
        The pictures, in the order of the page; of very many the first 1,000 are shown.
    unread : sequence of (Path, str)
        The pictures that could not be read, and why.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    GlassnetError
        It cannot be written, or a picture cannot be read any more.
    """
    count = f"{len(answers):,} picture{'' if len(answers) == 1 else 's'}"
    sentence = f"What {model} sees in {count}."
    if unread:
        sentence += f" {len(unread):,} could not be read."
    panels = [_sheet(answers[:_MOST], len(answers)), _counts(answers)]
    if unread:
        rows = [[Cell(str(file), str(file)), Cell(reason, reason)] for file, reason in unread]
        body = table([("file", False), ("reason", False)], rows)
        panels.append(Panel("unread", "Not read", body=body))
    write_page(path, Heading("Answers", sentence), panels)
    return Path(path)


def _sheet(answers: Sequence[Answer], total: int) -> Panel:
    lead = "Below each picture the class, how sure the model is, and the runner-up where there is one."
    if len(answers) < total:
        lead += f" The first {len(answers):,} of {total:,} are shown."
    body = element("div", *map(_tile, answers), class_="tiles")
    return Panel("pictures", "Pictures", lead, body=body)


def _tile(answer: Answer) -> Html:
    (name, probability), *others = answer.classes
    lines = [
        element("span", name, class_="true"),
        element("span", f"{percent(probability)} sure", class_="sure"),
    ]
    if others and others[0][1] >= _SHOWN:
        lines.append(element("span", f"or {others[0][0]}, {percent(others[0][1])}"))
    if answer.changes:
        lines.append(element("span", element("i", f"read {' and '.join(answer.changes)}")))
    lines.append(element("span", answer.picture.name, title=str(answer.picture)))
    image = element("img", src=_thumbnail(answer.picture), alt=answer.picture.name, loading="lazy")
    return element("figure", image, element("figcaption", *lines), class_="tile")


def _thumbnail(path: Path) -> str:
    """A small picture with its pixels as they are, a large one shrunk, as JPEG."""
    pixels = as_rgb(read_picture(path, enough=_ENOUGH)[None])[0]
    if max(pixels.shape) <= _SIDE:
        return data_uri(picture_png(pixels, _SIDE))
    image = Image.fromarray(pixels)
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=85)
    return data_uri(buffer.getvalue(), "jpeg")


def _counts(answers: Sequence[Answer]) -> Panel:
    counts = Counter(answer.classes[0][0] for answer in answers)
    rows = []
    for name, count in counts.most_common():
        sure = float(np.mean([answer.classes[0][1] for answer in answers if answer.classes[0][0] == name]))
        rows.append([Cell(name, name), Cell(number(count), count), Cell(percent(sure), sure)])
    body = table([("class", False), ("pictures", True), ("mean probability", True)], rows, sortable=True, compact=True)
    return Panel("classes", "How many of each class", body=body)
