"""What a model said of every example of the part of the data that it was evaluated on, kept with its run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.files import arrays_of, atomic_write
from glassnet.metrics import Interval, Reconstruction, Transcription, evaluate_transcription

__all__ = ["Predictions"]

_RECONSTRUCTION = "reconstruction."
_LINES, _GROUP = "lines.", "lines.group."


@dataclass(frozen=True, eq=False)
class Predictions:
    """A prediction for each of N examples: class probabilities, how closely a picture was reconstructed, or the text
    that was read.

    Attributes
    ----------
    part : str
        The part of the data: "test", "validation" or "training".
    indices : (N,) int64
        The number of each example in that part, from 0: that of the report and of `glassnet look --picture`.
    labels : (N,) int64
        The true classes; empty for lines of writing, which have none.
    probabilities : (N, K) float32 or float64, or None
        Of each class, of a classifier.
    reconstruction : Reconstruction or None
        Of an autoencoder; `per_image` has the PSNR of each example.
    transcription : Transcription or None
        Of lines of writing: what was read, what is there, the loss of each line.

    Examples
    --------
    >>> import tempfile
    >>> from glassnet.experiments import Predictions
    >>> kept = Predictions("test", np.arange(2), np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kept.save(f"{folder}/predictions.npz")
    ...     found = Predictions.load(f"{folder}/predictions.npz")
    >>> found.part, len(found), found.probabilities.argmax(axis=1)
    ('test', 2, array([0, 1]))
    """

    part: str
    indices: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[Any] | None = None
    reconstruction: Reconstruction | None = None
    transcription: Transcription | None = None

    def __len__(self) -> int:
        return len(self.indices)

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
        if (lines := self.transcription) is not None:
            arrays |= {f"{_LINES}read": _texts(lines.read), f"{_LINES}true": _texts(lines.true)}
            arrays[f"{_LINES}losses"] = lines.losses
            arrays |= {f"{_GROUP}{name}": _texts(values) for name, values in lines.groups.items()}
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
        if any(array.dtype != np.int64 or array.ndim != 1 for array in (labels, indices)):
            raise ValueError("labels and indices are not whole numbers, one for each example")
        if f"{_LINES}true" in arrays:
            return cls(str(arrays["part"]), indices, labels, transcription=_transcription(arrays))
        if indices.shape != labels.shape:
            raise ValueError("there is not one label for each example")
        if probabilities is not None and (probabilities.ndim != 2 or len(probabilities) != len(labels)):
            raise ValueError("there is not one row of probabilities for each example")
        if probabilities is not None:
            return cls(str(arrays["part"]), indices, labels, probabilities)
        return cls(str(arrays["part"]), indices, labels, reconstruction=_reconstruction(arrays))


def _texts(texts: Sequence[str]) -> npt.NDArray[np.str_]:
    return np.array(texts, dtype=np.str_)


def _transcription(arrays: dict[str, npt.NDArray[Any]]) -> Transcription:
    read, true, losses = (arrays[f"{_LINES}{name}"].tolist() for name in ("read", "true", "losses"))
    groups = {name.removeprefix(_GROUP): array.tolist() for name, array in arrays.items() if name.startswith(_GROUP)}
    return evaluate_transcription(read, true, losses, groups)


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
