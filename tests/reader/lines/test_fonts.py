"""Lines in handwriting fonts. Without a folder of fonts they are written in the one that Pillow brings along."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from glassnet.data.unipen import PARTS, part_of
from glassnet.errors import ReaderError
from glassnet.nn.kernels.stamps import stamp
from glassnet.reader.lines.alphabet import CHARACTERS
from glassnet.reader.lines.faces import BUILT_IN, Font, face_of, read_fonts
from glassnet.reader.lines.fonts import FontWriter, Manner
from glassnet.reader.lines.texts import Texts

PLAIN = Manner(
    whole=False, slant=0, stretch=1, spacing=0, gap=1, turn=0, lift=0, uneven=0, wander=0, waves=1, thickness=0.2
)  # fmt: skip


@pytest.fixture(scope="module")
def writer() -> FontWriter:
    return FontWriter(None, texts=Texts({"some": 3, "words": 2}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Fonts under names of all three parts: the built-in one, joined, printed and in capitals."""
    built_in = ImageFont.load_default(20)
    assert isinstance(built_in, ImageFont.FreeTypeFont)
    rows = ["file\tstyle\treal_looking_1to5\tmissing_ascii"]
    for k in range(40):
        (tmp_path / f"{k}.ttf").write_bytes(built_in.font_bytes)
        rows.append(f"{k}.ttf\t{('joined', 'printed', 'printed-caps')[k % 3]}\t{2 + k % 4}\t{'~%' * (k % 2)}")
    (tmp_path / "index.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


def test_a_stamp_lands_where_its_place_says() -> None:
    """A dot of 3 x 2 pixels with a border: moved, doubled, and lowered by the wave."""
    picture = np.pad(np.full((2, 3), 200, np.uint8), 1)
    shapes, pixels = np.array([picture.shape]), picture.reshape(-1)
    canvas = np.zeros((12, 16), np.uint8)
    stamp(canvas, pixels, shapes, np.array([[1.0, 0, 4, 0, 1, 2]]), np.zeros(16))
    expected = np.zeros_like(canvas)
    expected[3:5, 5:8] = 200
    np.testing.assert_array_equal(canvas, expected)
    canvas[:] = 0
    stamp(canvas, pixels, shapes, np.array([[2.0, 0, 4, 0, 2, 2]]), np.where(np.arange(16) < 9, 0.0, 3.0))
    assert canvas[4:7, 6:9].min() == 200 and canvas[7:10, 9:11].min() == 200, "the right part is three rows lower"
    assert canvas[3, 6:9].tolist() == [100] * 3 and canvas[:3].max() == 0, "half a pixel of each edge is soft"


def test_where_stamps_meet_the_darker_stays() -> None:
    light, dark = np.pad(np.full((2, 2), 90, np.uint8), 1), np.pad(np.full((2, 2), 210, np.uint8), 1)
    places = np.array([[1.0, 0, 2, 0, 1, 2], [1.0, 0, 3, 0, 1, 2]])
    for pair, order in ((np.stack([light, dark]), places), (np.stack([dark, light]), places[::-1])):
        canvas = np.zeros((8, 8), np.uint8)
        stamp(canvas, pair.reshape(-1), np.array([[4, 4]] * 2), np.ascontiguousarray(order), np.zeros(8))
        assert canvas[3, 2:7].tolist() == [0, 90, 210, 210, 0]


def test_the_same_key_gives_the_same_line(writer: FontWriter) -> None:
    (first, text), (second, again), (third, _) = (writer.line(np.random.default_rng(seed), 20) for seed in (3, 3, 4))
    assert text == again and np.array_equal(first, second)
    assert first.shape != third.shape or not np.array_equal(first, third)


def test_ink_fills_its_picture(writer: FontWriter) -> None:
    for seed in range(20):
        ink, text = writer.write("Glass (jpg) 12", np.random.default_rng(seed), height=28)
        assert text == "Glass (jpg) 12" and ink.dtype == np.float32
        assert ink.min() >= 0 and 0.9 < ink.max() <= 1
        assert 24 <= ink.shape[0] <= 34 and min(ink[0].max(), ink[-1].max(), ink[:, 0].max(), ink[:, -1].max()) > 0.1
        assert 0.02 < ink.mean() < 0.5


def test_letters_stand_as_the_font_sets_them(writer: FontWriter) -> None:
    """Without any deviation a line is what Pillow draws at that size, reduced."""
    face = face_of(BUILT_IN, 64)
    drawn = face.mask("Hxg").pixels
    ink, _ = writer.write("Hxg", np.random.default_rng(0), height=40, manner=PLAIN, font=BUILT_IN)
    columns = np.flatnonzero((drawn > 60).any(axis=0))
    scale = ink.shape[0] / np.ptp(np.flatnonzero((drawn > 60).any(axis=1)))
    assert ink.shape[1] == pytest.approx(np.ptp(columns) * scale, abs=3)


def test_manners_change_what_they_say(writer: FontWriter) -> None:
    def written(text: str = "hill mm", **changed: object) -> np.ndarray:
        manner = Manner(**{**PLAIN.__dict__, **changed})  # type: ignore[arg-type]
        return writer.write(text, np.random.default_rng(0), height=30, manner=manner)[0]

    plain = written()
    assert written(spacing=0.5).shape[1] > plain.shape[1] + 20
    assert written(gap=3.0).shape[1] > plain.shape[1] + 15
    assert written(stretch=1.4).shape[1] == pytest.approx(1.4 * plain.shape[1], rel=0.1)
    assert written(thickness=0.3).sum() > 1.1 * plain.sum() > 1.3 * written(thickness=0.1).sum()
    upright, leaning = written("l"), written("l", slant=0.3)
    rows = (len(leaning) // 4, 3 * len(leaning) // 4)
    top, bottom = (np.average(np.arange(leaning.shape[1]), weights=leaning[row]) for row in rows)
    assert top - bottom == pytest.approx(0.3 * (rows[1] - rows[0]), abs=0.5)
    assert upright.shape[1] + 4 < leaning.shape[1]


def test_thick_strokes_are_measured_as_thicker() -> None:
    face = face_of(BUILT_IN, 96)
    bar = face.glyph("l").pixels
    columns = np.flatnonzero(bar[bar.shape[0] // 2] > 127)
    assert face.thickness == pytest.approx(len(columns), rel=0.25)


def test_fonts_are_split_by_their_names(folder: Path) -> None:
    parts = {part: {font.name for font in FontWriter(folder, part).fonts} for part in PARTS}
    assert set.union(*parts.values()) == {f"{k}.ttf" for k in range(40)}
    assert sum(map(len, parts.values())) == 40 and all(parts.values())
    assert all(part_of(name) == part for part, names in parts.items() for name in names)
    shares = [part_of(f"font-{k}.ttf") for k in range(4000)]
    assert [shares.count(part) / 4000 for part in PARTS] == pytest.approx([0.8, 0.1, 0.1], abs=0.02)


def test_the_index_says_how_a_font_is_used(folder: Path) -> None:
    writer = FontWriter(folder)
    joined, printed, capitals = writer.fonts[:3]
    assert joined.joined and not printed.joined and capitals.capitals and not printed.capitals
    rng = np.random.default_rng(0)
    assert writer.write("Stop here", rng, font=capitals)[1] == "STOP HERE"
    assert writer.write("Stop here", rng, font=joined)[1] == "Stop here"
    chosen = {writer._choose("5%", np.random.default_rng(k), 64).name for k in range(30)}
    assert chosen <= {font.name for font in writer.fonts if "%" not in font.missing} and len(chosen) > 5
    shouted = [writer._choose("LOUD", np.random.default_rng(k), 64).joined for k in range(60)]
    assert sum(shouted) < 10


def test_blank_and_doubled_characters_are_missing(tmp_path: Path) -> None:
    assert face_of(BUILT_IN, 64).missing == frozenset(), "the built-in font has all of ASCII"
    assert face_of(Font("other", missing="~"), 64).missing == {"~"}
    assert len(CHARACTERS) == 95


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        ("file\tkind\na.ttf\tjoined\n", "no index of fonts"),
        ("file\tstyle\treal_looking_1to5\na.ttf\tsquare\t3\n", "no index of fonts"),
        ("", "no index of fonts"),
    ],
)
def test_what_is_wrong_with_an_index(tmp_path: Path, content: str | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "index.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(ReaderError, match=reason):
        read_fonts(tmp_path)


def test_what_cannot_be_written(writer: FontWriter, folder: Path) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ReaderError, match="empty"):
        writer.write("  ", rng)
    with pytest.raises(ReaderError, match="given no texts"):
        FontWriter(None).line(rng, 5)
    with pytest.raises(ReaderError, match="train, valid, test"):
        FontWriter(None, "validation")
    (folder / "0.ttf").write_bytes(b"nothing of a font")
    with pytest.raises(ReaderError, match=r"Cannot read the font .*0\.ttf"):
        FontWriter(folder).write("some", rng)
    shutil.copy(folder / "1.ttf", folder / "0.ttf")
    (folder / "index.tsv").write_text("file\tstyle\treal_looking_1to5\tmissing_ascii\n0.ttf\tprinted\t3\t$\n", "utf-8")
    with pytest.raises(ReaderError, match="has all characters"):
        FontWriter(folder).write("$5", rng)
    with pytest.raises(ReaderError, match="none of the part"):
        FontWriter(folder, "test")
