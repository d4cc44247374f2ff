"""A page that was read, written out: text, JSON, hOCR, a PDF with searchable text, and the picture with what was found.

hOCR is the open format of text recognisers (hOCR 1.2, https://kba.github.io/hocr-spec/1.2/): XHTML whose elements
carry the boxes of pages, lines, words and characters. The PDF shows the picture; over each word lies its text,
invisible, so that it can be searched and copied.
"""

from __future__ import annotations

import html
import io
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from glassnet.files import atomic_write
from glassnet.reader.page import Page, Word

__all__ = ["FORMATS", "as_hocr", "as_pdf", "overlay", "write_page"]

FORMATS = ("text", "json", "hocr", "pdf")
_SUFFIX = {"text": ".txt", "json": ".json", "hocr": ".hocr", "pdf": ".pdf"}
_RESOLUTION = 150  # dots per inch at which a picture is laid on the PDF's page

Pixels = npt.NDArray[np.uint8]


def write_page(page: Page, pixels: Pixels | None, path: Path, form: str, *, least: float = 0.0) -> Path:
    """Write the page beside `path` (whose suffix is replaced) in one of `FORMATS`; returns the file.

    pixels: the picture, which only a PDF needs; least: the confidence below which words are marked in plain text.
    """
    file = path.with_suffix(_SUFFIX[form])
    if form == "text":
        data = (page.marked_text(least) + "\n").encode() if page.lines else b""
    elif form == "json":
        data = (json.dumps(page.as_json(), ensure_ascii=False, indent=1) + "\n").encode()
    elif form == "hocr":
        data = as_hocr(page, path.name).encode()
    else:
        assert pixels is not None
        data = as_pdf(page, pixels)
    with atomic_write(file) as handle:
        handle.write(data)
    return file


def as_hocr(page: Page, picture: str) -> str:
    """The page as hOCR 1.2; `picture` is the name of the picture's file."""
    name = html.escape(picture.replace('"', "'"), quote=True)
    rows = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
        '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">',
        '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">',
        " <head>",
        f"  <title>{name}</title>",
        '  <meta http-equiv="Content-Type" content="text/html;charset=utf-8" />',
        '  <meta name="ocr-system" content="glassnet" />',
        '  <meta name="ocr-langs" content="unknown" />',
        '  <meta name="ocr-scripts" content="Latn" />',
        '  <meta name="ocr-number-of-pages" content="1" />',
        '  <meta name="ocr-capabilities" content="ocr_page ocr_line ocrx_word ocrp_wconf" />',
        " </head>",
        " <body>",
        "  <div class='ocr_page' id='page_1' "
        f"title='image \"{name}\"; bbox 0 0 {page.width} {page.height}; ppageno 0'>",
    ]
    number = 0
    for i, line in enumerate(page.lines, start=1):
        rows.append(f"   <span class='ocr_line' id='line_{i}' title='{_bbox(line.box.whole())}'>")
        for word in line.words:
            number += 1
            title = f"{_bbox(word.box.whole())}; x_wconf {round(100 * word.confidence)}"
            text = html.escape(word.text)
            rows.append(f"    <span class='ocrx_word' id='word_{number}' title='{title}'>{text}</span>")
        rows.append("   </span>")
    return "\n".join([*rows, "  </div>", " </body>", "</html>"]) + "\n"


def _bbox(box: tuple[int, int, int, int]) -> str:
    return "bbox " + " ".join(str(max(0, v)) for v in box)


def as_pdf(page: Page, pixels: Pixels) -> bytes:
    """One page: the picture at 150 dots per inch, and every word's text over it, invisible."""
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfbase.pdfmetrics import stringWidth
    from reportlab.pdfgen.canvas import Canvas

    point = 72 / _RESOLUTION
    width, height = page.width * point, page.height * point
    data = io.BytesIO()
    canvas = Canvas(data, pagesize=(width, height), invariant=True)
    jpeg = io.BytesIO()
    _image(pixels).save(jpeg, "JPEG", quality=85)
    jpeg.seek(0)
    canvas.drawImage(ImageReader(jpeg), 0, 0, width, height)
    for line in page.lines:
        for word in line.words:
            box = word.box
            size = max(1.0, box.height * point)
            text = canvas.beginText(box.left * point, height - box.bottom * point)
            text.setFont("Helvetica", size)
            text.setTextRenderMode(3)  # neither filled nor stroked
            text.setHorizScale(100 * max(1.0, box.width * point) / max(stringWidth(word.text, "Helvetica", size), 0.1))
            text.textOut(word.text + " ")
            canvas.drawText(text)
    canvas.save()
    return data.getvalue()


def overlay(page: Page, pixels: Pixels) -> Image.Image:
    """The picture with a box around every character, coloured by confidence, and above it what was read."""
    picture = _image(pixels).convert("RGB")
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


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
