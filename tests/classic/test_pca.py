"""Principal components against scikit-learn's, in parts, on bytes, and how many of them are enough."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import decomposition

from glassnet.classic import PCA


def _data(rng: np.random.Generator, n: int, d: int, kind: str) -> np.ndarray:
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 10 * rng.normal(size=d)
    return np.clip(40 * x + 120, 0, 255).astype(np.uint8) if kind == "bytes" else x.astype(kind)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 700),
    st.integers(1, 30),
    st.sampled_from(["bytes", "float32", "float64"]),
    st.sampled_from(["auto", "covariance", "svd"]),
    st.integers(0, 9),
)
def test_components_are_scikit_learns(n: int, d: int, kind: str, solver: str, seed: int) -> None:
    x = _data(np.random.default_rng(seed), n, d, kind)
    assume(np.ptp(x.astype(float), axis=0).max() > 0)  # of which scikit-learn divides by 0
    ours, theirs = PCA(solver=solver).fit(x), decomposition.PCA(svd_solver="full").fit(x.astype(np.float64))
    top = max(float(theirs.explained_variance_[0]), 1e-12)
    assert ours.n_components_ == theirs.n_components_
    assert np.abs(ours.explained_variance_ - theirs.explained_variance_).max() < 1e-8 * top
    assert np.abs(ours.mean_ - theirs.mean_).max() < 1e-9 * (1 + np.abs(theirs.mean_).max())
    gaps = np.diff(theirs.explained_variance_) / top
    for k, (a, b) in enumerate(zip(ours.components_, theirs.components_, strict=True)):
        apart = all(abs(g) > 1e-4 for g in gaps[max(0, k - 1) : k + 1]) and theirs.explained_variance_[k] > 1e-4 * top
        assert not apart or abs(abs(a @ b) - 1) < 1e-6
        assert a[np.abs(a).argmax()] > 0
    rebuilt = ours.inverse_transform(ours.transform(x))
    assert np.abs(rebuilt - x).max() < 1e-5 * (1 + np.abs(x.astype(float)).max())


def test_sums_of_bytes_are_exact() -> None:
    x = np.full((5000, 3), 255, np.uint8)
    x[::2, 1] = 254
    found = PCA(solver="covariance").fit(x)
    assert found.spectrum_[0] == pytest.approx(0.25 * 5000 / 4999, rel=1e-12) and found.spectrum_[1] < 1e-9


@pytest.mark.parametrize("kind", ["bytes", "float64"])
def test_in_parts_is_all_at_once(kind: str) -> None:
    x = _data(np.random.default_rng(0), 3000, 12, kind)
    whole, parts = PCA(5, solver="covariance").fit(x), PCA(5)
    for start in range(0, len(x), 700):
        parts.partial_fit(x[start : start + 700])
    assert parts.n_samples_seen_ == 3000
    assert np.allclose(parts.explained_variance_, whole.explained_variance_, rtol=1e-10)
    assert np.allclose(parts.components_, whole.components_, atol=1e-8)
    assert not hasattr(PCA(solver="svd"), "partial_fit")


def test_white_components_have_deviation_one() -> None:
    x = _data(np.random.default_rng(1), 500, 6, "float64")
    pca = PCA(4, whiten=True).fit(x)
    white = pca.transform(x)
    assert np.cov(white.T) == pytest.approx(np.eye(4), abs=1e-10)
    plain = PCA(4).fit(x)
    assert pca.inverse_transform(white) == pytest.approx(plain.inverse_transform(plain.transform(x)))


def test_how_many_components_are_enough() -> None:
    x = _data(np.random.default_rng(2), 800, 20, "bytes")
    pca = PCA().fit(x)
    for share in (0.5, 0.9, 0.99):
        k = pca.components_for(variance=share)
        kept = np.cumsum(pca.explained_variance_ratio_)
        assert kept[k - 1] >= share and (k == 1 or kept[k - 2] < share)
        assert PCA(share).fit(x).n_components_ == k
    for wanted in (15.0, 25.0):
        k = pca.components_for(psnr=wanted)
        reached = []
        for count in (k, k - 1):
            some = PCA(count).fit(x) if count else None
            rebuilt = some.inverse_transform(some.transform(x)) if some else np.broadcast_to(pca.mean_, x.shape)
            reached.append(10 * np.log10(255**2 / ((rebuilt - x) ** 2).mean()))
        assert reached[0] >= wanted - 1e-9 and (k == 1 or reached[1] < wanted)
    with pytest.raises(ValueError, match="either"):
        pca.components_for()
