"""Explanations against what is known otherwise: differences, direct recomputation, sums, planted detectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from glassnet.attack import Victim
from glassnet.data import Preprocess
from glassnet.experiments import Run
from glassnet.explain import (
    contributions,
    explain,
    first_units_layer,
    grad_cam,
    gradient_times_input,
    last_map_layer,
    occlusion,
    receptive_fields,
    resized,
    saliency,
    score_gradient,
    smooth_saliency,
    strongest,
    weighted_maps,
)
from glassnet.model import Model
from glassnet.nn import Network, parse_loss

Array = np.ndarray[Any, Any]
CONVNET = "conv 3x3, 4, pad 1 -> batchnorm -> relu -> maxpool 2x2 -> conv 3x3, 5 -> relu -> flatten -> linear"
DENSE = "linear 9 -> tanh -> linear"


def made(
    notation: str, shape: tuple[int, int, int] = (8, 8, 3), classes: int = 4, preprocess: str = "standardise"
) -> Model:
    images = np.random.default_rng(1).random((20, *shape)).astype(np.float32)
    steps = Preprocess.parse(preprocess).fit(images)
    network = Network(notation, steps.output_shape(shape), classes, seed=3)
    return Model(network, steps, shape, tuple("abcdefghij"[:classes]), parse_loss("softmax-cross-entropy"))


def exact(model: Model) -> Victim:
    return Victim.of(model, dtype=np.float64)


def picture(shape: tuple[int, ...] = (8, 8, 3), seed: int = 0) -> Array:
    return np.random.default_rng(seed).random(shape)


@pytest.mark.parametrize("notation", [CONVNET, DENSE, "linear"])
@pytest.mark.parametrize("preprocess", ["standardise", "invert -> resize 6 6 -> mean-image"])
def test_the_gradient_is_that_of_differences(notation: str, preprocess: str) -> None:
    victim, x, step = exact(made(notation, preprocess=preprocess)), picture(), 1e-5
    gradient = score_gradient(victim, x[None], 2)[0]
    differences = np.empty_like(x)
    for place in np.ndindex(*x.shape):
        change = np.zeros_like(x)
        change[place] = step
        up, down = victim.scores(np.stack([x + change, x - change]))[:, 2]
        differences[place] = (up - down) / (2 * step)
    np.testing.assert_allclose(gradient, differences, atol=1e-7 * np.abs(differences).max())
    np.testing.assert_array_equal(saliency(gradient), [[max(map(abs, pixel)) for pixel in row] for row in gradient])


def test_gradient_times_input_of_a_linear_network_adds_up_to_the_score() -> None:
    victim, x = exact(made("linear")), picture()
    parts = gradient_times_input(score_gradient(victim, x[None], 1)[0], x)
    score, constant = victim.scores(np.stack([x, np.zeros_like(x)]))[:, 1]
    assert parts.sum() == pytest.approx(score - constant, abs=1e-12)


def test_smooth_saliency_without_noise_is_saliency() -> None:
    victim, x = exact(made(CONVNET)), picture()
    plain = saliency(score_gradient(victim, x[None], 0)[0])
    np.testing.assert_allclose(smooth_saliency(victim, x, 0, samples=3, spread=0.0), plain, rtol=1e-12)
    noisy = x + 0.2 * np.ptp(x) * np.random.default_rng(5).standard_normal((6, *x.shape))
    each = [saliency(score_gradient(victim, one[None], 0)[0]) for one in noisy]
    found = smooth_saliency(victim, x, 0, samples=6, spread=0.2, seed=5)
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-12)


def test_grad_cam_is_the_class_activation_map_where_maps_are_averaged() -> None:
    """There dS_c/dA_k is w[k, c] / (h w) at every place."""
    victim, x = exact(made("conv 3x3, 6 -> relu -> avgpool global -> linear")), picture()
    found = grad_cam(victim, x, 3)
    assert found is not None and found.layer == "2.relu"
    maps = victim.output_at("2.relu", x[None])[0]
    weights = victim.engine.weights()["4.linear.weight"][:, 3] / maps[..., 0].size
    np.testing.assert_allclose(found.alpha, weights, rtol=1e-12)
    np.testing.assert_allclose(found.total, np.einsum("ijk,k->ij", maps, weights), rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(found.heat, np.where(found.total > 0, found.total, 0))


def test_weighted_maps_follow_the_formula() -> None:
    maps, gradients = picture((3, 4, 5)), picture((3, 4, 5), seed=1)
    alpha, total = weighted_maps(maps, gradients)
    assert alpha[2] == pytest.approx(sum(gradients[i, j, 2] for i in range(3) for j in range(4)) / 12)
    assert total[1, 3] == pytest.approx(sum(alpha[k] * maps[1, 3, k] for k in range(5)))


@pytest.mark.parametrize(("row", "column"), [(2, 3), (10, 9), (4, 11)])
def test_grad_cam_finds_what_a_known_detector_looks_for(row: int, column: int) -> None:
    """The first kernel answers to a cross, whose class has its map's mean as its score; the second to nothing."""
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.float32)
    model = made("conv 3x3, 2, pad 1 -> relu -> avgpool global -> linear", (16, 16, 1), 2, preprocess="scale")
    kernel = np.zeros((3, 3, 1, 2), np.float32)
    kernel[:, :, 0, 0] = np.where(cross > 0, 1.0, -1.0)
    model.network.load_arrays({
        "1.conv.weight": kernel, "1.conv.bias": np.array([-2, 0], np.float32),
        "4.linear.weight": np.eye(2, dtype=np.float32), "4.linear.bias": np.zeros(2, np.float32),
    })  # fmt: skip
    x = 0.3 * picture((16, 16, 1), seed=row)
    x[row : row + 3, column : column + 3, 0] = cross
    found = grad_cam(exact(model), x, 0)
    assert found is not None
    assert np.unravel_index(found.heat.argmax(), found.heat.shape) == (row + 1, column + 1)
    hidden = occlusion(exact(model), x, 0, patch=3, stride=1)
    top, left = np.unravel_index(hidden.drops.argmax(), hidden.drops.shape)
    assert abs(top - row) <= 1 and abs(left - column) <= 1


