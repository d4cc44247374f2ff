"""The line recogniser in use: a line's scores are probabilities, and do not depend on what it stands with."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from glassnet.data import Preprocess
from glassnet.errors import ModelError
from glassnet.model import Model
from glassnet.nn import CTC, Network, SoftmaxCrossEntropy
from glassnet.reader.lines.alphabet import NAMES
from glassnet.reader.lines.recogniser import LineRecogniser

NOTATION = "conv 3x3, 8, stride 2, pad 1 -> batchnorm -> relu -> maxpool 2x2 -> conv 8x1, 96 -> relu -> conv 1x1, 96"


@pytest.fixture(scope="module")
def model() -> Model:
    network = Network(NOTATION, (32, 64, 1), seed=1)
    return Model(network, Preprocess.parse("scale"), (32, 64, 1), NAMES, CTC())


def strips(*widths: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (32, width), np.uint8) for width in widths]


def test_columns_of_log_probabilities(model: Model) -> None:
    found = LineRecogniser(model).scores(strips(50, 65, 300))
    assert [scores.shape for scores in found] == [(16, 96), (20, 96), (80, 96)]
    for scores in found:
        np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, rtol=1e-5)


def test_a_line_scores_the_same_alone_and_in_any_batch(model: Model) -> None:
    recogniser = LineRecogniser(model)
    some = strips(300, 64, 310, 290, 70, 300, 1000, 301)
    together = recogniser.scores(some)
    for strip, scores in zip(some, together, strict=True):
        np.testing.assert_array_equal(recogniser.scores([strip])[0], scores)
    for place, scores in enumerate(recogniser.scores(some[::-1])):
        np.testing.assert_array_equal(scores, together[-1 - place])
    assert recogniser.scores([]) == []


def test_models_that_read_no_lines(model: Model) -> None:
    for other in (
        dataclasses.replace(model, class_names=NAMES[::-1]),
        dataclasses.replace(model, loss=SoftmaxCrossEntropy()),
    ):
        with pytest.raises(ModelError, match="does not read lines"):
            LineRecogniser(other)
