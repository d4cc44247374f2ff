"""Pages of PDFs as pictures."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glassnet.data.pdf import is_pdf_name, page_numbers, parse_pages, read_pdf_page
from glassnet.data.pictures import read_picture
from glassnet.errors import DataError

ENOUGH = 3_000_000


def pdf(path: Path, *shades: int, size: tuple[int, int] = (72, 144), resolution: float = 72.0) -> Path:
    """A PDF with a page of each shade of grey."""
    sheets = [Image.new("RGB", size, (shade, shade, shade)) for shade in shades]
    sheets[0].save(path, save_all=True, append_images=sheets[1:], resolution=resolution)
    return path


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pdf(tmp_path_factory.mktemp("pdf") / "three.pdf", 40, 120, 200)


def test_pages_are_drawn_at_200_dots_per_inch(three: Path) -> None:
    for number, shade in enumerate((40, 120, 200), start=1):
        found = read_pdf_page(three, number, enough=ENOUGH)
        assert found.pixels.shape == (400, 200, 3) and found.pixels.dtype == np.uint8, "two inches by one"
        assert found.resolution == pytest.approx(200)
        assert np.abs(found.pixels[10:-10, 10:-10].astype(int) - shade).max() <= 3, "JPEG inside"


def test_large_pages_are_drawn_with_enough_pixels(tmp_path: Path) -> None:
    wide = read_pdf_page(pdf(tmp_path / "wide.pdf", 9, size=(7, 14), resolution=0.1), 1, enough=20_000)
    assert wide.pixels.shape == (200, 100, 3) and wide.resolution == pytest.approx(100 / 70, rel=0.01)
    strip = read_pdf_page(pdf(tmp_path / "strip.pdf", 9, size=(5000, 1), resolution=72), 1, enough=2_000)
    assert strip.pixels.size // 3 <= 2_500 and strip.pixels.shape[0] >= 1


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("2", [2]), ("1-3", [1, 2, 3]), ("3,1", [1, 3]), ("2-", [2, 3]), (" 1 - 2 , 2-3 ", [1, 2, 3]), ("1,1", [1])],
)
def test_chosen_pages(three: Path, text: str, numbers: list[int]) -> None:
    assert page_numbers(three, parse_pages(text)) == numbers


def test_pages_that_are_not_there(three: Path) -> None:
    assert page_numbers(three) == [1, 2, 3]
    for text in ("", "0", "a", "3-1", "1--2", "-2", "1,", "1-2-3", "9" * 30, "²"):
        with pytest.raises(DataError, match="1-3,5"):
            parse_pages(text)
    for text, page in (("4", 4), ("1-9", 9), ("7-", 7)):
        with pytest.raises(DataError, match=f"has 3 pages; there is no page {page}"):
            page_numbers(three, parse_pages(text))
    with pytest.raises(DataError, match="there is no page 4"):
        read_pdf_page(three, 4, enough=ENOUGH)


def test_files_that_cannot_be_read(three: Path, tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    whole = three.read_bytes()
    (tmp_path / "empty.pdf").touch()
    (tmp_path / "cut.pdf").write_bytes(whole[:100])
    (tmp_path / "text.pdf").write_text("no PDF")
    (tmp_path / "folder.pdf").mkdir()
    writer = pypdf.PdfWriter(clone_from=three)
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(tmp_path / "secret.pdf")
    pypdf.PdfWriter().write(tmp_path / "none.pdf")
    reasons: Mapping[str, str] = {
        "missing.pdf": "There is no PDF",
        "empty.pdf": "the file is empty",
        "cut.pdf": "damaged, without pages or no PDF",
        "text.pdf": "damaged, without pages or no PDF",
        "folder.pdf": "it is a folder",
        "secret.pdf": "is encrypted; save a copy without its password",
        "none.pdf": "damaged, without pages",
    }
    for name, reason in reasons.items():
        with pytest.raises(DataError, match=reason) as caught:
            page_numbers(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_a_damaged_page_leaves_the_others(three: Path, tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    writer = pypdf.PdfWriter(clone_from=three)
    kids = writer.root_object["/Pages"]["/Kids"]
    kids[1] = pypdf.generic.NullObject()
    writer.write(tmp_path / "hole.pdf")
    assert page_numbers(tmp_path / "hole.pdf") == [1, 2, 3]
    with pytest.raises(DataError, match=r"Page 2 of '.*hole\.pdf' cannot be read: .*\. The page is damaged\."):
        read_pdf_page(tmp_path / "hole.pdf", 2, enough=ENOUGH)
    assert read_pdf_page(tmp_path / "hole.pdf", 3, enough=ENOUGH).pixels.shape == (400, 200, 3)


def test_threads_wait_for_each_other(three: Path) -> None:
    found: list[np.ndarray[Any, Any]] = []
    work = [
        threading.Thread(target=lambda: found.append(read_pdf_page(three, 2, enough=ENOUGH).pixels)) for _ in range(4)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert len(found) == 4 and all(np.array_equal(found[0], other) for other in found)


def test_without_the_package_a_line_says_what_to_install(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *more: Any, **named: Any) -> Any:
        if name.split(".")[0] == "pypdfium2":
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(DataError, match=r"pip install 'glassnet\[pdf\]'"):
        page_numbers(three)


def test_where_a_picture_is_wanted_a_line_says_what_reads_pdfs(three: Path) -> None:
    with pytest.raises(DataError, match=r"it is a PDF\. Read its text page by page \(read_pages\)"):
        read_picture(three)


def test_names() -> None:
    names: Sequence[str] = ("a.pdf", "a.PDF", ".a.pdf", "a.pdf.jpg", "pdf")
    assert [is_pdf_name(Path(name)) for name in names] == [True, True, False, False, False]
