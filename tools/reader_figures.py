"""The pictures of docs/reader.md: the sample page as it is read, hands of the pen model, and pages that are read badly.

python tools/reader_figures.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from glassnet.data.pictures import read_picture
from glassnet.reader import read
from glassnet.reader.evaluate import compare
from glassnet.reader.export import overlay
from glassnet.reader.pages import pages
from glassnet.reader.synthesis import Camera, Layout, Paper, synthesise

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "images"
_TRIED, _SHOWN, _WIDTH = 40, 3, 1100
_TEXT, _HANDS = "Pack my 97 quiz books in 5 large boxes", 8


def _drawn(pixels: np.ndarray) -> Image.Image:
    picture = overlay(read(pixels), pixels)
    return picture.resize((_WIDTH, round(picture.height * _WIDTH / picture.width)), Image.Resampling.LANCZOS)


def _hands() -> Iterator[Image.Image]:
    """The same line as several hands write it."""
    layout = Layout(capital=28, words=0.55, margin=0.6)
    paper = Paper(colour=(255.0, 255.0, 255.0), grain=0.0, darkness=1.0)
    camera = Camera(noise=0.0)
    for number in range(_HANDS):
        rng = np.random.default_rng(number)
        yield Image.fromarray(synthesise(_TEXT, rng, layout=layout, paper=paper, camera=camera)[0])


def _stacked(pictures: list[Image.Image], gap: int = 0) -> Image.Image:
    """Pictures one below the other on white."""
    sheet = Image.new("RGB", (_WIDTH, sum(p.height + gap for p in pictures) - gap), "white")
    top = 0
    for picture in pictures:
        sheet.paste(picture, (0, top))
        top += picture.height + gap
    return sheet


def main() -> None:
    _stacked(list(_hands())).convert("L").save(FOLDER / "reader-hands.png", optimize=True)
    sample = _drawn(read_picture(ROOT / "src" / "glassnet" / "reader" / "sample.jpg"))
    sample.save(FOLDER / "reader.jpg", quality=85, optimize=True)
    found = []
    for seed in range(_TRIED):
        pixels, truth = next(iter(pages(1, seed=1000 + seed, lines=4)))
        found.append((compare("", read(pixels).text, truth.text).score, seed, pixels))
    worst = [_drawn(pixels) for _, _, pixels in sorted(found, key=lambda page: page[:2])[:_SHOWN]]
    _stacked(worst, 12).save(FOLDER / "reader-failures.jpg", quality=80, optimize=True)


if __name__ == "__main__":
    main()
