"""The protocol between the training loop and what computes.

An engine is a subclass of `Engine` with `network`, `loss`, `lr`, `step`, `scores`, `state` and `load_state`; the other
methods have defaults. The loop knows no more of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from glassnet.errors import TrainingError
from glassnet.nn import Loss, Network
from glassnet.nn.functional.arrays import Array

__all__ = ["Batch", "Engine", "ManySteps", "StepResult", "load_weights", "swapped_in", "write_weights"]

_NETWORK = "network."


class Batch(NamedTuple):
    """The examples of a step.

    Attributes
    ----------
    x : object
        Inputs; for a `Network` (n, *input_shape) in its precision.
    target : object
        What the loss takes: labels (n,) int64, arrays (n, k), ...
    weights : (n,) array or None
        Factor of each example's gradient, or None for all ones.
    key : tuple of int or None
        What the step's random numbers (dropout masks) are drawn from; None leaves it to the layers.

    Examples
    --------
    >>> from glassnet.engines import Batch
    >>> batch = Batch(np.zeros((2, 4), np.float32), np.array([0, 1]))
    >>> batch.x.shape, batch.weights is None
    ((2, 4), True)
    """

    x: Any
    target: Any
    weights: Array | None = None
    key: tuple[int, ...] | None = None


class StepResult(NamedTuple):
    """What a step gives, or several steps in one call.

    Attributes
    ----------
    loss : float
        The objective at the step's start; the sum of several steps' objectives.
    correct : int
        Examples that the loss counts as correct, see `Loss.run`.
    norms : dict or None
        By parameter, the norms of `gradient`, `weight` and `update`, where they were asked for.
    steps : int
        How many steps these are.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.engines import Batch, NativeEngine
    >>> from glassnet.nn import SoftmaxCrossEntropy
    >>> from glassnet.optim import SGD
    >>> network = Network("linear 3", (4,))
    >>> engine = NativeEngine(network, SoftmaxCrossEntropy(), SGD(0.1))
    >>> result = engine.step(Batch(np.zeros((2, 4), np.float32), np.array([0, 1])), lr=0.1)
    >>> round(result.mean_loss, 3), result.steps  # log 3: without inputs all classes are alike
    (1.099, 1)
    """

    loss: float
    correct: int
    norms: dict[str, dict[str, float]] | None = None
    steps: int = 1

    @property
    def mean_loss(self) -> float:
        """The objective, as a mean over the steps."""
        return self.loss / self.steps


ManySteps = Callable[[Array, Array], StepResult]  # (indices of the examples, learning rate of each step)


class Engine(Protocol):
    """A network, its loss and its optimiser, on some hardware.

    Attributes
    ----------
    network : Network
        What is trained, as a `Network`. A training that ends writes its weights there, whatever they were computed
        with.
    loss : Loss
        The loss; it names the task.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.engines import Batch, Engine, NativeEngine
    >>> from glassnet.nn import SoftmaxCrossEntropy
    >>> from glassnet.optim import SGD
    >>> engine: Engine = NativeEngine(Network("linear 3", (4,)), SoftmaxCrossEntropy(), SGD(0.1))
    >>> engine.lr, engine.least_batch, engine.about()["name"]
    (0.1, 1, 'native')
    >>> result = engine.step(Batch(np.ones((1, 4), np.float32), np.array([2])), engine.lr)
    >>> engine.scores(np.ones((1, 4), np.float32)).shape, result.steps
    ((1, 3), 1)
    """

    network: Network
    loss: Loss

    @property
    def lr(self) -> float:
        """The learning rate, before a schedule."""
        raise NotImplementedError

    def step(self, batch: Batch, lr: float, *, norms: bool = False) -> StepResult:
        """One training step at learning rate `lr`; with `norms` the result has them."""
        raise NotImplementedError

    def scores(self, x: Any) -> Array:
        """The network's outputs for a batch, in evaluation mode, as an array that the caller may keep."""
        raise NotImplementedError

    def state(self) -> dict[str, Array]:
        """All that a training needs to go on: arrays of the network as `network.<name>` (see `Network.arrays`), and
        whatever the optimiser keeps under other names. Not copied where that can be.
        """
        raise NotImplementedError

    def load_state(self, arrays: Mapping[str, Array]) -> None:
        """Take over arrays that `state` gave, all of them or those of the network alone.

        Raises `ModelError` where they do not fit.
        """
        raise NotImplementedError

    # ---- what an engine may have of its own

    def input_gradient(self, x: Any, dscores: Callable[[Array], Array]) -> tuple[Array, Array]:
        """The network's outputs (n, k) for a batch, in evaluation mode, and the gradient of x: what attacks need.

        `dscores` is called with the outputs and gives their gradient (n, k).
        """
        raise TrainingError(f"{type(self).__name__} gives no gradient of its inputs.")

    def output_at(self, layer: str, x: Any) -> Array:
        """The output of one layer, by its name, for a batch in evaluation mode; see `Network.output_at`."""
        raise TrainingError(f"{type(self).__name__} gives no outputs of single layers.")

    def gradient_at(self, layer: str, x: Any, dscores: Callable[[Array], Array]) -> tuple[Array, Array, Array]:
        """The network's outputs for a batch, in evaluation mode, the output of one layer, and the gradient of that; see
        `Network.gradient_at`.
        """
        raise TrainingError(f"{type(self).__name__} gives no gradient at single layers.")

    def agreed(self, wish: bool) -> bool:
        """Whether the training is to stop after the step just made, asked once after each.

        A process by itself does as it wishes. One of several answers what any of them had wished before the step, so
        that all stop after the same one.
        """
        return wish

    def reset(self) -> None:
        """Forget the memory of the optimiser: a new training begins."""

    def weights(self) -> dict[str, Array]:
        """The network's arrays by name, as a model file keeps them; not copied where that can be."""
        return {n.removeprefix(_NETWORK): array for n, array in self.state().items() if n.startswith(_NETWORK)}

    @property
    def least_batch(self) -> int:
        """The fewest examples that a step can be made of."""
        return 1

    def many_steps(self, examples: Any, batch: int) -> ManySteps | None:
        """A call that takes many steps of `batch` examples at once, the same steps as one by one; None: there is none.

        Parameters
        ----------
        examples : object
            What gives the batches, see `glassnet.train.loop.Examples`.
        """
        return None

    def examples(self, feed: Any, *, trains: bool) -> Any:
        """What gives the batches, made of what the trainer has prepared: an engine may keep what it computes of them.

        Parameters
        ----------
        feed : object
            The prepared examples, see `glassnet.train.feed.Feed`.
        trains : bool
            Whether they are trained on, or epochs are compared on them.
        """
        return feed

    def close(self) -> None:
        """Put away what the engine holds besides memory, as processes of its own: nobody will ask it any more."""
        return

    def identity(self) -> dict[str, Any]:
        """What must be the same when a training is resumed, as plain JSON."""
        return {"network": self.network.notation(), "loss": self.loss.notation()}

    def about(self) -> dict[str, Any]:
        """What computes, as plain JSON: a name, and whatever else belongs to it (device, versions)."""
        return {"name": type(self).__name__}


