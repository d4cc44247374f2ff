"""Rules by themselves: each on records or a network made for it, with one that is as near and right beside it."""

from __future__ import annotations

import ast
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet
from glassnet.doctor import WHY, Case, examine
from glassnet.doctor.rules import RULES
from glassnet.metrics import Evaluation, evaluate
from glassnet.nn import Network

STEPS = 100


def answers(right: float, confidence: float = 0.9) -> Evaluation:
    """Of 300 pictures of 3 classes, so large a share right."""
    labels = np.arange(300) % 3
    predicted = np.where(np.arange(300) < 300 * right, labels, (labels + 1) % 3)
    probabilities = np.full((300, 3), (1 - confidence) / 2)
    probabilities[np.arange(300), predicted] = confidence
    return evaluate(probabilities, labels, ("a", "b", "c"))


def course(
    losses: list[float], accuracy: float = 0.6, *, rate: list[float] | None = None, ratio: float = 0.01, **more: Any
) -> Case:
    """A training of 10 epochs of 10 steps, by the losses of its epochs."""
    records: list[dict[str, Any]] = []
    for step in range(STEPS):
        norms = {
            f"{place}.linear.weight": {"gradient": 1.0, "weight": 1.0, "update": ratio} for place in (1, 3)
        }  # fmt: skip
        records.append({
            "kind": "step", "step": step + 1, "epoch": step // 10 + 1, "loss": losses[step // 10],
            "rate": 0.1 if rate is None else rate[step // 10], "norms": norms,
        })  # fmt: skip
        if step % 10 == 9:
            epoch = step // 10
            records.append({
                "kind": "epoch", "epoch": epoch + 1, "step": step + 1, "loss": losses[epoch],
                "accuracy": accuracy if epoch == 9 else accuracy * losses[-1] / losses[epoch],
            })  # fmt: skip
    settings = {"train.epochs": 10, "optimizer.name": "sgd", **more.pop("settings", {})}
    given: dict[str, Any] = {"evaluation": answers(accuracy), "counts": (100, 100, 100), "class_names": ("a", "b", "c")}
    return Case(records, **{**given, "settings": settings, **more})


FALLING = [1.1 * 0.9**epoch for epoch in range(10)]
FLAT = [1.1, 0.9, 0.8, *[0.75] * 7]


def names(case: Case) -> set[str]:
    return {finding.name for finding in examine(case)}


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (course(FLAT), set()),
        (course([1.1 * 0.95**epoch for epoch in range(10)], 0.45), {"too-few-epochs"}),
        (course(FALLING, 0.9), set()),
        (course([1.1, 0.8, 1.2, 0.7, 1.3, 0.6, 1.1, 0.9, 0.7, 0.8]), {"loss-oscillates"}),
        (course([1.1, 1.0, *[0.95] * 8], rate=[0.1, 0.01, *[1e-5] * 8]), {"schedule-ends-early"}),
        (course(FLAT, rate=[0.1 * 0.7**epoch for epoch in range(10)]), set()),
        (course([1.1, *[1.0] * 9], rate=[*[0.001] * 9, 0.1]), {"schedule-starts-late"}),
        (course(FLAT, settings={"train.clip": 0.01}), {"clip-too-small"}),
        (course(FLAT, settings={"train.clip": 1.0}), set()),
        (course(FLAT, settings={"optimizer.momentum": 0.999}), {"momentum-too-high"}),
        (course(FLAT, settings={"optimizer.momentum": 0.9}), set()),
        (course([1.0] * 10, 0.5, settings={"train.batch": 2}), {"batch-too-small"}),
        (course(FALLING, 0.9, settings={"train.batch": 2}), set()),
        (course(FLAT, settings={"model.loss": "softmax-cross-entropy, smoothing 0.9"}), {"smoothing-too-strong"}),
        (course(FLAT, settings={"model.loss": "softmax-cross-entropy, smoothing 0.1"}), set()),
        (course(FLAT, settings={"train.class_weights": "a = 500"}), {"class-weights"}),
        (course(FLAT, settings={"train.class_weights": "a = 5, b = 2"}), set()),
        (course(FLAT, settings={"train.adversarial": "fgsm 0.6"}), {"attack-too-strong"}),
        (course(FLAT, settings={"train.adversarial": "pgd 8/255, steps 7"}), set()),
        (course(FLAT, fitted_accuracy=0.2), {"worse-in-evaluation"}),
        (course(FLAT, fitted_accuracy=0.62), set()),
        (course(FLAT, means_accuracy=0.9), {"worse-than-means"}),
        (course(FLAT, means_accuracy=0.6), set()),
        (course(FLAT, diverged="The loss became infinite at step 7 (epoch 1)"), {"loss-not-finite"}),
        (course([0.5, 0.2, *[0.1] * 8], 0.95, evaluation=answers(0.34)), {"parts-differ", "labels-disagree", "at-chance"}),
        (course(FALLING, 0.8, evaluation=answers(0.34)), {"labels-random", "at-chance", "overfitting"}),
    ],
)  # fmt: skip
def test_courses(case: Case, expected: set[str]) -> None:
    assert names(case) == (expected or {"good"})


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("linear 8 -> relu -> linear 3", set()),
        ("linear 8 -> relu -> linear 3 -> sigmoid", {"output-activation"}),
        ("linear 8 -> linear 3", {"no-activation"}),
        ("linear 1 -> relu -> linear 3", {"bottleneck"}),
        ("linear 8 -> relu -> dropout 0.95 -> linear 3", {"dropout-too-strong"}),
        ("linear 8 -> relu -> dropout 0.5 -> linear 3", set()),
    ],
)
def test_networks(network: str, expected: set[str]) -> None:
    case = course(FLAT, network=Network(network, (4, 4, 1), 3), settings={"model.network": network})
    found = [finding for finding in examine(case) if finding.severity != "good"]
    assert {finding.name for finding in found} == expected
    if expected:
        assert examine(course(FLAT, network=Network(found[0].advice["model.network"], (4, 4, 1), 3)))[0].name == "good"


