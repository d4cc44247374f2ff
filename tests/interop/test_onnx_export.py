"""Models as ONNX files: the same scores in onnxruntime, everything else in the metadata, and the same model back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet import pretrained
from glassnet.data import Preprocess, load
from glassnet.data.steps import STEPS
from glassnet.errors import GlassnetError, ModelError
from glassnet.interop import from_onnx, to_onnx
from glassnet.interop.onnx.agreement import TOLERANCE, compare, generated_pictures, run_onnx
from glassnet.interop.onnx.build import IR_VERSION, OPSET
from glassnet.interop.onnx.graph import read_graph
from glassnet.interop.onnx.own import own_model
from glassnet.interop.onnx.preprocessing import step_form
from glassnet.model import Model
from glassnet.nn import Network, SquaredError
from glassnet.nn.layers import LAYERS, GlobalAveragePool
from glassnet.nn.named import NAMED
from glassnet.weights import PRETRAINED, find_weights
from support.data_files import REAL, needs_real_data
from support.onnx_graphs import model_of

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SHAPE = (7, 6, 2)
SMALL = {
    "pooled": "conv 3x3, 4, pad 1 -> batchnorm -> relu -> maxpool 2x2 -> flatten -> linear",
    "uneven": "conv 3x2, 4, stride 2x1, pad 1 0 2 1, bias off -> tanh -> avgpool 2x2, stride 1 -> linear",
    "grouped": "depthwise 3x3, 2, pad 1 -> sigmoid -> conv 1x1, 6, groups 2 -> dropout 0.4, channels -> linear",
    "overlapping": "conv 1x1 -> maxpool 3x3, stride 2, ceil -> maxpool 3x2, stride 1, pad 1 1 0 1 -> avgpool global",
    "averages": "avgpool 3x3, stride 2, pad 1, ceil -> avgpool 2x2, stride 1, pad 1, count_pad -> linear",
    "uneven averages": (
        "avgpool 3x3, stride 2, pad 0 2 1 0 -> avgpool 3x3, stride 2, pad 2, count_pad, ceil -> linear"
    ),
    "residual": "conv-bn-relu 3x3, 4, pad 1 -> basic-block 4 -> basic-block 6, stride 2 -> avgpool global -> linear",
    "fire": "conv 3x3, 3 -> fire 2, 3 x2 -> maxpool 3x3, stride 2, ceil -> dropout 0.3 -> conv 1x1 -> avgpool global",
    "nested": "concat(conv 1x1, 2 -> residual(tanh) | residual(concat(relu | conv 1x1, 1) | conv 1x1, 3)) -> linear",
    "clipped": "conv 3x3, 4, stride 2, pad same -> relu6 -> depthwise 3x3, pad same -> relu6 -> linear -> relu6",
    "flat sums": "conv 3x3, 2 -> flatten -> batchnorm, momentum 0.3, eps 1e-3 -> residual(linear 40) -> linear",
    "flat pieces": "conv 3x3, 2 -> flatten -> concat(tanh | linear 4) -> batchnorm -> residual(sigmoid) -> linear",
    "flat to the end": "conv 2x2, 3, stride 3 -> flatten",
    "nothing": "dropout 0.5 -> flatten -> dropout 0.5",
}
# Named networks with the smallest pictures that go through them.
SIDES = {
    "digits-convnet": 28, "letters-convnet": 32, "lenet-5": 28, "resnet-50": 33, "resnet-152": 33, "resnet-18": 40,
    "squeezenet-1.1": 40, "efficientnet-lite0": 40, "softmax": 8, "two-layer": 8, "autoencoder": 28,
}  # fmt: skip


def agrees(model: Model, count: int = 5, pixels: str = "uint8") -> bytes:
    """The file of a model, whose scores must be the model's."""
    content = to_onnx(model, pixels)
    found = compare(content, model, generated_pictures(model, count, pixels))
    assert found.pictures == count and found.largest > 0
    assert found.relative <= TOLERANCE and found.agrees, found
    return content


