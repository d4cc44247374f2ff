"""What formats say of confidences, alternatives, places and words that are not sure."""

from __future__ import annotations

import io
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest

from glassnet.reader.alto import as_alto
from glassnet.reader.export import as_json
from glassnet.reader.hocr import as_hocr
from glassnet.reader.page import Box, Character, Line, Page, Word
from glassnet.reader.searchable import as_pdf

ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"
XHTML = "{http://www.w3.org/1999/xhtml}"


def word(text: str, left: float, top: float, confidence: float, *alternatives: tuple[str, float]) -> Word:
    """Characters of 16 x 30 pixels, the first with alternatives."""
    boxes = [Box(left + 20 * k, top, left + 20 * k + 16, top + 30) for k in range(len(text))]
    found = [Character(c, box, confidence) for c, box in zip(text, boxes, strict=True)]
    return Word((Character(text[0], boxes[0], confidence, alternatives), *found[1:]))


@pytest.fixture(scope="module")
def page() -> Page:
    first = word("A<B", 10, 10, 0.9, ("4", 0.05), (";", 0.02), ('"', 0.01))
    lines = (Line((first, word("c&d", 100, 12, 0.4))), Line((word('"n', -3, 60, 0.7, ("rn", 0.2), ("ABCD", 0.1)),)))
    return Page(lines, 300, 120)