def test_weights_that_shrink_are_named_by_what_shrinks_them() -> None:
    case = course(FLAT, settings={"train.l2": 3.0})
    for place, (_, sizes) in enumerate(case.weight_norms):
        sizes["weight"] *= 0.97**place  # type: ignore[index]
    assert names(case) == {"l2-too-strong"}
    other = Case(case.records, case.evaluation, settings={"optimizer.weight_decay": 9.0}, counts=(1,) * 3)
    assert "decay-too-strong" in names(other)


def test_an_output_that_does_not_depend_on_the_input() -> None:
    probabilities = np.tile([0.5, 0.3, 0.2], (300, 1))
    found = evaluate(probabilities, np.arange(300) % 3, ("a", "b", "c"))
    assert {"one-class", "same-output"} <= names(Case([], found))


def test_a_training_left_at_its_beginning_is_not_judged_by_its_answers() -> None:
    case = course([1.1] * 10, 0.34, whole=False, settings={"train.epochs": 1000})
    assert case.early and names(case) == {"good"} and not case.failed
    assert "at-chance" in names(course([1.1] * 10, 0.34, evaluation=answers(0.34)))


def test_every_rule_has_a_sentence_and_every_finding_a_reason() -> None:
    assert all(rule.__doc__ for rule in RULES) and all(WHY[name] for name in WHY if name != "good")
    assert math.isnan(Case([]).first_loss)
    source = Path(glassnet.__file__).parent
    for file in (*(source / "doctor").glob("*.py"), *(source / "clinic").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding" and node.args:
                name = getattr(node.args[0], "value", "good")
                assert not isinstance(name, str) or name in WHY, (file.name, name)
