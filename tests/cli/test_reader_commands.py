"""`glassnet read` and `glassnet synthesise` as a user types them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.cli import main
from support.shell import Shell


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    text = folder / "letter.md"
    text.write_text("Dear reader,\nthis is page 42.\n")
    assert main(["synthesise", "--text", str(text), "--pages", "2", "--out", str(folder), "--seed", "3"]) == 0
    return folder


def test_synthesised_pages_have_text_and_boxes(pages: Path, shell: Shell) -> None:
    assert sorted(p.name for p in pages.iterdir()) == [
        "letter.md", "page-001.jpg", "page-001.json", "page-001.txt", "page-002.jpg", "page-002.json", "page-002.txt",
    ]  # fmt: skip
    assert (pages / "page-001.txt").read_text() == "Dear reader,\nthis is page 42.\n"
    truth = json.loads((pages / "page-001.json").read_text())
    with Image.open(pages / "page-001.jpg") as image:
        assert image.size == (truth["width"], truth["height"])
    found = shell.json("synthesise", "--out", pages / "more", "--lines", 2)
    assert len(found["files"]) == 3


def test_text_is_printed(pages: Path, shell: Shell) -> None:
    shown = shell("read", pages / "page-001.jpg")
    assert len(shown.splitlines()) == 2
    both = shell("read", pages / "page-001.jpg", pages / "page-002.jpg")
    assert both.count("== ") == 2


def test_files_of_every_kind(pages: Path, shell: Shell, tmp_path: Path) -> None:
    for form, suffix in (("text", ".txt"), ("json", ".json"), ("hocr", ".hocr"), ("alto", ".xml"), ("pdf", ".pdf")):
        found = shell.json("read", pages / "page-001.jpg", "--format", form, "--out", tmp_path, "--overlay")
        assert {Path(f).name for f in found["files"]} == {f"page-001{suffix}", "page-001-read.png"}
        assert all(Path(f).stat().st_size > 20 for f in found["files"])
        assert found["pages"][0]["lines"]


def test_two_at_a_time(pages: Path, shell: Shell) -> None:
    alone = shell("read", pages / "page-001.jpg", pages / "page-002.jpg")
    assert shell("read", pages / "page-001.jpg", pages / "page-002.jpg", "--jobs", 2) == alone


def test_files_go_to_the_working_folder(
    pages: Path, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(pages.iterdir())
    found = shell.json("read", pages / "page-001.jpg", "--format", "pdf", "--overlay")
    assert found["files"] == ["page-001.pdf", "page-001-read.png"] and sorted(pages.iterdir()) == before


def test_folders_are_read_without_their_overlays(
    pages: Path, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("page-001.jpg", "page-002.jpg"):
        shutil.copy(pages / name, tmp_path)
    for _ in range(2):
        found = shell.json("read", tmp_path, tmp_path / "page-002.jpg", "--overlay")
        assert [Path(page["picture"]).name for page in found["pages"]] == ["page-001.jpg", "page-002.jpg"]
    assert (tmp_path / "page-001-read.png").is_file()
    found = shell.json("read", tmp_path / "page-001-read.png")  # named, it is read
    assert [Path(page["picture"]).name for page in found["pages"]] == ["page-001-read.png"]


def test_no_two_pictures_are_written_to_one_file(pages: Path, shell: Shell, tmp_path: Path) -> None:
    other = tmp_path / "page-001.png"
    Image.new("L", (50, 50), 255).save(other)
    out = tmp_path / "out"
    shell("read", pages / "page-001.jpg", other, "--format", "hocr", "--out", out, status=2)
    assert "same file" in shell.err and not out.exists()
    shell("read", pages / "page-001.jpg", other, "--out", tmp_path / "first", "--overlay", status=2)
    shell("read", pages / "page-001.jpg", other, status=3)  # printed, they do not clash; one is blank


def test_evaluation(pages: Path, shell: Shell, tmp_path: Path) -> None:
    found = shell.json("read", "--evaluate", pages, "--out", tmp_path)
    assert found["pages"] == 2 and 0 <= found["character_error_rate"] < 0.5
    assert (tmp_path / "reading.html").read_text().startswith("<!doctype html>")


def test_evaluation_of_pdfs(pages: Path, shell: Shell, tmp_path: Path) -> None:
    Image.open(pages / "page-001.jpg").save(tmp_path / "letter.pdf", resolution=200)
    shutil.copy(pages / "page-001.txt", tmp_path / "letter-1.txt")
    found = shell.json("read", "--evaluate", tmp_path, "--out", tmp_path)
    assert list(found["scores"]) == ["letter.pdf, page 1"] and found["character_error_rate"] < 0.5
    (tmp_path / "letter-2.txt").touch()
    shell("read", "--evaluate", tmp_path, status=2)
    assert "page 2 of 'letter.pdf', which has 1 page." in shell.err and shell.err.count("\n") == 1
    (tmp_path / "letter.pdf").write_text("no PDF")
    shell("read", "--evaluate", tmp_path, status=2)
    assert "damaged" in shell.err and shell.err.count("\n") == 1


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    Image.fromarray(np.full((300, 300), 240, np.uint8)).save(tmp_path / "blank.png")
    return tmp_path / "blank.png"


def test_where_nothing_is_read_a_line_says_why_and_the_status_is_3(blank: Path, shell: Shell, tmp_path: Path) -> None:
    assert shell("read", blank, status=3) == ""
    assert shell.err.startswith(f"{blank}: nothing was read: ") and shell.err.count("\n") == 1
    assert shell("read", blank, "--format", "hocr", status=3).startswith("<?xml")
    shell("read", blank, "--out", tmp_path / "out", status=3)
    assert (tmp_path / "out" / "blank.txt").read_text() == ""
    page = shell.json("read", blank, status=3)["pages"][0]
    assert page["text"] == "" and page["confidence"] == 0 and page["nothing"] in shell.err


@pytest.mark.parametrize("jobs", [1, 2])
def test_pages_beside_one_with_nothing_are_read(pages: Path, blank: Path, shell: Shell, jobs: int) -> None:
    alone = shell("read", pages / "page-001.jpg", pages / "page-002.jpg")
    both = shell("read", pages / "page-001.jpg", blank, pages / "page-002.jpg", "--jobs", jobs, status=3)
    assert both.replace(f"== {blank}\n", "") == alone
    named = [line for line in shell.err.splitlines() if "nothing was read" in line]
    assert len(named) == 1 and named[0].startswith(f"{blank}: ")


def test_words_below_a_confidence_are_marked(pages: Path, shell: Shell, tmp_path: Path) -> None:
    picture = pages / "page-001.jpg"
    plain = shell("read", picture)
    words = [word for line in shell.json("read", picture)["pages"][0]["lines"] for word in line["words"]]
    least = sorted(word["confidence"] for word in words)[2] + 1e-4
    marked = shell("read", picture, "--min-confidence", least)
    wanted = [f"{{{word['text']}}}" if word["confidence"] < least else word["text"] for word in words]
    assert marked.split() == wanted and marked.count("{") == 3
    assert marked.replace("{", "").replace("}", "") == plain
    shell("read", picture, "--min-confidence", least, "--out", tmp_path)
    assert (tmp_path / "page-001.txt").read_text() == marked
    shell("read", picture, "--min-confidence", 1.5, status=2)


def test_wrong_input(pages: Path, shell: Shell, tmp_path: Path) -> None:
    page = pages / "page-001.jpg"
    shell("read", status=2)
    shell("read", page, "--format", "doc", status=2)
    shell("read", page, "--alphabet", "é", status=2)
    shell("read", page, "--words", tmp_path / "none", status=2)
    shell("read", tmp_path / "none.jpg", status=2)
    shell("read", tmp_path, status=2)
    assert "holds no pictures" in shell.err
    shell("read", page, "--model", page, status=2)
    shell("read", "--evaluate", tmp_path, status=2)
    shell("read", page, "--evaluate", pages, status=2)
    shell("read", "--evaluate", pages, "--pages", "1", status=2)
    assert "leave out --pages" in shell.err
    shell("synthesise", "--text", tmp_path / "none", status=2)
    (tmp_path / "bad.txt").write_text("naïve")
    shell("synthesise", "--text", tmp_path / "bad.txt", "--out", tmp_path / "x", status=2)
    assert not (tmp_path / "x").exists()


def test_what_can_be_read_is_read_beside_what_cannot(
    pages: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    assert main(["read", str(tmp_path / "bad.jpg"), str(pages / "page-001.jpg")]) == 2
    shown = capfd.readouterr()
    assert "== " in shown.out and "bad.jpg: not read" in shown.err and "1 of 2 pages" in shown.err


@pytest.mark.parametrize("names", [("page-001.jpg",), ("page-001.jpg", "page-002.jpg")])
def test_what_cannot_be_written_is_told_in_the_words_of_the_command_line(
    pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], names: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    assert main(["read", *(str(pages / name) for name in names), "--out", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err.count("Free some space or choose another place (--out).") == len(names)


@pytest.fixture(scope="module")
def letter(pages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PDF: the first page, one with nothing on it, the second page."""
    sheets = [Image.open(pages / "page-001.jpg"), Image.new("RGB", (300, 300), "white")]
    sheets.append(Image.open(pages / "page-002.jpg"))
    file = tmp_path_factory.mktemp("letter") / "letter.pdf"
    sheets[0].save(file, save_all=True, append_images=sheets[1:], resolution=200)
    return file


