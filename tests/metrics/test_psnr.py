"""Squared error and PSNR: closed forms, conventions, and what must not happen with uint8 pixels."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio
from sklearn.metrics import mean_squared_error as oracle

from glassnet.errors import DataError
from glassnet.metrics import evaluate_reconstruction, mean_psnr, mean_squared_error, psnr, psnr_per_image


@given(st.integers(0, 1000), st.integers(1, 5), st.integers(1, 6))
def test_squared_error_agrees_with_scikit_learn(seed: int, n: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n, d))
    assert mean_squared_error(a, b) == pytest.approx(oracle(a, b), rel=1e-12)


def test_psnr_closed_forms() -> None:
    zero = np.zeros((4, 4, 1))
    assert psnr(zero, zero + 0.1) == pytest.approx(20.0)
    assert psnr(zero, zero + 1.0) == pytest.approx(0.0, abs=1e-12)
    assert psnr(zero * 255, zero + 25.5, peak=255) == pytest.approx(20.0)
    assert psnr(zero, zero) == math.inf


def test_bytes_do_not_wrap_around() -> None:
    a, b = np.uint8([[0]]), np.uint8([[255]])
    assert mean_squared_error(a, b) == 255.0**2
    assert psnr(a, b, peak=255) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64"])
def test_the_peak_is_that_of_the_type(kind: str) -> None:
    rng = np.random.default_rng(0)
    top = np.iinfo(kind).max if kind.startswith("u") else 1
    a, b = (rng.uniform(0, top, (3, 8, 8, 1)).astype(kind) for _ in range(2))
    wanted = [peak_signal_noise_ratio(x, y, data_range=top) for x, y in zip(a, b, strict=True)]
    assert psnr_per_image(a, b) == pytest.approx(wanted, rel=1e-6)
    assert psnr(a[0], b[0]) == pytest.approx(wanted[0], rel=1e-6)
    assert mean_psnr(a, b)[0] == evaluate_reconstruction(a, b).psnr == pytest.approx(np.mean(wanted), rel=1e-6)


def test_bytes_one_apart_have_48_decibels() -> None:
    a = np.zeros((2, 4, 4, 1), np.uint8)
    assert psnr_per_image(a, a + np.uint8(1)) == pytest.approx([20 * math.log10(255)] * 2)
    assert psnr(np.array([True, False]), np.array([False, True])) == 0.0


@given(st.integers(0, 1000), st.integers(2, 8))
def test_mean_of_psnrs_is_not_below_psnr_of_the_mean_error(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(size=(2, n, 3, 3, 1))
    found = evaluate_reconstruction(a, b)
    assert found.psnr >= found.psnr_of_mean_error - 1e-9
    assert found.psnr == pytest.approx(np.mean([psnr(x, y) for x, y in zip(a, b, strict=True)]))
    assert found.psnr_interval.low <= found.psnr <= found.psnr_interval.high
    assert mean_psnr(a, b) == (found.psnr, found.psnr_interval)


def test_an_exact_picture_makes_the_mean_infinite_and_the_json_null() -> None:
    a = np.zeros((2, 2, 2, 1))
    b = a.copy()
    b[0] = 0.5
    found = evaluate_reconstruction(a, b)
    assert found.psnr == math.inf and math.isnan(found.psnr_interval.low) and math.isfinite(found.psnr_of_mean_error)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["psnr"] is None and plain["psnr_interval"] == [None, None]


def test_wrong_input() -> None:
    with pytest.raises(DataError, match="one shape"):
        psnr(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(DataError, match="empty"):
        psnr(np.zeros((0, 2)), np.zeros((0, 2)))
    with pytest.raises(DataError, match="finite"):
        mean_squared_error([np.nan], [0.0])
    with pytest.raises(DataError, match="peak"):
        psnr([0.0], [0.0], peak=0)
    for other in (np.zeros((1, 2)), np.zeros((1, 2), np.int64), np.zeros((1, 2), np.uint16)):
        for measure in (psnr, psnr_per_image, mean_psnr):
            with pytest.raises(DataError, match="give the 'peak'"):
                measure(np.zeros((1, 2), np.uint8), other)
    with pytest.raises(DataError, match="axis of examples"):
        psnr_per_image([0.0, 1.0], [0.0, 1.0])
