"""Robust accuracy: its properties, and the doubts that broken defences must raise."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from glassnet import attack, threads
from glassnet.attack import (
    APGD,
    CORRUPTIONS,
    FAB,
    FGSM,
    PGD,
    SEVERITIES,
    Goal,
    Square,
    Stage,
    Victim,
    corrupt,
    flags_of,
    measure_robustness,
    probe,
)
from glassnet.attack.pieces import piece_size
from glassnet.data import Preprocess
from glassnet.engines import Engine
from glassnet.errors import RecipeError
from glassnet.experiments import run_recipe
from glassnet.experiments.recipe import recipe_from
from glassnet.model import Model
from glassnet.nn import Network, SoftmaxCrossEntropy
from support.classifiers import digit_pictures, digits, linear_model, seen
from support.data_files import needs_real_data

STORED, LABELS = digit_pictures(100)
EPS = [0.03, 0.08, 0.15]


@pytest.mark.parametrize("norm", attack.NORMS)
def test_at_zero_it_is_the_clean_accuracy_and_larger_sizes_never_give_more(norm: str) -> None:
    victim = seen(digits())
    found = measure_robustness(victim, STORED, LABELS, EPS, norm=norm, effort="quick")
    clean = (victim.scores(STORED).argmax(axis=1) == LABELS).mean()
    rates = [found.accuracy(eps) for eps in (0, 1e-9, *EPS, 10)]
    assert rates[0] == clean and rates == sorted(rates, reverse=True) and rates[-2] < clean
    for eps in EPS:
        low, high = found.interval(eps)
        assert low <= found.accuracy(eps) <= high
        assert found.accuracy(eps) <= found.accuracy_as_bytes(eps) <= clean
        assert found.accuracy(eps) <= found.alone[eps, "FGSM"]
    after = [rate for eps, _, rate in found.accuracies if eps == EPS[-1]]
    assert after == sorted(after, reverse=True) and after[-1] == found.accuracy(EPS[-1])
    json.dumps(found.to_dict(), default=float)


@pytest.mark.parametrize("norm", attack.NORMS)
def test_what_is_counted_is_what_the_pictures_do(norm: str) -> None:
    victim = seen(digits())
    found = measure_robustness(victim, STORED, LABELS, EPS, norm=norm, effort="quick")
    fooled = np.isfinite(found.sizes) & (found.sizes > 0)
    for eps in EPS:
        np.testing.assert_array_equal(found.first[eps] >= 0, fooled & (found.sizes <= eps * (1 + 1e-6)))
    assert Goal(LABELS).reached(victim.scores(found.pictures))[fooled].all() and found.unlike == 0
    sizes = attack.NORMS[norm].size(found.pictures.astype(np.float64) - (STORED / 255.0).astype(np.float32))
    np.testing.assert_allclose(found.sizes[fooled], sizes[fooled])
    assert (found.by[fooled] >= 0).all() and (found.by[~fooled] == -1).all()
    assert sum(found.found_by(EPS[-1]).values()) == (fooled & (found.sizes <= EPS[-1] * (1 + 1e-6))).sum()


def test_more_effort_never_gives_more() -> None:
    victim = seen(digits())
    for seed in range(3):
        quick, standard = (
            measure_robustness(victim, STORED, LABELS, EPS, effort=effort, seed=seed)
            for effort in ("quick", "standard")
        )
        assert (standard.sizes <= quick.sizes).all()
        assert standard.accuracies[: len(quick.accuracies)] == quick.accuracies
    assert attack.EFFORTS["standard"][: len(attack.EFFORTS["quick"])] == attack.EFFORTS["quick"]
    assert attack.EFFORTS["thorough"][: len(attack.EFFORTS["standard"])] == attack.EFFORTS["standard"]


def test_equal_seeds_give_equal_figures() -> None:
    first, second = (measure_robustness(seen(digits()), STORED, LABELS, [0.1], effort="quick") for _ in range(2))
    np.testing.assert_array_equal(first.sizes, second.sizes)


def test_pieces_side_by_side_give_what_they_give_one_by_one() -> None:
    stored, labels = digit_pictures(300)  # more than one piece
    found = []
    for number in (1, 2):
        victim = seen(digits())
        with threads.use(number):
            found.append(measure_robustness(victim, stored, labels, [0.1], effort="quick"))
            assert victim.passes == found[-1].passes > 300 * 20
    np.testing.assert_array_equal(found[0].sizes, found[1].sizes)
    np.testing.assert_array_equal(found[0].pictures, found[1].pictures)
    assert found[0].to_dict() | {"seconds": 0} == found[1].to_dict() | {"seconds": 0}


def test_large_pictures_come_in_small_pieces() -> None:
    victim = seen(digits())
    assert piece_size(victim) == 250
    victim.image_shape = (224, 224, 3)
    assert 40 < piece_size(victim) < 60
    victim.image_shape = (4000, 4000, 3)
    assert piece_size(victim) == 1


def test_the_accuracy_is_never_below_the_exact_one_and_meets_it_for_linear_networks() -> None:
    rng = np.random.default_rng(0)
    model = linear_model(rng.standard_normal((6, 3)), np.zeros(3))
    stored = rng.integers(0, 256, (300, 2, 3, 1), np.uint8)
    labels = seen(model).scores(stored).argmax(axis=1)
    for norm in attack.NORMS:
        exact = attack.exact_linear(seen(model, np.float64), stored / 255.0, labels, norm).sizes
        found = measure_robustness(seen(model), stored, labels, [0.05, 0.2], norm=norm, effort="quick")
        for eps in (0.05, 0.2):
            assert found.accuracy(eps) == pytest.approx((exact > eps).mean(), abs=1.01 / 300)


def test_wrong_sizes_norms_and_efforts_are_one_line() -> None:
    victim = seen(digits())
    for eps in ([], [0.0], [-0.1], [np.nan], [np.inf]):
        with pytest.raises(RecipeError, match="above 0"):
            measure_robustness(victim, STORED, LABELS, eps)
    with pytest.raises(RecipeError, match="quick, standard, thorough"):
        measure_robustness(victim, STORED, LABELS, [0.1], effort="hard")
    with pytest.raises(RecipeError, match="'l2'"):
        measure_robustness(victim, STORED, LABELS, [0.1], norm="l3")


# ---- broken defences


class Noisy(Engine):
    """An engine whose scores are random."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.network, self.loss = engine, engine.network, engine.loss
        self.rng = np.random.default_rng(0)

    def scores(self, x: Any) -> Any:
        found = self.engine.scores(x)
        return found + self.rng.normal(0, 2, found.shape).astype(found.dtype)

    def input_gradient(self, x: Any, dscores: Any) -> Any:
        scores, gradient = self.engine.input_gradient(x, dscores)
        return scores + self.rng.normal(0, 2, scores.shape).astype(scores.dtype), gradient


