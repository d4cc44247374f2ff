"""What counts as a number, by its type."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from glassnet.classic import PCA
from glassnet.data.streams import generator
from glassnet.errors import DataError, RecipeError
from glassnet.notation import as_real, as_whole, is_real, is_whole
from glassnet.optim import SGD

WHOLE = [0, -3, 2**70, np.int64(5), np.uint8(7)]
REAL = [2.0, math.inf, math.nan, np.float32(0.5), np.float64(1), Fraction(1, 3)]
NEITHER = [True, False, np.True_, None, "2", "0.5", 1j, Decimal(1), [1], np.ones(1), np.zeros((), object)]


@pytest.mark.parametrize("value", WHOLE)
def test_whole_numbers_are_real_as_well(value: Any) -> None:
    assert is_whole(value) and is_real(value) and as_whole(value) == value and as_real(value) == float(value)


@pytest.mark.parametrize("value", REAL)
def test_real_numbers_are_not_whole_whatever_their_value(value: Any) -> None:
    assert is_real(value) and not is_whole(value) and as_whole(value) is None


@pytest.mark.parametrize("value", NEITHER, ids=repr)
def test_truth_values_and_texts_are_no_numbers(value: Any) -> None:
    assert not is_real(value) and not is_whole(value)
    with pytest.raises(RecipeError, match="must be a number in"):
        SGD(value)
    with pytest.raises(DataError, match="must be a whole number from 0"):
        generator(value, 1)
    if value is not None:
        with pytest.raises(ValueError, match="n_components must be"):
            PCA(value).fit(np.eye(3))


def test_numbers_of_numpy_are_taken_as_pythons_are() -> None:
    assert SGD(np.float32(0.5)).lr == SGD(0.5).lr == 0.5
    assert generator(np.int64(3), 1).random() == generator(3, 1).random()