def named(name: str, side: int | None = None) -> Model:
    """A named network with random weights, on pictures of this side or of its own."""
    use = NAMED[name].use
    shape = use.input_shape if side is None else (side, side, use.input_shape[2])
    model = model_of(name, shape, classes=use.classes if len(use.input_shape) == 3 else 10)
    if use.loss == "squared-error":
        model.loss, model.class_names = SquaredError(), ("a", "b")
    return model


@pytest.mark.parametrize("pixels", ["uint8", "float32"])
@pytest.mark.parametrize("name", SMALL)
def test_small_networks(name: str, pixels: str) -> None:
    agrees(model_of(SMALL[name], SHAPE), pixels=pixels)


def test_every_layer_and_step_is_tried() -> None:
    used = {type(layer) for notation in SMALL.values() for _, layer in Network(notation, SHAPE, 10).walk()}
    assert used == {*LAYERS.values(), GlobalAveragePool}
    assert set(STEPS.values()) == set(step_form.registry) - {object}


@pytest.mark.parametrize(
    "pre",
    ["invert -> standardise", "mean-image -> multiply 255", "grey -> resize 9 4", "resize 12 13", "resize 3 9 -> grey"],
)
def test_preprocessing(pre: str) -> None:
    model = model_of("conv 3x3, 3 -> relu -> linear", (7, 6, 3), pre)
    for pixels in ("uint8", "float32"):
        agrees(model, pixels=pixels)


@pytest.mark.parametrize("pre", ["whiten 9", "grey -> whiten", "whiten 5 0.01 -> standardise"])
def test_whitening(pre: str) -> None:
    agrees(model_of("linear 4 -> relu -> linear", (4, 5, 3), pre))


@pytest.mark.parametrize("name", [name for name in NAMED if name not in ("resnet-152", "resnet-50")])
def test_named_networks(name: str) -> None:
    model = named(name, SIDES.get(name, 16))
    content = to_onnx(model)
    for count in (1, 3, 17):
        assert compare(content, model, generated_pictures(model, count, "uint8")).agrees


@pytest.mark.long
@pytest.mark.parametrize("name", NAMED)
def test_named_networks_in_full(name: str) -> None:
    model = named(name)
    content = to_onnx(model)
    for count in (1, 3, 17):
        found = compare(content, model, generated_pictures(model, count, "uint8"))
        print(f"{name}, {count}: {found.relative:.1e} of the largest score")
        assert found.agrees


