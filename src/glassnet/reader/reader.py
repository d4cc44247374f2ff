"""`Reader`: a picture of handwriting becomes a `Page`, stage by stage.

Each stage is a method that takes a `PageState` to the next one and changes nothing, so that what a stage found can be
looked at, drawn, or replaced before the next. Here is what both ways of reading have in common: character by character
(`piece_reader.py`) and by whole lines (`lines/whole_reader.py`).
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from glassnet import threads
from glassnet.data.pictures import picture_info, read_picture
from glassnet.errors import ReaderError
from glassnet.files import read_text
from glassnet.nn.kernels.ahead import ahead
from glassnet.nn.kernels.needed import Calls
from glassnet.reader.binarise import Ink, find_ink
from glassnet.reader.components import Component, Components, find_marks, strokes_among, without_remains
from glassnet.reader.decoding import Decoded
from glassnet.reader.deskew import level, rotate
from glassnet.reader.group import Segment
from glassnet.reader.lines.line_reader import ReadLine
from glassnet.reader.lines.strips import Strip
from glassnet.reader.page import Line, Page
from glassnet.reader.rescoring import Rescored
from glassnet.reader.settings import DEFAULTS, ReaderSettings, SegmentSettings
from glassnet.reader.sheet import Sheet, find_sheet

__all__ = ["PageState", "Picture", "Reader", "Stage", "as_stage", "found_by", "read_words"]

_NO_INK = "nothing on it is darker or lighter than its paper as a pen would be"
_NO_STROKES = "what is darker or lighter than the paper has no strokes of characters"
_NO_LINES = "its marks stand in no line"

Picture = str | Path | npt.NDArray[np.uint8]
T = TypeVar("T")
R = TypeVar("R", bound="Reader")


@dataclass(frozen=True)
class PageState:
    """A page between two stages: what has been found, None where its stage is still to come.

    Attributes
    ----------
    pixels : (h, w, 1 or 3) uint8 array
        The picture or a smaller copy that is enough to read from.
    height : int
        Of the picture itself, which places are given in.
    width : int
        Of the picture itself.
    sheet : Sheet or None
        From `binarise`: where the picture shows paper and what lies around it.
    ink : Ink or None
        From `binarise`, turned by `deskew` and `orient`.
    turned : float
        Degrees by which the writing was turned clockwise so far.
    marks : Components or None
        From `segment`: whatever is no rule. Where it is there already, as another way of reading has found it, it is
        not looked for again.
    components : Components or None
        From `segment`, again from `orient` where the page was turned.
    segments : list of list of Segment or None
        From `group`: of every line, from left to right.
    strips : list of Strip or None
        From `straighten`: one of every line.
    read : list of ReadLine or None
        From `recognise` of whole lines, be they writing or not; from `select`, those of writing alone.
    left_out : list of ReadLine
        From `select`: whole lines that are no writing.
    characters : list of list of Decoded or None
        From `recognise`, be they writing or not; from `select`, those of writing alone.
    words : list of list of list of Rescored or None
        From `rescore`: of every line the words, of every word the characters.
    page : Page or None
        From `assemble`.
    nothing : str
        Why there is nothing to read; every stage but `assemble` then returns the state as it is.

    Examples
    --------
    >>> from glassnet.reader import PieceReader, synthesise
    >>> picture, truth = synthesise("HELLO", np.random.default_rng(0))
    >>> reader = PieceReader(alphabet="A-Z")
    >>> state = reader.segment(reader.binarise(reader.open(picture)))
    >>> len(state.components.items)
    5
    """

    pixels: npt.NDArray[np.uint8] = field(repr=False)
    height: int
    width: int
    sheet: Sheet | None = field(default=None, repr=False)
    ink: Ink | None = field(default=None, repr=False)
    turned: float = 0.0
    marks: Components | None = field(default=None, repr=False)
    components: Components | None = field(default=None, repr=False)
    segments: list[list[Segment]] | None = field(default=None, repr=False)
    strips: list[Strip] | None = field(default=None, repr=False)
    read: list[ReadLine] | None = field(default=None, repr=False)
    left_out: list[ReadLine] = field(default_factory=list, repr=False)
    characters: list[list[Decoded]] | None = field(default=None, repr=False)
    words: list[list[list[Rescored]]] | None = field(default=None, repr=False)
    page: Page | None = field(default=None, repr=False)
    nothing: str = ""


Stage = Callable[[PageState], PageState]


def as_stage(method: Callable[[R, PageState], PageState]) -> Callable[[R, PageState], PageState]:
    """A stage that passes on a page on which there is nothing to read.

    Its matrix products are small: NumPy's own threads would only spin between them.
    """

    @functools.wraps(method)
    def run(self: R, state: PageState) -> PageState:
        if state.nothing:
            return state
        with threads.single_blas_thread():
            return method(self, state)

    return run


def found_by(stage: str, found: T | None) -> T:
    """What an earlier stage has found. Raises `ReaderError` where that was left out."""
    if found is None:
        raise ReaderError(f"This stage of reading comes after '{stage}', which was left out.")
    return found


@dataclass(frozen=True, eq=False)
class Reader(ABC):
    """Reads pictures of handwriting, in one way or another; it never changes, and threads may share it.

    Parameters
    ----------
    settings : ReaderSettings
        Every threshold.
    """

    _: KW_ONLY
    settings: ReaderSettings = DEFAULTS

    @property
    @abstractmethod
    def stages(self) -> tuple[Stage, ...]:
        """The stages, in order, from `binarise`, `deskew` and `segment` to `assemble`."""

    @property
    @abstractmethod
    def segmenting(self) -> SegmentSettings:
        """How components are told from what is no writing."""

    @property
    @abstractmethod
    def calls(self) -> Calls:
        """What reading calls, for a process that compiles it ahead."""

    @abstractmethod
    def lines_among(self, components: Components, ink: Ink) -> tuple[list[list[Segment]], Components]:
        """Lines of segments in reading order, and the components, some of which may have been cut between lines."""

    @abstractmethod
    def orient(self, state: PageState) -> PageState:
        """The page turned by the quarter turns under which whole lines read clearly best, and its lines found again."""

    @abstractmethod
    def lines_of(self, state: PageState) -> tuple[Line, ...]:
        """The lines of a page that has been read."""

    @threads.single_blas_thread()
    def read(self, picture: Picture) -> Page:
        """The text of a picture, with the place of every character.

        Parameters
        ----------
        picture : Picture
            A file, or an array (H, W), (H, W, 1) or (H, W, 3) of uint8.

        Returns
        -------
        Page
            With no lines where no writing was found; `nothing` then says why.

        Raises
        ------
        DataError
            The file is missing, no picture, damaged or too large.
        ReaderError
            The array is not a picture.
        """
        return found_by("assemble", self.state(picture).page)

    def state(self, picture: Picture) -> PageState:
        """What every stage found in a picture; parameters and errors as of `read`."""
        with ahead(lambda: self.calls):
            return self.finish(self.begin(picture))

    def begin(self, picture: Picture) -> PageState:
        """A page made level: what every way of reading begins with. Parameters and errors as of `read`."""
        return self.deskew(self.binarise(self.open(picture)))

    @threads.single_blas_thread()
    def finish(self, state: PageState, *, upright: bool = False) -> PageState:
        """A level page through the stages that are left.

        Parameters
        ----------
        state : PageState
            From `begin`, of this reader or another.
        upright : bool
            Whether it stands upright: it is not asked which way up it is.
        """
        for stage in self.stages[2:]:
            state = state if upright and stage == self.orient else stage(state)
        return state

    def upright(self, state: PageState) -> PageState | None:
        """A level page turned by the quarter turns that make it stand upright, or None where it stands so.

        Parameters
        ----------
        state : PageState
            From `begin`.
        """
        for stage in self.stages[2 : self.stages.index(self.orient) + 1]:
            before, state = state, stage(state)
        return None if state is before else state

    def open(self, picture: Picture) -> PageState:
        """The page before its first stage. Parameters and errors as of `read`."""
        if isinstance(picture, (str, Path)):
            height, width = picture_info(picture)[:2]
            return PageState(read_picture(picture, enough=self.settings.binarise.pixels), height, width)
        array = np.asarray(picture)
        if array.ndim == 2:
            array = array[..., None]
        if array.ndim != 3 or array.shape[2] not in (1, 3) or array.dtype != np.uint8 or array.size == 0:
            raise ReaderError(
                f"A picture is an array (H, W), (H, W, 1) or (H, W, 3) of uint8. Got {array.shape} of {array.dtype}."
            )
        return PageState(array, array.shape[0], array.shape[1])

    @as_stage
    def binarise(self, state: PageState) -> PageState:
        """Ink: how much darker (or lighter) than the paper around it every pixel is; of a sheet on a table its own."""
        pixels, top, left = state.pixels, 0, 0
        down, across = state.height / pixels.shape[0], state.width / pixels.shape[1]
        sheet = find_sheet(pixels, self.settings.sheet)
        if sheet is not None:
            pixels, top, left = sheet.cut_out(pixels)
        size = round(down * pixels.shape[0]), round(across * pixels.shape[1])
        ink = find_ink(pixels, size, self.settings.binarise)
        if ink is None:
            return replace(state, nothing=_NO_INK)
        return replace(state, sheet=sheet, ink=ink.moved(across * left, down * top))

    @as_stage
    def deskew(self, state: PageState) -> PageState:
        """Lines made level, or upright where the page lies on its side."""
        ink, turned = level(found_by("binarise", state.ink), settings=self.settings.deskew)
        return replace(state, ink=ink, turned=turned)

    @as_stage
    def segment(self, state: PageState) -> PageState:
        """Connected components of ink, without rules, specks, edges and scribbles."""
        settings = self.segmenting
        marks = state.marks or find_marks(found_by("binarise", state.ink).ink, settings)
        components = strokes_among(marks, settings)
        if not components.items:
            return replace(state, turned=0.0, marks=marks, nothing=_NO_STROKES)
        return replace(state, marks=marks, components=components)

    def turned(self, state: PageState, quarter: int) -> PageState:
        """The page turned by quarter turns anticlockwise and made level."""
        turned = rotate(found_by("binarise", state.ink), 0.0, quarter)
        ink, more = level(turned, either_way=False, settings=self.settings.deskew)
        return replace(state, ink=ink, turned=(state.turned + 90.0 * quarter + more + 180) % 360 - 180, marks=None)

    @as_stage
    def group(self, state: PageState) -> PageState:
        """Lines of segments in reading order, without what the picture's edges have left of characters."""
        components, ink = found_by("segment", state.components), found_by("binarise", state.ink)
        edges = [self._edges(c, state) for c in components.items]
        kept = without_remains(components.items, edges, components.height, self.segmenting)
        lines, components = self.lines_among(replace(components, items=kept), ink)
        if not lines:
            return replace(state, nothing=_NO_LINES)
        return replace(state, components=components, segments=lines)

    def _edges(self, c: Component, state: PageState) -> tuple[bool, bool, bool, bool]:
        """Whether a component reaches the left, top, right and bottom edge of the picture, however that is turned."""
        xs, ys = found_by("binarise", state.ink).to_picture([c.left, c.right], [c.top, c.bottom])
        margin = self.settings.segment.margin * max(state.width, state.height)
        return xs.min() < margin, ys.min() < margin, state.width - xs.max() < margin, state.height - ys.max() < margin

    def assemble(self, state: PageState) -> PageState:
        """The page: every character with its place in the picture; or why there is nothing on it."""
        lines = () if state.nothing else self.lines_of(state)
        return replace(state, page=Page(lines, state.width, state.height, state.turned, state.nothing))


def read_words(path: str | Path) -> frozenset[str]:
    """A word list, in lower case.

    Parameters
    ----------
    path : str or Path
        A text file in UTF-8 with one word per line.

    Raises
    ------
    GlassnetError
        The file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from glassnet.reader import read_words
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "words.txt").write_text("Milk eggs".replace(" ", chr(10)))
    ...     sorted(read_words(f"{folder}/words.txt"))
    ['eggs', 'milk']
    """
    text = read_text(path, "a word list: a text file in UTF-8, one word per line")
    return frozenset(word for line in text.splitlines() if (word := line.strip().lower()))
