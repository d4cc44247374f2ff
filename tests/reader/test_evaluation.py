"""Error rates, and formats that others read."""

from __future__ import annotations

import io
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from glassnet.errors import GlassnetError, ReaderError
from glassnet.reader.evaluate import KnownText, compare, fold, interval_text, known_texts, summarise
from glassnet.reader.evaluation_page import write_evaluation
from glassnet.reader.export import FORMATS, overlay, write_page
from glassnet.reader.hocr import as_hocr
from glassnet.reader.page import Box, Character, Line, Page, Word
from glassnet.reader.searchable import as_pdf


def _page() -> Page:
    def word(text: str, left: float, top: float) -> Word:
        return Word(
            tuple(
                Character(c, Box(left + 20 * k, top, left + 20 * k + 16, top + 30), 0.9, (("x", 0.05),))
                for k, c in enumerate(text)
            )
        )

    lines = (Line((word("A<B", 10, 10), word("c&d", 100, 12))), Line((word('"no"', 10, 60),)))
    return Page(lines, 300, 120)


def test_texts_are_folded() -> None:
    assert fold("Hello, wörld -  No. 7!") == "HELLO WRLD NO 7"


def test_errors_are_counted() -> None:
    score = compare("a", "HELO W0RLD", "Hello\nWorld!")
    assert (score.character_errors, score.characters) == (2, 10)
    assert (score.word_errors, score.words) == (2, 2)
    assert score.score == pytest.approx(0.8)
    assert sorted(score.confusions) == [("L", "∅"), ("O", "0")]
    assert score.lines == ((1, 5), (1, 5))
    assert compare("b", "x", "x").character_errors == 0
    assert compare("c", "", "abc").score == 0.0
    assert compare("d", "abcabcabc", "abc").score == -1.0


def test_all_pages_together() -> None:
    found = summarise([compare("a", "abc", "abd\nxyz"), compare("b", "HELLO", "hello")])
    assert found.character_error_rate == pytest.approx(4 / 11)
    assert found.character_interval.low <= found.character_error_rate <= found.character_interval.high
    assert found.word_error_rate == pytest.approx(2 / 3)
    low, high = map(float, interval_text(found.word_interval).split(" to "))
    assert (low, high) == pytest.approx(found.word_interval, abs=5e-5)
    one = summarise([compare("a", "abc", "abd")])  # nothing is known of other lines
    assert interval_text(one.character_interval) == interval_text(one.word_interval) == "unknown"
    assert one.to_dict()["character_interval"] is None and one.to_dict()["word_interval"] is None
    assert json.loads(json.dumps(found.to_dict()))["characters"] == 11
    with pytest.raises(ReaderError, match="no letter"):
        summarise([compare("a", "", "...")])


def test_pictures_and_texts_are_paired(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match=r"no picture and no PDF with a \.txt"):
        known_texts(tmp_path)
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    Image.new("L", (9, 9)).save(tmp_path / "b.png")
    (tmp_path / "a.txt").write_text("A")
    assert known_texts(tmp_path) == [KnownText("a.png", tmp_path / "a.png", (None,), "A")]
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GlassnetError, match="UTF-8"):
        known_texts(tmp_path)
    with pytest.raises(ReaderError, match="is not a folder"):
        known_texts(tmp_path / "nothing")


def _pdf(file: Path, count: int) -> Path:
    sheets = [Image.new("L", (90, 60), 250 - number) for number in range(count)]
    sheets[0].save(file, save_all=True, append_images=sheets[1:])
    return file


def test_pdfs_and_texts_are_paired(tmp_path: Path) -> None:
    letter = _pdf(tmp_path / "letter.pdf", 12)
    other = _pdf(tmp_path / "letter-3.PDF", 1)  # no page of letter.pdf: what reading writes is named .pdf
    for made in ("letter-2.pdf", "page.pdf"):  # these reading has written; they are not opened
        (tmp_path / made).write_text("no PDF")
    Image.new("L", (9, 9)).save(tmp_path / "page.png")
    for name in ("letter-10", "letter-2", "letter-3", "letter-two", "page"):
        (tmp_path / f"{name}.txt").write_text(f"of {name}")
    assert known_texts(tmp_path) == [
        KnownText("letter-3.PDF", other, (1,), "of letter-3"),
        KnownText("letter.pdf, page 2", letter, (2,), "of letter-2"),
        KnownText("letter.pdf, page 10", letter, (10,), "of letter-10"),
        KnownText("page.png", tmp_path / "page.png", (None,), "of page"),
    ]
    (tmp_path / "letter.txt").write_text("all")
    with pytest.raises(ReaderError, match=r"two texts: 'letter\.txt' of all its pages and 'letter-2\.txt' of one"):
        known_texts(tmp_path)
    for text in tmp_path.glob("letter-*.txt"):
        text.unlink()
    assert known_texts(tmp_path)[0] == KnownText("letter.pdf", letter, tuple(range(1, 13)), "all")


