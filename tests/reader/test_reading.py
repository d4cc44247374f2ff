"""Whole pages: what is written is read, whatever the paper, the light and the way it lies; and what is not a page."""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from threadpoolctl import threadpool_info, threadpool_limits

from glassnet.data import Preprocess
from glassnet.errors import DataError, GlassnetError, ModelError, ReaderError
from glassnet.model import Model
from glassnet.nn import Network, parse_loss
from glassnet.reader import Page, PieceReader, Recogniser, read, read_words
from glassnet.reader.alphabet import ALPHABET, parse_alphabet
from glassnet.reader.evaluate import compare
from glassnet.reader.synthesis import Paper, synthesise
from support.handwriting import CAMERA, HAND, LAYOUT, TEXT, written


def _errors(page: Page, text: str = TEXT) -> int:
    return compare("", page.text, text).character_errors


def test_a_plain_page() -> None:
    page = read(written())
    assert _errors(page) <= 1
    assert [len(line.words) for line in page.lines] == [3, 4, 4]
    assert page.turned == 0.0
    for c in page.characters:
        assert 0 < c.confidence <= 1 and c.crop is not None and c.crop.shape == (32, 32)
        assert c.confidence + sum(p for _, p in c.alternatives) < 1 + 1e-6
        assert 0 <= c.box.left < c.box.right <= page.width and 0 <= c.box.top < c.box.bottom <= page.height


def test_boxes_lie_where_the_characters_are() -> None:
    rng = np.random.default_rng(11)
    pixels, truth = synthesise(TEXT, rng, hand=HAND, layout=LAYOUT, paper=Paper(), camera=replace(CAMERA, turn=5.0))
    found = np.array([[c.box.left + c.box.right, c.box.top + c.box.bottom] for c in read(pixels).characters]) / 2
    there = np.array([[c.box.left + c.box.right, c.box.top + c.box.bottom] for c in truth.characters]) / 2
    nearest = np.abs(found[None] - there[:, None]).max(axis=2).min(axis=1)
    assert (nearest < 10).mean() > 0.95


@pytest.mark.parametrize(
    "paper",
    [
        Paper(colour=(250.0, 235.0, 120.0), pen=(30.0, 30.0, 130.0)),
        Paper(colour=(150.0, 150.0, 148.0), pen=(70.0, 70.0, 72.0), darkness=0.6),  # pencil on grey
        Paper(rules="ruled"),
        Paper(rules="squared", rule_strength=0.4),
    ],
)
def test_papers_and_pens(paper: Paper) -> None:
    assert _errors(read(written(paper))) <= 3


@pytest.mark.parametrize("turn", [-15.0, -6.0, 9.0, 15.0])
def test_skew(turn: float) -> None:
    page = read(written(camera=replace(CAMERA, turn=turn)))
    assert _errors(page) <= 2 and abs(page.turned - turn) < 1.5


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_pages_on_their_side_and_upside_down(quarter: int) -> None:
    page = read(written(camera=replace(CAMERA, quarter_turns=quarter, turn=3.0)))
    assert _errors(page) <= 3
    assert abs((page.turned - 90 * quarter - 3.0 + 180) % 360 - 180) < 1.5


def test_light_on_dark_and_grey() -> None:
    assert _errors(read(255 - written())) <= 2
    grey = written().mean(axis=2).astype(np.uint8)
    assert _errors(read(grey)) <= 2


@pytest.mark.parametrize("factor", [0.28, 0.6, 2.5])
def test_sizes(factor: float) -> None:
    image = Image.fromarray(written())
    size = (round(image.width * factor), round(image.height * factor))
    assert _errors(read(np.asarray(image.resize(size, Image.Resampling.LANCZOS)))) <= 4


def test_shadow_and_gradient() -> None:
    assert _errors(read(written(camera=replace(CAMERA, shadow=0.5, gradient=0.4)))) <= 2