def test_a_resized_map_keeps_its_places() -> None:
    heat = np.zeros((4, 4))
    heat[1, 2] = 1.0
    large = resized(heat, 32, 32)
    assert large.shape == (32, 32) and large[8:16, 16:24].min() > 0.2 and large[:4].max() == 0
    np.testing.assert_array_equal(resized(heat, 4, 4), heat)
    np.testing.assert_allclose(resized(np.full((3, 5), 2.0), 7, 11), 2.0)


@pytest.mark.parametrize(("patch", "stride"), [(3, 2), (2, 3), (None, None)])
def test_occlusion_is_what_hiding_by_hand_gives(patch: int | None, stride: int | None) -> None:
    model, x = made(CONVNET, (9, 8, 3)), picture((9, 8, 3)).astype(np.float32)
    found = occlusion(Victim.of(model), x, 1, patch=patch, stride=stride)
    before = model.predict_proba(x[None])[0, 1]
    size = found.patch
    assert (size, found.stride) == ((patch, stride) if patch else (2, 1))
    assert found.tops[-1] + size == 9 and found.lefts[-1] + size == 8
    sums, counts = np.zeros((9, 8)), np.zeros((9, 8))
    for i, top in enumerate(found.tops):
        for j, left in enumerate(found.lefts):
            hidden = x.copy()
            hidden[top : top + size, left : left + size] = 0.5
            drop = before - model.predict_proba(hidden[None])[0, 1]
            assert found.drops[i, j] == pytest.approx(drop, abs=1e-6)
            sums[top : top + size, left : left + size] += drop
            counts[top : top + size, left : left + size] += 1
    np.testing.assert_allclose(found.heat, sums / np.maximum(counts, 1), atol=1e-6)


