"""Which pictures a model has seen: they are kept with its run, so that no later figure mistakes memory for skill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from glassnet.data import Dataset, Splits
from glassnet.experiments.data import evaluated_part
from glassnet.files import arrays_of, atomic_write, exists

__all__ = ["KnownPictures", "short_digests"]

Digests = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class KnownPictures:
    """The pictures of a run's training and validation parts, each by 64 bits of the SHA-256 of its pixels.

    Two of a million different pictures are taken for one with a probability of 3e-8 (1e6^2 / 2^65).

    Attributes
    ----------
    training : (N,) uint64
        Those that the network was trained on.
    validation : (M,) uint64
        Those that its epoch was chosen by.
    evaluated : (E,) uint64, or None
        Those that its final figures are of, in their order; None where the run is of before they were kept.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.experiments import KnownPictures
    >>> splits = glassnet.load_data("digits")
    >>> seen = KnownPictures.of(splits)
    >>> trained, chosen_by = seen.among(splits.train.subset(np.arange(5)))
    >>> trained.tolist(), bool(chosen_by.any())
    ([True, True, True, True, True], False)
    """

    training: Digests
    validation: Digests
    evaluated: Digests | None = None

    @classmethod
    def of(cls, splits: Splits) -> KnownPictures:
        """Those of a run's data."""
        nothing: list[bytes] = []
        return cls(
            short_digests(splits.train.picture_digests),
            short_digests(nothing if splits.valid is None else splits.valid.picture_digests),
            short_digests(evaluated_part(splits)[1].picture_digests),
        )

    def among(self, dataset: Dataset) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """(which pictures of a set were trained on, which others the epoch was chosen by), each (N,)."""
        digests = short_digests(dataset.picture_digests)
        trained = np.isin(digests, self.training)
        return trained, np.isin(digests, self.validation) & ~trained

    def save(self, path: str | Path) -> None:
        """Write a NumPy archive (`.npz`), whole or not at all. Raises `GlassnetError`."""
        arrays = {name: array for name, array in vars(self).items() if array is not None}
        with atomic_write(path) as file:
            np.savez(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> KnownPictures | None:
        """What `save` wrote; None where there is no such file. Raises `TrainingError` where it is damaged."""
        if not exists(Path(path)):
            return None
        with arrays_of(path, "the pictures that the run has seen,") as arrays:
            if any(array.dtype != np.uint64 or array.ndim != 1 for array in arrays.values()):
                raise ValueError("they are no list of hashes")
            return cls(arrays["training"], arrays["validation"], arrays.get("evaluated"))


def short_digests(digests: Sequence[bytes]) -> Digests:
    """The first 64 bits of each SHA-256, (N,) uint64."""
    return np.frombuffer(b"".join(digest[:8] for digest in digests), "<u8").astype(np.uint64)
