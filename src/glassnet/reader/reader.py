"""`Reader`: a picture of handwriting becomes a `Page`, stage by stage.

    binarise -> deskew -> segment -> orient -> group -> recognise -> select -> rescore -> assemble

With a reader of whole lines, joined writing is read too, and no line is cut into characters:

    binarise -> deskew -> segment -> group -> straighten -> orient -> recognise -> select -> assemble

Each stage is a method that takes a `PageState` to the next one and changes nothing, so that what a stage found can be
looked at, drawn, or replaced before the next.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from glassnet import threads
from glassnet.data.pictures import picture_info, read_picture
from glassnet.errors import ReaderError
from glassnet.files import read_text
from glassnet.model import Model
from glassnet.reader.alphabet import parse_alphabet
from glassnet.reader.assembly import assemble_lines
from glassnet.reader.binarise import Ink, find_ink
from glassnet.reader.components import Component, Components, find_marks, strokes_among, without_remains
from glassnet.reader.decoding import Decoded, decode_lines
from glassnet.reader.deskew import level, rotate
from glassnet.reader.group import Segment, group_lines
from glassnet.reader.lines.finding import find_lines
from glassnet.reader.lines.judging import best_turn, why_no_lines, writing
from glassnet.reader.lines.line_reader import LineReader, ReadLine
from glassnet.reader.lines.placing import page_line
from glassnet.reader.lines.reading import Reading
from glassnet.reader.lines.strips import Strip, line_strips
from glassnet.reader.orient import quarter_turns
from glassnet.reader.page import Line, Page
from glassnet.reader.recogniser import Recogniser
from glassnet.reader.rescoring import Rescored, rescore_lines
from glassnet.reader.segmentation import cut_wide
from glassnet.reader.selection import lines_of_writing, why_none
from glassnet.reader.settings import DEFAULTS, ReaderSettings

__all__ = ["PageState", "Picture", "Reader", "read_words", "strips_of"]

_NO_INK = "nothing on it is darker or lighter than its paper as a pen would be"
_NO_STROKES = "what is darker or lighter than the paper has no strokes of characters"
_NO_LINES = "its marks stand in no line"
_OUTSIDE = "there is writing, but none of the characters of the alphabet"

Picture = str | Path | npt.NDArray[np.uint8]
T = TypeVar("T")


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
    >>> from glassnet.reader import Reader, synthesise
    >>> picture, truth = synthesise("HELLO", np.random.default_rng(0))
    >>> reader = Reader(alphabet="A-Z")
    >>> state = reader.segment(reader.binarise(reader.open(picture)))
    >>> len(state.components.items)
    5
    """

    pixels: npt.NDArray[np.uint8] = field(repr=False)
    height: int
    width: int
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


def _stage(method: Callable[[Reader, PageState], PageState]) -> Callable[[Reader, PageState], PageState]:
    """A stage that passes on a page on which there is nothing to read.

    Its matrix products are small: NumPy's own threads would only spin between them.
    """

    @functools.wraps(method)
    def run(self: Reader, state: PageState) -> PageState:
        if state.nothing:
            return state
        with threads.single_blas_thread():
            return method(self, state)

    return run


def _from(stage: str, found: T | None) -> T:
    """What an earlier stage has found. Raises `ReaderError` where that was left out."""
    if found is None:
        raise ReaderError(f"This stage of reading comes after '{stage}', which was left out.")
    return found


