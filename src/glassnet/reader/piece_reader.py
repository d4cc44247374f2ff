"""`PieceReader`: writing read character by character.

    binarise -> deskew -> segment -> orient -> group -> recognise -> select -> rescore -> assemble

A network of single characters sees every likely way of cutting a line into pieces. Clean capitals, each apart from the
next, are read best this way.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import KW_ONLY, dataclass, field, replace

from glassnet.model import Model
from glassnet.nn.kernels.needed import Calls
from glassnet.reader.alphabet import parse_alphabet
from glassnet.reader.assembly import assemble_lines
from glassnet.reader.binarise import Ink
from glassnet.reader.components import Components
from glassnet.reader.decoding import decode_lines
from glassnet.reader.first_use import by_pieces
from glassnet.reader.group import Segment, group_lines
from glassnet.reader.orient import quarter_turns
from glassnet.reader.page import Line
from glassnet.reader.reader import PageState, Reader, Stage, as_stage, found_by
from glassnet.reader.recogniser import Recogniser
from glassnet.reader.rescoring import rescore_lines
from glassnet.reader.segmentation import cut_wide
from glassnet.reader.selection import lines_of_writing, why_none
from glassnet.reader.settings import SegmentSettings

__all__ = ["PieceReader"]

_OUTSIDE = "there is writing, but none of the characters of the alphabet"


@dataclass(frozen=True, eq=False)
class PieceReader(Reader):
    """Reads pictures of handwriting character by character, with the `settings` of `Reader`.

    Parameters
    ----------
    model : Model or None
        A model with the reader's classes; None takes the one that comes with the package.
    alphabet : str
        `full`, or ranges and characters such as "A-Z0-9.,"; whatever else is written is left out.
    words : collection of str or None
        A word list in lower case, to decide between texts that the picture leaves open.

    Raises
    ------
    ModelError
        The model has other classes.
    ReaderError
        The alphabet names nothing that can be read.

    Examples
    --------
    >>> from glassnet.reader import PieceReader, synthesise
    >>> picture, truth = synthesise("HELLO", np.random.default_rng(0))
    >>> reader = PieceReader(alphabet="A-Z")
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
    recogniser: Recogniser = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", frozenset(self.words) if self.words else None)
        known = parse_alphabet(self.alphabet)
        object.__setattr__(self, "recogniser", Recogniser(self.model, known, self.settings.recognise))

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages, in order."""
        return (
            self.binarise, self.deskew, self.segment, self.orient, self.group, self.recognise, self.select,
            self.rescore, self.assemble,
        )  # fmt: skip

    @property
    def calls(self) -> Calls:
        return by_pieces

    @property
    def segmenting(self) -> SegmentSettings:
        """How components are told from what is no writing."""
        return self.settings.segment

    @as_stage
    def orient(self, state: PageState) -> PageState:
        """The page turned by the quarter turns under which whole lines read clearly best."""
        ink, components = found_by("binarise", state.ink), found_by("segment", state.components)
        quarter = quarter_turns(ink, components, self.recogniser, self.settings)
        return self.segment(self.turned(state, quarter)) if quarter else state

    def lines_among(self, components: Components, ink: Ink) -> tuple[list[list[Segment]], Components]:
        """Lines of segments in reading order, and the components as they are."""
        return group_lines(components.items, components.height, self.settings.group), components

    @as_stage
    def recognise(self, state: PageState) -> PageState:
        """The characters of every line: the network sees each way of cutting it, and the best way is taken."""
        ink, components = found_by("binarise", state.ink), found_by("segment", state.components)
        settings = self.settings.recognise
        lines = [cut_wide(line, components, settings.split) for line in found_by("group", state.segments)]
        found = decode_lines(lines, components, ink.ink, self.recogniser, settings)
        return replace(state, segments=lines, characters=found)

    @as_stage
    def select(self, state: PageState) -> PageState:
        """The lines that are writing, by what the network says of their characters."""
        lines = found_by("recognise", state.characters)
        chosen = lines_of_writing(lines, self.settings.select)
        return replace(state, characters=chosen, nothing="" if chosen else why_none(lines))

    @as_stage
    def rescore(self, state: PageState) -> PageState:
        """Words, of characters that their neighbours and the word list have decided; those of the alphabet alone."""
        height = found_by("segment", state.components).height
        characters = found_by("recognise", state.characters)
        words = rescore_lines(characters, height, self.recogniser.alphabet, self.words, self.settings)
        return replace(state, words=words, nothing="" if words else _OUTSIDE)

    def lines_of(self, state: PageState) -> tuple[Line, ...]:
        """The lines of a page that has been read."""
        return assemble_lines(found_by("rescore", state.words), found_by("binarise", state.ink), self.settings)
