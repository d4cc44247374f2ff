"""Reading handwriting from photographs.

from glassnet.reader import make_reader

reader = make_reader()
page = reader.read("page.jpg")
print(page.text)
page.lines[0].words[0].characters[0].alternatives
"""

from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.best import BestReader, make_reader, read
from glassnet.reader.documents import read_pages
from glassnet.reader.lines.whole_reader import WholeLineReader
from glassnet.reader.page import Box, Character, Line, Page, Word
from glassnet.reader.piece_reader import PieceReader
from glassnet.reader.reader import PageState, Reader, read_words
from glassnet.reader.recogniser import Recogniser
from glassnet.reader.settings import ReaderSettings
from glassnet.reader.synthesis import synthesise

__all__ = [
    "ALPHABET",
    "BestReader",
    "Box",
    "Character",
    "Line",
    "Page",
    "PageState",
    "PieceReader",
    "Reader",
    "ReaderSettings",
    "Recogniser",
    "WholeLineReader",
    "Word",
    "make_reader",
    "read",
    "read_pages",
    "read_words",
    "synthesise",
]
