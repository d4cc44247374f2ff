"""Weights published under torchvision's parameter names, into our networks and back.

The networks of both are the same sums in the same order; what differs is how arrays are named and laid out:

    theirs                                  ours
    conv    weight (out, in / g, kh, kw)    weight (kh, kw, in / g, out), since pictures are (N, H, W, C) here
    linear  weight (out, in)                weight (in, out), since y = x W
    batch norm  weight, bias                scale, shift
                running_mean, running_var   mean, variance; num_batches_tracked has no use here

Layers are paired one by one: the record of a named network lists torchvision's modules in the order in which our
network walks through its layers, the body of a residual block before its shortcut.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from pathlib import Path
from typing import NamedTuple

import numpy as np

from glassnet.errors import ModelError
from glassnet.files import plain_bytes
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer, check_numbers
from glassnet.nn.layers import BatchNorm, Conv, Linear
from glassnet.nn.named import NAMED
from glassnet.nn.network import Network
from glassnet.nn.tensors import decode
from glassnet.nn.torch_file import is_torch_file, read_torch

__all__ = ["TorchArray", "load_torchvision", "read_tensors", "to_torchvision", "torch_arrays"]

_LARGEST_NAMED = 3  # tensors that an error names
_UNUSED = "num_batches_tracked"


class TorchArray(NamedTuple):
    """An array as PyTorch has it: its name, and the axes of ours in PyTorch's order (None: the same)."""

    name: str
    axes: tuple[int, ...] | None = None


@singledispatch
def torch_arrays(layer: Layer) -> dict[str, TorchArray]:
    """How PyTorch names and lays out the arrays of a layer, by our names.

    Every layer with arrays of its own has an entry; a composite has the arrays of the layers inside.
    """
    return {}


@torch_arrays.register(Conv)
def _conv(layer: Conv) -> dict[str, TorchArray]:
    return _held(layer, {"weight": TorchArray("weight", (3, 2, 0, 1)), "bias": TorchArray("bias")})


@torch_arrays.register(Linear)
def _linear(layer: Linear) -> dict[str, TorchArray]:
    return _held(layer, {"weight": TorchArray("weight", (1, 0)), "bias": TorchArray("bias")})


@torch_arrays.register(BatchNorm)
def _batchnorm(layer: BatchNorm) -> dict[str, TorchArray]:
    names = {"scale": "weight", "shift": "bias", "mean": "running_mean", "variance": "running_var"}
    return _held(layer, {ours: TorchArray(theirs) for ours, theirs in names.items()})


def _held(layer: Layer, arrays: dict[str, TorchArray]) -> dict[str, TorchArray]:
    """Those of the arrays that the layer has."""
    return {name: there for name, there in arrays.items() if name in layer.parameters or name in layer.state}


def load_torchvision(network: Network, name: str, tensors: Mapping[str, Array], source: str = "The file") -> None:
    """Copy tensors under torchvision's names into a network.

    Parameters
    ----------
    network : Network
        `Network(name, (H, W, 3), classes)`.
    name : str
        Which of the named networks it is, one with published weights.
    tensors : mapping of str to array
        By torchvision's names and in its layout, of any floating-point type; nothing else but counters.
    source : str
        What an error calls them.

    Raises
    ------
    ModelError
        A tensor is missing, surplus, of another shape or not finite; the network then stays as it was.
    """
    slots = _slots(network, name)
    given = {key for key in tensors if key.rpartition(".")[2] != _UNUSED}
    if missing := [key for key in slots if key not in given]:
        raise ModelError(
            f"{source} lacks {len(missing)} of the {len(slots)} tensors of '{name}': {_first(missing)}. Weights under"
            " torchvision's names for this very network are expected."
        )
    if surplus := sorted(given - set(slots)):
        raise ModelError(
            f"{source} has {len(surplus)} tensors that '{name}' has no place for: {_first(surplus)}. Weights under"
            " torchvision's names for this very network are expected."
        )
    wrong = [
        f"'{key}' is {tensors[key].shape} instead of {slot.shape}"
        for key, slot in slots.items()
        if tensors[key].shape != slot.shape
    ]
    if wrong:
        raise ModelError(f"{source} has {len(wrong)} tensors of other shapes than '{name}': {_first(wrong, quote='')}.")
    for key, slot in slots.items():
        check_numbers(key, tensors[key], slot.dtype, f"{source} has values in '{key}'")
    for key, slot in slots.items():
        slot[...] = tensors[key]


def to_torchvision(network: Network, name: str) -> dict[str, Array]:
    """A network's arrays under torchvision's names and in its layout, as new C-contiguous arrays of its precision.

    Raises `ModelError` when the network is not the one called `name`.
    """
    return {key: np.array(slot, dtype=network.dtype, order="C") for key, slot in _slots(network, name).items()}


def read_tensors(path: str | Path) -> dict[str, Array]:
    """All tensors of a safetensors or a PyTorch file (`.pth`) by name, BF16 as float32.

    Nothing of a PyTorch file is run. Raises `ModelError` when it cannot be read as either.
    """
    try:
        content = plain_bytes(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ModelError(f"Cannot read the weights '{path}': {reason}.") from error
    return read_torch(content, path) if is_torch_file(content) else decode(content, path, "use another copy")[1]


def _slots(network: Network, name: str) -> dict[str, Array]:
    """By torchvision's names our arrays as torchvision lays them out, the same memory, in the order of the layers."""
    known = {key: named.published.modules for key, named in NAMED.items() if named.published is not None}
    if name not in known:
        raise ModelError(f"No weights under torchvision's names are known for '{name}'. Known: {', '.join(known)}.")
    layers = [layer for _, layer in network.walk() if layer.parameters and not layer.branches]
    modules = known[name]
    if len(layers) != len(modules) or not all(torch_arrays(layer) for layer in layers):
        raise ModelError(f"This network is not '{name}': it has {len(layers)} layers with weights, not {len(modules)}.")
    slots = {}
    for module, layer in zip(modules, layers, strict=True):
        arrays = {key: parameter.value for key, parameter in layer.parameters.items()} | layer.state
        for ours, theirs in torch_arrays(layer).items():
            array = arrays[ours]
            slots[f"{module}.{theirs.name}"] = array if theirs.axes is None else array.transpose(theirs.axes)
    return slots


def _first(items: list[str], quote: str = "'") -> str:
    text = ", ".join(f"{quote}{item[:80]}{quote}" for item in items[:_LARGEST_NAMED])
    return text + (" and others" if len(items) > _LARGEST_NAMED else "")
