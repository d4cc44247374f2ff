"""How well digits that are not framed as MNIST's are read: as they are, inverted, and inverted and centred.

    python benchmarks/ink.py RUN

RUN is a network trained on MNIST. Digits are printed in every TrueType font of the system at sizes and places of all
kinds, plainly and as on paper in uneven light, and MNIST's own are enlarged and moved; all are black on white.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import glassnet
from glassnet.model import Model

COUNT, SIDE = 200, 280
WAYS = {"as they are": (False, False), "inverted": (True, False), "inverted and centred": (True, True)}


def printed(rng: np.random.Generator, digit: str, font: str) -> np.ndarray:
    """(280, 280) ink of a digit, 30 to 90 % of the picture high, up to 10 % off its middle."""
    image = Image.new("L", (SIDE, SIDE))
    drawing, letters = ImageDraw.Draw(image), ImageFont.truetype(font, int(rng.uniform(0.3, 0.9) * SIDE / 0.72))
    left, top, right, bottom = drawing.textbbox((0, 0), digit, font=letters)
    across, down = rng.uniform(-0.1, 0.1, 2) * SIDE
    drawing.text(((SIDE - left - right) / 2 + across, (SIDE - top - bottom) / 2 + down), digit, fill=255, font=letters)
    return np.asarray(image) / 255.0


def on_paper(rng: np.random.Generator, ink: np.ndarray) -> np.ndarray:
    """(280, 280, 3) the ink on warm paper, the light falling off to one side, with noise."""
    down, across = np.mgrid[0 : 1 : SIDE * 1j, 0 : 1 : SIDE * 1j]
    slope = across * rng.uniform(-1, 1) + down * rng.uniform(-1, 1)
    light = rng.uniform(0.65, 1.0) * (1 - rng.uniform(0, 0.3) * (slope + 1) / 2)
    grey = (0.95 - 0.85 * ink) * light + rng.normal(0, 0.03, ink.shape)
    return np.clip(grey[..., None] * [1.0, 0.95, 0.87], 0, 1)


def moved(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """(280, 280) a picture of MNIST enlarged to 42 to 98 % of the side, up to 10 % off the middle."""
    side = int(SIDE * rng.uniform(0.42, 0.98))
    image = Image.new("L", (SIDE, SIDE))
    place = (SIDE - side) / 2 + rng.uniform(-0.1, 0.1, 2) * SIDE
    image.paste(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC), tuple(place.astype(int)))
    return np.asarray(image) / 255.0


def main(run: str) -> None:
    """Print a table."""
    model, rng = Model.load(run), np.random.default_rng(0)
    test = glassnet.load_data("mnist").test
    assert test is not None
    fonts = sorted(map(str, Path("/usr/share/fonts").rglob("*.ttf")))
    digits = [str(number // len(fonts) % 10) for number in range(COUNT)]
    ink = [printed(rng, digit, fonts[number % len(fonts)]) for number, digit in enumerate(digits)]
    sets = {
        f"printed in {len(fonts)} fonts": ([1 - picture for picture in ink], digits),
        "printed, in uneven light": ([on_paper(rng, picture) for picture in ink], digits),
        "MNIST's own, moved": (
            [1 - moved(rng, picture[..., 0]) for picture in test.images[:COUNT]], [str(k) for k in test.labels[:COUNT]],
        ),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for name, (pictures, truth) in sets.items():
            hits = dict.fromkeys(WAYS, 0)
            for picture, digit in zip(pictures, truth, strict=True):
                path = Path(folder) / "digit.png"
                Image.fromarray(np.rint(255 * picture).astype(np.uint8)).save(path)
                for way, (invert, centre) in WAYS.items():
                    pixels, _ = model.read(path, invert=invert, centre=centre)
                    hits[way] += model.predict(pixels[None])[0] == digit
            print(f"{name}: " + ", ".join(f"{way} {count / len(truth):.3f}" for way, count in hits.items()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
