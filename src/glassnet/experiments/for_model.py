"""Data as a model takes them: read at its size, with its classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from glassnet.data import Dataset, LineOptions, Splits, holds_picture_files, load, with_classes, with_shape
from glassnet.data.imagenet import are_wordnet_ids
from glassnet.model import Model
from glassnet.weights import named_by_words

__all__ = ["fitted", "load_for"]

_DRAWN = 2000  # lines of the training part that are looked at


def load_for(model: Model, data: str | Path) -> Splits:
    """The data that a model is to be used on; picture files are read at the model's size and in its way."""
    data = str(data)
    if model.task.reads:
        return load(data, lines=LineOptions(_DRAWN, height=model.image_shape[0]))
    if holds_picture_files(data):
        return load(data, image_size=model.image_shape[:2], reading=model.reading)
    return load(data)


def fitted(model: Model, dataset: Dataset) -> Dataset:
    """The set with the model's classes and picture shape. Raises `DataError` where it cannot have them."""
    if dataset.class_names != model.class_names:
        dataset = replace(dataset, class_names=named_by_words(dataset.class_names))
    if are_wordnet_ids(dataset.class_names):
        model.require_its_classes(dataset)  # which knows what to do about WordNet ids
    return with_shape(with_classes(dataset, model.class_names), model.image_shape, model.reading)
