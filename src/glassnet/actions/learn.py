"""Teaching the reader of lines one hand, by pages of which the text is known."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet import threads as pool
from glassnet.actions.events import Events
from glassnet.data.pdf import read_pdf_page
from glassnet.errors import ReaderError
from glassnet.model import Model
from glassnet.reader import Reader, WholeLineReader
from glassnet.reader.evaluate import KnownText, known_texts
from glassnet.reader.lines.learning import LEARNING, KnownLine, LearnSettings, learn, misread
from glassnet.reader.lines.packaged import line_reader, packaged

__all__ = ["HandLearnt", "learn_hand"]

_FEW = 6  # lines below which the error on other lines is not estimated


@dataclass(frozen=True, eq=False)
class HandLearnt:
    """What came of learning a hand.

    Attributes
    ----------
    file : Path
        The model.
    lines : int
        That were learnt.
    left_out : tuple of str
        Texts whose lines are not as many as were found, and how many there are of each.
    before, after : float or None
        Character error rates of the lines by the picture alone: as they were read before, and each half after the
        other half was learnt. None where there are too few.
    seconds : float
        That it took.
    """

    file: Path
    lines: int
    left_out: tuple[str, ...]
    before: float | None
    after: float | None
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        found = {name: getattr(self, name) for name in ("lines", "left_out", "before", "after", "seconds")}
        return {**found, "files": [self.file]}


def learn_hand(
    folder: str | Path,
    out: str | Path,
    *,
    model: str | Path | None = None,
    seed: int = 0,
    settings: LearnSettings = LEARNING,
    threads: int | None = None,
    events: Events | None = None,
) -> HandLearnt:
    """Fine-tune a model of lines to one hand.

    Parameters
    ----------
    folder : path
        Pictures and PDFs with their texts beside them, as `glassnet.reader.evaluate.known_texts` takes them; each line
        of a text is one line of writing.
    out : path
        The model file to write.
    model : path, optional
        A model of lines to begin with; None takes the packaged one.
    seed : int
        Of all that is drawn: equal seeds give equal bits.
    settings : LearnSettings
        How lines are learnt.
    threads : int, optional
        Threads to use; None takes every core.
    events : Events, optional
        Told what is done and what is left out.

    Raises
    ------
    GlassnetError
        No text has as many lines as were found, one has a character that the model does not know, the model does not
        read lines, or the file cannot be written.
    """
    events, start, target = events or Events(), time.perf_counter(), Path(out)
    if target.is_dir():
        raise ReaderError(
            f"'{target}' is a folder. Name the model file to write, such as '{target / 'mine.safetensors'}'."
        )
    begun = Model.load(model) if model is not None else packaged()
    reader = WholeLineReader(line_reader(begun, language="none"))
    texts = known_texts(Path(folder))
    with pool.use(threads):
        lines: list[KnownLine] = []
        left_out = []
        for number, known in enumerate(texts):
            events.progress("finding lines", number, len(texts))
            pictures, written = _strips(reader, known), [line for line in known.text.splitlines() if line.strip()]
            if len(pictures) != len(written):
                left_out.append(f"{known.name}: {len(pictures)} lines were found, and its text has {len(written)}")
                events.say(f"{left_out[-1]}; left out")
                continue
            pairs = zip(pictures, written, strict=True)
            lines += [KnownLine(picture, " ".join(line.split())) for picture, line in pairs]
        if not lines:
            raise ReaderError(
                f"No text in '{folder}' has as many lines as were found in its picture. Write every line of writing on"
                " a line of its own, from top to bottom; an overlay of the page shows the lines that are found."
            )

        def taught(what: str, known: Sequence[KnownLine]) -> Model:
            return learn(
                begun, known, seed=seed, settings=settings, told=lambda done, total: events.progress(what, done, total)
            )

        learnt = taught("learning the hand", lines)
        before = after = None
        if len(lines) >= _FEW:
            halves = lines[::2], lines[1::2]
            size = sum(len(line.text) for line in lines)
            before = misread(begun, lines) / size
            after = sum(misread(taught("trying it on the other half", a), b) for a, b in (halves, halves[::-1])) / size
        learnt.save(target)
    return HandLearnt(target, len(lines), tuple(left_out), before, after, time.perf_counter() - start)


def _strips(reader: Reader, known: KnownText) -> list[Any]:
    """The strips of what is written on all pages of a text, from top to bottom."""
    enough = reader.settings.binarise.pixels
    found = []
    for number in known.numbers:
        picture = known.file if number is None else read_pdf_page(known.file, number, enough=enough).pixels
        state = reader.finish(reader.begin(picture))
        found += [line.strip.picture for line in state.read or []]
    return found
