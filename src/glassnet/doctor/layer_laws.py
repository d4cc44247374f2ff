"""Laws of single layers: each layer of a network alone, on random numbers in float64.

A layer that breaks one spoils all that lies below it in the backward pass and all above it in the forward pass; looked
at alone, it is the only one that does.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassnet.check import sampled_numerical_gradient
from glassnet.doctor.finding import Finding
from glassnet.doctor.probe import Probe, double
from glassnet.nn import BatchNorm, Dropout
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer

__all__ = ["dropout_law", "layer_gradients", "normalisation_law"]

# Steps of the differences, the first where no kink is crossed. float64's rounding, 2e-16 of the sum, divided by the
# smallest step is 2e-8; truncation h^2 f''' is far below.
_STEPS = (1e-6, 1e-7, 1e-8)
_WRONG = 1e-5  # of the gradient's size: a hundred times what both errors come to, a thousandth of a typical mistake
_EXAMPLES = 3
_LOOKED_AT = 64  # elements that are searched for the worst one of a wrong tensor
_DRAWN = 64  # examples through dropout
# Standard deviations that a share of dropped numbers may be off by: chance does it once in 5e8 times.
_SIGMAS = 6.0
_ROUNDING = 1e-9  # of the largest number: both ways are float64


# ---- gradients


def layer_gradients(probe: Probe) -> Iterator[Finding]:
    """Every layer's backward pass is the derivative of its forward pass.

    For a layer y = f(x, w), an upstream gradient u and a direction v, d/dh <u, f(x + h v, w)> at h = 0 is <dx, v> with
    the dx that `backward(u)` gives; the same for each of its parameters. With u and v drawn at random, <dx - true, v>
    is 0 for no wrong dx but a set of measure 0: one direction checks all elements at once. A composite is looked at
    where no layer inside it is wrong.
    """
    wrong: set[str] = set()
    layers = list(double(probe.network, fused=False).walk())
    for name, layer in reversed(layers):  # those inside a composite come before it
        if any(inside.startswith(f"{name}.") for inside in wrong):
            continue
        found = [finding for train in _modes(layer) for finding in _gradients_of(name, layer, train, probe.rng())]
        if found:
            wrong.add(name)
        yield from _once(found)


def _modes(layer: Layer) -> tuple[bool, ...]:
    insides = [layer, *(inside for branch in layer.branches.values() for inside in branch)]
    return (False, True) if any(inside.state or inside.draws or inside.branches for inside in insides) else (False,)


def _gradients_of(name: str, layer: Layer, train: bool, rng: np.random.Generator) -> Iterator[Finding]:
    x = rng.standard_normal((_EXAMPLES, *layer.input_shape))
    y = np.array(layer.forward(x.copy(), train=train), np.float64)
    u = rng.standard_normal(y.shape)
    dx = layer.backward(u.copy())
    tensors = {"input": (x, None if dx is None else np.array(dx).reshape(x.shape))}
    layer.arena.release(dx)
    own = {} if layer.branches else layer.parameters  # those of a composite are looked at in their layers
    for short, parameter in own.items():
        tensors[short] = (parameter.value, parameter.grad.copy())
    for short, (values, gradient) in tensors.items():
        given = f"{name}, {short}" if short == "input" else f"{name}.{short}"
        if gradient is None:
            yield _wrong(given, "The gradient is missing: the backward pass gives none.")
        elif not np.isfinite(gradient).all():
            yield _wrong(given, f"The gradient of {given} is not finite on ordinary random numbers.")
        else:
            yield from _compared(given, layer, x, values, gradient, u, train, rng)


def _compared(
    place: str, layer: Layer, x: Array, values: Array, gradient: Array, u: Array, train: bool, rng: np.random.Generator
) -> Iterator[Finding]:
    """The gradient of `values`, which are x itself or a parameter, against a difference along a random direction."""
    middle, direction = values.copy(), rng.standard_normal(values.shape)

    def at(moved: Array) -> tuple[Array, list[Array]]:
        values[...] = moved
        y = np.array(layer.forward(x.copy(), train=train), np.float64)
        kinks = layer.kink_signature()
        values[...] = middle
        return y, kinks

    for step in _STEPS:
        (up, one), (down, other) = at(middle + step * direction), at(middle - step * direction)
        if all(np.array_equal(a, b) for a, b in zip(one, other, strict=True)):
            break
    else:
        return  # a kink at every step: no derivative to compare with
    numerical = float((u * (up - down)).sum()) / (2 * step)
    analytic = float((gradient * direction).sum())
    noise = float(np.finfo(np.float64).eps) * float(np.abs(u * up).sum()) / step
    size = max(abs(numerical), abs(analytic), float(np.linalg.norm(gradient)))
    if abs(analytic - numerical) <= _WRONG * size + 10 * noise:
        return
    looked = rng.choice(values.size, min(values.size, _LOOKED_AT), replace=False)
    true = sampled_numerical_gradient(lambda moved: at(moved)[0], middle, looked, u, step)
    given = gradient.reshape(-1)[looked]
    worst = int(np.argmax(np.abs(given - true)))
    element = ", ".join(str(int(i)) for i in np.unravel_index(looked[worst], values.shape))
    mode = "training" if train else "evaluation"
    yield _wrong(
        place,
        f"The backward pass of {place} is wrong in {mode} mode: at [{element}] it gives {given[worst]:.6g}, and"
        f" differences give {true[worst]:.6g}{_pattern(given, true)}. Everything trained below gets a wrong gradient.",
    )


def _pattern(given: Array, true: Array) -> str:
    """What a wrong gradient has to do with the right one, where that is simple."""
    if not np.abs(given).max() > 0.0:
        return " (all of it is 0)"
    clear = np.abs(true) > 1e-3 * np.abs(true).max(initial=0.0)
    if not clear.any() or not np.abs(true).max() > 0.0:
        return ""
    ratios = given[clear] / true[clear]
    middle = float(np.median(ratios))
    return f" ({middle:.4g} times as much everywhere)" if np.ptp(ratios) <= 1e-3 * abs(middle) else ""


def _wrong(place: str, evidence: str) -> Finding:
    remedy = "Derive this backward pass again, and compare it with differences."
    return Finding("gradient-wrong", "failure", evidence, remedy=remedy, where=place)


def _once(findings: list[Finding]) -> Iterator[Finding]:
    """Of the findings at one place the first."""
    seen: set[str] = set()
    for finding in findings:
        if finding.where not in seen:
            yield finding
        seen.add(finding.where)


# ---- dropout


def dropout_law(probe: Probe) -> Iterator[Finding]:
    """Dropout changes nothing in evaluation, and in training keeps a share 1 - p of the numbers, times 1 / (1 - p).

    So the mean over masks of what it gives is what it is given (Srivastava et al. 2014; inverted dropout). The share is
    compared with that of a binomial distribution.
    """
    for name, layer in double(probe.network, fused=False).walk():
        if not isinstance(layer, Dropout) or not layer.p:
            continue
        x = probe.rng().uniform(1.0, 2.0, (_DRAWN, *layer.input_shape))
        used = np.array(layer.forward(x.copy(), train=False))
        if not np.array_equal(used, x):
            changed = float((used != x).mean())
            yield Finding(
                "dropout-in-evaluation",
                "failure",
                f"{name} is on in evaluation mode: it changes {100 * changed:.0f} % of its input at random.",
                remedy="Let dropout hand its input on where it does not train.",
                where=name,
            )
        factors = np.array(layer.forward(x.copy(), train=True)) / x
        yield from _training_dropout(name, layer, factors)


def _training_dropout(name: str, layer: Dropout, factors: Array) -> Iterator[Finding]:
    dropped = factors == 0.0
    if np.abs(factors - 1.0).max() <= _ROUNDING:
        evidence = f"{name} does nothing in training mode: no number is dropped, where {100 * layer.p:g} % should be."
        yield Finding("dropout-off-in-training", "failure", evidence, remedy="Let it drop numbers.", where=name)
        return
    kept, wanted = factors[~dropped], 1.0 / (1.0 - layer.p)
    if len(kept) and np.abs(kept - wanted).max() > _ROUNDING * wanted:
        yield Finding(
            "dropout-not-scaled",
            "failure",
            f"{name} multiplies what it keeps by {float(np.median(kept)):.4g} in training, not by 1 / (1 - {layer.p:g})"
            f" = {wanted:.4g}: in evaluation the numbers are larger or smaller than those it was trained on.",
            remedy="Divide by 1 - p in training.",
            where=name,
        )
    drawn = dropped[:, :1, :1, :] if layer.channels else dropped
    share, n = float(drawn.mean()), drawn.size
    if abs(share - layer.p) > _SIGMAS * np.sqrt(layer.p * (1 - layer.p) / n) + 1.0 / n:
        evidence = f"{name} drops {100 * share:.1f} % of {n:,} numbers in training, where p is {layer.p:g}."
        yield Finding("dropout-share-wrong", "failure", evidence, remedy="Drop a share of p, keep 1 - p.", where=name)


# ---- batch normalisation


def normalisation_law(probe: Probe) -> Iterator[Finding]:
    """Batch normalisation takes the batch's moments in training and the running ones in evaluation.

    y = scale (x - mean) / sqrt(variance + eps) + shift either way. A pass in training moves the running moments by
    `momentum` of the way to those of the batch, the unbiased variance (n / (n - 1)); one in evaluation leaves them.
    """
    for name, layer in double(probe.network, fused=False).walk():
        if not isinstance(layer, BatchNorm):
            continue
        x = probe.rng().normal(0.5, 2.0, (_EXAMPLES, *layer.input_shape))
        axes = tuple(range(x.ndim - 1))
        batch = (x.mean(axis=axes), x.var(axis=axes))
        before = {key: array.copy() for key, array in layer.state.items()}
        running = (before["mean"], before["variance"])
        used = np.array(layer.forward(x.copy(), train=False))
        after_use = {key: array.copy() for key, array in layer.state.items()}
        trained = np.array(layer.forward(x.copy(), train=True))
        yield from _mode(name, "evaluation", used, _normalised(layer, x, running), _normalised(layer, x, batch))
        yield from _mode(name, "training", trained, _normalised(layer, x, batch), _normalised(layer, x, running))
        yield from _moments(name, layer, before, after_use, batch, x.size // x.shape[-1])


def _normalised(layer: BatchNorm, x: Array, moments: tuple[Array, Array]) -> Array:
    mean, variance = moments
    scale, shift = layer.parameters["scale"].value, layer.parameters["shift"].value
    y: Array = scale * (x - mean) / np.sqrt(variance + layer.eps) + shift
    return y


def _mode(name: str, mode: str, found: Array, right: Array, other: Array) -> Iterator[Finding]:
    if _same(found, right):
        return
    names = {"evaluation": "batch-moments-in-evaluation", "training": "running-moments-in-training"}
    wanted = {"evaluation": "the running moments", "training": "the moments of the batch"}
    if _same(found, other):
        swapped = "those of the batch" if mode == "evaluation" else "the running ones"
        word, evidence = names[mode], f"{name} takes {swapped} in {mode} mode, where {wanted[mode]} belong."
    else:
        off = float(np.abs(found - right).max())
        word = "normalisation-wrong"
        evidence = f"{name} does not normalise by {wanted[mode]} in {mode} mode: its output is off by up to {off:.3g}."
    remedy = "Train with the batch's moments; evaluate with the running ones."
    yield Finding(word, "failure", evidence, remedy=remedy, where=name)


def _moments(
    name: str, layer: BatchNorm, before: dict[str, Array], used: dict[str, Array], batch: tuple[Array, Array], n: int
) -> Iterator[Finding]:
    remedy = "Move them in training alone: running <- (1 - momentum) running + momentum batch."
    if any(not np.array_equal(before[key], used[key]) for key in before):
        evidence = f"{name} moves its running moments in evaluation mode: answers depend on what was asked before."
        yield Finding("statistics-in-evaluation", "failure", evidence, remedy=remedy, where=name)
    wanted = (batch[0], batch[1] * n / (n - 1))
    for (key, old), target in zip(used.items(), wanted, strict=True):
        new = layer.state[key]
        right = (1 - layer.momentum) * old + layer.momentum * target
        if np.array_equal(new, old) and not _same(old, right):
            evidence = (
                f"{name} leaves its running {key} as it is in training: evaluation normalises by numbers that have"
                " nothing to do with the pictures."
            )
            yield Finding("statistics-frozen", "failure", evidence, remedy=remedy, where=f"{name}.{key}")
        elif not _same(new, right):
            worst = int(np.argmax(np.abs(new - right)))
            evidence = (
                f"{name} moves its running {key} to {new[worst]:.6g} (channel {worst}), where momentum"
                f" {layer.momentum:g} gives {right[worst]:.6g}."
            )
            yield Finding("statistics-wrong", "failure", evidence, remedy=remedy, where=f"{name}.{key}")


def _same(one: Array, other: Array) -> bool:
    return one.shape == other.shape and bool(np.abs(one - other).max() <= _ROUNDING * max(1.0, np.abs(other).max()))