@dataclass(frozen=True, eq=False)
class Reader:
    """Reads pictures of handwriting; it never changes, and threads may share it.

    Parameters
    ----------
    model : Model or None
        A model with the reader's classes; None takes the one that comes with the package.
    alphabet : str
        `full`, or ranges and characters such as "A-Z0-9.,"; whatever else is written is left out.
    words : collection of str or None
        A word list in lower case, to decide between texts that the picture leaves open.
    settings : ReaderSettings
        Every threshold.
    lines : LineReader or None
        Reads whole lines, joined writing too; model, alphabet and words are then not used. None reads piece by piece.

    Raises
    ------
    ModelError
        The model has other classes.
    ReaderError
        The alphabet names nothing that can be read.

    Examples
    --------
    >>> from glassnet.reader import Reader, synthesise
    >>> picture, truth = synthesise("HELLO", np.random.default_rng(0))
    >>> reader = Reader(alphabet="A-Z")
    >>> state = reader.open(picture)
    >>> for stage in reader.stages:
    ...     state = stage(state)
    >>> state.page.text == reader.read(picture).text  # the same, stage by stage
    True
    """

    model: Model | None = None
    _: KW_ONLY
    alphabet: str = "full"
    words: Collection[str] | None = None
    settings: ReaderSettings = DEFAULTS
    lines: LineReader | None = None
    recogniser: Recogniser = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", frozenset(self.words) if self.words else None)
        if self.lines is None:
            known = parse_alphabet(self.alphabet)
            object.__setattr__(self, "recogniser", Recogniser(self.model, known, self.settings.recognise))

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages, in order."""
        first = (self.binarise, self.deskew, self.segment)
        if self.lines is not None:
            return (*first, self.group, self.straighten, self.orient, self.recognise, self.select, self.assemble)
        return (*first, self.orient, self.group, self.recognise, self.select, self.rescore, self.assemble)

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
        return _from("assemble", self.state(picture).page)

    def state(self, picture: Picture) -> PageState:
        """What every stage found in a picture; parameters and errors as of `read`."""
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

    @_stage
    def binarise(self, state: PageState) -> PageState:
        """Ink: how much darker (or lighter) than the paper around it every pixel is."""
        ink = find_ink(state.pixels, (state.height, state.width), self.settings.binarise)
        return replace(state, ink=ink) if ink is not None else replace(state, nothing=_NO_INK)

    @_stage
    def deskew(self, state: PageState) -> PageState:
        """Lines made level, or upright where the page lies on its side."""
        ink, turned = level(_from("binarise", state.ink), settings=self.settings.deskew)
        return replace(state, ink=ink, turned=turned)

    @_stage
    def segment(self, state: PageState) -> PageState:
        """Connected components of ink, without rules, specks, edges and scribbles."""
        settings = self.settings.segment if self.lines is None else self.settings.lines.segment
        marks = state.marks or find_marks(_from("binarise", state.ink).ink, settings)
        components = strokes_among(marks, settings)
        if not components.items:
            return replace(state, turned=0.0, marks=marks, nothing=_NO_STROKES)
        return replace(state, marks=marks, components=components)

    @_stage
    def orient(self, state: PageState) -> PageState:
        """The page turned by the quarter turns under which whole lines read clearly best, and its lines found again."""
        if self.lines is not None:
            quarter = best_turn(
                _from("straighten", state.strips),
                lambda: self._found_again(self._turned(state, 1)).strips or [],
                functools.partial(self.lines.read, quick=True),
                self.settings.lines.turn,
            )
            return self._found_again(self._turned(state, quarter)) if quarter else state
        ink, components = _from("binarise", state.ink), _from("segment", state.components)
        quarter = quarter_turns(ink, components, self.recogniser, self.settings)
        return self.segment(self._turned(state, quarter)) if quarter else state

    def _turned(self, state: PageState, quarter: int) -> PageState:
        """The page turned by quarter turns anticlockwise and made level."""
        turned = rotate(_from("binarise", state.ink), 0.0, quarter)
        ink, more = level(turned, either_way=False, settings=self.settings.deskew)
        return replace(state, ink=ink, turned=(state.turned + 90.0 * quarter + more + 180) % 360 - 180, marks=None)

    def _found_again(self, state: PageState) -> PageState:
        return self.straighten(self.group(self.segment(state)))

    @_stage
    def group(self, state: PageState) -> PageState:
        """Lines of segments in reading order, without what the picture's edges have left of characters."""
        components = _from("segment", state.components)
        edges = [self._edges(c, state) for c in components.items]
        s = self.settings
        segment = s.segment if self.lines is None else s.lines.segment
        components = replace(components, items=without_remains(components.items, edges, components.height, segment))
        if self.lines is None:
            lines = group_lines(components.items, components.height, s.group)
        else:
            lines, components = find_lines(components, _from("binarise", state.ink).ink, s.lines.finding, s.lines.group)
        if not lines:
            return replace(state, nothing=_NO_LINES)
        return replace(state, components=components, segments=lines)

    def _edges(self, c: Component, state: PageState) -> tuple[bool, bool, bool, bool]:
        """Whether a component reaches the left, top, right and bottom edge of the picture, however that is turned."""
        xs, ys = _from("binarise", state.ink).to_picture([c.left, c.right], [c.top, c.bottom])
        margin = self.settings.segment.margin * max(state.width, state.height)
        return xs.min() < margin, ys.min() < margin, state.width - xs.max() < margin, state.height - ys.max() < margin

    @_stage
    def straighten(self, state: PageState) -> PageState:
        """Every line straightened along its baseline and scaled to one height."""
        components, ink = _from("segment", state.components), _from("binarise", state.ink)
        strips = line_strips(_from("group", state.segments), components, ink, self.settings.lines.strip)
        return replace(state, strips=strips)

    @_stage
    def recognise(self, state: PageState) -> PageState:
        """The characters of every line: the network sees each way of cutting it, and the best way is taken; or the
        text of whole lines."""
        if self.lines is not None:
            return replace(state, read=self.lines.read(_from("straighten", state.strips)))
        ink, components = _from("binarise", state.ink), _from("segment", state.components)
        settings = self.settings.recognise
        lines = [cut_wide(line, components, settings.split) for line in _from("group", state.segments)]
        found = decode_lines(lines, components, ink.ink, self.recogniser, settings)
        return replace(state, segments=lines, characters=found)

    @_stage
    def select(self, state: PageState) -> PageState:
        """The lines that are writing, by what the network says of their characters."""
        if self.lines is not None:
            read = _from("recognise", state.read)
            kept = writing(read, self.settings.lines.select)
            own = [line for line, keep in zip(read, kept, strict=True) if keep]
            others = [line for line, keep in zip(read, kept, strict=True) if not keep and line.reading.words]
            return replace(state, read=own, left_out=others, nothing="" if own else why_no_lines(read))
        lines = _from("recognise", state.characters)
        chosen = lines_of_writing(lines, self.settings.select)
        return replace(state, characters=chosen, nothing="" if chosen else why_none(lines))

    @_stage
    def rescore(self, state: PageState) -> PageState:
        """Words, of characters that their neighbours and the word list have decided; those of the alphabet alone."""
        height = _from("segment", state.components).height
        characters = _from("recognise", state.characters)
        words = rescore_lines(characters, height, self.recogniser.alphabet, self.words, self.settings)
        return replace(state, words=words, nothing="" if words else _OUTSIDE)

    def assemble(self, state: PageState) -> PageState:
        """The page: every character with its place in the picture; or why there is nothing on it."""
        lines: tuple[Line, ...] = ()
        if not state.nothing and self.lines is not None:
            lines = tuple(page_line(line) for line in _from("select", state.read))
        elif not state.nothing:
            lines = assemble_lines(_from("rescore", state.words), _from("binarise", state.ink), self.settings)
        left_out = tuple(page_line(line) for line in state.left_out)
        return replace(state, page=Page(lines, state.width, state.height, state.turned, state.nothing, left_out))


def strips_of(picture: Picture, settings: ReaderSettings = DEFAULTS) -> list[Strip]:
    """The strips of a picture's lines as it stands, be they writing or not, from top to bottom.

    Parameters
    ----------
    picture : Picture
        As of `Reader.read`.
    settings : ReaderSettings
        Every threshold.
    """
    reader = Reader(settings=settings, lines=LineReader(_Unasked(), lambda scores: Reading((), 0.0, 0.0)))
    state = reader.open(picture)
    for stage in (reader.binarise, reader.deskew, reader.segment, reader.group, reader.straighten):
        state = stage(state)
    return state.strips or []


class _Unasked:
    """Stands where a recogniser is needed and nothing is read."""

    def scores(self, strips: Sequence[npt.NDArray[np.uint8]]) -> list[npt.NDArray[np.float32]]:
        return []


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
