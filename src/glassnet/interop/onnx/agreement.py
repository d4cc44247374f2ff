"""An ONNX file against the model that it was written from: both on the same pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.errors import GlassnetError, ModelError
from glassnet.interop.onnx.library import runtime_library
from glassnet.model import Model
from glassnet.nn.functional.arrays import Array

__all__ = ["TOLERANCE", "Agreement", "compare", "generated_pictures", "run_onnx"]

TOLERANCE = 1e-5  # of the largest score: float32 sums in another order differ by some 1e-6


@dataclass(frozen=True)
class Agreement:
    """How far two computations of the same scores are apart.

    Attributes
    ----------
    pictures : int
        How many were compared.
    difference : float
        The largest difference of two scores.
    largest : float
        The largest score, by its absolute value.
    decided : int or None
        Pictures whose two best classes are further apart than rounding may bring; None where there are no classes.
    same_class : int or None
        Those of them that both take for the same class.
    """

    pictures: int
    difference: float
    largest: float
    decided: int | None
    same_class: int | None

    @property
    def relative(self) -> float:
        """The difference as a share of the largest score."""
        return self.difference / self.largest if self.largest else self.difference

    @property
    def agrees(self) -> bool:
        """Whether scores and classes are the same but for rounding."""
        return self.relative <= TOLERANCE and self.decided == self.same_class


def run_onnx(content: bytes, images: Array, step: int = 64) -> Array:
    """The first output of an ONNX file for its one input, (n, ...), so many examples at once.

    Raises `ModelError` where onnxruntime is not installed or cannot run it.
    """
    runtime = runtime_library()
    if runtime is None:
        raise ModelError("The package onnxruntime is not installed; pip install 'glassnet[onnx]'.")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads.count()
    try:
        session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        given, wanted = session.get_inputs()[0].name, session.get_outputs()[0].name
        parts = [session.run([wanted], {given: images[i : i + step]})[0] for i in range(0, len(images), step)]
    except Exception as error:  # onnxruntime has a class of its own for each reason
        raise ModelError(f"onnxruntime cannot run the file: {error}") from error
    return np.concatenate(parts)


def compare(content: bytes, model: Model, images: Array) -> Agreement:
    """The scores of an ONNX file (as `to_onnx` wrote it) in onnxruntime against the model's own.

    Parameters
    ----------
    content : bytes
        The file.
    model : Model
        The model that it was written from.
    images : (n, H, W, C) array
        Pictures of the model's shape, uint8 if the file takes bytes, else float32.

    Raises
    ------
    GlassnetError
        onnxruntime is not installed or cannot run the file.
    """
    if len(images) == 0:
        raise GlassnetError("At least one picture is needed for a comparison.")
    ours = model.scores(images)
    there = images[:, 0, 0] if model.takes_rows else np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    its = run_onnx(content, there, model.batch)
    difference, largest = float(np.abs(its - ours).max()), float(np.abs(ours).max())
    decided = same = None
    if not model.task.rebuilds:
        best = np.sort(ours, axis=1)
        clear = best[:, -1] - best[:, -2] > TOLERANCE * largest
        decided, same = int(clear.sum()), int((clear & (its.argmax(axis=1) == ours.argmax(axis=1))).sum())
    return Agreement(len(images), difference, largest, decided, same)


def generated_pictures(model: Model, count: int, pixels: str) -> Array:
    """(count, H, W, C) of random numbers: every pixel by itself, and as many that are smooth along rows and columns."""
    rng = np.random.default_rng(0)
    height, width, channels = model.image_shape
    if model.takes_rows:
        return rng.standard_normal((count, 1, 1, channels), np.float32)
    noise = rng.random((count, height, width, channels), np.float32)
    smooth: Any = noise[::2]
    for axis, size in ((1, height), (2, width)):
        smooth = np.cumsum(smooth - 0.5, axis=axis) / np.sqrt(size)
    noise[::2] = (smooth + 0.5).clip(0, 1)
    return np.round(255 * noise).astype(np.uint8) if pixels == "uint8" else noise
