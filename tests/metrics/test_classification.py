"""Evaluation against scikit-learn, on generated predictions that include absent classes and ties."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as oracle

from glassnet.errors import DataError
from glassnet.metrics import best_temperature, calibration, confusion_matrix, evaluate, wilson_interval


def softmax_case(seed: int, n: int, k: int, dtype: type = np.float64) -> tuple[NDArray[Any], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    scores = rng.normal(0, 1.5, (n, k))
    scores[np.arange(n), labels] += 1.5
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (p / p.sum(axis=1, keepdims=True)).astype(dtype), labels


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(2, 12))
def test_figures_agree_with_scikit_learn(seed: int, n: int, k: int) -> None:
    p, labels = softmax_case(seed, n, k)
    found = evaluate(p, labels, [f"c{i}" for i in range(k)])
    names = list(range(k))
    predicted = p.argmax(axis=1)
    assert found.accuracy == pytest.approx(oracle.accuracy_score(labels, predicted))
    assert found.loss == pytest.approx(oracle.log_loss(labels, p, labels=names), rel=1e-9)
    np.testing.assert_array_equal(found.confusion, oracle.confusion_matrix(labels, predicted, labels=names))
    precision, recall, f1, support = oracle.precision_recall_fscore_support(
        labels, predicted, labels=names, zero_division=np.nan
    )
    np.testing.assert_allclose([s.precision for s in found.per_class], precision)
    np.testing.assert_allclose([s.recall for s in found.per_class], recall)
    np.testing.assert_allclose([s.f1 for s in found.per_class], f1)
    np.testing.assert_array_equal([s.support for s in found.per_class], support)
    for top, share in found.top_k.items():
        if top < k and k > 2:
            assert share == pytest.approx(oracle.top_k_accuracy_score(labels, p, k=top, labels=names))
    assert found.accuracy_interval == wilson_interval(int((predicted == labels).sum()), n)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 6))
def test_invariants(seed: int, n: int, k: int) -> None:
    p, labels = softmax_case(seed, n, k, np.float32)
    found = evaluate(p, labels, [str(i) for i in range(k)])
    assert found.confusion.sum() == n == found.n
    assert found.top_k[1] == found.accuracy
    shares = list(found.top_k.values())
    assert shares == sorted(shares)
    assert found.loss == pytest.approx(-np.log(p[np.arange(n), labels].astype(np.float64)).mean(), abs=1e-12)
    assert 0.0 <= found.calibration.error <= 1.0
    assert found.calibration.counts.sum() == n
    wrong = found.mistakes()
    assert len(wrong) == n - np.trace(found.confusion)
    assert (np.diff(found.confidences[wrong]) <= 0).all()
    assert sum(pair.count for pair in found.most_confused(None)) == len(wrong)
    json.dumps(found.to_dict(), allow_nan=False)


def test_undefined_figures_are_nan_and_null() -> None:
    found = evaluate([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0]], [0, 1], ["a", "b", "never"])
    never = found.per_class[2]
    assert math.isnan(never.recall) and math.isnan(never.precision) and math.isnan(never.f1)
    assert math.isnan(found.per_class[1].precision) and found.per_class[1].recall == 0.0
    plain = found.to_dict()["per_class"][2]
    assert plain["recall"] is None and plain["recall_interval"] == [None, None]


def test_ties_are_counted_as_argmax_counts_them() -> None:
    found = evaluate(np.full((3, 3), 1 / 3), [0, 1, 2], ["a", "b", "c"])
    assert found.accuracy == pytest.approx(1 / 3)
    assert found.top_k == {1: pytest.approx(1 / 3), 2: pytest.approx(2 / 3)}


def test_mistakes_and_confusions_in_order() -> None:
    p = [[0.1, 0.9], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]]
    found = evaluate(p, [0, 1, 0, 1], ["a", "b"])
    assert found.mistakes().tolist() == [0, 2, 1]
    assert found.mistakes(1).tolist() == [0]
    first = found.most_confused()[0]
    assert (first.true, first.predicted, first.count, first.share) == (0, 1, 2, 1.0)


def test_a_probability_of_zero_costs_a_finite_loss() -> None:
    assert evaluate([[0.0, 1.0]], [0], ["a", "b"]).loss == pytest.approx(708.396, abs=1e-3)


@pytest.mark.parametrize(
    ("p", "labels", "names"),
    [
        ([0.5, 0.5], [0], ["a", "b"]),
        (np.empty((0, 2)), np.empty(0, int), ["a", "b"]),
        ([[0.5, 0.5]], [0, 1], ["a", "b"]),
        ([[0.5, 0.5]], [0.0], ["a", "b"]),
        ([[0.5, 0.5]], [2], ["a", "b"]),
        ([[0.5, 0.5]], [-1], ["a", "b"]),
        ([[0.5, 0.5]], [0], ["a"]),
        ([[np.nan, 0.5]], [0], ["a", "b"]),
        ([[2.0, 3.0]], [0], ["a", "b"]),
        ([[-0.5, 1.5]], [0], ["a", "b"]),
    ],
)
def test_wrong_input_is_told_in_one_line(p: Any, labels: Any, names: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        evaluate(p, labels, names)
    assert "\n" not in str(caught.value)


def naive_calibration_error(confidences: NDArray[Any], correct: NDArray[Any], bins: int) -> float:
    total = 0.0
    for m in range(bins):
        inside = [i for i, c in enumerate(confidences) if m / bins < c <= (m + 1) / bins or (m == 0 and c == 0)]
        if inside:
            gap = np.mean([correct[i] for i in inside]) - np.mean([confidences[i] for i in inside])
            total += len(inside) / len(confidences) * abs(gap)
    return total


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40), st.sampled_from([1, 4, 8]))
def test_calibration_error_is_its_definition(pairs: list[tuple[float, bool]], bins: int) -> None:
    confidences = np.array([c for c, _ in pairs])
    correct = np.array([r for _, r in pairs])
    found = calibration(confidences, correct, bins)
    assert found.error == pytest.approx(naive_calibration_error(confidences, correct, bins), abs=1e-12)
    json.dumps(found.to_dict(), allow_nan=False)


def test_calibration_rejects_what_is_no_confidence() -> None:
    for confidences, correct, bins in (
        ([], [], 15),
        ([0.5], [True, False], 15),
        ([1.5], [True], 15),
        ([0.5], [True], 0),
    ):
        with pytest.raises(DataError):
            calibration(confidences, correct, bins)


def test_confusion_matrix_has_true_rows() -> None:
    table = confusion_matrix(np.array([0, 0, 1]), np.array([1, 1, 1]), 2)
    assert table.tolist() == [[0, 2], [0, 1]]


def test_the_best_temperature_undoes_a_scale() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (20_000, 5))
    p = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    labels = (p.cumsum(axis=1) > rng.random((len(p), 1))).argmax(axis=1)
    for scale in (0.5, 1.0, 3.0):
        assert best_temperature(scale * honest, labels) == pytest.approx(scale, rel=0.03)
    with pytest.raises(DataError, match="temperature needs"):
        best_temperature(honest, labels[:-1])
    with pytest.raises(DataError, match="temperature needs"):
        best_temperature(honest, labels + 1)
