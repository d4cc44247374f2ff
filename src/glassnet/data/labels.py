"""Labels of any kind, as Python users have them: to class numbers with names, and back to the users' own kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.data.names import normal
from glassnet.errors import DataError, nearest

__all__ = ["as_array", "class_numbers", "classes_of", "labels_of", "require_as_many"]

Array = npt.NDArray[Any]

WHOLE, TRUTH, TEXT = "whole numbers", "truth values", "text"  # the kinds of labels, as a model's card has them
_SHOWN = 8  # names in a message


def as_array(x: Any, what: str, dtype: Any = None) -> Array:
    """What NumPy makes of x, called `what` in messages. Raises `DataError` where that is nothing of use."""
    if hasattr(x, "toarray"):
        raise DataError(f"{what} is a sparse matrix; give {what}.toarray().")
    try:
        return np.asarray(x, dtype)
    except ValueError:
        raise DataError(f"{what} has parts of unequal lengths; bring them to one size first.") from None
    except (TypeError, RuntimeError) as error:
        raise DataError(f"{what} cannot be made an array: {error}") from error


def _labels(y: Any) -> tuple[Array, str]:
    """(N,) int64, bool or text, and which kind it is; whole floats count as whole numbers."""
    values = as_array(y, "y", object if isinstance(y, (list, tuple)) else None)  # a list may mix kinds
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        hint = " Columns of 0 and 1 become labels by y.argmax(axis=1)." if values.ndim == 2 else ""
        raise DataError(f"y must hold one label for each example, (N,). Got an array {values.shape}.{hint}")
    if values.dtype.kind == "O":
        return _objects(values.tolist())
    return _plain(values)


def _plain(values: Array) -> tuple[Array, str]:
    kind = values.dtype.kind
    if kind == "b":
        return values, TRUTH
    if kind in "iu":
        return values, WHOLE
    if kind == "U":
        return values, TEXT
    if kind == "f":
        if missing := int(np.isnan(values).sum()):
            raise _missing(missing)
        if (values == np.round(values)).all() and (np.abs(values) < 2**53).all():
            return values.astype(np.int64), WHOLE
        raise DataError(
            "y holds numbers with a fraction, and networks are trained to tell classes apart; cut them into classes"
            " first."
        )
    raise DataError(f"y must hold whole numbers, text, truth values or categories. Got {values.dtype}.")


def _objects(values: list[Any]) -> tuple[Array, str]:
    """Labels that NumPy has as objects, such as pandas' text and categories."""
    if missing := sum(map(_is_missing, values)):
        raise _missing(missing)
    truths = [isinstance(value, (bool, np.bool_)) for value in values]
    numbers = [isinstance(value, (int, float, np.number)) and not isinstance(value, bool) for value in values]
    if all(truths) or all(numbers) or all(isinstance(value, str) for value in values):
        return _plain(np.array(values) if values else np.empty(0, np.int64))
    found = sorted({type(value).__name__ for value in values})
    raise DataError(
        f"The labels in y must be of one kind: whole numbers, text or truth values. Got {', '.join(found[:_SHOWN])}."
    )


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas' NA
        return True


def _missing(count: int) -> DataError:
    return DataError(f"y lacks {count} of its labels; leave those examples out.")


def classes_of(y: Any) -> tuple[tuple[str, ...], Array, str]:
    """(names of the classes, number of each example's class, kind of the labels).

    Classes stand in the order of their values; pandas' categories in their own order.
    """
    values, kind = _labels(y)
    own, numbers = np.unique(values, return_inverse=True)
    categories = getattr(getattr(y, "dtype", None), "categories", None)
    if categories is not None:
        place = {str(name): at for at, name in enumerate(categories)}
        order = np.argsort([place[str(value)] for value in own], kind="stable")
        own, numbers = own[order], np.argsort(order)[numbers]
    return tuple(str(value) for value in own), numbers.astype(np.int64), kind


def labels_of(names: tuple[str, ...], kind: object) -> Array:
    """(K,) the classes as the user's own kind of labels, which their names were made of; else the names.

    Examples
    --------
    >>> from glassnet.data import labels_of
    >>> labels_of(("0", "1", "2"), int)
    array(['0', '1', '2'], dtype='<U1')
    """
    try:
        if kind == WHOLE:
            return np.array([int(name) for name in names])
        if kind == TRUTH:
            return np.array([{"False": False, "True": True}[name] for name in names])
    except (KeyError, ValueError, OverflowError):  # a card that does not fit the names
        pass
    return np.asarray(names)


def class_numbers(y: Any, names: tuple[str, ...]) -> Array:
    """(N,) int64: the class of each label in y, a class's name or number.

    Whole numbers are names where all classes are called by whole numbers, else they count the classes from 0.

    Examples
    --------
    >>> from glassnet.data import class_numbers
    >>> class_numbers(["dog", "cat"], ("cat", "dog"))
    array([1, 0])
    """
    values, kind = _labels(y)
    if kind == WHOLE and not all(name.lstrip("-").isdecimal() for name in names):
        if values.size and not 0 <= values.min() <= values.max() < len(names):
            wrong = values[(values < 0) | (values >= len(names))][0]
            raise DataError(f"y counts the classes from 0 to {len(names) - 1}. Got {wrong} instead.")
        return values.astype(np.int64)
    place = {name: at for at, name in enumerate(names)}
    unlike, each = np.unique(values, return_inverse=True)
    numbers = []
    for value in unlike:
        name = normal(str(value))
        if name not in place:
            known = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
            raise DataError(f"y holds '{name}', which is no class of the model.{nearest(name, names)} It has {known}.")
        numbers.append(place[name])
    return np.array(numbers, np.int64)[each]


def require_as_many(examples: int, labels: int) -> None:
    """Raise `DataError` where the examples and the labels differ in number, or there are none.

    Examples
    --------
    >>> from glassnet.data import require_as_many
    >>> require_as_many(3, 3)
    """
    if examples != labels or not labels:
        raise DataError(f"There must be one label for each example, and one at least. Got {examples} and {labels}.")
