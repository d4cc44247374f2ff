"""A page that answers drawings by itself, in Chromium, against the model in Python."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from glassnet.data import Preprocess
from glassnet.data.ink import Manner, why_nothing
from glassnet.errors import GlassnetError, ModelError
from glassnet.interop.standalone import standalone_page
from glassnet.interop.standalone.forms import page_form
from glassnet.model import Model
from glassnet.nn import Layer, Network, SoftmaxCrossEntropy
from glassnet.nn.layers import LAYERS
from support.shell import Shell
from support.web import chromium

SIDE = 140
ASK = """greys => greys.map(text => {
  const grey = Uint8Array.from(atob(text), each => each.charCodeAt(0));
  const found = answer(model, numbers, grey, 140, 140);
  return {...found, pixels: [...found.pixels.values]};
})"""
NETWORKS = [
    "linear 20 -> tanh -> linear",
    "conv 3x3, 6, pad 1 -> batchnorm -> relu -> maxpool 2x2 -> conv 3x3, 8, stride 2, bias off -> relu6 -> flatten"
    " -> dropout 0.3 -> linear 12 -> sigmoid -> linear",
    "conv 4x3, 8, pad same, stride 2 -> depthwise 3x3, pad 1 -> conv 3x3, 8, pad 1, groups 4 -> relu"
    " -> avgpool 3x3, stride 2, pad 1, ceil, count_pad -> maxpool 3x3, stride 2, pad 1, ceil -> linear",
    "conv 3x3, 4, pad 1 -> residual(conv 3x3, 4, pad 1 -> relu) -> relu -> residual(conv 1x1, 6 | conv 3x3, 6, pad 1)"
    " -> concat(conv 1x1, 3 | conv 3x3, 5, pad 1) -> avgpool 3x3, stride 2, pad 1, ceil -> avgpool global -> linear",
]


def made(notation: str, shape: tuple[int, int, int] = (28, 28, 1), steps: str = "scale -> standardise") -> Model:
    """A network with weights that are drawn, moments among them, and the manner of MNIST."""
    rng = np.random.default_rng(5)
    network = Network(notation, shape, 10, seed=3)
    arrays = {n: a + rng.uniform(0.05, 0.3, a.shape).astype(a.dtype) for n, a in network.arrays().items()}
    network.load_arrays(arrays)
    preprocess = Preprocess.parse(steps).fit(rng.integers(0, 200, (40, *shape), dtype=np.uint8))
    card = {"pictures": Manner(0.0, 0.13, 0.72).to_dict()}
    return Model(network, preprocess, shape, tuple("0123456789"), SoftmaxCrossEntropy(), card)


def drawings() -> list[NDArray[np.uint8]]:
    """20 drawings: strokes of any place and size, dark or light, some at the edge; a dot; nothing."""
    rng, found = np.random.default_rng(1), []
    for number in range(18):
        sheet = Image.new("L", (SIDE, SIDE), 255 if number % 6 else 0)
        scale, (x, y) = rng.uniform(30, 110), rng.uniform(4, 30, 2)
        points = [(x + scale * a, y + scale * b) for a, b in rng.uniform(0, 1, (5, 2))]
        ink = int(rng.integers(0, 60)) if number % 6 else 255
        ImageDraw.Draw(sheet).line(points, fill=ink, width=int(rng.integers(5, 14)), joint="curve")
        found.append(np.asarray(sheet))
    dot = np.full((SIDE, SIDE), 255, np.uint8)
    dot[60:70, 60:70] = 0
    return [*found, dot, np.full((SIDE, SIDE), 255, np.uint8)]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Model], Any]]:
    """Opens a model's page."""
    folder = tmp_path_factory.mktemp("pages")
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 390, "height": 844}, offline=True)
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text))

        def ask(model: Model) -> Any:
            (folder / "page.html").write_text(standalone_page(model), encoding="utf-8")
            page.goto((folder / "page.html").as_uri())
            return page

        yield ask
        assert not wrong


