"""What a network says of whole lines: for every column of a line's picture, how probable each character is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from glassnet.data.lines import by_width
from glassnet.errors import ModelError
from glassnet.model import Model
from glassnet.nn.loss import columns
from glassnet.reader.lines.alphabet import NAMES
from glassnet.reader.lines.widths import padded

__all__ = ["LineRecogniser"]


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
        for places in by_width(np.array([picture.shape[1] for picture in pictures]), len(pictures)):
            scores = columns(self.model.scores(np.stack([pictures[place] for place in places])[..., None]))
            scores -= scores.max(axis=2, keepdims=True)
            scores -= np.log(np.exp(scores).sum(axis=2, keepdims=True))
            found |= dict(zip(places.tolist(), scores, strict=True))
        return [found[place] for place in range(len(pictures))]
