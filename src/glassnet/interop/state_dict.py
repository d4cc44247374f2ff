"""The tensors of a PyTorch network of any names into a network of ours, layer by layer.

A layer is recognised by what its tensors are called (`weight`, `bias`, `running_mean`, ...) and by their sizes. Those
of equal sizes go to layers of equal sizes in their order: that of a PyTorch file is the order in which a module was
made; safetensors files keep none, so there the names decide, numbers in them by their value. `Paired` says what went
where.

PyTorch flattens a picture in the order (C, H, W), we in (H, W, C): the rows of the affine layer that follows are
permuted, and batch normalisation on the way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from glassnet.errors import ModelError
from glassnet.interop.places import Order, Place, flattened
from glassnet.nn import Network
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer, check_numbers
from glassnet.nn.layers import BatchNorm, Flatten, Linear
from glassnet.nn.torchvision import torch_arrays

__all__ = ["Paired", "classes_of", "load_tensors", "without_prefixes"]

_UNUSED = "num_batches_tracked"
_PREFIXES = ("module.", "_orig_mod.")  # of DistributedDataParallel, and of torch.compile
_NAMED = 3  # what an error lists

Sizes = dict[str, tuple[int, ...]]  # the tensors of a layer: sizes by PyTorch's names
Group = dict[str, Array]  # and their numbers


@dataclass(frozen=True)
class Paired:
    """What went where.

    Attributes
    ----------
    modules : dict of str to str
        By the names of our layers the module of the file that each was taken from.
    guessed : tuple of str
        Layers of ours for which several modules would fit, and only the names could decide.
    """

    modules: dict[str, str]
    guessed: tuple[str, ...] = ()


def without_prefixes(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """The tensors without the prefixes that wrappers put before every name, and without counters."""
    kept = {name: array for name, array in tensors.items() if name.rpartition(".")[2] != _UNUSED}
    while prefix := next((p for p in _PREFIXES if kept and all(name.startswith(p) for name in kept)), None):
        kept = {name.removeprefix(prefix): array for name, array in kept.items()}
    return kept


def load_tensors(network: Network, tensors: Mapping[str, Array], source: str, *, ordered: bool) -> Paired:
    """Copy tensors of any names into a network.

    Parameters
    ----------
    network : Network
        The network.
    tensors : mapping of str to array
        Under PyTorch's names and in its layout, of any floating-point type; or under our own names, in ours.
    source : str
        What an error calls them.
    ordered : bool
        Whether their order is that in which the layers were made; else the names decide.

    Raises
    ------
    ModelError
        A tensor is missing, surplus, of another shape, not finite or a negative variance; the network stays as it was.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.interop import load_tensors
    >>> network = Network("linear 8 -> relu -> linear 3", (4,))
    >>> tensors = {
    ...     "hidden.weight": np.ones((8, 4)), "hidden.bias": np.zeros(8),
    ...     "last.weight": np.ones((3, 8)), "last.bias": np.zeros(3),
    ... }  # as PyTorch has them: a row for each output
    >>> paired = load_tensors(network, tensors, "The dictionary", ordered=True)
    >>> list(paired.modules.values())
    ['hidden', 'last']
    >>> network.forward(np.ones((1, 4), np.float32)).tolist()
    [[32.0, 32.0, 32.0]]
    """
    tensors = without_prefixes(tensors)
    if set(tensors) == set(network.arrays()):
        network.load_arrays(dict(tensors))
        return Paired({})
    slots = _slots(network)
    modules = _grouped(tensors, ordered)
    chosen, guessed = _paired(slots, modules, source)
    if surplus := [
        _full(module, key) for module in modules if module not in chosen.values() for key in modules[module]
    ]:
        raise ModelError(
            f"{source} has {len(surplus)} tensors that '{network.notation():.80}' has no place for: {_listed(surplus)}."
        )
    for name, slot in slots.items():
        for key, array in modules[chosen[name]].items():
            check_numbers(key, array, slot.dtype, f"{source} has values in '{_full(chosen[name], key)}'")
    for name, slot in slots.items():
        slot.fill(modules[chosen[name]])
    return Paired(chosen, () if ordered else guessed)


def classes_of(network: Network, tensors: Mapping[str, Array]) -> int | None:
    """How many outputs the last layer of a network has by these tensors.

    Parameters
    ----------
    network : Network
        With any number of outputs.
    tensors : mapping of str to array
        As for `load_tensors`.

    Returns
    -------
    int or None
        None where none or several modules that no other layer takes would fit.
    """
    modules = _grouped(without_prefixes(tensors), True)
    slots = _slots(network)
    last = next((name for name, slot in reversed(slots.items()) if slot.layer.sized), "")
    taken: set[str] = set()
    for name, slot in slots.items():
        if name != last:
            taken |= set(_fitting(slot.sizes, modules, taken)[:1])
    wanted = slots[last].sizes if last else {}
    found = {
        array.shape[0]
        for module, group in modules.items()
        if module not in taken
        and set(group) == set(wanted)
        and (array := group["weight"]).ndim == len(wanted["weight"])
        and array.shape[1:] == wanted["weight"][1:]
    }
    return found.pop() if len(found) == 1 else None


# ---- our side


@dataclass(frozen=True)
class _Slot:
    """A layer with arrays; the features that flow into it are in PyTorch's `order`."""

    layer: Layer
    order: Order

    @property
    def arrays(self) -> dict[str, Array]:
        return {name: parameter.value for name, parameter in self.layer.parameters.items()} | self.layer.state

    @property
    def places(self) -> dict[str, Place]:
        """By our names where each array is in a module."""
        ordered = ["weight"] if isinstance(self.layer, Linear) else []
        if isinstance(self.layer, BatchNorm):
            ordered = list(self.arrays)
        return {
            name: Place(there.name, there.axes, self.order if name in ordered else None)
            for name, there in torch_arrays(self.layer).items()
        }

    @property
    def sizes(self) -> Sizes:
        """The sizes of the tensors there."""
        arrays = self.arrays
        return {
            place.path: tuple(arrays[name].shape[axis] for axis in place.axes or range(arrays[name].ndim))
            for name, place in self.places.items()
        }

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(self.layer.dtype)

    def fill(self, group: Group) -> None:
        """Copy the tensors of a module into the layer."""
        arrays = self.arrays
        for name, place in self.places.items():
            arrays[name][...] = place.back(group[place.path])


