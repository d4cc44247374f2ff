"""What a network promises of its two passes: gradients written not added, nothing computed or allocated in vain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassnet import threads
from glassnet.engines import Batch, NativeEngine
from glassnet.errors import GlassnetError
from glassnet.nn import Linear, Network, SoftmaxCrossEntropy, SquaredError, parse_loss
from glassnet.optim import SGD, make_optimizer

Array = np.ndarray[Any, Any]
NETWORKS = [
    "linear",
    "linear 9 -> relu -> linear",
    "linear 9 -> batchnorm -> sigmoid -> linear 8 -> tanh -> linear",
    "relu -> flatten -> linear 9 -> relu -> dropout 0.3 -> linear",
]


def made(text: str, dtype: Any = np.float64, seed: int = 0) -> Network:
    return Network(text, (4, 3, 2), 5, seed=seed, dtype=dtype)


def batch(n: int = 6, dtype: Any = np.float64, seed: int = 1) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 4, 3, 2)).astype(dtype), rng.integers(0, 5, n)


def copies(network: Network) -> dict[str, Array]:
    return {name: array.copy() for name, array in network.arrays().items()}


@pytest.mark.parametrize("text", NETWORKS)
def test_a_second_backward_pass_gives_the_same_gradients(text: str) -> None:
    network, (x, _y) = made(text), batch()
    network.set_dropout_key((1, 2))
    dscores = np.random.default_rng(2).standard_normal(network.forward(x, train=True).shape)
    network.forward(x, train=True)
    first = network.backward(dscores, input_gradient=True)
    gradients = {name: p.grad.copy() for name, p in network.parameters().items()}
    second = network.backward(dscores, input_gradient=True)
    assert first is not None and second is not None and not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, second)
    for name, parameter in network.parameters().items():
        np.testing.assert_array_equal(parameter.grad, gradients[name])
        assert parameter.grad.any()


@pytest.mark.parametrize("text", NETWORKS)
def test_results_belong_to_the_caller(text: str) -> None:
    network, (x, _) = made(text), batch()
    before = x.copy()
    first = network.forward(x)
    kept = first.copy()
    second = network.forward(2 * x)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(x, before)
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(network.forward(x), kept)  # evaluation is deterministic


@pytest.mark.parametrize("text", NETWORKS)
def test_the_inputs_gradient_is_computed_only_when_asked_for(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    network, (x, _) = made(text), batch()
    dscores = np.ones((6, 5))
    network.forward(x, train=True)
    assert network.backward(dscores) is None
    first = next(layer for layer in network.layers if isinstance(layer, Linear))
    asked: list[tuple[int, ...]] = []
    take = network.arena.take
    monkeypatch.setattr(network.arena, "take", lambda shape, dtype: asked.append(shape) or take(shape, dtype))
    rows = (6, first.parameters["weight"].value.shape[0])
    network.backward(dscores)
    before = asked.count(rows)
    assert network.backward(dscores, input_gradient=True) is not None
    assert asked.count(rows) > 2 * before


def test_layers_below_the_first_trained_one_are_not_asked_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    network, (x, _) = made(NETWORKS[3]), batch()
    called: list[str] = []
    for layer in network.layers:
        original = layer.backward

        def spy(dy: Array, *, input_gradient: bool = True, layer: Any = layer, original: Any = original) -> Any:
            called.append(f"{layer.word} {input_gradient}")
            return original(dy, input_gradient=input_gradient)

        monkeypatch.setattr(layer, "backward", spy)
    network.forward(x, train=True)
    network.backward(np.ones((6, 5)))
    assert called == ["linear True", "dropout True", "relu True", "linear False"]


@pytest.mark.parametrize("text", NETWORKS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_steady_step_allocates_no_buffer(text: str, dtype: Any) -> None:
    network, (x, y) = made(text, dtype), batch(dtype=dtype)
    engine = NativeEngine(network, SoftmaxCrossEntropy(), make_optimizer("adam"), l2=1e-3)
    network.set_dropout_key((0, 0))

    def buffers() -> dict[tuple[int, str], int]:
        spaces = [*(layer.workspace for layer in network.layers), engine._memory]
        return {(i, n): id(b) for i, space in enumerate(spaces) for n, b in space._buffers.items()}

    def addresses() -> dict[str, int]:
        held = {**network.arrays(), **engine.optimizer.state}
        return {name: array.ctypes.data for name, array in held.items()}

    engine.step(Batch(x, y), 0.1)
    workspace, held = buffers(), addresses()
    size = sum(layer.workspace.nbytes for layer in network.layers)
    for n in (6, 6, 3, 6):  # a smaller last batch takes a part of the same buffers
        engine.step(Batch(x[:n], y[:n]), 0.1)
    assert buffers() == workspace and addresses() == held
    assert sum(layer.workspace.nbytes for layer in network.layers) == size


@pytest.mark.parametrize("text", NETWORKS)
@pytest.mark.parametrize("l2", [0.0, 0.05])
@pytest.mark.parametrize("loss", ["softmax-cross-entropy", "svm"])
def test_folded_descent_takes_the_general_step(text: str, l2: float, loss: str) -> None:
    folded, general = made(text), made(text)
    a = NativeEngine(folded, parse_loss(loss), SGD(0.2), l2=l2)
    b = NativeEngine(general, parse_loss(loss), SGD(0.2), l2=l2)
    b.folded = False
    assert a.folded
    for step in range(8):
        x, y = batch(seed=step)
        for network in (folded, general):
            network.set_dropout_key((7, step))
        ours, theirs = (engine.step(Batch(x, y), 0.2 / (step + 1)) for engine in (a, b))
        assert (ours.loss, ours.correct) == pytest.approx((theirs.loss, theirs.correct), abs=1e-12)
    for name, array in folded.arrays().items():
        np.testing.assert_allclose(array, general.arrays()[name], rtol=1e-11, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("l2", [0.0, 0.05])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_one_by_one_takes_the_general_steps_of_single_examples(l2: float, smoothing: float) -> None:
    fast, slow = made("flatten -> linear"), made("flatten -> linear")
    x, y = batch(40)
    rows = x.reshape(40, -1)
    order = np.random.default_rng(3).permutation(40)
    rates = np.linspace(0.3, 0.01, 40)
    a = NativeEngine(fast, SoftmaxCrossEntropy(smoothing), SGD(0.1), l2=l2)
    b = NativeEngine(slow, SoftmaxCrossEntropy(smoothing), SGD(0.1), l2=l2)
    b.folded = False
    assert a.one_by_one and not b.one_by_one
    penalty = a.penalty()
    total, correct, _, steps = a.steps_one_by_one(rows, y, order, rates)
    losses, hits = 0.0, 0
    for index, rate in zip(order, rates, strict=True):
        loss, hit, *_ = b.step(Batch(x[index : index + 1], y[index : index + 1]), rate)
        losses, hits = losses + loss, hits + hit
    for name, array in fast.arrays().items():
        np.testing.assert_allclose(array, slow.arrays()[name], rtol=1e-11, atol=1e-12, err_msg=name)
    assert correct == hits and steps == a.optimizer.steps == b.optimizer.steps == 40
    if not l2:
        assert total == pytest.approx(losses, rel=1e-10)
    else:  # the penalty of the sum is that at the start of the call
        assert total > 40 * penalty > 0


@pytest.mark.parametrize("text", NETWORKS)
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_one_and_two_threads_agree_to_rounding(text: str, optimizer: str) -> None:
    ends = []
    for number in (1, 2):
        with threads.use(number):
            network = Network(text.replace("linear 9", "linear 300"), (16, 16, 1), 5, dtype=np.float64)
            engine = NativeEngine(network, SoftmaxCrossEntropy(), make_optimizer(optimizer, lr=0.01))
            for step in range(5):
                network.set_dropout_key((1, step))
                rng = np.random.default_rng(step)
                engine.step(Batch(rng.standard_normal((64, 16, 16, 1)), rng.integers(0, 5, 64)), 0.01)
            ends.append(copies(network))
    # A bias before batch normalisation has a gradient of nothing but rounding, some 1e-17, of which each of Adam's five
    # steps makes up to lr 1e-17 / eps = 1e-11.
    noise = 5e-11 if optimizer == "adam" and "batchnorm" in text else 1e-11
    for name, array in ends[0].items():
        np.testing.assert_allclose(array, ends[1][name], rtol=1e-9, atol=noise, err_msg=name)


def test_a_copy_in_another_precision_stands_alone() -> None:
    network, (x, _) = made(NETWORKS[2], np.float32), batch()
    twin = network.astype(np.float64)
    np.testing.assert_allclose(twin.forward(x), network.forward(x), rtol=1e-4, atol=1e-5)
    before = copies(network)
    for array in twin.arrays().values():
        array += 1
    for name, array in network.arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_dropout_masks_come_from_the_key() -> None:
    network, (x, _) = made("linear 50 -> dropout 0.5"), batch()
    network.set_dropout_key((1, 2))
    first = network.forward(x, train=True)
    np.testing.assert_array_equal(first, network.forward(x, train=True))
    network.set_dropout_key((1, 3))
    assert not np.array_equal(first, network.forward(x, train=True))
    network.set_dropout_key(None)
    assert not np.array_equal(network.forward(x, train=True), network.forward(x, train=True))
    np.testing.assert_array_equal(network.forward(x), network.forward(x))


# ---- a network in PyTorch with the same weights takes the same way


def twin_of(torch: Any, network: Network) -> Any:
    layers: list[Any] = [torch.nn.Flatten()]
    for layer in network.layers:
        if isinstance(layer, Linear):
            theirs = torch.nn.Linear(*layer.parameters["weight"].value.shape, dtype=torch.float64)
            theirs.weight.data = torch.tensor(layer.parameters["weight"].value.T.copy())
            theirs.bias.data = torch.tensor(layer.parameters["bias"].value.copy())
            layers.append(theirs)
        elif layer.word == "batchnorm":
            layers.append(torch.nn.BatchNorm1d(layer.output_shape[0], dtype=torch.float64))
        elif layer.word != "flatten":
            layers.append({"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh}[layer.word]())
    return torch.nn.Sequential(*layers)


def torch_optimizer(torch: Any, word: str, twin: Any, l2: float) -> Any:
    weights = [m.weight for m in twin if isinstance(m, torch.nn.Linear)]
    others = [p for p in twin.parameters() if not any(p is w for w in weights)]
    groups = [{"params": weights, "weight_decay": l2}, {"params": others, "weight_decay": 0.0}]
    if word == "adam":
        return torch.optim.Adam(groups, lr=0.01)
    return torch.optim.SGD(groups, lr=0.05, momentum=0.9 if word == "momentum" else 0.0)


@pytest.mark.parametrize("text", NETWORKS[:3])
@pytest.mark.parametrize("word", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("loss", ["softmax-cross-entropy", "squared-error"])
def test_twenty_steps_beside_pytorch(text: str, word: str, loss: str) -> None:
    torch = pytest.importorskip("torch")
    network, l2 = made(text), 0.01
    twin = twin_of(torch, network)
    rate = 0.01 if word == "adam" else 0.05
    engine = NativeEngine(network, parse_loss(loss), make_optimizer(word, lr=rate), l2=l2)
    theirs = torch_optimizer(torch, word, twin, l2)
    for step in range(20):
        x, y = batch(8, seed=step)
        target = y if loss.startswith("softmax") else np.random.default_rng([9, step]).random((8, 5))
        ours = engine.step(Batch(x, target), rate).loss
        theirs.zero_grad()
        scores = twin(torch.tensor(x))
        if isinstance(engine.loss, SquaredError):
            value = torch.nn.functional.mse_loss(scores, torch.tensor(target))
        else:
            value = torch.nn.functional.cross_entropy(scores, torch.tensor(target))
        penalty = sum(0.5 * l2 * float((m.weight.detach() ** 2).sum()) for m in twin if isinstance(m, torch.nn.Linear))
        value.backward()
        theirs.step()
        assert ours == pytest.approx(float(value.detach()) + penalty, abs=1e-10)
    ends = [p.detach().numpy() for p in twin.parameters()]
    for parameter, end in zip(network.parameters().values(), ends, strict=True):
        np.testing.assert_allclose(parameter.value, end.T if parameter.role == "weight" else end, rtol=0, atol=1e-10)


def test_networks_and_losses_can_be_called() -> None:
    network, (x, y) = made(NETWORKS[2]), batch()
    scores = network(x)
    np.testing.assert_array_equal(scores, network.infer(x))
    for loss, target in ((SoftmaxCrossEntropy(0.1), y), (parse_loss("svm"), y), (SquaredError("half"), 2 * scores)):
        value, gradient = loss(scores, target)
        wanted, wanted_gradient = loss.loss(scores, target)
        assert value == wanted > 0
        np.testing.assert_array_equal(gradient, wanted_gradient)


CUT = "conv 3x3, 3, pad 1 -> relu -> maxpool 2x2 -> conv 1x1, 4 -> batchnorm -> relu -> flatten -> linear 5 -> linear"


@pytest.mark.parametrize("fused", [True, False])
def test_the_gradient_at_a_layer_is_that_of_its_bias(fused: bool) -> None:
    """A bias is added at every place, so the score's difference by it is the sum of the gradients there."""
    network = made(CUT).choose(fuse_relu=fused, fuse_pool=fused)
    (x, _), step = batch(), 1e-6
    upstream = np.random.default_rng(3).standard_normal((len(x), 5))
    for name in ("1.conv", "4.conv", "5.batchnorm", "8.linear", "9.linear"):
        scores, output, gradient = network.gradient_at(name, x, lambda _: upstream)
        np.testing.assert_allclose(scores, network.forward(x), rtol=1e-12)
        np.testing.assert_allclose(output, network.activations(x)[name], rtol=1e-12)
        np.testing.assert_allclose(output, network.output_at(name, x), rtol=1e-12)
        bias = network.parameters()[f"{name}.{'shift' if 'norm' in name else 'bias'}"].value
        for unit in range(len(bias)):
            values = []
            for change in (step, -2 * step):
                bias[unit] += change
                values.append((network.forward(x) * upstream).sum())
            bias[unit] += step
            assert gradient[..., unit].sum() == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-5, abs=1e-7)


def test_the_gradient_at_a_layer_leaves_the_network_as_it_was() -> None:
    network, (x, _) = made(CUT), batch()
    dscores = np.ones((len(x), 5))
    before = network.input_gradient(x, lambda _: dscores)
    network.gradient_at("3.maxpool", x, lambda _: dscores)
    after = network.input_gradient(x, lambda _: dscores)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(GlassnetError, match=r"no layer '3.maxpol'. Did you mean '3.maxpool'"):
        network.output_at("3.maxpol", x)
