"""Which way is up: a page stays as it was shot unless whole lines read clearly better another way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.reader import read
from glassnet.reader.evaluate import compare
from glassnet.reader.pages import made_up_lines
from glassnet.reader.synthesis import draw_camera, synthesise
from support.handwriting import CAMERA, HAND, LAYOUT, written


def _figures(rng: np.random.Generator, most: int) -> str:
    return "\n".join(str(rng.integers(most)) for _ in range(7))


@pytest.mark.parametrize("most", [10, 100])
def test_columns_of_figures_are_not_turned(most: int) -> None:
    """Short lines under each other look like long ones from the side, and figures like other figures upside down."""
    for number in (0, 3, 4):
        rng = np.random.default_rng((6 if most == 10 else 7, number))
        text = _figures(rng, most)
        page = read(synthesise(text, rng, camera=draw_camera(rng))[0])
        assert abs(page.turned) < 20, number
        assert compare("", page.text, text).score > 0.5


def test_a_table_of_like_figures_is_not_turned() -> None:
    rng = np.random.default_rng((12, 0))
    page = read(synthesise("\n".join(" ".join("3" * 8) for _ in range(6)), rng, camera=draw_camera(rng))[0])
    assert page.text.replace(" ", "") == "\n".join(["3" * 8] * 6)


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_short_lists_are_turned_back(quarter: int) -> None:
    for number in range(1):
        rng = np.random.default_rng((10, number))
        text = "\n".join(made_up_lines(rng, 1).split()[0] for _ in range(5))
        pixels = synthesise(text, rng, hand=HAND, layout=LAYOUT, camera=CAMERA)[0]
        turned = read(np.ascontiguousarray(np.rot90(pixels, -quarter))).turned
        assert abs((turned - 90 * quarter + 180) % 360 - 180) < 10


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_in_a_file_comes_first(orientation: int, tmp_path: Path) -> None:
    """EXIF 2.32, 4.6.4 A: what has to be done to see the picture upright; it is undone here with Pillow's names."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    image = Image.fromarray(written())
    size = image.size
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = image.transpose(undo[orientation]) if orientation in undo else image
    stored.save(tmp_path / "page.jpg", exif=exif, quality=95)
    page = read(tmp_path / "page.jpg")
    assert page.turned == 0.0 and (page.width, page.height) == size
    assert page.text.splitlines()[0] == "READ THIS PAGE"
    right = max(c.box.right for c in page.characters)
    assert 0.5 * size[0] < right <= size[0]