def load_weights(engine: Engine, arrays: Mapping[str, Array]) -> None:
    """Put arrays that `Engine.weights` gave into the engine's network. Raises `ModelError`.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.engines import NativeEngine, load_weights
    >>> from glassnet.nn import SoftmaxCrossEntropy
    >>> from glassnet.optim import SGD
    >>> engine = NativeEngine(Network("linear 3", (4,)), SoftmaxCrossEntropy(), SGD(0.1))
    >>> load_weights(engine, {name: np.ones_like(array) for name, array in engine.weights().items()})
    >>> engine.scores(np.ones((1, 4), np.float32)).tolist()
    [[5.0, 5.0, 5.0]]
    """
    engine.load_state({f"{_NETWORK}{name}": array for name, array in arrays.items()})


def write_weights(engine: Engine) -> None:
    """Put the weights that an engine has trained into its network, which may hold them already.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.engines import NativeEngine, write_weights
    >>> from glassnet.nn import SoftmaxCrossEntropy
    >>> from glassnet.optim import SGD
    >>> engine = NativeEngine(Network("linear 3", (4,)), SoftmaxCrossEntropy(), SGD(0.1))
    >>> write_weights(engine)  # this engine trains the network's own arrays: nothing is to be copied
    >>> all(array is engine.network.arrays()[name] for name, array in engine.weights().items())
    True
    """
    arrays = engine.network.arrays()
    for name, array in engine.weights().items():
        if array is not arrays[name]:
            arrays[name][...] = array


@contextlib.contextmanager
def swapped_in(engine: Engine, arrays: Mapping[str, Array]) -> Iterator[None]:
    """Within the block the engine's network has these arrays; afterwards it has its own values again.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.engines import NativeEngine, swapped_in
    >>> from glassnet.nn import SoftmaxCrossEntropy
    >>> from glassnet.optim import SGD
    >>> engine = NativeEngine(Network("linear 3", (4,)), SoftmaxCrossEntropy(), SGD(0.1))
    >>> before = engine.scores(np.ones((1, 4), np.float32))
    >>> with swapped_in(engine, {name: np.ones_like(array) for name, array in engine.weights().items()}):
    ...     engine.scores(np.ones((1, 4), np.float32)).tolist()
    [[5.0, 5.0, 5.0]]
    >>> bool((engine.scores(np.ones((1, 4), np.float32)) == before).all())
    True
    """
    kept = {name: array.copy() for name, array in engine.weights().items()}
    load_weights(engine, arrays)
    try:
        yield
    finally:
        load_weights(engine, kept)
