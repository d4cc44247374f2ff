"""A page that was read, written out: text, JSON, hOCR, ALTO, a searchable PDF, and the picture with what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from glassnet.files import atomic_write
from glassnet.reader.alto import as_alto
from glassnet.reader.hocr import as_hocr
from glassnet.reader.page import Page, Word
from glassnet.reader.searchable import RESOLUTION, as_pdf

__all__ = ["FORMATS", "as_json", "as_text", "overlay", "write_page"]

FORMATS = ("text", "json", "hocr", "alto", "pdf")
_SUFFIX = {"text": ".txt", "json": ".json", "hocr": ".hocr", "alto": ".xml", "pdf": ".pdf"}

Pixels = npt.NDArray[np.uint8]


def write_page(
    page: Page,
    path: Path,
    form: str,
    *,
    pixels: Pixels | None = None,
    source: str = "",
    number: int = 1,
    resolution: float = RESOLUTION,
    least: float = 0.0,
) -> Path:
    """Write the page beside `path`, whose suffix is replaced.

    Parameters
    ----------
    page : Page
        What was read.
    path : Path
        What the file is named after.
    form : str
        One of `FORMATS`.
    pixels : Pixels, optional
        The picture, which only a PDF needs.
    source : str
        The name of the file that the page is in; empty takes that of `path`.
    number : int
        Which page of that file it is, from 1.
    resolution : float
        Dots per inch of the picture on a PDF's page.
    least : float
        The confidence below which words are marked, in each format as it can.

    Returns
    -------
    Path
        The file.
    """
    file = path.with_suffix(_SUFFIX[form])
    if form == "pdf":
        assert pixels is not None
        data = as_pdf(page, pixels, resolution, least)
    else:
        data = as_text(page, form, source or path.name, number, least).encode()
    with atomic_write(file) as handle:
        handle.write(data)
    return file


def as_text(page: Page, form: str, source: str, number: int = 1, least: float = 0.0) -> str:
    """The page in one of the `FORMATS` that are text; parameters as of `write_page`."""
    if form == "hocr":
        return as_hocr(page, source, number, least)
    if form == "alto":
        return as_alto(page, source, number, least)
    if form == "json":
        return json.dumps(as_json(page, least), ensure_ascii=False, indent=1) + "\n"
    return page.marked_text(least) + "\n" if page.lines else ""


def as_json(page: Page, least: float = 0.0) -> dict[str, Any]:
    """The page as `Page.as_json` gives it; each word also says whether it is `sure`, not below `least`."""
    found = page.as_json()
    for line, shown in zip(page.lines, found["lines"], strict=True):
        for word, entry in zip(line.words, shown["words"], strict=True):
            entry["sure"] = word.confidence >= least
    return found


def overlay(page: Page, pixels: Pixels) -> Image.Image:
    """The picture with a box around every character, coloured by confidence, and above it what was read."""
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
    scale = min(1.0, 2000 / max(picture.size))
    if scale < 1:
        picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    pale = Image.blend(picture, Image.new("RGB", picture.size, "white"), 0.35)
    draw = ImageDraw.Draw(pale)
    heights = [c.box.height * scale for c in page.characters]
    size = int(np.clip(np.median(heights) * 0.6, 10, 60)) if heights else 12
    font = ImageFont.load_default(size)
    for word in page.words:
        _draw_word(draw, word, scale, size, font)
    return pale


def _draw_word(
    draw: ImageDraw.ImageDraw, word: Word, scale: float, size: int, font: ImageFont.ImageFont | ImageFont.FreeTypeFont
) -> None:
    left, right, bottom = (v * scale for v in (word.box.left, word.box.right, word.box.bottom))
    draw.line([(left, bottom + 3), (right, bottom + 3)], fill="#4477aa", width=2)
    for c in word.characters:
        colour = "#117733" if c.confidence > 0.9 else "#cc7700" if c.confidence > 0.6 else "#cc2222"
        box = [c.box.left * scale, c.box.top * scale, c.box.right * scale, c.box.bottom * scale]
        draw.rectangle(box, outline=colour, width=2)
        middle = (box[0] + box[2]) / 2
        draw.text(
            (middle, box[1] - 2), c.text, fill=colour, font=font, anchor="mb", stroke_width=2, stroke_fill="white"
        )