# ---- alphabets and words ---------------------------------------------------------------------------------------------


def test_alphabets() -> None:
    assert parse_alphabet("full") == ALPHABET
    assert parse_alphabet("0-9") == "0123456789"
    assert parse_alphabet("A-CX.") == "ABCX."
    assert parse_alphabet("+-") == "-+"
    for bad in ("", "é", "A-é", "ab~"):
        with pytest.raises(ReaderError, match="alphabet"):
            parse_alphabet(bad)


def test_only_the_alphabet_is_read() -> None:
    pixels = written(text="105 217\n849 630")
    assert read(pixels, alphabet="0-9").text == "105 217\n849 630"
    assert set(read(written(), alphabet="A-Z").text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ \n")


def test_what_the_alphabet_leaves_out_is_left_out() -> None:
    """Not forced into a figure: letters beside figures, full stops, signs; nor is the page taken for none."""
    pixels = written(text="1. MAKE HAY\n2. BURN WAX\n3. 47 - 95")
    assert read(pixels, alphabet="0-9").text == "1\n2\n3 47 95"
    page = read(pixels, alphabet="0-9")
    assert {text for c in page.characters for text, _ in c.alternatives} <= set("0123456789")
    letters = read(pixels, alphabet="A-Z").text  # a figure may look like a letter
    assert "MAKE HAY" in letters and "BURN WAX" in letters and len(letters) < 24
    assert read(pixels, alphabet=".-").text == ".\n.\n. -"


def test_one_thread_pool_works_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy's own threads would spin between small products, and take the processor from other pages."""
    seen = []
    probabilities = Recogniser.probabilities

    def watched(self: Recogniser, crops: np.ndarray, *, second_look: bool = True) -> np.ndarray:
        seen.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return probabilities(self, crops, second_look=second_look)

    monkeypatch.setattr(Recogniser, "probabilities", watched)
    with threadpool_limits(2, user_api="blas"):
        read(written())
        after = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert seen and set(seen) == {1} and set(after) == {2}


def test_word_lists(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("Read\n this \n\nPAGE\n")
    assert read_words(file) == {"read", "this", "page"}
    with pytest.raises(GlassnetError, match="word list"):
        read_words(tmp_path / "none.txt")
    assert _errors(read(written(), words=read_words(file))) <= 1


# ---- what is not a page ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(6))
def test_blank_pages_give_no_text(number: int) -> None:
    rng = np.random.default_rng(number)
    light = np.linspace(rng.uniform(0.4, 1), 1, 500)[:, None, None] * np.ones((500, 400, 3))
    pixels = np.clip(rng.uniform(90, 250) * light + rng.normal(0, rng.uniform(0, 5), (500, 400, 3)), 0, 255)
    assert read(pixels.astype(np.uint8)).text == ""


def test_pictures_without_writing() -> None:
    y, x = np.mgrid[0:300, 0:400]
    waves = (127 + 90 * np.sin(x / 23.0) * np.cos(y / 31.0)).astype(np.uint8)
    assert len(read(waves).characters) <= 2
    for size in [(1, 1), (1, 400), (5, 5), (9, 9)]:
        assert read(np.full((*size, 3), 100, np.uint8)).text == ""


def _png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def _save(image: Image.Image, path: Path, **settings: object) -> Path:
    image.save(path, **settings)
    return path


def _truncated(folder: Path) -> Path:
    path = _save(Image.fromarray(written()), folder / "t.jpg")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def _animated(folder: Path) -> Path:
    frames = [Image.new("L", (20, 20), v) for v in (0, 90, 200)]
    frames[0].save(folder / "a.gif", save_all=True, append_images=frames[1:])
    return folder / "a.gif"


def _written_bytes(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


REFUSED: list[Callable[[Path], Path]] = [
    lambda folder: _written_bytes(folder, "bomb.png", _png_that_claims(20_000, 10_000)),
    lambda folder: _written_bytes(folder, "scan.pdf", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"),
    lambda folder: _written_bytes(folder, "text.jpg", b"this is not a picture"),
    lambda folder: _written_bytes(folder, "empty.png", b""),
    lambda folder: folder / "missing.jpg",
    lambda folder: folder,
    _truncated,
    _animated,
]


@pytest.mark.parametrize("make", REFUSED)
def test_bad_files_are_refused_in_one_line(make: Callable[[Path], Path], tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(make(tmp_path))
    assert "\n" not in str(caught.value)


def test_unusual_pictures_are_read(tmp_path: Path) -> None:
    image = Image.fromarray(written())
    files = [
        _save(image.convert("CMYK"), tmp_path / "cmyk.jpg", quality=92),
        _save(Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257), tmp_path / "deep.tif"),
        _save(image.convert("RGBA"), tmp_path / "a.png"),
        _save(image.convert("P", palette=Image.Palette.ADAPTIVE), tmp_path / "p.gif"),
    ]
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    files.append(_save(image.rotate(180), tmp_path / "turned.jpg", exif=exif, quality=92))
    for file in files:
        page = read(file)
        assert _errors(page) <= 2, file
    assert page.turned == 0.0


@pytest.mark.parametrize(
    ("array", "got"),
    [
        (np.zeros((3, 3)), "(3, 3, 1) of float64"),
        (np.zeros((3, 3, 4), np.uint8), "(3, 3, 4) of uint8"),
        (np.zeros(9, np.uint8), "(9,) of uint8"),
        (np.zeros((0, 5), np.uint8), "(0, 5, 1) of uint8"),
        (None, "() of object"),
    ],
)
def test_bad_arrays(array: object, got: str) -> None:
    with pytest.raises(ReaderError, match=re.escape(f"uint8. Got {got}.")):
        read(array)  # type: ignore[arg-type]


def test_an_empty_name_is_no_picture() -> None:
    with pytest.raises(DataError, match="'' is a folder"):
        read("")


def test_another_model_must_have_the_same_classes() -> None:
    network = Network("linear 3", (32, 32, 1), 3)
    loss = parse_loss("softmax-cross-entropy")
    model = Model(network, Preprocess.parse("scale"), (32, 32, 1), ("a", "b", "c"), loss)
    with pytest.raises(ModelError, match="reader-characters"):
        Recogniser(model)


# ---- photographs -----------------------------------------------------------------------------------------------------

PAGES = Path(os.environ.get("GLASSNET_DATA", "nowhere").split(os.pathsep)[0]) / "handwriting" / "pages"


@pytest.mark.skipif(not PAGES.is_dir(), reason="GLASSNET_DATA holds no photographed pages")
@pytest.mark.parametrize(
    ("name", "least", "lines"), [("01_list", 0.97, 8), ("03_haiku", 0.97, 3), ("alphabet_twice", 0.84, 6)]
)
def test_photographed_pages(name: str, least: float, lines: int) -> None:
    page = read(PAGES / f"{name}.jpg")
    assert len(page.lines) == lines
    assert compare(name, page.text, (PAGES / f"{name}.txt").read_text()).score >= least


@pytest.mark.skipif(not PAGES.is_dir(), reason="GLASSNET_DATA holds no photographed pages")
@pytest.mark.parametrize(
    ("name", "rows"),
    [("rows_224352", [10] * 8), ("rows_225220", [11] * 7), ("rows_232858", [10, 11, 11, 11, 11, 11, 11, 12])],
)
def test_every_character_of_a_row_is_boxed(name: str, rows: list[int]) -> None:
    """Counted by eye; marks that a pen left are not counted, nor what the page's edge has left of a row."""
    page = PieceReader().read(PAGES / f"{name}.jpg")
    counts = [sum(c.text.isalnum() for word in line.words for c in word.characters) for line in page.lines]
    assert [count for count in counts if count > 2] == rows
