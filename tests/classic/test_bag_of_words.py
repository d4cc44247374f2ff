"""Bags of visual words: what they count, that they tell pictures apart, what cannot be counted."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from glassnet import threads
from glassnet.classic import BagOfWords, BagOfWordsClassifier
from glassnet.classic.bag_of_words import pyramid_weights
from glassnet.classic.descriptors import describe, reach
from glassnet.classic.scoring import over_splits, probabilities_of
from glassnet.data import Dataset

SIDE = 24
SMALL = BagOfWords(12, cells=(2, 3), step=3, levels=2, sample=3000)


def stripes(count: int, seed: int = 0, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Colour pictures (count, 24, 24, 3) of noisy stripes in one of some directions, and which."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    labels = np.arange(count) % classes
    pictures = []
    for label in labels:
        angle = np.pi * label / classes
        wave = np.sin((np.cos(angle) * x + np.sin(angle) * y) * rng.uniform(0.6, 1.0) + rng.uniform(0, 6))
        pictures.append(127 + 80 * wave[..., None] + rng.normal(0, 15, (SIDE, SIDE, 3)))
    return np.clip(pictures, 0, 255).astype(np.uint8), labels


X, Y = stripes(60)


@pytest.fixture(scope="module")
def fitted() -> BagOfWords:
    return clone(SMALL).fit(X)


@pytest.fixture(scope="module")
def classifier() -> BagOfWordsClassifier:
    return BagOfWordsClassifier(SMALL).fit(X, Y)


@pytest.mark.parametrize(
    "estimator", [BagOfWords(7, levels=2), BagOfWordsClassifier(C=3.0)], ids=["words", "classifier"]
)
def test_scikit_learns_contract(estimator: Any) -> None:
    """As far as it is tested for what takes pictures: scikit-learn's own checks are of rows of features."""
    assert not estimator.__sklearn_tags__().input_tags.two_d_array
    again = clone(estimator)
    assert again.get_params(deep=False).keys() == estimator.get_params(deep=False).keys() and again is not estimator
    with pytest.raises(NotFittedError):
        (estimator.transform if hasattr(estimator, "transform") else estimator.predict)(X)
    assert not [name for name in vars(estimator) if name.endswith("_")]


def test_weights_of_the_pyramid() -> None:
    assert pyramid_weights(1).tolist() == [1.0]
    assert pyramid_weights(2).tolist() == [0.5] * 5
    assert pyramid_weights(3).tolist() == [0.25] * 5 + [0.5] * 16  # as in the paper


@pytest.mark.parametrize("points", ["dense", "harris", "random"])
def test_counts_add_up(points: str) -> None:
    bag = clone(SMALL).set_params(points=points, levels=3, n_points=15).fit(X[:20])
    counts = bag.transform(X[:8]).reshape(8, 21, 12) / bag.pyramid_[:, None]
    assert counts[:, 0].sum(axis=1) == pytest.approx(1)
    assert counts[:, 1:5].sum(axis=1) == pytest.approx(counts[:, 0], abs=1e-6)
    assert counts[:, 5:].reshape(8, 2, 2, 2, 2, 12).sum(axis=(2, 4)).reshape(8, 4, 12) == pytest.approx(
        counts[:, 1:5], abs=1e-6
    )