@needs_real_data
@pytest.mark.parametrize("count", [pytest.param(4, id="4"), pytest.param(None, id="all", marks=pytest.mark.long)])
@pytest.mark.parametrize("name", PRETRAINED)
def test_real_pictures(name: str, count: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSNET_DATA", REAL)
    if find_weights(name) is None:
        pytest.skip("its weights are not there")
    model = pretrained(name)
    pictures = load("imagenet-samples", image_size=(224, 224), reading=model.reading).train.images
    images = np.asarray(pictures[: len(pictures) if count is None else count])
    found = compare(to_onnx(model), model, images)
    print(f"{name}: {found}")
    assert found.relative <= TOLERANCE and found.same_class == found.decided and found.decided


# ---- what is in the file


def test_what_a_file_says(tmp_path: Path) -> None:
    model = model_of(SMALL["pooled"], SHAPE, "standardise")
    content = to_onnx(model)
    assert content == to_onnx(model)
    made = onnx.ModelProto.FromString(content)
    onnx.checker.check_model(made, full_check=True)
    assert [(o.domain, o.version) for o in made.opset_import] == [("", OPSET)] and made.ir_version == IR_VERSION
    (value,) = made.graph.input
    sizes = [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
    assert (value.name, value.type.tensor_type.elem_type, sizes) == ("pictures", onnx.TensorProto.UINT8, ["n", 2, 7, 6])
    assert [output.name for output in made.graph.output] == ["scores", "probabilities"]
    said = {entry.key: entry.value for entry in made.metadata_props}
    assert json.loads(said["class_names"]) == list(model.class_names)
    assert said["network"] == model.network.notation() and said["preprocess"] == "scale -> standardise"
    assert (said["reading"], said["pixels"], json.loads(said["image_shape"])) == ("stretch", "uint8", [7, 6, 2])


def test_the_second_output() -> None:
    """Read from the session, since the comparison looks at the scores alone."""
    import onnxruntime

    model = model_of(SMALL["pooled"], SHAPE)
    images = generated_pictures(model, 6, "uint8")
    session = onnxruntime.InferenceSession(to_onnx(model), providers=["CPUExecutionProvider"])
    (found,) = session.run(["probabilities"], {"pictures": images.transpose(0, 3, 1, 2)})
    np.testing.assert_allclose(found, model.predict_proba(images), atol=1e-6)
    rebuilt = named("autoencoder", 28)
    images = generated_pictures(rebuilt, 6, "uint8")
    session = onnxruntime.InferenceSession(to_onnx(rebuilt), providers=["CPUExecutionProvider"])
    (found,) = session.run(["reconstruction"], {"pictures": images.transpose(0, 3, 1, 2)})
    np.testing.assert_allclose(found, rebuilt.predict_proba(images), atol=1e-6)


def test_rows_of_features() -> None:
    model = model_of("linear 8 -> relu -> linear", (1, 1, 5), "standardise")
    content = agrees(model, 6, "float32")
    made = onnx.ModelProto.FromString(content)
    assert made.graph.input[0].name == "rows" and content == to_onnx(model)
    rows = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    np.testing.assert_allclose(run_onnx(content, rows), model.scores(rows[:, None, None]), atol=1e-5)
    with pytest.raises(ModelError, match="rows of features, which are float32"):
        to_onnx(model, "uint8")
    with pytest.raises(ModelError, match=r"uint8 or float32\. Got 'int8'"):
        to_onnx(model, "int8")


def test_what_has_no_counterpart_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of("linear", (4, 4, 1))
    unknown = type("Wave", (type(model.network.layers[0]).__mro__[1],), {"word": "wave", "notation": lambda s: "wave"})
    monkeypatch.setitem(vars(model.network.chain), "layers", [unknown()])
    with pytest.raises(GlassnetError, match="layer 'wave' has no counterpart in ONNX"):
        to_onnx(model)


def test_a_difference_is_found() -> None:
    model = model_of("linear", (4, 4, 1))
    content = to_onnx(model)
    images = generated_pictures(model, 8, "uint8")
    model.network.arrays()["1.linear.bias"][3] += 0.01
    found = compare(content, model, images)
    assert not found.agrees and found.difference == pytest.approx(0.01, rel=1e-3)


# ---- and back


@pytest.mark.parametrize("name", SMALL)
def test_the_same_model_comes_back(name: str, tmp_path: Path) -> None:
    """Bit by bit: the model files are the same."""
    for pre in ("scale", "invert -> standardise -> mean-image"):
        model = model_of(SMALL[name], SHAPE, pre)
        (tmp_path / "m.onnx").write_bytes(to_onnx(model))
        back = own_model(read_graph(tmp_path / "m.onnx"))
        assert back.network.notation() == model.network.notation()
        for key, array in model.network.arrays().items():
            np.testing.assert_array_equal(back.network.arrays()[key], array, strict=True)
        assert back.save(tmp_path / "b.safetensors") == model.save(tmp_path / "a.safetensors")
        assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
        assert from_onnx(tmp_path / "m.onnx").notation() == model.network.notation()


WORDS = ["conv 3x3, 3, pad 1", "conv 1x1, 4, bias off", "batchnorm", "relu", "relu6", "tanh", "maxpool 2x2, stride 1",
         "avgpool 2x2, ceil", "dropout 0.3", "depthwise 3x3, pad 1", "residual(conv 3x3, 3, pad 1 | conv 1x1, 3)",
         "concat(relu | conv 1x1, 2)"]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=5), st.sampled_from(["flatten -> ", "avgpool global -> ", ""])
)
def test_drawn_networks_agree_and_come_back(words: list[str], flat: str) -> None:
    model = model_of(
        f"{' -> '.join(words)} -> {flat}linear", (33, 32, 2), "standardise"
    )  # which five pools leave 2 x 1 of
    content = agrees(model, 3)
    graph = onnx.ModelProto.FromString(content)
    assert {entry.key: entry.value for entry in graph.metadata_props}["sha256"] == model.sha256


