"""How well pages are read: error rates of characters and words, with intervals, and what was taken for what.

With d(a, b) the least number of characters put in, left out or exchanged that turn a into b (Levenshtein 1966),

    character error rate = sum d(read, truth) / sum len(truth)

The word error rate is the same with words in place of characters.

`folded` texts are upper-cased and keep only A-Z and 0-9 (words are kept apart), so that they say how well letters are
told apart, whatever their case. Intervals are 95 % bootstrap intervals over lines: errors of one line go together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from glassnet.data.pdf import is_pdf_name, page_numbers
from glassnet.data.pictures import entries, is_picture_name
from glassnet.errors import ReaderError
from glassnet.files import read_text
from glassnet.metrics.intervals import Interval
from glassnet.metrics.texts import GAP, edits, error_rate
from glassnet.reader.batch import made_by_reading
from glassnet.text import counted

__all__ = ["GAP", "KnownText", "PageScore", "Scores", "compare", "fold", "interval_text", "known_texts", "summarise"]


def fold(text: str) -> str:
    """Upper case, A-Z and 0-9 alone; words stay apart, by one space."""
    words = ("".join(c for c in word.upper() if c.isascii() and c.isalnum()) for word in text.split())
    return " ".join(word for word in words if word)


@dataclass(frozen=True)
class PageScore:
    """One page, or all pages of a PDF: what was read, what is there, and the edits between them.

    Attributes
    ----------
    name : str
        Of the picture or PDF.
    read, truth : str
        As they are.
    character_errors, characters : int
        Folded, without spaces.
    word_errors, words : int
        Folded.
    exact_errors, exact_characters : int
        As they are, runs of white space as one.
    confusions : tuple of (str, str)
        (there, read) of exchanged characters, folded; an empty set sign for nothing.
    lines : tuple of (int, int)
        (errors, characters) of each line of the truth, folded, for the interval.
    """

    name: str
    read: str
    truth: str
    character_errors: int
    characters: int
    word_errors: int
    words: int
    exact_errors: int
    exact_characters: int
    confusions: tuple[tuple[str, str], ...]
    lines: tuple[tuple[int, int], ...]

    @property
    def score(self) -> float:
        """1 - errors / characters, folded."""
        return 1 - self.character_errors / max(1, self.characters)


def compare(name: str, read: str, truth: str) -> PageScore:
    """The errors of a page that was read."""
    a, b = fold(read), fold(truth)
    there, seen = b.replace(" ", ""), a.replace(" ", "")
    confusions, lines = _edits(seen, [fold(line).replace(" ", "") for line in truth.splitlines()])
    exact_read, exact_truth = " ".join(read.split()), " ".join(truth.split())
    return PageScore(
        name,
        read,
        truth,
        Levenshtein.distance(seen, there),
        len(there),
        Levenshtein.distance(a.split(), b.split()),
        len(b.split()),
        Levenshtein.distance(exact_read, exact_truth),
        len(exact_truth),
        tuple(confusions),
        tuple(lines),
    )


def _edits(seen: str, lines: list[str]) -> tuple[list[tuple[str, str]], list[tuple[int, int]]]:
    """The edits from the truth to what was read, and how many fall into each line of the truth."""
    there = "".join(lines)
    line_of = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    errors = np.zeros(max(1, len(lines)), int)
    found = []
    for position, before, after in edits(seen, there):
        if there:
            errors[line_of[min(position, len(there) - 1)]] += 1
        found.append((before, after))
    return found, [(int(e), len(line)) for e, line in zip(errors, lines, strict=False) if line]


@dataclass(frozen=True)
class Scores:
    """All pages together; rates are errors by characters or words of the truth."""

    pages: tuple[PageScore, ...]
    character_error_rate: float
    character_interval: Interval
    word_error_rate: float
    word_interval: Interval
    exact_error_rate: float
    confusions: tuple[tuple[str, str, int], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values under plain names."""
        return {
            "pages": len(self.pages),
            "characters": sum(p.characters for p in self.pages),
            "character_error_rate": self.character_error_rate,
            "character_interval": _known(self.character_interval),
            "word_error_rate": self.word_error_rate,
            "word_interval": _known(self.word_interval),
            "exact_error_rate": self.exact_error_rate,
            "confusions": [list(c) for c in self.confusions],
            "scores": {p.name: p.score for p in self.pages},
        }


