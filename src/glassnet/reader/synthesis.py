"""Hand-printed pages that nobody wrote: text, set by a hand on paper, photographed; with the true place of every
character.

A `Hand` writes the text line by line (uneven baselines, gaps and sizes). The paper has a colour, a grain and perhaps
rules or squares; the pen a colour and a darkness. A camera then sees the page from slightly askew, in uneven light,
perhaps with a shadow over it, a little out of focus, with noise, and saves it as JPEG. Every choice comes from one
generator.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from glassnet.data.pictures import open_picture
from glassnet.errors import ReaderError
from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.glyphs import Stroke
from glassnet.reader.page import Box, Character, Line, Page, Word
from glassnet.reader.pen import Hand, bounds, draw_hand, ink, write

__all__ = [
    "Camera",
    "Layout",
    "Paper",
    "draw_camera",
    "draw_layout",
    "draw_paper",
    "expose",
    "homography",
    "synthesise",
]

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Layout:
    """How text stands on the page; lengths in heights of a capital, `capital` in pixels.

    Attributes
    ----------
    capital : float
        Height of a capital, pixels.
    spacing : float
        From baseline to baseline.
    letters, words : float
        Gaps between letters and, on top of that, between words.
    wander : float
        Standard deviation of a character's height above the baseline.
    slope, bow : float
        Of baselines: rise per unit of length, and curvature over the whole line.
    margin : float
        Around the text.
    """

    capital: float = 44.0
    spacing: float = 2.2
    letters: float = 0.22
    words: float = 0.8
    wander: float = 0.03
    slope: float = 0.0
    bow: float = 0.0
    margin: float = 1.6


@dataclass(frozen=True)
class Paper:
    """Paper and pen. Colours are RGB in 0..255; darkness is how much of the pen's colour shows."""

    colour: tuple[float, float, float] = (236.0, 234.0, 228.0)
    grain: float = 2.0
    pen: tuple[float, float, float] = (40.0, 40.0, 50.0)
    darkness: float = 0.9
    rules: str = "none"  # none, ruled, squared
    rule_colour: tuple[float, float, float] = (150.0, 175.0, 215.0)
    rule_strength: float = 0.5


@dataclass(frozen=True)
class Camera:
    """How the page is seen. Angles in degrees, blur in pixels, noise in grey levels.

    Attributes
    ----------
    turn : float
        Degrees clockwise.
    quarter_turns : int
        90 degrees each, clockwise, after it.
    tilt : float
        How far corners move, as a share of the sides.
    gradient : float
        How much darker the dark side is.
    shadow : float
        The same under a shadow's edge.
    jpeg : int
        Quality.
    """

    turn: float = 0.0
    quarter_turns: int = 0
    tilt: float = 0.0
    gradient: float = 0.0
    shadow: float = 0.0
    blur: float = 0.5
    noise: float = 1.5
    jpeg: int = 90


def draw_layout(rng: np.random.Generator) -> Layout:
    """A layout as people write."""
    return Layout(
        capital=float(np.exp(rng.uniform(np.log(26), np.log(64)))),
        spacing=float(rng.uniform(1.8, 2.9)),
        letters=float(rng.uniform(0.14, 0.5)),
        words=float(rng.uniform(0.65, 1.3)),
        wander=float(rng.uniform(0.0, 0.06)),
        slope=float(rng.normal(0, 0.012)),
        bow=float(rng.normal(0, 0.15)),
    )


def draw_paper(rng: np.random.Generator) -> Paper:
    """White, tinted or grey paper, one in five ruled or squared; pencil, ball pen or felt pen."""
    shade = rng.uniform(150, 245)
    tint = rng.normal(0, 8, 3)
    pens = [(35.0, 35.0, 40.0), (25.0, 35.0, 110.0), (60.0, 60.0, 62.0), (20.0, 20.0, 60.0), (110.0, 20.0, 30.0)]
    return Paper(
        colour=tuple(float(v) for v in np.clip(shade + tint, 90, 252)),  # type: ignore[arg-type]
        grain=float(rng.uniform(0.5, 4.0)),
        pen=pens[int(rng.integers(len(pens)))],
        darkness=float(rng.uniform(0.5, 1.0)),
        rules=str(rng.choice(["none", "ruled", "squared"], p=[0.8, 0.1, 0.1])),
        rule_strength=float(rng.uniform(0.25, 0.6)),
    )


