"""From a picture of any size to the pixels of a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from glassnet.data import Reading, hold_out, join, load, read_picture
from glassnet.data.dataset import Splits
from glassnet.data.steps import interpolation_matrix
from glassnet.errors import DataError, NotationError
from support.data_files import one_line_error, write_classes, write_picture

FILES = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_notation_both_ways() -> None:
    known = (
        ("stretch", Reading()),
        ("stretch, bicubic", Reading(bicubic=True)),
        ("shortest-side 256 -> centre-crop", Reading(256)),
        ("shortest-side 256, bicubic -> centre-crop", Reading(256, bicubic=True)),
    )
    for text, reading in known:
        assert Reading.parse(text) == reading and reading.notation() == text
    wrong = (
        "", "crop", "stretch 3", "shortest-side 256", "centre-crop", "shortest-side -> centre-crop",
        "shortest-side 0 -> centre-crop", "shortest-side 9999 -> centre-crop", "shortest-side 2.5 -> centre-crop",
        "shortest-side 256 -> centre-crop 224", "stretch -> stretch", "shortest-side 256 3 -> centre-crop",
        "shortest-side 256, bicubic 3 -> centre-crop", "shortest-side 256 -> centre-crop, bicubic",
    )  # fmt: skip
    for text in wrong:
        with pytest.raises(NotationError):
            Reading.parse(text)
    for side in (0, -3, True, 2.0, "8"):
        with pytest.raises(NotationError):
            Reading(side)  # type: ignore[arg-type]


def test_bicubic_is_pillows(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    file = write_picture(tmp_path / "x.png", pixels)
    wanted = np.asarray(Image.fromarray(pixels).resize((12, 8), Image.Resampling.BICUBIC))[:, 2:10]
    found = read_picture(file, (8, 8, 3), Reading(8, bicubic=True))
    np.testing.assert_array_equal(found, wanted)
    assert (found != read_picture(file, (8, 8, 3), Reading(8))).any()


@FILES
@given(st.integers(1, 60), st.integers(1, 60), st.integers(4, 20), st.integers(1, 4), st.integers(1, 4))
def test_the_middle_of_the_resized_picture(
    tmp_path: Path, height: int, width: int, side: int, window_height: int, window_width: int
) -> None:
    rng = np.random.default_rng([height, width])
    pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
    file = write_picture(tmp_path / "x.png", pixels)
    found = read_picture(file, (window_height, window_width, 3), Reading(side))
    # The shortest side becomes `side`, the other keeps its ratio, whole pixels down.
    shortest = min(height, width)
    down, across = height * side // shortest, width * side // shortest
    resized = np.einsum(
        "yh,xw,hwc->yxc", interpolation_matrix(height, down), interpolation_matrix(width, across), pixels.astype(float)
    )
    top, left = round((down - window_height) / 2), round((across - window_width) / 2)
    wanted = resized[top : top + window_height, left : left + window_width]
    assert found.shape == wanted.shape == (window_height, window_width, 3)
    assert np.abs(found - wanted).max() <= 2.0  # Pillow rounds to whole numbers between the two directions


def test_known_places(tmp_path: Path) -> None:
    pixels = np.arange(8 * 13, dtype=np.uint8).reshape(8, 13)
    file = write_picture(tmp_path / "x.png", pixels)
    # Nothing to resize: 8 - 5 = 3 pixels too many downwards, half of which is rounded to the even 2; 13 - 6 = 7 to 4.
    assert (read_picture(file, (5, 6, 1), Reading(8))[:, :, 0] == pixels[2:7, 4:10]).all()
    assert (read_picture(file, (8, 8, 1), Reading(8))[:, :, 0] == pixels[:, 2:10]).all()
    stretched = read_picture(file, (5, 6, 1))
    assert (read_picture(file, (5, 6, 1), Reading()) == stretched).all()
    # A picture lying on its side is turned first.
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = write_picture(tmp_path / "turned.png", pixels, exif=exif.tobytes())
    assert (read_picture(turned, (6, 5, 1), Reading(8))[:, :, 0] == np.rot90(pixels, -1)[4:10, 2:7]).all()


def test_windows_and_strips_that_do_not_fit(tmp_path: Path) -> None:
    file = write_picture(tmp_path / "x.png", np.zeros((4, 4), np.uint8))
    with one_line_error("9x5", "shortest side of 8"):
        read_picture(file, (9, 5, 1), Reading(8))
    strip = write_picture(tmp_path / "strip.png", np.zeros((1, 30_000), np.uint8))
    with one_line_error("strip.png", "too long a strip, 30000 x 1"):
        read_picture(strip, (4, 4, 3), Reading(256))


def test_sets_know_how_they_were_read(tmp_path: Path) -> None:
    write_classes(tmp_path, each=4, shape=(9, 14))
    way = Reading(7)
    found = load(tmp_path, image_size=(6, 6), reading=way).train
    assert found.reading == way and found.image_shape == (6, 6, 1) and load(tmp_path).train.reading == Reading()
    assert (found.images[0] == read_picture(tmp_path / "cat" / "0.png", (6, 6, 1), way)).all()
    rest, held = hold_out(found, 2)
    assert rest.reading == held.reading == join(rest, held).reading == way
    with one_line_error("image size"):
        load(tmp_path, reading=way)
    stretched = load(tmp_path, image_size=(6, 6)).train
    with pytest.raises(DataError, match="read alike"):
        Splits(found, stretched)
