"""Each operator of ONNX that can be read: what it is in our notation. A table by the operator's name, `OPERATORS`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from glassnet.errors import ModelError
from glassnet.interop.onnx.graph import Node
from glassnet.interop.onnx.steps import Flow, Step
from glassnet.interop.places import flattened
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.window import Pad, same_pad
from glassnet.nn.layer import check_numbers
from glassnet.nn.layers.windows import pad_text, pair_text
from glassnet.notation import real_text

__all__ = ["OPERATORS", "Call"]

Found = tuple[list[Step], Flow]


@dataclass
class Call:
    """A node where it is reached, with what flows into it.

    Attributes
    ----------
    node : Node
        The node.
    flow : Flow
        What comes in.
    before : list of Step
        The steps of this branch so far; the last may take a constant along.
    inputs : list of array or None
        Its constant inputs by position; None is what flows, or is left out.
    path : str
        The file.
    batch : int or None
        Examples of a batch, where the file fixes them.
    last : bool
        Whether nothing follows.
    """

    node: Node
    flow: Flow
    before: list[Step]
    inputs: list[Array | None]
    path: str
    batch: int | None = None
    last: bool = False
    settings: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.settings = dict(self.node.settings)

    def refuse(self, reason: str) -> ModelError:
        """The error that says why this node is not read."""
        return ModelError(f"'{self.path}' cannot be read as a network here: {self.node} {reason}.")

    def weights(self, position: int, kind: str = "weight") -> Array:
        """A constant input as finite float32. Raises `ModelError`, naming the tensor."""
        array = self.inputs[position] if position < len(self.inputs) else None
        if array is None:
            raise self.refuse(f"needs constants as its input {position + 1}, and these are computed")
        check_numbers(kind, array, np.dtype(np.float32), f"'{self.path}' has values in '{self.node.inputs[position]}'")
        return array.astype(np.float32)

    def numbers(self, position: int, setting: str) -> list[int] | None:
        """Whole numbers that are a constant input or, in older files, a setting; None where they are left out."""
        given = self.inputs[position] if position < len(self.inputs) else None
        if given is not None:
            return [int(number) for number in np.ravel(given)[:16]]
        if position < len(self.node.inputs) and self.node.inputs[position]:
            raise self.refuse(f"has a computed '{setting}'")
        found = self.settings.get(setting)
        return None if found is None else [int(number) for number in np.ravel(found)[:16]]

    def number(self, position: int, setting: str) -> float | None:
        """The same for one real number."""
        given = self.inputs[position] if position < len(self.inputs) else self.settings.get(setting)
        return None if given is None or np.size(given) != 1 else float(np.ravel(given)[0])

    def step(self, written: str, arrays: dict[str, Array] | None = None, **changes: Any) -> Found:
        """A layer, and what it makes of the flow."""
        made = Step(written, arrays or {})
        return [made], replace(self.flow.after(made), **changes)

    def pictures(self) -> tuple[int, int, int]:
        """(H, W, C) of what comes in. Raises `ModelError` where it is no picture (n, C, H, W)."""
        if self.flow.lay != "NCHW":
            raise self.refuse("takes pictures (n, C, H, W), and something else flows into it")
        height, width, channels = self.flow.shape
        return height, width, channels


# ---- weights


def _conv(call: Call) -> Found:
    weight = call.weights(1)
    if weight.ndim != 4:
        raise call.refuse(f"has weights of {weight.ndim} axes; two-dimensional convolutions have 4")
    if call.flow.lay == "pooled" and weight.shape[2:] == (1, 1) and call.settings.get("group", 1) == 1:
        arrays = {"weight": np.ascontiguousarray(weight[:, :, 0, 0].T), "bias": np.zeros(len(weight), np.float32)}
        if len(call.node.inputs) > 2:
            arrays["bias"] = _vector(call, call.weights(2), len(weight))
        _check_features(call, weight.shape[1])
        return call.step(f"linear {len(weight)}", arrays)
    channels, group = call.pictures()[2], int(call.settings.get("group", 1))
    if group < 1 or weight.shape[1] * group != channels:
        raise call.refuse(f"has weights for {weight.shape[1] * group} channels and is given {channels}")
    size = (int(weight.shape[2]), int(weight.shape[3]))
    arrays = {"weight": np.ascontiguousarray(weight.transpose(2, 3, 1, 0))}
    if len(call.node.inputs) > 2 and call.node.inputs[2]:
        arrays["bias"] = _vector(call, call.weights(2), len(weight))
    filters, more = len(weight), _window(call, size, (1, 1))
    if group == channels and group > 1 and filters % group == 0:
        times = "" if filters == group else f", {filters // group}"
        return call.step(f"depthwise {size[0]}x{size[1]}{times}{more}", arrays)
    return call.step(f"conv {size[0]}x{size[1]}, {filters}{more}" + (f", groups {group}" if group > 1 else ""), arrays)


def _gemm(call: Call) -> Found:
    if call.inputs[0] is not None or call.settings.get("transA", 0):
        raise call.refuse("does not take rows of features as its first factor")
    weight = call.weights(1)
    if weight.ndim != 2:
        raise call.refuse(f"has weights of {weight.ndim} axes instead of 2")
    weight = float(call.settings.get("alpha", 1.0)) * (weight.T if call.settings.get("transB", 0) else weight)
    bias: Array = np.zeros(weight.shape[1], np.float32)
    if len(call.node.inputs) > 2 and call.node.inputs[2]:
        bias = float(call.settings.get("beta", 1.0)) * _vector(call, call.weights(2), weight.shape[1])
    return _affine(call, weight, bias)


def _matmul(call: Call) -> Found:
    if call.inputs[0] is not None:
        raise call.refuse("does not take rows of features as its first factor")
    weight = call.weights(1)
    if weight.ndim != 2:
        raise call.refuse(f"has weights of {weight.ndim} axes instead of 2")
    return _affine(call, weight, np.zeros(weight.shape[1], np.float32))


def _affine(call: Call, weight: Array, bias: Array) -> Found:
    if call.flow.is_picture:
        raise call.refuse("takes rows of features, and pictures flow into it")
    _check_features(call, len(weight))
    ours = np.empty(weight.shape, np.float32)
    ours[slice(None) if call.flow.order is None else call.flow.order] = weight
    arrays = {"weight": ours, "bias": bias.astype(np.float32)}
    return call.step(f"linear {weight.shape[1]}", arrays, lay="flat", order=None)


def _batchnorm(call: Call) -> Found:
    if call.flow.lay == "NHWC":
        call.pictures()
    if call.settings.get("training_mode", 0):
        raise call.refuse("is in training mode; export the network in evaluation mode")
    width, order = call.flow.shape[-1], call.flow.order
    arrays = {}
    for position, name in enumerate(("scale", "shift", "mean", "variance"), start=1):
        array = _vector(call, call.weights(position, name), width)
        arrays[name] = np.empty_like(array)
        arrays[name][slice(None) if order is None else order] = array
    arrays |= {name: arrays[name].astype(np.float64) for name in ("mean", "variance")}
    eps = _shortest(call.settings.get("epsilon", 1e-5))
    momentum = round(1 - float(call.settings.get("momentum", 0.9)), 6)  # ONNX's is the share of the old moments
    more = f", momentum {real_text(momentum)}" if 0 < momentum <= 1 and momentum != 0.1 else ""
    return call.step("batchnorm" + more + ("" if eps == 1e-5 else f", eps {real_text(eps)}"), arrays)


def _add(call: Call) -> Found:
    """A constant that is added to what a layer gives is its bias."""
    position = 0 if call.inputs[0] is not None else 1
    constant, width = call.weights(position), call.flow.shape[-1]
    axis = -1 if call.flow.lay in ("flat", "NHWC") else -3
    fits = constant.ndim == 0 or (constant.ndim >= -axis and constant.shape[axis] in (1, width))
    if not fits or constant.size not in (1, width):
        raise call.refuse(f"adds a constant of {constant.shape}, which is no bias")
    if not call.before or not call.before[-1].add(np.broadcast_to(constant.ravel(), (width,)).astype(np.float32)):
        raise call.refuse("adds a constant to something else than what a convolution or an affine layer gives")
    return [], call.flow


# ---- without weights


def _word(word: str) -> Callable[[Call], Found]:
    return lambda call: call.step(word)


def _nothing(call: Call) -> Found:
    return [], call.flow


def _clip(call: Call) -> Found:
    least, most = call.number(1, "min"), call.number(2, "max")
    if least == 0 and most == 6:
        return call.step("relu6")
    if least == 0 and (most is None or most >= np.finfo(np.float32).max):
        return call.step("relu")
    raise call.refuse(f"cuts at {least} and {most}; only 0 and 6 (ReLU6), or 0 alone, are read")


def _dropout(call: Call) -> Found:
    ratio = call.number(1, "ratio")
    ratio = 0.5 if ratio is None else _shortest(ratio)
    return call.step(f"dropout {real_text(ratio)}") if 0 < ratio < 1 else ([], call.flow)


def _softmax(call: Call) -> Found:
    """The last one belongs to the loss: class probabilities are the softmax of the scores."""
    if not call.last or call.flow.is_picture or int(call.settings.get("axis", -1)) not in (1, -1):
        raise call.refuse("is read at the end alone, over the classes")
    return [], call.flow


def _pool(word: str) -> Callable[[Call], Found]:
    def pool(call: Call) -> Found:
        call.pictures()
        kernel = call.settings.get("kernel_shape", [])
        if len(kernel) != 2:
            raise call.refuse("needs a window of rows and columns")
        size = (int(kernel[0]), int(kernel[1]))
        flags = [", ceil"] if call.settings.get("ceil_mode", 0) else []
        if call.settings.get("count_include_pad", 0):
            flags.append(", count_pad")
        return call.step(f"{word} {size[0]}x{size[1]}{_window(call, size, size)}{''.join(flags)}")

    return pool


def _global_average(call: Call) -> Found:
    if call.flow.lay == "pooled":
        return [], call.flow
    call.pictures()
    return call.step("avgpool global", lay="pooled")


def _mean(call: Call) -> Found:
    axes = call.numbers(1, "axes") or []
    if not call.flow.is_picture or {axis % 4 for axis in axes} != ({2, 3} if call.flow.lay == "NCHW" else {1, 2}):
        raise call.refuse("is read as the mean over rows and columns alone")
    return call.step("avgpool global", lay="pooled" if call.settings.get("keepdims", 1) else "flat")


def _global_max(call: Call) -> Found:
    height, width, _ = call.pictures()
    return call.step(f"maxpool {height}x{width}")


# ---- shapes


def _as_rows(call: Call) -> Found:
    """Pictures as rows, in the order in which they lie."""
    if not call.flow.is_picture:
        return [], replace(call.flow, lay="flat")
    order = flattened(call.flow.shape, None) if call.flow.lay == "NCHW" else None
    if order is not None and np.array_equal(order, np.arange(len(order))):
        order = None
    return call.step("flatten", lay="flat", order=order)


def _flatten(call: Call) -> Found:
    if int(call.settings.get("axis", 1)) not in (1, -1 if call.flow.lay == "flat" else -3):
        raise call.refuse("makes rows of several examples")
    return _as_rows(call)


def _reshape(call: Call) -> Found:
    target, count = call.numbers(1, "shape"), math.prod(call.flow.shape)
    if target is not None and target and target[0] in (0, -1, *([call.batch] if call.batch else [])):
        if len(target) == 2 and target[1] in ((-1, count) if target[0] != -1 else (count,)):
            return _as_rows(call)
        if len(target) == 4 and target[2:] == [1, 1] and not call.flow.is_picture and target[1] in (-1, count):
            return [], replace(call.flow, lay="pooled")
    raise call.refuse(f"makes {target or 'something unknown'} of {count} numbers an example; rows of these are read")


def _squeeze(call: Call) -> Found:
    axes = {axis % 4 for axis in call.numbers(1, "axes") or []}
    if axes != {2, 3} or (call.flow.is_picture and (call.flow.lay != "NCHW" or call.flow.shape[:2] != (1, 1))):
        raise call.refuse("leaves out other axes than those of rows and columns")
    return _as_rows(call)


def _unsqueeze(call: Call) -> Found:
    if call.flow.is_picture or {axis % 4 for axis in call.numbers(1, "axes") or []} != {2, 3}:
        raise call.refuse("adds other axes than those of rows and columns")
    return [], replace(call.flow, lay="pooled")


def _transpose(call: Call) -> Found:
    order, lay = list(call.settings.get("perm", [])), call.flow.lay
    if order == list(range(len(order))) and order:
        return [], call.flow
    if (lay, order) == ("NCHW", [0, 2, 3, 1]):
        return [], replace(call.flow, lay="NHWC")
    if (lay, order) == ("NHWC", [0, 3, 1, 2]):
        return [], replace(call.flow, lay="NCHW")
    raise call.refuse(f"exchanges axes as {order}, which no layer here does")


OPERATORS: dict[str, Callable[[Call], Found]] = {
    "Add": _add,
    "AveragePool": _pool("avgpool"),
    "BatchNormalization": _batchnorm,
    "Clip": _clip,
    "Conv": _conv,
    "Dropout": _dropout,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_average,
    "GlobalMaxPool": _global_max,
    "Identity": _nothing,
    "LogSoftmax": _softmax,
    "MatMul": _matmul,
    "MaxPool": _pool("maxpool"),
    "ReduceMean": _mean,
    "Relu": _word("relu"),
    "Reshape": _reshape,
    "Sigmoid": _word("sigmoid"),
    "Softmax": _softmax,
    "Squeeze": _squeeze,
    "Tanh": _word("tanh"),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}


# ---- settings


def _window(call: Call, size: tuple[int, int], usual: tuple[int, int]) -> str:
    """Stride and padding of a window as options; `usual` is the stride that needs no word."""
    if any(int(step) != 1 for step in call.settings.get("dilations", ())):
        raise call.refuse("has taps that do not lie side by side (dilations), which no layer here has")
    strides = [int(step) for step in call.settings.get("strides", (1, 1))]
    pads = [int(side) for side in call.settings.get("pads", (0, 0, 0, 0))]
    if len(strides) != 2 or len(pads) != 4:
        raise call.refuse("needs two strides and four sides of padding")
    stride, pad = (strides[0], strides[1]), Pad(pads[0], pads[2], pads[1], pads[3])
    auto = str(call.settings.get("auto_pad", "NOTSET"))
    if auto.startswith("SAME"):
        pad = same_pad(size, stride, (call.flow.shape[0], call.flow.shape[1]))
        if auto == "SAME_LOWER":
            pad = Pad(pad.bottom, pad.top, pad.right, pad.left)
    elif auto == "VALID":
        pad = Pad(0, 0, 0, 0)
    return ("" if stride == usual else f", stride {pair_text(stride)}") + (f", pad {pad_text(pad)}" if pad.any else "")


def _vector(call: Call, array: Array, width: int) -> Array:
    """(width,) numbers from an array that spreads to them."""
    if array.size not in (1, width) or (array.ndim and array.shape[-1] != array.size):
        raise call.refuse(f"has {array.shape} numbers for {width} features")
    return np.broadcast_to(array.ravel(), (width,)).copy()


def _check_features(call: Call, count: int) -> None:
    if math.prod(call.flow.shape) != count:
        raise call.refuse(f"has weights for {count} features and is given {math.prod(call.flow.shape)}")


def _shortest(value: Any) -> float:
    """A float32 of a file as the number that was meant: 1e-05, not 9.999999747378752e-06."""
    return float(str(np.float32(value)))