def draw_camera(rng: np.random.Generator) -> Camera:
    """Rotation, perspective, uneven light, a shadow now and then, blur, noise and JPEG damage."""
    return Camera(
        turn=float(rng.uniform(-8, 8)),
        tilt=float(rng.uniform(0, 0.03)),
        gradient=float(rng.uniform(0, 0.35)),
        shadow=float(rng.uniform(0.15, 0.5)) if rng.random() < 0.5 else 0.0,
        blur=float(rng.uniform(0.3, 1.6)),
        noise=float(rng.uniform(0.5, 6.0)),
        jpeg=int(rng.integers(35, 95)),
    )


def synthesise(
    text: str,
    rng: np.random.Generator,
    *,
    hand: Hand | None = None,
    layout: Layout | None = None,
    paper: Paper | None = None,
    camera: Camera | None = None,
) -> tuple[Pixels, Page]:
    """A photographed page of `text` (lines parted by newlines), (H, W, 3) uint8, and what is to be read on it.

    What is not given is drawn from `rng`.

    Raises
    ------
    ReaderError
        The text is empty, or holds a character that the pen cannot write.

    Examples
    --------
    >>> from glassnet.reader import synthesise
    >>> picture, page = synthesise("HELLO", np.random.default_rng(0))
    >>> picture.dtype.name, page.text
    ('uint8', 'HELLO')
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    unknown = sorted({c for line in lines for word in line for c in word} - set(ALPHABET))
    if not lines or unknown:
        what = f"The pen cannot write {unknown[0]!r}" if unknown else "There is no text to write"
        raise ReaderError(f"{what}. It writes lines of words made of {ALPHABET}")
    hand, layout = hand or draw_hand(rng), layout or draw_layout(rng)
    paper, camera = paper or draw_paper(rng), camera or draw_camera(rng)
    placed = _place(lines, hand, layout, rng)
    drawn, boxes = _draw(placed, hand, layout, rng)
    seen, matrix = _photograph(_lay(drawn, layout, paper, rng), camera, rng)
    return seen, _truth(lines, boxes, matrix, seen.shape, camera)


# ---- text on the page ------------------------------------------------------------------------------------------------


def _place(lines: list[list[str]], hand: Hand, layout: Layout, rng: np.random.Generator) -> list[list[Stroke]]:
    """Every character's strokes, in pixels, y downwards."""
    placed = []
    length = 0.0
    for row, line in enumerate(lines):
        x = layout.margin + abs(rng.normal(0, 0.15))
        base = layout.margin + 1.0 + row * layout.spacing + rng.normal(0, 0.05)
        own = []
        for number, word in enumerate(line):
            x += (layout.words * float(np.exp(rng.normal(0, 0.12)))) * (number > 0)
            for c in word:
                strokes = write(c, hand, rng)
                left, _, right, _ = bounds(strokes)
                up = rng.normal(0, layout.wander)
                own.append((x - left, up, strokes))
                x += right - left + layout.letters * float(np.exp(rng.normal(0, 0.2))) + hand.thickness
        length = max(length, x)
        for at, up, strokes in own:
            t = at / max(length, 1.0) - 0.5
            y = base - layout.slope * at - layout.bow * (t * t - 0.25)
            moved = [np.stack([at + s[:, 0], y - up - s[:, 1]], axis=1) * layout.capital for s in strokes]
            placed.append(moved)
    return placed


