"""What sets EMNIST apart from MNIST, whose format it has: transposed pictures, labels that need a mapping, own names.

G. Cohen, S. Afshar, J. Tapson and A. van Schaik, "EMNIST: an extension of MNIST to handwritten letters", 2017. The six
sets lie in one archive as `emnist-letters-train-images-idx3-ubyte.gz` and so on, each with its `-mapping.txt`.
"""

from __future__ import annotations

import string
from pathlib import Path

from glassnet.errors import DataError
from glassnet.files import plain_text

__all__ = ["TRANSPOSED", "is_emnist", "label_names"]

TRANSPOSED = "EMNIST stores its pictures transposed; they were turned upright."

_DIGITS, _CAPITALS = string.digits, string.ascii_uppercase
_MERGED = _DIGITS + _CAPITALS + "abdefghnqrt"  # the other small letters look like their capitals
# The characters of each set (the paper's table II), and the label of the first.
_SETS = {
    "emnist-balanced": (_MERGED, 0),
    "emnist-bymerge": (_MERGED, 0),
    "emnist-byclass": (_DIGITS + _CAPITALS + string.ascii_lowercase, 0),
    "emnist-digits": (_DIGITS, 0),
    "emnist-mnist": (_DIGITS, 0),
    "emnist-letters": (_CAPITALS, 1),
}


def is_emnist(name: str) -> bool:
    """Whether the files of a set of that name are EMNIST's."""
    return name.startswith("emnist-")


def label_names(folder: Path, name: str) -> dict[int, str] | None:
    """The class name of every label: from `NAME-mapping.txt` in the folder, else as the paper has it; None if neither.

    A line of the mapping is a label and the codes of its characters, the first of which names the class: `1 65 97`.
    Raises `DataError` where the mapping cannot be understood.
    """
    file = folder / f"{name}-mapping.txt"
    if not file.is_file():
        if name not in _SETS:
            return None
        characters, first = _SETS[name]
        return dict(enumerate(characters, start=first))
    try:
        rows = [[int(word) for word in line.split()] for line in plain_text(file).split("\n") if line.strip()]
        names = {row[0]: chr(row[1]) for row in rows}
    except OSError as error:
        raise DataError(f"Cannot read the mapping '{file}': {error.strerror or error}.") from error
    except (ValueError, IndexError, OverflowError) as error:
        raise DataError(
            f"The mapping '{file}' must have a label and a character's code on each line, such as '1 65 97'."
        ) from error
    return dict(sorted(names.items()))
