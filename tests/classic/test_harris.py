"""Harris corners: against SciPy and scikit-image, and as principal components."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from glassnet.classic import harris
from glassnet.classic.harris import Components, Corners
from glassnet.errors import DataError


def _picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    return ndimage.gaussian_filter(rng.random((40, 50)), 2)


def test_the_box_window_is_scipys() -> None:
    x = _picture()
    gx, gy = (ndimage.sobel(x, axis=axis, mode="nearest") / 8 for axis in (1, 0))
    a, b, c = (ndimage.uniform_filter(v, 3, mode="nearest") for v in (gx * gx, gx * gy, gy * gy))
    found = harris(x, window="box", k=0.04)
    assert np.abs(found.response - (a * c - b**2 - 0.04 * (a + c) ** 2)).max() < 1e-15
    middle = [(gx * gx)[9:12, 19:22].mean(), (gx * gy)[9:12, 19:22].mean(), (gy * gy)[9:12, 19:22].mean()]
    assert [found.xx[10, 20], found.xy[10, 20], found.yy[10, 20]] == pytest.approx(middle)


@pytest.mark.parametrize("sigma", [1.0, 2.5])
def test_the_gaussian_window_is_scikit_images(sigma: float) -> None:
    feature = pytest.importorskip("skimage.feature")
    x = _picture()
    theirs = feature.corner_harris(x, method="k", k=0.05, sigma=sigma)
    ours = harris(x, sigma=sigma, k=0.05, border="zero").response
    assert np.abs(ours / np.abs(ours).max() - theirs / np.abs(theirs).max()).max() < 1e-12


def test_components_are_those_of_the_window_and_say_what_it_shows() -> None:
    x = np.zeros((60, 60))
    x[30:, 20:] = 1
    found = harris(x, window="box")
    edge = found.components(20, 50)
    assert edge.kind == "edge" and np.abs(edge.directions[0]) == pytest.approx([1, 0], abs=1e-6)
    assert found.components(5, 5).kind == "flat"
    assert found.components(20, 30).kind == "corner"
    (peak,) = found.peaks(distance=5)
    assert np.abs(peak - [20, 30]).max() <= 1
    l1, l2 = found.components(*peak).variances
    assert found.response[peak[1], peak[0]] == pytest.approx(l1 * l2 - 0.05 * (l1 + l2) ** 2)


def test_components_are_numpys() -> None:
    x = _picture()
    found = harris(x, window="box")
    gx, gy = (ndimage.sobel(x, axis=axis, mode="nearest") / 8 for axis in (1, 0))
    window = np.stack([gx[14:17, 24:27].ravel(), gy[14:17, 24:27].ravel()], axis=1)
    values, vectors = np.linalg.eigh(window.T @ window / 9)
    ours = found.components(25, 15)
    assert ours.variances == pytest.approx((values[1], values[0]))
    assert abs(ours.directions[0] @ vectors[:, 1]) == pytest.approx(1)
    for x, y in ((25, 15), (3, 7), (40, 30), (12, 33)):
        window = np.array([[found.xx[y, x], found.xy[y, x]], [found.xy[y, x], found.yy[y, x]]])
        ours = found.components(x, y)
        assert ours.directions @ ours.directions.T == pytest.approx(np.eye(2), abs=1e-12)
        assert window @ ours.directions.T == pytest.approx(ours.directions.T * ours.variances, abs=1e-12)
        assert (ours.directions[:, 0] >= 0).all()


@pytest.mark.parametrize(
    ("variances", "kind"),
    [
        ((0.9e-4, 0.0), "flat"),
        ((1e-4, 0.0), "edge"),
        ((2.0, 0.19), "edge"),
        ((2.0, 0.2), "corner"),
        ((0.5, 0.04), "edge"),
        ((0.5, 0.06), "corner"),
    ],
)
def test_what_a_window_shows_goes_by_the_ratio_of_the_variances(variances: tuple[float, float], kind: str) -> None:
    assert Components(variances, np.eye(2)).kind == kind


def test_brightness_is_that_of_rec_709_and_bytes_are_shares() -> None:
    rng = np.random.default_rng(0)
    bytes_ = rng.integers(0, 256, (20, 30, 3), np.uint8)
    grey = bytes_ / 255 @ [0.2126, 0.7152, 0.0722]
    expected = harris(grey).response
    assert np.array_equal(harris(bytes_).response, expected)
    assert np.array_equal(harris(bytes_ / 255).response, expected)
    assert np.allclose(harris(bytes_[..., :2]).response, harris(bytes_[..., :2].mean(axis=2) / 255).response, rtol=1e-9)
    assert np.allclose(harris(bytes_[..., 0]).response, harris(bytes_[..., 0] / 255).response)


def test_corners_of_a_square_are_found_in_colour_too() -> None:
    x = np.full((64, 64, 3), 255, np.uint8)
    x[16:48, 16:48] = (200, 30, 30)
    corners = harris(x).peaks()
    assert sorted(map(tuple, np.round(corners / 16).astype(int))) == [(1, 1), (1, 3), (3, 1), (3, 3)]


def _corners(response: np.ndarray) -> Corners:
    return Corners(*(np.zeros_like(response) for _ in range(3)), response)


@pytest.mark.parametrize("distance", [1, 2, 5])
@pytest.mark.parametrize("step", [(0, 1), (1, 0), (1, 1), (-1, 1), (0, -1), (-1, 0), (-1, -1), (1, -1)])
def test_peaks_are_more_than_the_distance_apart(distance: int, step: tuple[int, int]) -> None:
    for apart in range(1, 2 * distance + 2):
        response = np.zeros((40, 40))
        x, y = 20 + apart * step[0], 20 + apart * step[1]
        response[20, 20], response[y, x] = 2, 1
        expected = [[20, 20]] if apart <= distance else [[20, 20], [x, y]]
        assert _corners(response).peaks(distance=distance).tolist() == expected
        response[y, x] = 2  # equal: the upper one, in a row the left one, stays
        first, second = sorted([(20, 20), (y, x)])
        expected = [[*first[::-1]]] if apart <= distance else [[*first[::-1]], [*second[::-1]]]
        assert _corners(response).peaks(distance=distance).tolist() == expected


def test_a_plateau_gives_one_peak_however_many_lie_between() -> None:
    response = np.zeros((10, 1_000))
    response[4:6, 5::10] = 1  # a hundred plateaus of two rows each
    assert _corners(response).peaks(distance=3).tolist() == [[x, 4] for x in range(5, 1_000, 10)]
    assert len(_corners(response).peaks(7, distance=3)) == 7


def test_of_equal_peaks_the_one_in_the_first_column_may_go() -> None:
    response = np.zeros((9, 9))
    response[4, 1] = response[5, 0] = 1
    assert _corners(response).peaks(distance=2).tolist() == [[1, 4]]


def test_weak_peaks_are_left_out() -> None:
    response = np.zeros((9, 40))
    response[4, [4, 14, 24]] = 100, 1, 1.01
    assert _corners(response).peaks().tolist() == [[4, 4], [24, 4]]
    assert _corners(response).peaks(share=0.0).tolist() == [[4, 4], [24, 4], [14, 4]]
    assert (
        _corners(np.full((5, 5), -1.0)).peaks().shape == _corners(np.full((5, 5), -1.0)).peaks(share=2).shape == (0, 2)
    )


@pytest.mark.parametrize(
    ("picture", "settings", "message"),
    [
        (np.zeros(5), {}, "picture is an array"),
        (np.zeros((0, 4)), {}, "picture is an array"),
        (np.array([["a"]]), {}, "picture is an array"),
        (np.full((5, 5), np.nan), {}, "not finite"),
        (np.zeros((5, 5)), {"window": "round"}, "'gaussian' or 'box'"),
        (np.zeros((5, 5)), {"border": "x"}, "border"),
        (np.zeros((5, 5)), {"sigma": 0}, "sigma"),
        (np.zeros((5, 5)), {"sigma": 10.5}, "at most 10, .* sigma 10.5"),
        (np.zeros((5, 5)), {"k": 1}, "k lie"),
    ],
)
def test_bad_input_is_one_line(picture: np.ndarray, settings: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        harris(picture, **settings)
    with pytest.raises(DataError, match="columns 0 to 4"):
        harris(np.zeros((5, 5))).components(5, 0)


def test_a_window_may_be_as_wide_as_ten_pixels_or_the_picture() -> None:
    assert harris(np.zeros((5, 5)), sigma=10).response.shape == (5, 5)
    assert harris(np.zeros((5, 12)), sigma=12).response.shape == (5, 12)
