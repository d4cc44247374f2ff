"""The network for single characters, and what an alphabet makes of its answers."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from glassnet.errors import ModelError
from glassnet.model import Model
from glassnet.reader.alphabet import ALPHABET, CLASSES
from glassnet.reader.settings import DEFAULTS, RecogniseSettings

__all__ = ["Recogniser"]

_MODEL = Path(__file__).parent / "characters.safetensors"

Floats = npt.NDArray[np.float64]


class Recogniser:
    """The network for single characters, told of an alphabet: what that leaves out counts for little.

    Parameters
    ----------
    model : Model, optional
        A model with the reader's classes; None takes the one that comes with the package.
    alphabet : str
        The characters that can be written, some of `ALPHABET`.
    settings : RecogniseSettings
        The thresholds.

    Raises
    ------
    ModelError
        The model has other classes.

    Examples
    --------
    >>> from glassnet.reader import Recogniser
    >>> Recogniser(alphabet="0123456789").probabilities(np.full((2, 32, 32, 1), 255, np.uint8)).shape
    (2, 80)
    """

    def __init__(
        self,
        model: Model | None = None,
        alphabet: str = ALPHABET,
        settings: RecogniseSettings = DEFAULTS.recognise,
    ) -> None:
        self.model = model or _packaged()
        if tuple(self.model.class_names) != CLASSES:
            raise ModelError(
                f"This model has {len(self.model.class_names)} classes; the reader needs its own {len(CLASSES)}: "
                "train one with recipes/reader-characters.toml."
            )
        self.alphabet = alphabet
        self.settings = settings
        allowed = np.array([c in alphabet for c in ALPHABET])
        fold = np.zeros((len(ALPHABET), len(ALPHABET)))
        for k, c in enumerate(ALPHABET):
            twin = c.swapcase()
            if allowed[k]:
                fold[k, k] = 1
            elif twin in alphabet:
                fold[k, ALPHABET.index(twin)] = settings.twin
            else:
                fold[k, k] = settings.foreign
        self._fold = fold

    def probabilities(self, crops: npt.NDArray[np.uint8], *, second_look: bool = True) -> Floats:
        """The probability of every class, (n, characters + 1); the last is "no character".

        Parameters
        ----------
        crops : (n, 32, 32, 1) uint8 array
            Framed pictures, black on white.
        second_look : bool
            What the network is unsure of it sees again, turned a little to either side, and what it says of the three
            is averaged. That is right more often and as sure as it should be, at up to three times the cost.
        """
        if len(crops) == 0:
            return np.zeros((0, len(CLASSES)))
        p = self.model.predict_proba(crops).astype(np.float64)
        unsure = np.flatnonzero(p.max(axis=1) < (self.settings.sure if second_look else 0.0))
        if len(unsure):
            doubtful, turns = crops[unsure], self.settings.turns
            turned = [ndimage.rotate(doubtful, t, axes=(1, 2), reshape=False, order=1, cval=255) for t in turns]
            p[unsure] = np.mean([p[unsure], *map(self.model.predict_proba, turned)], axis=0)
        among = np.concatenate([p[:, :-1] @ self._fold, p[:, -1:]], axis=1)
        result: Floats = among / (among.sum(axis=1, keepdims=True) + 1e-12)
        return result


@functools.lru_cache(maxsize=1)
def _packaged() -> Model:
    return Model.load(_MODEL)
