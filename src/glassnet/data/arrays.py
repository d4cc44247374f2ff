"""Arrays, data frames and lists, as Python users have them: pictures or rows of features, with labels of any kind.

A row of d features is kept as a picture of one pixel with d channels, (1, 1, d): so `standardise` has a mean and a
deviation for each feature. Nothing guesses that d numbers are a square picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.data.dataset import Dataset, are_rows, checked_floats
from glassnet.data.labels import as_array, classes_of
from glassnet.data.picture_files import Images, PictureFiles
from glassnet.data.pictures import as_bytes, bring_pixels
from glassnet.data.reading import Reading
from glassnet.errors import DataError

__all__ = ["dataset_of", "inputs_of"]

Array = npt.NDArray[Any]
Shape = tuple[int, int, int]


# ---- what a training is given


def dataset_of(x: Any, y: Any) -> Dataset:
    """A data set of what `fit((X, y))` is given.

    Parameters
    ----------
    x : (N, d), (N, H, W) or (N, H, W, C)
        Rows of features, which become float32, or pictures: uint8 or whole numbers in 0..255, or floats in 0..1. An
        array, a list, a data frame, or whatever NumPy takes.
    y : (N,)
        Whole numbers, text, truth values or categories.

    Raises
    ------
    DataError
        They cannot be used, in one line.

    Examples
    --------
    >>> from glassnet.data import dataset_of
    >>> data = dataset_of(np.zeros((4, 8, 8), np.uint8), ["cat", "dog", "dog", "cat"])
    >>> data.images.shape, data.labels, data.class_names
    ((4, 8, 8, 1), array([0, 1, 1, 0]), ('cat', 'dog'))
    """
    names, numbers, kind = classes_of(y)
    columns = _columns(x)
    if columns:
        images = _as_rows(_frame(x, columns))
    else:
        array = as_array(x, "X")
        if array.ndim not in (2, 3, 4):
            hint = " A single feature is given as X.reshape(-1, 1)." if array.ndim == 1 else ""
            raise DataError(
                "X must hold rows of features (N, d) or pictures (N, H, W) or (N, H, W, C). Got an array"
                f" {array.shape}.{hint}"
            )
        images = _as_rows(array) if array.ndim == 2 else _pixels(array if array.ndim == 4 else array[..., None])
    return Dataset(images, numbers, names, name="arrays", columns=columns, label_kind=kind)


def _columns(x: Any) -> tuple[str, ...]:
    """The names of a data frame's columns; empty for anything else."""
    return tuple(map(str, x.columns)) if hasattr(x, "columns") and hasattr(x, "dtypes") else ()


def _frame(x: Any, names: tuple[str, ...]) -> Array:
    """The numbers of a data frame's columns (N, d), these and in this order."""
    own = {str(name): name for name in x.columns}
    made = []
    for name in names:
        if name not in own:
            raise DataError(f"X lacks the column '{name}', which the model was trained on.")
        column = np.asarray(x[own[name]])
        if column.ndim != 1:
            raise DataError(f"X has two columns called '{name}'; name them apart.")
        try:
            if column.dtype.kind not in "biufO":
                raise TypeError
            made.append(column.astype(np.float64))
        except (TypeError, ValueError):
            raise DataError(
                f"The column '{name}' of X holds something else than numbers; make it numbers (pandas.get_dummies) or"
                " leave it out."
            ) from None
    return np.stack(made, axis=1)


def _as_rows(array: Array) -> Array:
    """(N, 1, 1, d) float32 of rows (N, d) of finite numbers, at least one of each."""
    if array.dtype.kind not in "biufO":
        raise DataError(f"X must hold numbers. Got {array.dtype}; make them numbers or leave them out.")
    if 0 in array.shape:
        raise DataError(f"X must hold at least one row of at least one feature. Got shape {array.shape}.")
    try:
        with np.errstate(over="ignore"):
            rows = array.astype(np.float32)
    except (TypeError, ValueError):
        raise DataError(
            "X must hold numbers. Got something else among them; make it numbers or leave it out."
        ) from None
    if not (finite := np.isfinite(rows)).all():
        raise DataError(
            f"X holds {int(rows.size - finite.sum())} values that are missing, infinite or too large for float32; fill"
            " them in or leave those rows out."
        )
    return rows[:, None, None, :]


def _pixels(array: Array) -> Array:
    """Bytes and floats as they are, whole numbers of 0..255 as bytes, truth values as 0 and 1."""
    if array.dtype.kind == "b":
        return array.astype(np.float32)
    if array.dtype.kind in "iu" and array.dtype != np.uint8 and array.size:
        if array.min() < 0 or array.max() > 255:
            raise DataError(
                f"Pictures of whole numbers have pixels from 0 to 255. Got {array.min()} to {array.max()} instead."
            )
        return array.astype(np.uint8)
    return array


