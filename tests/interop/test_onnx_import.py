"""ONNX graphs of other programs as networks, compared with what the package onnx itself computes; and damaged ones."""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.errors import GlassnetError, ModelError
from glassnet.interop import from_onnx, to_onnx
from glassnet.interop.onnx import graph as graph_room
from glassnet.nn import Network
from support.bad_input import cuts, flipped
from support.onnx_graphs import Drawn, evaluated, model_of

onnx = pytest.importorskip("onnx")


def as_read(drawn: Drawn, output: str, tmp_path: Path, shape: tuple[int, ...], **settings: Any) -> Network:
    """The network of a graph, whose scores must be the graph's."""
    model = drawn.model(output)
    network = from_onnx(drawn.save(tmp_path / "g.onnx", output), **settings)
    x = np.random.default_rng(0).standard_normal((3, *shape)).astype(np.float32)
    wanted = evaluated(model, x).reshape(3, -1)
    ours = network.infer(x.transpose(0, 2, 3, 1) if x.ndim == 4 else x)
    assert wanted.shape == ours.shape and np.ptp(wanted) > 0
    np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-5)
    return network


def conv(g: Drawn, x: str, inputs: int, outputs: int, size: int = 3, bias: bool = True, **settings: Any) -> str:
    """A convolution that keeps the picture's size unless told otherwise."""
    settings = {"pads": [size // 2] * 4, **settings}
    weights = g.random(outputs, inputs // settings.get("group", 1), size, size)
    return g("Conv", x, weights, *([g.random(outputs)] if bias else []), **settings)


def test_a_plain_chain(tmp_path: Path) -> None:
    """As PyTorch's exporter writes Conv, BatchNorm, ReLU, pools, Flatten and Linear: uneven windows, a picture of
    several channels flattened, weights transposed."""
    g = Drawn(2, 9, 8)
    x = conv(g, "x", 2, 4, bias=False, strides=[2, 1], pads=[1, 0, 2, 1])
    x = g("Relu", g.norm(x, 4))
    x = g("MaxPool", x, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1], ceil_mode=1)
    x = g("AveragePool", x, kernel_shape=[2, 2], strides=[1, 1], pads=[1, 1, 0, 0], count_include_pad=1)
    x = g("Flatten", x, axis=1)
    count = evaluated(g.model(x), np.zeros((1, 2, 9, 8), np.float32)).shape[1]
    x = g("Gemm", x, g.random(7, count), g.random(7), transB=1, alpha=0.5, beta=2.0)
    x = g("Sigmoid", g.norm(x, 7))
    x = g("Tanh", g("MatMul", x, g.random(7, 5)))
    network = as_read(g, g("Gemm", x, g.random(5, 5)), tmp_path, (2, 9, 8))
    assert network.notation() == (
        "conv 3x3, 4, stride 2x1, pad 1 2 0 1, bias off -> batchnorm, eps 0.001 -> relu -> maxpool 3x2, stride 2x1, pad"
        " 1 1 0 1, ceil -> avgpool 2x2, stride 1, pad 1 0 1 0, count_pad -> flatten -> linear 7 -> batchnorm, eps 0.001"
        " -> sigmoid -> linear 5 -> tanh -> linear 5"
    )


def test_residual_blocks(tmp_path: Path) -> None:
    """The shortcut as it is, and through a convolution; either may be the first to be added."""
    g = Drawn(3, 6, 6)
    x = g("Relu", conv(g, "x", 3, 4))
    x = g("Relu", g("Add", conv(g, g("Relu", conv(g, x, 4, 4)), 4, 4), x))
    x = g("Add", conv(g, x, 4, 6, 1, strides=[2, 2]), g.norm(conv(g, x, 4, 6, strides=[2, 2]), 6))
    x = g("Add", x, conv(g, x, 6, 6))
    x = g("Flatten", g("GlobalAveragePool", x))
    network = as_read(g, g("Gemm", x, g.random(6, 3), g.random(1, 3)), tmp_path, (3, 6, 6))
    assert network.notation() == (
        "conv 3x3, 4, pad 1 -> relu -> residual(conv 3x3, 4, pad 1 -> relu -> conv 3x3, 4, pad 1) -> relu"
        " -> residual(conv 1x1, 6, stride 2 | conv 3x3, 6, stride 2, pad 1 -> batchnorm, eps 0.001)"
        " -> residual(conv 3x3, 6, pad 1) -> avgpool global -> linear 3"
    )


def test_branches_side_by_side(tmp_path: Path) -> None:
    """In the order in which they are put together, not drawn; the input among them; branches within branches."""
    g = Drawn(3, 5, 4)
    x = conv(g, "x", 3, 4)
    one, other = conv(g, x, 4, 2, 1), g("Tanh", conv(g, x, 4, 3))
    x = g("Concat", other, x, one, axis=1)
    inner = g("Concat", conv(g, x, 9, 2), g("MaxPool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1]), axis=-3)
    x = g("Add", conv(g, x, 9, 11), inner)
    x = g("Flatten", x)
    network = as_read(g, g("Gemm", x, g.random(220, 3)), tmp_path, (3, 5, 4))
    assert network.notation() == (
        "conv 3x3, 4, pad 1 -> concat(conv 3x3, 3, pad 1 -> tanh | dropout 0 | conv 1x1, 2)"
        " -> residual(conv 3x3, 11, pad 1 | concat(conv 3x3, 2, pad 1 | maxpool 3x3, stride 1, pad 1))"
        " -> flatten -> linear 3"
    )


def test_three_sums_and_a_value_added_to_itself(tmp_path: Path) -> None:
    g = Drawn(2, 4, 4)
    x = conv(g, "x", 2, 3)
    x = g("Add", g("Add", conv(g, x, 3, 3), conv(g, x, 3, 3, 1)), x)
    x = g("Add", x, x)
    x = g("ReduceMean", x, axes=[2, 3], keepdims=0)
    network = as_read(g, x, tmp_path, (2, 4, 4))
    assert network.notation().count("residual") == 3


def test_flattened_pictures_in_branches(tmp_path: Path) -> None:
    """The order of features is kept through normalisation and side by side."""
    g = Drawn(3, 4, 2)
    x = g("Flatten", conv(g, "x", 3, 3))
    x = g.norm(x, 24)
    x = g("Concat", g("Tanh", x), g("Relu", g("Gemm", x, g.random(24, 5))), x, axis=1)
    as_read(g, g("Gemm", x, g.random(53, 4)), tmp_path, (3, 4, 2))


@pytest.mark.parametrize("how", ["reshape", "shape of", "squeeze", "mean", "transposed", "unsqueezed"])
def test_ways_to_rows(how: str, tmp_path: Path) -> None:
    g = Drawn(2, 3, 4)
    x, count = conv(g, "x", 2, 5), 60
    if how == "reshape":
        x = g("Reshape", x, g.constant(np.array([-1, 60])))
    elif how == "shape of":  # x.view(x.size(0), -1)
        size = g("Gather", g("Shape", x), g.constant(np.array(0)), axis=0)
        first = g("Unsqueeze", size, g.constant(np.array([0])))
        x = g("Reshape", x, g("Concat", first, g.constant(np.array([-1])), axis=0))
    elif how == "transposed":
        x = g("Reshape", g("Relu", g("Transpose", x, perm=[0, 2, 3, 1])), g.constant(np.array([0, -1])))
    else:
        count = 5
        x = g("ReduceMean", x, axes=[-1, -2], keepdims=1) if how == "mean" else g("GlobalAveragePool", x)
        x = g("Relu", x)
        if how == "unsqueezed":  # a convolution of 1x1 on 1x1 pictures is an affine layer
            rows = g("Flatten", x)
            x = g("Conv", g("Unsqueeze", rows, g.constant(np.array([2, 3]))), g.random(5, 5, 1, 1), g.random(5))
        x = (
            g("Squeeze", x, g.constant(np.array([2, 3])))
            if how != "mean"
            else g("Reshape", x, g.constant(np.array([0, 5])))
        )
    as_read(g, g("Gemm", x, g.random(count, 3)), tmp_path, (2, 3, 4))


def test_channels_last(tmp_path: Path) -> None:
    """As converters from TensorFlow write it: the channels are brought to the front first, and back at the end."""
    g = Drawn(5, 4, 2)
    x = conv(g, g("Transpose", "x", perm=[0, 3, 1, 2]), 2, 3)
    x = g("Reshape", g("Transpose", x, perm=[0, 2, 3, 1]), g.constant(np.array([-1, 60])))
    x = g("Add", g("MatMul", x, g.random(60, 4)), g.random(4))
    network = from_onnx(g.save(tmp_path / "g.onnx", x))
    pictures = np.random.default_rng(0).standard_normal((3, 5, 4, 2)).astype(np.float32)
    np.testing.assert_allclose(network.infer(pictures), evaluated(g.model(x), pictures), rtol=1e-4, atol=1e-5)
    assert network.notation() == "conv 3x3, 3, pad 1 -> flatten -> linear 4"


@pytest.mark.parametrize("auto", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_padding_by_name(auto: str, tmp_path: Path) -> None:
    g = Drawn(2, 7, 6)
    x = g("Conv", "x", g.random(4, 1, 3, 2), group=2, strides=[2, 1], auto_pad=auto)
    x = g("Clip", x, g.constant(np.float32(0)), g.constant(np.float32(6)))
    x = g("Clip", conv(g, x, 4, 4, group=4), g.constant(np.float32(0)))
    network = as_read(g, g("Flatten", g("GlobalMaxPool", x)), tmp_path, (2, 7, 6))
    assert "groups" not in network.notation() and network.notation().count("depthwise") == 2


def test_rows_constants_and_the_end(tmp_path: Path) -> None:
    """Rows of features; a bias that is added later; nodes that compute nothing; weights in other precisions."""
    g = Drawn(6)
    weights = g("Constant", value=onnx.numpy_helper.from_array(g.rng.standard_normal((6, 8)).astype(np.float32)))
    x = g("Add", g.random(8), g("MatMul", g("Identity", "x"), weights))
    x = g("Dropout", x, g.constant(np.float32(0.25)))
    x = g("MatMul", g("Relu", x), g("Transpose", g.random(4, 8), perm=[1, 0]))
    network = as_read(g, x, tmp_path, (6,))
    assert network.notation() == "linear 8 -> dropout 0.25 -> relu -> linear 4"
    scores = network.infer(np.ones((1, 6), np.float32))
    for last in ("Softmax", "LogSoftmax"):
        other = from_onnx(g.save(tmp_path / "s.onnx", g(last, x)))
        np.testing.assert_array_equal(other.infer(np.ones((1, 6), np.float32)), scores)


@pytest.mark.parametrize("kind", ["FLOAT16", "BFLOAT16", "DOUBLE"])
@pytest.mark.parametrize("raw", [True, False])
def test_precisions(kind: str, raw: bool, tmp_path: Path) -> None:
    values = np.array([[0.5, -1.25], [3.0, 0.0625]], np.float32)  # every precision has them
    g = Drawn(2)
    name = g.constant(values, "w")
    number = getattr(onnx.TensorProto, kind)
    if raw:
        width = onnx.helper.tensor_dtype_to_np_dtype(number)
        g.constants[-1] = onnx.helper.make_tensor("w", number, (2, 2), values.astype(width).tobytes(), raw=True)
    else:
        g.constants[-1] = onnx.helper.make_tensor("w", number, (2, 2), values.ravel().tolist())
    network = from_onnx(g.save(tmp_path / "g.onnx", g("MatMul", "x", name)))
    np.testing.assert_array_equal(network.arrays()["1.linear.weight"], values)


def test_sizes_that_are_left_open(tmp_path: Path) -> None:
    g = Drawn(3, "h", "w")
    path = g.save(tmp_path / "g.onnx", g("Flatten", g("GlobalAveragePool", conv(g, "x", 3, 4))))
    with pytest.raises(ModelError, match=r"leaves the sizes of its input open: \?x\?x3"):
        from_onnx(path)
    assert from_onnx(path, (9, 7, 3)).input_shape == (9, 7, 3)
    with pytest.raises(ModelError, match=r"its input is \?x\?x3, not 9x7x4"):
        from_onnx(path, (9, 7, 4))


def test_files_of_pytorch(tmp_path: Path) -> None:
    """What its exporter writes, with batch normalisation folded into the convolutions and without."""
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Net(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm = nn.Conv2d(3, 4, (3, 2), (2, 1), (1, 0), bias=False), nn.BatchNorm2d(4)
            self.body, self.inner = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
            self.wide, self.narrow = nn.Conv2d(4, 5, 3, padding=1, groups=1), nn.Conv2d(4, 2, 1)
            self.pool, self.drop = nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.Dropout(0.3)
            self.last, self.rows = nn.Linear(11 * 3 * 4, 7), nn.BatchNorm1d(7)

        def forward(self, x: Any) -> Any:
            x = torch.relu(self.norm(self.first(x)))
            x = torch.relu(self.inner(self.body(x)) + x)
            x = self.pool(torch.cat([self.narrow(x), torch.tanh(self.wide(x)), x], 1))
            x = self.drop(x.view(x.size(0), -1))
            return torch.log_softmax(self.rows(self.last(x)), 1)

    torch.manual_seed(0)
    module, x = Net(), torch.randn(5, 3, 9, 8)
    module(x), module(x)
    module.eval()
    for name, more in (
        ("folded", {}),
        ("whole", {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is a newer exporter, which needs another package
            settings = {"dynamo": False, "opset_version": 17, "input_names": ["x"], "dynamic_axes": {"x": {0: "n"}}}
            torch.onnx.export(module, (x,), tmp_path / f"{name}.onnx", **settings, **more)
        network = from_onnx(tmp_path / f"{name}.onnx")
        assert network.notation().count("batchnorm") == (1 if name == "folded" else 3)
        scores = network.infer(x.numpy().transpose(0, 2, 3, 1))
        wanted = module(x).detach().numpy()
        ours = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-5)


# ---- what is no network here


def _mul(g: Drawn) -> str:
    return g("Relu", g("Mul", conv(g, "x", 2, 3), g.random(3, 1, 1)))


def _computed_product(g: Drawn) -> str:
    x = conv(g, "x", 2, 3)
    return g("Mul", x, g("Sigmoid", x))


def _dilated(g: Drawn) -> str:
    return conv(g, "x", 2, 3, dilations=[2, 2])


def _computed_weights(g: Drawn) -> str:
    return g("Conv", "x", g("Relu", g.random(3, 2, 1, 1)))


def _other_clip(g: Drawn) -> str:
    return g("Clip", "x", g.constant(np.float32(-1)), g.constant(np.float32(1)))


def _mixed_examples(g: Drawn) -> str:
    return g("Reshape", "x", g.constant(np.array([-1, 7])))


def _softmax_within(g: Drawn) -> str:
    return g("Relu", g("Softmax", g("Flatten", "x"), axis=1))


def _apart(g: Drawn) -> str:
    """Of three branches two come together, and the third with a later part of them: no sum of two."""
    x = conv(g, "x", 2, 3)
    one, other = conv(g, x, 3, 3), conv(g, x, 3, 3)
    left, right = g("Add", one, other), g("Relu", one)
    return g("Add", left, right)


def _picture(g: Drawn) -> str:
    return conv(g, "x", 2, 3)


def _plain_linear(g: Drawn) -> str:
    return g("MatMul", "x", g.random(5, 3))


def _wrong_width(g: Drawn) -> str:
    return g("Gemm", g("Flatten", "x"), g.random(19, 3))


def _order_lost(g: Drawn) -> str:
    x = g("Flatten", "x")
    return g("Gemm", g("Add", x, g("Gemm", x, g.random(40, 40))), g.random(40, 2))


def _large_kernel(g: Drawn) -> str:
    return conv(g, "x", 2, 3, 9, pads=[0] * 4)


def _constant_added(g: Drawn) -> str:
    return g("Add", g("Relu", conv(g, "x", 2, 3)), g.random(3, 1, 1))


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (_mul, "no layer here is Mul 'nv1'; known operators: Add, "),
        (_computed_product, "no layer here is Mul 'nv2' of 2 computed values"),
        (_dilated, "Conv 'nv0' has taps that do not lie side by side"),
        (_computed_weights, "Conv 'nv1' needs constants as its input 2"),
        (_other_clip, "cuts at -1.0 and 1.0"),
        (_mixed_examples, "makes [-1, 7] of 40 numbers an example"),
        (_softmax_within, "Softmax 'nv1' is read at the end alone"),
        (_apart, "does not come together"),
        (_picture, "it gives pictures"),
        (_plain_linear, "takes rows of features, and pictures flow into it"),
        (_wrong_width, "has weights for 19 features and is given 40"),
        (_order_lost, "adds features of a picture to others, whose order is not known"),
        (_large_kernel, "does not fit"),
        (_constant_added, "adds a constant to something else"),
    ],
)
def test_what_is_no_network_is_named(draw: Callable[[Drawn], str], says: str, tmp_path: Path) -> None:
    g = Drawn(2, 5, 4)
    path = g.save(tmp_path / "g.onnx", draw(g))
    with pytest.raises(ModelError, match=re.escape(says)) as caught:
        from_onnx(path)
    assert "g.onnx" in str(caught.value) and "\n" not in str(caught.value)


def test_inputs_that_are_no_pictures(tmp_path: Path) -> None:
    g = Drawn(2, 5, 4, kind="INT64")
    with pytest.raises(ModelError, match="of the type INT64"):
        from_onnx(g.save(tmp_path / "g.onnx", conv(g, "x", 2, 3)))
    g = Drawn(2, 5)
    with pytest.raises(ModelError, match="has 3 axes"):
        from_onnx(g.save(tmp_path / "g.onnx", g("Relu", "x")))
    g = Drawn(2, 5, 4)
    g.inputs.append(onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 3]))
    with pytest.raises(ModelError, match="it has 2 inputs"):
        from_onnx(g.save(tmp_path / "g.onnx", conv(g, "x", 2, 3)))
    g = Drawn(4)
    with pytest.raises(ModelError, match="has no layers"):
        from_onnx(g.save(tmp_path / "g.onnx", g("Identity", "x")))


# ---- damaged files


def plain(change: Callable[[Any], None] | None = None) -> bytes:
    """A small graph of two convolutions and normalisation, changed."""
    g = Drawn(2, 5, 4)
    x = g.norm(conv(g, "x", 2, 3), 3)
    made = g.model(g("Flatten", g("GlobalAveragePool", x)))
    if change is not None:
        change(made)
    return bytes(made.SerializeToString())


def refused(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=re.escape(says)) as caught:
        from_onnx(path)
    assert "bad.onnx" in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 600


def _numbers(tensor: Any, values: np.ndarray) -> None:
    tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float32), tensor.name))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: _numbers(m.graph.initializer[0], np.full((3, 2, 3, 3), np.nan)), "in 'c0' that are not finite"),
        (lambda m: _numbers(m.graph.initializer[5], np.array([1, -1e-3, 1])), "in 'c5' below 0"),
        (lambda m: _numbers(m.graph.initializer[2], np.zeros(4)), "has (4,) numbers for 3 features"),
        (lambda m: _numbers(m.graph.initializer[0], np.zeros((3, 5, 3, 3))), "weights for 5 channels and is given 2"),
        (lambda m: m.graph.initializer[0].ClearField("raw_data"), "tensor 'c0' in"),
        (lambda m: m.graph.initializer[0].dims.append(10**15), "tensor 'c0' in"),
        (lambda m: m.graph.initializer[0].dims.__setitem__(0, -3), "'c0' in"),
        (lambda m: setattr(m.graph.initializer[0], "data_type", 8), "of a type that is not read"),
        (lambda m: m.graph.initializer.pop(0), "takes 'c0', which nothing before it gives"),
        (lambda m: m.graph.node[0].input.__setitem__(0, "v1"), "takes 'v1', which nothing before it gives (a circle"),
        (lambda m: m.graph.node[1].output.__setitem__(0, "v0"), "gives 'v0', which is there already"),
        (lambda m: m.graph.output.pop(), "holds no graph"),
        (lambda m: setattr(m.graph.output[0], "name", "z"), "nothing gives its output 'z'"),
        (lambda m: setattr(m.graph.node[0], "domain", "com.evil"), "'com.evil.Conv', which is not of ONNX's own"),
        (lambda m: setattr(m.graph.node[0], "op_type", "PyOp"), "no layer here is PyOp"),
        (lambda m: m.graph.node[0].attribute.append(onnx.helper.make_attribute("b", m.graph)), "graph within its node"),
        (lambda m: m.graph.node[0].ClearField("output"), "gives nothing"),
        (lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[2], "dim_value", 10**12), "is too large"),
    ],
)  # fmt: skip
def test_a_file_that_makes_no_sense(change: Callable[[Any], None], says: str, tmp_path: Path) -> None:
    refused(plain(change), says, tmp_path)


