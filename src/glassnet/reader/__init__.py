"""Reading hand-printed text from photographs.

from glassnet.reader import read

page = read("page.jpg")
print(page.text)
page.lines[0].words[0].characters[0].alternatives
"""

from glassnet.reader.glyphs import ALPHABET
from glassnet.reader.page import Box, Character, Line, Page, Word
from glassnet.reader.reading import read, read_words
from glassnet.reader.recognise import Recogniser
from glassnet.reader.synthesis import synthesise

__all__ = ["ALPHABET", "Box", "Character", "Line", "Page", "Recogniser", "Word", "read", "read_words", "synthesise"]
