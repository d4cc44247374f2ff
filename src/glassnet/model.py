"""A model: a trained network with everything needed to use it - preprocessing, class names, loss and a card.

One file holds it all, so inference uses exactly what was trained: whoever loads it needs no code and no settings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from glassnet import display, metrics
from glassnet.data import (
    Dataset,
    PictureFiles,
    Preprocess,
    Reading,
    class_numbers,
    inputs_of,
    labels_of,
    pieces,
    require_as_many,
)
from glassnet.data.dataset import are_rows
from glassnet.data.imagenet import are_wordnet_ids
from glassnet.data.ink import Manner, read_in_manner
from glassnet.data.names import checked_names
from glassnet.errors import DataError, GlassnetError, ModelError, nearest
from glassnet.files import exists
from glassnet.nn import Loss, Network, model_file, parse_loss
from glassnet.nn.first_use import inference
from glassnet.nn.functional.arrays import Array
from glassnet.nn.kernels.ahead import ahead
from glassnet.notation import as_whole, is_real
from glassnet.tasks import Task
from glassnet.text import shorten

__all__ = ["PRECISIONS", "Model"]

_FORMAT = "glassnet-model"
# A file whose reading is not `stretch` has version 2: a glassnet that knows no readings would stretch every picture,
# and must refuse it.
_VERSIONS = (1, 2)
_LISTED = 12  # classes that a message names
PRECISIONS = ("float32", "float16")
"""What a model file may keep its weights in."""
_BATCH = 256
_MOST_NUMBERS = 2**24  # in the largest layer's output for one batch: 64 MiB of float32


@dataclass(repr=False)
class Model:
    """A network with its preprocessing, class names and loss. Threads may share a model: the network takes turns.

    Attributes
    ----------
    network : Network
        The trained `Network`.
    preprocess : Preprocess
        Fitted `Preprocess`, applied to every picture first.
    image_shape : (int, int, int)
        (H, W, C) of the pictures it takes, before preprocessing.
    class_names : tuple of str
        Name of each class, in the order of the scores.
    loss : Loss
        The loss it was trained with; it says how scores become probabilities.
    card : dict of str to object
        What it was trained on and how well it does, as plain JSON.
    reading : Reading
        How an image of any size is resized and cropped to image_shape.
    precision : str
        What its file keeps the weights in, "float32" or "float16", see `in_precision`. It computes in float32.

    Examples
    --------
    >>> import glassnet
    >>> model = glassnet.fit("digits", "linear 32 -> relu -> linear", epochs=1, verbose=False).model
    >>> model.predict(np.zeros((2, 8, 8), np.uint8)).shape
    (2,)
    """

    network: Network
    preprocess: Preprocess
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    loss: Loss
    card: dict[str, Any] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)
    precision: str = PRECISIONS[0]

    @property
    def task(self) -> Task:
        """What it was trained to do."""
        return Task.of(self.loss)

    @property
    def takes_rows(self) -> bool:
        """Whether it takes rows of features, which it knows as pictures of one pixel, (1, 1, d)."""
        return are_rows(self.image_shape)

    def __repr__(self) -> str:
        return f"<Model {shorten(self.network.notation(), 80)}: {', '.join(self._facts())}>"

    def _repr_html_(self) -> str:
        names = shorten(", ".join(self.class_names), 200)
        return display.block("Model", [", ".join(self._facts()), names], self.network._repr_html_())

    def _facts(self) -> list[str]:
        """What it takes, what it tells apart and how well."""
        height, width, channels = self.image_shape
        if self.task.reads:
            facts = [f"lines {height} pixels high", f"{len(self.class_names)} characters"]
            rate: Any = self.card.get("character_error_rate")
            if is_real(rate):
                facts.append(
                    f"character error rate {100 * float(rate):.1f} % on {self.card.get('evaluated_on', 'test')}"
                )
            return facts
        facts = [f"rows of {channels} features" if self.takes_rows else f"pictures {height}x{width}x{channels}"]
        facts.append("reconstructs them" if self.task.rebuilds else f"{len(self.class_names)} classes")
        accuracy: Any = self.card.get("accuracy")
        if is_real(accuracy):
            facts.append(f"accuracy {100 * float(accuracy):.1f} % on {self.card.get('evaluated_on', 'test')}")
        return facts

    # ---- use

    def scores(self, images: Array | PictureFiles) -> Array:
        """Scores (N, K) of pictures (N, H, W, C), uint8 or float in [0, 1]; of lines of any one width (N, 1, T, K)."""
        if not isinstance(images, PictureFiles):
            images = np.asarray(images)
        if images.ndim != 4 or not self.task.takes(images.shape[1:], self.image_shape):
            wanted = ", ".join(map(str, self.image_shape))
            raise DataError(f"This model takes pictures of shape (N, {wanted}). Got {images.shape}.")
        network = self.network.at(self.preprocess.output_shape(images.shape[1:]))
        step = _at_once(network)
        with ahead(partial(inference, network, min(step, len(images)))):
            parts = [network.infer(self.preprocess.transform(piece)) for piece in pieces(images, step, "evaluating")]
        return np.concatenate(parts) if parts else np.empty((0, *network.output_shape), network.dtype)

    def predict_proba(self, x: ArrayLike | PictureFiles) -> Array:
        """Class probabilities of whatever x holds.

        Parameters
        ----------
        x : array, list or data frame
            Pictures (N, H, W, C), grey ones (N, H, W), a single one (H, W, C) or (H, W), or a list of pictures: uint8
            or whole numbers in 0..255, or floats in 0..1. Pictures of another size, or with other colours, are brought
            to the model's as picture files are, in 8 bits. For a model of rows: (N, d), or a single row (d,); a data
            frame's columns are chosen by the names that the model was trained on.

        Returns
        -------
        (N, K) array
            A row for each example, a single one too; of an autoencoder the reconstructions (N, D).

        Raises
        ------
        DataError
            x is none of these, or holds values that are not finite.
        """
        self.task.require_pictures("The scores of strips are given by 'scores', their text by the reader.")
        columns = self.card.get("columns", ())
        return self.probabilities(inputs_of(x, self.image_shape, self.reading, tuple(map(str, columns))))

    def predict(self, x: ArrayLike | PictureFiles) -> Array:
        """The class (N,) that each example of x, given as to `predict_proba`, is taken for.

        Classes are named as the labels of the training were: after `fit((X, y))` by whole numbers, truth values or text
        as in y, the model's file included; otherwise by text. An autoencoder gives its reconstructions (N, D).
        """
        found = self.predict_proba(x)
        if self.task.rebuilds:
            return found
        labels: Array = labels_of(self.class_names, self.card.get("labels"))[found.argmax(axis=1)]
        return labels

    def score(self, x: ArrayLike | PictureFiles, y: ArrayLike) -> float:
        """The share of right predictions, in [0, 1]; `evaluate` gives all other figures.

        Parameters
        ----------
        x : array, list or data frame
            Examples, as for `predict_proba`.
        y : (N,)
            A label for each: the name of a class, or its number from 0 where the classes are not called by numbers.

        Raises
        ------
        GlassnetError
            x or y cannot be used, or the model names no classes.
        """
        self.task.require_classes("It has no accuracy.")
        numbers = class_numbers(y, self.class_names)
        found = self.predict_proba(x)
        require_as_many(len(found), len(numbers))
        return float((found.argmax(axis=1) == numbers).mean())

    def probabilities(self, images: Array | PictureFiles) -> Array:
        """`predict_proba` of pictures (N, H, W, C) that have the model's shape, as `scores` takes them."""
        scores = self.scores(images)
        return self.loss.probabilities(scores) if len(scores) else scores

    def predict_files(self, paths: Sequence[str | Path], *, as_is: bool = False) -> Array:
        """Class probabilities (N, K) of picture files, read as in training.

        Ink is brought to the manner of the training pictures (see `glassnet.data.ink`), unless `as_is`.
        """
        if self.takes_rows:
            raise ModelError(f"This model takes rows of {self.image_shape[2]} features, not pictures.")
        step = self.batch
        parts = [
            self.probabilities(
                np.stack([self.read(path, invert=not as_is, centre=not as_is)[0] for path in paths[i : i + step]])
            )
            for i in range(0, len(paths), step)
        ]
        return np.concatenate(parts) if parts else self.probabilities(np.empty((0, *self.image_shape), np.uint8))

    def read(
        self, picture: str | Path | Array, *, invert: bool = True, centre: bool = True
    ) -> tuple[Array, tuple[str, ...]]:
        """A picture as the pixels (H, W, C) that the model takes, and what was changed: "inverted", "centred".

        It is a file, or the uint8 pixels (H', W', 1, 3 or 4) of one, as of a video's frame.
        """
        self.task.require_pictures("A single picture is not brought to its size.")
        manner = Manner.of_card(self.card)
        return read_in_manner(picture, self.image_shape, self.reading, manner, invert=invert, centre=centre)

    @property
    def batch(self) -> int:
        """How many pictures go through the network at once: few where its layers are large."""
        return _at_once(self.network)

    def evaluate(self, dataset: Dataset) -> metrics.Evaluation:
        """How well the model does on a labelled set whose classes are its own, in the same order."""
        self.task.require_classes("It has no accuracy.")
        self.require_its_classes(dataset)
        found: metrics.Evaluation = self.assess(dataset)
        return found

    def class_number(self, name: str) -> int:
        """The number of the class of this name, in upper or lower case; or of this number, where names are no numbers.

        Raises `ModelError` where there is none.
        """
        names = self.class_names
        if name in names:
            return names.index(name)
        folded = [known.casefold() for known in names]
        if folded.count(name.casefold()) == 1:
            return folded.index(name.casefold())
        if name.isascii() and name.isdigit() and int(name) < len(names) and not any(n.isdigit() for n in names):
            return int(name)
        known = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
        raise ModelError(f"The model has no class '{name}'.{nearest(name, names)} Known: {known}.")

    def require_its_classes(self, dataset: Dataset) -> None:
        """Raise `DataError` where a set's classes are not the model's own, in the same order."""
        if dataset.class_names != self.class_names:
            raise DataError(_name_difference(dataset.class_names, self.class_names))

    def assess(self, dataset: Dataset) -> Any:
        """What the model's task evaluates: an `Evaluation`, a `Reconstruction` or a `Transcription`."""
        return self.task.assess(self, dataset)

    # ---- the file

    def in_precision(self, precision: str) -> Model:
        """The model that a file of this precision gives back: its figures are those of the stored file.

        In float16 every weight matrix and kernel is rounded to 11 binary digits, and the file is half as large; biases,
        normalisation and preprocessing stay in float32.

        Parameters
        ----------
        precision : str
            "float32" or "float16".

        Raises
        ------
        ModelError
            There is no such precision, or a weight is too large for it.
        """
        _checked_precision(precision)
        if precision == self.precision:
            return self
        network = self.network.astype(self.network.dtype)
        network.load_arrays({name: _stored(name, array, precision) for name, array in self.network.arrays().items()})
        return replace(self, network=network, precision=precision)

    def save(self, path: str | Path) -> str:
        """Write the model file (`.safetensors`), whole or not at all; returns the SHA-256 of its contents."""
        return model_file.write(path, *self.contents())

    @property
    def sha256(self) -> str:
        """The SHA-256 of its contents, as its file carries it; computed at every call."""
        return model_file.digest(*self.contents())

    def contents(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """The description and the arrays of the file."""
        description = {
            "format": _FORMAT,
            "version": _version(self.reading),
            "network": self.network.notation(),
            "image_shape": list(self.image_shape),
            "preprocess": self.preprocess.notation(),
            "class_names": list(self.class_names),
            "loss": self.loss.notation(),
            "card": self.card,
        }
        if self.reading != Reading():
            description["reading"] = self.reading.notation()
        if self.precision != PRECISIONS[0]:
            description["precision"] = self.precision
        network = self.network.arrays().items()
        arrays = {f"network.{name}": _stored(name, array, self.precision) for name, array in network}
        arrays |= {f"preprocess.{name}": array for name, array in self.preprocess.arrays().items()}
        return description, arrays

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Read a model file, or the `model.safetensors` of a run folder. Raises `ModelError`."""
        path = Path(path)
        if exists(path) and path.is_dir():
            path = path / "model.safetensors"
            if not exists(path):
                raise ModelError(f"The folder '{path.parent}' holds no model.safetensors; is it a finished run?")
        return cls.from_contents(*model_file.read(path), path)

    @classmethod
    def from_contents(cls, description: dict[str, Any], arrays: dict[str, Array], path: str | Path) -> Model:
        """The model whose `contents` these are; `path` is the file they are from. Raises `ModelError`."""
        if description.get("format") != _FORMAT or description.get("version") not in _VERSIONS:
            raise ModelError(f"'{path}' is not a glassnet model of version 1 or 2 (a checkpoint, perhaps).")
        try:
            return cls._from_parts(description, arrays)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError, GlassnetError) as error:
            raise ModelError(f"The model file '{path}' cannot be used: {error}") from error

    @classmethod
    def _from_parts(cls, description: dict[str, Any], arrays: dict[str, Array]) -> Model:
        height, width, channels = (as_whole(size) for size in description["image_shape"])
        if height is None or width is None or channels is None:
            raise ModelError(f"its image_shape is {description['image_shape']!r:.60}, not three whole numbers")
        image_shape = (height, width, channels)
        parts = {room: _with_prefix(arrays, room) for room in ("network", "preprocess")}
        preprocess = Preprocess.restore(description["preprocess"], parts["preprocess"])
        network = Network(description["network"], preprocess.output_shape(image_shape))
        network.load_arrays(parts["network"])
        names = checked_names([str(name) for name in description["class_names"]], "it")
        loss = parse_loss(description["loss"])
        reading = Reading.parse(description.get("reading", "stretch"))
        reading.check(image_shape[:2])
        if description["version"] != _version(reading):
            raise ModelError(f"a file of version {description['version']} is not read by '{reading.notation()}'")
        Task.of(loss).check(network, len(names))
        precision = _checked_precision(description.get("precision", PRECISIONS[0]))
        return cls(network, preprocess, image_shape, names, loss, dict(description["card"]), reading, precision)


def _checked_precision(precision: Any) -> str:
    if precision not in PRECISIONS:
        raise ModelError(f"Weights are kept in {' or '.join(PRECISIONS)}. Got {precision!r:.60}.")
    return str(precision)


def _at_once(network: Network) -> int:
    largest = max(math.prod(layer.output_shape) for _, layer in network.walk())
    return max(1, min(_BATCH, _MOST_NUMBERS // largest))


def _stored(name: str, array: Array, precision: str) -> Array:
    """An array as a file keeps it. Biases and what normalisation measures are small, and stay as they are."""
    if precision == PRECISIONS[0] or array.ndim < 2:
        return array
    with np.errstate(over="ignore"):
        kept = array.astype(np.float16)
    if not np.isfinite(kept).all():
        raise ModelError(f"The weights of {name} do not fit into float16, which ends at 65504; keep them in float32.")
    return kept


def _version(reading: Reading) -> int:
    return _VERSIONS[0] if reading == Reading() else _VERSIONS[1]


def _with_prefix(arrays: dict[str, Array], prefix: str) -> dict[str, Array]:
    return {name.removeprefix(f"{prefix}."): a for name, a in arrays.items() if name.startswith(f"{prefix}.")}


def _name_difference(given: tuple[str, ...], own: tuple[str, ...]) -> str:
    if are_wordnet_ids(given) and not are_wordnet_ids(own):
        return (
            "The classes of the data are called by WordNet ids, those of the model are not; put ImageNet's class index,"
            " 'imagenet_class_index.json', into the folder of the data, which then has the index's classes."
        )
    if len(given) != len(own):
        return f"The data have {len(given)} classes, the model {len(own)}; use the data it was trained for."
    place = next(i for i in range(len(own)) if given[i] != own[i])
    return f"Class {place} of the data is '{given[place]}', of the model '{own[place]}'; the classes must be the same."
