"""The sheet of paper on a photograph: found on a table, left alone where there is nothing but paper."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from glassnet.reader import PieceReader, synthesise
from glassnet.reader.pages import pages
from glassnet.reader.sheet import find_sheet
from glassnet.reader.stages import stages_shown
from glassnet.reader.synthesis import Camera, Layout, Paper

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

BROWN, GREY, BLUE = (120, 80, 50), (110, 110, 112), (60, 80, 130)
CORNERS = [(120, 90), (660, 130), (620, 480), (90, 440)]


def polygon(corners: list[tuple[int, int]], shape: tuple[int, int] = (560, 760)) -> Mask:
    image = Image.new("L", (shape[1], shape[0]))
    ImageDraw.Draw(image).polygon(corners, fill=1)
    return np.asarray(image).astype(bool)


def table(colour: tuple[int, int, int], shape: tuple[int, int] = (560, 760), seed: int = 0) -> npt.NDArray[np.float64]:
    """A table with stripes along one side and grain."""
    rng = np.random.default_rng(seed)
    stripes = ndimage.gaussian_filter1d(rng.normal(0, 1, shape[0]), 2.0)
    return np.array(colour) * (1 + 0.25 * stripes[:, None, None]) + rng.normal(0, 2, (*shape, 1))


def sheets_on(around: npt.NDArray[np.float64], *masks: Mask) -> Pixels:
    """Paper with lines of dashes on what is around it, a little out of focus."""
    picture = around.copy()
    rows, columns = np.indices(around.shape[:2])
    for mask in masks:
        inner = ndimage.binary_erosion(mask, iterations=30)
        picture[mask] = (232, 230, 222)
        picture[inner & (rows % 36 < 5) & (columns % 23 < 15)] = (40, 40, 90)
    return np.clip(ndimage.gaussian_filter(picture, (0.8, 0.8, 0)), 0, 255).astype(np.uint8)


def overlap(found: Mask, true: Mask) -> float:
    large = np.asarray(Image.fromarray(found).resize((true.shape[1], true.shape[0]), Image.Resampling.NEAREST))
    return float((large & true).sum() / (large | true).sum())


@pytest.mark.parametrize("colour", [BROWN, GREY, BLUE], ids=["brown", "grey", "blue"])
def test_a_sheet_on_a_table_is_found_and_cut_out(colour: tuple[int, int, int]) -> None:
    true = polygon(CORNERS)
    picture = sheets_on(table(colour), true)
    sheet = find_sheet(picture)
    assert sheet is not None
    assert overlap(sheet.mask, true) > 0.93  # less than all, as its edge is left out
    part, top, left = sheet.cut_out(picture)
    assert 90 < top < 120 and 90 < left < 120
    inner = ndimage.binary_erosion(true, iterations=20)[top : top + part.shape[0], left : left + part.shape[1]]
    same = picture[top : top + part.shape[0], left : left + part.shape[1]]
    assert (part[inner] == same[inner]).all()
    outer = ~ndimage.binary_dilation(true, iterations=3)[top : top + part.shape[0], left : left + part.shape[1]]
    assert outer.any() and abs(part[outer].astype(int) - (232, 230, 222)).max() < 12
    grey = find_sheet(picture[..., :1])
    assert grey is not None and overlap(grey.mask, true) > 0.93


def test_a_sheet_that_the_picture_cuts_off() -> None:
    true = polygon([(0, 150), (759, 110), (759, 559), (0, 559)])
    sheet = find_sheet(sheets_on(table(BROWN), true))
    assert sheet is not None and overlap(sheet.mask, true) > 0.93


def test_two_sheets_are_both_kept() -> None:
    first, second = (
        polygon([(40, 60), (420, 40), (440, 500), (30, 520)]),
        polygon([(500, 90), (720, 100), (710, 420), (510, 400)]),
    )
    sheet = find_sheet(sheets_on(table(BROWN), first, second))
    assert sheet is not None and overlap(sheet.mask, first | second) > 0.9


def test_paper_alone_is_no_sheet_whatever_falls_on_it() -> None:
    whole = np.ones((560, 760), bool)
    paper = sheets_on(table(BROWN), whole)
    down, across = np.indices(whole.shape)
    side = across + 0.4 * down - 500
    for light in (1.0, 1 - 0.5 / (1 + np.exp(-side / 40)), np.where(side > 0, 0.5, 1.0), 1 - 0.5 * down / 560):
        shaded = np.asarray(paper * np.broadcast_to(light, whole.shape)[..., None], np.uint8)
        assert find_sheet(shaded) is None
    for number in range(12):
        assert find_sheet(next(iter(pages(1, seed=9_000 + number, lines=6)))[0]) is None


def test_a_label_on_something_is_no_sheet() -> None:
    label = polygon([(300, 200), (460, 205), (455, 300), (300, 300)])
    assert label.mean() < 0.1
    assert find_sheet(sheets_on(table(BROWN), label)) is None


@pytest.mark.parametrize("shape", [(1, 1, 1), (8, 8, 3), (3, 2000, 3), (2000, 2, 1), (9, 40, 3)])
def test_pictures_of_any_shape_and_shade(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(0)
    for picture in (
        np.zeros(shape, np.uint8),
        np.full(shape, 255, np.uint8),
        rng.integers(0, 256, shape).astype(np.uint8),
    ):
        sheet = find_sheet(picture)
        if sheet is not None:
            assert sheet.cut_out(picture)[0].size


def test_a_page_on_a_table_is_read_as_if_it_lay_on_nothing() -> None:
    rng = np.random.default_rng(5)
    clean = Camera(blur=0.4, noise=0.5, jpeg=95)
    page, truth = synthesise("HELLO THERE\nREAD THE PAGE", rng, layout=Layout(margin=2.0), paper=Paper(), camera=clean)
    top, left = 130, 210
    picture = np.clip(table(BROWN, (page.shape[0] + 260, page.shape[1] + 330)), 0, 255).astype(np.uint8)
    picture[top : top + page.shape[0], left : left + page.shape[1]] = page
    reader = PieceReader(alphabet="A-Z")
    state = reader.state(picture)
    assert state.sheet is not None and state.page is not None
    assert state.page.text == truth.text == reader.read(page).text
    for found, true in zip(state.page.characters, truth.characters, strict=True):
        x, y = (found.box.left + found.box.right) / 2 - left, (found.box.top + found.box.bottom) / 2 - top
        assert true.box.left < x < true.box.right and true.box.top < y < true.box.bottom
    assert "around the sheet" in stages_shown(state)[0].said