def _slots(network: Network) -> dict[str, _Slot]:
    """The layers with arrays by name, in the order in which they run."""
    slots: dict[str, _Slot] = {}
    if _walk(network.layers, "", None, slots) is not None:
        raise _unknown_order("the network gives")
    return slots


def _walk(layers: Sequence[Layer], prefix: str, order: Order, slots: dict[str, _Slot]) -> Order:
    """Gather the layers of a chain; returns the order of the features that it gives."""
    for position, layer in enumerate(layers, start=1):
        name = f"{prefix}{position}.{layer.word}"
        if layer.branches:
            ends = [_walk(inside, f"{name}.{branch}.", order, slots) for branch, inside in layer.branches.items()]
            if order is not None or any(end is not None for end in ends):
                raise _unknown_order(f"'{layer.notation():.60}' takes or gives")
            continue
        if isinstance(layer, Linear | Flatten):
            order = _unless_same(flattened(layer.input_shape, order))
        if torch_arrays(layer):
            slots[name] = _Slot(layer, order)
        if isinstance(layer, Linear):
            order = None
    return order


def _unless_same(order: Order) -> Order:
    return None if order is None or np.array_equal(order, np.arange(len(order))) else order


def _unknown_order(who: str) -> ModelError:
    return ModelError(
        f"The order of a flattened picture's features, which {who}, is (C, H, W) in PyTorch and (H, W, C) here, so the"
        " weights cannot be taken over."
    )


# ---- their side


def _grouped(tensors: Mapping[str, Array], ordered: bool) -> dict[str, Group]:
    """The tensors by module, in the file's order or in that of the names."""
    names = list(tensors) if ordered else sorted(tensors, key=_natural)
    groups: dict[str, Group] = {}
    for name in names:
        module, _, key = name.rpartition(".")
        groups.setdefault(module, {})[key] = tensors[name]
    return groups


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A key by which `layer.9` comes before `layer.10`."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"([0-9]{1,18})", name)]


def _sizes(group: Group) -> Sizes:
    return {key: array.shape for key, array in group.items()}


def _fitting(wanted: Sizes, modules: Mapping[str, Group], taken: set[str]) -> list[str]:
    """The modules, of those that are left, whose tensors have these names and sizes."""
    return [module for module, group in modules.items() if module not in taken and _sizes(group) == wanted]


def _paired(
    slots: Mapping[str, _Slot], modules: Mapping[str, Group], source: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The module of each layer, and the layers for which more than one would fit."""
    chosen: dict[str, str] = {}
    several: list[str] = []
    for name, slot in slots.items():
        taken = set(chosen.values())
        fitting = _fitting(slot.sizes, modules, taken)
        if not fitting:
            left = {module: group for module, group in modules.items() if module not in taken}
            raise _missing(name, slot.sizes, left, source)
        chosen[name] = fitting[0]
        if len(fitting) > 1:
            several.append(name)
    return chosen, tuple(several)


def _missing(name: str, wanted: Sizes, left: Mapping[str, Group], source: str) -> ModelError:
    asked = ", ".join(f"{key} {size}" for key, size in wanted.items())
    nearest = sorted(left, key=lambda module: _unlike(_sizes(left[module]), wanted))
    there = [f"'{_full(module, key)}' {array.shape}" for module in nearest for key, array in left[module].items()]
    rest = f"of those left the nearest are {_listed(there, '')}" if there else "none are left"
    return ModelError(f"{source} has no tensors for the layer '{name}', which takes {asked}; {rest}.")


def _unlike(one: Sizes, other: Sizes) -> int:
    """How much the tensors of two modules differ: in their names, their axes, their sizes."""
    both = [(one[key], other[key]) for key in one.keys() & other.keys()]
    axes = sum(len(a) != len(b) for a, b in both)
    return 100 * len(one.keys() ^ other.keys()) + 10 * axes + sum(a != b for a, b in both)


def _full(module: str, key: str) -> str:
    return f"{module}.{key}" if module else key


def _listed(items: Sequence[str], quote: str = "'") -> str:
    text = ", ".join(f"{quote}{item[:80]}{quote}" for item in items[:_NAMED])
    return text + (" and others" if len(items) > _NAMED else "")
