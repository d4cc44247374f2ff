"""ONNX's operators in terms of the operations here: layouts, attributes and operands are translated, nothing else.

Every function takes the node's inputs by position (None where an optional one is left out), its attributes with
ONNX's defaults filled in, and returns all outputs that the operator has, in the order of ONNX's specification
(https://onnx.ai/onnx/operators). Pictures are (n, c, h, w) there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.nn import Network
from glassnet.nn import functional as F
from glassnet.nn.functional.loss import log_softmax_forward

Arrays = list[Any]
Attributes = dict[str, Any]


def channels_last(x: np.ndarray) -> np.ndarray:
    """(n, c, h, w) -> (n, h, w, c)."""
    return np.moveaxis(x, 1, -1)


def channels_first(y: np.ndarray) -> np.ndarray:
    """(n, h, w, c) -> (n, c, h, w)."""
    return np.moveaxis(y, -1, 1)


# ---- windows -------------------------------------------------------------------------------------------------------


def padding(length: int, kernel: int, stride: int, dilation: int, auto: str, pads: tuple[int, int]) -> tuple[int, int]:
    """(before, after) along one axis. SAME gives ceil(length / stride) windows; an odd pixel goes to the end named."""
    if not auto.startswith("SAME"):
        return pads if auto == "NOTSET" else (0, 0)
    count = -(-length // stride)
    total = max(0, (count - 1) * stride + (kernel - 1) * dilation + 1 - length)
    less, more = total // 2, total - total // 2
    return (less, more) if auto == "SAME_UPPER" else (more, less)


def window(x: np.ndarray, kernel: tuple[int, ...], a: Attributes) -> dict[str, Any]:
    """Stride, padding and dilation of a window over (n, c, h, w), as the operations here take them."""
    strides = tuple(a.get("strides") or (1, 1))
    dilations = tuple(a.get("dilations") or (1, 1))
    top, left, bottom, right = a.get("pads") or (0, 0, 0, 0)
    auto = a["auto_pad"].decode()
    rows = padding(x.shape[2], kernel[0], strides[0], dilations[0], auto, (top, bottom))
    columns = padding(x.shape[3], kernel[1], strides[1], dilations[1], auto, (left, right))
    return {"stride": strides, "pad": (*rows, *columns), "dilation": dilations}


def conv(inputs: Arrays, a: Attributes, method: str | None = None) -> Arrays:
    x, w, *rest = inputs
    settings = window(x, w.shape[2:], a)
    assert settings.pop("dilation") == (1, 1)
    weights = np.ascontiguousarray(w.transpose(2, 3, 1, 0))  # (f, c, kh, kw) -> (kh, kw, c, f)
    y, _ = F.conv2d_forward(channels_last(x), weights, *rest, groups=a["group"], method=method, **settings)
    return [channels_first(y)]


def max_pool(inputs: Arrays, a: Attributes) -> Arrays:
    (x,) = inputs
    kernel = tuple(a["kernel_shape"])
    n, c, h, w = x.shape
    y, cache = F.max_pool_forward(channels_last(x), kernel, ceil=bool(a["ceil_mode"]), **window(x, kernel, a))
    image, row, column, channel = np.unravel_index(F.max_pool_index(cache), (n, h, w, c))
    if a["storage_order"] == 0:
        places = np.ravel_multi_index((image, channel, row, column), (n, c, h, w))
    else:  # columns one after the other
        places = np.ravel_multi_index((image, channel, column, row), (n, c, w, h))
    return [channels_first(y), channels_first(places)]


def average_pool(inputs: Arrays, a: Attributes) -> Arrays:
    (x,) = inputs
    kernel = tuple(a["kernel_shape"])
    settings = window(x, kernel, a) | {"ceil": bool(a["ceil_mode"]), "count_pad": bool(a["count_include_pad"])}
    return [channels_first(F.average_pool_forward(channels_last(x), kernel, **settings)[0])]


def global_average_pool(inputs: Arrays, a: Attributes) -> Arrays:
    y, _ = F.global_average_pool_forward(channels_last(inputs[0]))
    return [y[:, :, None, None]]


# ---- normalisation, dropout, activations -----------------------------------------------------------------------------


def batch_normalization(inputs: Arrays, a: Attributes) -> Arrays:
    """ONNX's running moments keep the share `momentum` of the old ones, and take the biased variance."""
    x, scale, shift, mean, variance = inputs
    training = bool(a["training_mode"])
    moments = None if training else (mean, variance)
    y, cache = F.batchnorm_forward(channels_last(x), scale, shift, moments=moments, eps=a["epsilon"])
    running = mean.copy(), variance.copy()
    if training:
        count = x.size // x.shape[1]
        batch = cache.moments[0], cache.moments[1] * ((count - 1) / count)
        F.update_running_moments(running, batch, count, 1 - a["momentum"])
    return [channels_first(y), *running]


