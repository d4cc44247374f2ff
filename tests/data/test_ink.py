"""Ink on a plain ground: seen, inverted and centred; photographs and pictures that fit already stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from glassnet.data import load, read_picture
from glassnet.data.ink import CENTRED, INVERTED, Manner, read_in_manner
from glassnet.data.reading import STRETCHED

SHAPE = (28, 28, 1)
LIGHT_ON_DARK = Manner(border=0.0, mean=0.13, ink_side=20 / 28)


def like_mnist(count: int = 40) -> np.ndarray:
    """Light rings on black in boxes of 20 pixels with their centre of mass in the middle."""
    rng = np.random.default_rng(0)
    pictures = np.zeros((count, *SHAPE), np.uint8)
    for picture in pictures:
        wide = int(rng.integers(4, 11))
        picture[4:24, 14 - wide : 14 + wide, 0] = 255
        picture[7:21, 14 - wide + 3 : 14 + wide - 3, 0] = 0
    return pictures


def bar(path: Path, *, box: tuple[int, int, int, int], paper: Any = (255, 255, 255), ink: Any = (0, 0, 0)) -> Path:
    """A picture of 200x200 with a filled box of ink."""
    image = Image.new("RGB", (200, 200), paper)
    ImageDraw.Draw(image).rectangle(box, fill=ink)
    image.save(path)
    return path


def test_sets_say_how_they_look() -> None:
    pictures = like_mnist()
    manner = Manner.of(pictures)
    assert manner == Manner(0.0, round(float(pictures.mean()) / 255, 4), round(20 / 28, 4)) and manner.dark_ground
    light = Manner.of(255 - pictures)
    assert light is not None and not light.dark_ground and light.ink_side == manner.ink_side
    assert Manner.of(np.repeat(pictures, 3, axis=3)) is None, "colour"
    assert Manner.of(pictures[:0]) is None
    assert Manner.of(np.random.default_rng(0).integers(0, 256, (40, *SHAPE), np.uint8)) is None, "no plain ground"
    assert Manner.of(np.concatenate([pictures, 255 - pictures[:4]])) is None, "both grounds"
    moved = np.concatenate([np.roll(pictures, 4, axis=2), np.roll(pictures, -4, axis=1)])
    found = Manner.of(moved)
    assert found is not None and found.ink_side is None, "not all are framed alike"


def test_the_built_in_digits() -> None:
    splits = load("digits")
    manner = Manner.of(splits.train.images)
    assert manner is not None and manner.dark_ground and splits.test is not None
    grey = splits.test.images[..., 0].astype(float)
    grey /= grey.max()
    assert not any(map(manner.looks_inverted, grey))
    assert all(manner.looks_inverted(1 - picture) for picture in grey)


def test_cards_carry_it() -> None:
    for manner in (LIGHT_ON_DARK, Manner(1.0, 0.88)):
        assert Manner.of_card({"pictures": manner.to_dict()}) == manner
    for card in ({}, {"pictures": None}, {"pictures": 3}, {"pictures": {"border": 0.1}}, {"pictures": {"border": []}}):
        assert Manner.of_card(card) is None


@pytest.mark.parametrize("paper", [(255, 255, 255), (200, 190, 175), (160, 160, 160)])
def test_dark_ink_is_inverted_and_centred(paper: tuple[int, int, int], tmp_path: Path) -> None:
    path = bar(tmp_path / "a.png", box=(20, 30, 39, 109), paper=paper, ink=(20, 20, 60))
    pixels, changes = read_in_manner(path, SHAPE, STRETCHED, LIGHT_ON_DARK)
    assert changes == (INVERTED, CENTRED) and pixels.shape == SHAPE
    expected = np.zeros(SHAPE, np.uint8)
    expected[4:24, 11:16] = 255  # 80 x 20 pixels become 20 x 5; their middle is 13.5, which stands half a pixel left
    away = np.abs(pixels.astype(int) - expected).max(axis=(0, 2))
    assert min(away.max(), np.abs(pixels.astype(int) - np.roll(expected, 1, axis=1)).max()) <= 60


def test_each_can_be_left_out(tmp_path: Path) -> None:
    path = bar(tmp_path / "a.png", box=(20, 30, 39, 109))
    plain = read_picture(path, SHAPE)
    for manner, invert in ((LIGHT_ON_DARK, False), (None, True)):
        pixels, changes = read_in_manner(path, SHAPE, STRETCHED, manner, invert=invert)
        assert changes == () and np.array_equal(pixels, plain)
    pixels, changes = read_in_manner(path, SHAPE, STRETCHED, LIGHT_ON_DARK, centre=False)
    assert changes == (INVERTED,) and np.array_equal(pixels, 255 - plain)
    other = Manner(1.0, 0.87)
    assert read_in_manner(path, SHAPE, STRETCHED, other)[1] == (), "a model of dark on light, which this is"


def test_what_fits_stays_as_it_is(tmp_path: Path) -> None:
    for number, picture in enumerate(like_mnist(5)):
        small, large = tmp_path / f"{number}.png", tmp_path / f"{number}-large.png"
        image = Image.fromarray(picture[..., 0])
        image.save(small)
        image.resize((280, 280), Image.Resampling.NEAREST).save(large)
        for path in (small, large):
            pixels, changes = read_in_manner(path, SHAPE, STRETCHED, LIGHT_ON_DARK)
            assert changes == () and np.array_equal(pixels, read_picture(path, SHAPE))


def test_ink_that_is_cut_off_is_not_moved(tmp_path: Path) -> None:
    path = bar(tmp_path / "a.png", box=(0, 30, 39, 109))
    assert read_in_manner(path, SHAPE, STRETCHED, LIGHT_ON_DARK)[1] == (INVERTED,)


def test_colour_photographs_are_not_inverted(tmp_path: Path) -> None:
    """A light border of many tints, a darker middle: a flower before a wall in the sun."""
    rows, columns = np.mgrid[0:1:200j, 0:1:200j]
    sky = np.stack([220 - 30 * rows, 215 - 10 * columns, 190 + 60 * rows], axis=-1)
    sky[60:140, 60:140] = (150, 40, 60)
    path = tmp_path / "photo.png"
    Image.fromarray(sky.astype(np.uint8)).save(path)
    assert read_in_manner(path, SHAPE, STRETCHED, LIGHT_ON_DARK)[1] == ()


def test_an_empty_page(tmp_path: Path) -> None:
    for paper in ((255, 255, 255), (0, 0, 0)):
        path = bar(tmp_path / "a.png", box=(0, 0, 199, 199), paper=paper, ink=paper)
        assert read_in_manner(path, SHAPE, STRETCHED, LIGHT_ON_DARK)[1] == ()
