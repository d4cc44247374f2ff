"""`WholeLineReader`: writing read by whole lines, which are cut nowhere; joined writing too.

binarise -> deskew -> segment -> group -> straighten -> orient -> recognise -> select -> assemble
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from glassnet.nn.kernels.needed import Calls
from glassnet.reader.binarise import Ink
from glassnet.reader.components import Components
from glassnet.reader.first_use import by_whole_lines
from glassnet.reader.group import Segment
from glassnet.reader.lines.finding import find_lines
from glassnet.reader.lines.judging import best_turn, why_no_lines, writing
from glassnet.reader.lines.line_reader import LineReader
from glassnet.reader.lines.placing import page_line
from glassnet.reader.lines.reading import Reading
from glassnet.reader.lines.strips import Strip, line_strips
from glassnet.reader.page import Line
from glassnet.reader.reader import PageState, Picture, Reader, Stage, as_stage, found_by
from glassnet.reader.settings import DEFAULTS, ReaderSettings, SegmentSettings

__all__ = ["WholeLineReader", "strips_of"]


@dataclass(frozen=True, eq=False)
class WholeLineReader(Reader):
    """Reads pictures of handwriting line by line, with the `settings` of `Reader`.

    Parameters
    ----------
    lines : LineReader
        Reads the straightened lines; it knows the model, the alphabet and the language.
    """

    lines: LineReader

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages, in order."""
        return (
            self.binarise, self.deskew, self.segment, self.group, self.straighten, self.orient, self.recognise,
            self.select, self.assemble,
        )  # fmt: skip

    @property
    def calls(self) -> Calls:
        return by_whole_lines

    @property
    def segmenting(self) -> SegmentSettings:
        """How components are told from what is no writing."""
        return self.settings.lines.segment

    def lines_among(self, components: Components, ink: Ink) -> tuple[list[list[Segment]], Components]:
        """Lines of segments in reading order, and the components, of which those of two lines are cut."""
        return find_lines(components, ink.ink, self.settings.lines.finding, self.settings.lines.group)

    @as_stage
    def straighten(self, state: PageState) -> PageState:
        """Every line straightened along its baseline and scaled to one height."""
        components, ink = found_by("segment", state.components), found_by("binarise", state.ink)
        strips = line_strips(found_by("group", state.segments), components, ink, self.settings.lines.strip)
        return replace(state, strips=strips)

    @as_stage
    def orient(self, state: PageState) -> PageState:
        """The page turned by the quarter turns under which its longest lines read clearly best, and its lines found
        again."""
        quarter = best_turn(
            found_by("straighten", state.strips),
            lambda: self._found_again(self.turned(state, 1)).strips or [],
            functools.partial(self.lines.read, quick=True),
            self.settings.lines.turn,
        )
        return self._found_again(self.turned(state, quarter)) if quarter else state

    def _found_again(self, state: PageState) -> PageState:
        return self.straighten(self.group(self.segment(state)))

    @as_stage
    def recognise(self, state: PageState) -> PageState:
        """The text of every line."""
        return replace(state, read=self.lines.read(found_by("straighten", state.strips)))

    @as_stage
    def select(self, state: PageState) -> PageState:
        """The lines that are writing, by what the network says of their characters."""
        read = found_by("recognise", state.read)
        kept = writing(read, self.settings.lines.select)
        own = [line for line, keep in zip(read, kept, strict=True) if keep]
        others = [line for line, keep in zip(read, kept, strict=True) if not keep and line.reading.words]
        return replace(state, read=own, left_out=others, nothing="" if own else why_no_lines(read))

    def lines_of(self, state: PageState) -> tuple[Line, ...]:
        """The lines of a page that has been read."""
        return tuple(page_line(line) for line in found_by("select", state.read))

    def assemble(self, state: PageState) -> PageState:
        """The page: every character with its place in the picture, and lines that are no writing; or why there is
        nothing on it."""
        page = found_by("assemble", super().assemble(state).page)
        return replace(state, page=replace(page, left_out=tuple(page_line(line) for line in state.left_out)))


def strips_of(picture: Picture, settings: ReaderSettings = DEFAULTS) -> list[Strip]:
    """The strips of a picture's lines as it stands, be they writing or not, from top to bottom.

    Parameters
    ----------
    picture : Picture
        As of `Reader.read`.
    settings : ReaderSettings
        Every threshold.
    """
    reader = WholeLineReader(LineReader(_Unasked(), lambda scores: Reading((), 0.0, 0.0)), settings=settings)
    state = reader.open(picture)
    for stage in (reader.binarise, reader.deskew, reader.segment, reader.group, reader.straighten):
        state = stage(state)
    return state.strips or []


class _Unasked:
    """Stands where a recogniser is needed and nothing is read."""

    def scores(self, strips: Sequence[npt.NDArray[np.uint8]]) -> list[npt.NDArray[np.float32]]:
        return []