class Rounding(Preprocess):
    """Rounds pixels to five levels; no gradient passes."""

    def transform(self, images: Any, *, dtype: Any = np.float32) -> Any:
        return np.rint(super().transform(images, dtype=dtype) * 4) / dtype(4)

    def adjoint(self, dy: Any, image_shape: Any) -> Any:
        return np.zeros((len(dy), *image_shape), dy.dtype)


def scaled(model: Model, name: str, factor: float) -> Model:
    """The model with a layer's weights and bias multiplied."""
    network = Network(model.network.notation(), model.network.input_shape)
    arrays = model.network.arrays()
    network.load_arrays({key: array * (factor if key.startswith(name) else 1) for key, array in arrays.items()})
    return Model(network, model.preprocess, model.image_shape, model.class_names, SoftmaxCrossEntropy())


def rules(victim: Victim, stages: Any = "quick", eps: Any = (0.1,)) -> dict[str, attack.Flag]:
    results = [measure_robustness(victim, STORED, LABELS, list(eps), effort=stages)]
    return {flag.rule: flag for flag in flags_of(victim, STORED, LABELS, results)}


def test_an_honest_model_raises_no_doubt() -> None:
    assert rules(seen(digits()), "standard", EPS) == {}
    convnet = digits("conv 3x3, 8, pad 1 -> relu -> maxpool 2x2 -> linear 32 -> relu -> linear", epochs=6)
    assert rules(seen(convnet)) == {}


def test_logits_times_ten_thousand_are_flagged_and_attacked_all_the_same() -> None:
    plain = digits()
    large = seen(scaled(plain, "3.linear", 1e4))
    flags = rules(large)
    assert "cross-entropy" in flags["zero-gradient"].title and flags["zero-gradient"].figures["margin"] == 0
    found = [measure_robustness(victim, STORED, LABELS, [0.1], effort="quick") for victim in (seen(plain), large)]
    assert found[1].accuracy(0.1) == pytest.approx(found[0].accuracy(0.1), abs=0.02)
    by_cross_entropy = PGD().run(
        large, (STORED / 255).astype(np.float32), Goal(LABELS), attack.norm_of("linf"), np.full(100, 0.1),
        np.random.default_rng(0),
    )  # fmt: skip
    assert (~Goal(LABELS).reached(large.scores(by_cross_entropy))).mean() > found[1].accuracy(0.1) + 0.1