def _draw(
    placed: list[list[Stroke]], hand: Hand, layout: Layout, rng: np.random.Generator
) -> tuple[Floats, list[tuple[float, float, float, float]]]:
    """The ink of the page (H, W) in [0, 1], and every character's box."""
    radius = max(0.6, hand.thickness * layout.capital / 2)
    points = np.concatenate([s for strokes in placed for s in strokes])
    margin = layout.margin * layout.capital
    shift = np.array([margin, margin]) - points.min(axis=0)
    size = np.ptp(points, axis=0) + 2 * margin
    canvas = np.zeros((int(size[1]) + 1, int(size[0]) + 1), np.float32)
    boxes = []
    for glyph in placed:
        strokes = [s + shift for s in glyph]
        ink(canvas, strokes, radius * float(np.exp(rng.normal(0, 0.05))), hand.pressure, rng)
        left, top, right, bottom = bounds(strokes)
        boxes.append((left - radius, top - radius, right + radius, bottom + radius))
    return canvas, boxes


# ---- paper and camera ------------------------------------------------------------------------------------------------


def _lay(drawn: Floats, layout: Layout, paper: Paper, rng: np.random.Generator) -> Floats:
    """The page in colour (H, W, 3), as it lies there."""
    h, w = drawn.shape
    page = np.empty((h, w, 3), np.float32)
    page[:] = np.array(paper.colour, np.float32)
    grain = ndimage.gaussian_filter(rng.normal(0, 1, (h, w)).astype(np.float32), 0.8)
    coarse = ndimage.zoom(
        rng.normal(0, 1, (max(2, h // 40), max(2, w // 40))).astype(np.float32),
        (h / max(2, h // 40), w / max(2, w // 40)),
        order=1,
    )
    page += (paper.grain * (1.5 * grain + 0.7 * _fit(coarse, h, w)))[..., None]
    if paper.rules != "none":
        _rule(page, layout, paper)
    dry = 1 - 0.25 * ndimage.gaussian_filter(rng.random((h, w), np.float32), 1.0)
    cover = (paper.darkness * drawn * dry)[..., None]
    laid: Floats = page * (1 - cover) + np.array(paper.pen, np.float32) * cover
    return laid


def _fit(values: Floats, h: int, w: int) -> Floats:
    return np.pad(values, ((0, max(0, h - values.shape[0])), (0, max(0, w - values.shape[1]))), mode="edge")[:h, :w]


def _rule(page: Floats, layout: Layout, paper: Paper) -> None:
    step = layout.spacing * layout.capital if paper.rules == "ruled" else 0.6 * layout.capital
    thick = max(1, round(0.03 * layout.capital))
    colour, strength = np.array(paper.rule_colour, np.float32), paper.rule_strength
    start = (layout.margin + 1.15) * layout.capital % step
    for y in np.arange(start, page.shape[0] - thick, step).astype(int):
        page[y : y + thick] = page[y : y + thick] * (1 - strength) + colour * strength
    if paper.rules == "squared":
        for x in np.arange(step / 2, page.shape[1] - thick, step).astype(int):
            page[:, x : x + thick] = page[:, x : x + thick] * (1 - strength) + colour * strength


def _photograph(page: Floats, camera: Camera, rng: np.random.Generator) -> tuple[Pixels, npt.NDArray[np.float64]]:
    """What the camera saves, and the homography (3, 3) from the page's pixels to the picture's."""
    h, w = page.shape[:2]
    matrix = _view(h, w, camera, rng)
    corners = _apply(matrix, np.array([[0, 0], [w, 0], [w, h], [0, h]], float))
    low = corners.min(axis=0)
    size = np.ceil(np.ptp(corners, axis=0)).astype(int)
    matrix = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1.0]]) @ matrix
    inverse = np.linalg.inv(matrix)
    inverse /= inverse[2, 2]
    edge = tuple(int(v) for v in np.median(page[:4].reshape(-1, 3), axis=0))
    image = Image.fromarray(np.clip(page, 0, 255).astype(np.uint8))
    image = image.transform(
        (int(size[0]), int(size[1])), Image.Transform.PERSPECTIVE, tuple(inverse.reshape(-1)[:8]),
        Image.Resampling.BICUBIC, fillcolor=edge,
    )  # fmt: skip
    pixels = expose(np.asarray(image, np.float32), camera, rng)
    for _ in range(camera.quarter_turns % 4):
        height = pixels.shape[0]
        pixels = np.rot90(pixels, -1)
        matrix = np.array([[0, -1, height], [1, 0, 0], [0, 0, 1.0]]) @ matrix
    return np.ascontiguousarray(pixels), matrix


def expose(scene: Floats, camera: Camera, rng: np.random.Generator) -> Pixels:
    """What is before the camera, (h, w, 3) in [0, 255], as it is saved: unevenly lit, blurred, noisy, as a JPEG.

    Examples
    --------
    >>> expose(np.full((20, 30, 3), 200, np.float32), Camera(), np.random.default_rng(0)).shape
    (20, 30, 3)
    """
    seen = scene * _light(scene.shape[0], scene.shape[1], camera, rng)[..., None]
    seen = ndimage.gaussian_filter(seen, (camera.blur, camera.blur, 0))
    seen += rng.normal(0, camera.noise, seen.shape).astype(np.float32)
    data = io.BytesIO()
    Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8)).save(data, "JPEG", quality=camera.jpeg)
    with open_picture(data) as picture:
        return np.asarray(picture.convert("RGB"))


