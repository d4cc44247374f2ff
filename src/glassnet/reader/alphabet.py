"""The characters that are read, the classes of the network, and the notation for a part of the alphabet."""

from __future__ import annotations

from glassnet.errors import ReaderError

__all__ = ["ALPHABET", "CLASSES", "DIGITS", "LOWER", "NO_CHARACTER", "PUNCTUATION", "UPPER", "parse_alphabet"]

UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LOWER = UPPER.lower()
DIGITS = "0123456789"
PUNCTUATION = ".,!?:;'\"-+=()/&#@"
ALPHABET = UPPER + LOWER + DIGITS + PUNCTUATION

NO_CHARACTER = "none"  # two characters at a time, or a part of one
CLASSES = (*ALPHABET, NO_CHARACTER)


def parse_alphabet(text: str, known: str = ALPHABET) -> str:
    """The characters that an alphabet names, in the order of those that are known.

    Parameters
    ----------
    text : str
        `full`, or ranges such as `A-Z` or `0-9` and single characters.
    known : str
        The characters that can be read.

    Raises
    ------
    ReaderError
        For a character that the reader does not know, or where none is named.
    """
    if text == "full":
        return known
    wanted: list[str] = []
    position = 0
    while position < len(text):
        start = text[position]
        if text[position + 1 : position + 2] == "-" and position + 2 < len(text):
            stop = text[position + 2]
            group = next((g for g in (UPPER, LOWER, DIGITS) if start in g and stop in g), None)
            if group is not None and group.index(start) <= group.index(stop):
                wanted += group[group.index(start) : group.index(stop) + 1]
                position += 3
                continue
        wanted.append(start)
        position += 1
    unknown = sorted(set(wanted) - set(known))
    if not wanted or unknown:
        what = f"'{unknown[0]}' is not among them" if unknown else "it names none"
        raise ReaderError(
            f"An alphabet is 'full', ranges (A-Z, a-z, 0-9) or characters of {known}. Got '{text}': {what}."
        )
    return "".join(c for c in known if c in wanted)
