"""A word of a page put right by hand."""

from __future__ import annotations

from dataclasses import replace

from glassnet.errors import ReaderError
from glassnet.reader.page import Box, Character, Line, Page, Word

__all__ = ["corrected"]

_LONGEST = 200  # characters


def corrected(page: Page, line: int, word: int, text: str) -> Page:
    """The page with other text in the place of one word.

    The new characters share the word's box evenly, and are certain; a space makes several words of it. Without text the
    word is taken out, and a line without words with it.

    Parameters
    ----------
    page : Page
        What was read.
    line, word : int
        Which line of the page, and which word of the line, from 0.
    text : str
        What stands there, of at most 200 characters, on one line.

    Raises
    ------
    ReaderError
        There is no such word, or the text is too long or has characters that are not printed.
    """
    if not (0 <= line < len(page.lines) and 0 <= word < len(page.lines[line].words)):
        raise ReaderError(f"The page has no word {word} in a line {line}.")
    if len(text) > _LONGEST or not text.isprintable():
        raise ReaderError(f"A word is at most {_LONGEST} printed characters on one line.")
    words = page.lines[line].words
    made = _words(text, words[word].box)
    line_ = Line((*words[:word], *made, *words[word + 1 :]))
    lines = (*page.lines[:line], *((line_,) if line_.words else ()), *page.lines[line + 1 :])
    return replace(page, lines=lines)


def _words(text: str, box: Box) -> list[Word]:
    parts = text.split()
    wide = box.width / max(1, len(" ".join(parts)))
    made, start = [], box.left
    for part in parts:
        characters = tuple(
            Character(c, Box(start + i * wide, box.top, start + (i + 1) * wide, box.bottom), 1.0)
            for i, c in enumerate(part)
        )
        made.append(Word(characters))
        start += (len(part) + 1) * wide
    return made
