"""Damage to strips: drawn from the generator alone, within bounds, and none where none is asked for."""

from __future__ import annotations

import numpy as np

from glassnet.reader.lines.damage import add_marks, damaged
from glassnet.reader.lines.drawing import Pen, draw, draw_pen

POINTS = np.array([[10, 25], [14, 6], [20, 25], [40, 25], [44, 6], [50, 25]], np.float32)
STARTS = np.array([0, 3, 6])


def _strip() -> np.ndarray:
    canvas = np.zeros((32, 64), np.float32)
    draw(POINTS, STARTS, canvas, Pen(1.2), np.random.default_rng(0))
    return canvas


def test_no_damage_at_strength_0() -> None:
    strip, rng = _strip(), np.random.default_rng(0)
    for _ in range(50):
        canvas = strip.copy()
        add_marks(canvas, POINTS, STARTS, Pen(1.2), rng, 0.0)
        assert (damaged(canvas, rng, 0.0) == strip).all()


def test_damage_is_drawn_from_the_generator_and_leaves_writing() -> None:
    strip = _strip()
    correlations, marked = [], 0
    for key in range(150):
        twice = []
        for _ in range(2):
            rng = np.random.default_rng(key)
            canvas = strip.copy()
            add_marks(canvas, POINTS, STARTS, Pen(1.2), rng)
            marked += bool((canvas != strip).any())
            twice.append(damaged(canvas, rng))
        assert twice[0].tobytes() == twice[1].tobytes()
        assert np.isfinite(twice[0]).all() and twice[0].min() >= 0 and twice[0].max() <= 1
        correlations.append(np.corrcoef(twice[0].ravel(), strip.ravel())[0, 1])
    assert 0.2 < marked / 300 < 0.7
    assert np.median(correlations) > 0.8 and min(correlations) > 0.2
    assert len(set(np.round(correlations, 6))) > 140


def test_marks_never_take_ink_away() -> None:
    strip = _strip()
    for key in range(60):
        canvas = strip.copy()
        add_marks(canvas, POINTS, STARTS, Pen(1.2), np.random.default_rng(key))
        assert (canvas >= strip).all()


def test_pens_are_as_broad_as_can_be_read() -> None:
    rng = np.random.default_rng(0)
    pens = [draw_pen(rng, 18.0, 10.0) for _ in range(300)]
    radii = np.array([pen.radius for pen in pens])
    assert radii.min() >= 0.4 and radii.max() <= 0.08 * 18.0 and np.ptp(radii) > 0.8
    assert max(draw_pen(rng, 18.0, 4.0).radius for _ in range(300)) <= 0.52 + 1e-9
