"""The arrow notation and the networks it names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.errors import GlassnetError, ModelError, NotationError
from glassnet.nn import BatchNorm, Dropout, Flatten, Linear, Network, ReLU, parse_loss
from glassnet.nn.named import NAMED, expand
from glassnet.notation import parse

LAYERS = st.sampled_from(
    [
        "relu",
        "sigmoid",
        "tanh",
        "flatten",
        "dropout 0.25",
        "linear 4",
        "linear 7, init he",
        "linear 3, init gaussian 0.01",
        "linear 5, init zeros",
        "linear 6, init xavier",
    ]
)
FEATURES = st.sampled_from(["batchnorm", "batchnorm, momentum 0.2", "batchnorm, eps 0.001"]) | LAYERS
NOTATIONS = st.tuples(st.lists(LAYERS, max_size=3), st.lists(FEATURES, max_size=4)).map(
    lambda parts: " -> ".join([*parts[0], "linear 5", *parts[1]])
)


@given(NOTATIONS)
def test_notation_comes_back(text: str) -> None:
    network = Network(text, (3, 2, 1))
    assert network.notation() == text
    again = Network(network.notation(), (3, 2, 1))
    assert again.notation() == text
    for name, array in network.arrays().items():  # the same notation and seed: the same weights
        np.testing.assert_array_equal(array, again.arrays()[name])


@given(NOTATIONS, st.randoms())
def test_arrows_parentheses_case_and_spaces_do_not_matter(text: str, random: object) -> None:
    steps = text.split(" -> ")
    choose = random.choice  # type: ignore[attr-defined]
    joint = [choose([" -> ", "->", " → ", "→", "  ->\t"]) for _ in steps[1:]]
    shown = [choose(["{}", "({})", "( {} )", "  {}  "]).format(step) for step in steps]
    spelt = shown[0] + "".join(j + s for j, s in zip(joint, shown[1:], strict=True))
    assert Network(spelt, (3, 2, 1)).notation() == text
    assert Network(
        spelt.upper().replace("INIT", "init").replace("MOMENTUM", "momentum").replace("EPS", "eps"), (3, 2, 1)
    )


def test_the_parts_of_a_step() -> None:
    (step,) = parse("conv 5x5, 32, pad 2, init gaussian 0.01")
    assert step.word == "conv"
    assert step.split(("pad", "init")) == (["5x5", "32"], {"pad": ["2"], "init": ["gaussian", "0.01"]})
    with pytest.raises(NotationError, match="twice"):
        parse("linear 3, init he, init he")[0].split(("init",))
    with pytest.raises(NotationError, match="before the options"):
        parse("linear, init he, 3")[0].split(("init",))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty step"),
        ("linear 3 ->", "empty step"),
        ("-> linear 3", "empty step"),
        ("linear 3 -> -> relu", "empty step"),
        ("()", "empty step"),
        ("(linear 3", "lacks a closing parenthesis"),
        ("3 linear", "begin with a word"),
        ("linear 3,", "empty argument"),
        ("linear 3, , init he", "empty argument"),
        ("lineer 3", "Did you mean 'linear'"),
        ("rellu", "Did you mean 'relu'"),
        ("linear 3, init hee", "Did you mean 'he'"),
        ("linear three", "whole number"),
        ("relu 3", "takes no arguments"),
        ("linear 99999999999", "1 to 100,000,000"),
        ("linear 99999999", "weights"),
        ("linear -> linear", "Only the last"),
        ("linear", "not known here"),
        ("batchnorm 3", "momentum and eps"),
        ("dropout 1.0", "0 ... 1"),
        ("x" * 60_000, "characters"),
    ],
)
def test_wrong_notations_say_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(NotationError, match=says.replace(".", r"\.")) as caught:
        Network(text, (3, 2, 1))
    assert "\n" not in str(caught.value)


def test_shapes_and_types_of_a_network_are_checked() -> None:
    for shape in ((), (0, 3), (-1,)):
        with pytest.raises(NotationError, match="input_shape"):
            Network("linear 3", shape)
    with pytest.raises(NotationError, match="float32 or float64"):
        Network("linear 3", (3,), dtype=np.float16)
    with pytest.raises(NotationError, match="at least one layer"):
        Network([], (3,))
    network = Network("linear 3", (2, 2, 1))
    for wrong in (np.zeros((5, 2, 2, 2)), np.zeros((0, 2, 2, 1)), np.zeros((2, 2, 1)), np.zeros((4, 4))):
        with pytest.raises(GlassnetError, match="n at least 1"):
            network.forward(wrong)


def test_named_networks() -> None:
    for name, named in NAMED.items():
        assert expand(name) == named.notation
    for name in ("softmax", "two-layer", "autoencoder"):
        assert expand(f"({name})") == expand(name)
        assert Network(name, (4, 4, 1), 16).output_shape == (16,)
    assert expand("linear 3 -> relu") == "linear 3 -> relu"


def test_layers_may_be_given_as_objects() -> None:
    layers = [Flatten(), Linear(5, "he"), BatchNorm(momentum=0.2), ReLU(), Dropout(0.1), Linear()]
    network = Network(layers, (3, 2, 1), classes=4)
    assert network.notation() == (
        "flatten -> linear 5, init he -> batchnorm, momentum 0.2 -> relu -> dropout 0.1 -> linear 4"
    )
    assert network.size == 6 * 5 + 5 + 2 * 5 + 5 * 4 + 4
    assert list(network.parameters()) == [
        "2.linear.weight", "2.linear.bias", "3.batchnorm.scale", "3.batchnorm.shift", "6.linear.weight",
        "6.linear.bias",
    ]  # fmt: skip
    assert [p.decays for p in network.parameters().values()] == [True, False, False, False, True, False]


def test_the_table() -> None:
    table = str(Network("linear 64 -> relu -> linear", (28, 28, 1), 10))
    lines = table.splitlines()
    assert lines[0].split() == ["layer", "output", "parameters", "FLOPs"]
    assert lines[2].split() == ["input", "28x28x1"]
    assert lines[3].split() == ["1", "linear", "64", "64", "50,240", "100,352"]
    assert lines[4].split() == ["2", "relu", "64", "0", "64"]
    assert lines[5].split() == ["3", "linear", "10", "10", "650", "1,280"]
    assert lines[-1].split() == ["total", "50,890", "101,696"]
    assert len({len(line) for line in lines if line.startswith("-")}) == 1


@pytest.mark.parametrize("text", ["svm", "softmax-cross-entropy", "softmax-cross-entropy, smoothing 0.1"])
def test_losses_come_back(text: str) -> None:
    assert parse_loss(text).notation() == text


@pytest.mark.parametrize("text", ["squared-error half", "squared-error sum", "squared-error"])
def test_squared_errors_come_back(text: str) -> None:
    assert parse_loss(text).notation() == text and parse_loss(text).task == "reconstruction"


@pytest.mark.parametrize(
    "text",
    [
        "svn",
        "svm 3",
        "svm -> svm",
        "squared-error quarter",
        "squared-error half sum",
        "softmax-cross-entropy 1",
        "softmax-cross-entropy, smoothing 1",
        "softmax-cross-entropy, smoothing",
        "softmax-cross-entropy, smoothing x y",
    ],
)
def test_wrong_losses_are_refused(text: str) -> None:
    with pytest.raises(GlassnetError):
        parse_loss(text)


def test_arrays_of_another_network_are_refused() -> None:
    network = Network("linear 3 -> batchnorm -> linear 2", (4,))
    arrays = {name: array.copy() for name, array in network.arrays().items()}
    network.load_arrays(arrays)
    for wrong in (
        {name: a for name, a in arrays.items() if name != "1.linear.bias"},
        {**arrays, "1.linear.bias": np.zeros(4)},
        {**arrays, "9.linear.bias": np.zeros(4)},
        {},
    ):
        with pytest.raises(ModelError):
            network.load_arrays(wrong)


# ---- starting values


@pytest.mark.parametrize("word", ["xavier", "he", "gaussian 0.03", "zeros"])
def test_starting_values_have_the_stated_spread(word: str) -> None:
    fan_in, fan_out = 600, 400
    network = Network(f"linear {fan_out}, init {word}", (fan_in,), seed=3)
    weight = network.parameters()["1.linear.weight"].value.astype(np.float64)
    wanted = {
        "xavier": np.sqrt(2 / (fan_in + fan_out)),  # that of a uniform distribution on +-sqrt(6 / (in + out))
        "he": np.sqrt(2 / fan_in),
        "gaussian 0.03": 0.03,
        "zeros": 0.0,
    }[word]
    # 240,000 draws: the deviation is known to 0.2 %, the mean to 0.2 % of it; five times that is allowed.
    assert weight.std() == pytest.approx(wanted, rel=0.01)
    assert abs(weight.mean()) <= 0.011 * wanted
    if word == "xavier":
        bound = np.sqrt(6 / (fan_in + fan_out))
        assert np.abs(weight).max() <= bound and np.abs(weight).max() > 0.999 * bound
        quarters = np.histogram(weight, bins=4, range=(-bound, bound))[0] / weight.size
        np.testing.assert_allclose(quarters, 0.25, atol=0.006)
    assert not network.parameters()["1.linear.bias"].value.any()


def test_a_linear_layer_starts_by_he_before_a_relu_and_by_xavier_elsewhere() -> None:
    def same(text: str, explicit: str) -> bool:
        a, b = (Network(t, (50,), seed=1).parameters()["1.linear.weight"].value for t in (text, explicit))
        return bool(np.array_equal(a, b))

    assert same("linear 20 -> relu -> linear 3", "linear 20, init he -> relu -> linear 3")
    assert same("linear 20 -> tanh -> linear 3", "linear 20, init xavier -> tanh -> linear 3")
    assert same("linear 20", "linear 20, init xavier")


def test_the_seed_decides_on_the_weights() -> None:
    def weight(seed: int) -> bytes:
        return Network("linear 20", (50,), seed=seed).parameters()["1.linear.weight"].value.tobytes()

    assert weight(0) == weight(0) != weight(1)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("resnet", "Did you mean 'resnet-20' or 'resnet-18' or 'resnet-50' or 'resnet-152'?"),
        ("resnet18", "Did you mean 'resnet-18'?"),
        ("LeNet5", "Did you mean 'lenet-5'?"),
        ("EfficientNet_Lite0", "Did you mean 'efficientnet-lite0'?"),
        ("lineer", "Did you mean 'linear'?"),
        ("flaten -> linear", "Did you mean 'flatten'?"),
        ("linaer 5 -> linear", "Did you mean 'linear'?"),
        ("Linear(64)", "as in 'linear 64'"),
        ("conv 3x3, 4 -> relu -> Dropout(0.5)", "as in 'dropout 0.5'"),
        ("linear 64 > relu", "steps are joined by '->'"),
        ("linear 64 => relu -> linear", "steps are joined by '->'"),
    ],
)
def test_what_a_mistake_probably_means(text: str, hint: str) -> None:
    with pytest.raises(NotationError) as error:
        Network(text, (8, 8, 1), 3)
    assert hint in str(error.value)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pad"),
    # TensorFlow's "SAME" by its documentation: tensorflow.org/api_docs/python/tf/nn#notes_on_padding
    [(224, 3, 2, (0, 1)), (112, 3, 2, (0, 1)), (225, 3, 2, (1, 1)), (56, 5, 2, (1, 2)), (7, 5, 1, (2, 2)),
     (13, 6, 5, (1, 2)), (8, 2, 1, (0, 1)), (5, 1, 3, (0, 0))],
)  # fmt: skip
@pytest.mark.parametrize("word", ["conv KxK, 2", "depthwise KxK", "maxpool KxK", "avgpool KxK"])
def test_padding_that_follows_from_the_size(
    word: str, size: int, kernel: int, stride: int, pad: tuple[int, int]
) -> None:
    step = word.replace("K", str(kernel)) + f", stride {stride}, pad same"
    (layer,) = Network(step, (size, size, 1), 2).layers
    assert tuple(layer.pad) == (*pad, *pad) and layer.output_shape[:2] == (-(-size // stride),) * 2
    if stride > 1:
        assert "pad same" in layer.notation()
    again = Network(layer.notation(), (size + 1, size, 1), 2).layers[0]
    assert again.output_shape[:2] == (-(-(size + 1) // stride), -(-size // stride))


def test_inverted_residuals() -> None:
    network = Network("mbconv 5x5, 3, 4, expand 2, stride 2, eps 0.01", (8, 8, 3))
    assert network.notation() == (
        "conv 1x1, 6, bias off -> batchnorm, eps 0.01 -> relu6 -> depthwise 5x5, stride 2, pad same, bias off"
        " -> batchnorm, eps 0.01 -> relu6 -> conv 1x1, 4, bias off -> batchnorm, eps 0.01"
    )
    around = Network("mbconv 3x3, 3, 3, expand 1", (8, 8, 3)).notation()
    assert around.startswith("residual(depthwise 3x3, pad 1, bias off -> batchnorm, eps 0.001 -> relu6")
    for wrong in ("mbconv 3x3, 16", "mbconv 3x3, 4, 4, expand", "mbconv 3x3, a, 4", "mbconv(relu)"):
        with pytest.raises(NotationError, match="mbconv"):
            Network(wrong, (8, 8, 4))
