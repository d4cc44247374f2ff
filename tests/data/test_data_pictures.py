"""Pictures, folders of pictures, text lists, flowers and characters."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from glassnet.data import load, read_picture
from glassnet.data.letters36 import load_letters36, normalise_character
from glassnet.data.mat import LETTERS
from glassnet.data.pictures import picture_info, pictures_of
from glassnet.errors import DataError
from support.data_files import one_line_error, write_classes, write_picture

GREY = np.arange(54, dtype=np.uint8).reshape(9, 6)
COLOUR = np.random.default_rng(0).integers(0, 256, (8, 10, 3), np.uint8)
FILES = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_pixels_come_through_unchanged(tmp_path: Path) -> None:
    grey, colour = write_picture(tmp_path / "g.png", GREY), write_picture(tmp_path / "c.png", COLOUR)
    assert (read_picture(grey)[:, :, 0] == GREY).all() and picture_info(grey) == (9, 6, 1)
    assert (read_picture(colour) == COLOUR).all() and picture_info(colour) == (8, 10, 3)
    assert (read_picture(grey, (9, 6, 3)) == GREY[:, :, None]).all()


def test_colour_to_grey_and_size(tmp_path: Path) -> None:
    file = write_picture(tmp_path / "c.png", COLOUR)
    luma = COLOUR @ np.asarray([0.299, 0.587, 0.114])
    assert np.abs(read_picture(file, (8, 10, 1))[:, :, 0] - luma).max() <= 1
    small = read_picture(file, (4, 5, 3))
    assert small.shape == (4, 5, 3) and small.dtype == np.uint8 and abs(small.mean() - COLOUR.mean()) < 12


def test_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    file = write_picture(tmp_path / "turned.png", GREY, exif=exif.tobytes())
    assert (read_picture(file)[:, :, 0] == np.rot90(GREY, -1)).all() and picture_info(file) == (6, 9, 1)


def test_transparent_is_white(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0] = (10, 20, 30, 255)
    file = write_picture(tmp_path / "t.png", pixels)
    assert read_picture(file).tolist() == [[[10, 20, 30], [255] * 3], [[255] * 3, [255] * 3]]
    palette = Image.fromarray(GREY).convert("P")
    palette.save(tmp_path / "p.png", transparency=bytes([0] * 256))
    assert (read_picture(tmp_path / "p.png") == 255).all()


def test_sixteen_bits_are_rounded_to_eight(tmp_path: Path) -> None:
    wide = np.asarray([[0, 257, 65535], [128, 129, 32896]], np.uint16)
    assert read_picture(write_picture(tmp_path / "w.png", wide))[:, :, 0].tolist() == [[0, 1, 255], [0, 1, 128]]


def test_cmyk(tmp_path: Path) -> None:
    Image.new("CMYK", (3, 2), (0, 0, 0, 0)).save(tmp_path / "c.tif")
    assert (read_picture(tmp_path / "c.tif") == 255).all() and picture_info(tmp_path / "c.tif") == (2, 3, 3)


def test_animated_and_floating_point(tmp_path: Path) -> None:
    frames = [Image.new("L", (4, 4), shade) for shade in (0, 99)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with one_line_error("2 frames"):
        read_picture(tmp_path / "a.gif")
    Image.fromarray(np.zeros((3, 3), np.float32)).save(tmp_path / "f.tif")
    with one_line_error("floating-point"):
        read_picture(tmp_path / "f.tif")


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(12_000, 10_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "bomb.png").write_bytes(png_claiming(*size))
    for read in (read_picture, picture_info):
        with one_line_error("bomb.png"):
            read(tmp_path / "bomb.png")


def encoded(kind: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(COLOUR.repeat(4, 0).repeat(4, 1)).save(out, kind)
    return out.getvalue()


@FILES
@given(st.data(), st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"]))
def test_damaged_pictures(tmp_path: Path, data: st.DataObject, kind: str) -> None:
    whole = bytearray(encoded(kind))
    if data.draw(st.booleans()):
        whole = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 5))):
            whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "x.png"
    file.write_bytes(whole)
    try:
        assert read_picture(file, (8, 8, 3)).shape == (8, 8, 3)
    except DataError as error:
        assert "\n" not in str(error) and "x.png" in str(error)


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        read_picture(tmp_path)
    with pytest.raises(DataError, match="holds no pictures"):
        pictures_of([tmp_path])
    for name in ("b.png", "a.jpg", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    found = [tmp_path / "a.jpg", tmp_path / "b.png"]
    assert pictures_of([tmp_path, found[1], tmp_path / "else.png"]) == [*found, tmp_path / "else.png"]


def test_what_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("<html>")
    with one_line_error("x.png"):
        read_picture(tmp_path / "x.png")
    with one_line_error("no picture"):
        read_picture(tmp_path / "absent.png")
    with one_line_error(str(tmp_path)):
        read_picture(tmp_path)
    for shape in ((0, 3, 1), (3, 3, 2), (10**5, 10**5, 3)):
        with one_line_error("H x W"):
            read_picture(tmp_path / "x.png", shape)


# Folders


def test_class_folders(tmp_path: Path) -> None:
    write_classes(tmp_path, ("dog", "cat"))
    (tmp_path / "cat" / "notes.txt").write_text("not a picture")
    (tmp_path / ".hidden").mkdir()
    parts = load(tmp_path)
    assert parts.train.class_names == ("cat", "dog") and parts.train.image_shape == (9, 7, 1)
    assert parts.train.labels.tolist() == [0, 0, 0, 1, 1, 1] and parts.valid is None and not parts.notes
    assert load(tmp_path, image_size=(5, 4)).train.image_shape == (5, 4, 1)
    held = load(tmp_path, validation=2, seed=1)
    assert held.valid is not None and held.valid.counts().tolist() == [1, 1] and len(held.train) == 4


def test_different_sizes_and_colours(tmp_path: Path) -> None:
    write_classes(tmp_path)
    write_picture(tmp_path / "cat" / "wide.jpg", COLOUR)
    parts = load(tmp_path)
    assert parts.train.image_shape == (32, 32, 3) and "9x7 to 8x10" in parts.notes[0] and "32x32" in parts.notes[0]
    assert not load(tmp_path, image_size=(9, 7)).notes


def test_folders_for_the_parts(tmp_path: Path) -> None:
    for part, each in (("train", 4), ("val", 2), ("test", 1)):
        write_classes(tmp_path / part, each=each)
    parts = load(tmp_path)
    assert parts.valid is not None and parts.test is not None
    assert (len(parts.train), len(parts.valid), len(parts.test)) == (8, 4, 2)
    joined = load(tmp_path, validation=0)
    assert len(joined.train) == 12 and joined.valid is None
    write_classes(tmp_path / "test", ("bird",))
    with one_line_error("bird"):
        load(tmp_path)


def test_folders_that_are_no_data_set(tmp_path: Path) -> None:
    with one_line_error("Got none"):
        load(tmp_path)
    write_classes(tmp_path, ("cat",))
    with one_line_error("only 'cat'"):
        load(tmp_path)
    (tmp_path / "dog").mkdir()
    with one_line_error("dog", "no pictures"):
        load(tmp_path)
    (tmp_path / "dog" / "a.png").write_bytes(b"\x89PNG")
    with one_line_error("a.png"):
        load(tmp_path)
    with one_line_error("single picture"):
        load(tmp_path / "cat" / "0.png")


def test_a_set_larger_than_memory_stays_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.data.gathering.machine_memory", lambda: 2**30)
    write_classes(tmp_path, ("cat", "dog"))
    for number in range(100):
        (tmp_path / "dog" / f"link{number}.png").symlink_to(tmp_path / "dog" / "0.png")
    whole = load(tmp_path, image_size=(4096, 4096)).train  # 1.6 GiB or more
    assert len(whole) > 100 and whole.images[[-1]].shape[:3] == (1, 4096, 4096)
    with one_line_error("GiB"):
        np.asarray(whole.images)


# Lists


def write_lists(folder: Path) -> None:
    write_classes(folder)
    (folder / "train_files.txt").write_text("cat/0.png\ndog/0.png\ncat/1.png\n")
    (folder / "train_labels.txt").write_text("0\n1\n0\n")
    (folder / "test_files.txt").write_text("dog/2.png\n")
    (folder / "test_labels.txt").write_text("1\n")
    (folder / "class_names.txt").write_text("cat\ndog\n")


def test_text_lists(tmp_path: Path) -> None:
    write_lists(tmp_path)
    parts = load(tmp_path)
    assert parts.train.labels.tolist() == [0, 1, 0] and parts.train.class_names == ("cat", "dog")
    assert parts.test is not None and (parts.test.images[0] == read_picture(tmp_path / "dog" / "2.png")).all()
    (tmp_path / "class_names.txt").unlink()
    assert load(tmp_path).train.class_names == ("0", "1")


@pytest.mark.parametrize(
    ("file", "text", "word"),
    [
        ("train_files.txt", "cat/0.png\ndog/absent.png\ncat/1.png\n", "absent.png"),
        ("train_files.txt", "cat/0.png\n../outside.png\ncat/1.png\n", "outside"),
        ("train_files.txt", "cat/0.png\n" + "x" * 5000 + "\ncat/1.png\n", "does not exist"),
        ("train_files.txt", "cat/0.png\n", "3 labels"),
        ("train_files.txt", "\n", "names 0 pictures"),
        ("train_labels.txt", "0\none\n0\n", "Line 2"),
        ("train_labels.txt", "0\n-1\n0\n", "Line 2"),
        ("train_labels.txt", "0\n7\n0\n", "a label is 7"),
        ("class_names.txt", "cat\n", "a label is 1"),
        ("test_labels.txt", "", "0 labels"),
    ],
)
def test_lists_that_do_not_fit(tmp_path: Path, file: str, text: str, word: str) -> None:
    write_lists(tmp_path)
    write_picture(tmp_path.parent / "outside.png", GREY)
    (tmp_path / file).write_text(text)
    with one_line_error(word):
        load(tmp_path)


def test_lists_that_are_missing_or_no_text(tmp_path: Path) -> None:
    write_lists(tmp_path)
    (tmp_path / "train_labels.txt").write_bytes(b"\xff\xfe\x00")
    with one_line_error("UTF-8"):
        load(tmp_path)
    (tmp_path / "train_labels.txt").unlink()
    with one_line_error("train_labels.txt"):
        load(tmp_path)


# Flowers and characters


def test_flowers(tmp_path: Path) -> None:
    for number in (1, 2, 79, 80, 81, 82, 83, 160, 1360):
        write_picture(tmp_path / "jpg" / f"image_{number:04d}.jpg", COLOUR)
    parts = load(tmp_path)
    whole = [p for p in (parts.train, parts.valid, parts.test) if p is not None]
    assert sum(p.counts() for p in whole).tolist() == [4, 4] + [0] * 14 + [1]
    assert parts.train.class_names[0] == "daffodil" and "fixed seed" in parts.notes[0]


def drawn_character() -> np.ndarray:
    """A dark cross on grey paper with a shadow and a bit of the next line at the border."""
    picture = np.linspace(150, 190, 40)[None, :].repeat(36, 0)
    picture[8:28, 18:20] -= 90
    picture[17:19, 10:28] -= 90
    picture[35, 5:8] -= 90
    return picture.astype(np.uint8)[..., None]


def test_a_character_is_dark_on_white_centred_and_clean() -> None:
    made = normalise_character(drawn_character())
    assert made.shape == (32, 32, 1) and made.dtype == np.uint8
    ink = made[:, :, 0] < 128
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert (
        rows[0] >= 2
        and rows[-1] <= 29
        and abs(rows[0] + rows[-1] - 31) <= 2
        and abs(columns[0] + columns[-1] - 31) <= 3
    )
    assert made.max() == 255 and made.min() < 30 and (made[[0, 1, 30, 31]] == 255).all()
    assert (normalise_character(np.full((20, 20, 1), 170, np.uint8)) == 255).all()


def test_letters36(tmp_path: Path) -> None:
    cases = (
        [("upper", c) for c in LETTERS[:26]]
        + [("lower", c.lower()) for c in LETTERS[:26]]
        + [("digit", c) for c in LETTERS[26:]]
    )
    for kind, character in cases:
        for number in range(10):
            write_picture(tmp_path / f"{kind}_{character}" / f"{number:03d}.png", drawn_character()[:, :, 0])
    parts = load_letters36(tmp_path)
    assert parts.valid is not None and parts.test is not None and parts.train.class_names == LETTERS
    assert parts.train.counts().tolist() == [14] * 26 + [7] * 10
    assert parts.valid.counts().tolist() == [2] * 26 + [1] * 10 and parts.test.counts().tolist() == [4] * 26 + [2] * 10
    assert "blocks" in parts.notes[0] and parts.train.sha256 == load_letters36(tmp_path).train.sha256
    (tmp_path / "digit_0" / "000.png").unlink()
    with one_line_error("digit_0"):
        load_letters36(tmp_path)
    for file in (tmp_path / "digit_0").iterdir():
        file.unlink()
    (tmp_path / "digit_0").rmdir()
    with one_line_error("61 of them"):
        load_letters36(tmp_path)