def place(element: ElementTree.Element) -> Box:
    left, top, width, height = (float(element.attrib[name]) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
    return Box(left, top, left + width, top + height)


def seen(box: Box) -> Box:
    """A box in whole pixels of the picture."""
    return Box(*(float(max(0, v)) for v in box.whole()))


def test_alto_has_every_line_word_and_character_in_its_place(page: Page) -> None:
    root = ElementTree.fromstring(as_alto(page, "letter.pdf", 2).encode())
    assert [child.tag for child in root] == [f"{ALTO}Description", f"{ALTO}Layout"]
    assert root.findtext(f"{ALTO}Description/{ALTO}MeasurementUnit") == "pixel"
    assert root.findtext(f".//{ALTO}fileName") == "letter.pdf"
    sheet = root.find(f"{ALTO}Layout/{ALTO}Page")
    assert sheet is not None and sheet.attrib["PHYSICAL_IMG_NR"] == "2"
    assert (sheet.attrib["WIDTH"], sheet.attrib["HEIGHT"]) == ("300", "120")
    assert float(sheet.attrib["PC"]) == pytest.approx(page.confidence, abs=1e-4)
    space = sheet.find(f"{ALTO}PrintSpace")
    assert space is not None and place(space) == Box(0, 0, 300, 120)
    (block,) = space.findall(f"{ALTO}TextBlock")
    rows = block.findall(f"{ALTO}TextLine")
    assert [place(row) for row in rows] == [seen(line.box) for line in page.lines]
    assert place(block) == Box.around([place(row) for row in rows])
    assert [[child.tag for child in row] for row in rows] == [
        [f"{ALTO}String", f"{ALTO}SP", f"{ALTO}String"],
        [f"{ALTO}String"],
    ]
    gap = rows[0][1]
    assert (gap.attrib["HPOS"], gap.attrib["WIDTH"]) == ("66", "34")
    strings = list(root.iter(f"{ALTO}String"))
    for string, there in zip(strings, page.words, strict=True):
        assert string.attrib["CONTENT"] == there.text and place(string) == seen(there.box)
        assert float(string.attrib["WC"]) == pytest.approx(there.confidence, abs=1e-4)
        for glyph, character in zip(string.findall(f"{ALTO}Glyph"), there.characters, strict=True):
            assert glyph.attrib["CONTENT"] == character.text and place(glyph) == seen(character.box)
            assert float(glyph.attrib["GC"]) == pytest.approx(character.confidence, abs=1e-4)
    names = [element.attrib["ID"] for element in root.iter() if "ID" in element.attrib]
    assert len(names) == len(set(names))


def test_alto_keeps_alternatives_as_variants(page: Page) -> None:
    root = ElementTree.fromstring(as_alto(page, "p.jpg").encode())
    found = [
        [(v.attrib["CONTENT"], float(v.attrib["VC"])) for v in glyph.findall(f"{ALTO}Variant")]
        for glyph in root.iter(f"{ALTO}Glyph")
    ]
    assert found[0] == [("4", 0.05), (";", 0.02), ('"', 0.01)]
    assert [("rn", 0.2)] in found, "and nothing longer than the schema allows"
    assert sum(map(len, found)) == 4


def test_alto_of_an_empty_page_and_of_any_name() -> None:
    root = ElementTree.fromstring(as_alto(Page((), 30, 20, nothing="no ink"), "a\x07<\udcff&.jpg", least=0.5).encode())
    space = root.find(f"{ALTO}Layout/{ALTO}Page/{ALTO}PrintSpace")
    assert space is not None and len(space) == 0
    assert root.findtext(f".//{ALTO}fileName") == "a\\x07<\\xff&.jpg"


def test_hocr_keeps_characters_and_alternatives(page: Page) -> None:
    root = ElementTree.fromstring(as_hocr(page, "letter.pdf", 3).split("\n", 2)[2])
    sheet = root.find(f".//{XHTML}div[@class='ocr_page']")
    assert sheet is not None and "ppageno 2" in sheet.attrib["title"]
    words = [e for e in root.iter(f"{XHTML}span") if e.attrib["class"] == "ocrx_word"]
    first = dict(part.split(" ", 1) for part in words[0].attrib["title"].split("; "))
    assert first["x_bboxes"] == "10 10 26 40 30 10 46 40 50 10 66 40" and first["x_confs"] == "90 90 90"
    alternatives = words[0].attrib["data-alternatives"].split(" ")
    kinds = [entry.split(":") for entry in alternatives[0].split(",")]
    assert [(unquote(text), int(p)) for text, p in kinds] == [("4", 5), (";", 2), ('"', 1)]
    assert alternatives[1:] == ["-", "-"] and "data-alternatives" not in words[1].attrib
    assert not any("data-sure" in word.attrib for word in words)


def test_words_below_a_confidence_are_marked_in_every_format(page: Page) -> None:
    """The second alone is below 0.5."""
    words = [w for line in as_json(page, 0.5)["lines"] for w in line["words"]]
    assert [w["sure"] for w in words] == [True, False, True] and [w["text"] for w in words] == ["A<B", "c&d", '"n']
    assert all(w["sure"] for line in as_json(page)["lines"] for w in line["words"])
    hocr = ElementTree.fromstring(as_hocr(page, "p.jpg", least=0.5).split("\n", 2)[2])
    shown = [e.get("data-sure") for e in hocr.iter(f"{XHTML}span") if e.attrib["class"] == "ocrx_word"]
    assert shown == ["yes", "no", "yes"]
    alto = ElementTree.fromstring(as_alto(page, "p.jpg", least=0.5).encode())
    assert [child.tag for child in alto] == [f"{ALTO}{name}" for name in ("Description", "Tags", "Layout")]
    tags = [tag.attrib["ID"] for tag in alto.iter(f"{ALTO}OtherTag")]
    assert [string.get("TAGREFS") for string in alto.iter(f"{ALTO}String")] == [None, *tags, None]


def test_a_pdf_highlights_words_below_a_confidence_and_has_the_size_of_the_paper(page: Page) -> None:
    pypdf = pytest.importorskip("pypdf")
    pixels = np.full((120, 300, 3), 255, np.uint8)
    sheet = pypdf.PdfReader(io.BytesIO(as_pdf(page, pixels, 200, 0.5))).pages[0]
    (mark,) = [annotation.get_object() for annotation in sheet["/Annots"]]
    assert mark["/Subtype"] == "/Highlight" and mark["/Contents"] == "c&d: confidence 0.40"
    inch = 72 / 200
    assert [float(v) for v in mark["/Rect"]] == pytest.approx([100 * inch, 78 * inch, 156 * inch, 108 * inch])
    assert [float(v) for v in sheet.mediabox] == pytest.approx([0, 0, 300 * inch, 120 * inch])
    assert "/Annots" not in pypdf.PdfReader(io.BytesIO(as_pdf(page, pixels, 200))).pages[0]