def test_the_pages_of_a_pdf_are_read(letter: Path, shell: Shell, tmp_path: Path) -> None:
    found = shell.json("read", letter, "--out", tmp_path, "--format", "json", status=3)
    assert [(page["picture"], page["page"]) for page in found["pages"]] == [(str(letter), n) for n in (1, 2, 3)]
    assert [bool(page["nothing"]) for page in found["pages"]] == [False, True, False]
    assert f"{letter}, page 2: nothing was read: " in shell.err
    assert [Path(file).name for file in found["files"]] == ["letter-1.json", "letter-2.json", "letter-3.json"]
    texts = [page["text"] for page in found["pages"]]
    assert "42" in texts[0] and len(texts[0].splitlines()) == 2
    assert shell("read", letter, "--jobs", 2, status=3).split("\f") == [f"{texts[0]}\n", "", f"{texts[2]}\n"]


def test_pages_of_a_pdf_are_chosen(letter: Path, pages: Path, shell: Shell, tmp_path: Path) -> None:
    found = shell.json("read", letter, "--pages", "3", "--format", "hocr", "--out", tmp_path)
    assert [page["page"] for page in found["pages"]] == [3]
    assert 'image "letter.pdf"' in (tmp_path / "letter-3.hocr").read_text()
    shell("read", letter, "--pages", "4", status=2)
    assert "has 3 pages; there is no page 4" in shell.err
    shell("read", letter, "--pages", "two", status=2)
    shell("read", pages / "page-001.jpg", "--pages", "1", status=2)
    assert "--pages chooses pages of PDFs" in shell.err


def test_pdfs_beside_pictures(letter: Path, shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What reading wrote there, and a damaged one."""
    shutil.copy(letter, tmp_path)
    Image.new("L", (60, 60), 255).save(tmp_path / "blank.png")
    for made in ("blank.pdf", "letter-1.pdf", "broken.pdf"):
        (tmp_path / made).write_text("no PDF")
    assert main(["read", str(tmp_path), "--pages", "2", "--json"]) == 2
    shown = capsys.readouterr()
    found = json.loads(shown.out.splitlines()[-1])
    assert [Path(page["picture"]).name for page in found["pages"]] == ["blank.png", "letter.pdf"]
    (error,) = found["errors"]
    assert Path(error["picture"]).name == "broken.pdf" and "no PDF" in error["error"]
    assert "1 of 3 pages could not be read" in shown.err and "broken.pdf: not read. " in shown.err
    shell("read", tmp_path / "broken.pdf", status=2)
    assert shell.err.count("\n") == 1
