"""Every gradient of a network against central differences."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from glassnet.check import Check, check_network
from glassnet.errors import CheckError, Fix, RecipeError
from glassnet.files import exists
from glassnet.model import Model
from glassnet.nn import Network, parse_loss
from glassnet.tasks import Task

__all__ = ["check"]

_MOST_NUMBERS = 2**26  # in the examples of a gradient check: half a GiB


def check(
    network: str,
    input_shape: Sequence[int] | None = None,
    classes: int = 10,
    loss: str = "softmax-cross-entropy",
    *,
    examples: int = 5,
    samples: int | None = None,
    l2: float = 0.0,
    seed: int = 0,
) -> Check:
    """Check every gradient of a network on random examples, in float64.

    Parameters
    ----------
    network : str
        A notation, or a model file.
    input_shape : sequence of int, optional
        Sizes of one example; a model file knows its own.
    classes : int
        Size of a last layer that names none.
    loss : str
        The loss, in notation; a model file has its own.
    examples : int
        How many random examples.
    samples : int, optional
        How many random entries of each array to check; None checks every entry.
    l2 : float
        Weight of the regularisation term, at least 0.
    seed : int
        Seed of weights and examples.

    Raises
    ------
    GlassnetError
        A notation or a file that cannot be read, or more examples than fit into memory.
    """
    objective = parse_loss(loss)
    if input_shape is None:
        if not exists(network):
            raise RecipeError(
                "The sizes of one example are not known (a model file knows its own).",
                Fix.GIVE_INPUT_SHAPE,
                example="28x28x1",
            )
        model = Model.load(network)
        built, objective = model.network, model.loss
    else:
        outputs = Task.of(objective).outputs(input_shape, classes)
        built = Network(network, input_shape, outputs, seed=seed, dtype=np.float64)
    numbers = examples * math.prod(built.input_shape)
    if numbers > _MOST_NUMBERS:
        raise CheckError(f"{examples:,} examples of this size are {numbers:,} numbers; choose fewer or smaller ones.")
    rng = np.random.default_rng([seed, examples])
    x = rng.random((examples, *built.input_shape))
    width = built.output_shape[-1]
    target = Task.of(objective).random_targets(rng, examples, width)
    return check_network(built, x, target, objective, l2=l2, samples=samples, seed=seed)
