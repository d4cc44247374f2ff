"""What a picture by itself says of its quality, on pictures whose quality is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from glassnet.attack import corrupt
from glassnet.metrics import blockiness, blur, brightness, contrast, noise

Array = np.ndarray


def texture(side: int = 96) -> Array:
    """Soft clouds (side, side, 1) of uint8."""
    rough = np.random.default_rng(0).normal(0, 1, (side, side, 1))
    soft = ndimage.gaussian_filter(rough, (1.5, 1.5, 0))
    return np.clip(128 + 40 * soft / soft.std(), 0, 255).astype(np.uint8)


def test_light_is_that_of_the_luma() -> None:
    halves = np.zeros((4, 6, 3), np.uint8)
    halves[:, 3:] = (255, 0, 0)
    assert brightness(halves) == pytest.approx(0.299 / 2) and contrast(halves) == pytest.approx(0.299 / 2)
    assert brightness(np.full((3, 3), 0.4)) == pytest.approx(0.4) and contrast(np.full((3, 3, 1), 51, np.uint8)) == 0


def test_blur_of_an_edge_and_of_blurred_pictures() -> None:
    edge = np.zeros((40, 40))
    edge[:, 20:] = 0.7
    # One step of 0.7 across; after a box of 11 pixels 11 steps of 0.7/11, of which one lies there. None along: 1.
    assert blur(edge) == 1.0 and blur(edge + edge.T) == pytest.approx(1 / 11)
    picture = texture()
    values = [blur(corrupt(picture[None], "blur", severity)[0]) for severity in range(5)]
    assert (np.diff(values) > 0).all()
    assert blur(picture / 255 * 0.3 + 0.2) == pytest.approx(values[0])


@pytest.mark.parametrize("deviation", [0.02, 0.08])
def test_noise_is_its_standard_deviation(deviation: float) -> None:
    rng = np.random.default_rng(1)
    slope = np.linspace(0.2, 0.8, 400)[:, None] + np.linspace(0, 0.1, 400)
    assert noise(slope) == pytest.approx(0, abs=1e-12)
    assert noise(slope + rng.normal(0, deviation, slope.shape)) == pytest.approx(deviation, rel=0.02)
    assert noise(np.zeros((2, 2))) == 0


def test_blockiness_is_the_height_of_the_steps() -> None:
    slope = np.add.outer(np.arange(64) / 640, np.arange(64) / 320)
    assert blockiness(slope) == pytest.approx(0)
    steps = np.add.outer(np.arange(64) // 8, np.zeros(64)) * 0.1  # 0.1 between blocks one above the other
    assert blockiness(steps) == pytest.approx(0.1 / 2)
    values = [blockiness(corrupt(texture()[None], "jpeg", severity)[0]) for severity in (0, 2, 5)]
    assert values[0] == pytest.approx(0, abs=0.003) and values[0] < values[1] < values[2]
    assert blockiness(np.zeros((5, 5))) == 0
