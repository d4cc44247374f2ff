"""A model out of an ONNX file that `to_onnx` wrote: the very same one, by what its metadata say."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from glassnet.errors import ModelError
from glassnet.interop.onnx.build import Layout
from glassnet.interop.onnx.graph import Graph
from glassnet.model import Model
from glassnet.nn import model_file
from glassnet.nn.functional.arrays import Array

__all__ = ["is_own", "own_model"]

_TEXTS = ("format", "network", "preprocess", "loss", "reading")
_JSON = ("version", "image_shape", "class_names", "card")


def is_own(graph: Graph) -> bool:
    """Whether a file says that glassnet wrote it."""
    return graph.metadata.get("format") == "glassnet-model"


def own_model(graph: Graph) -> Model:
    """The model, with bit-equal arrays.

    Raises
    ------
    ModelError
        Metadata are missing or make no sense; arrays do not fit; or the digest is another, since something was changed
        after the file was written.
    """
    try:
        said = graph.metadata
        description: dict[str, Any] = {key: said[key] for key in _TEXTS}
        description |= {key: json.loads(said[key]) for key in _JSON}
        arrays = {name: _decoded(*entry) for name, entry in json.loads(said["exact"]).items()}
        for name, (axes, shape) in json.loads(said["layouts"]).items():
            arrays[name] = Layout(tuple(axes), tuple(shape)).back(graph.constants[name])
        sha256 = said["sha256"]
    except KeyError as error:
        raise ModelError(
            f"'{graph.path}' lacks {error}, which a file that glassnet wrote has; use another copy."
        ) from error
    except (AttributeError, TypeError, ValueError, RecursionError, OverflowError) as error:
        raise ModelError(f"The metadata of '{graph.path}' are damaged ({error}); use another copy.") from error
    if description["version"] == 1:
        del description["reading"]  # which only later versions of the model file state
    if model_file.digest(description, arrays) != sha256:
        raise ModelError(
            f"'{graph.path}' is damaged or was changed after glassnet wrote it: its contents do not fit its SHA-256;"
            " use another copy."
        )
    return Model.from_contents(description, arrays, graph.path)


def _decoded(dtype: str, shape: list[int], text: str) -> Array:
    if dtype not in ("<f8", "<f4", "<i8"):
        raise ValueError(f"an array of the type {dtype!r:.20}")
    return np.frombuffer(base64.b64decode(text, validate=True), dtype).reshape(shape)
