"""A model as an ONNX file: preprocessing, network and class probabilities in one graph, and all else that the model
file says in the metadata, so that the file can be read back into the very same model.

| what           | called          | is                                                                          |
|----------------|-----------------|-----------------------------------------------------------------------------|
| input          | `pictures`      | (n, C, H, W) uint8, or float32 in 0..1; `rows` (n, d) float32 for rows        |
| first output   | `scores`        | (n, k), as `Model.scores` gives them                                        |
| second output  | `probabilities` | (n, k), their softmax; `reconstruction` (n, H W C) of a model that rebuilds   |

Metadata are texts: those of the model file's description (`network`, `preprocess`, `class_names`, `reading`, `loss`,
`card`, ...; lists and tables as JSON), `pixels`, how arrays were transposed (`layouts`), the bytes of what float32
cannot hold (`exact`), and the SHA-256 of the model file's contents.
"""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np

from glassnet.errors import ModelError
from glassnet.interop.onnx.build import IR_VERSION, OPSET, GraphBuilder
from glassnet.interop.onnx.forms import chain_form
from glassnet.interop.onnx.library import onnx_library
from glassnet.interop.onnx.preprocessing import preprocess_form
from glassnet.model import Model
from glassnet.nn.functional.arrays import Array

__all__ = ["PIXELS", "choose_pixels", "to_onnx"]

PIXELS = ("uint8", "float32")
_LARGEST = 2**31 - 2**24  # a file of Protocol Buffers is smaller than 2 GiB


def choose_pixels(model: Model, pixels: str = "") -> str:
    """The type of the pixels that a graph takes: as asked for, else `uint8` for pictures and `float32` for rows.

    Raises `ModelError` for any other word, and for rows of bytes.
    """
    if pixels and pixels not in PIXELS:
        raise ModelError(f"Pixels are {' or '.join(PIXELS)}. Got '{pixels}' instead.")
    if model.takes_rows and pixels == "uint8":
        raise ModelError("This model takes rows of features, which are float32.")
    return pixels or ("float32" if model.takes_rows else "uint8")


def to_onnx(model: Model, pixels: str = "") -> bytes:
    """The bytes of an ONNX file that computes what the model does, in evaluation mode.

    Parameters
    ----------
    model : Model
        Any model.
    pixels : str
        "uint8": bytes as picture files hold them; "float32": numbers in 0..1. "" takes uint8, for rows float32.

    Returns
    -------
    bytes
        The same for the same model; `onnx.checker` has passed them.

    Raises
    ------
    GlassnetError
        The package onnx is not installed; a layer or a step has no counterpart; the file would be of 2 GiB or more.

    Examples
    --------
    >>> import onnx
    >>> import glassnet
    >>> from glassnet.interop import to_onnx
    >>> model = glassnet.fit("digits", "linear", epochs=1, verbose=False).model
    >>> graph = onnx.load_from_string(to_onnx(model)).graph
    >>> [value.name for value in (*graph.input, *graph.output)]
    ['pictures', 'scores', 'probabilities']
    """
    onnx, pixels = onnx_library(), choose_pixels(model, pixels)
    description, arrays = model.contents()
    if sum(array.nbytes for array in arrays.values()) > _LARGEST:
        raise ModelError("The model is too large for one ONNX file, which holds less than 2 GiB.")
    graph = GraphBuilder()
    given, outputs = _graph(model, graph, pixels)
    made = onnx.helper.make_model(
        onnx.helper.make_graph(graph.nodes, "glassnet", [given], outputs, graph.constants),
        producer_name="glassnet",
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    exact = {name: array for name, array in arrays.items() if name not in graph.layouts}
    metadata = {
        **{key: value if isinstance(value, str) else _json(value) for key, value in description.items()},
        "reading": model.reading.notation(),
        "pixels": pixels,
        "layouts": _json({name: [layout.axes, layout.shape] for name, layout in graph.layouts.items()}),
        "exact": _json({name: _encoded(array) for name, array in exact.items()}),
        "sha256": model.sha256,
    }
    onnx.helper.set_model_props(made, metadata)
    onnx.checker.check_model(made, full_check=True)
    content: bytes = made.SerializeToString(deterministic=True)
    return content


def _graph(model: Model, graph: GraphBuilder, pixels: str) -> tuple[Any, list[Any]]:
    """Fill the graph; returns its input and its outputs as ONNX describes values."""
    helper, types = graph.onnx.helper, graph.onnx.TensorProto
    height, width, channels = model.image_shape
    if model.takes_rows:
        given = helper.make_tensor_value_info("rows", types.FLOAT, ["n", channels])
        x = graph.node("Unsqueeze", "rows", graph.constant("rows.axes", [2, 3], np.int64), name="rows")
    else:
        kind = types.UINT8 if pixels == "uint8" else types.FLOAT
        given = helper.make_tensor_value_info("pictures", kind, ["n", channels, height, width])
        x = "pictures"
    if pixels == "uint8":
        numbers = graph.node("Cast", x, name="preprocess.1.scale", to=types.FLOAT)
        x = graph.node("Div", numbers, graph.constant("preprocess.1.scale.most", 255), name="preprocess.1.scale")
    x = preprocess_form(model.preprocess, graph, x, model.image_shape)
    x = chain_form(model.network.layers, graph, x, "network.")
    width = math.prod(model.network.output_shape)
    scores = graph.call(graph.flat(x, model.network.output_shape, "scores"), "scores")
    if model.task.rebuilds:
        bounds = [graph.constant("reconstruction.least", 0), graph.constant("reconstruction.most", 1)]
        second = graph.call(graph.node("Clip", scores, *bounds, name="reconstruction"), "reconstruction")
    else:
        second = graph.call(graph.node("Softmax", scores, name="probabilities", axis=1), "probabilities")
    return given, [helper.make_tensor_value_info(name, types.FLOAT, ["n", width]) for name in (scores, second)]


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _encoded(array: Array) -> list[Any]:
    """An array as plain JSON: its type, shape and bytes."""
    little = array.astype(array.dtype.newbyteorder("<"))
    return [little.dtype.str, array.shape, base64.b64encode(little.tobytes()).decode("ascii")]
