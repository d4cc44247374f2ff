"""A file of another program as a model: network and weights from the file, the rest from what is known or said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.data import Preprocess, Reading
from glassnet.data.imagenet import IMAGENET_READING, IMAGENET_SIZE
from glassnet.errors import Fix, ModelError, nearest
from glassnet.files import open_plain, sha256_file
from glassnet.interop.onnx.graph import Graph, read_graph
from glassnet.interop.onnx.own import is_own, own_model
from glassnet.interop.onnx.read import network_of
from glassnet.interop.state_dict import Paired, classes_of, load_tensors, without_prefixes
from glassnet.model import Model
from glassnet.nn import Network, SoftmaxCrossEntropy, parse_loss
from glassnet.nn.build import layers_from
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import walk
from glassnet.nn.named import NAMED
from glassnet.nn.torch_file import is_torch_file
from glassnet.nn.torchvision import load_torchvision, read_tensors
from glassnet.weights import PRETRAINED, class_index

__all__ = ["Foreign", "Said", "foreign_model"]

_IMAGENET_CLASSES = 1000
_ONNX = b"\x08"  # how an ONNX file begins; a safetensors file may, but has a brace behind the length of its header


@dataclass(frozen=True)
class Said:
    """What a user says of a file, since it does not say so itself.

    Attributes
    ----------
    network : str
        A named network or a notation; of a graph, a network whose published preprocessing and class names it shares.
    input_shape : tuple of int
        (H, W, C), or (d,); () where it follows from the name or the file.
    class_names : tuple of str
        In the order of the scores; () takes ImageNet's for a published network of 1,000 classes, else 0, 1, ...
    mean, deviation : tuple of float
        Of each channel in 0..1, by which pictures were standardised; () takes those of a published network, else none.
    """

    network: str = ""
    input_shape: tuple[int, ...] = ()
    class_names: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()


@dataclass(frozen=True)
class Foreign:
    """A model, what the file was, and which module of it each layer was taken from.

    Attributes
    ----------
    model : Model
        The model.
    kind : str
        "glassnet" (an ONNX file of ours), "graph" (any other) or "tensors".
    modules : dict of str to str
        Of tensors: by the names of our layers.
    notes : tuple of str
        What a user should know.
    """

    model: Model
    kind: str
    modules: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def foreign_model(file: str | Path, said: Said | None = None) -> Foreign:
    """The model of an ONNX file, or of a file of tensors (`.safetensors`, `.pth`) for a network that is named.

    Nothing of the file is run.

    Raises
    ------
    GlassnetError
        It is missing or damaged, its numbers are no network's, or something is not known; in one line.
    """
    file, said = Path(file), said or Said()
    head = _head(file)
    if file.suffix.lower() != ".onnx" and (head[:1] != _ONNX or head[8:9] == b"{"):
        return _of_tensors(file, said, ordered=is_torch_file(head))
    graph = read_graph(file)
    if not is_own(graph):
        return _of_graph(file, graph, said)
    if said != Said():
        raise ModelError(f"'{file}' was written by glassnet and says all of that itself; name the file alone.")
    return Foreign(own_model(graph), "glassnet")


def _head(file: Path) -> bytes:
    try:
        with open_plain(file) as opened:
            return opened.read(16)
    except OSError as error:
        raise ModelError(f"Cannot read '{file}': {error.strerror or error}.") from error


def _of_graph(file: Path, graph: Graph, said: Said) -> Foreign:
    if said.network and said.network not in PRETRAINED:
        raise ModelError(
            f"'{file}' says itself which layers it has. Of it, a network is named for its published preprocessing and"
            f" classes: {', '.join(PRETRAINED)}.{nearest(said.network, PRETRAINED)}"
        )
    network = network_of(graph, said.input_shape or None)
    if len(network.input_shape) == 1:
        network = _on_pictures(network, said.input_shape)
    return Foreign(_model(file, network, said), "graph", notes=_notes(said))


def _on_pictures(network: Network, wanted: tuple[int, ...]) -> Network:
    """A network of rows (d,) as one of pictures (H, W, 1) with as many pixels, or of rows as models have them."""
    shape = wanted if len(wanted) == 3 else (1, 1, network.input_shape[0])
    made = Network(network.notation(), shape)
    made.load_arrays(network.arrays())
    return made


def _of_tensors(file: Path, said: Said, *, ordered: bool) -> Foreign:
    tensors = without_prefixes(read_tensors(file))
    if tensors and all(name.startswith(("network.", "preprocess.")) for name in tensors):
        raise ModelError(f"'{file}' is a glassnet model already; use it as it is.")
    if not said.network:
        raise ModelError(
            f"'{file}' holds tensors, and does not say which network they are of.",
            Fix.NAME_NETWORK,
            example="resnet-18",
        )
    record, source = NAMED.get(said.network.strip().lower()), f"'{file}'"
    if said.input_shape:
        shape = said.input_shape
    elif record is not None:
        shape = record.use.input_shape
    else:
        raise ModelError(
            f"The sizes of the pictures that '{said.network}' takes are not known.",
            Fix.GIVE_INPUT_SHAPE,
            example="32x32x3",
        )
    network = _sized(said.network, (1, 1, *shape) if len(shape) == 1 else shape, tensors, source)
    published = PRETRAINED.get(record.name) if record is not None else None
    if record and published and {name.rpartition(".")[0] for name in tensors} & set(published.modules):
        load_torchvision(network, record.name, tensors, source)
        paired = Paired({})
    else:
        paired = load_tensors(network, tensors, source, ordered=ordered)
    notes = _notes(said)
    if paired.guessed:
        more = " and others" if len(paired.guessed) > 3 else ""
        notes += (
            f"several modules fit {', '.join(paired.guessed[:3])}{more}; they were taken in the order of their names,"
            " so compare the answers with those that you know",
        )
    return Foreign(_model(file, network, said), "tensors", paired.modules, notes)


def _sized(notation: str, shape: tuple[int, ...], tensors: dict[str, Array], source: str) -> Network:
    """The network, whose last layer has as many outputs as the tensors have, where the notation leaves them out."""
    open_ = [layer for _, layer in walk(layers_from(notation)) if layer.sized and layer.outputs is None]
    network = Network(notation, shape, 2 if open_ else None)
    if not open_:
        return network
    count = classes_of(network, tensors)
    if count is None:
        load_tensors(network, tensors, source, ordered=True)  # which says what is wrong
        return network
    return Network(notation, shape, count)


def _model(file: Path, network: Network, said: Said) -> Model:
    """The network with preprocessing, classes, loss and card."""
    shape = (network.input_shape[0], network.input_shape[1], network.input_shape[2])
    record = NAMED.get(said.network.strip().lower())
    published = None if record is None else record.published
    loss = SoftmaxCrossEntropy() if record is None else parse_loss(record.use.loss)
    mean, deviation, reading = said.mean, said.deviation, Reading()
    if published is not None:
        mean, deviation = mean or published.mean, deviation or published.deviation
        if shape[:2] == IMAGENET_SIZE:
            reading = replace(IMAGENET_READING, bicubic=published.bicubic)
    names, outputs = said.class_names, math.prod(network.output_shape)
    if not names and published is not None and outputs == _IMAGENET_CLASSES:
        names = class_index(said.network, file).names
    if not names:
        names = tuple(map(str, range(outputs if loss.task == "classification" else 2)))
    preprocess = _standardising(shape, mean, deviation)
    card: dict[str, Any] = {"imported_from": file.name, "imported_sha256": sha256_file(file)}
    if said.network:
        card["network"] = said.network
    model = Model(network, preprocess, shape, names, loss, card, reading)
    if loss.task == "classification" and len(names) != outputs:
        raise ModelError(f"'{file}' tells {outputs} classes apart. Got {len(names)} names.")
    return Model.from_contents(*model.contents(), file)  # checked as a model file is


def _standardising(shape: tuple[int, int, int], mean: Sequence[float], deviation: Sequence[float]) -> Preprocess:
    """Pixels in 0..1, standardised by these moments where there are any."""
    if not mean and not deviation:
        return Preprocess.restore("scale", {"input_shape": np.asarray(shape, np.int64)})
    if not len(mean) == len(deviation) == shape[2]:
        raise ModelError(
            f"Mean and deviation have a number for each of the {shape[2]} channels. Got {len(mean)} and"
            f" {len(deviation)}."
        )
    return Preprocess.restore(
        "scale -> standardise",
        {
            "input_shape": np.asarray(shape, np.int64),
            "2.standardise.mean": np.asarray(mean, np.float32),
            "2.standardise.std": np.asarray(deviation, np.float32),
        },
    )


def _notes(said: Said) -> tuple[str, ...]:
    """What was taken for granted."""
    if said.network.strip().lower() in PRETRAINED or said.mean:
        return ()
    return ("pixels are taken in 0..1 and not standardised; state mean and deviation if the network was trained so",)
