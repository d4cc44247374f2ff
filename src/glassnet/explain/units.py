"""What each unit of a layer responds to: the pictures, or the patches, of a set with its highest values."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from glassnet.attack import Victim
from glassnet.data import pieces
from glassnet.data.picture_files import Images
from glassnet.explain.receptive import ReceptiveFields, receptive_fields
from glassnet.nn import Network
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Kind

__all__ = ["Strongest", "first_units_layer", "strongest"]

_OPENING: tuple[Kind, ...] = ("affine", "convolution", "composite")
_FOLLOWING: tuple[Kind, ...] = ("normalisation", "activation")


@dataclass(frozen=True, eq=False)
class Strongest:
    """The highest values of K units among N pictures, each picture counted once.

    Attributes
    ----------
    layer : str
        The layer, by its name.
    total : int
        How many units it has.
    searched : int
        N.
    values : (K, M) array
        The highest values of each unit, falling.
    pictures : (K, M) array
        The numbers of their pictures.
    places : (K, M, 2) array or None
        Row and column of each in the layer's maps; None where the layer has no maps.
    fields : ReceptiveFields or None
        What each place sees of the network's input; None: all of it.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> from glassnet.explain import strongest
    >>> run = glassnet.fit("digits", "linear 5 -> relu -> linear", epochs=1, verbose=False)
    >>> strongest(Victim.of(run.model), run.splits.test.images, each=3).pictures.shape
    (5, 3)
    """

    layer: str
    total: int
    searched: int
    values: Array
    pictures: Array
    places: Array | None
    fields: ReceptiveFields | None

    def answering(self, unit: int) -> int:
        """In how many of the pictures shown the unit is above 0."""
        return int((self.values[unit] > 0).sum())

    def to_dict(self) -> dict[str, Any]:
        """Layer, number of units and pictures, and for each unit the pictures and their values."""
        return {
            "layer": self.layer,
            "units": self.total,
            "searched": self.searched,
            "strongest": [
                {
                    "unit": unit,
                    "pictures": self.pictures[unit].tolist(),
                    "values": [float(value) for value in self.values[unit]],
                    "places": None if self.places is None else self.places[unit].tolist(),
                }
                for unit in range(len(self.values))
            ],
        }

    def patch(self, unit: int, rank: int, picture: Array, input_shape: tuple[int, ...]) -> Array:
        """The part of a picture (H, W, C) that a unit saw; `input_shape` is that of the network's input."""
        if self.places is None or self.fields is None:
            return picture
        scale = (picture.shape[0] / input_shape[0], picture.shape[1] / input_shape[1])
        row, column = self.places[unit, rank]
        rows, columns = self.fields.box(int(row), int(column), scale)
        return picture[rows, columns]


def first_units_layer(network: Network) -> str:
    """The first layer with weights, or the last normalisation or activation right after it, by its name.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.explain import first_units_layer
    >>> first_units_layer(Network("conv 3x3, 4 -> relu -> linear 3", (9, 9, 1)))
    '2.relu'
    """
    names = [f"{position}.{layer.word}" for position, layer in enumerate(network.layers, start=1)]
    kinds = [layer.kind for layer in network.layers]
    place = next((i for i, kind in enumerate(kinds) if kind in _OPENING), 0)
    while place + 1 < len(kinds) and kinds[place + 1] in _FOLLOWING:
        place += 1
    return names[place]


def strongest(
    victim: Victim, images: Images, layer: str | None = None, *, units: int = 32, each: int = 9, most: int = 2000
) -> Strongest:
    """The pictures of a set to which the units of a layer respond most.

    Parameters
    ----------
    victim : Victim
        The network behind its preprocessing.
    images : (N, H, W, C)
        Pictures, uint8 or floats in [0, 1], in memory or on the disk.
    layer : str, optional
        One of the network's own layers, by its name; None: the first with weights.
    units : int
        Units are shown up to this number, from the first on.
    each : int
        How many pictures for each.
    most : int
        Pictures are searched until there were so many, from the first on.

    Returns
    -------
    Strongest
        Of equal values the earlier picture comes first.

    Raises
    ------
    GlassnetError
        There is no layer of that name.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> from glassnet.explain import strongest
    >>> run = glassnet.fit("digits", "linear 5 -> relu -> linear", epochs=1, verbose=False)
    >>> strongest(Victim.of(run.model), np.zeros((20, 8, 8, 1), np.uint8), each=3).values.shape
    (5, 3)
    """
    layer = layer or first_units_layer(victim.engine.network)
    values, places = [], []
    total, has_maps = 0, False
    for start, piece in zip(count(step=victim.batch), pieces(images, victim.batch, "looking"), strict=False):
        if start >= most:
            break
        found = victim.output_at(layer, piece)
        total, has_maps = found.shape[-1], found.ndim == 4
        flat = found.reshape(len(found), -1, total)[..., :units]
        best = flat.argmax(axis=1)
        values.append(np.take_along_axis(flat, best[:, None], axis=1)[:, 0])
        places.append(np.stack(np.divmod(best, found.shape[2] if has_maps else 1), axis=-1))
    of_each, at = np.concatenate(values), np.concatenate(places)  # (N, K), (N, K, 2)
    order = np.argsort(-of_each, axis=0, kind="stable")[:each]  # (M, K)
    highest = np.take_along_axis(of_each, order, axis=0)
    where = np.take_along_axis(at, order[..., None], axis=0)
    return Strongest(
        layer, total, len(of_each), highest.T, order.T, where.swapaxes(0, 1) if has_maps else None,
        receptive_fields(victim.engine.network, layer) if has_maps else None,
    )  # fmt: skip
