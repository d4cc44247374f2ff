"""Filtering pictures: every kernel against plain loops, at borders, in strips, and as pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.errors import DataError
from glassnet.filters import apply, describe_result, filter_picture, kernel_text
from glassnet.filters.apply import apply_filter, choose_filter
from glassnet.filters.files import read_filter
from glassnet.filters.kernels import GREY, NAMES, VALUES, gaussian, make_filter, matrix_filter
from glassnet.report.pages import filter_figure

MODES: dict[str, Any] = {"reflect": "reflect", "repeat": "edge", "zero": "constant"}
SOBEL = np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]])
drawn = settings(max_examples=25, deadline=None, derandomize=True)


def picture_of(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(0, 256, shape).astype(np.uint8)


def by_loops(channel: np.ndarray, kernel: np.ndarray, edge: str) -> np.ndarray:
    """(H, W) correlated with the kernel in float64, pixel by pixel."""
    kh, kw = kernel.shape
    reach = (((kh - 1) // 2, kh // 2), ((kw - 1) // 2, kw // 2))
    padded = np.pad(channel.astype(np.float64), reach, mode=MODES[edge])
    out = np.empty(channel.shape)
    for i, j in np.ndindex(out.shape):
        out[i, j] = (padded[i : i + kh, j : j + kw] * kernel).sum()
    return out


def assert_pixels(found: np.ndarray, levels: np.ndarray) -> None:
    """The pixels are these levels, cut off and rounded; half a level may go either way."""
    assert found.dtype == np.uint8 and found.shape == levels.shape
    assert np.abs(found - np.clip(levels, 0, 255)).max() <= 0.5 + 1e-2


@drawn
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    kernel=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    depth=st.sampled_from([1, 3]),
    edge=st.sampled_from(list(MODES)),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_kernel_is_what_plain_loops_give(
    size: tuple[int, int], kernel: tuple[int, int], depth: int, edge: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    image, weights = picture_of(rng, *size, depth), rng.normal(size=kernel)
    found = filter_picture(image, weights, edge=edge, values="clip")
    assert_pixels(found, np.stack([by_loops(image[..., c], weights, edge) for c in range(depth)], axis=-1))


@pytest.mark.parametrize("edge", list(MODES))
@pytest.mark.parametrize("kernel", ["edges", "blur", "sharpen", "edges-vertical"])
def test_strips_and_pieces_meet_without_a_seam(monkeypatch: pytest.MonkeyPatch, kernel: str, edge: str) -> None:
    image = picture_of(np.random.default_rng(1), 41, 37, 3)
    whole = apply_filter(image, choose_filter(kernel), edge=edge)
    monkeypatch.setattr(apply, "_STRIP_VALUES", 500)
    monkeypatch.setattr(apply, "_PIECE", 11)
    told: list[float] = []
    pieces = apply_filter(image, choose_filter(kernel), edge=edge, progress=told.append)
    assert np.abs(pieces.picture.astype(int) - whole.picture).max() <= 1
    assert (pieces.lowest, pieces.highest) == pytest.approx((whole.lowest, whole.highest), abs=1e-2)
    assert len(told) > 8 and told == sorted(told) and told[-1] == 1.0


@pytest.mark.parametrize("sigma", [0.5, 2.0, 6.5])
def test_a_gaussian_in_two_steps_is_the_gaussian(sigma: float) -> None:
    weights = gaussian(sigma)
    assert weights.sum() == pytest.approx(1.0) and weights.shape[0] == 2 * int(np.ceil(3 * sigma)) + 1
    centre = weights.shape[0] // 2
    assert weights[centre, centre + 1] / weights[centre, centre] == pytest.approx(np.exp(-0.5 / sigma**2))
    image = picture_of(np.random.default_rng(2), 13, 17, 1)
    assert_pixels(filter_picture(image, "blur", sigma=sigma), by_loops(image[..., 0], weights, "reflect")[..., None])


def test_grayscale_weighs_the_colours_as_bt601_does() -> None:
    image = picture_of(np.random.default_rng(3), 6, 7, 3)
    assert_pixels(filter_picture(image, "grayscale"), (image @ np.array(GREY))[..., None])
    assert filter_picture(image[..., :1], "grayscale").tolist() == image[..., :1].tolist()


def test_edges_are_the_size_of_both_sobel_results() -> None:
    image = picture_of(np.random.default_rng(4), 9, 8, 3)
    grey = image @ np.array(GREY)
    down, across = by_loops(grey, SOBEL, "repeat"), by_loops(grey, SOBEL.T, "repeat")
    assert_pixels(filter_picture(image, "edges", edge="repeat", values="clip"), np.hypot(down, across)[..., None])
    found = apply_filter(image, make_filter("edges"), edge="repeat")
    assert found.highest == pytest.approx(np.hypot(down, across).max(), rel=1e-5)


def test_edges_have_the_sign_that_is_promised() -> None:
    lighter_above = np.zeros((6, 6), np.uint8)
    lighter_above[:3] = 200
    found = filter_picture(lighter_above, "edges-horizontal")[..., 0]
    assert found[2, 3] == found[3, 3] == 255 and set(found[[0, 5], 3]) <= {127, 128}
    assert np.isin(filter_picture(lighter_above, "edges-vertical"), (127, 128)).all()
    assert filter_picture(lighter_above.T, "edges-vertical")[3, 2, 0] == 255
    assert filter_picture(lighter_above[::-1], "edges-horizontal")[2, 3, 0] == 0


def test_horizontal_edges_of_the_blue_channel_alone() -> None:
    image = picture_of(np.random.default_rng(5), 7, 9, 3)
    found = filter_picture(image, "edges-horizontal", channel="blue", values="absolute")
    assert_pixels(found, np.abs(by_loops(image[..., 2], SOBEL, "reflect"))[..., None])


def test_identity_changes_nothing() -> None:
    image = picture_of(np.random.default_rng(6), 5, 6, 3)
    for edge in MODES:
        assert filter_picture(image, "identity", edge=edge).tolist() == image.tolist()
    assert filter_picture(image / 255.0, "identity").tolist() == image.tolist()
    assert filter_picture(image[..., 0], [[1.0]]).tolist() == image[..., :1].tolist()


@pytest.mark.parametrize("kernel", ["box", "blur"])
def test_means_leave_an_even_picture_as_it_is_but_at_a_black_border(kernel: str) -> None:
    even = np.full((12, 12, 1), 90, np.uint8)
    assert (filter_picture(even, kernel, size=4) == 90).all()
    zero = filter_picture(even, kernel, edge="zero", size=4)[..., 0]
    assert zero[0, 0] < 60 and zero[6, 6] == 90


def test_numbers_become_pixels_as_each_way_says() -> None:
    image = np.array([[0, 10, 50, 200]], np.uint8)
    double = [[-2.0]]
    results = -2.0 * image[..., None]
    assert (filter_picture(image, double, values="clip") == 0).all()
    assert filter_picture(image, double, values="absolute")[..., 0].tolist() == [[0, 20, 100, 255]]
    assert_pixels(filter_picture(image, double, values="stretch"), 255 * (results + 400) / 400)
    assert_pixels(filter_picture(image, double, values="centre"), 127.5 + 127.5 * results / 400)
    even = np.full((3, 3), 7, np.uint8)
    assert (filter_picture(even, [[1.0]], values="stretch") == 0).all()
    assert (filter_picture(even, [[0.0]], values="centre") == 128).all()


def test_a_few_outliers_do_not_set_the_scale() -> None:
    image = np.full((100, 100), 10, np.uint8)
    image[:, 50:] = 30
    image[0, :5] = 255
    found = apply_filter(image, make_filter("identity").with_settings(values="stretch"))
    assert found.highest == 255.0 and found.outside == 5 / 10_000
    assert found.picture[50, 0, 0] == 0 and found.picture[50, 99, 0] >= 250


def test_what_was_cut_off_is_counted() -> None:
    found = apply_filter(np.array([[100, 200]], np.uint8), matrix_filter([[2.0]]))
    assert (found.lowest, found.highest, found.outside) == (200.0, 400.0, 0.5)
    assert "from 200 to 400" in describe_result(matrix_filter([[2.0]]), found)


def test_normalised_weights_add_up_to_one() -> None:
    assert matrix_filter([[1, 2], [3, 4]]).normalised().matrices[0].sum() == pytest.approx(1.0)
    with pytest.raises(DataError, match="add up to 0"):
        filter_picture(np.zeros((3, 3), np.uint8), "laplacian", normalise=True)


@pytest.mark.parametrize("name", list(NAMES))
def test_every_named_kernel_works_on_grey_and_colour(name: str) -> None:
    for shape in ((1, 1, 1), (5, 4, 3)):
        image = picture_of(np.random.default_rng(7), *shape)
        found = filter_picture(image, name)
        assert found.shape[:2] == shape[:2] and found.shape[2] in (1, shape[2])
    chosen = make_filter(name)
    assert chosen.values in VALUES and chosen.meaning
    assert len(kernel_text(chosen).splitlines()) == (chosen.size[0] if max(chosen.size) <= 9 else 2)
    found_again = apply_filter(image, chosen)
    figure = filter_figure(image, found_again, chosen)
    *kernels, original, result = figure.axes
    for axes, matrix in zip(kernels, chosen.matrices, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), matrix)
    np.testing.assert_array_equal(original.images[0].get_array(), image)
    np.testing.assert_array_equal(
        np.asarray(result.images[0].get_array())[..., : found_again.picture.shape[2]], found_again.picture
    )


def test_wrong_settings_say_what_is_known() -> None:
    image = np.zeros((3, 3), np.uint8)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"kernel": "egdes"}, "Did you mean 'edges'"),
        ({"kernel": "blur", "sigma": 0.0}, "sigma must be"),
        ({"kernel": "box", "size": 0}, "size of 'box'"),
        ({"kernel": "blur", "edge": "wrap"}, "no edge 'wrap'"),
        ({"kernel": "blur", "values": "strech"}, "Did you mean 'stretch'"),
        ({"kernel": "blur", "channel": "alpha"}, "no channel 'alpha'"),
        ({"kernel": [[1.0, np.nan]]}, "at most a million"),
        ({"kernel": [[1.0], [1.0, 2.0]]}, "one length"),
        ({"kernel": np.ones((3, 3, 3))}, "rows of numbers"),
        ({"kernel": np.ones((256, 1))}, "at most 255x255"),
    ]
    for arguments, message in wrong:
        with pytest.raises(DataError, match=message):
            filter_picture(image, **arguments)
    for bad in (np.zeros((2, 2, 4), np.uint8), np.zeros((0, 2), np.uint8), np.full((2, 2), 7.0), np.zeros((2, 2), int)):
        with pytest.raises(DataError, match="A picture"):
            filter_picture(bad, "identity")


TEXTS = {
    "blanks.txt": "# a remark\n1 2\n\n3 4  # more\n",
    "commas.csv": "1,2\n3, 4\n",
    "european.csv": "\ufeff1,0;2,0\n3,0; 4,0\n",
    "tabs.txt": "1\t2\r\n6/2\t8/2\r\n",
    "rows.json": "[[1, 2], [3, 4]]",
    "object.json": '{"kernel": [[1, 2], [3, 4]], "values": "clip"}',
    "kernel.toml": 'kernel = [[1, 2], [3, 4]]\nmeaning = "mine"\nchannel = "each"\n',
}


@pytest.mark.parametrize("name", list(TEXTS))
def test_kernels_are_read_from_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(TEXTS[name], encoding="utf-8")
    found = choose_filter(tmp_path / name)
    assert found.matrices[0].tolist() == [[1, 2], [3, 4]] and found.name == Path(name).stem


def test_settings_in_a_file_count(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('kernel = [[1, 3]]\nnormalise = true\nchannel = "grey"\nvalues = "stretch"\n')
    found = read_filter(path)
    assert (found.channel, found.values) == ("grey", "stretch")
    np.testing.assert_allclose(found.matrices[0], [[0.25, 0.75]])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "", "is empty"),
        ("a.txt", "1 2\n3\n", "Line 2 .* has 1 numbers"),
        ("a.txt", "1 two", "'two' on line 1"),
        ("a.txt", "1 1/0", "is not a number"),
        ("a.txt", "1 nan", "at most a million"),
        ("a.json", "[[1, 2], [3]]", "one length"),
        ("a.json", "{", "Cannot read"),
        ("a.json", "[" * 100_000, "Cannot read"),
        ("a.json", '{"kernel": [["1"]]}', "rows of numbers"),
        ("a.json", "7", "rows of numbers"),
        ("a.toml", "kernal = [[1]]", "Did you mean 'kernel'"),
        ("a.toml", "kernel = [[1]]\nnormalise = 1", "must be true or false"),
        ("a.toml", "kernel = [[1]]\nvalues = 3", "must be text"),
    ],
)
def test_files_without_a_kernel_are_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_filter(tmp_path / name)


def test_a_picture_is_no_kernel(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match="UTF-8"):
        read_filter(tmp_path / "photo.png")
    with pytest.raises(DataError, match="Cannot read"):
        read_filter(tmp_path / "missing.txt")
