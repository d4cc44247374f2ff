"""Receptive fields: the part of the input that each place of a layer's maps can see.

A NaN in a row of the input makes every output a NaN that depends on that row. One forward pass for each row and column
of the input therefore tells the fields of any network, whatever its layers are. Winograd's convolution works on tiles
and would spread a NaN over its whole tile, so it is turned off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassnet.nn import Network
from glassnet.nn.functional.arrays import Array

__all__ = ["ReceptiveFields", "receptive_fields"]

_NUMBERS = 2**22  # in the layer's output for one batch


@dataclass(frozen=True, eq=False)
class ReceptiveFields:
    """What each place (i, j) of a layer's maps sees of the network's input.

    Attributes
    ----------
    rows : (h, 2) array
        The first row and the one after the last, for each i.
    columns : (w, 2) array
        The same of columns, for each j.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.explain import receptive_fields
    >>> fields = receptive_fields(Network("conv 3x3, 4, pad 1", (9, 9, 1)), "1.conv")
    >>> fields.box(4, 4)
    (slice(3, 6, None), slice(3, 6, None))
    """

    rows: Array
    columns: Array

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the largest field."""
        (top, bottom), (left, right) = self.rows.T, self.columns.T
        return int((bottom - top).max()), int((right - left).max())

    def box(self, row: int, column: int, scale: tuple[float, float] = (1.0, 1.0)) -> tuple[slice, slice]:
        """The rows and columns that a place sees, of an input made `scale` times as high and wide."""
        first, second = (
            slice(int(np.floor(low * factor)), int(np.ceil(high * factor)))
            for (low, high), factor in zip((self.rows[row], self.columns[column]), scale, strict=True)
        )
        return first, second


def receptive_fields(network: Network, layer: str) -> ReceptiveFields | None:
    """The receptive fields of a layer.

    Parameters
    ----------
    network : Network
        The network; it is copied.
    layer : str
        One of its own layers, by its name.

    Returns
    -------
    ReceptiveFields or None
        None where the layer gives no maps, or the network takes no pictures.

    Raises
    ------
    GlassnetError
        There is no layer of that name.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.explain import receptive_fields
    >>> network = Network("conv 3x3, 4, pad 1 -> relu -> conv 3x3, 4, pad 1", (9, 9, 1))
    >>> receptive_fields(network, "3.conv").size
    (5, 5)
    """
    probe = network.astype(network.dtype).choose(winograd=False)
    shape = probe.output_at(layer, np.zeros((1, *network.input_shape))).shape[1:]
    if len(shape) != 3 or len(network.input_shape) != 3:
        return None
    return ReceptiveFields(_seen(probe, layer, shape, axis=0), _seen(probe, layer, shape, axis=1))


def _seen(probe: Network, layer: str, shape: tuple[int, ...], axis: int) -> Array:
    """(places, 2): from where to where each place along an axis depends on the input along it."""
    length = probe.input_shape[axis]
    step = max(1, _NUMBERS // int(np.prod(shape)))
    seen = np.zeros((length, shape[axis]), bool)
    for start in range(0, length, step):
        many = range(start, min(start + step, length))
        x = np.zeros((len(many), *probe.input_shape), probe.dtype)
        for one, place in zip(x, many, strict=True):
            np.moveaxis(one, axis, 0)[place] = np.nan
        unknown = np.isnan(probe.output_at(layer, x))
        seen[start : start + len(many)] = unknown.any(axis=tuple({1, 2, 3} - {axis + 1}))
    return np.stack([seen.argmax(axis=0), length - seen[::-1].argmax(axis=0)], axis=1)
