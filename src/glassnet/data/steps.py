"""The preprocessing steps, one class each: what it computes, what it must be fitted on, what shape it gives.

A step takes and gives float32 (N, H, W, C) and may write into what it is given. Statistics are summed in float64
and kept in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from glassnet.errors import DataError, NotationError
from glassnet.notation import as_real, as_whole, real_text

__all__ = ["STEPS", "Grey", "Invert", "MeanImage", "Multiply", "Resize", "Shape", "Standardise", "Step", "Whiten"]

Shape = tuple[int, int, int]
Floats = npt.NDArray[np.float32]
Pieces = Callable[[], Iterable[Floats]]  # may be called several times, once a pass over the data

_LARGEST_SIDE = 4096
_MOST_FEATURES = 8192  # the covariance of more would not fit into memory
_BRIGHTNESS = np.array([[0.299], [0.587], [0.114]], np.float32)  # ITU-R BT.601


class Step:
    """A step without numbers and without statistics; the others override what they need."""

    word: ClassVar[str] = ""
    usage: ClassVar[str] = ""
    statistics: ClassVar[tuple[str, ...]] = ()
    pointwise: ClassVar[bool] = False  # whether every value depends on that value and its channel alone

    def __init__(self) -> None:
        self._found: dict[str, Floats] = {}

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        """The step from the words after its name. Raises `NotationError`."""
        if words:
            raise NotationError(f"Preprocessing step '{cls.word}' takes no numbers. Got '{' '.join(words)[:60]}'.")
        return cls()

    def notation(self) -> str:
        """The step as it is written."""
        return self.word

    @property
    def needs_fit(self) -> bool:
        """Whether the step has statistics."""
        return bool(self.statistics)

    @property
    def fitted(self) -> bool:
        """Whether the statistics are there."""
        return all(name in self._found for name in self.statistics)

    def output_shape(self, shape: Shape) -> Shape:
        """(H, W, C) after the step. Raises `DataError` when it cannot take such images."""
        return shape

    def fit(self, pieces: Pieces, shape: Shape) -> None:
        """Compute the statistics from the training images, given in pieces."""

    def apply(self, x: Floats) -> Floats:
        """The step itself."""
        raise NotImplementedError

    def adjoint(self, dy: Floats, shape: Shape) -> Floats:
        """The gradient of the step's input (N, H, W, C) of `shape`, given that of its output.

        Every step is affine, y = A x + b, so dx = A^T dy whatever x is. May write into dy.
        """
        raise NotImplementedError

    def arrays(self) -> dict[str, Floats]:
        """The statistics by name."""
        return dict(self._found)

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]], shape: Shape) -> None:
        """Take statistics that `arrays` gave. Raises `DataError` when they do not fit."""
        expected = self._statistic_shapes(shape)
        if set(arrays) != set(expected):
            raise DataError(
                f"The saved step '{self.notation()}' must have {', '.join(expected) or 'no statistics'}. "
                f"Got {', '.join(sorted(arrays)) or 'none'} instead."
            )
        for name, wanted in expected.items():
            value = np.asarray(arrays[name])
            if value.shape != wanted or value.dtype.kind != "f" or not np.isfinite(value).all():
                raise DataError(
                    f"The saved '{name}' of step '{self.notation()}' must be finite numbers of shape {wanted}. "
                    f"Got {value.dtype} with shape {value.shape} instead."
                )
            self._found[name] = np.ascontiguousarray(value, np.float32)

    def _statistic_shapes(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        return {}


class Invert(Step):
    """y = 1 - x: ink and paper change places."""

    word = usage = "invert"
    pointwise = True

    def apply(self, x: Floats) -> Floats:
        return np.subtract(np.float32(1.0), x, out=x)

    def adjoint(self, dy: Floats, shape: Shape) -> Floats:
        return np.negative(dy, out=dy)


class Multiply(Step):
    """y = F x. `multiply 255` goes back to the range of the stored pixels, as some published recipes have it."""

    word, usage = "multiply", "multiply F"
    pointwise = True

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        (factor,) = _numbers(cls.usage, words, 1)
        if factor == 0.0 or not 1e-30 < abs(factor) < 1e30:
            raise NotationError(
                f"'{cls.usage}' needs a factor other than 0 that float32 can hold. Got {words[0]} instead."
            )
        return cls(factor)

    def notation(self) -> str:
        return f"multiply {real_text(self.factor)}"

    def apply(self, x: Floats) -> Floats:
        return np.multiply(x, np.float32(self.factor), out=x)

    def adjoint(self, dy: Floats, shape: Shape) -> Floats:
        return self.apply(dy)


class MeanImage(Step):
    """y = x - m, with m (H, W, C) the mean of the training images, pixel by pixel."""

    word = usage = "mean-image"
    statistics = ("mean",)

    def fit(self, pieces: Pieces, shape: Shape) -> None:
        self._found["mean"] = _mean(pieces, (0,)).astype(np.float32)

    def apply(self, x: Floats) -> Floats:
        return np.subtract(x, self._found["mean"], out=x)

    def adjoint(self, dy: Floats, shape: Shape) -> Floats:
        return dy

    def _statistic_shapes(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        return {"mean": shape}


class Standardise(Step):
    """y = (x - mean) / std, one mean and one (population) standard deviation a channel, over all training pixels.

    A channel that is constant in the training data (std below 1e-6) is centred and not divided.
    """

    word = usage = "standardise"
    statistics = ("mean", "std")
    pointwise = True

    def fit(self, pieces: Pieces, shape: Shape) -> None:
        mean = _mean(pieces, (0, 1, 2))
        count, squares = 0, np.zeros(shape[2])
        for piece in pieces():  # a second pass: the squares of deviations, which do not cancel
            deviation = piece.reshape(-1, shape[2]).astype(np.float64) - mean
            squares += np.einsum("nc,nc->c", deviation, deviation)
            count += len(deviation)
        std = np.sqrt(squares / count)
        self._found["mean"] = mean.astype(np.float32)
        self._found["std"] = np.where(std < 1e-6, 1.0, std).astype(np.float32)

    def apply(self, x: Floats) -> Floats:
        x -= self._found["mean"]
        return np.divide(x, self._found["std"], out=x)

    def adjoint(self, dy: Floats, shape: Shape) -> Floats:
        return np.divide(dy, self._found["std"], out=dy)

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]], shape: Shape) -> None:
        super().restore(arrays, shape)
        if (self._found["std"] <= 0).any():
            raise DataError("The saved 'std' of step 'standardise' must be above 0.")

    def _statistic_shapes(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        return {"mean": (shape[2],), "std": (shape[2],)}


class Whiten(Step):
    """PCA whitening: y = (x - mean) V / sqrt(lambda + eps), with V and lambda the eigenvectors and eigenvalues of the
    training images' covariance (flattened to D = H W C features), largest first.

    The K features (default D) are not pixels any more: the output is (1, 1, K). Each eigenvector's sign is such that
    its largest entry is positive. eps (default 1e-5) keeps directions without variance from being blown up.
    """

    word, usage = "whiten", "whiten [K] [EPS]"
    statistics = ("mean", "matrix")

    def __init__(self, components: int | None = None, eps: float = 1e-5) -> None:
        super().__init__()
        self.components, self.eps = components, eps

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        numbers = _numbers(cls.usage, words, 0, 2)
        components: int | None = None
        if numbers and numbers[0] >= 1:
            components = _whole(cls.usage, words[0], _MOST_FEATURES)
            numbers = numbers[1:]
        if len(numbers) > 1 or (numbers and not 0.0 < numbers[0] < 1.0):
            raise NotationError(
                f"'{cls.usage}' takes a number of components from 1 and an eps between 0 and 1. Got "
                f"'{' '.join(words)}'."
            )
        return cls(components, numbers[0]) if numbers else cls(components)

    def notation(self) -> str:
        words = ["whiten"] + ([str(self.components)] if self.components is not None else [])
        return " ".join(words + ([real_text(self.eps)] if self.eps != 1e-5 else []))

    def output_shape(self, shape: Shape) -> Shape:
        features = math.prod(shape)
        if features > _MOST_FEATURES:
            raise DataError(
                f"'{self.notation()}' takes up to {_MOST_FEATURES} values per image. Got {features} instead; resize "
                "first."
            )
        if self.components is not None and self.components > features:
            raise DataError(
                f"'{self.notation()}' asks for {self.components} components; an image has {features} values only."
            )
        return 1, 1, self.components or features

    def fit(self, pieces: Pieces, shape: Shape) -> None:
        from scipy import linalg

        features, kept = math.prod(shape), self.output_shape(shape)[2]
        mean = _mean(pieces, (0,)).reshape(features)
        count, covariance = 0, np.zeros((features, features))
        for piece in pieces():
            centred = piece.reshape(-1, features).astype(np.float64) - mean
            covariance += centred.T @ centred
            count += len(centred)
        values, vectors = linalg.eigh(covariance / count, subset_by_index=(features - kept, features - 1))
        values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
        strongest = vectors[np.abs(vectors).argmax(axis=0), np.arange(kept)]
        self._found["mean"] = mean.astype(np.float32)
        matrix = vectors * (np.sign(strongest) / np.sqrt(values + self.eps))
        # In the order of memory in which a file restores it: in another one products are rounded differently.
        self._found["matrix"] = matrix.astype(np.float32, order="C")

    def apply(self, x: Floats) -> Floats:
        flat = x.reshape(len(x), -1)
        flat -= self._found["mean"]
        return (flat @ self._found["matrix"])[:, None, None, :]

    def adjoint(self, dy: Floats, shape: Shape) -> Floats:
        return (dy.reshape(len(dy), -1) @ self._found["matrix"].T).reshape(len(dy), *shape)

    def _statistic_shapes(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        return {"mean": (math.prod(shape),), "matrix": (math.prod(shape), self.output_shape(shape)[2])}


class Grey(Step):
    """y = 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601); an image that is grey already passes unchanged."""

    word = usage = "grey"

    def output_shape(self, shape: Shape) -> Shape:
        if shape[2] not in (1, 3):
            raise DataError(f"Preprocessing step 'grey' takes 1 or 3 channels. Got {shape[2]} instead.")
        return shape[0], shape[1], 1

    def apply(self, x: Floats) -> Floats:
        if x.shape[3] == 1:
            return x
        # (N, H, W, 3) @ (3, 1) -> (N, H, W, 1)
        y: Floats = x @ _BRIGHTNESS
        return y

    def adjoint(self, dy: Floats, shape: Shape) -> Floats:
        return dy if shape[2] == 1 else dy * _BRIGHTNESS[:, 0]


class Resize(Step):
    """y = A x B^T in every channel: linear interpolation along rows and columns. When an image shrinks, the triangle
    is widened by the factor, so that every pixel counts (antialiasing, as Pillow's bilinear resize does)."""

    word, usage = "resize", "resize H W"

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        _numbers(cls.usage, words, 2)
        return cls(_whole(cls.usage, words[0], _LARGEST_SIDE), _whole(cls.usage, words[1], _LARGEST_SIDE))

    def notation(self) -> str:
        return f"resize {self.height} {self.width}"

    def output_shape(self, shape: Shape) -> Shape:
        return self.height, self.width, shape[2]

    def apply(self, x: Floats) -> Floats:
        n, h, w, c = x.shape
        if (h, w) == (self.height, self.width):
            return x
        down = interpolation_matrix(h, self.height)
        across = interpolation_matrix(w, self.width)
        # (H', H) @ (N, H, W*C) -> (N, H', W*C), then (W', W) @ (N, H', W, C) -> (N, H', W', C)
        rows = np.matmul(down, x.reshape(n, h, w * c)).reshape(n, self.height, w, c)
        y: Floats = np.matmul(across, rows)
        return y

    def adjoint(self, dy: Floats, shape: Shape) -> Floats:
        (h, w, c), n = shape, len(dy)
        if (h, w) == (self.height, self.width):
            return dy
        down, across = interpolation_matrix(h, self.height).T, interpolation_matrix(w, self.width).T
        # (W, W') @ (N, H', W', C) -> (N, H', W, C), then (H, H') @ (N, H', W*C) -> (N, H, W*C)
        columns = np.matmul(across, dy).reshape(n, self.height, w * c)
        dx: Floats = np.matmul(down, columns).reshape(n, h, w, c)
        return dx


def interpolation_matrix(size: int, wanted: int) -> Floats:
    """(wanted, size) float32: each row the triangle weights, summing to 1, of one output pixel over the input
    pixels.
    """
    stretch = max(size / wanted, 1.0)
    centres = (np.arange(wanted) + 0.5) * size / wanted
    distance = np.abs(np.arange(size)[None, :] + 0.5 - centres[:, None]) / stretch
    weights = np.maximum(1.0 - distance, 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _mean(pieces: Pieces, axes: tuple[int, ...]) -> npt.NDArray[np.float64]:
    total: Any = 0.0
    count = 0
    for piece in pieces():
        total = total + piece.sum(axis=axes, dtype=np.float64)
        count += math.prod(piece.shape[axis] for axis in axes)
    return np.asarray(total / count, np.float64)


def _numbers(usage: str, words: Sequence[str], least: int, most: int | None = None) -> list[float]:
    most = least if most is None else most
    numbers = [as_real(word) for word in words]
    if not least <= len(words) <= most or not all(math.isfinite(number) for number in numbers):
        raise NotationError(
            f"Preprocessing step '{usage}' cannot be read from '{usage.split()[0]} {' '.join(words)[:60]}'; write "
            "it like that."
        )
    return numbers


def _whole(usage: str, word: str, most: int) -> int:
    number = as_whole(word)
    if number is None or not 1 <= number <= most:
        raise NotationError(
            f"Preprocessing step '{usage}' needs whole numbers from 1 to {most}. Got '{word[:20]}' instead."
        )
    return number


STEPS: dict[str, type[Step]] = {
    step.word: step for step in (Invert, MeanImage, Standardise, Whiten, Grey, Resize, Multiply)
}
