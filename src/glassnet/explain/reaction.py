"""How every layer of a model reacts to one picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glassnet.data.ink import why_nothing
from glassnet.data.pictures import read_picture
from glassnet.model import Model
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Kind

__all__ = ["LayerReaction", "Reaction", "react", "take"]

_ENOUGH = 256 * 256  # pixels of a file that are looked at to see whether it is blank


@dataclass(frozen=True, eq=False)
class LayerReaction:
    """What one layer makes of a picture.

    Attributes
    ----------
    name : str
        The layer, as `Network.activations` names it: "2.relu".
    notation : str
        The layer in arrow notation.
    kind : Kind
        What it is among the layers.
    values : (h, w, c) or (d,) array
        Its output.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.explain import react
    >>> model = glassnet.fit("digits", "linear 5 -> relu -> linear", epochs=1, verbose=False).model
    >>> found = react(model, np.full((8, 8, 1), 255, np.uint8))
    >>> [(layer.name, layer.values.shape) for layer in found.layers]
    [('1.linear', (5,)), ('2.relu', (5,)), ('3.linear', (10,))]
    """

    name: str
    notation: str
    kind: Kind
    values: Array


@dataclass(frozen=True, eq=False)
class Reaction:
    """What a model makes of a picture, from the pixels to the classes.

    Attributes
    ----------
    pixels : (H, W, C) uint8 array
        The picture as the model takes it.
    changes : tuple of str
        What brought it to the manner of the training pictures: "inverted", "centred".
    nothing : str
        Why it shows nothing that could be named ("nothing drawn", "only a dot"); empty where it shows something.
    layers : tuple of LayerReaction
        The network's own layers, in order; what a composite holds is not among them.
    probabilities : (K,) array
        Of each class.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.explain import react
    >>> model = glassnet.fit("digits", "linear 5 -> relu -> linear", epochs=1, verbose=False).model
    >>> found = react(model, np.full((8, 8, 1), 255, np.uint8))
    >>> found.nothing, found.probabilities.shape
    ('nothing drawn', (10,))
    """

    pixels: Array
    changes: tuple[str, ...]
    nothing: str
    layers: tuple[LayerReaction, ...]
    probabilities: Array


def take(
    model: Model, picture: str | Path | Array, *, invert: bool = True, centre: bool = True
) -> tuple[Array, tuple[str, ...], str]:
    """(pixels, changes, nothing) of a `Reaction`, without asking the network; parameters and errors as of `react`."""
    model.task.require_classes("There is no answer to look into.")
    pixels, changes = model.read(picture, invert=invert, centre=centre)
    whole = picture if isinstance(picture, np.ndarray) else read_picture(picture, enough=_ENOUGH)
    return pixels, changes, why_nothing(whole)


def react(model: Model, picture: str | Path | Array, *, invert: bool = True, centre: bool = True) -> Reaction:
    """Show a picture to a model.

    Parameters
    ----------
    model : Model
        A classifier.
    picture : path or (H', W', 1 or 3) uint8 array
        A picture file, or the pixels of one.
    invert, centre : bool
        Whether it may be brought to the manner of the training pictures so; see `glassnet.data.ink`.

    Raises
    ------
    GlassnetError
        The model names no classes, or the picture cannot be read.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.explain import react
    >>> model = glassnet.fit("digits", "linear 5 -> relu -> linear", epochs=1, verbose=False).model
    >>> type(react(model, np.full((8, 8, 1), 255, np.uint8))).__name__
    'Reaction'
    """
    pixels, changes, nothing = take(model, picture, invert=invert, centre=centre)
    found = model.network.activations(model.preprocess.transform(pixels[None]))
    layers = zip(model.network.layers, found.items(), strict=True)
    scores = list(found.values())[-1]
    return Reaction(
        pixels,
        changes,
        nothing,
        tuple(LayerReaction(name, layer.notation(), layer.kind, values[0]) for layer, (name, values) in layers),
        np.asarray(model.loss.probabilities(scores.reshape(1, -1))[0]),
    )
