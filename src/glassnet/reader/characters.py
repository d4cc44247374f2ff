"""Single characters to train the recogniser on and to measure it by: written by the pen model, photographed, scanned.

Every character comes out as the reader will see it: its ink, cut to its box and framed (`glassnet.data.framing`).
Classes are those of the alphabet, and one for what is not a character: two at a time, or part of one. That class lets
the reader choose between ways of cutting a line into characters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from glassnet import threads
from glassnet.data.catalogue import KnownSet, place_of, register
from glassnet.data.dataset import Dataset, Splits
from glassnet.data.framing import SIDE, frame
from glassnet.data.idx import load_idx
from glassnet.data.letters36 import has_letters36, load_characters62
from glassnet.processes import map_in_processes
from glassnet.reader.alphabet import ALPHABET, CLASSES
from glassnet.reader.pen import Hand, bounds, draw_hand, ink, write

__all__ = [
    "LETTERS_SURPLUS",
    "load_characters",
    "load_validation",
    "photographed",
    "register_set",
    "written",
    "written_character",
]

_EACH = 4000  # examples per class
_REAL = 1400  # of them photographed, half as they are and half varied, where there are any
_SCANNED = 800  # of the digits, from MNIST
_NONE = 24_000
# MNIST's digits stand in for written ones: by so much is a written picture likelier to be a given letter than a digit.
LETTERS_SURPLUS = (_EACH - _REAL) / (_EACH - _REAL - _SCANNED)
_VALID_HANDS, _HANDS = 60, 2000
_PARTS = 16  # in which the written characters are made
_FINE = 2  # times as fine is the grid on which photographs are varied
_BLACK = 0.2  # of the written ones are black and white, as scanners make them
_EMPTY = 0.4  # ink below this share of the darkest is not counted to the box, as in `letters36`

Pictures = npt.NDArray[np.uint8]
Ink = npt.NDArray[np.float32]


def load_characters(seed: int = 0) -> Splits:
    """The recogniser's data: (32, 32, 1) pictures of `CLASSES`, equally many of each character.

    Training: written by 2,000 hands, photographed (the training part of characters62) and scanned (MNIST's training
    digits). Validation: written by 60 other hands, and the validation part of characters62. Test: that set's test part.

    Raises `DataError` when characters62 or MNIST is not there.
    """
    real = load_characters62(place_of("letters36"))
    digits = load_idx(place_of("mnist"), "mnist").train
    rng = np.random.default_rng(seed)
    images: list[Pictures] = []
    labels: list[int] = []
    for label, character in enumerate(ALPHABET):
        images += [*_repeated(real.train, character, _REAL, rng), *_mnist(digits, character, _SCANNED, rng)]
        labels += [label] * (len(images) - len(labels))
    missing = [_EACH - labels.count(label) for label in range(len(ALPHABET))] + [_NONE]
    wanted = rng.permutation(np.repeat(np.arange(len(CLASSES)), missing))
    made = _written_by_many(wanted, seed)
    train = Dataset(np.concatenate([np.stack(images), made]), np.append(labels, wanted), CLASSES, "hand-printed", ())
    assert real.test is not None
    return Splits(train, _validation(real, seed), photographed(real.test))


def register_set() -> None:
    """Put these characters into the catalogue of known sets, as `hand-printed`."""
    register(
        KnownSet(
            "hand-printed",
            "Characters written by a pen model, photographed and scanned: what the reader is trained on",
            CLASSES,
            (SIDE, SIDE, 1),
            "205,600 + 4,180 validation + 1,240 test",
            "MIT (the photographs), CC BY-SA 3.0 (MNIST)",
            "https://github.com/TasnimulIntazamAsif/Handwritten_Letter_Indentation",
            lambda path, options: load_characters(seed=0),
            ("handwriting/characters62", "characters62", "letters36"),
            has_letters36,
            by_hand="it is made when it is loaded, from 'letters36' and 'mnist'; lay out those two",
        )
    )


def load_validation(seed: int = 0, *, photographs_only: bool = False) -> Dataset:
    """The validation part of `load_characters` alone, in seconds. Raises `DataError` when characters62 is not there."""
    real = load_characters62(place_of("letters36"))
    assert real.valid is not None
    return photographed(real.valid) if photographs_only else _validation(real, seed)


def _validation(real: Splits, seed: int) -> Dataset:
    assert real.valid is not None
    return _joined(photographed(real.valid), written(np.random.default_rng(seed + 1), 40))


def _written_by_many(labels: npt.NDArray[Any], seed: int) -> Pictures:
    """(n, 32, 32, 1) one picture of each of these classes, by 2,000 hands; as many processes as threads."""
    parts = np.array_split(labels, _PARTS)
    tasks = [(part, seed, number) for number, part in enumerate(parts)]
    if threads.count() == 1:
        return np.concatenate([_write_part(task) for task in tasks])
    return np.concatenate(list(map_in_processes(_write_part, tasks, threads.count())))


def _write_part(task: tuple[npt.NDArray[Any], int, int]) -> Pictures:
    labels, seed, number = task
    rng = np.random.default_rng((seed, _HANDS))
    hands = [draw_hand(rng) for _ in range(_HANDS)]
    rng = np.random.default_rng((seed, _HANDS, number))
    made = []
    for label in labels:
        hand = hands[int(rng.integers(_HANDS))]
        made.append(_nothing(hand, rng) if label == len(ALPHABET) else written_character(ALPHABET[label], hand, rng))
    return np.stack(made)


def photographed(part: Dataset) -> Dataset:
    """A part of characters62 with the reader's classes."""
    names = part.class_names
    labels = np.array([CLASSES.index(names[k]) for k in part.labels])
    return Dataset(part.images, labels, CLASSES, "characters62", part.notes)


