"""Principal components against scikit-learn's, in parts, on bytes, and how many of them are enough."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import decomposition
from sklearn.exceptions import NotFittedError

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
    assert np.abs(ours.singular_values_**2 - theirs.singular_values_**2).max() < 1e-8 * top * n
    assert np.abs(ours.explained_variance_ratio_ - theirs.explained_variance_ratio_).max() < 1e-8
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


def test_sums_of_bytes_far_apart_are_exact() -> None:
    """Sums of squares beyond 2^24, up to which float32 counts: blocks of rows are halved."""
    x = 255 * np.random.default_rng(0).integers(0, 2, (3000, 4)).astype(np.uint8)
    exact = np.linalg.eigvalsh(np.cov(x.T.astype(np.float64)))[::-1]
    assert PCA(solver="covariance").fit(x).spectrum_ == pytest.approx(exact, rel=1e-12)


def test_floats_are_not_taken_for_bytes() -> None:
    x = np.array([[-0.1], [0.1], [-0.3], [0.3]])
    assert PCA(solver="covariance").fit(x).spectrum_ == pytest.approx([0.2 / 3], rel=1e-14)
    narrow = 0.3 + 1e-6 * np.random.default_rng(0).normal(size=(100, 2))
    exact = np.linalg.svd(narrow - narrow.mean(axis=0), compute_uv=False) ** 2 / 99
    assert PCA(solver="covariance").fit(narrow).spectrum_ == pytest.approx(exact, rel=1e-8)
    both = PCA().partial_fit(narrow).partial_fit(np.array([[0, 3], [1, 1]], np.uint8))
    assert both.mean_ == pytest.approx(np.vstack([narrow, [[0, 3], [1, 1]]]).mean(axis=0))


def test_floats_in_several_blocks() -> None:
    x = _data(np.random.default_rng(4), 9000, 3, "float64")
    assert PCA(solver="covariance").fit(x).spectrum_ == pytest.approx(np.linalg.eigvalsh(np.cov(x.T))[::-1])


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


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_white_components_do_not_depend_on_units(scale: float) -> None:
    x = scale * np.random.default_rng(1).normal(size=(50, 3))
    assert np.cov(PCA(whiten=True).fit_transform(x).T) == pytest.approx(np.eye(3), abs=1e-10)


def test_what_does_not_vary() -> None:
    flat = PCA(whiten=True).fit(np.full((5, 2), 7.0))
    assert flat.explained_variance_ratio_.tolist() == [0, 0] and flat.transform([[7.0, 7.0]]).tolist() == [[0, 0]]
    line = np.arange(10.0)[:, None] * [1.0, 2.0, 3.0]
    white = PCA(whiten=True, solver="svd").fit_transform(line)
    assert white[:, 0].std(ddof=1) == pytest.approx(1) and np.abs(white[:, 1:]).max() < 1e-6
    narrow = PCA().fit(1e-3 * line)
    assert narrow.explained_variance_ratio_ == pytest.approx([1, 0, 0], abs=1e-12)


def test_before_fit_and_with_other_features_nothing_is_answered() -> None:
    for answer in (PCA().psnr, lambda: PCA().components_for(variance=0.5), *(
        lambda way=way: getattr(PCA(), way)([[1.0, 2.0]]) for way in ("transform", "inverse_transform")
    )):  # fmt: skip
        with pytest.raises(NotFittedError):
            answer()
    with pytest.raises(ValueError, match="3 features"):
        PCA().fit(np.eye(2)).transform(np.eye(3))


def test_psnr_is_that_of_the_rebuilt_data() -> None:
    x = _data(np.random.default_rng(2), 60, 5, "float64")
    pca = PCA().fit(x)
    found = pca.psnr()
    for k in range(1, 5):
        some = PCA(k).fit(x)
        error = ((some.inverse_transform(some.transform(x)) - x) ** 2).mean()
        assert found[k] == pytest.approx(10 * np.log10(255**2 / error), rel=1e-10)
        assert pca.components_for(psnr=found[k]) == k
    assert found[0] == pytest.approx(10 * np.log10(255**2 / ((x - x.mean(axis=0)) ** 2).mean())) and found[5] == np.inf
    assert pca.psnr(1.0) == pytest.approx(found - 20 * np.log10(255))
    assert pca.components_for(psnr=-100.0) == 1


def test_a_share_that_is_reached_exactly_is_enough() -> None:
    x = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # variances 6 and 2/3
    assert [PCA().fit(x).components_for(variance=share) for share in (0.01, 0.9, 0.91, 1.0)] == [1, 1, 2, 2]


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


def test_bytes_after_other_numbers_and_small_spreads_far_from_0_keep_their_digits() -> None:
    rng = np.random.default_rng(3)
    first, then = rng.normal(0.3, 50, (40, 4)), rng.integers(0, 256, (60, 4), dtype=np.uint8)
    whole = np.concatenate([first, then.astype(np.float64)])
    found = PCA().partial_fit(first).partial_fit(then)
    assert found.explained_variance_ == pytest.approx(np.linalg.eigvalsh(np.cov(whole.T))[::-1], rel=1e-12)
    tiny = rng.normal(0, 1e-9, (50, 3))
    exact = np.linalg.eigvalsh(np.cov((0.25 + tiny - 0.25).T))[::-1]  # of the numbers as float64 holds them
    assert PCA().partial_fit(0.25 + tiny).explained_variance_ == pytest.approx(exact, rel=1e-9, abs=0.0)


def test_data_without_spread_need_one_component() -> None:
    assert PCA().fit(np.full((5, 3), 7.0)).components_for(variance=0.5) == 1


def test_whitening_leaves_a_direction_without_spread_as_it_is() -> None:
    line = np.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    found = PCA(2, whiten=True).fit(line).transform([[3.0, 4.0]])
    assert np.abs(found).tolist() == [[3.0, 4.0]]  # the variance of the line is 1