@pytest.mark.parametrize("notation", [CONVNET, DENSE, "linear", "conv 3x3, 2 -> relu -> linear"])
def test_contributions_and_bias_add_up_to_the_score(notation: str) -> None:
    model = made(notation)
    model.network.parameters()[f"{len(model.network.layers)}.linear.bias"].value[:] = [1, -2, 3, 4]
    victim, x = exact(model), picture()
    for chosen in range(4):
        found = contributions(victim, x, chosen)
        assert found is not None
        assert found.score == pytest.approx(victim.scores(x[None])[0, chosen], abs=1e-12)
        assert np.abs(found.parts[found.largest(1)[0]]) == np.abs(found.parts).max()


def test_units_are_named_by_their_place() -> None:
    x = picture()
    convolutional, dense = contributions(exact(made(CONVNET)), x, 0), contributions(exact(made(DENSE)), x, 0)
    assert convolutional is not None and convolutional.shape == (2, 2, 5) and dense is not None
    assert convolutional.unit_name(5 * 3 + 4) == "map 4 at 1, 1" and dense.unit_name(7) == "unit 7"
    assert contributions(exact(made("conv 3x3, 4 -> avgpool global")), x, 0) is None


# ---- sanity


@pytest.mark.parametrize("method", ["gradient", "Grad-CAM"])
def test_random_weights_from_the_top_down_change_the_maps(finished: Run, method: str) -> None:
    """Cascading randomisation (Adebayo et al. 2018): a map that stays is one of the picture, not of the network."""
    model = finished.model
    pictures = np.asarray(finished.evaluated.images[:12]) / 255.0
    other = Network(model.network.notation(), model.network.input_shape, seed=99).arrays()

    def maps(network: Network) -> list[Array]:
        victim = exact(Model(network, model.preprocess, model.image_shape, model.class_names, model.loss))
        return [
            next(heat.values for heat in explain(victim, x, int(c)).maps if heat.method == method)
            for x, c in zip(pictures, finished.evaluated.labels[:12], strict=True)
        ]

    trained = maps(model.network)
    arrays = {name: array.copy() for name, array in model.network.arrays().items()}
    similarities = []
    for layer in ("6.linear", "1.conv"):
        arrays |= {name: array for name, array in other.items() if name.startswith(layer)}
        network = model.network.astype(np.float32)
        network.load_arrays(arrays)
        pairs = [(a, b) for a, b in zip(trained, maps(network), strict=True) if np.ptp(a) and np.ptp(b)]
        assert len(pairs) >= 4
        similarities.append(np.mean([spearmanr(a.ravel(), b.ravel()).statistic for a, b in pairs]))
    print(similarities)
    assert max(similarities) < 0.6


# ---- where nothing speaks


def test_dead_units_are_said_to_be_dead() -> None:
    model = made("conv 3x3, 4 -> relu -> flatten -> linear")
    model.network.parameters()["1.conv.bias"].value[:] = -100
    gradient, cam, hidden = explain(Victim.of(model), picture().astype(np.float32), 0, "zebra").maps
    assert "gradient 0 at every pixel" in gradient.said and "dead or saturated" in gradient.said
    assert cam.said == "All maps of 2.relu are 0 for this picture: nothing in it speaks for zebra or against it."
    assert "no single part decides" in hidden.said
    assert not (gradient.found or cam.found or hidden.found)


def test_maps_that_speak_against_a_class_are_said_to() -> None:
    model = made("conv 3x3, 4 -> relu -> avgpool global -> linear")
    model.network.parameters()["4.linear.weight"].value[:, 2] = -1.0
    victim, x = Victim.of(model), picture().astype(np.float32)
    cam = explain(victim, x, 2, "zebra").maps[1]
    assert (
        cam.said.startswith("Finds nothing for zebra: the weighted maps of 2.relu are nowhere above 0.")
        and not cam.values.any()
    )
    model.network.parameters()["4.linear.weight"].value[:, 2] = 0.0
    assert "does not depend on the maps" in explain(victim, x, 2, "zebra").maps[1].said


