"""Networks trained on ImageNet, by name: published weights, with the preprocessing and the class names they belong to.

The weights are a file in the data folder, where `glassnet.weights` puts it, or one that the user names; nothing is
downloaded here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.data import Preprocess, Reading
from glassnet.data.imagenet import IMAGENET_READING, IMAGENET_SIZE
from glassnet.errors import Fix, ModelError, nearest
from glassnet.files import exists, sha256_file
from glassnet.model import Model
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.nn.functional.arrays import Array
from glassnet.nn.named import Published
from glassnet.nn.torchvision import load_torchvision, read_tensors
from glassnet.weights import PRETRAINED, class_index, weights_file

__all__ = ["PRETRAINED", "open_model", "pretrained"]

# What was measured with weights whose file has this SHA-256, on the photographs of `imagenet-samples`.
_MEASURED = {
    # SqueezeNet 1.1, torchvision's weights rounded once to float16
    "e1c06ac0c747b440219f8f12f311bd631cea44d39342d6d010cd67d1b514935b": {
        "data": "imagenet-samples",
        "pictures": 200,
        "top1": 125 / 200,
        "top5": 176 / 200,
    },
    # EfficientNet-Lite0, rounded once to float16
    "13b53f8a77b776a5dccdea29ad81d0972b8330e05d9f56389537423d4891c8d9": {
        "data": "imagenet-samples",
        "pictures": 200,
        "top1": 174 / 200,
        "top5": 197 / 200,
    },
}


def pretrained(name: str, weights: str | Path | None = None) -> Model:
    """A network trained on ImageNet, ready to use and to save as one model file.

    Parameters
    ----------
    name : str
        A named network with published weights, one of `PRETRAINED`.
    weights : str or Path, optional
        A safetensors or PyTorch file (`.pth`) under the publisher's parameter names; without one,
        `weights/squeezenet1_1.safetensors` (`resnet18.safetensors`, ...) in the data folder.

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
    file = weights_file(name) if weights is None else Path(weights)
    tensors = read_tensors(file)
    index = class_index(name, file)
    shape = (*IMAGENET_SIZE, 3)
    network = Network(name, shape, len(index.names))
    load_torchvision(network, name, tensors, f"'{file}'")
    preprocess = _preprocess(shape, PRETRAINED[name])
    loss = SoftmaxCrossEntropy()
    reading = replace(IMAGENET_READING, bicubic=PRETRAINED[name].bicubic)
    return Model(network, preprocess, shape, index.names, loss, _card(name, file, preprocess, reading), reading)


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


def _preprocess(shape: tuple[int, int, int], published: Published) -> Preprocess:
    arrays: dict[str, Array] = {
        "input_shape": np.asarray(shape, np.int64),
        "2.standardise.mean": np.asarray(published.mean, np.float32),
        "2.standardise.std": np.asarray(published.deviation, np.float32),
    }
    return Preprocess.restore("scale -> standardise", arrays)


def _card(name: str, file: Path, preprocess: Preprocess, reading: Reading) -> dict[str, Any]:
    """What the model file says of itself."""
    published, digest = PRETRAINED[name], sha256_file(file)
    card = {
        "network": name,
        "data": "ImageNet (ILSVRC 2012), 1,000 classes of photographs",
        "source": f"{published.address} ({published.publisher}) or weights under the same names",
        "licence": f"{published.licence} (the weights); ImageNet's photographs are for research",
        "weights_file": file.name,
        "weights_sha256": digest,
        "preprocessing": f"{reading.notation()} {'x'.join(map(str, IMAGENET_SIZE))} -> {preprocess.notation()}"
        f" (mean {' '.join(map(str, published.mean))}, deviation {' '.join(map(str, published.deviation))})",
        "published_accuracy": _published(published),
    }
    return card | ({"measured_accuracy": _MEASURED[digest]} if digest in _MEASURED else {})


def _published(published: Published) -> dict[str, Any]:
    accuracy = {"top1": published.top1, "top5": published.top5}
    return {name: value / 100 for name, value in accuracy.items() if value is not None} | {"pictures": 50_000}