def written(rng: np.random.Generator, each: int) -> Dataset:
    """`each` examples of every character and 10 times as many of none, written by hands drawn from `rng`."""
    hands = [draw_hand(rng) for _ in range(_VALID_HANDS)]
    images = [written_character(c, hands[i % len(hands)], rng) for c in ALPHABET for i in range(each)]
    images += [_nothing(hands[i % len(hands)], rng) for i in range(10 * each)]
    labels = np.array([k for k in range(len(ALPHABET)) for _ in range(each)] + [len(ALPHABET)] * 10 * each)
    return Dataset(np.stack(images), labels, CLASSES, "written", ())


def _joined(a: Dataset, b: Dataset) -> Dataset:
    images, labels = np.concatenate([a.images, b.images]), np.concatenate([a.labels, b.labels])
    return Dataset(images, labels, CLASSES, "hand-printed", ())


def _repeated(part: Dataset, character: str, count: int, rng: np.random.Generator) -> Iterator[Pictures]:
    """Photographed examples of a character, in all as often as asked, or none: half as they are, half varied."""
    if character not in part.class_names:
        return
    own = part.images[np.asarray(part.labels) == part.class_names.index(character)]
    for number, k in enumerate(rng.permutation(np.arange(count) % len(own))):
        yield _varied(own[k], rng) if number % 2 else own[k]


def _varied(picture: Pictures, rng: np.random.Generator) -> Pictures:
    """The character as the same hand might write it another time: leaning, wider, bent, with another pen; framed."""
    side = _FINE * SIDE
    large = np.asarray(Image.fromarray(255 - picture[:, :, 0]).resize((side, side), Image.Resampling.BICUBIC))
    seen = np.pad(large.astype(np.float32) / 255, side // 4)
    lean, wide, turn = rng.normal(0, 0.08), np.exp(rng.normal(0, 0.08)), rng.normal(0, 0.05)
    matrix = np.array([[1.0, 0.0], [lean, 1 / wide]]) @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
    grid = np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in seen.shape), indexing="ij"))
    middle = (np.array(seen.shape) - 1)[:, None, None] / 2
    bend = rng.normal(0, rng.uniform(0, 0.04) * side, (2, 4, 4))
    field = np.stack([ndimage.zoom(b, np.array(seen.shape) / 4, order=3, grid_mode=True, mode="nearest") for b in bend])
    places = np.tensordot(matrix, grid - middle, 1) + middle + field
    seen = ndimage.map_coordinates(seen, places, order=1)
    reach = int(rng.integers(1 - _FINE, _FINE + 1))  # how much thinner or thicker, in fine pixels
    if reach:
        thicker = ndimage.grey_dilation if reach > 0 else ndimage.grey_erosion
        other = thicker(seen, size=(abs(reach) + 1,) * 2)
        if other.max() > 0.6:  # a line thinner than that would be gone
            seen = other
    return framed(ndimage.gaussian_filter(seen, rng.uniform(0, 0.3 * _FINE)))


