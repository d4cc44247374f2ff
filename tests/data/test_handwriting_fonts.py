"""The handwriting fonts: from their packages to a folder that the reader takes, and what stops them on the way."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import ImageFont

from glassnet.actions.data import get_set
from glassnet.actions.events import Events
from glassnet.data import CATALOGUE, LineOptions, get, load, register
from glassnet.data.fonts import FONT_FILES, ttf_of
from glassnet.data.unipen import part_of
from glassnet.reader.lines.faces import read_fonts
from glassnet.reader.lines.fonts import FontWriter
from support.data_files import one_line_error
from support.serving import served
from support.unipen_archive import packed

FONT = (Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "cmtt10.ttf").read_bytes()


def woff(font: bytes) -> bytes:
    made = io.BytesIO()
    opened = TTFont(io.BytesIO(font))
    opened.flavor = "woff"
    opened.save(made)
    return made.getvalue()


WOFF = woff(FONT)
# Those of the fonts that were held out when the reader was trained.
VALID = ["hurricane.ttf", "chilanka.ttf", "corinthia.ttf", "itim.ttf", "kaushan-script.ttf", "whisper.ttf"]
TEST = ["birthstone.ttf", "permanent-marker.ttf", "schoolbell.ttf", "smooch.ttf", "swanky-and-moo-moo.ttf"]
SOME = 13  # the first fonts, among which there is one of each part


def package(members: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def stated(content: bytes) -> bytes:
    """What npm says of a package."""
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    return json.dumps({"name": "x", "dist": {"shasum": "1", "integrity": f"sha512-{digest}"}}).encode()


def put(pages: dict[str, bytes], number: int, content: bytes, about: bytes | None = None) -> None:
    """A package as the registry has it."""
    file = FONT_FILES[number]
    pages[path_of(file.addresses[0])] = content
    pages[path_of(file.sum_at)] = stated(content) if about is None else about


def path_of(address: str) -> str:
    return "/" + address.removeprefix("https://registry.npmjs.org/")


def whole(number: int) -> bytes:
    """A package of one of the two kinds, with fonts of other alphabets and weights in it."""
    file = FONT_FILES[number]
    name = file.addresses[0].split("/")[4]
    if "@expo" in file.addresses[0]:
        return package({"package/400Regular/Any_400Regular.ttf": FONT, "package/index.js": b""})
    fonts = {f"package/files/{name}-{kind}-normal.woff": WOFF for kind in ("latin-400", "latin-700", "latin-ext-400")}
    return package({"package/LICENSE": b"OFL", **fonts, f"package/files/{name}-latin-400-normal.woff2": b"wOF2"})


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[dict[str, bytes], list[str]]]:
    """What a server gives that stands in for npm's, and what it was asked for; an empty data folder."""
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path / "data"))
    entry = CATALOGUE["handwriting-fonts"]
    answers: dict[str, bytes] = {}
    with served(answers, monkeypatch) as (address, asked):

        def here(other: str) -> str:
            return address + path_of(other)[1:]

        register(
            replace(
                entry,
                files=tuple(
                    replace(file, addresses=(here(file.addresses[0]),), sum_at=here(file.sum_at))
                    for file in FONT_FILES[:SOME]
                ),
            )
        )
        yield answers, asked
    register(entry)


def test_getting_the_fonts(pages: tuple[dict[str, bytes], list[str]], tmp_path: Path) -> None:
    """From the addresses of the real ones; the fourth is missing at first."""
    answers, asked = pages
    for number in (0, 1, 2, *range(4, SOME)):
        put(answers, number, whole(number))
    with one_line_error("Cannot download", "404"):
        get("handwriting-fonts")
    folder = tmp_path / "data" / "fonts"
    assert len(list(folder.glob("*.ttf"))) == 3 and not (folder / "index.tsv").exists()
    asked.clear()
    put(answers, 3, whole(3))
    told: list[str] = []
    assert get("handwriting-fonts", lambda what, done, total: told.append(what)) == folder
    assert len(asked) == 2 * (SOME - 3) and told[0] == f"4 of {SOME}, alex-brush.tgz"
    fonts = read_fonts(folder)
    assert {path.name for path in folder.iterdir()} == {font.name for font in fonts} | {"index.tsv", "licences"}
    assert len(fonts) == SOME and {part_of(font.name) for font in fonts} == {"train", "valid", "test"}
    assert (folder / "licences" / "alex-brush.txt").read_bytes() == b"OFL"
    ink, text = FontWriter(folder, "test").write("Hello there", np.random.default_rng(0))
    assert ink.max() > 0.5 and text.lower() == "hello there"
    with one_line_error("'handwriting-fonts' is no set of pictures by itself"):
        load("handwriting-fonts")


