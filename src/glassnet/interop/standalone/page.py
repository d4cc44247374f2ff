"""The file: the model as JSON, its numbers in base64, and the JavaScript that computes with them."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.data.ink import Manner
from glassnet.data.steps import Invert, MeanImage, Multiply, Standardise
from glassnet.errors import ModelError
from glassnet.interop.standalone.forms import Numbers, chain_form
from glassnet.model import Model
from glassnet.nn import SoftmaxCrossEntropy

__all__ = ["MOST_BYTES", "standalone_page"]

MOST_BYTES = 8 * 2**20
"""Of the numbers in a page, before base64 makes a third more of them."""
_HERE = Path(__file__).parent
_POINTWISE = (Invert, Multiply, MeanImage, Standardise)


def standalone_page(model: Model) -> str:
    """The text of an HTML file on which one draws, and which answers as the model does.

    A drawing is brought to the manner of the training pictures as `Model.read` does it, by the same sums; probabilities
    agree with `Model.predict_proba` to rounding. The weights are float16 where the model's file has them so, else
    float32. Nothing is fetched.

    Parameters
    ----------
    model : Model
        A classifier of pictures.

    Raises
    ------
    ModelError
        It is none, the network has more than 8 MB of numbers, or a layer, a loss or a preprocessing step that
        the page does not know.
    """
    model.task.require_classes("A page to draw on shows classes.")
    if model.takes_rows:
        raise ModelError("This model takes rows of features, not pictures; nothing can be drawn for it.")
    if type(model.loss) is not SoftmaxCrossEntropy:
        raise ModelError(f"A page by itself cannot compute the probabilities of the loss '{model.loss.notation()}'.")
    half = model.precision == "float16"
    dtype, width = ("<f2", 2) if half else ("<f4", 4)
    size = model.network.size * width
    if size > MOST_BYTES:
        raise ModelError(
            f"The network has {model.network.size:,} weights, {size / 2**20:.0f} MB; a page by itself takes up to"
            f" {MOST_BYTES / 2**20:.0f} MB. Write it as NAME.onnx."
        )
    numbers = Numbers()
    described = _described(model, numbers) | {"half": half}
    parts = {
        "FACTS": html.escape(f"{', '.join(model._facts())}: {model.network.notation()}"),
        "MODEL": json.dumps(described, separators=(",", ":")).replace("<", "\\u003c"),
        "NUMBERS": base64.b64encode(numbers.content(dtype)).decode("ascii"),
        "FORWARD": (_HERE / "forward.js").read_text(encoding="utf-8"),
        "SHEET": (_HERE / "sheet.js").read_text(encoding="utf-8"),
    }
    text = (_HERE / "page.html").read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part, 1)
    return text


def _described(model: Model, numbers: Numbers) -> dict[str, Any]:
    height, width, channels = model.image_shape
    for step in model.preprocess.steps:
        if not isinstance(step, _POINTWISE):
            raise ModelError(f"A page by itself cannot compute the preprocessing step '{step.notation()}'.")
    nothing, all_ = (np.full((1, height, width, channels), value, np.float64) for value in (0.0, 1.0))
    shift, end = (model.preprocess.transform(x, dtype=np.float64)[0] for x in (nothing, all_))
    manner = Manner.of_card(model.card) if channels == 1 else None
    return {
        "classes": list(model.class_names),
        "channels": channels,
        "reading": {
            "height": height,
            "width": width,
            "shortest": model.reading.shortest_side,
            "cubic": model.reading.bicubic,
        },
        "manner": manner and {"border": manner.border, "side": manner.ink_side},
        "factor": (end - shift)[0, 0].tolist(),
        "shift": (shift if (shift != shift[0, 0]).any() else shift[0, 0]).reshape(-1).tolist(),
        "layers": chain_form(model.network.layers, numbers),
    }
