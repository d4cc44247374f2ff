"""Put a freshly trained recogniser into the package, with its card.

    glassnet train recipes/reader-characters.toml --out runs/reader-characters
    python tools/ship_reader.py runs/reader-characters

The model's probabilities are calibrated on the photographs held out for validation: the last layer is divided by the
temperature under which they are likeliest, which changes no prediction. It goes to
src/glassnet/reader/characters.safetensors; beside it characters.md is written: what it was trained on, what it reaches
(measured here, by `python -m benchmarks.reading --only characters`), and where it fails.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from glassnet.metrics import best_temperature
from glassnet.model import Model
from glassnet.reader.characters import load_validation

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
- MNIST's training digits: 8,000 of 60,000, CC BY-SA 3.0.

Nothing else. Rates and epochs were chosen by the validation part: 620 photographs, and 60 hands that training never
saw. By the photographs the probabilities were calibrated: scores divided by {temperature:.3f}.

## What it reaches

Measured by `python -m benchmarks.reading --only characters` (95 % intervals; the pictures were never trained on):

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
    last = model.network.layers[-1]
    model.network.load_arrays(
        {
            name: value / temperature if any(value is p.value for p in last.parameters.values()) else value
            for name, value in model.network.arrays().items()
        }
    )
    return temperature


def main(run: Path) -> None:
    source = run / "model.safetensors" if run.is_dir() else run
    model = Model.load(source)
    temperature = calibrate(model)
    model.save(PLACE / "characters.safetensors")
    command = [sys.executable, "-m", "benchmarks.reading", "--only", "characters"]
    measured = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    rows = "\n".join(f"- {line.split(';')[0]}" for line in measured.splitlines() if line)
    card = CARD.format(
        size=model.network.size, notation=model.network.notation(), measured=rows, temperature=temperature
    )
    (PLACE / "characters.md").write_text(card, encoding="utf-8")
    print(card)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/ship_reader.py RUN_FOLDER")
    main(Path(sys.argv[1]))
