"""A classifier as an attack sees it: pixels in, scores out, and the gradient of any function of the scores."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.data import Preprocess
from glassnet.engines import Engine, NativeEngine
from glassnet.errors import TrainingInterrupted
from glassnet.model import Model
from glassnet.nn.first_use import pixel_gradients
from glassnet.nn.functional.arrays import Array
from glassnet.nn.kernels.ahead import ahead
from glassnet.optim import SGD

__all__ = ["Victim"]


class Victim:
    """An engine behind its preprocessing. All pixels lie in [0, 1]; (N, H, W, C) as everywhere.

    Attacks work on the pixels as they are stored, before any preprocessing: the gradient passes through it by its
    adjoint. So the same network gives the same answer whether its input is standardised by a step of the preprocessing
    or by its first layer.

    Parameters
    ----------
    engine : Engine
        What computes scores and the gradients of inputs.
    preprocess : Preprocess
        Fitted.
    image_shape : (int, int, int)
        (H, W, C) of the pictures.
    batch : int
        How many pictures go through the network at once.
    dtype : np.float32 or np.float64
        np.float32, or np.float64 for comparisons with an exact answer.

    Attributes
    ----------
    passes : int
        Pictures that went through the network so far: forward, and forward and back, count as one each.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> victim = Victim.of(glassnet.fit("digits", "linear", epochs=1, verbose=False).model)
    >>> victim.scores(np.zeros((2, 8, 8, 1))).shape, victim.passes
    ((2, 10), 2)
    """

    def __init__(
        self,
        engine: Engine,
        preprocess: Preprocess,
        image_shape: tuple[int, int, int],
        *,
        batch: int = 256,
        dtype: type = np.float32,
    ) -> None:
        self.engine, self.preprocess, self.image_shape = engine, preprocess, image_shape
        self.batch, self.dtype = batch, dtype
        self.passes = 0
        self.stop: threading.Event | None = None  # set by another thread: the work is not wanted any more

    @classmethod
    def of(cls, model: Model, *, dtype: type = np.float32) -> Victim:
        """A model's network. Raises `ModelError` where it names no classes.

        With np.float64 it is a copy in that precision.
        """
        model.task.require_classes("There is no answer that could be changed.")
        network = model.network if model.network.dtype == dtype else model.network.astype(dtype)
        engine = NativeEngine(network, model.loss, SGD(0.0))
        return cls(engine, model.preprocess, model.image_shape, batch=model.batch, dtype=dtype)

    def pixels(self, stored: Array) -> Array:
        """Bytes (N, H, W, C) as numbers in [0, 1], in the victim's precision."""
        found: Array = (stored / 255.0).astype(self.dtype)
        return found

    @property
    def copies(self) -> bool:
        """Whether `copy` can be called."""
        return type(self.engine) is NativeEngine

    def copy(self) -> Victim:
        """A victim with a copy of the network, for another thread."""
        network = self.engine.network.astype(self.dtype)
        engine = NativeEngine(network, self.engine.loss, SGD(0.0))
        return Victim(engine, self.preprocess, self.image_shape, batch=self.batch, dtype=self.dtype)

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return int(self.engine.network.output_shape[0])

    def scores(self, x: Array) -> Array:
        """Scores (N, K) of pictures x (N, H, W, C): floats in [0, 1], or bytes."""
        self._go_on(len(x))
        parts = [self._scores(x[i : i + self.batch]) for i in range(0, len(x), self.batch)]
        return np.concatenate(parts) if parts else np.empty((0, self.classes), self.dtype)

    def _go_on(self, pictures: int) -> None:
        if self.stop is not None and self.stop.is_set():
            raise TrainingInterrupted("The attack was stopped.")
        self.passes += pictures

    def _scores(self, x: Array) -> Array:
        with threads.single_blas_thread():
            return self.engine.scores(self.preprocess.transform(x, dtype=self.dtype))

    def input_gradient(self, x: Array, dscores: Callable[[Array, slice], Array]) -> tuple[Array, Array]:
        """Scores (N, K) of pictures x (N, H, W, C), and the gradient (N, H, W, C) of their pixels.

        Parameters
        ----------
        x : (N, H, W, C) array
            Floats in [0, 1].
        dscores : callable
            Called with the scores (n, K) of some pictures and their places; gives the scores' gradient (n, K).
        """
        self._go_on(len(x))
        scores, gradients = [], []
        for start in range(0, len(x), self.batch):
            part = slice(start, start + self.batch)
            with threads.single_blas_thread():
                made = self.preprocess.transform(x[part], dtype=self.dtype)

            def upstream(found: Any, part: slice = part) -> Any:
                return np.asarray(dscores(found, part), self.dtype, order="C")

            with ahead(partial(pixel_gradients, self.engine.network, len(made))):
                out, gradient = self.engine.input_gradient(made, upstream)
            scores.append(out)
            with threads.single_blas_thread():
                gradients.append(self.preprocess.adjoint(gradient, self.image_shape))
        if not scores:
            return np.empty((0, self.classes), self.dtype), np.empty(x.shape, self.dtype)
        return np.concatenate(scores), np.concatenate(gradients)

    def output_at(self, layer: str, x: Array) -> Array:
        """The output (N, ...) of one layer of the network, by its name, for pictures x (N, H, W, C) as in `scores`."""
        self._go_on(len(x))
        parts = []
        for start in range(0, len(x), self.batch):
            with threads.single_blas_thread():
                made = self.preprocess.transform(x[start : start + self.batch], dtype=self.dtype)
            parts.append(self.engine.output_at(layer, made))
        return np.concatenate(parts)

    def gradient_at(self, layer: str, x: Array, dscores: Callable[[Array], Array]) -> tuple[Array, Array, Array]:
        """Scores (N, K) of pictures x (N, H, W, C), the output (N, ...) of one layer, and the gradient of that.

        All pictures go through the network at once. `dscores` is called with the scores and gives their gradient.
        """
        self._go_on(len(x))
        with threads.single_blas_thread():
            made = self.preprocess.transform(x, dtype=self.dtype)
        return self.engine.gradient_at(layer, made, lambda scores: np.asarray(dscores(scores), self.dtype, order="C"))
