"""Grad-CAM: which places of the last feature maps speak for a class.

With the maps A_k (h, w) of a layer and the score S_c of class c:

    alpha_k = mean over the places of dS_c/dA_k
    L_c     = ReLU(sum_k alpha_k A_k)

R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017.
Where the maps are averaged and added up to scores this is the class activation map of Zhou et al. 2016, up to a factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassnet.attack import Victim
from glassnet.explain.saliency import class_score
from glassnet.nn import Network
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Kind

__all__ = ["ClassMap", "grad_cam", "last_map_layer", "resized", "weighted_maps"]

_MAP_KINDS: tuple[Kind, ...] = ("convolution", "composite", "normalisation", "activation")


@dataclass(frozen=True, eq=False)
class ClassMap:
    """Grad-CAM of one picture and one class.

    Attributes
    ----------
    layer : str
        The layer whose maps were weighted.
    alpha : (K,) array
        The weight of each map.
    total : (h, w) array
        The weighted sum, before the ReLU.
    active : bool
        Whether any map is other than 0 anywhere.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> from glassnet.explain import grad_cam
    >>> run = glassnet.fit("digits", "conv 3x3, 4 -> relu -> linear", epochs=1, verbose=False)
    >>> found = grad_cam(Victim.of(run.model), np.zeros((8, 8, 1)), 3)
    >>> found.alpha.shape, found.heat.shape, bool(found.heat.min() >= 0)
    ((4,), (6, 6), True)
    """

    layer: str
    alpha: Array
    total: Array
    active: bool

    @property
    def heat(self) -> Array:
        """(h, w), at least 0: what speaks for the class."""
        return np.maximum(self.total, 0.0)


def last_map_layer(network: Network) -> str | None:
    """The name of the last layer with maps of more than one place, pools left out; None without one.

    A pool's maps are those of the layer before it, more coarsely.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.explain import last_map_layer
    >>> last_map_layer(Network("conv 3x3, 4 -> relu -> linear 3", (9, 9, 1)))
    '2.relu'
    """
    found = None
    for position, layer in enumerate(network.layers, start=1):
        if layer.kind in _MAP_KINDS and len(layer.output_shape) == 3 and min(layer.output_shape[:2]) > 1:
            found = f"{position}.{layer.word}"
    makes_maps = any(layer.kind in ("convolution", "composite") for layer in network.layers)
    return found if makes_maps else None


def weighted_maps(maps: Array, gradients: Array) -> tuple[Array, Array]:
    """(alpha (K,), sum_k alpha_k A_k (h, w)) of maps A (h, w, K) and the score's gradients there, of the same shape.

    Examples
    --------
    >>> from glassnet.explain import weighted_maps
    >>> weights, heat = weighted_maps(np.ones((2, 2, 1)), np.full((2, 2, 1), 0.5))
    >>> weights, heat
    (array([0.5]), array([[0.5, 0.5],
           [0.5, 0.5]]))
    """
    alpha = gradients.mean(axis=(0, 1))
    return np.asarray(alpha), np.asarray(maps @ alpha)


def grad_cam(victim: Victim, picture: Array, chosen: int, layer: str | None = None) -> ClassMap | None:
    """Which places of a layer's maps speak for a class.

    Parameters
    ----------
    victim : Victim
        The network behind its preprocessing.
    picture : (H, W, C) array
        Floats in [0, 1].
    chosen : int
        The class, from 0.
    layer : str, optional
        A layer with maps, by its name; None: the last one.

    Returns
    -------
    ClassMap or None
        None where the network has no maps.

    Raises
    ------
    GlassnetError
        There is no layer of that name.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> from glassnet.explain import grad_cam
    >>> run = glassnet.fit("digits", "conv 3x3, 4 -> relu -> linear", epochs=1, verbose=False)
    >>> grad_cam(Victim.of(run.model), np.zeros((8, 8, 1)), 3).layer
    '2.relu'
    """
    layer = layer or last_map_layer(victim.engine.network)
    if layer is None:
        return None
    _, maps, gradients = victim.gradient_at(layer, picture[None], class_score(chosen))
    alpha, total = weighted_maps(maps[0], gradients[0])
    return ClassMap(layer, alpha, total, bool(maps.any()))


def resized(heat: Array, height: int, width: int) -> Array:
    """A map (h, w) as (height, width), interpolated linearly between the middles of its places.

    Examples
    --------
    >>> from glassnet.explain import resized
    >>> resized(np.array([[0.0, 1.0]]), 2, 4).shape
    (2, 4)
    """
    rows, columns = (_interpolation(new, old) for new, old in ((height, heat.shape[0]), (width, heat.shape[1])))
    return np.asarray(rows @ heat @ columns.T)


def _interpolation(new: int, old: int) -> Array:
    """(new, old): each row has the shares of the two nearest places, whose middles are spread over the same length."""
    places = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    distance: Array = np.abs(places[:, None] - np.arange(old))
    return np.maximum(1.0 - distance, 0.0)