def summarise(pages: Iterable[PageScore]) -> Scores:
    """The rates over all pages. Raises `ReaderError` where there is nothing to compare."""
    pages = tuple(pages)
    characters, words = sum(p.characters for p in pages), sum(p.words for p in pages)
    if not characters:
        raise ReaderError(
            "The texts to compare with hold no letter and no figure. Give .txt files with what is written."
        )
    counts = Counter(c for p in pages for c in p.confusions)
    return Scores(
        pages,
        sum(p.character_errors for p in pages) / characters,
        error_rate(*zip(*(line for p in pages for line in p.lines), strict=True)).interval,
        sum(p.word_errors for p in pages) / words,
        error_rate([p.word_errors for p in pages], [p.words for p in pages]).interval,
        sum(p.exact_errors for p in pages) / max(1, sum(p.exact_characters for p in pages)),
        tuple((there, seen, n) for (there, seen), n in counts.most_common(30)),
    )


def interval_text(interval: Interval) -> str:
    """An interval in words. One line or page alone tells nothing about others."""
    return "unknown" if _known(interval) is None else f"{interval.low:.4f} to {interval.high:.4f}"


def _known(interval: Interval) -> list[float] | None:
    return None if np.isnan(interval).any() else list(interval)


@dataclass(frozen=True)
class KnownText:
    """The text of a picture, of a page of a PDF, or of all its pages.

    Attributes
    ----------
    name : str
        Of the file, and of the page where the text is that of one.
    file : Path
        The picture or PDF.
    numbers : tuple of int or None
        The pages of a PDF on which the text stands, from 1; (None,) for a picture.
    text : str
        What stands there.
    """

    name: str
    file: Path
    numbers: tuple[int | None, ...]
    text: str


def known_texts(folder: Path) -> list[KnownText]:
    """The texts that lie beside the pictures and PDFs of a folder, by name; files without one are left out.

    The text of page.jpg is page.txt. That of letter.pdf is letter.txt for all its pages in order, or letter-1.txt,
    letter-2.txt and so on for a page each. What reading has written (`made_by_reading`) has no text of its own.

    Raises
    ------
    ReaderError
        There is none, a PDF has a text for all pages and others for single ones, or one for a page that it has not.
    GlassnetError
        A text is not in UTF-8, or a PDF that has one cannot be opened.
    """
    if not folder.is_dir():
        raise ReaderError(f"'{folder}' is not a folder. Give one with pictures and, beside each, a .txt with its text.")
    listed = entries(folder)
    files = [path for path in listed if is_picture_name(path) or is_pdf_name(path)]
    made = made_by_reading(files)
    files = [file for file in files if file not in made]
    named = {file.with_suffix(".txt") for file in files}
    others = [path for path in listed if path.suffix == ".txt" and path not in named]
    found = [known for file in files for known in _texts_of(file, others)]
    if not found:
        raise ReaderError(
            f"'{folder}' holds no picture and no PDF with a .txt of the same name beside it. Give page.txt for"
            " page.jpg; for letter.pdf give letter.txt, or letter-1.txt, letter-2.txt and so on for its pages."
        )
    return found


def _texts_of(file: Path, others: list[Path]) -> Iterator[KnownText]:
    """The text named like a file, or those of its pages among the others."""
    whole = file.with_suffix(".txt")
    if not is_pdf_name(file):
        if whole.is_file():
            yield KnownText(file.name, file, (None,), _text(whole))
        return
    page_name = re.compile(re.escape(file.stem) + "-([0-9]+)")
    by_page = {int(found[1]): text for text in others if (found := page_name.fullmatch(text.stem))}
    if not whole.is_file() and not by_page:
        return
    numbers = page_numbers(file)
    if not by_page:
        yield KnownText(file.name, file, tuple(numbers), _text(whole))
    for number, text in sorted(by_page.items()):
        if whole.is_file():
            raise ReaderError(
                f"'{file}' has two texts: '{whole.name}' of all its pages and '{text.name}' of one. Keep one kind."
            )
        if number not in numbers:
            raise ReaderError(
                f"'{text}' would be the text of page {number} of '{file.name}', which has"
                f" {counted(len(numbers), 'page')}. Name it after one of them, or take it away."
            )
        yield KnownText(f"{file.name}, page {number}", file, (number,), _text(text))


def _text(file: Path) -> str:
    return read_text(file, "what stands there, in UTF-8")
