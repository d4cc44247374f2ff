"""The recogniser of whole lines that comes with the package, ready to read."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from glassnet.model import Model
from glassnet.reader.lines.confidence import Map
from glassnet.reader.lines.decoder import DECODING, Decoder
from glassnet.reader.lines.language import of
from glassnet.reader.lines.line_reader import LineReader
from glassnet.reader.lines.recogniser import LineRecogniser

__all__ = ["line_reader", "packaged"]

_MODEL = Path(__file__).parent / "lines.safetensors"

# Fitted to this model, and read with English: `python -m benchmarks.decoding MODEL --only tune`.
_CALIBRATED = replace(DECODING, characters=Map(0.6142, -0.0174), words=Map(1.0395, -0.3647))


def line_reader(
    model: Model | None = None,
    *,
    alphabet: str | None = None,
    words: Collection[str] | None = None,
    language: str | Path = "english",
) -> LineReader:
    """What reads strips.

    Parameters
    ----------
    model : Model, optional
        A model of lines; None takes the one that comes with the package.
    alphabet : str, optional
        The characters that are possible, beside the space; None: all.
    words : collection of str, optional
        A word list: its words are preferred, others stay possible.
    language : str or Path
        See `glassnet.reader.lines.language.of`.

    Raises
    ------
    GlassnetError
        The model does not read lines, or the alphabet, the list or the language cannot be used.
    """
    decoder = Decoder(alphabet=alphabet, words=words, language=of(language), settings=_CALIBRATED)
    return LineReader(LineRecogniser(model or packaged()), decoder, Decoder(alphabet=alphabet, greedy=True))


@functools.cache
def packaged() -> Model:
    """The model of lines that comes with the package."""
    return Model.load(_MODEL)
