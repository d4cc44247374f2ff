"""Principal components of a data set."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from glassnet import threads as pool
from glassnet.actions.classic.source import load_limited
from glassnet.classic import PCA
from glassnet.report.figures.classic import save_components, save_rebuilt, save_scatter, save_spectrum

__all__ = ["Principal", "pca"]

_COUNTS = (2, 5, 10, 20, 50, 100)  # components from which pictures are rebuilt
_SHARES, _PSNRS = (0.8, 0.9, 0.95, 0.99), (15.0, 20.0, 25.0)
_SCATTERED, _SPECTRUM = 20_000, 200  # pictures that are drawn, numbers among the plain values


@dataclass(frozen=True, eq=False)
class Principal:
    """The principal components of a set's pictures.

    Attributes
    ----------
    name : str
        The set.
    pictures : int
        How many pictures were used.
    width : int
        Numbers of a picture.
    seconds : float
        Time of the fit.
    fit : PCA
        The components.
    needed : dict of str to int
        Components needed for a share of the variance or a PSNR, by name.
    errors : tuple of (int, float, float)
        Number of components, the share of the variance that they keep, and the PSNR in dB.
    files : tuple of Path
        What was written.
    """

    name: str
    pictures: int
    width: int
    seconds: float
    fit: PCA
    needed: dict[str, int]
    errors: tuple[tuple[int, float, float], ...]
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {
            "pictures": self.pictures,
            "seconds": self.seconds,
            "needed": self.needed,
            "spectrum": self.fit.spectrum_[:_SPECTRUM].tolist(),
            "files": self.files,
        }


def pca(
    source: str, out: str | Path = "runs/classic-pca", *, limit: int | None = None, threads: int | None = None
) -> Principal:
    """Principal components of a set's pictures: how many are needed for what, and pictures of all of it.

    Parameters
    ----------
    source : str
        A data set by name, or a folder of pictures.
    out : path
        Folder of the pictures.
    limit : int, optional
        Only the first so many training pictures, at least 2.
    threads : int, optional
        Threads to use; None takes every core.

    Raises
    ------
    GlassnetError
        The set cannot be read, or the limit is out of range.
    """
    data, _ = load_limited(source, limit)
    rows, folder = data.images.reshape(len(data), -1), Path(out)
    peak = 255.0 if rows.dtype == np.uint8 else 1.0
    start = time.perf_counter()
    with pool.use(threads), threadpool_limits(threads):
        found = PCA().fit(rows)
    seconds = time.perf_counter() - start
    shares = {f"{share:.0%} of the variance": found.components_for(variance=share) for share in _SHARES}
    psnrs = {f"{psnr:g} dB": found.components_for(psnr=psnr, peak=peak) for psnr in _PSNRS}
    counts = [k for k in _COUNTS if k < len(found.spectrum_)]
    psnr, kept = found.psnr(peak), np.cumsum(found.explained_variance_ratio_)
    errors = tuple((k, float(kept[k - 1]), float(psnr[k])) for k in counts)
    own, scattered = rows[_one_of_each(data.labels)], slice(_SCATTERED)
    places = found.transform(rows[scattered])[:, :2]
    shape = data.image_shape
    files = (
        save_spectrum(found, folder / "spectrum.png", shares),
        save_scatter(places, data.labels[scattered], data.class_names, folder / "scatter.png"),
        save_components(found, shape, folder / "components.png"),
        save_rebuilt(_rebuilt(found, own, counts, 255.0 / peak), shape, folder / "rebuilt.png"),
    )
    return Principal(data.name, len(rows), rows.shape[1], seconds, found, shares | psnrs, errors, files)


def _one_of_each(labels: NDArray[np.int64]) -> list[int]:
    """The first picture of each of the first ten classes that have any."""
    return [int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels) if label < 10]


def _rebuilt(found: PCA, rows: NDArray[Any], counts: list[int], scale: float) -> list[tuple[str, NDArray[np.float64]]]:
    """Rows as they are and from so many components, for pixels in 0 ... 255."""
    coordinates = found.transform(rows)
    rebuilt = [("as it is", rows * scale)]
    for k in counts:
        rebuilt.append((f"{k}", (coordinates[:, :k] @ found.components_[:k] + found.mean_) * scale))
    return rebuilt
