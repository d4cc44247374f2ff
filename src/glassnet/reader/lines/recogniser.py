"""What a network says of whole lines: for every column of a line's picture, how probable each character is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from glassnet import threads
from glassnet.errors import ModelError
from glassnet.model import Model
from glassnet.reader.lines.alphabet import NAMES
from glassnet.reader.lines.widths import padded

__all__ = ["LineRecogniser"]

_PIXELS = 32 * 4096  # of a batch: more at once are no faster


class LineRecogniser:
    """A model of lines in use; it never changes, and threads may share it.

    Parameters
    ----------
    model : Model
        Of the task `transcription`, with the classes of `reader.lines.alphabet` and lines of one channel.

    Attributes
    ----------
    height : int
        Of the strips it takes, in pixels.

    Raises
    ------
    ModelError
        The model is of another task, or has other classes.
    """

    def __init__(self, model: Model) -> None:
        if model.task.word != "transcription" or tuple(model.class_names) != NAMES:
            raise ModelError("This model does not read lines: it has another task or other characters.")
        self.model = model
        self.height = model.network.input_shape[0]

    def scores(self, strips: Sequence[npt.NDArray[np.uint8]]) -> list[npt.NDArray[np.float32]]:
        """Log-probabilities (columns, 96) of strips (height, w) of ink; a strip's are the same whatever it stands with.

        Every column stands for as many pixels as the network makes one of; those of the padding are included. The
        classes are those of `CHARACTERS`, then the blank.
        """
        pictures = [padded(strip) for strip in strips]
        found: dict[int, npt.NDArray[np.float32]] = {}
        for width in sorted({picture.shape[1] for picture in pictures}):
            places = [place for place, picture in enumerate(pictures) if picture.shape[1] == width]
            most = max(1, _PIXELS // (self.height * width))
            for some in (places[start : start + most] for start in range(0, len(places), most)):
                found |= dict(zip(some, self._batch(np.stack([pictures[place] for place in some])), strict=True))
        return [found[place] for place in range(len(pictures))]

    @threads.single_blas_thread()
    def _batch(self, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        x = self.model.preprocess.transform(pictures[..., None])
        scores = self.model.network.at(x.shape[1:]).infer(x)
        scores = scores.reshape(len(x), -1, scores.shape[-1])
        scores -= scores.max(axis=2, keepdims=True)
        scores -= np.log(np.exp(scores).sum(axis=2, keepdims=True))
        return scores
