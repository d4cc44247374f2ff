"""Lines of text in handwriting fonts, each as a hand might have written it: no two letters or lines alike.

A printed font is set letter by letter, each a little turned, lifted and scaled; a joined one word by word, as the font
joins its letters. The whole line leans, is stretched and spaced, its baseline wanders, and its strokes are made thicker
or thinner. It is drawn twice as large as wanted, and every four pixels become their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from glassnet.data.unipen import PARTS, part_of
from glassnet.errors import ReaderError
from glassnet.nn.kernels.stamps import stamp
from glassnet.reader.lines.faces import BUILT_IN, STYLES, Face, Font, Mask, face_of, read_fonts
from glassnet.reader.lines.texts import Texts

__all__ = ["FontWriter", "Manner", "draw_manner"]

_FINER = 2  # how much larger a line is drawn
_SHARES = (0.42, 0.53, 0.05)  # of lines in fonts of each style
_SHARES_SHOUTED = (0.04, 0.82, 0.14)  # of lines in capitals: hardly anyone joins these
_BROADEST = 0.3  # of a pen, in heights of an x
_VISIBLE = 0.1  # ink, of 1
_SWASH = 1.2  # how much farther than its plain letters a font may reach; what is beyond is cut off

Ink = npt.NDArray[np.float32]  # (h, w) in 0..1


@dataclass(frozen=True)
class Manner:
    """How a line is written; lengths in heights of an x.

    Attributes
    ----------
    whole : bool
        Whether words are set as a whole where the font is not joined.
    slant : float
        Sideways shift per unit of height, on top of the font's own.
    stretch : float
        Of widths.
    spacing : float
        Between letters, on top of the font's own.
    gap : float
        Between words.
    turn, lift, uneven : float
        Standard deviations of a letter's rotation (radians), height above the baseline and size (relative).
    wander : float
        How far the baseline swings.
    waves : float
        How often it does so in a hundred heights.
    thickness : float
        Of strokes.
    """

    whole: bool
    slant: float
    stretch: float
    spacing: float
    gap: float
    turn: float
    lift: float
    uneven: float
    wander: float
    waves: float
    thickness: float


def draw_manner(rng: np.random.Generator) -> Manner:
    """A manner of writing. One line in sixteen has its letters far apart, as in a form."""
    spacing = float(rng.uniform(0.3, 1.2) if rng.random() < 1 / 16 else rng.uniform(-0.06, 0.2))
    unsteady = float(rng.uniform(0.1, 1.0))
    return Manner(
        whole=bool(rng.random() < 0.25),
        slant=float(np.clip(rng.normal(0.03, 0.12), -0.25, 0.35)),
        stretch=float(np.exp(np.clip(rng.normal(0.0, 0.14), -0.35, 0.35))),
        spacing=spacing,
        gap=float(rng.uniform(0.5, 1.4)) + 1.5 * max(0.0, spacing),
        turn=0.07 * unsteady,
        lift=0.09 * unsteady,
        uneven=0.09 * unsteady,
        wander=float(abs(rng.normal(0, 0.12))),
        waves=float(rng.uniform(0.5, 5.0)),
        thickness=float(np.exp(rng.uniform(np.log(0.08), np.log(0.35)))),
    )


class FontWriter:
    """Writes in the fonts of a folder.

    Parameters
    ----------
    folder : Path or None
        Fonts with their `index.tsv` (see `read_fonts`); None for the one that Pillow brings along.
    part : str, optional
        `train`, `valid` or `test`: fonts are split by the SHA-256 of their file names. All fonts without it.
    texts : Texts, optional
        What `line` writes.

    Raises
    ------
    ReaderError
        The folder has no index, or no font of this part.
    """

    def __init__(self, folder: Path | None, part: str | None = None, texts: Texts | None = None) -> None:
        if part is not None and part not in PARTS:
            raise ReaderError(f"The parts of the fonts are {', '.join(PARTS)}. Got '{part}' instead.")
        fonts = [BUILT_IN] if folder is None else read_fonts(folder)
        self.fonts = [font for font in fonts if part is None or folder is None or part_of(font.name) == part]
        self.texts = texts
        if not self.fonts:
            raise ReaderError(f"Among the {len(fonts)} fonts in '{folder}' is none of the part '{part}'; add more.")

    def line(self, rng: np.random.Generator, characters: int) -> tuple[Ink, str]:
        """A line of about so many characters of the texts: its ink, and what is written there."""
        if self.texts is None:
            raise ReaderError("This writer was given no texts; name them, or give the text to `write`.")
        return self.write(self.texts.draw(rng, characters), rng)

    def write(
        self,
        text: str,
        rng: np.random.Generator,
        *,
        height: int = 28,
        font: Font | None = None,
        manner: Manner | None = None,
    ) -> tuple[Ink, str]:
        """A line of writing.

        Parameters
        ----------
        text : str
            Printable ASCII characters; any blank is one gap.
        rng : Generator
            Every choice comes from it.
        height : int
            Pixels from the highest to the lowest ink, less where the text has neither capitals nor descenders.
        font : Font, optional
            Drawn among those that have every character of the text, the more real-looking ones more often.
        manner : Manner, optional
            Drawn.

        Returns
        -------
        (h, w) array, str
            Ink in 0..1 as float32, without paper around it; the text as it can be read there, which is in capitals
            where the font has nothing else.

        Raises
        ------
        ReaderError
            The text is empty, or no font has all its characters.
        """
        words = text.split()
        if not words:
            raise ReaderError("There is no text to write: it is empty. Give at least one character.")
        span = 16 * -(-height // 7)  # a little larger than the line will be drawn
        font = font or self._choose("".join(words), rng, span)
        if font.capitals:
            words = [word.upper() for word in words]
        face, manner = face_of(font, span), manner or draw_manner(rng)
        masks, at = _set(words, face, manner, rng)
        ink = _drawn(masks, _placed(masks, at, face, manner, rng), face, manner, height, rng)
        return ink, " ".join(words)

    def _choose(self, characters: str, rng: np.random.Generator, span: int) -> Font:
        asked = set(characters)
        faces = [face for face in (face_of(font, span) for font in self.fonts) if not asked & face.missing]
        if not faces:
            raise ReaderError(f"No font among these {len(self.fonts)} has all characters of '{characters}'.")
        shouted = characters.isupper() and sum(c.isalpha() for c in characters) > 2
        shares = dict(zip(STYLES, _SHARES_SHOUTED if shouted else _SHARES, strict=True))
        weights = np.array([face.font.weight * face.legible for face in faces])
        styles = np.array([face.font.style for face in faces])
        for style in set(styles):
            weights[styles == style] *= shares[style] / weights[styles == style].sum()
        return faces[int(rng.choice(len(faces), p=weights / weights.sum()))].font


def _set(
    words: list[str], face: Face, manner: Manner, rng: np.random.Generator
) -> tuple[list[Mask], npt.NDArray[np.float64]]:
    """What is drawn as one - letters or words - and where along the line each begins."""
    masks: list[Mask] = []
    at: list[float] = []
    pen = 0.0
    x = face.x_height
    for word in words:
        if face.font.joined or manner.whole:
            masks.append(face.mask(word))
            at.append(pen)
            pen += masks[-1].length
        else:
            jitter = np.exp(rng.normal(0, 0.25, len(word)))
            for k, character in enumerate(word):
                masks.append(face.glyph(character))
                at.append(pen)
                pen += face.step(word[k : k + 2]) + manner.spacing * x * float(jitter[k])
        pen += manner.gap * x * float(np.exp(rng.normal(0, 0.15)))
    return masks, np.array(at)


def _placed(
    masks: Sequence[Mask], at: npt.NDArray[np.float64], face: Face, manner: Manner, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """The affine maps (n, 6) that the kernel takes, from masks to the line, whose baseline is y = 0."""
    loose = 0.3 if face.font.joined or manner.whole else 1.0
    turn, lift, grow = rng.normal(0, 1, (3, len(masks))) * loose
    size = np.exp(manner.uneven * grow)
    cos, sin = np.cos(manner.turn * turn) * size, np.sin(manner.turn * turn) * size
    left, top, width = np.array([(mask.left, mask.top, mask.pixels.shape[1]) for mask in masks], np.float64).T
    middle_x, middle_y = left + width / 2, -face.x_height / 2
    a, c = manner.stretch * cos - manner.slant * sin, sin
    b, d = -manner.stretch * sin - manner.slant * cos, cos
    u, v = left - middle_x, top - middle_y
    x, y = at + middle_x, middle_y - face.x_height * manner.lift * lift
    places: npt.NDArray[np.float64] = np.stack(
        [a, b, a * u + b * v + manner.stretch * x - manner.slant * y, c, d, c * u + d * v + y], axis=1
    )
    return places


def _drawn(
    masks: Sequence[Mask],
    places: npt.NDArray[np.float64],
    face: Face,
    manner: Manner,
    height: int,
    rng: np.random.Generator,
) -> Ink:
    """The line's ink at its final size."""
    shapes = np.array([mask.pixels.shape for mask in masks])
    corner = np.array([(0, 0), (1, 0), (0, 1), (1, 1)]) * (shapes[:, None, ::-1] - 1)  # (n, 4, 2)
    across = places[:, :1] * corner[..., 0] + places[:, 1:2] * corner[..., 1] + places[:, 2:3]
    down = places[:, 3:4] * corner[..., 0] + places[:, 4:5] * corner[..., 1] + places[:, 5:6]
    swing = manner.wander * face.x_height
    highest = max(float(down.min()), -_SWASH * face.above) - swing
    lowest = min(float(down.max()), _SWASH * face.below) + swing
    scale = _FINER * height / max(lowest - highest - swing, face.capital * float(rng.uniform(0.7, 1.0)))
    broad = min(manner.thickness, max(_BROADEST, face.thickness / face.x_height)) * face.x_height
    thicker = float(np.clip(broad - face.thickness, -0.5 * face.thickness, face.thickness)) * scale
    room = 2 + abs(thicker)
    places = places * scale
    places[:, 2] += room - across.min() * scale
    places[:, 5] += room - highest * scale
    width = int(np.ptp(across) * scale + 2 * room) // _FINER + 1
    rows = int((lowest - highest) * scale + 2 * room) // _FINER + 1
    canvas = np.zeros((rows * _FINER, width * _FINER), np.uint8)
    phase = rng.uniform(0, 2 * np.pi) + np.arange(canvas.shape[1]) * (
        2 * np.pi * manner.waves / (100 * face.x_height * scale)
    )
    pixels = np.concatenate([mask.pixels.reshape(-1) for mask in masks])
    stamp(canvas, pixels, shapes, places, np.sin(phase) * (swing * scale))
    ink = _reduced(_thickened(canvas, thicker / 2))
    return _cropped(ink if ink.max() > _VISIBLE else _reduced(canvas))  # hairlines are made no thinner


