"""What tests of engines share: a network on our own engine and on PyTorch's, steps of both, and their difference."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.check.numerical import gradient_error
from glassnet.engines import Batch, Engine, NativeEngine, StepResult
from glassnet.engines.memory import memory_from
from glassnet.engines.torch import TorchEngine
from glassnet.nn import Network, Parameter, parse_loss
from glassnet.optim import clip_factor, make_optimizer
from support import networks

TOLERANCE = 1e-10
CLASSES = 5
LOSSES = (
    "softmax-cross-entropy",
    "softmax-cross-entropy, smoothing 0.1",
    "svm",
    "squared-error",
    "squared-error half",
    "squared-error sum",
)
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {},
    "momentum": {"momentum": 0.8},
    "nesterov": {},
    "rmsprop": {"decay": 0.9},
    "rmsprop, eps outside": {"eps": 1e-4, "eps_inside": False},
    "adam": {"beta1": 0.8, "beta2": 0.99, "eps": 1e-6},
    "adamw": {"weight_decay": 0.1},
}


def stirred(notation: str, shape: Sequence[int], *, seed: int = 2) -> Network:
    """`networks.stirred`, in double precision."""
    return networks.stirred(notation, shape, CLASSES, dtype=np.float64, seed=seed)


def both(network: Network, loss: str, optimizer: str, **settings: Any) -> tuple[Engine, Engine]:
    """(our own engine, PyTorch's) of two copies of a network, with an optimiser of the table at its usual rate."""
    word, parsed = optimizer.partition(",")[0], parse_loss(loss)
    own = make_optimizer(word, **OPTIMIZERS[optimizer])
    first, second = (network.astype(network.dtype) for _ in range(2))
    return (
        NativeEngine(first, parsed, copy.deepcopy(own), **settings),
        TorchEngine(second, parsed, copy.deepcopy(own), **settings),
    )


def batch_of(engine: Engine, step: int, n: int = 6, *, weighted: bool = False) -> Batch:
    """Examples of a step, drawn from its number."""
    rng = np.random.default_rng((7, step))
    network = engine.network
    x = rng.standard_normal((n, *network.input_shape)).astype(network.dtype)
    target: Any = rng.integers(0, network.output_shape[-1], n)
    if engine.loss.task == "reconstruction":
        target = rng.standard_normal((n, *network.output_shape)).astype(network.dtype)
    return Batch(x, target, rng.uniform(0.5, 2.0, n) if weighted else None, (3, 1, step))


def vanishing(engine: Engine) -> set[str]:
    """Parameters whose latest gradient is nothing but rounding, as that of a bias before batch normalisation.

    An optimiser that divides by the gradient's size makes a step of its own out of such a gradient.
    """
    sizes = {name: float(np.abs(p.grad).max()) for name, p in engine.network.parameters().items()}
    return {name for name, size in sizes.items() if size < 1e-12 * max(sizes.values())}


def assert_same_step(ours: Engine, its: Engine, batch: Batch, *, deep: bool = False) -> StepResult:
    """Make the step on both engines; loss, gradients, weights and the optimiser's memory agree to 1e-10.

    The weights are also what our optimiser makes of the other engine's weights, memory and gradients. In a `deep`
    network that is the one comparison of weights: a step that divides by the gradient's size makes a rounding error of
    a small one large.
    """
    assert isinstance(ours, NativeEngine)
    optimizer, before = copy.deepcopy(ours.optimizer), {n: a.copy() for n, a in its.state().items()}
    if (memory := memory_from(before, optimizer, ours.parameters)) is not None:
        optimizer.state, optimizer.steps = memory
    one, other = (engine.step(batch, engine.lr, norms=True) for engine in (ours, its))
    assert one.correct == other.correct and one.norms is not None and other.norms is not None
    assert abs(one.loss - other.loss) <= TOLERANCE * max(1.0, abs(one.loss))
    largest = max(float(np.abs(p.grad).max()) for p in ours.network.parameters().values())
    for name, parameter in ours.network.parameters().items():
        gradient = its.network.parameters()[name].grad
        assert gradient_error(gradient, parameter.grad, floor=1e-3 * largest) <= TOLERANCE, f"gradient of {name}"
    mine, theirs = ours.state(), its.state()
    assert mine.keys() == theirs.keys()
    gradients = {name: parameter.grad for name, parameter in its.network.parameters().items()}
    made = {n: Parameter(before[f"network.{n}"], p.role, gradients[n], p.rate) for n, p in ours.parameters.items()}
    clip = 1.0 if ours.clip is None else clip_factor((p.grad for p in made.values()), ours.clip)
    optimizer.step(made, ours.lr, l2=ours.l2, clip=clip)
    for name, parameter in made.items():
        assert gradient_error(theirs[f"network.{name}"], parameter.value, floor=1e-3) <= TOLERANCE, f"step of {name}"
    unsure = set(ours.parameters) if deep else vanishing(ours)
    for name, array in mine.items():
        assert array.dtype == theirs[name].dtype and array.shape == theirs[name].shape, name
        if not any(f".{hidden}" in f".{name}" for hidden in unsure):
            assert gradient_error(theirs[name], array, floor=1e-3) <= TOLERANCE, name
    for name in one.norms.keys() - unsure:
        for what, norm in one.norms[name].items():
            assert abs(norm - other.norms[name][what]) <= TOLERANCE * max(norm, 1e-3 * largest), (name, what)
    return one
