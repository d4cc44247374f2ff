"""Fine-tuning the recogniser of lines to one hand, by a few lines of which the text is known.

The strips are seen again and again, each time a little wider or narrower, taller or flatter, higher or lower, and
damaged as a photograph would. All weights are trained for some dozens of steps, at a rate that rises and falls; then
the mean is taken of what they were and what they have become,

    w = kept w_before + (1 - kept) w_after

since ten lines show few letters, and what the network knows of other hands still helps to read this one.

The numbers were chosen on some of UNIPEN's validation writers: `python -m benchmarks.learning --tuned-on`.

Source of the mean: M. Wortsman et al., "Robust fine-tuning of zero-shot models", 2022.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image
from rapidfuzz.distance import Levenshtein

from glassnet.data import LineSet
from glassnet.data.streams import generator
from glassnet.engines import NativeEngine
from glassnet.errors import ReaderError
from glassnet.model import Model
from glassnet.optim import AdamW
from glassnet.reader.lines.alphabet import CHARACTERS, encode
from glassnet.reader.lines.damage import damaged
from glassnet.reader.lines.decoder import Decoder
from glassnet.reader.lines.recogniser import LineRecogniser
from glassnet.reader.lines.strips import HEIGHT
from glassnet.reader.lines.widths import together
from glassnet.train import Progress, Trainer

__all__ = ["LEARNING", "KnownLine", "LearnSettings", "learn", "misread"]

_STREAM = 0x1EA4  # keeps these random numbers apart from all other streams of the seed

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class KnownLine:
    """A strip (32, width) of uint8, 255 full ink, and what it reads."""

    picture: npt.NDArray[np.uint8]
    text: str


@dataclass(frozen=True)
class LearnSettings:
    """How lines are learnt.

    Attributes
    ----------
    steps : int
        Of the optimiser, for a batch each.
    batch : int
        Lines of a step.
    lr : float
        The highest learning rate.
    kept : float
        Share of the weights as they were in the mean, from 0 to 1.
    stretch : float
        Deviation of the logarithm of the factor by which a strip is made wider.
    damage : float
        From 0, none, to 1.
    """

    steps: int = 80
    batch: int = 8
    lr: float = 0.0005
    kept: float = 0.3
    stretch: float = 0.08
    damage: float = 0.4


LEARNING = LearnSettings()


def learn(
    model: Model,
    lines: Sequence[KnownLine],
    *,
    seed: int = 0,
    settings: LearnSettings = LEARNING,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Model:
    """A model that reads the hand of these lines better; the one given stays as it is.

    Parameters
    ----------
    model : Model
        Reads lines.
    lines : sequence of KnownLine
        By one hand.
    seed : int
        Of all that is drawn: equal seeds give equal bits.
    settings : LearnSettings
        How.
    told : callable
        Called as `told(steps taken, steps in all)`.

    Raises
    ------
    ReaderError
        There are no lines, or one has a character that the model does not know.
    """
    if not lines:
        raise ReaderError("There are no lines to learn from.")
    for line in lines:
        if unknown := sorted(set(line.text) - set(CHARACTERS)):
            raise ReaderError(
                f"The line '{line.text}' has '{unknown[0]}', which the model does not know. It reads printable ASCII:"
                " write the line with these characters, or leave it out."
            )
    trainer = Trainer(
        engine=NativeEngine(copy.deepcopy(model.network), model.loss, AdamW(lr=settings.lr), clip=5.0),
        preprocess=model.preprocess,
        schedule="onecycle, warmup 0.2",
        epochs=1,
        batch=settings.batch,
        seed=seed,
    )
    data = LineSet(
        _Varied(lines, settings, seed), model.class_names, height=HEIGHT, name="lines of one hand", sha256=""
    )
    learnt = trainer.fit(data, progress=_Told(told, settings.steps))
    before, after = model.network.arrays(), learnt.network.arrays()
    kept = np.float32(settings.kept)
    learnt.network.load_arrays({name: kept * before[name] + (1 - kept) * array for name, array in after.items()})
    return replace(learnt, card={**model.card, "learnt_lines": len(lines)}).in_precision(model.precision)


def misread(model: Model, lines: Sequence[KnownLine]) -> int:
    """How many characters of lines a model reads wrong (Levenshtein 1966), by the picture alone."""
    read, scores = Decoder(greedy=True), LineRecogniser(model).scores([line.picture for line in lines])
    return sum(Levenshtein.distance(read(s).text, line.text) for s, line in zip(scores, lines, strict=True))


class _Told(Progress):
    """Passes on how many steps have been taken."""

    def __init__(self, told: Callable[[int, int], None], steps: int) -> None:
        self.told, self.steps = told, steps

    def step(self, step: int, loss: float) -> None:
        self.told(step, self.steps)


class _Varied:
    """Known lines over and over, each time a little different, as `glassnet.data.lines.Lines`."""

    def __init__(self, lines: Sequence[KnownLine], settings: LearnSettings, seed: int) -> None:
        self.lines, self.settings, self.seed = lines, settings, seed

    def __len__(self) -> int:
        return self.settings.steps * self.settings.batch

    def take(self, indices: npt.NDArray[np.int64], epoch: int) -> tuple[Floats, list[list[int]]]:
        """Strips (n, 32, width, 1) in [0, 1], filled up to the widest padded width among them, and their labels."""
        own = [self.lines[int(index) % len(self.lines)] for index in indices]
        rngs = [generator(self.seed, _STREAM, epoch, int(index)) for index in indices]
        made = [self._varied(line.picture, rng) for line, rng in zip(own, rngs, strict=True)]
        return together(made), [encode(line.text) for line in own]

    def _varied(self, picture: npt.NDArray[np.uint8], rng: np.random.Generator) -> Floats:
        """A strip a little wider or narrower, taller or flatter, and moved up or down by a pixel or so."""
        height, width = picture.shape
        wide = max(8, round(width * float(np.exp(rng.normal(0, self.settings.stretch)))))
        tall = float(np.clip(np.exp(rng.normal(0, self.settings.stretch / 2)), 0.85, 1.1))
        top = rng.normal(0, 0.7) + (height - height / tall) / 2
        ink = Image.fromarray(picture).transform(
            (wide, height),
            Image.Transform.AFFINE,
            (width / wide, 0, 0, 0, 1 / tall, top),
            Image.Resampling.BILINEAR,
        )
        return damaged(np.asarray(ink, np.float32) / np.float32(255), rng, self.settings.damage)