def test_names_and_parts_are_those_of_the_fonts_that_the_reader_was_trained_on() -> None:
    names = [f"{Path(file.name).stem}.ttf" for file in FONT_FILES]
    valid, test = ([name for name in names if part_of(name) == part] for part in ("valid", "test"))
    assert len(set(names)) == 70
    assert valid == VALID
    assert test == TEST


@pytest.mark.parametrize(
    ("content", "about", "words"),
    [
        (whole(0), stated(b"another"), ("SHA-512 is", "is right")),
        (whole(0), b"{}", ("does not state the SHA-512 of 'allison.tgz'",)),
        (whole(0), b'{"dist": {"integrity": "sha1-AAAA"}}', ("does not state the SHA-512",)),
        (whole(0), b'{"dist": {"integrity": "sha512-AAAA"}}', ("does not state the SHA-512",)),
        (whole(0), b"not json", ("does not state the SHA-512",)),
        (package({f"package/{name}_400Regular.ttf": FONT for name in "ab"}), None, ("does not hold the font",)),
        (package({"package/LICENSE": b"OFL"}), None, ("does not hold the font 'allison'",)),
        (package({"package/a_400Regular.ttf": WOFF[:900]}), None, ("font is damaged",)),
        (package({"package/x": b""}), None, ("none of the expected files",)),
        (b"\x1f\x8bnothing", None, ("Cannot unpack",)),
    ],
)  # fmt: skip
def test_packages_that_are_not_what_they_should_be(
    pages: tuple[dict[str, bytes], list[str]], tmp_path: Path, content: bytes, about: bytes | None, words: tuple[str]
) -> None:
    put(pages[0], 0, content, about)
    with one_line_error(*words):
        get("handwriting-fonts")
    assert [path.name for path in (tmp_path / "data").rglob("*") if path.is_file() and path.suffix != ".txt"] == []


def test_unpacking_woff_against_fonttools() -> None:
    ours, theirs = TTFont(io.BytesIO(ttf_of(WOFF)), checkChecksums=2), TTFont(io.BytesIO(WOFF))
    tables = set(theirs.reader.keys())
    assert set(ours.reader.keys()) == tables and ours.sfntVersion == theirs.sfntVersion
    assert all(ours.reader[tag] == theirs.reader[tag] for tag in tables)
    box: Callable[[bytes], object] = lambda font: ImageFont.truetype(io.BytesIO(font), 40).getmask("Hxy").getbbox()  # noqa: E731
    assert box(ttf_of(WOFF)) == box(FONT) and ttf_of(FONT) == FONT
    for damaged in (WOFF[:30], WOFF[:100], WOFF[: len(WOFF) // 2], WOFF[:700] + bytes(400) + WOFF[1100:]):
        with one_line_error("damaged"):
            ttf_of(damaged)


def test_getting_lines_gets_what_they_are_made_of(
    pages: tuple[dict[str, bytes], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, _ = pages
    for number in range(SOME):
        put(answers, number, whole(number))
    entry = CATALOGUE["unipen"]
    address = CATALOGUE["handwriting-fonts"].files[0].addresses[0].split("@")[0]
    answers["/unipen"] = packed()
    register(replace(entry, files=(replace(entry.files[0], addresses=(f"{address}unipen",)),)))
    said: list[str] = []
    monkeypatch.setattr(Events, "say", lambda self, text: said.append(text))
    try:
        assert get_set("handwriting-lines").place == tmp_path / "data" / "pen"
        assert get("handwriting-fonts") == tmp_path / "data" / "fonts"
    finally:
        register(entry)
    for words, text in zip(("CC BY 4.0", "No source", "OFL", "SHA-512"), said, strict=True):
        assert text.startswith("note: ") and words in text
    lines = load("handwriting-lines", lines=LineOptions(per_epoch=16, validation=0, test=0)).train
    assert lines.notes == ()
    strips, labels = lines.take(np.arange(16), 0)
    assert strips.max() > 0.3 and len(labels) == 16
