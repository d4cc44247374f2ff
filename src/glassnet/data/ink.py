"""Pictures of ink on a plain ground, such as digits, brought to the manner of those that a model was trained on.

Ink on paper is dark on light. MNIST is light on dark, its digits in a box of 20 of 28 pixels with their centre of mass
in the middle (LeCun, Cortes and Burges). A network that was trained on it makes little of any other manner. So a
model's card says how its training pictures look (`Manner.of`), and files are brought to that; arrays never are.

`benchmarks/ink.py` measures what that gains: of 200 digits in 38 fonts, black on white, a small convolutional network
reads 0.15 as they are, 0.61 inverted, and 0.93 inverted and centred.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from glassnet.data.picture_files import Images, select
from glassnet.data.pictures import bring_pixels, picture_info, read_picture
from glassnet.data.reading import STRETCHED, Reading

__all__ = ["CENTRED", "INVERTED", "Manner", "read_in_manner", "why_nothing"]

INVERTED, CENTRED = "inverted", "centred"

_SAMPLE = 1000  # training pictures that are looked at
# A set has a plain ground where the mean of its border pixels is within this of black or white: MNIST 0.00, digits
# 0.17, letters36 1.00; photographs (sun8, flowers17, cifar10, in grey) 0.33 to 0.49.
_GROUND = 0.25
_ODD = 0.01  # the share of its own pictures that may look inverted by the rule below
# A picture's ground is plain where this share of its border is within so much of the border's median ...
_PLAIN, _NEAR = 0.6, 0.1
# ... and without colour where at most so much of the ground differs by more than so much from its median tint. The
# ground is what comes within so much of the border's median brightness.
_COLOURED, _TINT, _GROUND_RANGE = 0.05, 0.05, 0.2
# Of the test pictures of MNIST and digits this takes none for inverted, of the inverted ones all; of 150 digits printed
# on paper in uneven light 99 %; of colour photographs 0.5 % (sun8), 0.0 % (flowers17), 3.5 % (imagenet-samples: such as
# stand on a white ground).
_CONTRAST = 0.2  # between the ground and the darkest ink, at least
_INK = 0.3  # of the strongest ink: what counts as ink
# Of the side: how much boxes and centres of mass may differ in a set that frames all alike (centres: MNIST 0.02, digits
# 0.05, letters36 0.05).
_ALIKE = 0.06
_FRAMED = 0.1  # of the side: a picture whose box and centre are within this of the set's is left as it is
# Of the longer side: ink whose box is smaller is a dot. A stroke on the page of `web` is 0.07 wide, and of 10,000
# test digits of MNIST the smallest has a box of 0.50.
_DOT = 0.12
_LARGEST = 512  # pixels of the longer side, in which a file's ink is looked for

Grey = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Manner:
    """How grey pictures of ink look.

    Attributes
    ----------
    border, mean : float
        The mean brightness of their border pixels and of all pixels, from 0 to 1.
    ink_side : float or None
        The longer side of the ink's box as a share of the picture's, where all pictures share it and have the ink's
        centre of mass in the middle.
    """

    border: float
    mean: float
    ink_side: float | None = None

    @classmethod
    def of(cls, images: Images) -> Manner | None:
        """How the pictures (N, H, W, C) of a set look; None unless they are grey and have one plain ground."""
        if images.shape[3] != 1 or not len(images):
            return None
        rows = np.unique(np.linspace(0, len(images) - 1, min(_SAMPLE, len(images))).astype(np.int64))
        grey = _floats(np.asarray(select(images, rows)[:]))
        border, mean = float(np.mean([_border(picture).mean() for picture in grey])), float(grey.mean())
        manner = cls(round(border, 4), round(mean, 4))
        plain = (border <= _GROUND and mean > border) or (border >= 1 - _GROUND and mean < border)
        if not plain or np.mean([manner.looks_inverted(picture) for picture in grey]) > _ODD:
            return None
        return cls(manner.border, manner.mean, _common_side([manner.ink(picture) for picture in grey]))

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Manner | None:
        """What a model's card says; None where it says nothing."""
        found = card.get("pictures")
        try:
            side = found.get("ink_side")  # type: ignore[union-attr]
            return cls(float(found["border"]), float(found["mean"]), None if side is None else float(side))  # type: ignore[index]
        except (AttributeError, KeyError, TypeError, ValueError):
            return None

    def to_dict(self) -> dict[str, float]:
        """For a model's card."""
        found = {"border": self.border, "mean": self.mean}
        return found if self.ink_side is None else found | {"ink_side": self.ink_side}

    @property
    def dark_ground(self) -> bool:
        """Whether the pictures are light on dark."""
        return self.border < 0.5

    def looks_inverted(self, grey: Grey) -> bool:
        """Whether a picture (H, W) in [0, 1] has its ink on the other ground, and a plain one."""
        picture = grey if self.dark_ground else 1.0 - grey
        border = _border(picture)
        ground = float(np.median(border))
        light = ground > 0.5 and picture.mean() < ground and picture.min() < ground - _CONTRAST
        return bool(light and (np.abs(border - ground) < _NEAR).mean() >= _PLAIN)

    def ink(self, grey: Grey) -> Grey:
        """How much ink there is at each pixel (H, W), at most 1, of a picture that is not inverted."""
        picture = grey if self.dark_ground else 1.0 - grey
        ink: Grey = np.maximum(picture - np.median(_border(picture)), 0.0)
        most = float(ink.max())
        if most > 0:
            ink /= most
        return ink


