"""Every optimiser against its formula in NumPy, against PyTorch where the definitions agree, and golden values."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from glassnet import threads
from glassnet.engines import Batch, NativeEngine
from glassnet.errors import GlassnetError, RecipeError
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.nn.parameter import Parameter
from glassnet.optim import OPTIMIZERS, SGD, Adam, AdamW, Optimizer, RMSProp, clip_factor, global_norm, make_optimizer
from glassnet.optim.averaging import follow

Array = np.ndarray[Any, Any]
State = dict[str, Array]
STEPS, L2, CLIP, RATE = 7, 0.03, 0.8, 0.05


def momentum(w: Array, g: Array, s: State, t: int, rate: float) -> Array:
    s["v"] = 0.9 * s.get("v", 0) + g
    return w - rate * s["v"]


def nesterov(w: Array, g: Array, s: State, t: int, rate: float) -> Array:
    s["v"] = 0.9 * s.get("v", 0) + g
    return w - rate * (g + 0.9 * s["v"])


def rmsprop(w: Array, g: Array, s: State, t: int, rate: float, inside: bool = True) -> Array:
    s["s"] = 0.99 * s.get("s", 0) + 0.01 * g**2
    return w - rate * g / (np.sqrt(s["s"] + 1e-4) if inside else np.sqrt(s["s"]) + 1e-4)


def adam(w: Array, g: Array, s: State, t: int, rate: float) -> Array:
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g**2
    m, v = s["m"] / (1 - 0.9**t), s["v"] / (1 - 0.999**t)
    return w - rate * m / (np.sqrt(v) + 1e-8)


FORMULAS: dict[str, tuple[Callable[[], Optimizer], Callable[..., Array]]] = {
    "sgd": (lambda: SGD(RATE), lambda w, g, s, t, rate: w - rate * g),
    "momentum": (lambda: SGD(RATE, momentum=0.9), momentum),
    "nesterov": (lambda: SGD(RATE, momentum=0.9, nesterov=True), nesterov),
    "rmsprop, eps inside": (lambda: RMSProp(RATE, eps=1e-4), rmsprop),
    "rmsprop, eps outside": (
        lambda: RMSProp(RATE, eps=1e-4, eps_inside=False),
        lambda *arguments: rmsprop(*arguments, inside=False),
    ),
    "adam": (lambda: Adam(RATE), adam),
    "adamw": (lambda: AdamW(RATE, weight_decay=0.2), adam),
}


def parameters(size: int = 12, dtype: Any = np.float64) -> dict[str, Parameter]:
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"weight": (size, 3), "bias": (3,), "scale": (5,), "shift": (5,)}
    made = {}
    for role, shape in shapes.items():
        made[f"1.layer.{role}"] = Parameter.of(rng.standard_normal(shape).astype(dtype), role)  # type: ignore[arg-type]
    return made


def gradients(made: dict[str, Parameter], step: int) -> None:
    rng = np.random.default_rng([1, step])
    for parameter in made.values():
        parameter.grad[...] = rng.standard_normal(parameter.grad.shape)


@pytest.fixture(params=[1, 2])
def thread_count(request: pytest.FixtureRequest) -> Iterator[int]:
    with threads.use(request.param):
        yield threads.count()


@pytest.mark.parametrize("size", [12, 40_000])
@pytest.mark.parametrize("name", FORMULAS)
def test_every_step_is_the_written_formula(name: str, size: int, thread_count: int) -> None:
    make, formula = FORMULAS[name]
    optimizer, made = make(), parameters(size)
    expected = {key: parameter.value.copy() for key, parameter in made.items()}
    states: dict[str, State] = {key: {} for key in made}
    for step in range(1, STEPS + 1):
        gradients(made, step)
        rate = RATE / step
        for key, parameter in made.items():
            l2, decay = (L2, 0.2) if parameter.role == "weight" else (0.0, 0.0)
            g = CLIP * parameter.grad + l2 * expected[key]
            start = expected[key] * (1 - rate * decay) if name == "adamw" else expected[key]
            expected[key] = formula(start, g, states[key], step, rate)
        optimizer.step(made, rate, l2=L2, clip=CLIP)
        for key, parameter in made.items():
            np.testing.assert_allclose(parameter.value, expected[key], rtol=1e-12, atol=1e-13, err_msg=key)
    assert optimizer.steps == STEPS


@pytest.mark.parametrize("name", FORMULAS)
def test_l2_and_decay_act_on_weights_alone(name: str) -> None:
    make, _ = FORMULAS[name]
    with_l2, without = parameters(), parameters()
    for made, l2 in ((with_l2, 0.5), (without, 0.0)):
        optimizer = make()
        for step in range(3):
            gradients(made, step)
            optimizer.step(made, l2=l2)
    for key in with_l2:
        same = np.array_equal(with_l2[key].value, without[key].value)
        assert same == (not key.endswith("weight")), key


def test_float32_follows_float64() -> None:
    for make, _ in FORMULAS.values():
        low, high = parameters(dtype=np.float32), parameters()
        for made in (low, high):
            optimizer = make()
            for step in range(5):
                gradients(made, step)
                optimizer.step(made, l2=L2)
                assert all(array.dtype == next(iter(made.values())).value.dtype for array in optimizer.state.values())
        for key in low:
            assert low[key].value.dtype == np.float32
            np.testing.assert_allclose(low[key].value, high[key].value, rtol=2e-5, atol=2e-5)


TORCH: dict[str, tuple[Callable[[], Optimizer], str, dict[str, Any]]] = {
    "sgd": (lambda: SGD(RATE), "SGD", {"weight_decay": L2}),
    "momentum": (lambda: SGD(RATE, 0.9), "SGD", {"momentum": 0.9, "weight_decay": L2}),
    "nesterov": (lambda: SGD(RATE, 0.9, True), "SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": L2}),
    "rmsprop": (
        lambda: RMSProp(RATE, eps=1e-4, eps_inside=False),
        "RMSprop",
        {"alpha": 0.99, "eps": 1e-4, "weight_decay": L2},
    ),
    "adam": (lambda: Adam(RATE), "Adam", {"weight_decay": L2}),
}


@pytest.mark.parametrize("name", TORCH)
def test_pytorch_takes_the_same_steps(name: str) -> None:
    torch = pytest.importorskip("torch")
    make, word, settings = TORCH[name]
    made = {"1.layer.weight": parameters()["1.layer.weight"]}
    theirs = torch.nn.Parameter(torch.tensor(made["1.layer.weight"].value))
    ours, twin = make(), getattr(torch.optim, word)([theirs], lr=RATE, **settings)
    for step in range(20):
        gradients(made, step)
        theirs.grad = torch.tensor(made["1.layer.weight"].grad)
        ours.step(made, l2=L2)
        twin.step()
        np.testing.assert_allclose(made["1.layer.weight"].value, theirs.detach().numpy(), rtol=1e-12, atol=1e-12)


def test_pytorch_takes_the_same_steps_of_adamw() -> None:
    torch = pytest.importorskip("torch")
    made = {"1.layer.weight": parameters()["1.layer.weight"]}
    theirs = torch.nn.Parameter(torch.tensor(made["1.layer.weight"].value))
    ours, twin = AdamW(RATE, weight_decay=0.3), torch.optim.AdamW([theirs], lr=RATE, weight_decay=0.3)
    for step in range(20):
        gradients(made, step)
        theirs.grad = torch.tensor(made["1.layer.weight"].grad)
        ours.step(made)
        twin.step()
        np.testing.assert_allclose(made["1.layer.weight"].value, theirs.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [12, 40_000])
def test_the_average_over_steps_is_the_written_formula(size: int, thread_count: int) -> None:
    """d = (1 + t) / (10 + t) until that is more than the decay: from step 2 on here."""
    mean: dict[str, Array] = {}
    expected: dict[str, Array] = {}
    rng = np.random.default_rng(0)
    for step in range(5):
        arrays = {"w": rng.standard_normal((size, 3)), "b": rng.standard_normal(3).astype(np.float32)}
        follow(mean, arrays, step, 0.2)
        d = [0, 2 / 11, 0.2, 0.2, 0.2][step]
        expected = {key: d * expected.get(key, 0) + (1 - d) * arrays[key] for key in arrays}
        for key, rtol in (("w", 1e-13), ("b", 1e-6)):
            np.testing.assert_allclose(mean[key], expected[key], rtol, atol=rtol)


# ---- clipping


def test_the_global_norm_is_that_of_all_arrays_together() -> None:
    arrays = [np.array([[3.0, 0.0]]), np.array([4.0]), np.zeros((2, 2))]
    assert global_norm(arrays) == pytest.approx(5)
    assert clip_factor(arrays, 10) == 1 and clip_factor(arrays, 5) == 1
    assert clip_factor(arrays, 1) == pytest.approx(0.2)
    big = np.random.default_rng(0).standard_normal(100_000).astype(np.float32)
    assert global_norm([big]) == pytest.approx(float(np.linalg.norm(big.astype(np.float64))), rel=1e-6)


def test_a_clipped_step_moves_by_at_most_rate_times_norm() -> None:
    network = Network("linear 5 -> tanh -> linear 3", (4,), dtype=np.float64)
    engine = NativeEngine(network, SoftmaxCrossEntropy(), SGD(0.5), clip=1e-3)
    before = {name: p.value.copy() for name, p in network.parameters().items()}
    rng = np.random.default_rng(0)
    engine.step(Batch(rng.standard_normal((6, 4)), rng.integers(0, 3, 6)), 0.5)
    moved = math.sqrt(sum(float(np.sum((p.value - before[n]) ** 2)) for n, p in network.parameters().items()))
    assert moved == pytest.approx(0.5e-3)


# ---- golden values


def toy() -> tuple[Network, Array, Array]:
    """The two-layer network of Stanford's CS231n assignments with weights on a line."""
    network = Network("linear 10 -> relu -> linear 3", (4,), dtype=np.float64)
    network.load_arrays(
        {
            "1.linear.weight": np.linspace(-0.2, 0.6, 40).reshape(4, 10),
            "1.linear.bias": np.linspace(-0.3, 0.7, 10),
            "3.linear.weight": np.linspace(-0.4, 0.1, 30).reshape(10, 3),
            "3.linear.bias": np.linspace(-0.5, 0.9, 3),
        }
    )
    return network, np.linspace(-0.2, 0.5, 20).reshape(5, 4), np.array([0, 1, 2, 2, 1])


