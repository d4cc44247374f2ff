"""A made-up page that anybody can read: its text, hand, layout and camera."""

from __future__ import annotations

import functools

import numpy as np

from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.pen import Hand
from glassnet.reader.synthesis import Camera, Layout, Paper, synthesise

TEXT = "READ THIS PAGE\nof 25 words, slowly\nand with great care."
# A steady writer, whose usual forms anybody can read.
HAND = Hand(
    slant=0.05, width=1.0, x_height=0.6, bend=0.015, tremble=0.01, turn=0.02, uneven=0.02, overshoot=0.02, rounding=0.0,
    wobble=0.005, joining=0.0, thickness=0.08, pressure=0.1, forms=dict.fromkeys(ALPHABET, 0),
)  # fmt: skip
LAYOUT = Layout(capital=48.0, letters=0.25, words=0.9)
CAMERA = Camera(blur=0.6, noise=1.5, jpeg=88)


def written(
    paper: Paper | None = None, camera: Camera = CAMERA, text: str = TEXT, layout: Layout = LAYOUT
) -> np.ndarray:
    """The pixels of a page on which the text stands, a new array."""
    return _made(paper or Paper(), camera, text, layout).copy()


@functools.cache
def _made(paper: Paper, camera: Camera, text: str, layout: Layout) -> np.ndarray:
    return synthesise(text, np.random.default_rng(11), hand=HAND, layout=layout, paper=paper, camera=camera)[0]
