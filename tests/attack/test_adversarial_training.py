"""Training on attacked batches: what it gains, and that it keeps every promise of a training."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.attack import (
    PGD,
    AdversarialEngine,
    Adversary,
    Goal,
    Victim,
    measure_robustness,
)
from glassnet.data import Preprocess, load
from glassnet.engines import Batch, NativeEngine
from glassnet.errors import GlassnetError, RecipeError, TrainingInterrupted
from glassnet.experiments import Recipe, resume, run_recipe
from glassnet.experiments.recipe import recipe_from
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.optim import SGD, Adam
from glassnet.train import Trainer
from support.callbacks import StopAt
from support.classifiers import digit_pictures


def _recipe(**train: object) -> Recipe:
    return recipe_from({
        "data": {"source": "digits", "train_limit": 600, "test_limit": 100},
        "model": {"network": "linear 32 -> relu -> linear", "preprocess": "scale -> standardise"},
        "train": {"epochs": 6, "batch": 32, **train},
    })  # fmt: skip


def test_a_step_is_made_on_what_the_attack_made() -> None:
    stored, labels = digit_pictures(32)
    x = (stored / 255).astype(np.float32)
    preprocess = Preprocess.parse("scale -> standardise").fit(stored)
    networks = [Network("linear 16 -> relu -> linear", (8, 8, 1), 10) for _ in range(2)]
    plain, inner = (NativeEngine(network, SoftmaxCrossEntropy(), SGD(0.1)) for network in networks)
    adversary = Adversary.parse("pgd 0.1, steps 3")
    engine = AdversarialEngine(inner, preprocess, adversary)
    key = (5, 1, 2)
    victim = Victim(plain, preprocess, (8, 8, 1))
    attacked = adversary.change(victim, x, labels, np.random.default_rng((*key, 0xADB)))
    size = np.abs(attacked.astype(float) - x).max()
    assert 0.05 < size <= 0.1 * (1 + 1e-6)
    wanted = plain.step(Batch(preprocess.transform(attacked), labels), 0.1)
    found = engine.step(Batch(x, labels, None, key), 0.1)
    assert found == wanted and found.loss > 1.05 * plain.loss.loss(plain.scores(preprocess.transform(x)), labels)[0]
    for name, array in networks[0].arrays().items():
        np.testing.assert_array_equal(array, networks[1].arrays()[name])
    np.testing.assert_array_equal(engine.scores(x), inner.scores(preprocess.transform(x)))


def test_it_makes_a_network_harder_to_fool() -> None:
    stored, labels = digit_pictures(200)
    plain, robust = run_recipe(_recipe(epochs=15)), run_recipe(_recipe(epochs=15, adversarial="pgd 0.1, steps 5"))
    rates = [
        measure_robustness(Victim.of(run.model), stored, labels, [0.1], effort="quick").accuracy(0.1)
        for run in (plain, robust)
    ]
    assert rates[1] > rates[0] + 0.15
    assert robust.evaluation is not None and robust.evaluation.accuracy > 0.8


def test_equal_seeds_give_equal_bits_and_a_stop_changes_nothing(tmp_path) -> None:
    recipe = _recipe(epochs=3, adversarial="pgd 0.1, steps 2")
    whole = run_recipe(recipe, tmp_path / "whole")

    splits = load("digits")
    del splits
    from glassnet.experiments import carry_out

    original = carry_out.build

    def build(*arguments):
        trainer = original(*arguments)
        trainer.callbacks = (*trainer.callbacks, StopAt(25))
        return trainer

    carry_out.build = build
    try:
        with pytest.raises(TrainingInterrupted):
            run_recipe(recipe, tmp_path / "stopped")
    finally:
        carry_out.build = original
    again = resume(tmp_path / "stopped")
    assert again.model.sha256 == whole.model.sha256


def test_another_adversary_cannot_resume(tmp_path) -> None:
    train = load("digits").train
    path = tmp_path / "checkpoint.safetensors"
    network = Network("linear", (8, 8, 1), 10)
    Trainer(network, epochs=1, adversarial="fgsm 0.1").fit(train, checkpoint_path=path)
    with pytest.raises(GlassnetError, match="adversarial"):
        Trainer(network, epochs=1, adversarial="fgsm 0.2").fit(train, checkpoint_path=path, resume=True)


def test_batch_normalisation_keeps_its_moments_while_attacked() -> None:
    stored, labels = digit_pictures(32)
    x = (stored / 255).astype(np.float32)
    network = Network("linear 8 -> batchnorm -> relu -> linear", (8, 8, 1), 10)
    inner = NativeEngine(network, SoftmaxCrossEntropy(), Adam(1e-3))
    engine = AdversarialEngine(inner, Preprocess(), Adversary(PGD(steps=4), 0.1))
    victim = Victim(inner, Preprocess(), (8, 8, 1))
    engine.step(Batch(x, labels), 1e-3)
    before = {name: array.copy() for name, array in network.arrays().items()}
    engine.adversary.change(victim, x, labels, np.random.default_rng(0))
    for name, array in network.arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_the_loss_rises_by_the_attack() -> None:
    stored, labels = digit_pictures(64)
    x = (stored / 255).astype(np.float32)
    network = Network("linear 8 -> relu -> linear", (8, 8, 1), 10)
    victim = Victim(NativeEngine(network, SoftmaxCrossEntropy(), SGD(0.1)), Preprocess(), (8, 8, 1))
    for text in ("fgsm 0.1", "pgd 0.1, steps 3", "pgd 0.5, steps 3, norm l2"):
        changed = Adversary.parse(text).change(victim, x, labels, np.random.default_rng(0))
        loss = [Goal(labels).loss("cross-entropy", victim.scores(pictures))[0].mean() for pictures in (x, changed)]
        assert loss[1] > loss[0]


@pytest.mark.parametrize("text", ["fgsm 0.3", "pgd 8/255, steps 7", "pgd 0.5, steps 3, step-size 0.25, norm l2"])
def test_notation_of_adversaries(text: str) -> None:
    adversary = Adversary.parse(text)
    assert adversary.notation() == text and Adversary.parse(adversary.notation()).notation() == text
    assert adversary.describe()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pgd", "Name the size"),
        ("pgd 0", "above 0"),
        ("pgd 30", "at most 1"),
        ("pgd 0.1, restarts 4", "leave restarts out"),
        ("pgd 0.1, norm l1", "pgd"),
        ("fab", "'fgsm EPS' or 'pgd EPS"),
        ("apgd 0.1", "'fgsm EPS' or 'pgd EPS"),
        ("pgd 0.1, step 3", "pgd"),
        ("fsgm 0.1", "Did you mean 'fgsm'"),
    ],
)
def test_wrong_adversaries_are_one_line(text: str, words: str) -> None:
    with pytest.raises(GlassnetError, match=words):
        Adversary.parse(text)
    with pytest.raises(GlassnetError, match=words):
        _recipe(adversarial=text)


def test_only_classifiers_of_pictures_are_attacked() -> None:
    with pytest.raises(RecipeError, match="classifiers of pictures"):
        Trainer(Network("linear 64", (8, 8, 1)), loss="squared-error", adversarial="fgsm 0.1")
    with pytest.raises(RecipeError, match=r"train\.adversarial"):
        _recipe(adversarial=3)