def test_toy_scores_and_loss() -> None:
    network, x, y = toy()
    scores = [
        [-0.5328368, 0.20031504, 0.93346689],
        [-0.59412164, 0.15498488, 0.9040914],
        [-0.67658362, 0.08978957, 0.85616275],
        [-0.77092643, 0.01339997, 0.79772637],
        [-0.89110401, -0.08754544, 0.71601312],
    ]
    np.testing.assert_allclose(network.forward(x), scores, atol=5e-9)
    loss = NativeEngine(network, SoftmaxCrossEntropy(), SGD(0.0), l2=0.1).step(Batch(x, y), 0.0).loss
    assert loss == pytest.approx(1.38191946092, abs=5e-12)


@pytest.mark.parametrize(
    ("optimizer", "last_loss"),
    [
        (SGD(0.1), 0.940686),
        (SGD(0.1, momentum=0.9), 0.494394),
        (RMSProp(0.1, decay=0.99, eps=1e-8, eps_inside=True), 0.439368),
    ],
    ids=["sgd", "momentum", "rmsprop"],
)
def test_toy_training(optimizer: Optimizer, last_loss: float) -> None:
    network, x, y = toy()
    engine = NativeEngine(network, SoftmaxCrossEntropy(), optimizer, l2=1e-3)
    losses = [engine.step(Batch(x, y), 0.1).loss for _ in range(100)]
    assert losses[-1] == pytest.approx(last_loss, abs=5e-7)


