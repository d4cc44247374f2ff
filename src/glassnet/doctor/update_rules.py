"""Rules about the updates: how large they are beside the weights, and what keeps them from being right."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from glassnet.doctor.advice import rate_for, severity, short, usual_rate, without_zeros
from glassnet.doctor.case import Case
from glassnet.doctor.finding import Finding, Severity
from glassnet.doctor.words import size, some, times
from glassnet.nn.layers import Conv, Linear

__all__ = [
    "clip_too_small",
    "eps_too_large",
    "loss_not_finite",
    "momentum_too_high",
    "nothing_trained",
    "rate_too_high",
    "rate_too_low",
    "same_units",
    "slow_layer",
]

# |update| / |weight| of about 1e-3 is healthy: A. Karpathy, CS231n course notes, "Neural Networks Part 3". The largest
# of a training, on digits: 0.0043 to 0.17 in good runs, 2.4 and more where the rate was too high, 3e-4 and less where
# it was too low.
_USUAL = 1e-3
_TOO_LARGE, _TOO_SMALL = 0.3, 1e-3
_BURST = 3.0  # times the first loss: no good run on digits rose above 1.6 times
_LEARNED = 0.5  # of the first loss: below it a training has made progress, whatever its updates
_GOOD_ENOUGH = 0.9  # training accuracy above which slow updates are no fault, as in fine-tuning
_SAME = 1e-6  # of the largest weight: float32 rounding
_LAYERS_APART = 1e-3  # of the fastest layer's ratio. On digits, good runs: 0.05 and more
_CLIPPED = 100.0  # times the largest gradient allowed: clipping is for the rare gradient, Pascanu et al. 2013
_LONGEST_MEMORY = 0.99  # momentum; Sutskever et al. 2013 go up to it, late in a training
_ADAM_STEP = 0.01  # of the rate. Adam's updates are about the rate per weight: Kingma and Ba 2015, section 2.1


def loss_not_finite(case: Case) -> Iterator[Finding]:
    """A loss or weights that stopped being numbers."""
    if not case.diverged:
        return
    last = next((record for record in reversed(case.steps) if record.get("norms")), None)
    grew = ""
    if last is not None:
        name, sizes = max(last["norms"].items(), key=lambda item: item[1]["update"])
        grew = f" At step {last['step']} the update of {name} was {size(sizes['update'])}, its weights"
        grew += f" {size(sizes['weight'])}."
    where = case.first_bad or (_largest(case))
    began = f" It began in {case.first_bad}." if case.first_bad else ""
    lr = case.lr if case.lr > 0 else usual_rate(case)
    rate = min(rate_for(case, case.first_ratio), short(lr / 10))
    remedy = "Standardise the pictures, and clip the gradient."
    evidence = f"{case.diverged}.{began}{grew}"
    yield Finding("loss-not-finite", "failure", evidence, {"optimizer.lr": rate}, remedy, where, symptom=True)


def nothing_trained(case: Case) -> Iterator[Finding]:
    """Weights that no step changed."""
    still = case.never_moved
    names = {name for name, _ in case.weight_norms}
    if not still:
        return
    if len(still) == len(names) and not (case.lr > 0.0):
        evidence, advice = "No weight has changed: the learning rate is 0.", {"optimizer.lr": usual_rate(case)}
        yield Finding("no-update", "failure", evidence, advice, where=some(still))
        return
    flat = [name for name, zero in still.items() if zero]
    if flat:
        few = "gets" if len(flat) == 1 else "get"
        evidence = f"{some(flat)} {few} no gradient and never changed."
        worst: Severity = "failure" if len(flat) == len(names) else severity(case)
        yield Finding("no-gradient", worst, evidence, without_zeros(case), "Start from other weights.", some(flat))
    stuck = [name for name, zero in still.items() if not zero]
    if stuck and case.lr > 0.0 and case.settings.get("start.freeze") in (None, "none"):
        few = "gets a gradient and never changes" if len(stuck) == 1 else "get a gradient and never change"
        evidence = f"{some(stuck)} {few}: no step is made with it."
        remedy = "Look whether the optimiser is given this parameter."
        yield Finding("frozen-layer", severity(case), evidence, remedy=remedy, where=some(stuck))


def same_units(case: Case) -> Iterator[Finding]:
    """Hidden units that are copies of each other: equal weights get equal gradients, and stay equal."""
    if case.network is None:
        return
    layers = [(name, layer) for name, layer in case.network.walk() if isinstance(layer, Conv | Linear)]
    for name, layer in layers[:-1]:
        weight = np.asarray(layer.parameters["weight"].value, np.float64)
        units = weight.reshape(-1, weight.shape[-1])
        if units.shape[1] < 2 or not np.isfinite(units).all():
            continue
        if np.ptp(units, axis=1).max() <= _SAME * np.abs(units).max():
            yield Finding(
                "same-units",
                severity(case),
                f"All {units.shape[1]:,} units of {name} are the same: they began with equal weights and got equal"
                " gradients.",
                without_zeros(case),
                "Start from random weights.",
                f"{name}.weight",
            )
            return


def rate_too_high(case: Case) -> Iterator[Finding]:
    """Updates as large as the weights themselves, and a loss that did not fall or burst on the way."""
    ratio = case.largest_ratio
    rose, burst = case.last_loss > case.first_loss, case.highest_loss > _BURST * case.first_loss
    if not (ratio >= _TOO_LARGE and case.lr > 0.0) or not (rose or burst or case.failed):
        return
    loss = f"; the loss went from {case.first_loss:.3g} to {size(case.last_loss)}" if rose or burst else ""
    if burst and case.highest_loss > 2.0 * case.last_loss:
        loss += f", by way of {size(case.highest_loss)}"
    yield Finding(
        "rate-too-high",
        severity(case),
        f"The learning rate of {case.lr:g} is too high: an update was {times(ratio)} the size of the weights that it"
        f" changed (about {_USUAL:g} is usual){loss}.",
        {"optimizer.lr": rate_for(case, case.first_ratio)},
        where=_largest(case),
    )


def rate_too_low(case: Case) -> Iterator[Finding]:
    """Updates that are too small for the loss to fall in so many steps."""
    ratio = case.largest_ratio
    if not (0.0 < ratio < _TOO_SMALL and case.last_loss > _LEARNED * case.first_loss):
        return
    if case.training_accuracy > _GOOD_ENOUGH:
        return
    yield Finding(
        "rate-too-low",
        severity(case),
        f"The learning rate of {case.lr:g} is too low: no update was above {ratio:.1g} of the weights (about"
        f" {_USUAL:g} is usual), and the loss only went from {case.first_loss:.3g} to {case.last_loss:.3g}.",
        {"optimizer.lr": rate_for(case, ratio)},
        where=_largest(case),
    )


def slow_layer(case: Case) -> Iterator[Finding]:
    """A layer whose updates are out of proportion to those of the others: the gradient hardly reaches it."""
    middles = {name: float(np.median(values)) for name, values in case.ratios.items() if values}
    if len(middles) < 2 or case.training_accuracy > _GOOD_ENOUGH or "start.freeze" in case.settings:
        return
    slow, fast = min(middles, key=lambda name: middles[name]), max(middles, key=lambda name: middles[name])
    if 0.0 < middles[slow] < _LAYERS_APART * middles[fast]:
        evidence = (
            f"{slow} hardly learns: its updates are {middles[slow]:.1g} of its weights, those of {fast}"
            f" {middles[fast]:.1g} of theirs."
        )
        remedy = "Fewer layers, ReLUs, batch normalisation or residual connections bring the gradient there."
        yield Finding("slow-layer", severity(case), evidence, remedy=remedy, where=slow)


def clip_too_small(case: Case) -> Iterator[Finding]:
    """Gradients that are clipped at every step to a small part of what they are."""
    clip = case.settings.get("train.clip")
    if not isinstance(clip, int | float) or clip <= 0 or case.training_accuracy > _GOOD_ENOUGH:
        return
    norms = case.gradient_norms
    if norms and (middle := float(np.median(norms))) > _CLIPPED * clip:
        evidence = (
            f"Every gradient is clipped: half of them are longer than {size(middle)}, and {clip:g} is allowed, so steps"
            f" are {times(middle / clip)} too short."
        )
        yield Finding("clip-too-small", severity(case), evidence, {"train.clip": short(middle)}, where="train.clip")


def momentum_too_high(case: Case) -> Iterator[Finding]:
    """A memory of gradients that is long beside the training itself."""
    name = "optimizer.momentum" if "optimizer.momentum" in case.settings else "optimizer.beta1"
    momentum, steps = case.settings.get(name), case.last_step
    if not isinstance(momentum, int | float) or not _LONGEST_MEMORY < momentum < 1.0 or not steps:
        return
    memory = 1.0 / (1.0 - momentum)
    evidence = (
        f"A momentum of {momentum:g} adds up the gradients of about {memory:,.0f} steps, the training has {steps:,}:"
        f" steps are {memory:,.0f} times as long as the rate says, and hardly turn."
    )
    yield Finding("momentum-too-high", severity(case), evidence, {name: 0.9}, where=name)


def eps_too_large(case: Case) -> Iterator[Finding]:
    """An Adam that makes steps far below its rate, since eps outweighs the gradients."""
    name, eps = str(case.settings.get("optimizer.name", "")), case.settings.get("optimizer.eps", 1e-8)
    if name not in ("adam", "adamw", "rmsprop") or not isinstance(eps, int | float) or eps <= 1e-6:
        return
    if case.network is None or case.training_accuracy > _GOOD_ENOUGH:
        return
    counts = {name: parameter.value.size for name, parameter in case.network.parameters().items()}
    shares = [
        sizes["update"] / (float(record["rate"]) * math.sqrt(counts[name]))
        for record in case.steps
        for name, sizes in (record.get("norms") or {}).items()
        if name in counts and float(record.get("rate", 0.0)) > 0.0
    ]
    if shares and (middle := float(np.median(shares))) < _ADAM_STEP:
        evidence = (
            f"The optimiser's eps of {eps:g} outweighs the gradients: its updates are {middle:.1g} of the learning rate"
            " per weight, where about 1 is usual."
        )
        yield Finding("eps-too-large", severity(case), evidence, {"optimizer.eps": 1e-8}, where="optimizer.eps")


def _largest(case: Case) -> str:
    return max(case.ratios, key=lambda name: max(case.ratios[name]), default="")