def test_numbers_in_another_file(tmp_path: Path) -> None:
    """Beside the model they are read, as PyTorch's exporter writes them; anywhere else they are refused."""
    weights = np.arange(54, dtype=np.float32)
    (tmp_path / "folder").mkdir()
    for place in ("folder/w.bin", "outside.bin", "folder/short.bin"):
        (tmp_path / place).write_bytes(bytes(8) + weights.tobytes()[: 20 if "short" in place else None])
    (tmp_path / "folder" / "link.bin").symlink_to(tmp_path / "outside.bin")

    def moved(**said: str) -> bytes:
        def change(model: Any) -> None:
            tensor = model.graph.initializer[0]
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            for key, value in said.items():
                tensor.external_data.add(key=key, value=value)

        return plain(change)

    path = tmp_path / "folder" / "m.onnx"
    path.write_bytes(moved(location="w.bin", offset="8"))
    found = from_onnx(path).arrays()["1.conv.weight"]
    np.testing.assert_array_equal(found.transpose(3, 2, 0, 1).ravel(), weights)
    for said in (
        {"location": "../outside.bin", "offset": "8"},
        {"location": str(tmp_path / "outside.bin")},
        {"location": "link.bin"},
        {"location": ""},
        {"location": "none.bin"},
        {"location": "short.bin"},
        {"location": "w.bin", "length": "4"},
        {"location": "w.bin", "offset": "x"},
        {"location": "w.bin", "offset": "-8"},
        {"location": "w.bin", "offset": "999999999999"},
        {"location": "."},
        {"location": "..", "length": "216"},
        {"location": "a\0b"},
    ):
        path.write_bytes(moved(**said))
        with pytest.raises(ModelError, match="tensor 'c0' in") as caught:
            from_onnx(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("writer", ["another program", "glassnet"])
def test_cut_and_flipped_files(writer: str, tmp_path: Path) -> None:
    """A cut file is refused; one of which a bit is turned over is refused or, where that bit says nothing, read."""
    ours, path = writer == "glassnet", tmp_path / "m.onnx"
    whole = to_onnx(model_of("conv 3x3, 2 -> batchnorm -> linear", (5, 5, 1))) if ours else plain()
    for length in cuts(whole, 60, 3):
        path.write_bytes(whole[:length])
        with pytest.raises(GlassnetError):
            from_onnx(path)
    rng = random.Random(int(ours))
    for _ in range(300):
        path.write_bytes(flipped(whole, rng.randrange(8 * len(whole))))
        try:
            from_onnx(path)
        except GlassnetError as error:
            assert "\n" not in str(error)


def test_what_is_no_file_at_all(tmp_path: Path) -> None:
    for content in (b"", b"x", b"PK\x03\x04" + bytes(50), bytes(1000), b"\x80\x04K\x01."):
        refused(content, "is damaged or no ONNX file", tmp_path)
    for path in (tmp_path, tmp_path / "none.onnx"):
        with pytest.raises(ModelError, match="Cannot read"):
            from_onnx(path)


def test_too_many_nodes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(graph_room, "_MOST_NODES", 3)
    refused(plain(), "more than 3 nodes", tmp_path)


def test_branches_too_deep(tmp_path: Path) -> None:
    g = Drawn(4)
    inner = ["x"]
    for _ in range(12):
        inner.append(g("Relu", inner[-1]))
    value = inner.pop()
    while inner:
        value = g("Concat", value, inner.pop(), axis=1)
    with pytest.raises(ModelError, match="more than 10 deep"):
        from_onnx(g.save(tmp_path / "g.onnx", value))