def test_rounding_is_flagged_and_random_search_decides() -> None:
    model = digits()
    rounded = Model(model.network, Rounding(), model.image_shape, model.class_names, model.loss)
    stages = (Stage("PGD", PGD(steps=10)), Stage("Square", Square(steps=300)))
    flags = rules(seen(rounded), stages, (0.2,))
    assert flags["zero-gradient"].figures["margin"] > 80 and flags["zero-gradient"].figures["moved"] > 10
    assert flags["random-search-wins"].figures["pictures"] > 20


def test_saturated_tanh_is_flagged() -> None:
    model = digits("linear 32 -> tanh -> linear")
    flags = rules(
        seen(scaled(model, "1.linear", 1e4)), (Stage("PGD", PGD(steps=10)), Stage("Square", Square(steps=300)))
    )
    assert flags["zero-gradient"].figures["margin"] > 50


def test_random_answers_are_flagged() -> None:
    victim = seen(digits())
    victim.engine = Noisy(victim.engine)
    flags = rules(victim)
    assert "randomness" in flags and flags["randomness"].figures["pictures"] == 100


def test_pictures_of_one_class_do_not_make_a_model_constant() -> None:
    model = digits()
    stored, labels = digit_pictures(360)
    answers = seen(model).scores(stored).argmax(axis=1)
    zeros = (labels == 0) & (answers == 0)
    assert "constant" not in {flag.rule for flag in probe(seen(model), stored[zeros], labels[zeros])}


def test_a_constant_classifier_is_flagged() -> None:
    constant = linear_model(np.zeros((64, 10)), np.arange(10.0), (8, 8, 1))
    flags = rules(seen(constant))
    assert flags["constant"].figures["class"] == 9 and "zero-gradient" in flags
    assert "catastrophic-overfitting" not in flags  # what it gets right, FGSM leaves as all attacks do


def test_scores_that_are_no_numbers_are_flagged() -> None:
    weights = np.zeros((64, 10))
    broken = linear_model(weights, np.zeros(10), (8, 8, 1))
    broken.network.arrays()["1.linear.bias"][:] = np.inf
    with np.errstate(invalid="ignore"):
        assert {"non-finite"} <= {flag.rule for flag in probe(seen(broken), STORED, LABELS)}


def test_what_fgsm_training_learns_by_heart_is_flagged() -> None:
    """A network whose margin dips within the step and rises at its end: by construction, not by luck in training."""
    # Scores of class 1 over class 0: a tent on the mean of the pixels, highest in the middle of the FGSM step.
    network = Network("linear 3 -> relu -> linear 2", (8, 8, 1))
    mean = np.full((64, 3), 1 / 64, np.float32)
    network.load_arrays({
        "1.linear.weight": mean, "1.linear.bias": np.array([-0.5, -0.55, -0.6], np.float32),
        "3.linear.weight": np.array([[0, 40], [0, -80], [0, 0]], np.float32),
        "3.linear.bias": np.array([1.0, 0.0], np.float32),
    })  # fmt: skip
    model = Model(network, Preprocess(), (8, 8, 1), ("a", "b"), SoftmaxCrossEntropy())
    stored, labels = np.full((50, 8, 8, 1), 130, np.uint8), np.zeros(50, np.int64)
    victim = seen(model)
    result = measure_robustness(victim, stored, labels, [0.1], effort=(Stage("FGSM", FGSM()), Stage("FAB", FAB())))
    flags = {flag.rule: flag for flag in flags_of(victim, stored, labels, [result])}
    assert flags["catastrophic-overfitting"].figures["pictures"] == 50
    assert result.alone[0.1, "FGSM"] == 1 and result.accuracy(0.1) == 0


