"""Ink and components: light, paper, skew, rules, specks and edges."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from glassnet.reader.binarise import find_ink
from glassnet.reader.components import find_components
from glassnet.reader.deskew import rotate, skew
from glassnet.reader.pen import Hand
from glassnet.reader.rules import without_print, without_rules
from glassnet.reader.settings import DEFAULTS
from glassnet.reader.synthesis import Camera, Layout, Paper, synthesise
from support.handwriting import HAND, LAYOUT

PLAIN = Camera(blur=0.4, noise=1.0, jpeg=92)


def _page(
    seed: int = 0,
    paper: Paper | None = None,
    camera: Camera = PLAIN,
    text: str = "HELLO\nWORLD 42",
    layout: Layout | None = None,
    hand: Hand | None = None,
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return synthesise(text, rng, paper=paper or Paper(), camera=camera, layout=layout, hand=hand)[0].copy()


def _count(pixels: np.ndarray) -> int:
    ink = find_ink(pixels)
    return 0 if ink is None else len(find_components(ink.ink).items)


def test_uneven_light_changes_little() -> None:
    pixels = _page()
    ink = find_ink(pixels)
    h, w = pixels.shape[:2]
    light = np.linspace(0.35, 1.0, w)[None, :, None] * np.linspace(0.7, 1.0, h)[:, None, None]
    dim = find_ink((pixels * light).astype(np.uint8))
    assert ink is not None and dim is not None
    assert ((ink.ink > 0.5) != (dim.ink > 0.5)).mean() < 0.004


def test_light_on_dark_is_the_same_writing() -> None:
    pixels = _page()
    ink, turned = find_ink(pixels), find_ink(255 - pixels)
    assert ink is not None and turned is not None
    assert ((ink.ink > 0.5) != (turned.ink > 0.5)).mean() < 0.004


@pytest.mark.parametrize("width", [3.0, 4.0])
def test_ink_out_of_focus_is_nearly_that_in_focus(width: float) -> None:
    pixels = _page(hand=HAND, layout=LAYOUT)
    soft = ndimage.gaussian_filter(pixels.astype(np.float32), (width, width, 0)).astype(np.uint8)
    unsharpened = replace(DEFAULTS.binarise, soft=np.inf)
    sharp, again, without = find_ink(pixels), find_ink(soft), find_ink(soft, settings=unsharpened)
    assert sharp is not None and again is not None and without is not None
    wrong = [((sharp.ink > 0.5) != (found.ink > 0.5)).mean() for found in (again, without)]
    assert wrong[0] < 0.6 * wrong[1]


@pytest.mark.parametrize("blur", [0.3, 1.6])
def test_what_is_in_focus_is_not_sharpened(blur: float) -> None:
    pixels = _page(camera=Camera(blur=blur, noise=3.0, jpeg=60))
    found, without = find_ink(pixels), find_ink(pixels, settings=replace(DEFAULTS.binarise, soft=np.inf))
    assert found is not None and without is not None
    assert np.array_equal(found.ink, without.ink)


@pytest.mark.parametrize("value", [0, 90, 255])
@pytest.mark.parametrize("grain", [0.0, 3.0])
def test_blank_pictures_hold_nothing(value: int, grain: float) -> None:
    rng = np.random.default_rng(0)
    pixels = np.clip(value + rng.normal(0, grain, (400, 300, 3)), 0, 255).astype(np.uint8)
    assert _count(pixels) == 0


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (8, 8)])
def test_tiny_pictures(size: tuple[int, int]) -> None:
    assert _count(np.full((*size, 3), 200, np.uint8)) == 0


@pytest.mark.parametrize("angle", [-14.0, -6.0, 0.0, 3.0, 12.0])
def test_skew_is_found(angle: float) -> None:
    x = np.tile(np.arange(0, 900, 3.0), 6)
    y = np.repeat(np.arange(6) * 60.0, 300) + np.random.default_rng(0).uniform(0, 20, 1800)
    t = np.deg2rad(angle)
    found, sharpness = skew(x * np.cos(t) - y * np.sin(t), x * np.sin(t) + y * np.cos(t), 20.0)
    assert abs(found - angle) < 0.7
    assert sharpness > 1.2


@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
@pytest.mark.parametrize("degrees", [0.0, 4.0, -11.0])
def test_the_way_back_after_turning(quarter: int, degrees: float) -> None:
    pixels = np.full((300, 500, 3), 230, np.uint8)
    pixels[60:90, 400:440] = 20
    ink = find_ink(pixels)
    assert ink is not None
    turned = rotate(ink, degrees, quarter)
    ys, xs = np.nonzero(turned.ink > 0.6)
    x, y = turned.to_picture(xs, ys)
    assert abs(x.mean() - 419.5) < 1.5 and abs(y.mean() - 74.5) < 1.5


@pytest.mark.parametrize(("rules", "strength", "most"), [("ruled", 0.9, 2), ("squared", 0.3, 2), ("squared", 0.6, 5)])
def test_rules_go_and_strokes_stay(rules: str, strength: float, most: int) -> None:
    paper = Paper(rules=rules, rule_strength=strength, rule_colour=(90.0, 110.0, 160.0))
    plain, ruled = _page(3, Paper()), _page(3, paper)
    assert abs(_count(ruled) - _count(plain)) <= most
    mask = np.zeros((200, 400), bool)
    mask[100:103] = True
    mask[60:140, 200:206] = True
    left = without_rules(mask, 40.0, 5.0)
    assert not left[100:103, :190].any() and left[60:140, 201:205].all()


def test_specks_and_cut_off_characters_are_left_out() -> None:
    pixels = _page()
    before = _count(pixels)
    pixels[5, 7] = pixels[40, 9] = 0
    pixels[:9, 200:206] = 20  # what is left of a line above
    assert _count(pixels) == before


def test_a_photograph_of_a_scribble() -> None:
    image = Image.new("RGB", (600, 400), "white")
    draw = ImageDraw.Draw(image)
    rng = np.random.default_rng(0)
    draw.line([tuple(p) for p in rng.uniform((20, 20), (580, 380), (60, 2))], fill="black", width=3)
    assert _count(np.asarray(image)) <= 2


def _rules(
    shape: tuple[int, int], degrees: float, bow: float = 0.0, wave: float = 900.0, tilt: float = 0.0
) -> np.ndarray:
    """Rules of three pixels, 60 pixels apart: turned, bent into waves, and growing apart by a share of the page."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    t = np.deg2rad(degrees)
    along, across = x * np.cos(t) + y * np.sin(t), y * np.cos(t) - x * np.sin(t)
    across = (across - bow * np.sin(2 * np.pi * along / wave)) * (1 + tilt * along / shape[1])
    return np.abs((across + 17) % 60 - 30) <= 1.5


