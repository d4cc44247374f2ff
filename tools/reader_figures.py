"""The pictures of docs/reader.md: the sample page as it is read, hands of the pen model, and pages that are read badly.

python tools/reader_figures.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from glassnet.data.pictures import read_picture
from glassnet.reader import read
from glassnet.reader.compose import overlay
from glassnet.reader.evaluate import compare
from glassnet.reader.pages import pages
from glassnet.reader.pen import bounds, draw_hand, ink, write

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "images"
_TRIED, _SHOWN, _WIDTH = 40, 3, 1100
_TEXT, _HANDS, _SIZE = "Pack my 97 quiz books in 5 large boxes", 8, 30.0


def _drawn(pixels: np.ndarray) -> Image.Image:
    picture = overlay(read(pixels), pixels)
    return picture.resize((_WIDTH, round(picture.height * _WIDTH / picture.width)), Image.Resampling.LANCZOS)


def _hands() -> Image.Image:
    """The same line as several hands write it."""
    canvas = np.zeros((int(2 * _SIZE * _HANDS), _WIDTH), np.float32)
    for number in range(_HANDS):
        rng = np.random.default_rng(number)
        hand = draw_hand(rng)
        x, y = 0.5 * _SIZE, (2 * number + 1.4) * _SIZE
        for character in _TEXT:
            if character == " ":
                x += 0.5 * _SIZE
                continue
            strokes = write(character, hand, rng)
            left, _, right, _ = bounds(strokes)
            placed = [np.array([x - left * _SIZE, y]) + stroke * [_SIZE, -_SIZE] for stroke in strokes]
            ink(canvas, placed, hand.thickness * _SIZE / 2, hand.pressure, rng)
            x += (right - left + 0.22) * _SIZE
    return Image.fromarray((255 * (1 - canvas)).astype(np.uint8))


def main() -> None:
    _hands().save(FOLDER / "reader-hands.png", optimize=True)
    sample = _drawn(read_picture(ROOT / "src" / "glassnet" / "reader" / "sample.jpg"))
    sample.save(FOLDER / "reader.jpg", quality=85, optimize=True)
    found = []
    for seed in range(_TRIED):
        pixels, truth = next(iter(pages(1, seed=1000 + seed, lines=4)))
        found.append((compare("", read(pixels).text, truth.text).score, seed, pixels))
    worst = [_drawn(pixels) for _, _, pixels in sorted(found, key=lambda page: page[:2])[:_SHOWN]]
    sheet = Image.new("RGB", (_WIDTH, sum(p.height for p in worst) + 12 * (_SHOWN - 1)), "white")
    top = 0
    for picture in worst:
        sheet.paste(picture, (0, top))
        top += picture.height + 12
    sheet.save(FOLDER / "reader-failures.jpg", quality=80, optimize=True)


if __name__ == "__main__":
    main()
