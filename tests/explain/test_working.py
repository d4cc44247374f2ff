"""The sum that made a unit: the expression is run by Python, and the networks' own numbers are compared with it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from glassnet.errors import GlassnetError
from glassnet.explain import Gallery, last_features, react, unit_working
from glassnet.nn import Network
from support.classifiers import digit_pictures, digits

NETWORKS = [
    "conv 3x3, 4, pad 1 -> relu -> maxpool 2x2 -> flatten -> linear 5 -> tanh -> linear",
    "conv 3x2, 4, stride 2, pad 1 0 2 1, groups 2, bias off -> batchnorm -> relu6 -> avgpool 2x2 -> flatten -> linear",
    "depthwise 3x3, 2, pad 1 -> sigmoid -> dropout 0.5 -> avgpool global -> linear",
]


@pytest.mark.parametrize("line", NETWORKS)
def test_python_gives_the_numbers_of_the_network(line: str) -> None:
    network = Network(line, (8, 8, 2), 3, seed=1)
    rng = np.random.default_rng(0)
    network.load_arrays(
        {name: (rng.random(array.shape) + 0.1).astype(array.dtype) for name, array in network.arrays().items()}
    )
    x = rng.normal(size=(8, 8, 2)).astype(np.float32)
    for name, values in network.activations(x[None]).items():
        for place in rng.choice(values[0].size, min(values[0].size, 6), replace=False):
            unit = np.unravel_index(place, values[0].shape)
            found = unit_working(network, x, name, unit)
            assert found.value == eval(found.expression, {"math": math}), found.expression
            scale = 1 + sum(abs(term.part) for term in found.terms)
            assert found.value == pytest.approx(float(values[0][unit]), abs=2e-6 * scale), (name, found.expression)
            assert found.computed == float(values[0][unit])


def test_a_composite_is_no_single_sum() -> None:
    network = Network("residual(conv 3x3, 2, pad 1) -> flatten -> linear", (4, 4, 2), 3)
    found = unit_working(network, np.ones((4, 4, 2)), "1.residual", (0, 0, 0))
    assert found.expression == "" and found.value is None


@pytest.mark.parametrize(
    ("layer", "unit"), [("1.relu", (0,)), ("1.linear", (32,)), ("1.linear", (0, 0)), ("2.relu", (-1,))]
)
def test_units_that_are_not_there(layer: str, unit: tuple[int, ...]) -> None:
    with pytest.raises(GlassnetError, match=r"no (layer|unit)"):
        unit_working(digits().network, np.zeros((8, 8, 1)), layer, unit)


def test_every_layer_reacts() -> None:
    model, (pictures, _) = digits(), digit_pictures(3)
    found = react(model, np.asarray(pictures[0], np.uint8))
    assert [layer.name for layer in found.layers] == ["1.linear", "2.relu", "3.linear"]
    assert found.probabilities == pytest.approx(model.predict_proba(found.pixels[None])[0], abs=1e-6)
    assert found.nothing == "" and found.pixels.shape == model.image_shape


@pytest.mark.parametrize(
    ("paint", "said"),
    [
        (lambda p: None, "nothing drawn"),
        (lambda p: p.__setitem__((slice(50, 58), slice(50, 58)), 0), "only a dot"),
        (lambda p: p.__setitem__((slice(50, 80), slice(50, 54)), 0), ""),
        (lambda p: p.__setitem__(slice(None), 0), "nothing drawn"),
    ],
)
def test_what_shows_nothing_is_said(paint: object, said: str) -> None:
    paper = np.full((100, 100, 1), 255, np.uint8)
    paint(paper)  # type: ignore[operator]
    assert react(digits(), paper).nothing == said
    assert react(digits(), 255 - paper).nothing == said


def test_the_nearest_picture_is_the_picture_itself() -> None:
    from glassnet.attack import Victim

    victim, (pictures, _) = Victim.of(digits()), digit_pictures(50)
    features = last_features(victim, pictures)
    rows, distances = Gallery(features).nearest(features[7], 3)
    assert rows[0] == 7 and distances[0] == 0 and (np.diff(distances) >= 0).all()
