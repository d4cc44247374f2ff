"""Laws of a network that hold exactly, checked in float64 on a few examples: whoever breaks one has a bug.

No threshold here is a matter of taste: both sides of a law differ by rounding alone. Each law is a function of a
`Probe` with its derivation, and yields what breaks it, and where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from glassnet.doctor.finding import Finding
from glassnet.doctor.gradients import Slope
from glassnet.doctor.forward_law import forward_law
from glassnet.doctor.layer_laws import dropout_law, layer_gradients, normalisation_law
from glassnet.doctor.loss_laws import loss_laws
from glassnet.doctor.probe import Probe, Trace, double
from glassnet.nn import (
    AveragePool,
    BatchNorm,
    Concat,
    Conv,
    DepthwiseConv,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Linear,
    MaxPool,
    ReLU,
    Residual,
)
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer

__all__ = ["LAWS", "broken_laws"]

Law = Callable[[Probe], Iterator[Finding]]

_ROUNDING = 1e-9  # of the largest number: two ways to one float64 result were 1e-14 to 1e-12 apart on all networks here
_CANCELLED = 1e-6  # of the sum of the sizes of the terms that cancel
# Floating-point operations that the differences of the whole network may take, half a second; elements at most;
# elements at least, and examples.
_WORK, _ELEMENTS, _FEW = 2e9, 40, 4
# x -> c x with c > 0 comes out as y -> c y, channel by channel.
_CHANNELWISE = (ReLU, MaxPool, AveragePool, Dropout)
# The same for layers that mix channels, as long as their biases are 0.
_HOMOGENEOUS = (*_CHANNELWISE, GlobalAveragePool, Linear, Conv, DepthwiseConv, Flatten, Residual, Concat)
_DERIVE = "Derive the backward passes from there on again, and compare them with differences."


def broken_laws(probe: Probe) -> tuple[Finding, ...]:
    """All laws that the network breaks; a law that says no more than one before it is left out."""
    found: list[Finding] = []
    for law in LAWS:
        if law in _OF_THE_WHOLE and any(finding.name == "gradient-wrong" for finding in found):
            continue
        found += law(probe)
    return tuple(found)


# ---- forward


def composition_law(probe: Probe) -> Iterator[Finding]:
    """A network is the composition of its layers, each in the mode that is asked for.

    f(x) = f_k(... f_2(f_1(x))): in evaluation by `forward` and by `infer`, in training by `forward`. Evaluation must
    not be what the layers give in training mode, nor the other way round.
    """
    right = {train: _composed(probe, train=train) for train in (False, True)}
    ways = {
        "forward": (False, double(probe.network).forward(probe.x)),
        "infer": (False, double(probe.network).infer(probe.x)),
    }
    if True in probe.modes:
        ways["training"] = (True, double(probe.network).forward(probe.x, train=True))
    for way, (train, scores) in ways.items():
        if _same(scores, right[train]) or not np.isfinite(right[train]).all():
            continue
        if _same(scores, right[not train]):
            word = "evaluation-mode-in-training" if train else "training-mode-in-evaluation"
            evidence = f"The network runs in {_mode(not train)} mode where it is asked for {_mode(train)} mode ({way})."
            remedy = "Hand `train` on to every layer: dropout and batch normalisation depend on it."
        else:
            word, remedy = "forward-differs", "Let the network run its layers one after the other."
            off = float(np.abs(scores - right[train]).max())
            evidence = f"The network ({way}) does not give what its layers give one after the other: off by {off:.3g}."
        yield Finding(word, "failure", evidence, remedy=remedy, where=way)


def _composed(probe: Probe, *, train: bool) -> Array:
    a = probe.x.copy()
    with np.errstate(all="ignore"):
        for layer in double(probe.network, fused=False).layers:
            a = np.array(layer.forward(a, train=train))
    return a.reshape(len(a), *probe.network.output_shape)


def repeated_law(probe: Probe) -> Iterator[Finding]:
    """In evaluation nothing is drawn: the same examples have the same scores, to the bit, by any random numbers."""
    traces = []
    for key in (1, 2):
        network = double(probe.network, fused=False, key=key)
        traces.append(Trace(network, probe.x, train=False))
    for name in traces[0].outputs:
        one, other = (trace.outputs[name] for trace in traces)
        if not np.array_equal(one, other, equal_nan=True):
            yield Finding(
                "evaluation-random",
                "failure",
                f"The same {len(probe.x)} examples have other scores each time in evaluation mode: from {name} on, by"
                f" up to {np.abs(one - other).max():.3g}.",
                remedy="Draw random numbers in training alone.",
                where=name,
            )
            return


def cross_talk_law(probe: Probe) -> Iterator[Finding]:
    """Examples of a batch do not see one another, but for batch normalisation in training.

    So with another last example, the scores of all others stay as they are; and the loss of the first example has a
    gradient of 0 for all others: dz_1/dx_j = 0 for j != 1. Dropout masks are kept the same.
    """
    if len(probe.x) < 2:
        return
    other = probe.x.copy()
    other[-1] = other[-1][..., ::-1] + 1.0 + np.abs(other).max(initial=0.0)
    for train in (False,) if probe.normalises else probe.modes:
        one, two = (Trace(double(probe.network, fused=False), x, train=train) for x in (probe.x, other))
        for name in one.outputs:
            before, after = one.outputs[name][:-1], two.outputs[name][:-1]
            if np.isfinite(before).all() and not _same(before, after):
                row = int(np.argmax(np.abs(before - after).reshape(len(before), -1).max(axis=1)))
                evidence = (
                    f"Examples of a batch mix in {name}: with another last example, the output for example {row} moves"
                    f" by {np.abs(before - after).max():.3g} in {_mode(train)} mode."
                )
                yield _mixed(evidence, name)
                return
        upstream = np.zeros_like(one.scores)
        upstream[0] = probe.rng().standard_normal(upstream[0].shape)
        one.network.forward(probe.x, train=train)
        dx = one.network.backward(upstream, input_gradient=True)
        if dx is not None and np.isfinite(dx).all() and np.abs(dx[1:]).max() > _ROUNDING * max(1.0, np.abs(dx).max()):
            row = 1 + int(np.argmax(np.abs(dx[1:]).reshape(len(dx) - 1, -1).max(axis=1)))
            evidence = (
                f"Examples of a batch mix on the way back: the scores of example 0 have a gradient of"
                f" {np.abs(dx[row]).max():.3g} with respect to example {row} in {_mode(train)} mode, and it must be 0."
            )
            yield _mixed(evidence, "backward")
            return


def _mixed(evidence: str, where: str) -> Finding:
    remedy = "Look for a sum or a reshape over the wrong axis: the first axis is that of the examples."
    return Finding("cross-talk", "failure", evidence, remedy=remedy, where=where)


# ---- gradients of the whole


def gradient_law(probe: Probe) -> Iterator[Finding]:
    """Every parameter's gradient is the derivative of the loss, by central differences of a few elements of each.

    What the layers do alone is checked before; here are the chain rule, the layers that run as one, a second backward
    pass, and the step of plain gradient descent, which L2 is part of.
    """
    x, y = probe.x[:_FEW], probe.y[:_FEW]
    elements = int(_WORK / (2 * len(x) * max(probe.network.flops, 1) * len(probe.modes)))
    for train in probe.modes:
        slope = Slope(probe.network, probe.loss, x, y, train=train, rng=probe.rng(), l2=probe.l2, key=probe.seed)
        found = list(slope.wrong(min(max(elements, _FEW), _ELEMENTS)))
        if found:
            yield from found
            return


def scale_law(probe: Probe) -> Iterator[Finding]:
    """<w, dL/dw> = 0 for the weights of a unit before batch normalisation.

    With eps = 0, batch normalisation gives the same for c a as for a, c > 0. So L(c w, c b) = L(w, b) for the weights
    and the bias of a channel that reaches it through layers with f(c a) = c f(a), as ReLU and pools; differentiated
    with respect to c at c = 1 this is <w, dL/dw> + b dL/db = 0 (van Laarhoven 2017).
    """
    network = double(probe.network, fused=False)
    for _, layer in network.walk():
        if isinstance(layer, BatchNorm):
            layer.eps = 0.0
    layers = [layer for chain in _chains(network.layers) for layer in _before_normalisation(chain)]
    if not layers or len(probe.x) < 2:
        return
    trace = Trace(network, probe.rng().standard_normal(probe.x.shape), train=True)
    trace.backward(probe.loss.loss(trace.scores, probe.y)[1])
    names = {id(layer): name for name, layer in trace.layers.items()}
    gradients = [p.grad for p in network.parameters().values()]
    if not all(np.isfinite(gradient).all() for gradient in gradients):
        return  # a channel without variance has no derivative at eps = 0
    for layer in layers:
        products = [(p.value * p.grad).reshape(-1, p.value.shape[-1]) for p in layer.parameters.values()]
        terms = np.concatenate(products)  # weights, and the bias as one more row
        sums, sizes = terms.sum(axis=0), np.abs(terms).sum(axis=0)
        off = np.abs(sums) - _CANCELLED * sizes - _ROUNDING * sizes.max(initial=0.0)
        worst = int(np.argmax(off))
        if off[worst] > 0.0:
            yield Finding(
                "gradient-wrong",
                "failure",
                f"<w, dL/dw> of unit {worst} of {names[id(layer)]} is {sums[worst]:.3g}, where batch normalisation"
                " after it makes it 0: the scale of these weights cannot change the loss.",
                remedy=_DERIVE,
                where=f"{names[id(layer)]}.weight",
            )
            return


def _chains(layers: Sequence[Layer]) -> Iterator[Sequence[Layer]]:
    yield layers
    for layer in layers:
        for branch in layer.branches.values():
            yield from _chains(branch)


def _before_normalisation(chain: Sequence[Layer]) -> Iterator[Layer]:
    """Each affine layer or convolution whose channels reach batch normalisation."""
    for position, layer in enumerate(chain):
        if not isinstance(layer, Linear | Conv):
            continue
        for after in chain[position + 1 :]:
            if isinstance(after, BatchNorm):
                yield layer
            if type(after) not in _CHANNELWISE:
                break


def homogeneity_law(probe: Probe) -> Iterator[Finding]:
    """<W, dL/dW> is the same for all layers of a ReLU network without biases: <s, dL/ds> of its scores s.

    Such a network is homogeneous in the weights of each layer, s(c W) = c s(W) for c > 0, so by Euler's theorem
    <W, ds/dW> = s, and <W, dL/dW> = <dL/ds, s> by the chain rule (Du, Hu and Lee 2018). Biases are set to 0 here.
    """
    network = double(probe.network, fused=False)
    if any(type(layer) not in _HOMOGENEOUS for _, layer in network.walk()):
        return
    for parameter in network.parameters().values():
        if parameter.role == "bias":
            parameter.value[...] = 0.0
    trace = Trace(network, probe.x, train=False)
    if not np.isfinite(trace.scores).all():
        return
    dscores = probe.loss.loss(trace.scores, probe.y)[1]
    trace.backward(dscores)
    right = float((trace.scores * dscores).sum())
    for position, layer in reversed(list(enumerate(network.layers, start=1))):
        if not isinstance(layer, Linear | Conv):
            continue
        terms = layer.parameters["weight"].value * layer.parameters["weight"].grad
        found, size = float(terms.sum()), float(np.abs(terms).sum())
        if not abs(found - right) <= _CANCELLED * max(size, float(np.abs(trace.scores * dscores).sum())):
            name = f"{position}.{layer.word}.weight"
            yield Finding(
                "gradient-wrong",
                "failure",
                f"Without biases, <W, dL/dW> of {name} is {found:.6g}, and <s, dL/ds> of the scores is {right:.6g}: in"
                " a ReLU network both are the same for every layer.",
                remedy=_DERIVE,
                where=name,
            )
            return


LAWS: tuple[Law, ...] = (
    loss_laws,
    layer_gradients,
    dropout_law,
    normalisation_law,
    composition_law,
    repeated_law,
    cross_talk_law,
    forward_law,
    gradient_law,
    scale_law,
    homogeneity_law,
)
_OF_THE_WHOLE: tuple[Law, ...] = (gradient_law, scale_law, homogeneity_law)


def _mode(train: bool) -> str:
    return "training" if train else "evaluation"


def _same(one: Array, other: Array) -> bool:
    return bool(np.abs(one - other).max(initial=0.0) <= _ROUNDING * max(1.0, float(np.abs(other).max(initial=0.0))))
