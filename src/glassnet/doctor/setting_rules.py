"""Rules about what was asked for: a network that cannot do it, or a setting that outweighs what is to be learned."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from glassnet.doctor.advice import severity, without
from glassnet.doctor.case import Case
from glassnet.doctor.finding import Finding
from glassnet.doctor.words import percent, times
from glassnet.nn.layer import Layer
from glassnet.nn.layers import Conv, Dropout, Flatten, Linear, ReLU, Sigmoid, Tanh

__all__ = [
    "attack_too_strong",
    "augmentation_too_strong",
    "class_weights",
    "decay_too_strong",
    "dropout_too_strong",
    "no_activation",
    "output_activation",
    "smoothing_too_strong",
    "too_narrow",
]

_DROPPED = 0.8  # of a layer; Srivastava et al. 2014 drop 0.2 of inputs and 0.5 of hidden units
_SMOOTHED = 0.5  # Szegedy et al. 2016 take 0.1
_WEIGHED = 100.0  # times as much as another class
_SHRUNK = 0.3  # of what the weights began with. On digits, good runs: 0.95 and more
_GREY = 0.5  # a change of half the range makes every picture the same grey
_DONE = 0.9  # training accuracy of a network that has room enough
_DISTURBED = 0.25  # accuracy that augmentation costs; on digits, good runs: at most 0.1
_ACTIVATIONS = (ReLU, Sigmoid, Tanh)


def decay_too_strong(case: Case) -> Iterator[Finding]:
    """Weights that shrink under weight decay or L2 regularisation faster than they can grow."""
    l2, decay = _number(case, "train.l2"), _number(case, "optimizer.weight_decay")
    if not (l2 > 0.0 or decay > 0.0) or case.training_accuracy > _DONE:
        return
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for name, sizes in case.weight_norms:
        first.setdefault(name, sizes["weight"])
        last[name] = sizes["weight"]
    shares = {name: last[name] / norm for name, norm in first.items() if norm > 0.0}
    if not shares or not max(shares.values()) < _SHRUNK:
        return
    where = max(shares, key=lambda name: shares[name])
    by_l2 = l2 >= decay
    what = f"L2 regularisation of {l2:g}" if by_l2 else f"weight decay of {decay:g}"
    evidence = (
        f"The {what} outweighs the loss: it has shrunk every layer's weights, those of {where}, which kept most, to"
        f" {percent(shares[where])} of their length."
    )
    advice: dict[str, Any] = {"train.l2": 0.0} if by_l2 else {"optimizer.weight_decay": 0.01}
    yield Finding("l2-too-strong" if by_l2 else "decay-too-strong", severity(case), evidence, advice, where=where)


def dropout_too_strong(case: Case) -> Iterator[Finding]:
    """Dropout that leaves next to nothing of a layer."""
    for name, layer in _layers(case):
        if isinstance(layer, Dropout) and layer.p > _DROPPED and not case.training_accuracy > _DONE:
            evidence = f"{name} drops {100 * layer.p:g} % of its input in training; up to 50 % is usual."
            advice = without(case, r"dropout\s+[0-9.]+", "dropout 0.5")
            yield Finding("dropout-too-strong", severity(case), evidence, advice, where=name)


def smoothing_too_strong(case: Case) -> Iterator[Finding]:
    """Labels smoothed until little is left of them."""
    loss = str(case.settings.get("model.loss", ""))
    found = re.search(r"smoothing\s+([0-9.e-]+)", loss)
    if found and float(found[1]) > _SMOOTHED and len(case.class_names) > 1:
        s, k = float(found[1]), len(case.class_names)
        evidence = (
            f"Labels are smoothed by {s:g}: the true class is to get a probability of {1 - s + s / k:.2f}, each other"
            f" {s / k:.2f}. 0.1 is usual."
        )
        advice = {"model.loss": loss.replace(found[0], "smoothing 0.1")}
        yield Finding("smoothing-too-strong", severity(case), evidence, advice, where="model.loss")


def class_weights(case: Case) -> Iterator[Finding]:
    """A class that counts so much more than others that they are not learned."""
    text = str(case.settings.get("train.class_weights", ""))
    factors = {name.strip(): float(number) for name, number in re.findall(r"([^,=]+)=\s*([0-9.e+-]+)", text)}
    if not factors:
        return
    if len(factors) < len(case.class_names):
        factors.setdefault("others", 1.0)
    high, low = max(factors, key=lambda name: factors[name]), min(factors, key=lambda name: factors[name])
    ratio = factors[high] / factors[low]
    if ratio >= _WEIGHED:
        evidence = f"The class weights make '{high}' count {times(ratio)} as much as '{low}'."
        advice = {"train.class_weights": "balanced"}
        yield Finding("class-weights", severity(case), evidence, advice, where="train.class_weights")


def attack_too_strong(case: Case) -> Iterator[Finding]:
    """An attack that may make every training picture the same grey."""
    text = str(case.settings.get("train.adversarial", ""))
    found = re.match(r"(?:fgsm|pgd)\s+([0-9.]+)(?:/([0-9.]+))?", text)
    if not found or "norm l2" in text:
        return
    eps = float(found[1]) / float(found[2] or 1.0)
    if eps >= _GREY:
        evidence = f"Every pixel may be changed by {eps:g} of the range in training: any picture can become grey."
        advice = {"train.adversarial": "pgd 8/255, steps 7"}
        yield Finding("attack-too-strong", severity(case), evidence, advice, where="train.adversarial")


def augmentation_too_strong(case: Case) -> Iterator[Finding]:
    """Augmented pictures that are far harder to tell apart than the pictures themselves."""
    augment = case.settings.get("train.augment")
    lost = case.fitted_accuracy - case.last_accuracy
    settled = case.whole and len(case.epochs) >= 3  # before, accuracy as it went is that of worse weights
    if augment and settled and lost > _DISTURBED and case.last_accuracy < 0.5 and not _drops(case):
        evidence = (
            f"{percent(case.last_accuracy)} of the augmented training pictures are right, and"
            f" {percent(case.fitted_accuracy)} of the same pictures without '{augment}'."
        )
        advice = {"train.augment": ""}
        remedy = "Augment by what leaves a picture's class as it is."
        yield Finding("augmentation-too-strong", severity(case), evidence, advice, remedy, "train.augment")


def output_activation(case: Case) -> Iterator[Finding]:
    """A last layer that squeezes or cuts off the scores that the loss takes."""
    layers = [layer for _, layer in _layers(case)]
    if not case.classifies or not layers or not isinstance(layers[-1], _ACTIVATIONS):
        return
    word = layers[-1].word
    evidence = (
        f"The scores come out of a {word}, and the loss takes scores of any sign and size: probabilities can neither"
        " get near 0 nor near 1."
    )
    advice = without(case, rf"\s*->\s*{word}\s*$")
    yield Finding("output-activation", severity(case), evidence, advice, where=f"{len(layers)}.{word}")


def no_activation(case: Case) -> Iterator[Finding]:
    """Layers of weights with nothing between them, or in the whole network, that is not linear."""
    layers = _layers(case)
    weights = [(name, layer) for name, layer in layers if isinstance(layer, Conv | Linear)]
    if not case.classifies or len(weights) < 2:
        return
    if not any(isinstance(layer, _ACTIVATIONS) for _, layer in layers):
        evidence = (
            f"No activation stands between the {len(weights)} layers of weights, so that they do the work of one."
        )
        advice = without(case, r"((?:linear|conv)\b[^>]*?)\s*->", r"\1 -> relu ->")
        yield Finding("no-activation", severity(case), evidence, advice, "Put a ReLU behind each.", weights[0][0])
        return
    last: tuple[str, Layer] | None = None
    for name, layer in layers:
        if isinstance(layer, Linear):
            if last is not None and math.prod(last[1].output_shape) >= (layer.outputs or math.inf):
                evidence = f"Nothing stands between {last[0]} and {name}, so that the two do the work of one."
                yield Finding("no-activation", "warning", evidence, {}, "Put a ReLU between them.", name)
                return
            last = (name, layer)
        elif not isinstance(layer, Flatten | Dropout):
            last = None


def too_narrow(case: Case) -> Iterator[Finding]:
    """A layer through which not even the number of the class fits."""
    layers = [(name, layer) for name, layer in _layers(case) if isinstance(layer, Linear | Conv)]
    if not case.classifies or case.training_accuracy > _DONE:
        return
    least = math.ceil(math.log2(max(2, len(case.class_names))))
    for name, layer in layers[:-1]:
        units = math.prod(layer.output_shape)
        if units < least:
            what = "a single number" if units == 1 else f"{units} numbers"
            evidence = (
                f"Everything passes through {what} at {name}: {len(case.class_names)} classes need at least {least}"
                " that are on or off."
            )
            advice = without(case, rf"linear\s+{units}\b", "linear 64")
            yield Finding("bottleneck", severity(case), evidence, advice, "Give the layer more units.", name)


def _layers(case: Case) -> list[tuple[str, Layer]]:
    return [] if case.network is None else list(case.network.walk())


def _drops(case: Case) -> bool:
    return any(isinstance(layer, Dropout) and layer.p > 0.3 for _, layer in _layers(case))


def _number(case: Case, name: str) -> float:
    value = case.settings.get(name, 0.0)
    return float(value) if isinstance(value, int | float) else 0.0