# ---- what a model is given


def inputs_of(x: Any, image_shape: Shape, reading: Reading, columns: tuple[str, ...] = ()) -> Images:
    """What a model of pictures `image_shape` looks at when it is given x.

    Parameters
    ----------
    x : array, list or data frame
        Pictures (N, H, W, C), grey ones (N, H, W), a single one (H, W, C) or (H, W), or a list of pictures; those of
        another size or colour are brought to the model's as picture files are. Where the model takes rows of features:
        (N, d), or one row (d,). Pictures of the model's own shape, bytes or floats, are given back as they are.
    image_shape : (int, int, int)
        (H, W, C) of the model.
    reading : Reading
        How a picture is brought to H x W.
    columns : tuple of str
        The names of the features, where the model knows them: a data frame's columns are chosen by these.

    Raises
    ------
    DataError
        It is none of these.

    Examples
    --------
    >>> from glassnet.data import Reading, inputs_of
    >>> inputs_of(np.zeros((4, 8, 8), np.uint8), (8, 8, 1), Reading()).shape
    (4, 8, 8, 1)
    """
    if isinstance(x, PictureFiles):
        return x
    if not isinstance(x, np.ndarray):
        _refuse_others(x)
    if are_rows(image_shape):
        return _rows_for(x, image_shape[2], columns)
    if isinstance(x, (list, tuple)) and x and all(np.ndim(one) in (2, 3) and _isas_array(one) for one in x):
        return np.concatenate([_brought(_many(np.asarray(one)[None], image_shape), image_shape, reading) for one in x])
    return _brought(_many(as_array(x, "X"), image_shape), image_shape, reading)


def _isas_array(one: Any) -> bool:
    return hasattr(one, "__array__") or hasattr(one, "__array_interface__")


def _refuse_others(x: Any) -> None:
    first = x[0] if isinstance(x, (list, tuple)) and x else x
    if isinstance(first, (str, Path)):
        raise DataError("Pictures are given as arrays. Files are read by predict_files([...]).")
    if isinstance(x, Dataset):
        raise DataError("Pictures are given as arrays: those of a data set are its .images.")


def _rows_for(x: Any, features: int, columns: tuple[str, ...]) -> Array:
    given = _columns(x)
    array = _frame(x, columns or given) if given else as_array(x, "X")
    if array.ndim == 4 and array.shape[1:] == (1, 1, features):
        return array
    if array.shape == (features,):
        array = array[None]
    if array.ndim != 2 or array.shape[1] != features:
        hint = " Pictures become rows by X.reshape(len(X), -1)." if array.ndim > 2 else ""
        raise DataError(f"This model takes rows of {features} features, (N, {features}). Got {array.shape}.{hint}")
    return _as_rows(array) if len(array) else np.empty((0, 1, 1, features), np.float32)


def _many(array: Array, shape: Shape) -> Array:
    """(N, H', W', C') of what may be one picture or many. Raises `DataError` where it could be either."""
    size = shape[0] * shape[1] * shape[2]
    if array.ndim == 4:
        return array
    if array.ndim == 3 and (array.shape == shape or (array.shape[1:] != shape[:2] and array.shape[2] in (1, 3, 4))):
        return array[None]
    if array.ndim == 3:
        return array[..., None]
    if array.ndim == 2 and array.shape[1] != size:
        return array[None, ..., None]
    taken = ", ".join(map(str, shape))
    if array.ndim == 2 or array.shape == (size,):
        raise DataError(
            f"This model takes pictures, (N, {taken}). Got {array.shape}; rows become pictures by"
            f" X.reshape(-1, {taken}), and a single picture of that shape is given as X[None]."
        )
    raise DataError(f"This model takes pictures, (N, {taken}) or of other sizes. Got an array {array.shape}.")


def _brought(pictures: Array, shape: Shape, reading: Reading) -> Array:
    """Pictures (N, H', W', C') as (N, H, W, C): as they are where they have that shape, else as files are read."""
    array = _pixels(pictures)
    if array.dtype != np.uint8:
        checked_floats(array, "X")
    if array.shape[1:] == shape:
        return array
    if array.shape[3] not in (1, 3, 4) or shape[2] not in (1, 3) or 0 in array.shape[1:]:
        hint = " Channels come last: X.transpose(0, 2, 3, 1)." if array.shape[1] in (1, 3) else ""
        raise DataError(
            f"This model takes pictures of shape (N, {', '.join(map(str, shape))}), or grey and RGB ones of other"
            f" sizes. Got {array.shape}.{hint}"
        )
    if not len(array):
        return np.empty((0, *shape), np.uint8)
    return np.stack([bring_pixels(picture, shape, reading) for picture in as_bytes(array)])
