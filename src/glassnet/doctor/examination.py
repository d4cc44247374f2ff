"""A network examined as a whole: the laws it must obey, and what can be known of it before it is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.data import Preprocess
from glassnet.doctor.finding import SEVERITIES, Finding
from glassnet.doctor.laws import broken_laws
from glassnet.doctor.network import FirstBatch, after_training, before_training
from glassnet.doctor.practice import cannot_overfit
from glassnet.doctor.probe import Probe
from glassnet.doctor.training_laws import model_law, penalty_law, preprocess_law, scores_law, step_law
from glassnet.errors import GlassnetError
from glassnet.model import Model
from glassnet.nn import Loss, Network
from glassnet.nn.functional.arrays import Array
from glassnet.optim import Optimizer

__all__ = ["examine_network"]

_PICTURES, _WORK = 128, 2e9  # pictures whose sizes are looked at, and the floating-point operations they may take


@threads.single_blas_thread()
def examine_network(
    network: Network,
    loss: Loss,
    x: Any,
    y: Any,
    *,
    optimizer: Optimizer | None = None,
    l2: float = 0.0,
    scores: Callable[[Array], Array] | None = None,
    model: Model | None = None,
    preprocess: Preprocess | None = None,
    images: Array | None = None,
    trained: bool = False,
    seed: int = 0,
) -> tuple[Finding, ...]:
    """What is wrong with a network, by the laws that hold for it and by the first batches of its training.

    Nothing that is given is changed: everything is tried on copies.

    Parameters
    ----------
    network : Network
        Before its training, in the middle of it, or after.
    loss : Loss
        What it is trained with.
    x : (n, *input_shape) array
        The first examples, preprocessed: some hundreds, or as many as there are. The laws take eight of them.
    y : (n,) or (n, k) array
        What the loss takes for them.
    optimizer : Optimizer, optional
        With its settings; its memory is left alone.
    l2 : float
        Coefficient of the penalty 0.5 l2 |w|^2.
    scores : callable, optional
        What gives the scores in evaluation, as `Engine.scores`.
    model : Model, optional
        What was saved, or will be.
    preprocess : Preprocess, optional
        The training's, fitted, to be compared with the model's.
    images : (n, H, W, C) array, optional
        Some pictures as they are stored, for that comparison.
    trained : bool
        Whether it has been trained: then nothing is said of how it starts.
    seed : int
        Of all that is drawn.

    Returns
    -------
    tuple of Finding
        The worst first; empty where nothing is wrong.

    Raises
    ------
    GlassnetError
        The examples are no input of the network, or the loss does not take the targets.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.doctor import examine_network
    >>> from glassnet.nn import SoftmaxCrossEntropy
    >>> network = Network("linear 8 -> relu -> linear 3", (4,))
    >>> x = np.random.default_rng(0).normal(size=(6, 4))
    >>> examine_network(network, SoftmaxCrossEntropy(), x, np.arange(6) % 3)
    ()
    """
    if np.shape(x)[1:] != network.input_shape or not len(x):
        wanted = ", ".join(map(str, network.input_shape))
        raise GlassnetError(
            f"The network takes examples as an array of shape (n, {wanted}), n at least 1. Got {np.shape(x)} instead."
        )
    probe = Probe.of(network, loss, x, y, l2=l2, seed=seed)
    bad = next((name for name, array in network.arrays().items() if not np.isfinite(array).all()), "")
    if bad or not np.isfinite(probe.x).all():
        return (_not_finite(bad or "input"),)
    found = list(broken_laws(probe))
    if scores is not None:
        found += scores_law(probe, scores)
    if optimizer is not None and not any(finding.name == "gradient-wrong" for finding in found):
        found += [*step_law(probe, optimizer), *penalty_law(probe, optimizer)]
    if model is not None:
        found += model_law(model)
        if preprocess is not None and images is not None:
            found += preprocess_law(model, preprocess, images)
    count = int(np.clip(_WORK / max(network.flops, 1), len(probe.x), _PICTURES))
    x, y = np.asarray(x[:count]), np.asarray(y[:count])
    if trained:
        found += after_training(FirstBatch(network, loss, x, y, train=False))
    elif not found:
        found += _beginning(network, loss, x, y, optimizer, l2)
    return tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))


def _beginning(
    network: Network, loss: Loss, x: Array, y: Array, optimizer: Optimizer | None, l2: float
) -> Iterator[Finding]:
    """How it starts, and whether it can learn a few pictures: where it can, what looks wrong is a warning."""
    looks = list(before_training(FirstBatch(network, loss, x, y, train=True), l2=l2))
    if optimizer is None:
        yield from looks
        return
    failed = list(cannot_overfit(network, loss, optimizer, x, y, l2=l2, explained=bool(looks)))
    yield from looks if failed else (replace(finding, severity="warning") for finding in looks)
    yield from failed


def _not_finite(where: str) -> Finding:
    what = "The examples have" if where == "input" else f"{where} has"
    return Finding(
        "not-finite",
        "failure",
        f"{what} numbers that are not finite: nothing can be computed from them.",
        remedy="Leave such pictures out." if where == "input" else "Start from other weights, at a lower rate.",
        where=where,
    )
