"""Both ways of reading a page, and the better of the two.

Clean capitals, each apart from the next, are read best one by one (`PieceReader`); joined, crowded or damaged writing
as whole lines (`WholeLineReader`). Which of the two a page is shows in how sure the first way is of it: where it is
not, whole lines are read, and the reading is taken of which more is likely to be right. Lines that are read well say
which way up the page is, at no cost; only where they are not are single characters asked.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from glassnet.model import Model
from glassnet.nn.kernels.ahead import ahead
from glassnet.reader.alphabet import ALPHABET, parse_alphabet
from glassnet.reader.components import same_marks
from glassnet.reader.first_use import by_both
from glassnet.reader.lines.alphabet import CHARACTERS
from glassnet.reader.lines.packaged import line_reader
from glassnet.reader.lines.whole_reader import WholeLineReader
from glassnet.reader.page import Page, geometric_mean
from glassnet.reader.piece_reader import PieceReader
from glassnet.reader.reader import PageState, Picture, Reader
from glassnet.reader.settings import DEFAULTS, ReaderSettings

__all__ = ["BestReader", "make_reader", "read"]


@dataclass(frozen=True, eq=False)
class BestReader:
    """Reads a picture character by character, and where that is not sure by whole lines; threads may share it.

    Attributes
    ----------
    pieces : PieceReader
        Reads character by character.
    make_lines : callable
        Makes what reads whole lines; asked for once, with the first page that needs it.

    Examples
    --------
    >>> from glassnet.reader import make_reader
    >>> type(make_reader()).__name__
    'BestReader'
    """

    pieces: PieceReader
    make_lines: Callable[[], WholeLineReader]

    @functools.cached_property
    def lines(self) -> WholeLineReader:
        """Reads whole lines."""
        return self.make_lines()

    @property
    def settings(self) -> ReaderSettings:
        """Every threshold."""
        return self.pieces.settings

    def read(self, picture: Picture) -> Page:
        """The text of a picture; parameters, result and errors as of `Reader.read`."""
        return _page(self.state(picture))

    def state(self, picture: Picture) -> PageState:
        """What the way that was taken found in a picture, stage by stage; parameters and errors as of `Reader.read`."""
        with ahead(lambda: by_both):
            return self._state(picture)

    def _state(self, picture: Picture) -> PageState:
        level = self.pieces.begin(picture)
        pieces = self.pieces.finish(level, upright=True)
        if (page := _page(pieces)).lines and page.confidence >= self.settings.sure_of_pieces:
            return pieces
        shared = same_marks(self.settings.segment, self.settings.lines.segment)
        lines = self.lines.finish(replace(level, marks=pieces.marks if shared else None))
        if _sure(lines) < self.settings.sure_of_lines:
            if (turned := self.pieces.upright(replace(level, marks=pieces.marks))) is not None:
                pieces = self.pieces.finish(turned, upright=True)
        elif lines.turned != level.turned:
            turned = replace(level, ink=lines.ink, turned=lines.turned, marks=lines.marks if shared else None)
            pieces = self.pieces.finish(turned, upright=True)
        return lines if _page(lines).lines and _right(lines) > _right(pieces) else pieces


def _page(state: PageState) -> Page:
    assert state.page is not None
    return state.page


def _confidences(state: PageState) -> list[float]:
    """Of a page's characters, by the picture alone."""
    if state.read is None:
        return [character.confidence for character in _page(state).characters]
    return [p for line in state.read for p in line.confidences]


def _sure(state: PageState) -> float:
    """How sure the picture alone makes of a page: the geometric mean of its confidences, 0 where there are none."""
    return geometric_mean(confidences) if (confidences := _confidences(state)) else 0.0


def _right(state: PageState) -> float:
    """How many characters of a page are right, as far as is known: the sum of their probabilities."""
    return sum(_confidences(state))


def make_reader(
    model: Model | None = None,
    *,
    alphabet: str = "full",
    words: Collection[str] | None = None,
    language: str | Path = "english",
    settings: ReaderSettings = DEFAULTS,
) -> Reader | BestReader:
    """A reader of pictures of handwriting.

    Parameters
    ----------
    model : Model, optional
        A model of characters or of lines, which then reads by itself; None takes those that come with the package.
    alphabet : str
        `full`, or ranges and characters such as "A-Z0-9.,"; whatever else is written is left out.
    words : collection of str, optional
        A word list in lower case, to decide between texts that the picture leaves open.
    language : str or Path
        What is expected of whole lines: "english", "none", or a file of plain text in UTF-8.
    settings : ReaderSettings
        Every threshold.

    Raises
    ------
    GlassnetError
        The model is none for reading, the alphabet names nothing that can be read, or the language cannot be had.

    Examples
    --------
    >>> from glassnet.reader import make_reader, synthesise
    >>> picture, truth = synthesise("HELLO", np.random.default_rng(0))
    >>> make_reader(alphabet="A-Z").read(picture).text
    'HELLO'
    """
    if model is not None and model.task.word != "transcription":
        return PieceReader(model, alphabet=alphabet, words=words, settings=settings)
    known = parse_alphabet(alphabet, CHARACTERS[1:])
    possible = None if alphabet == "full" else known
    make_lines = functools.partial(_whole_lines, model, possible, words or None, language, settings)
    single = "full" if alphabet == "full" else "".join(c for c in ALPHABET if c in known)
    if model is not None or not single:
        return make_lines()
    best = BestReader(PieceReader(alphabet=single, words=words, settings=settings), make_lines)
    if words or language != "english":
        _ = best.lines  # an error now rather than with the first page
    return best


def _whole_lines(
    model: Model | None,
    alphabet: str | None,
    words: Collection[str] | None,
    language: str | Path,
    settings: ReaderSettings,
) -> WholeLineReader:
    return WholeLineReader(line_reader(model, alphabet=alphabet, words=words, language=language), settings=settings)


def read(
    picture: Picture,
    *,
    alphabet: str = "full",
    words: Collection[str] | None = None,
    language: str | Path = "english",
    model: Model | None = None,
) -> Page:
    """The text of one picture; parameters, result and errors as of `make_reader` and `Reader.read`.

    Examples
    --------
    >>> from glassnet.reader import read, synthesise
    >>> picture, truth = synthesise("HELLO", np.random.default_rng(0))
    >>> read(picture, alphabet="A-Z").text
    'HELLO'
    """
    return make_reader(model, alphabet=alphabet, words=words, language=language).read(picture)