@pytest.mark.parametrize("number", [0, 3])
def test_a_text_of_a_page_that_a_pdf_has_not(tmp_path: Path, number: int) -> None:
    _pdf(tmp_path / "letter.pdf", 2)
    (tmp_path / f"letter-{number}.txt").write_text("A")
    with pytest.raises(ReaderError, match=f"page {number} of 'letter.pdf', which has 2 pages. Name it after one"):
        known_texts(tmp_path)


def test_hocr_is_well_formed_and_nested() -> None:
    tree = ElementTree.fromstring(as_hocr(_page(), 'a "b" <c>.jpg').split("\n", 2)[2])
    space = "{http://www.w3.org/1999/xhtml}"
    page = tree.find(f".//{space}div[@class='ocr_page']")
    assert page is not None and "bbox 0 0 300 120" in page.attrib["title"]
    lines = page.findall(f"{space}span[@class='ocr_line']")
    words = page.findall(f".//{space}span[@class='ocrx_word']")
    assert len(lines) == 2 and [w.text for w in words] == ["A<B", "c&d", '"no"']
    assert "bbox 10 10 66 40; x_wconf 90" in words[0].attrib["title"]
    names = {meta.attrib.get("name") for meta in tree.iter(f"{space}meta")}
    assert {"ocr-system", "ocr-capabilities"} <= names
    identifiers = [e.attrib["id"] for e in tree.iter() if "id" in e.attrib]
    assert len(identifiers) == len(set(identifiers))


def test_hocr_is_valid_against_its_specification(tmp_path: Path) -> None:
    specification = pytest.importorskip("hocr_spec.validate")
    for name, page in (("full", _page()), ("empty", Page((), 300, 120))):
        file = tmp_path / f"{name}.hocr"
        file.write_text(as_hocr(page, 'a "b" <c>.jpg'), encoding="utf-8")
        for profile in ("standard", "relaxed"):
            report = specification.HocrValidator(profile).validate(str(file))
            assert report.is_valid() and all(i.level == "DEBUG" for i in report.items), report.format("text")
    broken = tmp_path / "broken.hocr"
    broken.write_text(as_hocr(_page(), "a.jpg").replace("ocr-system", "ocr-nothing"), encoding="utf-8")
    assert not specification.HocrValidator("standard").validate(str(broken)).is_valid()


def test_the_pdf_holds_its_text() -> None:
    pypdf = pytest.importorskip("pypdf")
    pixels = np.full((120, 300, 3), 255, np.uint8)
    reader = pypdf.PdfReader(io.BytesIO(as_pdf(_page(), pixels)))
    assert len(reader.pages) == 1 and len(reader.pages[0].images) == 1
    text = reader.pages[0].extract_text()
    assert all(word in text for word in ("A<B", "c&d", '"no"'))
    assert as_pdf(_page(), pixels) == as_pdf(_page(), pixels)
    grey = np.full((120, 300, 1), 255, np.uint8)
    assert as_pdf(Page((), 300, 120), grey).startswith(b"%PDF")


@pytest.mark.parametrize("form", FORMATS)
def test_files_are_written(form: str, tmp_path: Path) -> None:
    pixels = np.full((120, 300, 3), 255, np.uint8)
    file = write_page(_page(), tmp_path / "new" / "page.jpg", form, pixels=pixels)
    assert file.parent == tmp_path / "new" and file.stem == "page" and file.stat().st_size > 10
    if form == "json":
        found = json.loads(file.read_text())
        assert found["lines"][0]["words"][0]["characters"][0]["alternatives"] == [["x", 0.05]]
        assert found["lines"][0]["words"][0]["box"] == [10, 10, 66, 40]


def test_the_overlay_and_the_page_of_errors(tmp_path: Path) -> None:
    pixels = np.full((120, 300, 3), 255, np.uint8)
    drawn = np.asarray(overlay(_page(), pixels))
    assert drawn.shape == (120, 300, 3) and (drawn != 255).any()
    picture = tmp_path / "p.png"
    Image.fromarray(pixels).save(picture)
    scores = summarise([compare("p.png", _page().text, "A<B c&e\n<script>")])
    text = write_evaluation(scores, [[(picture, None, _page())]], tmp_path / "r.html").read_text()
    assert text.count("<script>") == 1, "the page's own, at its end"
    assert "&lt;" in text and "data:image/jpeg" in text
