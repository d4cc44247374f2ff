"""A picture, drawn or dropped, in a model: how every layer reacts, the sum behind a unit, and what else it may be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.actions.open import Opened
from glassnet.attack import Victim, fool
from glassnet.data.picture_files import select
from glassnet.errors import DataError, ModelError, TrainingError
from glassnet.explain import ClassExplanation, Gallery, Reaction, Working, explain, last_features, unit_working
from glassnet.explain import react as react_to
from glassnet.explain.reaction import take
from glassnet.model import Model

__all__ = ["Fooled", "Neighbour", "fool_drawing", "nearest", "react", "where", "working"]

Pixels = NDArray[Any]
Picture = Pixels | Path

_SEARCHED = 4000  # training pictures among which the nearest are looked for
_SEED = 0


@dataclass(frozen=True, eq=False)
class Fooled:
    """The smallest change that was found.

    Attributes
    ----------
    target : str
        The class that was wanted.
    pixels : (H, W, C) uint8 array
        The changed picture.
    change : (H, W, C) int array
        What was changed, in steps of 1/255.
    reached : bool
        Whether the model takes the changed picture, in 8 bits, for the target.
    l2 : float
        Length of the change, of pixels in [0, 1].
    probabilities : (K,) array
        What it says of the changed picture.
    """

    target: str
    pixels: Pixels
    change: Pixels
    reached: bool
    l2: float
    probabilities: Pixels


@dataclass(frozen=True, eq=False)
class Neighbour:
    """A training picture: its number in the training part, pixels (H, W, C), class, and the distance."""

    number: int
    pixels: Pixels
    class_name: str
    distance: float


def react(model: Model, picture: Picture, *, invert: bool = True, centre: bool = True) -> Reaction:
    """Show a picture to a model; see `glassnet.explain.react`."""
    return react_to(model, picture, invert=invert, centre=centre)


def _read(model: Model, picture: Picture) -> Pixels:
    """The pixels that the model takes. Raises `DataError` where the picture shows nothing."""
    pixels, _, nothing = take(model, picture)
    if nothing:
        raise DataError(f"There is nothing to ask about: {nothing}.")
    return pixels


def working(model: Model, picture: Picture, layer: str, unit: tuple[int, ...]) -> Working:
    """The sum that made a unit; see `glassnet.explain.unit_working`."""
    pixels, _ = model.read(picture)
    return unit_working(model.network, model.preprocess.transform(pixels[None])[0], layer, unit)


def where(model: Model, picture: Picture, class_name: str | None = None) -> ClassExplanation:
    """Where in a picture the evidence for a class lies; see `glassnet.explain.explain`.

    Parameters
    ----------
    model : Model
        A classifier.
    picture : path or (H', W', 1 or 3) uint8 array
        The picture.
    class_name : str, optional
        The class; None is the answer.

    Raises
    ------
    GlassnetError
        There is nothing in the picture, or no such class.
    """
    victim, pixels = Victim.of(model), _read(model, picture)
    x = victim.pixels(pixels)
    chosen = int(victim.scores(x[None])[0].argmax()) if class_name is None else model.class_number(class_name)
    return explain(victim, x, chosen, model.class_names[chosen])


def fool_drawing(model: Model, picture: Picture, target: str) -> Fooled:
    """The smallest change of a picture, by its length, that makes a model take it for another class.

    Parameters
    ----------
    model : Model
        A classifier.
    picture : path or (H', W', 1 or 3) uint8 array
        The picture; what the model sees in it counts as right.
    target : str
        The class that it is to be taken for.

    Raises
    ------
    GlassnetError
        There is nothing in the picture, no such class, or the model sees it in the picture already.
    """
    victim, pixels = Victim.of(model), _read(model, picture)
    label, wanted = int(victim.scores(pixels[None])[0].argmax()), model.class_number(target)
    if label == wanted:
        raise ModelError(f"The model sees '{model.class_names[label]}' in the picture already; choose another class.")
    found = fool(victim, pixels[None], np.array([label]), np.array([wanted]), seed=_SEED)
    changed = found.pictures[0]
    return Fooled(
        model.class_names[wanted],
        changed,
        changed.astype(np.int64) - pixels,
        bool(found.reached[0]),
        float(found.l2[0]),
        model.probabilities(changed[None])[0],
    )


def nearest(opened: Opened, id: str, picture: Picture, count: int = 8) -> tuple[Neighbour, ...]:
    """The training pictures of a run that are nearest to a picture by what comes into the network's last layer.

    Of a large set 4,000 are looked at, spread evenly.

    Raises
    ------
    GlassnetError
        It is no run, its data are not there any more, or there is nothing in the picture.
    """
    model = opened.model(id)
    if opened.entry(id).kind != "run":
        raise TrainingError("A model by itself does not know the pictures that it was trained on; open its run folder.")
    victim, pixels = Victim.of(model), _read(model, picture)
    train = opened.run(id).splits.train
    rows = np.unique(np.linspace(0, len(train.images) - 1, min(_SEARCHED, len(train.images))).astype(np.int64))
    gallery = opened.keep(("gallery", id), lambda: Gallery(last_features(victim, select(train.images, rows)[:])))
    found, distances = gallery.nearest(last_features(victim, pixels[None])[0], count)
    return tuple(
        Neighbour(
            int(rows[i]),
            select(train.images, rows[i : i + 1])[:][0],
            train.class_names[train.labels[rows[i]]],
            float(d),
        )
        for i, d in zip(found, distances, strict=True)
    )
