"""A tiny set of lines of writing: four marks, each easy to tell, on strips of 8 pixels' height."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.data import KnownSet, LineSet, ReadOptions, Splits, catalogue, register
from glassnet.data.streams import generator

NAMES = ("space", "a", "b", "c")
NETWORK = "conv 3x3, 8, pad 1 -> batchnorm -> relu -> maxpool 2x2 -> conv 4x1, 16 -> relu -> conv 1x3, 5, pad 0 1"
RECIPE = f"""title = "Tiny lines"
[data]
source = "tiny-lines"
lines_per_epoch = 96
validation = 20
test = 20
height = 8
[model]
network = "{NETWORK}"
loss = "ctc"
[optimizer]
name = "adam"
lr = 0.02
[train]
epochs = 6
batch = 8
"""
_PATTERNS = np.array([[0] * 8, [1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1, 1]])
_WIDTHS = (32, 48)
_LETTERS = (2, 4)


class Marks:
    """Lines of a few marks, drawn by number; half of the held-out ones are wide."""

    def __init__(self, part: int, n: int, height: int = 8, seed: int = 0, *, drawn: bool = False) -> None:
        self.part, self.n, self.height, self.seed, self.drawn = part, n, height, seed, drawn
        self.widths = np.array([_WIDTHS[index % 2] for index in range(n)])

    def __len__(self) -> int:
        return self.n

    def take(self, indices: np.ndarray, epoch: int) -> tuple[np.ndarray, list[list[int]]]:
        width = int(self.widths[indices[0]])
        x, labels = np.zeros((len(indices), self.height, width, 1), np.uint8), []
        for row, index in enumerate(indices):
            rng = generator(self.seed, self.part, epoch if self.drawn else 0, int(index))
            labels.append(rng.integers(1, 4, rng.integers(1, 1 + _LETTERS[width == _WIDTHS[1]])).tolist())
            at = 2
            for label in labels[-1]:
                length = int(rng.integers(3, 6))
                x[row, :, at : at + length, 0] = 220 * np.resize(_PATTERNS[label], self.height)[:, None]
                at += length + int(rng.integers(3, 5))
            x[row] += rng.integers(0, 30, x[row].shape, dtype=np.uint8)
        return x, labels


def line_set(part: int, n: int, *, height: int = 8, seed: int = 0, drawn: bool = False) -> LineSet:
    """A part of the set; drawn anew for every epoch, or always the same."""
    marks = Marks(part, n, height, seed, drawn=drawn)
    groups = None if drawn else {"style": ["narrow" if width == _WIDTHS[0] else "wide" for width in marks.widths]}
    digest = hashlib.sha256(repr((part, n, height, seed, drawn)).encode()).hexdigest()
    widths = None if drawn else marks.widths
    return LineSet(marks, NAMES, height=height, name="tiny-lines", sha256=digest, widths=widths, groups=groups)


def _open(path: Path, options: ReadOptions) -> Splits:
    wanted = options.lines
    sizes = [20 if size is None else size for size in (wanted.validation, wanted.test)]
    held_out: Sequence[Any] = [
        line_set(part, n, height=wanted.height) if n else None for part, n in enumerate(sizes, 2)
    ]
    train = line_set(1, wanted.per_epoch, height=wanted.height, seed=wanted.seed, drawn=True)
    return Splits(train, *held_out)


@contextmanager
def tiny_lines() -> Iterator[None]:
    """Within the block `tiny-lines` is a known set."""
    register(
        KnownSet(
            "tiny-lines",
            "Marks on lines",
            NAMES,
            (8, None, 1),
            "20 + 20",
            "none",
            "none",
            _open,
            place=lambda: Path(),
        )
    )
    try:
        yield
    finally:
        catalogue._catalogue._sets.pop("tiny-lines")
