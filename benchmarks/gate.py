"""What tells writing from what is none: the regression behind `glassnet.reader.selection`, fitted and tried.

    python -m benchmarks.gate                           # needs GLASSNET_DATA; some ten minutes
    python -m benchmarks.gate --pages 40 --photographs 40

Writing: synthesised pages of a word to seven lines, a third of them small or blurred, a third with letters that touch,
as far as a third of their characters is read. No writing: photographs (a few of them show signs and print) and blank
pages of every paper and light. The regression is fitted on one half of each; the other half says how good it is.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from glassnet.data.catalogue import find_folder
from glassnet.data.pictures import is_picture_name, read_picture
from glassnet.reader import PieceReader, Reader
from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.decoding import Decoded
from glassnet.reader.evaluate import compare
from glassnet.reader.pages import made_up_lines
from glassnet.reader.pen import draw_hand
from glassnet.reader.selection import features, lines_of_writing
from glassnet.reader.settings import DEFAULTS
from glassnet.reader.synthesis import Layout, _lay, _photograph, draw_camera, draw_layout, draw_paper, synthesise

_SEED = 3_000_017
_PHOTOGRAPHS = ("flowers17", "imagenet-samples", "sun8", "imagenette")
_LEGIBLE = 0.33
_RIDGE = 0.3  # real writing is less clear than these pages: without it the weights would be three times as large


def written(number: int) -> tuple[np.ndarray, str]:
    """A page of writing, and its text."""
    rng = np.random.default_rng((_SEED, 0, number))
    text = made_up_lines(rng, int(rng.integers(1, 8)))
    if number % 4 == 0:
        text = max(text.split(), key=len)
    layout = draw_layout(rng)
    if number % 3 == 1:
        layout = replace(layout, letters=float(rng.uniform(-0.12, 0.1)))
    camera = draw_camera(rng)
    pixels, _ = synthesise(text, rng, hand=draw_hand(rng), layout=layout, camera=camera)
    if number % 3 == 2:
        small = rng.uniform(12, 22) / layout.capital
        image = Image.fromarray(pixels)
        image = image.resize((round(image.width * small), round(image.height * small)), Image.Resampling.BOX)
        pixels = np.asarray(image)
    return pixels, text


def blank(number: int) -> np.ndarray:
    rng = np.random.default_rng((_SEED, 1, number))
    empty = np.zeros((int(rng.integers(300, 1500)), int(rng.integers(300, 1500))), np.float32)
    laid = _lay(empty, Layout(capital=float(rng.uniform(20, 60))), draw_paper(rng), rng)
    return _photograph(laid, draw_camera(rng), rng)[0]


def photographs(count: int) -> Iterator[Path]:
    """As many from every set, spread over it."""
    for name in _PHOTOGRAPHS:
        folder = find_folder(name)
        if folder is None:
            print(f"no {name} in GLASSNET_DATA")
            continue
        files = sorted(f for f in folder.rglob("*") if is_picture_name(f))
        yield from files[:: max(1, len(files) // count)][:count]


def lines_in(pixels: np.ndarray, reader: Reader) -> list[list[Decoded]]:
    """What the reader selects from."""
    state = reader.open(pixels)
    for stage in itertools.takewhile(lambda stage: stage != reader.select, reader.stages):
        state = stage(state)
    return state.characters or []


def collect(count: int, photos: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features (n, k) of every page with marks; whether it is writing (n,); which of two halves it is in (n,);
    and whether the reader takes it for writing (n,)."""
    reader = PieceReader()
    rows, truth, halves, taken = [], [], [], []
    left_out = 0
    for number in range(count):
        pixels, text = written(number)
        lines = lines_in(pixels, reader)
        plain = "\n".join("".join(ALPHABET[int(c.probabilities[:-1].argmax())] for c in line) for line in lines)
        if not lines or compare("", plain, text).score < _LEGIBLE:
            left_out += 1
            continue
        rows.append(features(lines))
        taken.append(bool(lines_of_writing(lines)))
        truth.append(True)
        halves.append(number // 12 % 2)
    print(f"{count} pages of writing, {left_out} of them illegible")
    others = itertools.chain(map(read_picture, photographs(photos)), map(blank, range(photos)))
    without = 0
    for number, pixels in enumerate(others):
        lines = lines_in(pixels, reader)
        if not lines:
            without += 1
            continue
        rows.append(features(lines))
        taken.append(bool(lines_of_writing(lines)))
        truth.append(False)
        halves.append(number % 2)
    print(f"{number + 1} pictures without writing, {without} of them without marks")
    return np.array(rows), np.array(truth), np.array(halves), np.array(taken)


def fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The weights (k,) of a logistic regression, writing and no writing weighted alike, by Newton's method."""
    weight = np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    w = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        gradient = x.T @ (weight * (p - y)) + _RIDGE * w
        w -= np.linalg.solve((x.T * (weight * p * (1 - p))) @ x + _RIDGE * np.eye(len(w)), gradient)
    return w


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=200, help="of writing")
    parser.add_argument("--photographs", type=int, default=200, help="of each set; as many blank pages")
    parser.add_argument("--keep", type=Path, help="a file (.npz) for the features")
    options = parser.parse_args()
    x, y, half, taken = collect(options.pages, options.photographs)
    if options.keep:
        np.savez(options.keep, x=x, y=y, half=half, taken=taken)
    print("fitted on the first half: " + ", ".join(f"{w:.2f}" for w in fit(x[half == 0], y[half == 0])))
    print("in use:                   " + ", ".join(f"{w:.2f}" for w in DEFAULTS.select.weights))
    for number, name in enumerate(["first half", "other half"]):
        for what, truth in (("writing", True), ("no writing, with marks", False)):
            own = taken[(half == number) & (y == truth)]
            print(f"{name}, {what}: {own.sum()} of {len(own)} taken for writing")


if __name__ == "__main__":
    main()