def test_pretrained_reading_and_card_come_back(tmp_path: Path) -> None:
    from glassnet.data import Reading

    model = model_of("conv 3x3, 3 -> relu -> linear", (8, 8, 3))
    model.reading, model.card = Reading(12, True), {"data": "ünknown", "accuracy": 0.5, "more": [1, None]}
    (tmp_path / "m.onnx").write_bytes(to_onnx(model))
    back = own_model(read_graph(tmp_path / "m.onnx"))
    assert back.reading == model.reading and back.card == model.card and back.sha256 == model.sha256


def edited(content: bytes, **metadata: str | None) -> bytes:
    """The file with other metadata; None leaves one out."""
    made = onnx.ModelProto.FromString(content)
    said = {entry.key: entry.value for entry in made.metadata_props} | metadata
    del made.metadata_props[:]
    onnx.helper.set_model_props(made, {key: value for key, value in said.items() if value is not None})
    return bytes(made.SerializeToString())


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"sha256": None}, "lacks 'sha256'"),
        ({"network": None}, "lacks 'network'"),
        ({"network": "linear 9"}, "do not fit its SHA-256"),
        ({"class_names": "["}, "metadata of"),
        ({"class_names": '["a"]'}, "do not fit its SHA-256"),
        ({"layouts": "[]"}, "metadata of"),
        ({"layouts": '{"network.1.conv.weight": [[0, 0, 0, 0], [3, 3, 2, 4]]}'}, "no permutation"),
        ({"layouts": '{"network.1.conv.weight": [[0, 1, 2, 3], [900, 900, 900, 900]]}'}, "metadata of"),
        ({"exact": '{"x": ["|O", [1], ""]}'}, "metadata of"),
        ({"exact": '{"x": ["<f8", [100000000000], ""]}'}, "metadata of"),
        ({"version": "7"}, "do not fit its SHA-256"),
        ({"card": "[" * 100_000}, "metadata of"),
    ],
)
def test_metadata_that_make_no_sense(metadata: dict[str, Any], says: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(edited(to_onnx(model_of(SMALL["pooled"], SHAPE)), **metadata))
    with pytest.raises(ModelError, match=says) as caught:
        from_onnx(path)
    assert "\n" not in str(caught.value)


def test_weights_that_were_changed_later(tmp_path: Path) -> None:
    made = onnx.ModelProto.FromString(to_onnx(model_of(SMALL["pooled"], SHAPE)))
    tensor = next(t for t in made.graph.initializer if t.name == "network.1.conv.weight")
    tensor.raw_data = tensor.raw_data[:-1] + bytes([tensor.raw_data[-1] ^ 1])
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(ModelError, match="changed after glassnet wrote it"):
        from_onnx(tmp_path / "m.onnx")


def test_too_large_for_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.interop.onnx.export._LARGEST", 100)
    with pytest.raises(ModelError, match="less than 2 GiB"):
        to_onnx(model_of("linear", (4, 4, 1)))


def test_a_model_made_by_hand() -> None:
    """Its preprocessing never saw a picture."""
    other = model_of("linear", (4, 4, 1))
    agrees(Model(other.network, Preprocess(), (4, 4, 1), other.class_names, other.loss))