def _mnist(part: Dataset, character: str, count: int, rng: np.random.Generator) -> Iterator[Pictures]:
    if not character.isdigit():
        return
    rows = np.flatnonzero(np.asarray(part.labels) == int(character))
    for k in rng.choice(rows, count, replace=False):
        yield framed(part.images[k, :, :, 0].astype(np.float32) / np.float32(255))


# ---- the pen ---------------------------------------------------------------------------------------------------------


def written_character(character: str, hand: Hand, rng: np.random.Generator) -> Pictures:
    """One character as a hand writes it and a camera sees it, framed."""
    return framed(_seen([write(character, hand, rng)], hand, rng))


def _nothing(hand: Hand, rng: np.random.Generator) -> Pictures:
    """Two characters side by side, or a part of a wide one."""
    letters = [c for c in ALPHABET if c.isalnum()]
    if rng.random() < 0.6:
        pair = [write(str(rng.choice(letters)), hand, rng) for _ in range(2)]
        right, left = bounds(pair[0])[2], bounds(pair[1])[0]
        shift = np.array([right - left + rng.uniform(-0.1, 0.35), 0.0])
        return framed(_seen([pair[0], [stroke + shift for stroke in pair[1]]], hand, rng))
    seen = _seen([write(str(rng.choice(list("ABDEGHKMNOQRUWXZabdeghmnopqw0345689&#@"))), hand, rng)], hand, rng)
    columns = np.flatnonzero((seen > _EMPTY * max(float(seen.max()), 0.1)).any(axis=0))
    if columns.size == 0:
        return framed(seen)
    cut = columns[0] + int(rng.uniform(0.3, 0.7) * (columns[-1] - columns[0]))
    part = seen[:, :cut] if rng.random() < 0.5 else seen[:, cut:]
    return framed(part)


def _seen(characters: list[Any], hand: Hand, rng: np.random.Generator) -> Ink:
    """Ink (h, w) in [0, 1] of characters drawn at some size, through a lens, on paper with a grain."""
    strokes = [stroke for character in characters for stroke in character]
    left, bottom, right, top = bounds(strokes)
    size = float(np.exp(rng.uniform(np.log(14), np.log(80))))  # pixels of a capital
    radius = max(0.6, hand.thickness * size / 2 * float(np.exp(rng.normal(0, 0.12))))
    margin = radius + 3
    h, w = int((top - bottom) * size + 2 * margin) + 1, int((right - left) * size + 2 * margin) + 1
    canvas = np.zeros((h, w), np.float32)
    place = np.array([margin - left * size, margin + top * size])
    ink(canvas, [place + stroke * [size, -size] for stroke in strokes], radius, hand.pressure, rng)
    if rng.random() < 0.5:  # a dry pen leaves gaps
        canvas *= 1 - rng.uniform(0, 0.5) * ndimage.gaussian_filter(rng.random((h, w), np.float32), 0.7) ** 2
    canvas = ndimage.gaussian_filter(canvas, rng.uniform(0.3, 0.3 + min(1.6, 0.035 * size)))
    canvas /= max(float(canvas.max()), 1e-3)
    canvas += rng.normal(0, rng.uniform(0, 0.08), (h, w)).astype(np.float32)
    low, high = rng.uniform(0.1, 0.35), rng.uniform(0.7, 1.0)
    if rng.random() < _BLACK:
        low = rng.uniform(0.3, 0.55)
        high = low + 0.05
    seen: Ink = np.clip((canvas - low) / (high - low), 0, 1)
    return seen


def framed(seen: Ink) -> Pictures:
    """Ink cut to the box of what is dark, and framed."""
    pieces, count = ndimage.label(seen > _EMPTY * max(float(seen.max()), 0.1), structure=np.ones((3, 3)))
    if count == 0:
        return np.full((SIDE, SIDE, 1), 255, np.uint8)
    sizes = np.bincount(pieces.reshape(-1))[1:]
    mask = np.isin(pieces, 1 + np.flatnonzero(sizes >= min(max(2, 0.02 * sizes.max()), sizes.max())))  # without specks
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return frame(seen[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