def read_in_manner(
    picture: str | Path | npt.NDArray[np.uint8],
    image_shape: tuple[int, int, int],
    reading: Reading,
    manner: Manner | None,
    *,
    invert: bool = True,
    centre: bool = True,
) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    """A picture as `read_picture` gives it, inverted and centred where that brings it to the manner.

    Parameters
    ----------
    picture : path or (H', W', 1, 3 or 4) uint8 array
        The picture file, or the pixels of one, as of a video's frame.
    image_shape : (int, int, int)
        (H, W, C) that it is brought to.
    reading : Reading
        How it is brought to H x W.
    manner : Manner or None
        How the pictures of the model look; None changes nothing.
    invert, centre : bool
        Whether each may be done.

    Returns
    -------
    pixels : (H, W, C) uint8 array
        The picture.
    changes : tuple of str
        `INVERTED`, `CENTRED`: what was done.

    Raises
    ------
    DataError
        As `read_picture` does.
    """
    pixels = _read(picture, image_shape, reading)
    if manner is None or image_shape[2] != 1:
        return pixels, ()
    size = image_shape[:2]
    turned = manner.looks_inverted(_floats(pixels)) and _colourless(_read(picture, (*size, 3), reading))
    if turned and not invert:
        return pixels, ()
    changes = (INVERTED,) if turned else ()
    if turned:
        pixels = 255 - pixels
    framed = _framed(picture, image_shape, manner, turned) if centre and manner.ink_side is not None else None
    return (pixels, changes) if framed is None else (framed, (*changes, CENTRED))


def why_nothing(pixels: npt.NDArray[np.uint8]) -> str:
    """Why a picture shows nothing that could be named: it is blank, or holds a dot alone; empty where it shows more.

    Parameters
    ----------
    pixels : (H, W, 1 or 3) uint8 array
        The picture, in any manner: light on dark, dark on light, in colour.

    Returns
    -------
    str
        "nothing drawn", "only a dot", or "".
    """
    ground = np.median(_border(pixels), axis=0)
    away: Grey = np.abs(pixels - ground).max(axis=-1)
    most = float(away.max())
    if most < 255 * _CONTRAST:
        return "nothing drawn"
    box = _box(away / most)
    assert box is not None
    size = max(box[1] - box[0], box[3] - box[2])
    return "only a dot" if size < _DOT * max(away.shape) else ""


def _read(
    picture: str | Path | npt.NDArray[np.uint8], image_shape: tuple[int, int, int], reading: Reading
) -> npt.NDArray[np.uint8]:
    if isinstance(picture, np.ndarray):
        return bring_pixels(picture, image_shape, reading)
    return read_picture(picture, image_shape, reading)


