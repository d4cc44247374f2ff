"""Preprocessing: ordered steps between the stored images and the network, fitted on training data and saved with the
model.

Here, and nowhere else, uint8 pixels become float32: they are divided by 255 exactly once, before any other step,
whether or not `scale` is written (the notation of a fitted object always says it). Float images are taken to lie in
0..1 already.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.data.picture_files import Images, PictureFiles, pieces
from glassnet.data.steps import STEPS, Shape, Step
from glassnet.errors import DataError, NotationError, nearest
from glassnet.notation import parse

__all__ = ["Preprocess"]

Floats = npt.NDArray[np.float32]
_CHUNK_VALUES = 1 << 22  # fitting works on pieces of about 16 MB, so that it needs no second copy of the data
_GEOMETRY = ("grey", "invert", "resize")


class Preprocess:
    """Ordered preprocessing steps.

    Steps (in the notation, joined by `->`): `scale`, `invert`, `mean-image`, `standardise`, `whiten [K] [EPS]`, `grey`,
    `resize H W`, `multiply F`. See `glassnet.data.steps` for what each computes.

    Examples
    --------
    >>> from glassnet.data import Preprocess
    >>> images = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 1), np.uint8)
    >>> steps = Preprocess.parse("scale -> mean-image").fit(images)
    >>> float(np.abs(steps.transform(images).mean(axis=0)).max()) < 1e-6
    True
    """

    def __init__(self, steps: tuple[Step, ...] = ()) -> None:
        words = [step.word for step in steps]
        if "whiten" in words and any(w in _GEOMETRY for w in words[words.index("whiten") :]):
            raise NotationError(
                "After 'whiten' there are features, no longer pictures; put grey, invert and resize before it."
            )
        self.steps = steps
        self.input_shape: Shape | None = None

    @classmethod
    def parse(cls, notation: str) -> Preprocess:
        """Steps from their arrow notation, such as `"scale -> standardise"`; `""` and `"scale"` are the same.

        Raises `NotationError` for an unknown word (the nearest known one is suggested) or a wrong number.
        """
        steps: list[Step] = []
        for position, step in enumerate(parse(notation, "preprocessing") if notation.strip() else []):
            numbers, _ = step.split(())
            if step.word == "scale" and not numbers:
                if position:
                    raise NotationError("'scale' comes first: pixels are divided by 255 once, before any other step.")
                continue
            if step.word not in STEPS:
                known = ("scale", *STEPS)
                raise NotationError(
                    f"Unknown preprocessing step '{step.text[:60]}'.{nearest(step.word, known)}"
                    f" Known: {', '.join(known)}."
                )
            steps.append(STEPS[step.word].parse(numbers))
        return cls(tuple(steps))

    def notation(self) -> str:
        """The steps in arrow notation, `scale` first; `parse` of it gives the same steps."""
        return " -> ".join(["scale", *(step.notation() for step in self.steps)])

    def __repr__(self) -> str:
        return f"Preprocess('{self.notation()}'{'' if self.fitted else ', not fitted'})"

    @property
    def fitted(self) -> bool:
        """Whether every step has the statistics that it needs."""
        return all(step.fitted for step in self.steps)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(H, W, C) after all steps for images of (H, W, C); features after `whiten` are (1, 1, K).

        Raises `DataError` when a step cannot take such images.
        """
        shape = _three(input_shape)
        for step in self.steps:
            shape = step.output_shape(shape)
        return shape

    def fit(self, images: Images) -> Preprocess:
        """Compute the statistics of every step, in order, from training images; returns this object.

        images: (N, H, W, C) uint8 or float, or `PictureFiles`. Each step sees what the steps before it give. Sums are
        in float64.
        Raises `DataError` when a step cannot take the images or they have pixels that are not finite.
        """
        _check_images(images, (np.ndarray, PictureFiles))
        shape: Shape = (images.shape[1], images.shape[2], images.shape[3])
        self.output_shape(shape)
        for position, step in enumerate(self.steps):
            before = self.steps[:position]
            step.fit(lambda before=before: _pieces(images, before), shape)  # type: ignore[misc]
            shape = step.output_shape(shape)
        self.input_shape = (images.shape[1], images.shape[2], images.shape[3])
        return self

    def transform(self, images: npt.NDArray[Any], *, dtype: type = np.float32) -> Floats:
        """(N, H, W, C) uint8 or float images as (N, H', W', C') float32, always a new array.

        `dtype` np.float64 computes in that precision, for checks; the statistics stay those that were fitted.
        Raises `DataError` when a step was not fitted, or the images have another shape than those fitted on.
        """
        _check_images(images)
        for step in self.steps:
            if not step.fitted:
                raise DataError(
                    f"Preprocessing step '{step.notation()}' was not fitted; call fit with the training images first."
                )
        shape: Shape = (images.shape[1], images.shape[2], images.shape[3])
        if self.input_shape is not None and shape != self.input_shape:
            raise DataError(
                f"Preprocessing was fitted on images of {_x(self.input_shape)}. Got {_x(shape)} instead; resize "
                "them first."
            )
        self.output_shape(shape)
        return _apply(_to_float(images, dtype), self.steps)

    def adjoint(self, dy: Floats, image_shape: Shape) -> Floats:
        """The gradient (N, H, W, C) of the pixels, in their range 0..1, given that of what `transform` made of them.

        All steps are affine, so the gradient does not depend on the pixels: it is the transposed linear part of the
        steps, the last one first.

        Parameters
        ----------
        dy : (N, H', W', C') array
            The gradient of the preprocessed pictures; may be overwritten.
        image_shape : (int, int, int)
            (H, W, C) of the pictures.
        """
        shapes = [image_shape]
        for step in self.steps:
            shapes.append(step.output_shape(shapes[-1]))
        for step, shape in zip(reversed(self.steps), reversed(shapes[:-1]), strict=True):
            dy = step.adjoint(dy, shape)
        return dy

    def table(self, channels: int) -> tuple[Floats, tuple[Step, ...]]:
        """What the first steps make of every value of an 8-bit pixel, and the steps that are left.

        The first steps are all that look at one value of one channel, wherever in the image it stands (`scale`,
        `invert`, `multiply`, `standardise`). `table[c, v]` (C, 256) float32 has the very bits that `transform` gives,
        and a step that is left goes on from there by its `apply`.
        """
        count = next((i for i, step in enumerate(self.steps) if not step.pointwise), len(self.steps))
        values = np.repeat(np.arange(256, dtype=np.uint8), channels).reshape(256, 1, 1, channels)
        made = _apply(_to_float(values), self.steps[:count])
        return np.ascontiguousarray(made.reshape(256, channels).T), self.steps[count:]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What `restore` needs beside the notation: `input_shape` and each step's statistics, as `2.mean-image.mean`.

        Statistics are float32, the precision in which they are applied, so that a restored object gives the same bits.
        """
        found: dict[str, npt.NDArray[Any]] = {}
        if self.input_shape is not None:
            found["input_shape"] = np.asarray(self.input_shape, np.int64)
        for position, step in enumerate(self.steps, start=2):  # scale is step 1
            found |= {f"{position}.{step.word}.{key}": value for key, value in step.arrays().items()}
        return found

    @classmethod
    def restore(cls, notation: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Preprocess:
        """The object whose `notation()` and `arrays()` these are.

        Raises `NotationError` or `DataError` when an array is missing, too many, misshapen or not finite.
        """
        made = cls.parse(notation)
        rest = {str(key): np.asarray(value) for key, value in arrays.items()}
        shape: Shape | None = None
        if "input_shape" in rest:
            numbers = rest.pop("input_shape")
            if numbers.shape != (3,) or not np.issubdtype(numbers.dtype, np.integer):
                raise DataError(f"The saved 'input_shape' must be 3 whole numbers. Got shape {numbers.shape} instead.")
            shape = _three(tuple(int(n) for n in numbers))
            made.input_shape = shape
            made.output_shape(shape)
        for position, step in enumerate(made.steps, start=2):
            prefix = f"{position}.{step.word}."
            own = {key.removeprefix(prefix): rest.pop(key) for key in list(rest) if key.startswith(prefix)}
            if own or step.needs_fit:
                if shape is None:
                    raise DataError(
                        f"The saved preprocessing '{notation}' lacks 'input_shape'; the model file is incomplete."
                    )
                step.restore(own, shape)
            shape = step.output_shape(shape) if shape is not None else None
        if rest:
            raise DataError(f"The saved preprocessing has '{min(rest)}', which no step of '{notation}' asks for.")
        return made


def _three(shape: tuple[int, ...]) -> Shape:
    if len(shape) != 3 or min(shape) < 1:
        raise DataError(f"An image shape is H x W x C, each at least 1. Got {shape} instead.")
    return int(shape[0]), int(shape[1]), int(shape[2])


def _x(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _check_images(images: Images, kinds: Any = np.ndarray) -> None:
    if not isinstance(images, kinds) or images.ndim != 4 or 0 in images.shape:
        raise DataError(
            f"Images must be an array (N, H, W, C) with at least one. Got shape {np.shape(images)} instead."
        )
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise DataError(f"Images must be uint8 in 0..255 or float in 0..1. Got {images.dtype} instead.")


def _to_float(images: npt.NDArray[Any], dtype: type = np.float32) -> Floats:
    """uint8 / 255, or a copy of floats. One pass, one new array."""
    if images.dtype != np.uint8:
        return np.array(images, dtype=dtype, order="C")
    out: Floats = np.empty(images.shape, dtype)
    np.copyto(out, images)
    out /= dtype(255.0)
    return out


def _apply(x: Floats, steps: tuple[Step, ...]) -> Floats:
    for step in steps:
        x = step.apply(x)
    return x


def _pieces(images: Images, steps: tuple[Step, ...]) -> Any:
    """The training images piece by piece, through the steps before the one that is being fitted."""
    rows = max(1, _CHUNK_VALUES // math.prod(images.shape[1:]))
    for pixels in pieces(images, rows, "fitting the preprocessing"):
        piece = _to_float(pixels)
        if not np.isfinite(piece).all():
            raise DataError(
                "The training images have pixels that are NaN or infinite; repair or leave out those images."
            )
        yield _apply(piece, steps)
