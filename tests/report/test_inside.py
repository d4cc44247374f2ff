"""Looking inside convolutional networks: kernels, feature maps and the drawing show what they claim to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassnet.errors import DataError
from glassnet.nn import Network
from glassnet.report import (
    Heading,
    feature_maps,
    feature_maps_figure,
    first_weights,
    kernel_figure,
    kernel_pictures,
    network_figure,
    write_page,
)
from glassnet.report.figures.features import chosen_layers
from glassnet.report.figures.pictures import enlarged
from glassnet.report.figures.stages import stages_of
from glassnet.report.figures.weight_matrix import matrix_figure, shown_as_matrix
from glassnet.report.panels.gallery import mistakes_panel
from glassnet.report.panels.inside import feature_maps_panel, first_layer_panel, network_panel
from support.reports import ink, made_up_evaluation, parse, texts_of

SMALL = (
    "conv 3x3, 5, pad 1 -> relu -> maxpool 2x2 -> residual(conv 3x3, 5, pad 1 -> relu) -> relu -> flatten -> linear 3"
)


# ---- kernels


def test_kernels_keep_their_number_order_and_layout() -> None:
    weights = np.zeros((3, 4, 1, 6))
    weights[1, 2, 0, :] = [1.0, -2.0, 3.0, -4.0, 5.0, -6.0]
    found = kernel_pictures(None, weights)
    assert found.shown.tolist() == [0, 1, 2, 3, 4, 5] and found.before is None and not found.colour
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
    assert found.shown.tolist() == sorted(np.argsort(-length)[:64].tolist())
    ((name, mosaic),) = found.mosaics()
    assert name == "after training"
    (axes,) = kernel_figure(found).axes
    np.testing.assert_array_equal(axes.images[0].get_array(), mosaic)
    both = kernel_figure(kernel_pictures(weights, weights))
    assert [axes.get_title(loc="left") for axes in both.axes] == ["Before training", "After training"]
    assert f"±{found.largest:.2g}" in both._supxlabel.get_text()  # type: ignore[attr-defined]
    nothing = kernel_pictures(None, weights * 0)
    assert (nothing.after[:, :-4] > 245).all() and (nothing.limits == 0).all()
    for before, after in ((None, weights[0]), (weights[..., :3], weights), (None, weights[..., :0])):
        with pytest.raises(DataError):
            kernel_pictures(before, after)


@pytest.mark.parametrize("shape", [(1, 1, 3, 8), (2, 2, 1, 4), (1, 5, 2, 3), (1, 1, 200, 100)])
def test_small_kernels_are_a_matrix(shape: tuple[int, ...]) -> None:
    weights = np.random.default_rng(1).normal(size=shape)
    assert shown_as_matrix(shape) and not shown_as_matrix((3, 3, *shape[2:])) and not shown_as_matrix((2, 5))
    axes = matrix_figure(weights).axes[0]
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
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "a picture",
        *(layer.caption() for layer in found.layers),
    ]
    for axes, layer in zip(figure.axes[1:], found.layers, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), layer.mosaic())


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
    assert found is not None
    for layer in found.layers:
        assert layer.limit == 1.0 and (layer.maps == 0).all() and (layer.pictures() > 245).all()
    shown = [axes.images[0].get_array() for axes in feature_maps_figure(found).axes]
    assert len(shown) == 3 and (shown[0] == 255).all()  # type: ignore[union-attr]


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


def test_the_page_of_a_convnet_on_colour_pictures(tmp_path: Path) -> None:
    network, untrained = (Network(SMALL, (8, 8, 3), seed=seed) for seed in (1, 2))
    evaluation = made_up_evaluation(3, skill=1.0)
    images = np.random.default_rng(0).integers(0, 256, (evaluation.n, 8, 8, 3)).astype(np.uint8)
    maps = feature_maps(network, images[0] / 255, images[0], "test picture #0")
    first = first_layer_panel(network, untrained)
    assert maps is not None and first is not None
    panels = [mistakes_panel(evaluation, images), first, feature_maps_panel(maps), network_panel(network, 50)]
    written = write_page(tmp_path / "r.html", Heading("convnet"), panels, figures_folder=tmp_path)
    assert [path.stem for path in written] == ["r", "mistakes", "first_layer", "feature_maps", "network"]
    page = parse(written[0].read_text(encoding="utf-8"))
    keys = [value for _, name, value in page.attributes if name == "id"]
    assert keys == ["mistakes", "weights", "maps", "network"]
    words = "".join(page.words)
    made_by = "2.relu (conv 3x3, 5, pad 1 -> relu)"
    for text in ("All 5 kernels of the first layer, 3x3 pixels", "test picture #0", made_by, "all 5 maps", "batch 50"):
        assert text in words
    alternatives = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    assert {"Weights before training", "Weights after training", "Maps of 2.relu", "Maps of 5.relu"} <= set(
        alternatives
    )


def test_weights_of_another_layer_are_not_shown_as_those_before() -> None:
    network, other = Network("linear 3", (4, 4, 1)), Network("linear 5 -> relu -> linear 3", (4, 4, 1))
    panel, alone = first_layer_panel(network, other), first_layer_panel(network)
    assert panel is not None and alone is not None and panel.body == alone.body
    assert "before training" not in str(panel.body)
    assert "before training" in str(first_layer_panel(network, Network("linear 3", (4, 4, 1), seed=1)).body)  # type: ignore[union-attr]


def test_small_kernels_are_shown_as_a_matrix(tmp_path: Path) -> None:
    panel = first_layer_panel(Network("conv 1x1, 6 -> flatten -> linear 2", (4, 4, 3)))
    assert panel is not None and panel.chart is not None and panel.chart.on_page
    assert "1x1 pixels, too small to be pictures" in panel.lead
    write_page(tmp_path / "r.html", Heading("t"), [panel], figures_folder=tmp_path)
    assert (tmp_path / "first_layer.png").exists()
