"""Looking inside convolutional networks: kernels, feature maps and the drawing show what they claim to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_report import ink, made_up_evaluation, parse

from glassnet.errors import DataError
from glassnet.report import (
    ReportContent,
    feature_maps,
    feature_maps_figure,
    first_weights,
    kernel_figure,
    network_figure,
    write_report,
)
from glassnet.report.figures.features import chosen_layers
from glassnet.report.figures.kernels import kernel_pictures, matrix_figure
from glassnet.report.figures.pictures import enlarged
from glassnet.report.figures.stages import stages_of
from glassnet.nn import Network

SMALL = (
    "conv 3x3, 5, pad 1 -> relu -> maxpool 2x2 -> residual(conv 3x3, 5, pad 1 -> relu) -> relu -> flatten -> linear 3"
)


def texts_of(figure: Any) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


# ---- kernels


def test_kernels_keep_their_number_order_and_layout() -> None:
    weights = np.zeros((3, 4, 1, 6))
    weights[1, 2, 0, :] = [1.0, -2.0, 3.0, -4.0, 5.0, -6.0]
    found = kernel_pictures(None, weights)
    assert found.filters.tolist() == [0, 1, 2, 3, 4, 5] and found.before is None and not found.colour
    np.testing.assert_allclose(found.limits, [1, 2, 3, 4, 5, 6])
    times = found.after.shape[2] // 4
    assert found.after.shape == (6, 3 * times + 4, 4 * times, 3)
    for place, picture in enumerate(found.after.astype(int)):
        patch = picture[: 3 * times : times, ::times]
        red_minus_blue = patch[..., 0] - patch[..., 2]
        extreme = red_minus_blue.argmax() if place % 2 == 0 else red_minus_blue.argmin()
        assert np.unravel_index(extreme, (3, 4)) == (1, 2), "each on its own scale, red above zero, blue below"
        bar = picture[-1]
        assert (bar == bar[0]).all(axis=-1).sum() == round((place + 1) / 6 * 4 * times), "the bar is the size"


def test_three_channels_are_colours() -> None:
    weights = np.zeros((3, 3, 3, 2))
    weights[0, 0, 0, 0], weights[2, 1, 2, 1] = 0.5, -0.25
    found = kernel_pictures(weights * 2, weights)
    assert found.colour and found.before is not None and found.largest == 1.0
    times = (found.after.shape[1] - 4) // 3
    red, anti_blue = found.after[:, : 3 * times : times, ::times]
    assert red[0, 0].tolist() == [255, 128, 128] and anti_blue[2, 1].tolist() == [128, 128, 0]
    assert (red.reshape(-1, 3)[1:] == 128).all()


def test_of_many_kernels_the_strongest_are_shown_in_order() -> None:
    weights = np.random.default_rng(0).normal(size=(5, 5, 7, 90)) * np.linspace(0.1, 1, 90)
    weights[0, 0, 0, 89] = np.nan
    found = kernel_pictures(None, weights)
    length = np.linalg.norm(np.nan_to_num(weights).reshape(-1, 90), axis=0)
    assert found.filters.tolist() == sorted(np.argsort(-length)[:64].tolist())
    assert len(found.mosaics()) == 1 and ink(kernel_figure(weights, weights)) > 0.1
    assert ink(kernel_figure(None, weights * 0)) > 0.0
    for before, after in ((None, weights[0]), (weights[..., :3], weights), (None, weights[..., :0])):
        with pytest.raises(DataError):
            kernel_pictures(before, after)


@pytest.mark.parametrize("shape", [(1, 1, 3, 8), (2, 2, 1, 4), (1, 5, 2, 3), (1, 1, 200, 100)])
def test_small_kernels_are_a_matrix(shape: tuple[int, ...]) -> None:
    weights = np.random.default_rng(1).normal(size=shape)
    axes = kernel_figure(None, weights).axes[0]
    shown = axes.images[0].get_array()
    assert shown is not None
    rows, filters = int(np.prod(shape[:3])), shape[3]
    assert shown.shape == (min(rows, 64), min(filters, 64))
    if rows <= 64 and filters <= 64:
        np.testing.assert_array_equal(shown, weights.reshape(rows, filters))
    if shape[:3] == (1, 1, 3):
        assert [label.get_text() for label in axes.get_yticklabels()] == ["red", "green", "blue"]


def test_the_first_weights_are_found_wherever_they_are() -> None:
    def first(notation: str) -> str | None:
        found = first_weights(Network(notation, (6, 6, 2), 3))
        return None if found is None else found[0]

    assert first("conv 3x3, 4 -> flatten -> linear") == "1.conv"
    assert first("batchnorm -> avgpool 2x2 -> flatten -> linear") == "4.linear"
    assert first("residual(conv 3x3, 2, pad 1 -> relu) -> flatten -> linear") == "1.residual.body.1.conv"
    assert first("relu -> flatten") is None


# ---- feature maps


def test_feature_maps_are_the_layers_own_outputs() -> None:
    network = Network(SMALL, (8, 10, 3), seed=3)
    x = np.random.default_rng(2).random((8, 10, 3)).astype(np.float32)
    found = feature_maps(network, x, caption="a picture", most_maps=3)
    assert found is not None
    assert [layer.name for layer in found.layers] == ["2.relu", "5.relu"]
    outputs = network.activations(x[None])
    for layer in found.layers:
        whole = outputs[layer.name][0]
        assert layer.shape == whole.shape and len(layer.channels) == 3 and (np.diff(layer.channels) > 0).all()
        np.testing.assert_array_equal(layer.maps, np.moveaxis(whole[..., layer.channels], -1, 0).astype(np.float64))
        left_out = np.setdiff1d(np.arange(5), layer.channels)
        spread = whole.std(axis=(0, 1))
        assert spread[layer.channels].min() >= spread[left_out].max()
        assert "3 of 5 maps" in layer.caption()
    figure = feature_maps_figure(found)
    assert len(figure.axes) == 3 and figure.axes[0].get_title(loc="left") == "a picture" and ink(figure) > 0.05


def test_maps_are_white_at_zero_red_above_blue_below() -> None:
    network = Network("conv 1x1, 1, bias off -> flatten -> linear 2", (2, 3, 1))
    network.parameters()["1.conv.weight"].value[...] = 1.0
    x = np.array([[0.0, 1.0, -1.0], [0.5, 0.0, 0.0]], np.float32)[..., None]
    found = feature_maps(network, x)
    assert found is not None
    pictures = found.layers[0].pictures()
    times = pictures.shape[1] // 2
    patch = pictures[0, ::times, ::times].astype(int)
    assert patch.shape == (2, 3, 3)
    assert (patch[0, 0] > 245).all() and patch[0, 1, 0] > patch[0, 1, 2] + 100 and patch[0, 2, 2] > patch[0, 2, 0] + 100


def test_of_many_layers_six_are_chosen_first_and_last_among_them() -> None:
    deep = " -> ".join(["conv-bn-relu 3x3, 4, pad 1"] * 20)
    network = Network(f"{deep} -> avgpool global -> linear 2", (9, 9, 1))
    names = [name for name, _ in chosen_layers(network)]
    assert len(names) == 6 and names[0] == "3.relu" and names[-1] == "60.relu"
    assert [name for name, _ in chosen_layers(network, 100)] == [f"{3 * i}.relu" for i in range(1, 21)]


def test_networks_without_maps_have_none() -> None:
    assert feature_maps(Network("flatten -> linear 5 -> relu -> linear 2", (4, 4, 1)), np.zeros((4, 4, 1))) is None
    assert chosen_layers(Network("conv 4x4, 6 -> relu -> flatten -> linear 2", (4, 4, 1))) == []
    with pytest.raises(DataError, match="takes a picture of 4x4x1"):
        feature_maps(Network("linear 2", (4, 4, 1)), np.zeros((4, 5, 1)))


def test_a_picture_on_which_nothing_answers_is_drawn() -> None:
    network = Network(SMALL, (8, 8, 1))
    for parameter in network.parameters().values():
        parameter.value[...] = 0.0
    found = feature_maps(network, np.ones((8, 8, 1)))
    assert found is not None and ink(feature_maps_figure(found)) > 0.0


def test_small_pictures_grow_by_whole_factors() -> None:
    pictures = np.arange(6, dtype=np.uint8).reshape(1, 2, 3, 1)
    assert enlarged(pictures, 3).tolist() == pictures.tolist()
    assert enlarged(pictures, 7)[0, ::3, ::3].tolist() == pictures[0].tolist() and enlarged(pictures, 7).shape[1:3] == (
        6,
        9,
    )


# ---- the drawing


def test_the_drawing_names_every_layer_and_size() -> None:
    texts = texts_of(network_figure(Network(SMALL, (8, 8, 1))))
    for text in ("input", "8x8x1", "conv 3x3, 5", "8x8x5", "maxpool 2x2", "4x4x5", "input as it is", "+ sum of both",
                 "flatten", "80", "linear 3"):  # fmt: skip
        assert text in texts
    assert not any(text.startswith("×") for text in texts)


def test_repeated_stages_are_drawn_once() -> None:
    network = Network(
        "conv-bn-relu 3x3, 4, pad 1 -> basic-block 4 x5 -> fire 2, 4 x3 -> avgpool global -> linear 2", (8, 8, 3)
    )
    texts = texts_of(network_figure(network))
    assert texts.count("×5") == 1 and texts.count("×3") == 1 and texts.count("side by side") == 1
    assert texts.count("+ sum of both") == 1


@pytest.mark.parametrize("notation", ["softmax", "autoencoder", "lenet-5", "resnet-20", "squeezenet-1.1"])
def test_known_networks_are_drawn(notation: str) -> None:
    shape = {"lenet-5": (28, 28, 1), "resnet-20": (32, 32, 3), "squeezenet-1.1": (64, 64, 3)}.get(notation, (8, 8, 1))
    network = Network(notation, shape, 64 if notation == "autoencoder" else 10)
    figure = network_figure(network)
    assert ink(figure) > 0.01
    width, height = figure.get_size_inches()
    assert width < 18 and height < 14


def test_endless_networks_are_cut_short() -> None:
    layers = " -> ".join(f"linear {i}" for i in range(10, 110))
    texts = texts_of(network_figure(Network(layers, (4,))))
    assert "... 41 more ..." in texts and "linear 10" in texts and "linear 109" in texts


def test_stages_begin_at_weights() -> None:
    names = [[name for name, _ in stage] for stage in stages_of(Network(SMALL, (8, 8, 1)))]
    assert names == [["1.conv", "2.relu", "3.maxpool"], ["4.residual", "5.relu", "6.flatten"], ["7.linear"]]


# ---- the page


def test_the_report_of_a_convnet_on_colour_pictures(tmp_path: Path) -> None:
    network = Network(SMALL, (8, 8, 3))
    evaluation = made_up_evaluation(3, skill=1.0)
    images = np.random.default_rng(0).integers(0, 256, (evaluation.n, 8, 8, 3)).astype(np.uint8)
    weights = network.parameters()["1.conv.weight"].value
    content = ReportContent(
        title="convnet", evaluation=evaluation, images=images, weights_before=weights * 0.5, weights_after=weights,
        image_shape=(8, 8, 3), feature_maps=feature_maps(network, images[0] / 255, images[0], "test picture #0"),
        network=network, network_table=str(network), network_plan=str(network.plan(50)),
    )  # fmt: skip
    written = write_report(tmp_path / "r.html", content, figures_folder=tmp_path)
    assert {path.stem for path in written} >= {"first_layer", "feature_maps", "network", "mistakes"}
    page = parse(written[0].read_text(encoding="utf-8"))
    keys = [value for _, name, value in page.attributes if name == "id"]
    assert keys.index("mistakes") < keys.index("weights") < keys.index("maps") < keys.index("network")
    words = "".join(page.words)
    made_by = "2.relu (conv 3x3, 5, pad 1 -> relu)"
    for text in ("All 5 kernels of the first layer, 3x3 pixels", "test picture #0", made_by, "all 5 maps", "batch 50"):
        assert text in words
    alternatives = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    assert {"Weights before training", "Weights after training", "Maps of 2.relu", "Maps of 5.relu"} <= set(
        alternatives
    )


def test_the_report_shows_small_kernels_as_a_matrix(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).normal(size=(1, 1, 3, 6))
    write_report(tmp_path / "r.html", ReportContent(title="t", weights_after=weights), figures_folder=tmp_path)
    assert "too small to be pictures" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert (tmp_path / "first_layer.png").exists() and ink(matrix_figure(weights)) > 0.05
