"""Weights of any names into a network, and modules of `nn.Sequential` as networks: the same scores as PyTorch's."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from glassnet.errors import GlassnetError, ModelError
from glassnet.interop import from_torch, load_tensors, to_torch
from glassnet.interop.state_dict import classes_of, without_prefixes
from glassnet.nn import Network
from support.networks import stirred

NOTATION = (
    "conv 3x3, 4, pad 1, bias off -> batchnorm -> relu -> conv 1x1, 6 -> maxpool 2x2 -> flatten -> batchnorm"
    " -> linear 5 -> tanh -> linear 5"
)
SHAPE = (6, 4, 3)


def torch_tensors(network: Network, names: dict[str, str]) -> dict[str, np.ndarray]:
    """A network's arrays as PyTorch lays them out, under these modules' names."""
    torch = pytest.importorskip("torch")
    del torch
    state = to_torch(network).state_dict()
    return {f"{names[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}": t.numpy() for key, t in state.items()}


NAMES = {"1": "stem.conv", "2": "stem.norm", "4": "body.conv", "7": "head.norm", "8": "head.fc1", "10": "head.fc2"}


@pytest.fixture
def network() -> Network:
    return stirred(NOTATION, SHAPE, None)


def test_layers_are_paired_by_their_sizes(network: Network) -> None:
    """`to_torch` has flattened pictures in PyTorch's order, so the rows of an affine layer come back permuted."""
    tensors = torch_tensors(network, NAMES)
    x = np.random.default_rng(0).standard_normal((4, *SHAPE))
    for wrapped in (tensors, {f"module._orig_mod.{key}": value.astype(np.float64) for key, value in tensors.items()}):
        other = Network(NOTATION, SHAPE, seed=9)
        found = load_tensors(other, wrapped, "it", ordered=True)
        np.testing.assert_allclose(other.forward(x), network.forward(x), rtol=0, atol=1e-6)  # moments are rounded
        for key, array in network.arrays().items():
            np.testing.assert_array_equal(other.arrays()[key], array.astype(np.float32))
        layers = [name for name, layer in network.walk() if layer.parameters]
        assert found.modules == dict(zip(layers, NAMES.values(), strict=True)) and not found.guessed


def test_names_decide_where_there_is_no_order(network: Network) -> None:
    """Numbers in them count by their value; which layers could be exchanged is told."""
    twins = "linear 5 -> relu -> linear 5 -> relu -> linear 5"
    deep = stirred(twins, (5,), None)
    tensors = {}
    for place, name in ((1, "fc.2"), (3, "fc.9"), (5, "fc.10")):
        tensors[f"{name}.weight"] = deep.arrays()[f"{place}.linear.weight"].T
        tensors[f"{name}.bias"] = deep.arrays()[f"{place}.linear.bias"]
    other = Network(twins, (5,))
    found = load_tensors(other, dict(sorted(tensors.items())), "it", ordered=False)
    for key, array in deep.arrays().items():
        np.testing.assert_array_equal(other.arrays()[key], array)
    assert found.guessed == ("1.linear", "3.linear")


def test_our_own_names(network: Network) -> None:
    other = Network(NOTATION, SHAPE, seed=9)
    assert load_tensors(other, network.arrays(), "it", ordered=False).modules == {}
    for key, array in network.arrays().items():
        np.testing.assert_array_equal(other.arrays()[key], array)


def test_how_many_classes(network: Network) -> None:
    tensors = torch_tensors(network, NAMES)
    open_ = NOTATION.replace("linear 5 -> tanh -> linear 5", "linear 5 -> tanh -> linear")
    assert classes_of(Network(open_, SHAPE, 2), tensors) == 5
    tensors["head.fc2.weight"], tensors["head.fc2.bias"] = np.zeros((9, 5)), np.zeros(9)
    assert classes_of(Network(open_, SHAPE, 2), tensors) == 9
    assert classes_of(Network("linear 4 -> linear", (7,), 2), tensors) is None


def test_counters_and_prefixes_are_left_out() -> None:
    one = np.zeros(1)
    assert set(without_prefixes({"module.a.weight": one, "module.a.num_batches_tracked": one})) == {"a.weight"}
    assert set(without_prefixes({"module.a.weight": one, "b.weight": one})) == {"module.a.weight", "b.weight"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"head.fc1.weight": None}, "has no tensors for the layer '8.linear', which takes weight (5, 36), bias (5,)"),
        ({"stem.conv.weight": np.zeros((4, 3, 5, 5))}, "'stem.conv.weight' (4, 3, 5, 5)"),
        ({"stem.conv.bias": np.zeros(4)}, "no tensors for the layer '1.conv'"),
        ({"extra.scale": np.zeros(2)}, "no place for: 'extra.scale'"),
        ({"head.fc2.bias": np.full(5, np.nan)}, "values in 'head.fc2.bias' that are not finite"),
        ({"head.fc2.bias": np.full(5, 1e300)}, "values in 'head.fc2.bias' that are not finite"),
        ({"head.fc2.bias": np.zeros(5, np.int64)}, "values in 'head.fc2.bias' of the type int64"),
        ({"head.norm.running_var": np.full(36, -0.5)}, "values in 'head.norm.running_var' below 0"),
    ],
)
def test_tensors_that_do_not_fit(network: Network, changes: dict[str, Any], says: str) -> None:
    tensors = {key: value for key, value in (torch_tensors(network, NAMES) | changes).items() if value is not None}
    before = {key: array.copy() for key, array in network.arrays().items()}
    with pytest.raises(ModelError, match=re.escape(says)) as caught:
        load_tensors(network, tensors, "The file", ordered=True)
    assert "\n" not in str(caught.value)
    for key, array in network.arrays().items():
        np.testing.assert_array_equal(array, before[key])