@needs_real_data
@pytest.mark.long
@pytest.mark.parametrize(("adversary", "found"), [("fgsm 0.3", True), (None, False)])
def test_a_network_that_was_trained_by_fgsm_is_flagged(adversary: str | None, found: bool) -> None:
    recipe = recipe_from({
        "data": {"source": "mnist", "train_limit": 10000, "test_limit": 200, "validation": 0},
        "model": {
            "network": "conv 4x4, 32, stride 2, pad 1 -> relu -> conv 4x4, 64, stride 2, pad 1 -> relu -> linear 256"
            " -> relu -> linear"
        },
        "optimizer": {"name": "adam", "lr": 1e-3},
        "train": {"epochs": 3, "batch": 64, **({"adversarial": adversary} if adversary else {})},
    })  # fmt: skip
    run = run_recipe(recipe)
    victim = Victim.of(run.model)
    stored, labels = run.evaluated.images, run.evaluated.labels
    result = measure_robustness(victim, stored, labels, [0.3], effort="quick")
    assert result.accuracy(0.3) < 0.05
    flags = {flag.rule for flag in flags_of(victim, stored, labels, [result])}
    assert ("catastrophic-overfitting" in flags) == found


def test_a_budget_that_is_too_small_is_flagged() -> None:
    stages = (Stage("FGSM", FGSM()), Stage("APGD", APGD(steps=5)))
    flags = rules(seen(digits()), stages, (0.15,))
    assert flags["budget"].figures["pictures"] >= 2
    assert all(flag.evidence and flag.meaning and flag.to_dict()["title"] for flag in flags.values())


# ---- corruptions


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_corruptions_are_seeded_and_grow_with_severity(kind: str) -> None:
    for shape in ((32, 32, 3), (28, 20, 1), (5, 5, 1)):
        noise = np.random.default_rng(0).normal(0, 1, (12, *shape))
        smooth = ndimage.gaussian_filter(noise, (0, 3, 3, 0))
        pictures = np.clip(128 + 70 * smooth / smooth.std() + 12 * noise, 0, 255).astype(np.uint8)
        found = [corrupt(pictures, kind, severity, seed=1) for severity in SEVERITIES]
        assert all(x.shape == pictures.shape and x.dtype == np.uint8 for x in found)
        np.testing.assert_array_equal(found[2], corrupt(pictures, kind, 3, seed=1))
        np.testing.assert_array_equal(found[2][:2], corrupt(pictures[:2], kind, 3, seed=1))
        change = [np.abs(x.astype(float) - pictures).mean() for x in found]
        if min(shape[:2]) > 5:
            assert 0 < change[0] < change[2] < change[4] and change[4] > 1.3 * change[0]


def test_between_two_severities() -> None:
    flat = np.full((3, 16, 16, 1), 100, np.uint8)
    np.testing.assert_array_equal(corrupt(flat, "noise", 0), flat)
    for severity, added in ((0.5, 0.04), (1, 0.08), (2.25, 0.18), (5, 0.4)):
        for sign in (1, -1):
            assert set(corrupt(flat, "brightness", severity, sign=sign).ravel()) == {round(100 + sign * added * 255)}
    assert CORRUPTIONS["jpeg"].strength(0.5) == 80 and CORRUPTIONS["contrast"].strength(1.5) == 0.625
    wide = np.repeat(np.arange(50, dtype=np.uint8), 2)[None, None, :, None].repeat(100, axis=1)
    middle = corrupt(wide, "crop", 5)[0, 50, :, 0]  # half of either side is left
    assert abs(int(middle[0]) - 12) <= 1 and abs(int(middle[-1]) - 37) <= 1
    for wrong in (-0.1, 5.1):
        with pytest.raises(RecipeError, match="from 0 to 5"):
            corrupt(flat, "blur", wrong)


def test_corruptions_by_their_definitions() -> None:
    flat = np.full((4, 16, 16, 1), 100, np.uint8)
    for kind in ("blur", "contrast", "shift", "rotation", "scale", "jpeg"):  # nothing to see in what is even
        assert np.abs(corrupt(flat, kind, 3).astype(int) - 100).max() <= 2  # quantised by JPEG
    noise = corrupt(np.full((40, 16, 16, 1), 128, np.uint8), "noise", 2).astype(float) / 255
    assert noise.std() == pytest.approx(0.08, rel=0.02)
    bright = corrupt(flat, "brightness", 1).astype(int) - 100
    assert set(np.abs(bright).ravel()) == {round(0.08 * 255)}
    assert (corrupt(np.full((4, 16, 16, 1), 255, np.uint8), "fog", 5) == 255).all()
    covered = corrupt(np.zeros((3, 20, 20, 1), np.uint8), "occlusion", 1)
    assert [(x > 0).sum() for x in covered] == [9, 9, 9]


def test_other_corruptions_are_refused() -> None:
    with pytest.raises(RecipeError, match="Did you mean 'blur'"):
        corrupt(STORED, "blurr", 1)
    with pytest.raises(RecipeError, match="1 to 5"):
        corrupt(STORED, "blur", 6)
