"""Fonts: which there are in a folder, and one at one size - its characters as ink, and how far they stand apart."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from glassnet.errors import ReaderError
from glassnet.files import plain_bytes, plain_text
from glassnet.reader.lines.alphabet import CHARACTERS

__all__ = ["BUILT_IN", "STYLES", "Face", "Font", "Mask", "face_of", "read_fonts"]

STYLES = ("joined", "printed", "printed-caps")
_PLAIN = "nopqrstuvxacemhkld"  # letters that a font's thickness is measured on
_TOLD_APART = tuple(zip("/-'-()[]", "\\~`_[]{}", strict=True))  # a font may draw the second as the first


@dataclass(frozen=True)
class Font:
    """A font file.

    Attributes
    ----------
    name : str
        Of the file.
    path : Path or None
        Where it lies; None for the font that Pillow brings along.
    style : str
        `joined`: a word is drawn as a whole; `printed`; `printed-caps`: small letters look like capitals.
    missing : str
        Printable ASCII characters that it lacks.
    weight : float
        How often it is chosen, relative to others of its style.
    """

    name: str
    path: Path | None = None
    style: str = "printed"
    missing: str = ""
    weight: float = 1.0

    @property
    def joined(self) -> bool:
        return self.style == "joined"

    @property
    def capitals(self) -> bool:
        return self.style == "printed-caps"


BUILT_IN = Font("built-in")


@dataclass(frozen=True)
class Mask:
    """Ink `pixels` (h, w) uint8 with a border of paper, the place of its first pixel, seen from where the pen starts on
    the baseline, y downwards, and how far the pen goes."""

    pixels: npt.NDArray[np.uint8]
    left: int
    top: int
    length: float


def read_fonts(folder: Path) -> list[Font]:
    """The fonts that `index.tsv` in a folder names.

    Its columns: `file`; `style`, which is `joined`, `printed` or `printed-caps`; `real_looking_1to5`, by which fonts
    are chosen more often; `missing_ascii`. Others are not read.

    Raises
    ------
    ReaderError
        The index is missing or is none.
    """
    path = folder / "index.tsv"
    try:
        header, *rows = [line.split("\t") for line in plain_text(path).splitlines() if line.strip()]
        table = [dict(zip(header, row, strict=False)) for row in rows]
        return [
            Font(
                name=row["file"],
                path=folder / row["file"],
                style=STYLES[STYLES.index(row["style"])],
                missing=row.get("missing_ascii", "").strip(),
                weight=float(row["real_looking_1to5"]) - 1,
            )
            for row in table
        ]
    except OSError as error:
        raise ReaderError(
            f"Cannot read '{path}': {error.strerror or error}. Give a folder of fonts with it."
        ) from error
    except (KeyError, ValueError) as error:
        raise ReaderError(
            f"'{path}' is no index of fonts ({error}): it needs the columns file, style ({', '.join(STYLES)}) and "
            "real_looking_1to5, parted by tabs."
        ) from error


class Face:
    """A font at a size: `capital`, `x_height`, `above` and `below` are how far its letters reach from the baseline, in
    pixels - capitals, small ones, tall ones and those with descenders.

    Parameters
    ----------
    font : Font
        The file.
    span : int
        Pixels from the top of capitals to the bottom of descenders.

    Raises
    ------
    ReaderError
        The file is not a font.
    """

    def __init__(self, font: Font, span: int) -> None:
        self.font = font
        em = 100
        for _ in range(2):  # the second time with the size that the first has shown to be right
            self._em, self._drawn = em, _opened(font, em)
            _, top, _, bottom = self._drawn.getbbox("Hgpy", anchor="ls")
            em = max(8, round(em * span / max(1, bottom - top)))
        self.capital = float(-self._drawn.getbbox("H", anchor="ls")[1])
        self.x_height = float(-self._drawn.getbbox("x", anchor="ls")[1])
        _, top, _, bottom = self._drawn.getbbox("bdhklgpqy()", anchor="ls")
        self.above, self.below = float(-top), float(bottom)
        self._masks: dict[str, Mask] = {}
        self._steps: dict[str, float] = {}

    @property
    def legible(self) -> float:
        """From 0 to 1: fonts whose small letters are less than a third of the line's height are hard to read in it."""
        return min(1.0, 3 * self.x_height / (self.above + self.below)) ** 2

    def mask(self, text: str) -> Mask:
        """A word's ink, drawn as a whole, with kerning and whatever the font does to neighbours. What reaches farther
        out than the height of the font is cut off."""
        length, above, reach = float(self._drawn.getlength(text)), 2 * self._em, self._em
        image = Image.new("L", (int(length) + 2 * reach, above + int(1.5 * self._em)))
        ImageDraw.Draw(image).text((reach, above), text, fill=255, font=self._drawn, anchor="ls")
        left, top, right, bottom = image.getbbox() or (0, 0, 1, 1)
        pixels = np.asarray(image.crop((left - 1, top - 1, right + 1, bottom + 1)))
        return Mask(pixels, left - 1 - reach, top - 1 - above, length)

    def glyph(self, character: str) -> Mask:
        """One character's ink."""
        if character not in self._masks:
            self._masks[character] = self.mask(character)
        return self._masks[character]

    def step(self, text: str) -> float:
        """How far the pen goes for one character where another follows (the two are `text`), or for a single one."""
        if text not in self._steps:
            after = self._drawn.getlength(text[1]) if len(text) == 2 else 0.0
            self._steps[text] = float(self._drawn.getlength(text)) - after
        return self._steps[text]

    @cached_property
    def missing(self) -> frozenset[str]:
        """Characters that the font lacks: those it is known to lack, those that leave no ink, and signs that it draws
        as others."""
        boxes = ((character, self._drawn.getbbox(character)) for character in CHARACTERS[1:])
        blank = (c for c, (left, top, right, bottom) in boxes if right <= left or bottom <= top)
        lacked = frozenset(self.font.missing) | frozenset(blank)
        doubles = (b for a, b in _TOLD_APART if not {a, b} & lacked and _same(self.glyph(a), self.glyph(b)))
        return lacked | frozenset(doubles)

    @cached_property
    def thickness(self) -> float:
        """Of its strokes, in pixels: twice the area over the length of the outline, which runs along both sides."""
        area = outline = 0.0
        for character in _PLAIN:
            ink = self.glyph(character).pixels.astype(np.float64) / 255
            area += float(ink.sum())
            outline += float(np.abs(np.diff(ink, axis=0)).sum() + np.abs(np.diff(ink, axis=1)).sum()) * np.pi / 4
        return 2 * area / max(outline, 1.0)


@lru_cache(maxsize=1024)
def face_of(font: Font, span: int) -> Face:
    """A font at a size; kept, with what it has drawn."""
    return Face(font, span)


def _same(a: Mask, b: Mask) -> bool:
    return a.top == b.top and np.array_equal(a.pixels, b.pixels)


def _opened(font: Font, em: int) -> ImageFont.FreeTypeFont:
    if font.path is None:
        built_in = ImageFont.load_default(em)
        assert isinstance(built_in, ImageFont.FreeTypeFont)
        return built_in
    try:
        return ImageFont.truetype(io.BytesIO(plain_bytes(font.path)), em)
    except OSError as error:
        raise ReaderError(f"Cannot read the font '{font.path}': {error.strerror or error}.") from error