def test_an_order_that_is_not_known() -> None:
    for notation in ("conv 2x2, 3 -> flatten -> residual(linear 45) -> linear 2", "conv 2x2, 3 -> flatten"):
        network = Network(notation, SHAPE)
        with pytest.raises(ModelError, match=r"is \(C, H, W\) in PyTorch and \(H, W, C\) here"):
            load_tensors(network, {"a.weight": np.zeros(3)}, "it", ordered=True)


# ---- modules


def modules() -> dict[str, Any]:
    """Modules by name, each with (H, W, C) or (d,)."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(3)
    relu = nn.ReLU(inplace=True)
    return {
        "pictures": (
            nn.Sequential(
                nn.Sequential(
                    nn.Conv2d(3, 6, (3, 2), (2, 1), (1, 0), bias=False), nn.BatchNorm2d(6, 1e-3, 0.3), nn.ReLU6()
                ),
                nn.Conv2d(6, 12, 3, padding="same", groups=6), nn.Tanh(), nn.Identity(),
                nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.AvgPool2d(2, 1, 1), nn.Dropout2d(0.2), nn.Flatten(),
                nn.BatchNorm1d(288), nn.Dropout(0.3), nn.Linear(288, 7, bias=False), nn.Sigmoid(), nn.Linear(7, 4),
            ),
            (9, 9, 3),
        ),
        "means": (
            nn.Sequential(
                nn.Conv2d(2, 4, 3), relu, nn.Conv2d(4, 4, 3, padding="valid"), relu,
                nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3),
            ),
            (8, 7, 2),
        ),
        "rows": (nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6, affine=False), nn.ReLU(), nn.Linear(6, 2)), (5,)),
    }  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("name", ["pictures", "means", "rows"])
def test_modules(name: str, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    module, shape = modules()[name]
    theirs = (shape[2], *shape[:2]) if len(shape) == 3 else shape
    with torch.no_grad():
        for scale in (1, 3):  # running moments that are not those of the start
            module.train()(scale * torch.randn(8, *theirs))
        module.eval().to(getattr(torch, dtype))
        network = from_torch(module, shape)
        wide = torch.float64 if dtype == "float64" else torch.float32
        x = torch.randn(4, *theirs, dtype=wide)
        wanted = module.to(wide)(x).numpy()
    assert network.dtype == wanted.dtype
    ours = network.forward(x.numpy().transpose(0, 2, 3, 1) if len(shape) == 3 else x.numpy())
    assert np.ptp(wanted) > 0
    np.testing.assert_allclose(ours, wanted, rtol=0, atol=1e-12 if dtype == "float64" else 1e-5)


def test_modules_that_are_no_network_here() -> None:
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Own(nn.Sequential):  # type: ignore[name-defined, misc]
        def forward(self, x: Any) -> Any:
            return super().forward(x) + 1

    cases: list[tuple[Any, str]] = [
        (nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.GELU())), "'module.1.0' is a GELU"),
        (Own(nn.Linear(4, 3)), "'module' is a Own"),
        (nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)), "'module.1' is a Softmax"),
        (nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, track_running_stats=False)), "has no running moments"),
        (nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, momentum=None)), "has momentum None"),
        (nn.Sequential(), "holds no layers"),
    ]
    pictures: list[tuple[Any, str]] = [
        (nn.Sequential(nn.Conv2d(2, 3, 3, dilation=2)), "'module.0', a Conv2d, has dilation"),
        (nn.Sequential(nn.Conv2d(2, 3, 3, padding_mode="reflect")), "padding_mode 'reflect'"),
        (nn.Sequential(nn.Linear(6, 3)), "put a Flatten before it"),
        (nn.Sequential(nn.AdaptiveAvgPool2d(2)), "has output_size 2"),
        (nn.Sequential(nn.AvgPool2d(2, divisor_override=3)), "has divisor_override"),
        (nn.Sequential(nn.Flatten(2)), "other axes than all but the first"),
        (nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten()), "which the network gives"),
        (nn.Sequential(nn.Conv2d(5, 3, 3), nn.Flatten(), nn.Linear(12, 2)), "has no tensors for the layer '1.conv'"),
    ]
    for shape, each in (((4,), cases), ((4, 4, 2), pictures)):
        for module, says in each:
            with pytest.raises(GlassnetError, match=re.escape(says)) as caught:
                from_torch(module, shape)
            assert "\n" not in str(caught.value)