# ---- settings


def test_words_make_the_optimisers_they_name() -> None:
    assert set(OPTIMIZERS) == {"sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"}
    assert make_optimizer("nesterov").settings == {"lr": 0.01, "momentum": 0.9, "nesterov": True}
    assert make_optimizer("adamw", weight_decay=0.5).settings["weight_decay"] == 0.5
    assert repr(make_optimizer("sgd", lr=0.5)) == "SGD(lr=0.5, momentum=0.0, nesterov=False)"
    assert make_optimizer("sgd").is_plain_descent
    assert not any(make_optimizer(word).is_plain_descent for word in OPTIMIZERS if word != "sgd")


@pytest.mark.parametrize(
    ("word", "settings", "says"),
    [
        ("adamm", {}, "Did you mean 'adam'"),
        ("adam", {"beta": 0.5}, "Did you mean 'beta"),
        ("sgd", {"lr": -1}, "'lr' parameter of sgd"),
        ("sgd", {"lr": "0.1"}, "'lr' parameter of sgd"),
        ("sgd", {"lr": True}, "'lr' parameter of sgd"),
        ("sgd", {"momentum": 1.0}, "'momentum' parameter"),
        ("sgd", {"nesterov": True}, "momentum above 0"),
        ("rmsprop", {"decay": 1.0}, "'decay' parameter of rmsprop"),
        ("rmsprop", {"eps": -1e-8}, "'eps' parameter of rmsprop"),
        ("adam", {"beta2": 1}, "'beta2' parameter of adam"),
        ("adamw", {"weight_decay": float("nan")}, "'weight_decay' parameter of adamw"),
    ],
)
def test_wrong_settings_are_refused(word: str, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        make_optimizer(word, **settings)


# ---- where arrays lie


@pytest.mark.parametrize("word", OPTIMIZERS)
def test_a_copied_optimiser_steps_on_the_copied_arrays(word: str) -> None:
    """Kernels are given addresses: a copy that kept those of the original would write into its arrays."""
    network = Network("linear 3", (4,), 3)
    optimizer = make_optimizer(word)
    for p in network.parameters().values():
        p.grad[...] = 1
    optimizer.step(network.parameters())
    before = {name: p.value.copy() for name, p in network.parameters().items()}
    other, others = copy.deepcopy((network, optimizer))
    others.step(other.parameters())
    again = pickle.loads(pickle.dumps(optimizer))
    again.step(other.parameters())
    for name, p in network.parameters().items():
        np.testing.assert_array_equal(p.value, before[name])
        assert (other.parameters()[name].value < before[name]).all()


def test_arrays_that_are_replaced_are_found_again() -> None:
    parameter = Parameter.of(np.zeros(5), "weight")
    optimizer = SGD(1.0)
    for step in range(3):
        parameter.value = np.full(5, 10.0 * step)
        parameter.grad = np.ones(5)
        optimizer.step({"w": parameter})
        np.testing.assert_array_equal(parameter.value, 10.0 * step - 1)


def test_parameters_of_two_precisions() -> None:
    parameters = {
        str(k): Parameter.of(np.ones(3, kind), "weight") for k, kind in enumerate((np.float32, np.float64, np.float32))
    }
    for parameter in parameters.values():
        parameter.grad[...] = 0.25
    SGD(1.0).step(parameters)
    assert all((p.value == 0.75).all() for p in parameters.values())
    SGD(1.0).step({})


@pytest.mark.parametrize(
    ("value", "grad"),
    [
        (np.zeros((4, 4))[:, :2], np.zeros((4, 2))),
        (np.zeros((4, 2)), np.zeros((2, 4)).T),
        (np.zeros(4), np.zeros(3)),
        (np.zeros(4), np.zeros(4, np.float32)),
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(value: Array, grad: Array) -> None:
    with pytest.raises(GlassnetError, match="C-contiguous"):
        SGD(1.0).step({"w": Parameter(value, "weight", grad)})
