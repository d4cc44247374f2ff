"""The pictures of docs/reader.md: the sample page as it is read, and pages that are read badly.

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

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "images"
_TRIED, _SHOWN, _WIDTH = 40, 3, 1100


def _drawn(pixels: np.ndarray) -> Image.Image:
    picture = overlay(read(pixels), pixels)
    return picture.resize((_WIDTH, round(picture.height * _WIDTH / picture.width)), Image.Resampling.LANCZOS)


def main() -> None:
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
