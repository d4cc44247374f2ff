"""A trained network for other classes: where its head begins, where its stages begin, and a new head for it.

The head is the last layer with a number of outputs of its own. A stage begins where pictures become smaller; what
follows the pictures has a stage for each affine layer. Positions are those of `Network.layers`, from 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from glassnet.errors import ModelError
from glassnet.nn.layer import Layer, walk
from glassnet.nn.layers import Dropout, Linear
from glassnet.nn.network import Network

__all__ = ["head_position", "stage_positions", "with_new_head"]


def head_position(network: Network) -> int:
    """Where the head begins. Raises `ModelError` where the network has none, or it lies inside a composite layer."""
    sized = [position for position, layer in enumerate(network.layers) if layer.sized]
    if not sized or any(_has_weights(layer) for layer in network.layers[sized[-1] + 1 :]):
        raise ModelError(
            f"The network '{network.notation():.80}' has no head to exchange: its last layer with weights is no"
            " 'linear' or 'conv'."
        )
    return sized[-1]


def stage_positions(network: Network) -> list[int]:
    """Where each stage before the head begins, the first of them at 0; empty where the head is the whole network.

    What holds no weights belongs to the stage before it.
    """
    head = head_position(network)
    starts: list[int] = []
    for position, layer in enumerate(network.layers[:head]):
        if not starts or _begins(layer):
            starts.append(position)
    ends = [*starts[1:], head][: len(starts)]
    full = [start for start, end in zip(starts, ends, strict=True) if _holds(network.layers[start:end])]
    return [0, *full[1:]] if full else []


def with_new_head(network: Network, classes: int, *, seed: int = 0) -> Network:
    """The network with a head for other classes, drawn anew; the weights before it are copied.

    A last `linear` gets another number of outputs. Where the network ends in a convolution, the new head is a `linear`
    layer on the means of what the convolution saw: its inputs are then a few numbers for a picture.

    Parameters
    ----------
    network : Network
        A trained one, left as it is.
    classes : int
        Outputs of the new head.
    seed : int
        Of the new weights.

    Raises
    ------
    ModelError
        The network has no head.
    """
    body = network.layers[: head_position(network)]
    steps = [layer.notation() for layer in body]
    if not isinstance(network.layers[len(body)], Linear):
        while body and isinstance(body[-1], Dropout):
            body, steps = body[:-1], steps[:-1]
        if len(body[-1].output_shape if body else network.input_shape) == 3:
            steps.append("avgpool global")
    made = Network(" -> ".join([*steps, f"linear {classes}"]), network.input_shape, seed=seed, dtype=network.dtype)
    names = {f"{position}.{layer.word}" for position, layer in enumerate(body, start=1)}
    kept = {name: array for name, array in network.arrays().items() if ".".join(name.split(".")[:2]) in names}
    made.load_arrays({**made.arrays(), **kept})
    return made


def _begins(layer: Layer) -> bool:
    """Whether a stage begins here: pictures become smaller, or an affine layer follows them."""
    if isinstance(layer, Linear):
        return True
    before, after = layer.input_shape, layer.output_shape
    return len(before) == len(after) == 3 and 1 < math.prod(after[:2]) < math.prod(before[:2])


def _holds(layers: Sequence[Layer]) -> bool:
    return any(_has_weights(layer) for layer in layers)


def _has_weights(layer: Layer) -> bool:
    return any(inside.parameters for _, inside in walk([layer]))
