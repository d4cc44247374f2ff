"""Maps of evidence over pictures, and the panels that show them."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from glassnet.attack import Victim
from glassnet.data import Preprocess
from glassnet.explain import HeatMap, Seen, see, strongest
from glassnet.model import Model
from glassnet.nn import Network, parse_loss
from glassnet.report.figures.features import compared_maps
from glassnet.report.figures.heat import evidence_figure, heat_picture
from glassnet.report.panels.evidence import added_panel, evidence_panel, probabilities_panel, units_panel

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1)).astype(np.uint8)


def made(classes: int = 3) -> Model:
    steps = Preprocess.parse("scale").fit(IMAGES)
    network = Network("conv 3x3, 2 -> relu -> flatten -> linear", (8, 8, 1), classes, seed=1)
    names = tuple(f"<class {i}>" for i in range(classes))
    return Model(network, steps, (8, 8, 1), names, parse_loss("softmax-cross-entropy"))


def seen(model: Model, true: int | None = None) -> Seen:
    return see(Victim.of(model), model.class_names, IMAGES[0], "a & b.png", true=true)


def test_the_answer_is_explained_and_the_true_class_where_it_is_another() -> None:
    model = made()
    answer = int(model.predict_proba(IMAGES[:1]).argmax())
    other = (answer + 1) % 3
    assert [each.chosen for each in seen(model).explanations] == [answer]
    assert [each.chosen for each in seen(model, true=answer).explanations] == [answer]
    assert [each.chosen for each in seen(model, true=other).explanations] == [answer, other]


@pytest.mark.parametrize(("speaking", "colour"), [("for", 0), ("either", 0), ("size", 1)])
def test_the_colour_of_a_map_is_what_it_means(speaking: Literal["for", "either", "size"], colour: int) -> None:
    values = np.zeros((8, 8))
    values[2, 3], values[5, 5] = 1.0, -1.0 if speaking == "either" else 0.0
    shown = heat_picture(np.zeros((8, 8, 1)), HeatMap("m", values, speaking, "", True)).astype(int)
    assert shown[2, 3].argmax() == colour and np.ptp(shown[0, 0]) == 0
    assert shown[5, 5].argmax() == 2 if speaking == "either" else (shown[5, 5] == shown[0, 0]).all()


def test_a_map_of_nothing_leaves_the_picture_grey() -> None:
    shown = heat_picture(IMAGES[0], HeatMap("m", np.zeros((8, 8)), "for", "", False))
    assert (shown == shown[..., :1]).all() and np.ptp(shown) > 0


def test_every_class_is_listed_and_the_true_one_marked() -> None:
    model = made(30)
    lowest = int(model.predict_proba(IMAGES[:1]).argmin())
    html = probabilities_panel([seen(model, true=lowest)]).html(None)
    for name in model.class_names:
        assert html.count(name.replace("<", "&lt;").replace(">", "&gt;") + "</td>") == 1
    assert html.count('class="marked"') == 1 and "The other 19 classes" in html and "a &amp; b.png" in html
    assert 'class="marked"' not in probabilities_panel([seen(model)]).html(None)


def test_the_evidence_has_a_row_for_each_class() -> None:
    model = made()
    one = seen(model, true=int(model.predict_proba(IMAGES[:1]).argmin()))
    html = evidence_panel([one]).html(None)
    assert html.count('class="explained"') == 2 and html.count("<img") == 2 * 4
    assert all(heat.said in html for each in one.explanations for heat in each.maps if "<" not in heat.said)
    assert len(evidence_figure([one]).axes[0].images) == 8


def test_the_sum_of_the_last_layer_is_written_out() -> None:
    one = seen(made())
    (each,) = one.explanations
    panel = added_panel([one])
    assert panel is not None and each.added is not None
    html = panel.html(None)
    assert f"{each.added.score:+.2f}".replace("-", "−") in html and "the other 62" in html
    assert html.count("map 0 at ") + html.count("map 1 at ") == 10


def test_units_are_shown_with_their_patches() -> None:
    model = made()
    model.network.parameters()["1.conv.bias"].value[1] = -100
    found = strongest(Victim.of(model), IMAGES)
    html = units_panel(found, dict(enumerate(IMAGES)), (8, 8, 1)).html(None)
    assert "All 2 units of 2.relu, each with the 3x3 pixels" in html and html.count("<img") == 1
    assert html.count("never above 0") == 1


def test_compared_maps_have_the_same_channels_and_scale() -> None:
    network = Network("conv 3x3, 20 -> relu -> flatten -> linear 2", (8, 8, 1), seed=2)
    xs = [image / 255.0 for image in IMAGES[:3]]
    found = compared_maps(network, xs, xs, ["a", "b", "c"], most_maps=5)
    for each, x in zip(found, xs, strict=True):
        (layer,) = each.layers
        np.testing.assert_array_equal(layer.channels, found[0].layers[0].channels)
        assert layer.limit == found[0].layers[0].limit and len(layer.channels) == 5
        outputs = network.activations(x[None])["2.relu"][0]
        np.testing.assert_allclose(layer.maps, np.moveaxis(outputs[..., layer.channels], -1, 0), rtol=1e-6)
    spread = np.mean([network.activations(x[None])["2.relu"][0].std(axis=(0, 1)) for x in xs], axis=0)
    assert set(found[0].layers[0].channels) == set(np.argsort(-spread)[:5])