def _thickened(canvas: npt.NDArray[np.uint8], by: float) -> Ink:
    """Ink whose edges are moved outwards by so many pixels, or inwards where that is below 0."""
    take = np.maximum if by > 0 else np.minimum
    here = canvas
    result = canvas.astype(np.float32)
    left = abs(by)
    while left > 0:
        there = here.copy()
        take(there[1:], here[:-1], out=there[1:])
        take(there[:-1], here[1:], out=there[:-1])
        take(there[:, 1:], here[:, :-1], out=there[:, 1:])
        take(there[:, :-1], here[:, 1:], out=there[:, :-1])
        part = np.float32(min(1.0, left))
        result = here + part * (there.astype(np.float32) - here)
        here, left = there, left - 1
    return result


def _reduced(canvas: Ink | npt.NDArray[np.uint8]) -> Ink:
    """The mean of every `_FINER` x `_FINER` pixels, in 0..1."""
    rows = sum(canvas[k::_FINER].astype(np.float32) for k in range(_FINER))
    assert not isinstance(rows, int)
    ink: Ink = sum(rows[:, k::_FINER] for k in range(_FINER)) * np.float32(1 / (255 * _FINER**2))  # type: ignore[assignment]
    return ink


def _cropped(ink: Ink) -> Ink:
    """The ink without the paper around it."""
    least = min(_VISIBLE, 0.5 * float(ink.max()))
    rows, columns = np.flatnonzero(ink.max(axis=1) > least), np.flatnonzero(ink.max(axis=0) > least)
    if not len(rows):  # a speck between the pixels
        return np.full((1, 1), _VISIBLE, np.float32)
    return np.ascontiguousarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
