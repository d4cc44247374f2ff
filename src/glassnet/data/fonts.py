"""Open handwriting fonts, from their packages on npm.

`fonts.tsv` lists them, one a line: the file that is made, family, licence, how it writes (joined, printed,
printed-caps), how real it looks by eye, which printable ASCII characters it lacks, and its package. The fonts' folder
gets the same list as its `index.tsv`, which the reader's training takes. A name must never change:
by it a font is for training, validation or the test.
"""

from __future__ import annotations

import re
import struct
import tempfile
import zlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from glassnet.data.download import OnBytes, RemoteFile, fetch, unpack
from glassnet.errors import DataError
from glassnet.files import atomic_write, write_text

__all__ = ["FONT_FILES", "has_fonts", "lay_out_fonts", "ttf_of"]

_REGISTRY = "https://registry.npmjs.org/"
_INDEX = "index.tsv"
_LICENCES = "licences"
_LICENCE = r"LICEN[CS]E(?:_FONT)?(?:\.txt)?"


def _table() -> str:
    return (resources.files("glassnet.data") / "fonts.tsv").read_text("utf-8")


def _packages() -> tuple[RemoteFile, ...]:
    """The package of each font, called as the font's file is but for the ending."""
    files = []
    for line in _table().splitlines()[1:]:
        font, *_, source = line.split("\t")
        _, package, version = source.split()
        name = package.partition("/")[2]
        wanted = rf"{name}-latin-400-normal\.woff" if package.startswith("@fontsource/") else r"\w+_400Regular\.ttf"
        files.append(
            RemoteFile(
                f"{Path(font).stem}.tgz",
                (f"{_REGISTRY}{package}/-/{name}-{version}.tgz",),
                None,
                None,
                take=f"{wanted}|{_LICENCE}",
                sum_at=f"{_REGISTRY}{package}/{version}",
            )
        )
    return tuple(files)


FONT_FILES = _packages()


def has_fonts(folder: Path) -> bool:
    """Whether a folder holds fonts and their index."""
    return (folder / _INDEX).is_file()


def lay_out_fonts(files: Sequence[RemoteFile], folder: Path, progress: OnBytes | None = None) -> None:
    """Fill a folder with the fonts of packages, their licences and, at last, the index.

    Fonts that are there already are not fetched again, so a call goes on where an earlier one ended.

    Parameters
    ----------
    files : sequence of RemoteFile
        The packages: one for each font of the list, called as it is, with `.tgz` at the end.
    folder : Path
        Gets the fonts and `index.tsv`, and `licences` in it a text for each package that has one.
    progress : callable, optional
        Called as `progress(file name, bytes so far, bytes in all or None)`.

    Raises
    ------
    DataError
        A package cannot be downloaded, its SHA-512 is not the one that the registry states, or it holds no such font.
    """
    for number, file in enumerate(files, 1):
        if not (folder / Path(file.name).with_suffix(".ttf")).is_file():
            _fetch_font(file, folder, _counted(progress, f"{number} of {len(files)}, "))
    head, *rows = _table().splitlines()
    there = [row for row in rows if (folder / row.partition("\t")[0]).is_file()]
    write_text(folder / _INDEX, "\n".join([head, *there]) + "\n")


def _counted(progress: OnBytes | None, before: str) -> OnBytes | None:
    return None if progress is None else lambda name, done, total: progress(f"{before}{name}", done, total)


def _fetch_font(file: RemoteFile, folder: Path, progress: OnBytes | None) -> None:
    hidden = folder / f".{file.name}"
    package = fetch(file, hidden, progress)
    try:
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as place:
            found = unpack(package, Path(place, "package"), file.take or "")
            fonts = [each.read_bytes() for each in found if each.suffix in (".woff", ".ttf")]
            licences = [each.read_bytes() for each in found if re.fullmatch(_LICENCE, each.name)]
        if len(fonts) != 1:
            raise DataError(f"The package '{file.addresses[0]}' does not hold the font '{Path(file.name).stem}'.")
        if licences:
            with atomic_write(folder / _LICENCES / Path(file.name).with_suffix(".txt")) as out:
                out.write(licences[-1])
        font = ttf_of(fonts[0])
        with atomic_write(folder / Path(file.name).with_suffix(".ttf")) as out:
            out.write(font)
    finally:  # a damaged package would stand in the way of the next download
        hidden.unlink(missing_ok=True)


def ttf_of(font: bytes) -> bytes:
    """The TrueType or OpenType file that a WOFF file packs; another font as it is.

    Source: WOFF File Format 1.0, W3C Recommendation, 2012.

    Raises
    ------
    DataError
        The WOFF file is damaged.
    """
    if not font.startswith(b"wOFF"):
        return font
    try:
        flavor, count = struct.unpack(">4x4s4xH", font[:14])
        entries = [struct.unpack(">4sIIII", font[44 + 20 * n : 64 + 20 * n]) for n in range(count)]
        tables = {tag: _table_of(font[at : at + packed], length) for tag, at, packed, length, _ in entries}
    except (struct.error, zlib.error, ValueError) as error:
        raise DataError(f"A font is damaged: {error}.") from error
    span = 16 << max(0, count.bit_length() - 1)
    header = struct.pack(">4sHHHH", flavor, count, span, max(0, count.bit_length() - 1), 16 * count - span)
    records, body, begin = [], b"", 12 + 16 * count
    for tag, _, _, length, checksum in sorted(entries, key=lambda entry: entry[1]):
        records.append(struct.pack(">4sIII", tag, checksum, begin + len(body), length))
        body += tables[tag] + bytes(-length % 4)
    return header + b"".join(sorted(records)) + body


def _table_of(packed: bytes, length: int) -> bytes:
    table = packed if len(packed) == length else zlib.decompressobj().decompress(packed, length)
    if len(table) != length:
        raise ValueError("a table of it is too short")
    return table