@pytest.mark.parametrize(
    ("degrees", "bow", "wave", "tilt"),
    [
        (0.0, 0.0, 900.0, 0.0),
        (9.0, 0.0, 900.0, 0.0),
        (-20.0, 15.0, 900.0, 0.0),
        (45.0, 0.0, 900.0, 0.0),
        (70.0, 20.0, 1600.0, 0.0),
        (2.0, 25.0, 1100.0, 0.0),
        (4.0, 0.0, 900.0, 0.2),
    ],
)
@pytest.mark.parametrize("squared", [False, True])
def test_rules_of_any_direction_go_bent_or_straight(
    degrees: float, bow: float, wave: float, tilt: float, squared: bool
) -> None:
    text = "Hello world 42\nEvery good boy\nDOES FINE TODAY"
    layout, hand = Layout(capital=60.0), replace(HAND, thickness=0.12)
    letters = _page(5, layout=layout, hand=hand, text=text).min(axis=2) < 140
    rules = _rules(letters.shape, degrees, bow, wave, tilt)
    if squared:
        rules |= _rules(letters.shape, degrees + 90, bow, wave, tilt)
    left = without_rules(letters | rules, 0.0, 3.0)  # as where the height is not known yet
    left = without_rules(left, 55.0, 7.0)
    free = rules & ~ndimage.binary_dilation(letters, iterations=3)
    for rows, columns in itertools.product((slice(280), slice(-280, None)), repeat=2):
        free[rows, columns] = False  # at the corners rules are short
    assert (free & ~left).sum() > 0.95 * free.sum()
    assert (letters & left).sum() > 0.97 * letters.sum()


@pytest.mark.parametrize("slope", [-0.04, 0.0, 0.04])
def test_rules_of_a_page_seen_askew_are_rules(slope: float) -> None:
    rules, letters = np.zeros((300, 800), bool), np.zeros((300, 800), bool)
    x = np.arange(800)
    for y in range(60, 280, 60):
        rows = np.round(y + slope * (x - 400)).astype(int)
        rules[rows, x] = rules[rows + 1, x] = True
    for left in range(100, 700, 90):
        letters[85:115, left : left + 3] = True
    left = without_rules(rules | letters, 30.0, 3.0)
    assert left[letters].all()
    assert (left & rules & ~letters).sum() < 0.02 * rules.sum()


def test_of_pale_squares_nothing_is_left_of_writing_everything() -> None:
    """The squares are ink only where two lines cross; a stroke that runs along one of them is darker than they are."""
    ink = np.zeros((400, 600), np.float32)
    ink[20::40] = 0.3
    ink[:, 20::40] = 0.3
    ink[20::40, 20::40] = 0.6
    strokes = np.zeros(ink.shape, bool)
    for left in range(30, 560, 50):
        strokes[150:190, left : left + 2] = True
    strokes[100:102, 110:130] = True  # along a line
    ink[strokes] = 1.0
    left = without_print(ink > 0.42, ink, 40.0, 2.0)
    assert np.array_equal(left, strokes)
    assert np.array_equal(without_print(strokes, strokes.astype(np.float32), 40.0, 2.0), strokes)
