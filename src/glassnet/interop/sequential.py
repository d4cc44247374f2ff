"""A PyTorch module made of `nn.Sequential` as a network that computes the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.errors import ModelError
from glassnet.interop.library import torch_library
from glassnet.interop.state_dict import load_tensors
from glassnet.nn import Network
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.window import as_pad, as_pair
from glassnet.nn.layers.windows import pad_text, pair_text
from glassnet.notation import real_text

if TYPE_CHECKING:
    import torch

__all__ = ["from_torch"]


def from_torch(module: torch.nn.Module, input_shape: Sequence[int]) -> Network:
    """A network with a copy of a module's weights and running moments that computes the same, in evaluation mode.

    Parameters
    ----------
    module : Sequential
        PyTorch's, of `Linear`, `Conv2d`, `BatchNorm1d`, `BatchNorm2d`, `ReLU`, `ReLU6`, `Sigmoid`, `Tanh`, `MaxPool2d`,
        `AvgPool2d`, `AdaptiveAvgPool2d(1)`, `Flatten`, `Dropout`, `Dropout2d`, `Identity`, and further `Sequential`s.
    input_shape : sequence of int
        (H, W, C) of the pictures, which the module takes as (n, C, H, W); or (d,) of rows.

    Returns
    -------
    Network
        Takes pictures (n, H, W, C), in float64 where the module does, else in float32.

    Raises
    ------
    GlassnetError
        PyTorch is not installed; a module or one of its settings has no counterpart here, and the first is named.

    Examples
    --------
    >>> import torch
    >>> from glassnet.interop import from_torch
    >>> module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> from_torch(module, (4,)).notation()
    'linear 8 -> relu -> linear 3'
    """
    library = torch_library()
    words: list[str] = []
    tensors: dict[str, Array] = {}
    flat = len(tuple(input_shape)) == 1
    for path, child in _leaves(module, library.nn, "module"):
        kind = type(child).__name__
        word = _WORDS.get(kind) if type(child) is getattr(library.nn, kind, None) else None
        if word is None:
            raise ModelError(f"'{path}' is a {kind}, which no layer here is. Known: Sequential, {', '.join(_WORDS)}.")
        if kind == "Linear" and not flat:
            raise ModelError(f"'{path}', a Linear, is given pictures; put a Flatten before it.")
        flat = flat or kind == "Flatten"
        try:
            words.append(word(child))
        except _Unknown as error:
            raise ModelError(f"'{path}', a {kind}, has {error}, which no layer here has.") from None
        tensors |= {f"{path}.{key}": _numbers(tensor) for key, tensor in _state(child, library).items()}
    precise = any(array.dtype == np.float64 for name, array in tensors.items())
    layers = [word for word in words if word]
    if not layers:
        raise ModelError("The module holds no layers.")
    network = Network(" -> ".join(layers), input_shape, dtype=np.float64 if precise else np.float32)
    load_tensors(network, tensors, "The module", ordered=True)
    return network


class _Unknown(Exception):
    """A setting that no layer here has."""


def _leaves(module: Any, nn: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The modules inside nested `Sequential`s with their paths."""
    if not isinstance(module, nn.Sequential) or type(module).forward is not nn.Sequential.forward:
        yield path, module
        return
    for name, child in module._modules.items():
        yield from _leaves(child, nn, f"{path}.{name}")


def _numbers(tensor: Any) -> Array:
    tensor = tensor.detach().cpu()
    wide = tensor.dtype if str(tensor.dtype) in ("torch.float32", "torch.float64") else None
    array: Array = (tensor if wide else tensor.float()).numpy()
    return array


def _state(module: Any, library: Any) -> dict[str, Any]:
    """A module's tensors; what it does without and our layer has computes nothing."""
    state = {key: tensor for key, tensor in module.state_dict().items() if key != "num_batches_tracked"}
    kind = type(module).__name__
    if kind == "Linear" and module.bias is None:
        state["bias"] = library.zeros(module.out_features, dtype=module.weight.dtype)
    if kind.startswith("BatchNorm") and not module.affine:
        width, dtype = module.num_features, module.running_mean.dtype
        state |= {"weight": library.ones(width, dtype=dtype), "bias": library.zeros(width, dtype=dtype)}
    return state


# ---- words


def _linear(m: Any) -> str:
    return f"linear {m.out_features}"


def _conv(m: Any) -> str:
    _expect(tuple(m.dilation) == (1, 1), "dilation")
    _expect(m.padding_mode == "zeros", f"padding_mode '{m.padding_mode}'")
    named = {"same": ", pad same", "valid": ""}
    pad = named[m.padding] if isinstance(m.padding, str) else _pad(m.padding)
    more = (f", groups {m.groups}" if m.groups > 1 else "") + ("" if m.bias is not None else ", bias off")
    return f"conv {_size(m.kernel_size)}, {m.out_channels}{_stride(m.stride, 1)}{pad}{more}"


def _batchnorm(m: Any) -> str:
    _expect(m.track_running_stats and m.running_mean is not None, "no running moments")
    _expect(m.momentum is not None, "momentum None")
    return f"batchnorm, momentum {real_text(m.momentum)}, eps {real_text(m.eps)}"


def _dropout(m: Any) -> str:
    return f"dropout {real_text(m.p)}" + (", channels" if type(m).__name__ == "Dropout2d" else "")


def _max_pool(m: Any) -> str:
    _expect(as_pair(m.dilation, "dilation") == (1, 1), "dilation")
    _expect(not m.return_indices, "return_indices")
    return f"maxpool {_pooled(m)}"


def _average_pool(m: Any) -> str:
    _expect(m.divisor_override is None, "divisor_override")
    return f"avgpool {_pooled(m)}" + (", count_pad" if m.count_include_pad else "")


def _adaptive(m: Any) -> str:
    _expect(m.output_size in (1, (1, 1)), f"output_size {m.output_size}")
    return "avgpool global"


def _flatten(m: Any) -> str:
    _expect((m.start_dim, m.end_dim) == (1, -1), "other axes than all but the first")
    return "flatten"


_WORDS: dict[str, Callable[[Any], str]] = {
    "Linear": _linear,
    "Conv2d": _conv,
    "BatchNorm1d": _batchnorm,
    "BatchNorm2d": _batchnorm,
    "ReLU": lambda m: "relu",
    "ReLU6": lambda m: "relu6",
    "Sigmoid": lambda m: "sigmoid",
    "Tanh": lambda m: "tanh",
    "MaxPool2d": _max_pool,
    "AvgPool2d": _average_pool,
    "AdaptiveAvgPool2d": _adaptive,
    "Flatten": _flatten,
    "Dropout": _dropout,
    "Dropout2d": _dropout,
    "Identity": lambda m: "",
}


def _expect(right: bool, setting: str) -> None:
    if not right:
        raise _Unknown(setting)


def _size(value: Any) -> str:
    rows, columns = as_pair(value, "size")
    return f"{rows}x{columns}"


def _stride(value: Any, usual: Any) -> str:
    stride = as_pair(value, "stride")
    return "" if stride == as_pair(usual, "stride") else f", stride {pair_text(stride)}"


def _pad(value: Any) -> str:
    pad = as_pad(value)
    return f", pad {pad_text(pad)}" if pad.any else ""


def _pooled(m: Any) -> str:
    return _size(m.kernel_size) + _stride(m.stride, m.kernel_size) + _pad(m.padding) + (", ceil" if m.ceil_mode else "")
