"""What a model said of every example of the part of the data that it was evaluated on, kept with its run."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.files import arrays_of, atomic_write
from glassnet.metrics import Interval, Reconstruction

__all__ = ["Predictions"]

_RECONSTRUCTION = "reconstruction."


@dataclass(frozen=True, eq=False)
class Predictions:
    """A prediction for each of N examples: class probabilities, or how closely each picture was reconstructed.

    Attributes
    ----------
    part : str
        The part of the data: "test", "validation" or "training".
    indices : (N,) int64
        The number of each example in that part, from 0: that of the report and of `glassnet look --picture`.
    labels : (N,) int64
        The true classes.
    probabilities : (N, K) float32 or float64, or None
        Of each class, of a classifier.
    reconstruction : Reconstruction or None
        Of an autoencoder; `per_image` has the PSNR of each example.
    """

    part: str
    indices: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[Any] | None = None
    reconstruction: Reconstruction | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def save(self, path: str | Path) -> None:
        """Write a NumPy archive (`.npz`, without pickle), whole or not at all; equal predictions give equal files.

        Raises
        ------
        GlassnetError
            The file cannot be written.
        """
        arrays: dict[str, npt.NDArray[Any]] = {
            "part": np.array(self.part),
            "indices": self.indices,
            "labels": self.labels,
        }
        if self.probabilities is not None:
            arrays["probabilities"] = self.probabilities
        if self.reconstruction is not None:
            for each in fields(self.reconstruction):
                arrays[_RECONSTRUCTION + each.name] = np.asarray(getattr(self.reconstruction, each.name))
        with atomic_write(path) as file:
            np.savez(file, allow_pickle=False, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path) -> Predictions:
        """Read what `save` wrote, with the same bits.

        Raises
        ------
        TrainingError
            The file is missing, cannot be read, or holds anything else.
        """
        with arrays_of(path, "the predictions") as arrays:
            return cls._checked(arrays)

    @classmethod
    def _checked(cls, arrays: dict[str, npt.NDArray[Any]]) -> Predictions:
        labels, indices, probabilities = arrays["labels"], arrays["indices"], arrays.get("probabilities")
        if labels.dtype != np.int64 or labels.ndim != 1 or indices.dtype != np.int64 or indices.shape != labels.shape:
            raise ValueError("labels and indices are not one whole number for each example")
        if probabilities is not None and (probabilities.ndim != 2 or len(probabilities) != len(labels)):
            raise ValueError("there is not one row of probabilities for each example")
        if probabilities is not None:
            return cls(str(arrays["part"]), indices, labels, probabilities)
        return cls(str(arrays["part"]), indices, labels, reconstruction=_reconstruction(arrays))


def _reconstruction(arrays: dict[str, npt.NDArray[Any]]) -> Reconstruction:
    found = {each.name: arrays[_RECONSTRUCTION + each.name] for each in fields(Reconstruction)}
    low, high = found["psnr_interval"].tolist()
    return Reconstruction(
        n=int(found["n"]),
        mean_squared_error=float(found["mean_squared_error"]),
        psnr=float(found["psnr"]),
        psnr_interval=Interval(low, high),
        psnr_of_mean_error=float(found["psnr_of_mean_error"]),
        per_image=found["per_image"],
    )