def test_a_dense_network_has_gradient_times_input_instead_of_maps() -> None:
    found = explain(Victim.of(made(DENSE)), picture().astype(np.float32), 1, "b")
    assert [heat.method for heat in found.maps] == ["gradient", "gradient x input", "occlusion"]
    assert found.name == "b" and all(heat.values.shape == (8, 8) for heat in found.maps)


# ---- units


def test_receptive_fields_are_those_of_the_windows() -> None:
    network = Network("conv 3x3, 2, pad 1 -> relu -> maxpool 2x2 -> conv 3x3, 2, stride 2 -> relu", (12, 14, 1))
    first, last = receptive_fields(network, "1.conv"), receptive_fields(network, "5.relu")
    assert first is not None and last is not None
    np.testing.assert_array_equal(first.rows[[0, 5, 11]], [[0, 2], [4, 7], [10, 12]])
    # place i of the last: pools 2i..2i+2, so pixels 4i..4i+5 of the convolution's output, and one more on each side
    np.testing.assert_array_equal(last.rows, [[0, 7], [3, 11]])
    np.testing.assert_array_equal(last.columns, [[0, 7], [3, 11], [7, 14]][: len(last.columns)])
    assert last.size == (8, 8)
    assert receptive_fields(Network("flatten -> linear 3", (4, 4, 1)), "2.linear") is None
    wide = receptive_fields(
        Network("residual(conv 3x3, 2, pad 1 -> relu -> conv 3x3, 2, pad 1)", (9, 9, 2)), "1.residual"
    )
    assert wide is not None and list(wide.rows[4]) == [2, 7]


@pytest.mark.parametrize("layer", ["3.relu", "5.conv", "8.linear"])
def test_the_strongest_are_those_of_all_activations(layer: str) -> None:
    model = made(CONVNET)
    images = (255 * np.random.default_rng(7).random((23, 8, 8, 3))).astype(np.uint8)
    found = strongest(Victim.of(model), images, layer, units=3, each=4)
    outputs = model.network.activations(model.preprocess.transform(images))[layer]
    highest = outputs.reshape(23, -1, outputs.shape[-1]).max(axis=1)
    assert (found.total, found.searched) == (outputs.shape[-1], 23)
    for unit in range(3):
        order = np.argsort(-highest[:, unit], kind="stable")[:4]
        np.testing.assert_array_equal(found.pictures[unit], order)
        np.testing.assert_allclose(found.values[unit], highest[order, unit], rtol=1e-5)
        if found.places is not None:
            for number, (i, j), value in zip(order, found.places[unit], found.values[unit], strict=True):
                assert outputs[number, i, j, unit] == pytest.approx(value, rel=1e-5)


def test_a_patch_alone_gives_the_same_value() -> None:
    """Outside its receptive field a unit sees nothing: the patch on any ground gives it the same value."""
    model = made("conv 3x3, 4 -> relu -> maxpool 2x2 -> conv 2x2, 3 -> flatten -> linear", preprocess="scale")
    images = np.random.default_rng(8).random((10, 8, 8, 3)).astype(np.float32)
    victim = Victim.of(model)
    found = strongest(victim, images, "4.conv", each=2)
    assert found.places is not None and found.fields is not None
    number, (row, column) = found.pictures[0, 0], found.places[0, 0]
    box = found.fields.box(row, column)
    alone = np.zeros((1, 8, 8, 3), np.float32)
    alone[0][box] = images[number][box]
    assert victim.output_at("4.conv", alone)[0, row, column, 0] == pytest.approx(found.values[0, 0], rel=1e-5)
    np.testing.assert_array_equal(found.patch(0, 0, images[number], (8, 8, 3)), images[number][box])


def test_layers_are_chosen_by_what_they_are() -> None:
    assert first_units_layer(made(CONVNET).network) == "3.relu" and last_map_layer(made(CONVNET).network) == "6.relu"
    assert first_units_layer(made(DENSE).network) == "2.tanh" and last_map_layer(made(DENSE).network) is None
    assert first_units_layer(made("linear").network) == "1.linear"
