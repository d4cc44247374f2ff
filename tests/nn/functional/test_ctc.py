"""The loss of label sequences, against its definition, central differences and PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn.functional.ctc import columns_needed, ctc_greedy, ctc_loss, ctc_loss_naive, merged
from support.gradients import torch_or_skip


@st.composite
def lines(draw: st.DrawFn, most: int = 5) -> tuple[Any, list[list[int]], Any]:
    """Scores of a few lines, labels that fit, and lengths."""
    n, t, k = draw(st.integers(1, 3)), draw(st.integers(1, most)), draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    lengths = rng.integers(0, t + 1, n)
    labels = []
    for length in lengths:
        own = rng.integers(0, k - 1, rng.integers(0, length + 1)).tolist()
        while columns_needed(own) > length:
            own.pop()
        labels.append(own)
    return 3.0 * rng.standard_normal((n, t, k)), labels, lengths


@given(lines(), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_the_sum_over_all_paths(line: tuple[Any, list[list[int]], Any], parts: int) -> None:
    with threads.use(parts):
        loss, gradient = ctc_loss(*line)
    expected, by_paths = ctc_loss_naive(*line)
    assert loss == pytest.approx(expected, rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(gradient, by_paths, rtol=0, atol=1e-13)


def test_scores_far_apart() -> None:
    """exp(1000) has no place in a float64: one path has all of the probability, another exp(-1000) of it."""
    scores = np.zeros((1, 2, 3))
    scores[0, [0, 1], [0, 2]] = 1000.0  # the label 0, then the blank
    for labels, expected in (([0], 0.0), ([1], 1000.0)):
        loss, gradient = ctc_loss(scores, [labels], np.array([2]))
        assert loss == pytest.approx(expected, abs=1e-9) and np.isfinite(gradient).all()


@given(lines(most=9), st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_central_differences(line: tuple[Any, list[list[int]], Any], seed: int) -> None:
    scores, labels, lengths = line
    _, gradient = ctc_loss(scores, labels, lengths)
    direction = np.random.default_rng(seed).standard_normal(scores.shape)
    step = 1e-5
    ends = [ctc_loss(scores + sign * step * direction, labels, lengths)[0] for sign in (1, -1)]
    slope = (ends[0] - ends[1]) / (2 * step)
    assert slope == pytest.approx(float((gradient * direction).sum()), rel=1e-7, abs=1e-8)


def test_against_pytorch() -> None:
    torch = torch_or_skip()
    rng = np.random.default_rng(0)
    n, t, k = 6, 40, 12
    scores = 2.0 * rng.standard_normal((n, t, k))
    lengths = rng.integers(20, t + 1, n)
    labels = [rng.integers(0, k - 1, count).tolist() for count in (0, 1, 5, 9, 10, 10)]
    labels[2] = [3, 3, 3, 4, 4]
    z = torch.tensor(scores, requires_grad=True)
    logs = torch.log_softmax(z, 2).transpose(0, 1)
    flat = torch.tensor([label for own in labels for label in own])
    counts = torch.tensor([len(own) for own in labels])
    value = torch.nn.CTCLoss(blank=k - 1, reduction="none")(logs, flat, torch.tensor(lengths), counts).mean()
    value.backward()
    assert z.grad is not None
    loss, gradient = ctc_loss(scores, labels, lengths)
    assert loss == pytest.approx(value.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, z.grad.numpy(), rtol=0, atol=1e-10)


def test_a_line_alone_and_in_a_batch() -> None:
    rng = np.random.default_rng(1)
    scores = rng.standard_normal((3, 9, 5)).astype(np.float32)
    labels, lengths = [[0, 1, 1], [2], [3, 0, 3, 0]], np.array([5, 9, 7])
    _, together = ctc_loss(scores, labels, lengths)
    scores[0, 5:] = np.nan  # what lies beyond a line is not looked at
    assert ctc_loss(scores, labels, lengths)[1].tobytes() == together.tobytes()
    for i in range(3):
        alone = ctc_loss(scores[i : i + 1, : lengths[i]], labels[i : i + 1])[1]
        np.testing.assert_array_equal(alone[0] / np.float32(3), together[i, : lengths[i]])
        assert not together[i, lengths[i] :].any()


def test_long_lines_of_sure_scores_stay_finite() -> None:
    scores = np.zeros((1, 2000, 3), np.float32)
    scores[..., 2] = 500.0  # a blank everywhere: labels are all but impossible
    loss, gradient = ctc_loss(scores, [[0, 1] * 300])
    assert 2e5 < loss < 3.1e5 and np.isfinite(gradient).all()
    assert ctc_loss(scores, [[]])[0] == pytest.approx(0.0, abs=1e-9)
    scores[0, 3, 0] = np.nan
    assert np.isnan(ctc_loss(scores, [[0]])[0])


def test_what_a_path_reads() -> None:
    assert merged([0, 0, 2, 0, 1, 1, 2], 2) == [0, 0, 1]
    scores = np.full((2, 4, 3), -1.0)
    scores[0, [0, 1, 2, 3], [0, 2, 0, 1]] = scores[1, [0, 1, 2, 3], [1, 1, 0, 0]] = 1.0
    assert ctc_greedy(scores) == [[0, 0, 1], [1, 0]] and ctc_greedy(scores, [2, 2]) == [[0], [1]]
    assert columns_needed([]) == 0 and columns_needed([1, 1, 2, 2, 2]) == 8


@pytest.mark.parametrize(
    ("scores", "labels", "lengths", "message"),
    [
        (np.zeros((1, 3)), [[0]], None, "shape"),
        (np.zeros((1, 3, 1)), [[]], None, "shape"),
        (np.zeros((2, 3, 3)), [[0]], None, "each of the 2 lines"),
        (np.zeros((1, 3, 3)), [[2]], None, "0 ... 1"),
        (np.zeros((1, 3, 3)), [[0.5]], None, "0 ... 1"),
        (np.zeros((1, 3, 3)), [[0, 0]], [2], "need 3"),
        (np.zeros((1, 3, 3)), [[0]], [4], "0 ... 3"),
    ],
)
def test_what_does_not_fit(scores: Any, labels: Any, lengths: Any, message: str) -> None:
    with pytest.raises(GlassnetError, match=message):
        ctc_loss(scores, labels, lengths)
