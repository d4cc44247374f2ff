"""A page as a PDF that shows the picture and can be searched."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from glassnet.reader.page import Page, Word

__all__ = ["RESOLUTION", "as_pdf"]

RESOLUTION = 150.0
"""Dots per inch at which a picture that does not know its own is laid on the page."""

Pixels = npt.NDArray[np.uint8]


def as_pdf(page: Page, pixels: Pixels, resolution: float = RESOLUTION, least: float = 0.0) -> bytes:
    """One page: the picture, and every word's text over it, invisible, so that it can be searched and copied.

    Parameters
    ----------
    page : Page
        What was read.
    pixels : Pixels
        The picture.
    resolution : float
        Its dots per inch.
    least : float
        The confidence below which words are highlighted, as a reader would with a marker.
    """
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfbase.pdfmetrics import stringWidth
    from reportlab.pdfgen.canvas import Canvas

    point = 72 / resolution
    width, height = page.width * point, page.height * point
    data = io.BytesIO()
    canvas = Canvas(data, pagesize=(width, height), invariant=True)
    jpeg = io.BytesIO()
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    picture.save(jpeg, "JPEG", quality=85)
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
            if word.confidence < least:
                _highlight(canvas, word, point, height)
    canvas.save()
    return data.getvalue()


def _highlight(canvas: Any, word: Word, point: float, height: float) -> None:
    """An annotation that viewers draw in yellow and whose note says the confidence; the page itself stays as it is."""
    left, right = word.box.left * point, word.box.right * point
    top, bottom = height - word.box.top * point, height - word.box.bottom * point
    corners = [left, top, right, top, left, bottom, right, bottom]
    note = f"{word.text}: confidence {word.confidence:.2f}"
    canvas.highlightAnnotation(note, [left, bottom, right, top], QuadPoints=corners, Color=[1, 0.9, 0.2])
