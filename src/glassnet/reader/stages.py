"""What the stages of reading found in a page, as pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from glassnet.reader.reader import PageState
from glassnet.text import counted

__all__ = ["StageShown", "stages_shown"]

_LARGEST = 1200  # pixels of the longer side
_BOX, _LINE = (11, 111, 184), (184, 76, 0)  # the colours of the reports
_GAP = 8  # pixels between straightened lines

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class StageShown:
    """A stage: its name, what it found in a sentence, and a picture (h, w, 3) of it."""

    name: str
    said: str
    picture: Pixels


def stages_shown(state: PageState) -> tuple[StageShown, ...]:
    """The stages of a page that was read: ink, groups, straightened lines; as far as they were come to.

    Parameters
    ----------
    state : PageState
        After the last stage.
    """
    return tuple(_shown(state))


def _shown(state: PageState) -> Iterator[StageShown]:
    if state.ink is None:
        return
    ink = 255 - np.rint(255 * state.ink.ink.clip(0, 1)).astype(np.uint8)
    paper = Image.fromarray(ink).convert("RGB")
    turned = f", turned by {state.turned:.1f} degrees" if abs(state.turned) >= 0.05 else ", which stands level"
    around = " and what lies around the sheet" if state.sheet is not None else ""
    yield StageShown("ink", f"Ink alone, without the shades of the paper{around}{turned}.", _small(paper))
    if state.segments:
        draw = ImageDraw.Draw(paper)
        width = max(1, round(max(paper.size) / _LARGEST))
        for line in state.segments:
            for each in line:
                draw.rectangle((each.left, each.top, each.right, each.bottom), outline=_BOX, width=width)
            box = (min(s.left for s in line), min(s.top for s in line), max(s.right for s in line))
            draw.rectangle((*box, max(s.bottom for s in line)), outline=_LINE, width=2 * width)
        pieces = sum(map(len, state.segments))
        said = f"{counted(len(state.segments), 'line')} of {counted(pieces, 'mark')}."
        yield StageShown("lines", said, _small(paper))
    if state.strips:
        height = sum(strip.picture.shape[0] + _GAP for strip in state.strips)
        sheet = np.full((height, max(strip.width for strip in state.strips)), 255, np.uint8)
        top = 0
        for strip in state.strips:
            sheet[top : top + strip.picture.shape[0], : strip.width] = 255 - strip.picture
            top += strip.picture.shape[0] + _GAP
        said = "Every line straightened and brought to one height: what the network of lines sees."
        yield StageShown("straightened", said, _small(Image.fromarray(sheet).convert("RGB")))


def _small(picture: Image.Image) -> Pixels:
    scale = min(1.0, _LARGEST / max(picture.size))
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return np.asarray(picture.resize(size, Image.Resampling.BOX) if scale < 1 else picture)