def answers(page: Any, greys: list[NDArray[np.uint8]]) -> Any:
    return page.evaluate(ASK, [base64.b64encode(grey.tobytes()).decode() for grey in greys])


@pytest.mark.parametrize("notation", NETWORKS)
def test_it_answers_as_the_model_does(asked: Callable[[Model], Any], notation: str) -> None:
    model = made(notation)
    sheets, kinds = drawings(), set()
    for grey, found in zip(sheets, answers(asked(model), sheets), strict=True):
        pixels, changes = model.read(grey[..., None])
        np.testing.assert_array_equal(found["pixels"], pixels.reshape(-1))
        assert tuple(found["changes"]) == changes and found["nothing"] == why_nothing(grey[..., None])
        np.testing.assert_allclose(found["probabilities"], model.predict_proba(pixels[None])[0], atol=1e-4)
        kinds |= {changes, found["nothing"]}
    assert {"", "only a dot", "nothing drawn", ("inverted", "centred"), ("centred",)} <= kinds


def test_colour_a_mean_image_half_the_bits_and_another_reading(asked: Callable[[Model], Any]) -> None:
    model = made(NETWORKS[1], (24, 20, 3), "scale -> invert -> multiply 2 -> mean-image").in_precision("float16")
    cropped = made(NETWORKS[0])
    cropped.reading = cropped.reading.parse("shortest-side 32, bicubic -> centre-crop")
    for each in (model, cropped):
        sheets = drawings()[:5]
        for grey, found in zip(sheets, answers(asked(each), sheets), strict=True):
            pixels, _ = each.read(grey[..., None])
            np.testing.assert_allclose(found["probabilities"], each.predict_proba(pixels[None])[0], atol=1e-4)


def test_somebody_draws(asked: Callable[[Model], Any]) -> None:
    page = asked(made(NETWORKS[0]))
    page.wait_for_function("() => document.getElementById('said').textContent === 'Nothing drawn'")
    box = page.locator("#sheet").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 220, steps=5)
    page.mouse.up()
    page.wait_for_function("() => document.getElementById('said').textContent.endsWith(' %')")
    assert page.locator("#bars li").count() == 10
    page.locator("#sheet").focus()
    page.keyboard.press("Delete")
    page.wait_for_function("() => document.getElementById('said').textContent === 'Nothing drawn'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_every_layer_has_a_form() -> None:
    default = page_form.registry[object]
    assert [word for word, layer in LAYERS.items() if page_form.dispatch(layer) is default] == []

    class Other(Layer):
        word = "other"

    with pytest.raises(ModelError, match="the layer 'other'"):
        page_form(Other(), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("notation", "shape", "steps", "said"),
    [
        (
            "linear 3000 -> relu -> linear",
            (28, 28, 1),
            "scale",
            r"2,385,010 weights, 9 MB; a page by itself takes up to 8 MB",
        ),
        ("linear", (8, 8, 1), "scale -> whiten 9", "the preprocessing step 'whiten 9'"),
        ("linear", (1, 1, 7), "scale", "rows of features"),
    ],
)
def test_what_it_refuses(notation: str, shape: Any, steps: str, said: str) -> None:
    with pytest.raises(GlassnetError, match=said):
        standalone_page(made(notation, shape, steps))


def test_the_command(shell: Shell, tmp_path: Path) -> None:
    made("linear").save(tmp_path / "m.safetensors")
    out = shell("export", tmp_path / "m.safetensors", tmp_path / "try-it.html")
    text = (tmp_path / "try-it.html").read_text(encoding="utf-8")
    assert f"{len(text.encode()):,} bytes" in out and "http" not in text.replace("http-equiv", "")
    assert "Leave them out" in shell.error("export", tmp_path / "m.safetensors", "x.html", "--pixels", "uint8")
