"""Networks trained on ImageNet, by name: published weights, with the preprocessing and the class names they belong to.

Nothing is downloaded. The weights are a safetensors file under torchvision's parameter names, which the user names or
puts into the data folder; docs/pretrained.md says where it comes from.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.data import ClassIndex, Preprocess, data_places, find_class_index
from glassnet.data.imagenet import CLASS_INDEX, IMAGENET_READING, IMAGENET_SIZE
from glassnet.errors import DataError, Fix, ModelError, nearest
from glassnet.files import exists, sha256_file
from glassnet.model import Model
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.nn.functional.arrays import Array
from glassnet.nn.named import NAMED, Published
from glassnet.nn.torchvision import load_torchvision, read_tensors

__all__ = ["PRETRAINED", "open_model", "pretrained"]

_FOLDER = "weights"  # in the data folder


# What was measured with weights whose file has this SHA-256, on the photographs of `imagenet-samples`.
_MEASURED = {
    # SqueezeNet 1.1, torchvision's weights rounded once to float16
    "e1c06ac0c747b440219f8f12f311bd631cea44d39342d6d010cd67d1b514935b": {
        "data": "imagenet-samples",
        "pictures": 200,
        "top1": 125 / 200,
        "top5": 176 / 200,
    },
}

PRETRAINED: dict[str, Published] = {
    name: network.published for name, network in NAMED.items() if network.published is not None
}


def pretrained(name: str, weights: str | Path | None = None) -> Model:
    """A network trained on ImageNet, ready to use and to save as one model file.

    Parameters
    ----------
    name : str
        A named network with published weights, one of `PRETRAINED`.
    weights : str or Path, optional
        A safetensors file under torchvision's parameter names; without one, `weights/squeezenet1_1.safetensors`
        (`resnet18.safetensors`, ...) in the data folder.

    Raises
    ------
    ModelError
        An unknown name; no weights; weights that are damaged or belong to another network.
    DataError
        No class index, or one that cannot be read.

    Notes
    -----
    The class names come from ImageNet's class index, `imagenet_class_index.json`: beside the weights, or in the data
    folder, in its `weights` or its `imagenet-samples`. The model takes 224x224 pixels, the middle of a picture whose
    shortest side is 256, standardised by ImageNet's mean and deviation.
    """
    if name not in PRETRAINED:
        raise ModelError(
            f"There are no published weights for a network '{name}'.{nearest(name, PRETRAINED)} Known:"
            f" {', '.join(PRETRAINED)}."
        )
    file = _weights_file(name) if weights is None else Path(weights)
    tensors = read_tensors(file)
    index = _class_index(file)
    shape = (*IMAGENET_SIZE, 3)
    network = Network(name, shape, len(index.names))
    load_torchvision(network, name, tensors, f"'{file}'")
    preprocess = _preprocess(shape, PRETRAINED[name])
    loss = SoftmaxCrossEntropy()
    return Model(network, preprocess, shape, index.names, loss, _card(name, file, preprocess), IMAGENET_READING)


def open_model(name: str | Path, weights: str | Path | None = None) -> Model:
    """The model of a file or run folder if there is one of that name, else the pretrained network of that name.

    Raises `ModelError` or `DataError` when neither can be had.
    """
    here, there = Path(name), exists(name)
    if there and weights is not None:
        raise ModelError(f"'{here}' is a model with weights of its own.", Fix.WEIGHTS_WITH_NAME)
    if there:
        return Model.load(here)
    if str(name) not in PRETRAINED:
        raise ModelError(
            f"There is no model file or run folder '{here}', and no pretrained network has that name."
            f"{nearest(str(name), PRETRAINED)} Known: {', '.join(PRETRAINED)}."
        )
    return pretrained(str(name), weights)


def _weights_file(name: str) -> Path:
    published = PRETRAINED[name]
    for place in data_places():
        with contextlib.suppress(OSError):  # a place that may not be read is a place without it
            if (place / _FOLDER / published.file).is_file():
                return place / _FOLDER / published.file
    raise ModelError(
        f"The weights of '{name}' are not on this machine: get {published.address}, convert it by the two lines in"
        f" docs/pretrained.md to '{data_places()[0] / _FOLDER / published.file}'.",
        Fix.GIVE_WEIGHTS,
    )


def _class_index(weights: Path) -> ClassIndex:
    folders = [weights.parent]
    folders += [place / folder for place in data_places() for folder in (_FOLDER, "imagenet-samples", "")]
    found = find_class_index(folders)
    if found is None:
        raise DataError(
            f"The names of ImageNet's classes are not on this machine; put '{CLASS_INDEX}' beside the weights, as"
            f" '{weights.parent / CLASS_INDEX}' (see docs/pretrained.md)."
        )
    return found


def _preprocess(shape: tuple[int, int, int], published: Published) -> Preprocess:
    arrays: dict[str, Array] = {
        "input_shape": np.asarray(shape, np.int64),
        "2.standardise.mean": np.asarray(published.mean, np.float32),
        "2.standardise.std": np.asarray(published.deviation, np.float32),
    }
    return Preprocess.restore("scale -> standardise", arrays)


def _card(name: str, file: Path, preprocess: Preprocess) -> dict[str, Any]:
    """What the model file says of itself."""
    published, digest = PRETRAINED[name], sha256_file(file)
    card = {
        "network": name,
        "data": "ImageNet (ILSVRC 2012), 1,000 classes of photographs",
        "source": f"{published.address} ({published.publisher}) or weights under the same names",
        "licence": f"{published.licence} (the weights); ImageNet's photographs are for research",
        "weights_file": file.name,
        "weights_sha256": digest,
        "preprocessing": f"{IMAGENET_READING.notation()} {'x'.join(map(str, IMAGENET_SIZE))} -> {preprocess.notation()}"
        f" (mean {' '.join(map(str, published.mean))}, deviation {' '.join(map(str, published.deviation))})",
        "published_accuracy": _published(published),
    }
    return card | ({"measured_accuracy": _MEASURED[digest]} if digest in _MEASURED else {})


def _published(published: Published) -> dict[str, Any]:
    accuracy = {"top1": published.top1, "top5": published.top5}
    return {name: value / 100 for name, value in accuracy.items() if value is not None} | {"pictures": 50_000}