def _framed(
    picture: str | Path | npt.NDArray[np.uint8], image_shape: tuple[int, int, int], manner: Manner, turned: bool
) -> npt.NDArray[np.uint8] | None:
    """The ink of a picture in a box and at a place as the manner has it; None where it stands so or is cut off."""
    height, width, _ = picture.shape if isinstance(picture, np.ndarray) else picture_info(picture)
    if (height, width) == image_shape[:2]:
        return None
    shrink = min(1.0, _LARGEST / max(height, width))
    size = max(1, round(height * shrink)), max(1, round(width * shrink))
    grey = _floats(_read(picture, (*size, 1), STRETCHED))
    ink = manner.ink(1.0 - grey if turned else grey)
    found = _box(ink)
    if found is None or (_border(ink) >= _INK).any():
        return None
    top, bottom, left, right = found
    assert manner.ink_side is not None
    sides = (bottom - top) / size[0], (right - left) / size[1]
    middle = _centre_of_mass(ink)
    off = max(abs(place / length - 0.5) for place, length in zip(middle, size, strict=True))
    square = abs(size[0] / size[1] - image_shape[0] / image_shape[1]) < _FRAMED
    faint = abs(float(np.median(_border(1.0 - grey if turned else grey))) - round(manner.border)) > _FRAMED
    if square and not faint and abs(max(sides) - manner.ink_side) <= _FRAMED and off <= _FRAMED:
        return None
    cut = ink[top:bottom, left:right]
    scale = manner.ink_side * min(image_shape[:2]) / max(cut.shape)
    new = max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale))
    small = np.clip(np.asarray(Image.fromarray(cut.astype(np.float32)).resize(new, Image.Resampling.BICUBIC)), 0.0, 1.0)
    canvas = np.zeros(image_shape[:2])
    start = [
        int(np.clip(round(length / 2 - place), 0, max(0, length - extent)))
        for length, place, extent in zip(canvas.shape, _centre_of_mass(small), small.shape, strict=True)
    ]
    canvas[start[0] : start[0] + small.shape[0], start[1] : start[1] + small.shape[1]] = small
    levels = np.rint(255.0 * canvas).astype(np.uint8)[:, :, None]
    return levels if manner.dark_ground else 255 - levels


def _common_side(inks: list[Grey]) -> float | None:
    """The longer side of the boxes of ink as a share of the picture's, where the pictures are framed alike."""
    sides, centres = [], []
    for ink in inks:
        if (box := _box(ink)) is not None:
            sides.append(max((box[1] - box[0]) / ink.shape[0], (box[3] - box[2]) / ink.shape[1]))
            centres.append([place / size - 0.5 for place, size in zip(_centre_of_mass(ink), ink.shape, strict=True)])
    if not sides or np.std(sides) > _ALIKE or np.sqrt(np.mean(np.square(centres), axis=0)).max() > _ALIKE:
        return None
    return round(float(np.mean(sides)), 4)


def _box(ink: Grey) -> tuple[int, int, int, int] | None:
    """(top, bottom, left, right) of what counts as ink, ends excluded."""
    seen = ink >= _INK
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _centre_of_mass(ink: Grey) -> tuple[float, float]:
    """(down, right) in pixels from the upper left corner; the middle where there is no ink."""
    total = float(ink.sum())
    if total <= 0:
        return ink.shape[0] / 2, ink.shape[1] / 2
    down = float(ink.sum(axis=1) @ (np.arange(ink.shape[0]) + 0.5)) / total
    right = float(ink.sum(axis=0) @ (np.arange(ink.shape[1]) + 0.5)) / total
    return down, right


def _border(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values of the outermost pixels of (H, W)."""
    inner = np.zeros(picture.shape[:2], bool)
    inner[1:-1, 1:-1] = True
    return picture[~inner]


def _colourless(pixels: npt.NDArray[np.uint8]) -> bool:
    """Whether the ground of a picture (H, W, 3) has one tint, as paper has in any light."""
    red, green, blue = (pixels[..., channel].astype(np.float64) / 255.0 for channel in range(3))
    ground = np.abs(green - np.median(_border(green))) < _GROUND_RANGE
    tint = np.stack([red - green, blue - green], axis=-1)
    away = np.abs(tint - np.median(tint[ground], axis=0)).max(axis=-1) > _TINT
    return bool(away[ground].mean() <= _COLOURED)


def _floats(pixels: npt.NDArray[Any]) -> Grey:
    """Pictures (..., H, W, 1) as (..., H, W) in [0, 1]."""
    grey = pixels[..., 0].astype(np.float64)
    return grey / 255.0 if pixels.dtype == np.uint8 else grey