def homography(of: npt.NDArray[np.float64], to: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The projective map (3, 3) that takes four points (4, 2) to four others.

    Examples
    --------
    >>> square = np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])
    >>> np.allclose(homography(square, 2 * square), np.diag([2, 2, 1]))
    True
    """
    rows, right = [], []
    for (x, y), (u, v) in zip(of, to, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    found: npt.NDArray[np.float64] = np.append(np.linalg.solve(np.array(rows), np.array(right)), 1.0).reshape(3, 3)
    return found


def _view(h: int, w: int, camera: Camera, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    t = np.deg2rad(camera.turn)
    turn = np.array([[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1]])
    square = np.array([[0, 0], [w, 0], [w, h], [0, h]], float)
    moved = square + rng.uniform(-1, 1, (4, 2)) * camera.tilt * np.array([w, h])
    result: npt.NDArray[np.float64] = turn @ homography(square, moved)
    return result


def _apply(matrix: npt.NDArray[np.float64], points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    moved = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    result: npt.NDArray[np.float64] = moved[:, :2] / moved[:, 2:]
    return result


def _light(h: int, w: int, camera: Camera, rng: np.random.Generator) -> Floats:
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    along = (np.cos(angle) * x / w + np.sin(angle) * y / h).astype(np.float32)
    along = (along - along.min()) / max(float(np.ptp(along)), 1e-6)
    light = 1 - camera.gradient * along
    if camera.shadow:
        angle, place, soft = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.7), rng.uniform(0.02, 0.15)
        side = np.cos(angle) * (x / w - 0.5) + np.sin(angle) * (y / h - 0.5) + 0.5
        light *= 1 - camera.shadow / (1 + np.exp(-(side - place) / (soft / 4)))
    result: Floats = light.astype(np.float32)
    return result


def _truth(
    lines: list[list[str]],
    boxes: list[tuple[float, float, float, float]],
    matrix: npt.NDArray[np.float64],
    shape: tuple[int, ...],
    camera: Camera,
) -> Page:
    rest = iter(boxes)
    made = []
    for line in lines:
        words = []
        for word in line:
            characters = []
            for c in word:
                left, top, right, bottom = next(rest)
                corners = _apply(matrix, np.array([[left, top], [right, top], [right, bottom], [left, bottom]]))
                (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
                characters.append(Character(c, Box(float(x0), float(y0), float(x1), float(y1)), 1.0))
            words.append(Word(tuple(characters)))
        made.append(Line(tuple(words)))
    return Page(tuple(made), shape[1], shape[0], camera.turn + 90.0 * camera.quarter_turns)
