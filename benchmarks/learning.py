"""What ten corrected lines of one writer give: the error of the recogniser of lines before and after learning them.

    python -m benchmarks.learning              # writers held out that nothing was chosen by; needs GLASSNET_DATA (pen)
    python -m benchmarks.learning --tuned-on   # those that the numbers were chosen by

For each writer of UNIPEN's validation and test parts with lines enough: ten are learnt, at most twenty others
are read, greedily, without language. All are drawn once each, with half of the damage.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from glassnet.data.streams import generator
from glassnet.data.unipen import PenSamples, load_unipen
from glassnet.model import Model
from glassnet.reader.lines.layout import draw_size, strip_of
from glassnet.reader.lines.learning import KnownLine, LearnSettings, learn, misread
from glassnet.reader.lines.packaged import packaged
from glassnet.reader.lines.pens import UnipenWriters

_LEARNT, _READ, _LEAST, _TUNED = 10, 20, 4, 8


def writers(samples: PenSamples) -> list[tuple[str, int, list[KnownLine]]]:
    """(part, writer, their lines) of those with lines enough; the first `_TUNED` are those to choose by."""
    found = []
    for part in ("valid", "test"):
        hands = UnipenWriters(samples, part)
        whole = hands.whole[samples.kind[hands.whole] == 0]
        for writer in np.unique(samples.writer[whole]):
            rng = generator(0, 0x1EA5, int(writer))
            own = []
            for index in rng.permutation(whole[samples.writer[whole] == writer])[: _LEARNT + _READ + 5]:
                written = hands.writing(int(index))
                size = draw_size(rng, 0.3)
                strip = strip_of(written, rng, widths=(1, 1024), size=size, variation=0.3, damage=0.5)
                if strip is not None:
                    own.append(KnownLine(np.rint(255 * strip).astype(np.uint8), written.text))
            if len(own) >= _LEARNT + _LEAST:
                found.append((part, int(writer), own[: _LEARNT + _READ]))
    return found


def rate(model: Model, lines: list[KnownLine]) -> float:
    """The character error rate."""
    return misread(model, lines) / sum(len(line.text) for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tuned-on", action="store_true", help="the writers that the numbers were chosen by")
    parser.add_argument("--model", type=Path, help="another model of lines")
    for name, value in vars(LearnSettings()).items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    given = parser.parse_args()
    settings = LearnSettings(**{name: getattr(given, name) for name in vars(LearnSettings())})
    model = packaged() if given.model is None else Model.load(given.model)
    every = writers(load_unipen())
    chosen = every[:_TUNED] if given.tuned_on else every[_TUNED:]
    rows = []
    for part, writer, lines in chosen:
        began = time.process_time()
        learnt = learn(model, lines[:_LEARNT], settings=settings)
        seconds = time.process_time() - began
        rest = lines[_LEARNT:]
        before, after = rate(model, rest), rate(learnt, rest)
        rows.append((before, after, seconds))
        print(f"{part} writer {writer}: {before:.3f} -> {after:.3f} on {len(rest)} lines, {seconds:.0f} s", flush=True)
    before, after, seconds = np.mean(rows, axis=0)
    fell = np.array([1 - a / b if b else 0 for b, a, _ in rows])
    print(f"mean of {len(rows)} writers: {before:.3f} -> {after:.3f} ({100 * (1 - after / before):.0f} % lower;")
    print(f"mean of each writer's fall {100 * fell.mean():.0f} %), {seconds:.0f} s of processor time a writer")


if __name__ == "__main__":
    main()