def test_counts_are_those_of_the_nearest_words(fitted: BagOfWords) -> None:
    """Counted once more, patch by patch, by float64 distances."""
    counts = np.zeros((5, 12))
    grey = (X[0] / 255.0 @ [0.2126, 0.7152, 0.0722]).astype(np.float32)
    for cell in (2, 3):
        room = SIDE - reach(cell)
        for row in range(room % 3 // 2, room + 1, 3):
            for column in range(room % 3 // 2, room + 1, 3):
                own = describe(grey[None], np.array([[row, column]]), np.array([0, 1]), cell)[0].astype(float)
                word = ((fitted.words_ - own) ** 2).sum(axis=1).argmin()
                middle = np.array([row, column]) + reach(cell) / 2
                down, across = (middle >= SIDE / 2).astype(int)
                counts[0, word] += 1
                counts[1 + 2 * down + across, word] += 1
    expected = 0.5 * counts / counts[0].sum()
    assert fitted.transform(X[:1])[0].reshape(5, 12) == pytest.approx(expected, abs=1e-6)


def test_words_and_their_patches(fitted: BagOfWords) -> None:
    assert fitted.words_.shape == (12, 128) and fitted.patches_.shape == (12, reach(2), reach(2), 3)
    assert fitted.get_feature_names_out()[-1] == "bagofwords59"
    assert fitted.frequencies_.sum() == 60 * 41 and fitted.examples_.shape == fitted.patches_.shape
    assert fitted.patches_.min() >= 0 and fitted.patches_.max() <= 1
    used = fitted.frequencies_ > 0
    near = fitted.examples_[used].mean(axis=3) - fitted.examples_[used].mean(axis=(1, 2, 3), keepdims=True)[..., 0]
    mean = fitted.patches_[used].mean(axis=3) - fitted.patches_[used].mean(axis=(1, 2, 3), keepdims=True)[..., 0]
    assert ((near * mean).sum(axis=(1, 2)) > 0).mean() > 0.7  # the patch nearest to a word looks like its mean


def test_equal_seeds_give_equal_bits_on_any_number_of_threads(fitted: BagOfWords) -> None:
    with threads.use(2):
        again = clone(SMALL).fit(X)
        counts = again.transform(X)
    assert again.words_.tobytes() == fitted.words_.tobytes()
    assert counts.tobytes() == fitted.transform(X).tobytes()
    assert np.concatenate([again.transform(X[i : i + 7]) for i in range(0, 60, 7)]).tobytes() == counts.tobytes()
    assert clone(SMALL).set_params(random_state=1).fit(X).words_.tobytes() != again.words_.tobytes()
    assert pickle.loads(pickle.dumps(again)).transform(X).tobytes() == counts.tobytes()


def test_bytes_floats_and_grey(fitted: BagOfWords) -> None:
    assert fitted.transform(X[:9] / 255.0) == pytest.approx(fitted.transform(X[:9]), abs=0.02)
    grey = np.rint(X @ [0.2126, 0.7152, 0.0722]).astype(np.uint8)
    bag = clone(SMALL).fit(grey)
    assert bag.patches_.shape[3] == 1
    assert (bag.transform(grey[:3]) == bag.transform(grey[:3, ..., None])).all()


def test_stripes_are_told_apart(classifier: BagOfWordsClassifier) -> None:
    new, labels = stripes(30, seed=1)
    assert classifier.score(new, labels) > 0.9
    probabilities = classifier.predict_proba(new)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert (probabilities.argmax(axis=1) == classifier.predict(new)).all()
    assert (classifier.decision_function(new).argmax(axis=1) == classifier.predict(new)).all()


@pytest.mark.parametrize("counts_map", ["hellinger", "chi2", "none"])
def test_evidence_and_intercepts_add_up_to_mean_scores(counts_map: str) -> None:
    model = BagOfWordsClassifier(SMALL, counts_map=counts_map).fit(X, Y)
    scores = model.decision_function(X)
    expected = [scores[np.equal(Y, c), c].mean() - scores[:, c].mean() for c in range(3)]
    assert model.evidence_.shape == (3, 12)
    assert model.evidence_.sum(axis=1) == pytest.approx(expected, abs=1e-5)


def test_two_classes_by_name() -> None:
    pictures, labels = stripes(24, classes=2)
    names = np.array(["upright", "level"])[labels]
    model = BagOfWordsClassifier(SMALL).fit(pictures, names)
    assert model.classes_.tolist() == ["level", "upright"] and model.score(pictures, names) == 1
    scores, probabilities = model.decision_function(pictures), model.predict_proba(pictures)
    mapped = model.map_.transform(model.words_.transform(pictures))
    assert scores == pytest.approx(model.machine_.decision_function(mapped))
    assert ((scores > 0) == (probabilities[:, 1] > 0.5)).all() and model.evidence_.shape == (2, 12)


def test_a_class_of_two_pictures_leaves_the_scores_as_they_are() -> None:
    rare = np.concatenate([np.flatnonzero(Y != 2), np.flatnonzero(Y == 2)[:2]])
    model = BagOfWordsClassifier(SMALL).fit(X[rare], Y[rare])
    assert model.temperature_ == 1 and np.isfinite(model.predict_proba(X)).all()


def test_in_a_search() -> None:
    search = GridSearchCV(BagOfWordsClassifier(SMALL), {"C": [0.1, 1.0], "words__levels": [1, 2]}, cv=2)
    assert search.fit(X[:30], Y[:30]).best_score_ > 0.8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_words": 0}, "n_words must be a whole number"),
        ({"n_words": 2.5}, "n_words must be a whole number"),
        ({"step": 0}, "step must be"),
        ({"levels": 7}, "levels must be at most 6"),
        ({"cells": ()}, "cells must be"),
        ({"cells": (0, 2)}, "cells must be"),
        ({"points": "corners"}, "points must be one of"),
        ({"random_state": -1}, "random_state must be"),
        ({"n_words": 5000}, "n_words is 5000, but the 2,460 patches"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clone(SMALL).set_params(**settings).fit(X)


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (np.zeros((3, 9)), "must hold pictures"),
        (np.zeros((0, 9, 9)), "must hold pictures"),
        (np.full((3, 9, 9), np.nan), "not finite"),
        (np.array([["a"]]), "must hold pictures"),
        (np.full((30, SIDE, SIDE), 0.4), "show only 1 different thing"),
    ],
)
def test_what_holds_no_words(pictures: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clone(SMALL).fit(pictures)


def test_classes_and_maps_that_do_not_do() -> None:
    with pytest.raises(ValueError, match="one class: 4"):
        BagOfWordsClassifier(SMALL).fit(X, np.full(60, 4))
    with pytest.raises(ValueError, match="one class for each picture"):
        BagOfWordsClassifier(SMALL).fit(X, Y[:-1])
    with pytest.raises(ValueError, match="counts_map must be one of"):
        BagOfWordsClassifier(SMALL, counts_map="root").fit(X, Y)
    with pytest.raises(ValueError, match="C must be positive"):
        BagOfWordsClassifier(SMALL, C=0.0).fit(X, Y)


def test_tiny_and_constant_pictures_are_counted_all_the_same(fitted: BagOfWords) -> None:
    for pictures in (np.zeros((2, 1, 1)), X[:2, :5, :9], np.full((2, SIDE, SIDE), 9, np.uint8)):
        assert fitted.transform(pictures).sum(axis=1) == pytest.approx(1)
    flat = clone(SMALL).set_params(points="harris").fit(X).transform(np.full((1, SIDE, SIDE), 0.5))
    assert flat.sum() == pytest.approx(1)  # no corner: the patch in the middle


def test_other_splits_and_classes_that_were_not_seen(classifier: BagOfWordsClassifier) -> None:
    data = Dataset(X, Y, ("a", "b", "c", "none"))
    found = over_splits(lambda seed: BagOfWordsClassifier(SMALL, random_state=seed), data, 12, 2)
    assert len(found) == 2 and min(found) > 0.7
    probabilities = probabilities_of(classifier, data)
    assert probabilities.shape == (60, 4) and not probabilities[:, 3].any()
