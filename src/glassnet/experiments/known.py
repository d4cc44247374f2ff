"""Which pictures a model has seen: they are kept with its run, so that no later figure mistakes memory for skill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from glassnet.data import Dataset, Splits
from glassnet.files import arrays_of, atomic_write, exists

__all__ = ["KnownPictures"]

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
    """

    training: Digests
    validation: Digests

    @classmethod
    def of(cls, splits: Splits) -> KnownPictures:
        """Those of a run's data."""
        nothing: list[bytes] = []
        return cls(
            _short(splits.train.picture_digests),
            _short(nothing if splits.valid is None else splits.valid.picture_digests),
        )

    def among(self, dataset: Dataset) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """(which pictures of a set were trained on, which others the epoch was chosen by), each (N,)."""
        digests = _short(dataset.picture_digests)
        trained = np.isin(digests, self.training)
        return trained, np.isin(digests, self.validation) & ~trained

    def save(self, path: str | Path) -> None:
        """Write a NumPy archive (`.npz`), whole or not at all. Raises `GlassnetError`."""
        arrays = {each.name: getattr(self, each.name) for each in fields(self)}
        with atomic_write(path) as file:
            np.savez(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> KnownPictures | None:
        """What `save` wrote; None where there is no such file. Raises `TrainingError` where it is damaged."""
        if not exists(Path(path)):
            return None
        with arrays_of(path, "the pictures that the run has seen,") as arrays:
            found = cls(**{each.name: arrays[each.name] for each in fields(cls)})
            if any(array.dtype != np.uint64 or array.ndim != 1 for array in (found.training, found.validation)):
                raise ValueError("they are no list of hashes")
            return found


def _short(digests: Sequence[bytes]) -> Digests:
    """The first 64 bits of each."""
    return np.frombuffer(b"".join(digest[:8] for digest in digests), "<u8").astype(np.uint64)
