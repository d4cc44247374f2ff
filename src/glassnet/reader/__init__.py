"""Reading hand-printed text from photographs.

from glassnet.reader import Reader

reader = Reader()
page = reader.read("page.jpg")
print(page.text)
page.lines[0].words[0].characters[0].alternatives
"""

from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.documents import read_pages
from glassnet.reader.page import Box, Character, Line, Page, Word
from glassnet.reader.reader import PageState, Reader, read, read_words
from glassnet.reader.recogniser import Recogniser
from glassnet.reader.settings import ReaderSettings
from glassnet.reader.synthesis import synthesise

__all__ = [
    "ALPHABET",
    "Box",
    "Character",
    "Line",
    "Page",
    "PageState",
    "Reader",
    "ReaderSettings",
    "Recogniser",
    "Word",
    "read",
    "read_pages",
    "read_words",
    "synthesise",
]