def dropout(inputs: Arrays, a: Attributes) -> Arrays:
    """The whole array is one example. The mask says what is kept."""
    x, ratio, training = (*inputs, None, None)[:3]
    p = float(a.get("ratio", 0.5) if ratio is None else ratio)
    train = bool(training)
    y = Network(f"dropout {p}", x.shape, dtype=x.dtype).forward(x[None], train=train)[0]
    mask = F.dropout_mask(x.shape, p if train else 0.0, np.random.default_rng(0), x.dtype)
    return [y, mask != 0]


def activation(forward: Callable[..., Any]) -> Callable[..., Arrays]:
    return lambda inputs, a: [forward(inputs[0])[0]]


# ---- rows ------------------------------------------------------------------------------------------------------------


def as_rows(x: np.ndarray, axis: int) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """(rows, classes) with the classes of `axis`, and the way back to the shape of x."""
    moved = np.moveaxis(x, axis, -1)
    rows = np.ascontiguousarray(moved).reshape(-1, x.shape[axis])
    return rows, lambda y: np.moveaxis(y.reshape(moved.shape), -1, axis)


def over_axis(forward: Callable[..., Any]) -> Callable[..., Arrays]:
    def run(inputs: Arrays, a: Attributes) -> Arrays:
        rows, back = as_rows(inputs[0], a["axis"])
        return [back(forward(rows)[0])]

    return run


def softmax_cross_entropy_loss(inputs: Arrays, a: Attributes) -> Arrays:
    scores, labels = inputs[:2]
    rows, back = as_rows(scores, 1)
    flat = labels.reshape(-1)
    reduction = a["reduction"].decode()
    if reduction == "none":  # the mean over one example is its loss
        each = [F.softmax_cross_entropy(rows[i : i + 1], flat[i : i + 1])[0] for i in range(len(rows))]
        loss: Any = np.array(each, scores.dtype).reshape(labels.shape)
    else:
        mean, _ = F.softmax_cross_entropy(rows, flat)
        loss = mean * (1 if reduction == "mean" else len(rows))
    return [loss, back(log_softmax_forward(rows)[0])]


def gemm(inputs: Arrays, a: Attributes) -> Arrays:
    """alpha A B + beta C. A C with rows of its own is not a bias: it is added afterwards."""
    x, w, c = (*inputs, None)[:3]
    x = a["alpha"] * (x.T if a["transA"] else x)
    w = np.ascontiguousarray(w.T if a["transB"] else w)
    c = np.zeros(w.shape[1], w.dtype) if c is None else a["beta"] * c
    x, c = x.astype(w.dtype, copy=False), np.asarray(c, w.dtype)
    if c.ndim == 2 and len(c) > 1:
        y, _ = F.affine_forward(x, w, np.zeros(w.shape[1], w.dtype))
        return [F.add(y, np.broadcast_to(c, y.shape))]
    return [F.affine_forward(x, w, np.broadcast_to(c, (1, w.shape[1]))[0])[0]]


def concat(inputs: Arrays, a: Attributes) -> Arrays:
    axis = a["axis"]
    return [np.moveaxis(F.concat_forward([np.moveaxis(x, axis, -1) for x in inputs]), -1, axis)]


def flatten(inputs: Arrays, a: Attributes) -> Arrays:
    """The axes before `axis` number the examples."""
    (x,) = inputs
    axis = a["axis"] + x.ndim * (a["axis"] < 0)
    examples = x.reshape(math.prod(x.shape[:axis]), *x.shape[axis:])
    return [Network("flatten", examples.shape[1:], dtype=x.dtype).forward(examples)]


OPERATIONS: dict[str, Callable[..., Arrays]] = {
    "AveragePool": average_pool,
    "BatchNormalization": batch_normalization,
    "Concat": concat,
    "Conv": conv,
    "Dropout": dropout,
    "Flatten": flatten,
    "Gemm": gemm,
    "GlobalAveragePool": global_average_pool,
    "LogSoftmax": over_axis(log_softmax_forward),
    "MaxPool": max_pool,
    "Relu": activation(F.relu_forward),
    "Sigmoid": activation(F.sigmoid_forward),
    "Softmax": over_axis(F.softmax_forward),
    "SoftmaxCrossEntropyLoss": softmax_cross_entropy_loss,
    "Tanh": activation(F.tanh_forward),
}
