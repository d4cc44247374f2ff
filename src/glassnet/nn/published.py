"""Weights published under torchvision's parameter names, into our networks and back.

The networks of both are the same sums in the same order; what differs is how arrays are named and laid out:

    theirs                                  ours
    conv    weight (out, in / g, kh, kw)    weight (kh, kw, in / g, out), since pictures are (N, H, W, C) here
    linear  weight (out, in)                weight (in, out), since y = x W
    batch norm  weight, bias                scale, shift
                running_mean, running_var   mean, variance; num_batches_tracked has no use here

Layers are paired one by one: `MODULES` lists torchvision's modules (github.com/pytorch/vision, `torchvision/models`)
in the order in which our network walks through its layers, the body of a residual block before its shortcut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from glassnet.errors import ModelError
from glassnet.files import plain_bytes
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import check_numbers
from glassnet.nn.network import Network
from glassnet.nn.tensors import decode

__all__ = ["MODULES", "load_torchvision", "read_tensors", "to_torchvision"]

_LARGEST_NAMED = 3  # tensors that an error names
_AXES = {"conv": (2, 3, 1, 0), "linear": (1, 0)}  # theirs -> ours
_NAMES = {
    "conv": {"weight": "weight", "bias": "bias"},
    "linear": {"weight": "weight", "bias": "bias"},
    "batchnorm": {"scale": "weight", "shift": "bias", "mean": "running_mean", "variance": "running_var"},
}
_UNUSED = "num_batches_tracked"


def _squeezenet() -> tuple[str, ...]:
    """Version 1.1; at the places in `features` that are left out stand the ReLU and the pools."""
    parts = ("squeeze", "expand1x1", "expand3x3")
    fires = (f"features.{place}.{part}" for place in (3, 4, 6, 7, 9, 10, 11, 12) for part in parts)
    return ("features.0", *fires, "classifier.1")


def _resnet(counts: Iterable[int], convolutions: int) -> tuple[str, ...]:
    """Four stages of so many blocks of so many convolutions, each followed by batch normalisation."""
    modules = ["conv1", "bn1"]
    for stage, count in enumerate(counts, start=1):
        for block in range(count):
            inside = [f"{kind}{i}" for i in range(1, convolutions + 1) for kind in ("conv", "bn")]
            # The first block of a stage changes the size and has a convolution in its shortcut, but not where the
            # stem already gives what the first stage of basic blocks takes.
            if block == 0 and (stage > 1 or convolutions == 3):
                inside += ["downsample.0", "downsample.1"]
            modules += [f"layer{stage}.{block}.{part}" for part in inside]
    return (*modules, "fc")


# name of the network -> torchvision's modules that hold tensors, in the order of `Network.walk`
MODULES: dict[str, tuple[str, ...]] = {
    "squeezenet-1.1": _squeezenet(),
    "resnet-18": _resnet((2, 2, 2, 2), 2),
    "resnet-50": _resnet((3, 4, 6, 3), 3),
    "resnet-152": _resnet((3, 8, 36, 3), 3),
}


def load_torchvision(network: Network, name: str, tensors: Mapping[str, Array], source: str = "The file") -> None:
    """Copy tensors under torchvision's names into a network.

    Parameters
    ----------
    network : `Network(name, (H, W, 3), classes)`
    name : which of `MODULES` it is
    tensors : by torchvision's names and in its layout, of any floating-point type; nothing else but counters
    source : what an error calls them

    Raises `ModelError` when a tensor is missing, surplus, of another shape or not finite; the network then stays as it
    was.
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
        f"'{key}' is {tensors[key].shape} instead of {_theirs(slot, word).shape}"
        for key, (slot, word) in slots.items()
        if tensors[key].shape != _theirs(slot, word).shape
    ]
    if wrong:
        raise ModelError(f"{source} has {len(wrong)} tensors of other shapes than '{name}': {_first(wrong, quote='')}.")
    for key, (slot, _) in slots.items():
        check_numbers(key, tensors[key], slot.dtype, f"{source} has values in '{key}'")
    for key, (slot, word) in slots.items():
        _theirs(slot, word)[...] = tensors[key]


def to_torchvision(network: Network, name: str) -> dict[str, Array]:
    """A network's arrays under torchvision's names and in its layout, as new C-contiguous arrays of its precision.

    Raises `ModelError` when the network is not the one called `name`.
    """
    return {
        key: np.array(_theirs(slot, word), dtype=network.dtype, order="C")
        for key, (slot, word) in _slots(network, name).items()
    }


def read_tensors(path: str | Path) -> dict[str, Array]:
    """All tensors of a safetensors file by name, BF16 as float32. Raises `ModelError` when it cannot be read as one."""
    try:
        content = plain_bytes(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ModelError(f"Cannot read the weights '{path}': {reason}.") from error
    foreign = Path(path).suffix in (".pth", ".pt")
    advice = "a PyTorch file is converted by two lines, see docs/pretrained.md" if foreign else "use another copy"
    return decode(content, path, advice)[1]


def _slots(network: Network, name: str) -> dict[str, tuple[Array, str]]:
    """For each of torchvision's names our array and the word of its layer, in the order of the layers."""
    if name not in MODULES:
        raise ModelError(f"No weights under torchvision's names are known for '{name}'. Known: {', '.join(MODULES)}.")
    layers = [layer for _, layer in network.walk() if layer.parameters and not layer.branches]
    modules = MODULES[name]
    if len(layers) != len(modules) or any(layer.word not in _NAMES for layer in layers):
        raise ModelError(f"This network is not '{name}': it has {len(layers)} layers with weights, not {len(modules)}.")
    slots = {}
    for module, layer in zip(modules, layers, strict=True):
        arrays = {key: parameter.value for key, parameter in layer.parameters.items()} | layer.state
        for ours, theirs in _NAMES[layer.word].items():
            if ours in arrays:
                slots[f"{module}.{theirs}"] = (arrays[ours], layer.word)
    return slots


def _theirs(slot: Array, word: str) -> Array:
    """Our array as torchvision lays it out, the same memory."""
    axes = _AXES.get(word)
    return slot if axes is None or slot.ndim == 1 else slot.transpose(np.argsort(axes))


def _first(items: list[str], quote: str = "'") -> str:
    text = ", ".join(f"{quote}{item[:80]}{quote}" for item in items[:_LARGEST_NAMED])
    return text + (" and others" if len(items) > _LARGEST_NAMED else "")
