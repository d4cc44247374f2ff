"""Pictures of the classical methods: spectrum, scatter, components, neighbours, an affine fit, corners."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.classic import PCA, AffineFit, Corners
from glassnet.report.figures.style import (
    BLUE,
    CYCLE,
    GREEN,
    GREY,
    ORANGE,
    dress,
    legend,
    new_figure,
    pictures_off,
    plain,
    save_png,
)

__all__ = [
    "save_affine",
    "save_components",
    "save_corners",
    "save_neighbours",
    "save_rebuilt",
    "save_scatter",
    "save_spectrum",
]

Array = npt.NDArray[Any]

_MOST_POINTS = 6000  # of a scatter


def save_spectrum(pca: PCA, path: Path, marks: dict[str, int]) -> Path:
    """The variances in order, and the share that the first k keep; `marks` are names of numbers of components."""
    figure = new_figure(10, 3.8)
    left, right = figure.subplots(1, 2)
    k = np.arange(1, len(pca.spectrum_) + 1)
    left.plot(k, np.maximum(pca.spectrum_, pca.spectrum_[0] * 1e-12), color=BLUE, linewidth=1.6)
    left.set_yscale("log")
    dress(left, title="Variance along each component", xlabel="component", ylabel="variance", grid="both")
    kept = np.cumsum(pca.spectrum_) / pca.spectrum_.sum()
    right.plot(k, kept, color=BLUE, linewidth=1.6)
    for number, (name, count) in enumerate(marks.items()):
        colour = CYCLE[(number + 1) % len(CYCLE)]
        right.plot([count, count], [0, kept[count - 1]], color=colour, linewidth=1.2, linestyle="--")
        right.plot(
            [count],
            [kept[count - 1]],
            color=colour,
            marker="o",
            markersize=5,
            label=f"{count} for {name}",
            linestyle="",
        )
    right.set_xscale("log")
    right.set_ylim(0, 1.02)
    dress(right, title="Share of the variance kept", xlabel="components", ylabel="share", grid="both")
    legend(right, loc="upper left")
    return save_png(figure, path)


def save_scatter(coordinates: Array, labels: Array, names: tuple[str, ...], path: Path) -> Path:
    """The first two coordinates (N, 2 or more), coloured by class."""
    figure = new_figure(7, 6)
    axes = figure.subplots()
    shown = np.random.default_rng(0).permutation(len(labels))[:_MOST_POINTS]
    for label, name in enumerate(names):
        own = shown[labels[shown] == label]
        colour = (*CYCLE, GREY, "#1f2733")[label % (len(CYCLE) + 2)]
        axes.plot(
            coordinates[own, 0], coordinates[own, 1], ".", markersize=3, alpha=0.6, color=colour, label=plain(name)
        )
    dress(axes, title="The first two components", xlabel="first", ylabel="second", grid="both")
    axes.legend(frameon=False, fontsize=8.5, markerscale=4, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return save_png(figure, path)


def save_components(pca: PCA, shape: tuple[int, ...], path: Path, count: int = 20) -> Path:
    """The mean and the first components as pictures: blue adds darkness where orange takes it."""
    count = min(count, len(pca.components_))
    columns = 7
    rows = -(-(count + 1) // columns)
    figure = new_figure(1.35 * columns, 1.5 * rows)
    for place, axes in enumerate(figure.subplots(rows, columns, squeeze=False).ravel()):
        pictures_off(axes)
        if place == 0:
            axes.imshow(_grey(pca.mean_, shape), cmap="gray")
            axes.set_title("mean", fontsize=8.5, color=GREY)
        elif place <= count:
            values = _grey(pca.components_[place - 1], shape)
            limit = float(np.abs(values).max()) or 1.0
            axes.imshow(values, cmap="PuOr", vmin=-limit, vmax=limit)
            share = 100 * pca.explained_variance_ratio_[place - 1]
            axes.set_title(f"{place}: {share:.1f} %", fontsize=8.5, color=GREY)
    return save_png(figure, path)


def _grey(values: Array, shape: tuple[int, ...]) -> Array:
    picture = np.asarray(values, float).reshape(shape)
    return picture.mean(axis=2) if picture.ndim == 3 else picture


def save_rebuilt(rows: list[tuple[str, Array]], shape: tuple[int, ...], path: Path) -> Path:
    """A row of pictures (n, D) for each name: as they are, and rebuilt from more and more components."""
    count = len(rows[0][1])
    figure = new_figure(0.85 * count + 1.2, 0.9 * len(rows))
    grid = figure.subplots(len(rows), count, squeeze=False)
    for (name, pictures), line in zip(rows, grid, strict=True):
        for number, axes in enumerate(line):
            pictures_off(axes)
            values = np.clip(np.asarray(pictures[number], float).reshape(shape), 0, 255) / 255
            axes.imshow(
                values if values.ndim == 3 and values.shape[2] == 3 else _grey(values, shape),
                cmap="gray",
                vmin=0,
                vmax=1,
            )
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9, color=GREY, labelpad=8)
    return save_png(figure, path)


def save_neighbours(mistakes: list[tuple[Array, str, list[tuple[Array, str, float]]]], path: Path) -> Path:
    """For each mistake the picture with what it is and was taken for, and its neighbours with class and distance."""
    columns = 1 + len(mistakes[0][2])
    figure = new_figure(1.25 * columns + 0.4, 1.6 * len(mistakes) + 0.4)
    note = "Orange: a test picture, read wrongly. Beside it its nearest training pictures: class, and distance"
    figure.suptitle(f"{note}\n(Euclidean, over pixels from 0 to 255)", x=0.01, ha="left", fontsize=8.5, color=GREY)
    grid = figure.subplots(len(mistakes), columns, squeeze=False)
    for (picture, title, neighbours), line in zip(mistakes, grid, strict=True):
        named = [(values, f"{plain(name)}\ndistance {away:.4g}") for values, name, away in neighbours]
        for axes, (values, text) in zip(line, [(picture, plain(title)), *named], strict=True):
            pictures_off(axes)
            axes.imshow(np.asarray(values).squeeze(), cmap="gray", vmin=0, vmax=255)
            axes.set_title(text, fontsize=8, color=ORANGE if axes is line[0] else GREY)
    return save_png(figure, path)


def save_affine(fit: AffineFit, source: Array, target: Array, path: Path) -> Path:
    """Two-dimensional pairs: source, target and where the fitted map takes the source; and f along the way."""
    figure = new_figure(10.5, 4.4)
    left, right = figure.subplots(1, 2)
    fitted = fit.predict(source)
    for points, colour, name, size in (
        (source, GREY, "source", 6),
        (target, BLUE, "target", 12),
        (fitted, ORANGE, "fitted", 5),
    ):
        left.plot(points[:, 0], points[:, 1], "o", markersize=size / 2, color=colour, alpha=0.7, label=name)
    left.set_aspect("equal", "datalim")
    dress(left, title="The points", xlabel="x", ylabel="y", grid="both")
    legend(left)
    with np.errstate(invalid="ignore"):  # f of large numbers may be infinite
        gap = fit.path_ - fit.path_.min()
    right.plot(np.where((gap > 0) & np.isfinite(gap), gap, np.nan), color=BLUE, marker="o", markersize=3, linewidth=1.2)
    right.set_yscale("log")
    dress(right, title="Descent", xlabel="step", ylabel="f above its last value", grid="both")
    return save_png(figure, path)


def save_corners(picture: Array, corners: Corners, peaks: Array, path: Path, at: tuple[int, int] | None = None) -> Path:
    """The picture with its corners; the response; and, for a pixel, its two principal components."""
    height, width = picture.shape[:2]
    figure = new_figure(12, max(3.0, min(8.0, 5.6 * height / width + 0.5)))
    left, right = figure.subplots(1, 2)
    shown = picture.squeeze() if picture.ndim == 3 and picture.shape[2] == 1 else picture
    left.imshow(shown, cmap="gray")
    left.plot(
        peaks[:, 0], peaks[:, 1], "o", markersize=6, markerfacecolor="none", markeredgecolor=ORANGE, markeredgewidth=1.3
    )
    left.set_title(f"{len(peaks)} corners", loc="left", fontsize=10.5, fontweight="bold")
    if at is not None:
        found = corners.components(*at)
        reach = 0.06 * max(height, width)
        longest = max(found.variances[0], 1e-12) ** 0.5
        for variance, direction, colour in zip(found.variances, found.directions, (BLUE, GREEN), strict=True):
            step = direction * reach * max(0.25, variance**0.5 / longest)
            left.annotate(
                "",
                xy=(at[0] + step[0], at[1] + step[1]),
                xytext=at,
                arrowprops={"color": colour, "width": 1.5, "headwidth": 6},
            )
    response = np.sign(corners.response) * np.sqrt(np.abs(corners.response))
    limit = float(np.abs(response).max()) or 1.0
    right.imshow(response, cmap="PuOr_r", vmin=-limit, vmax=limit)
    right.set_title("Response: corners orange, edges violet", loc="left", fontsize=10.5, fontweight="bold")
    for axes in (left, right):
        pictures_off(axes)
    return save_png(figure, path)
