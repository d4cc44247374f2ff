"""Put a freshly trained recogniser of lines into the package, with its card.

    glassnet train recipes/reader-lines.toml --out runs/reader-lines
    python tools/ship_lines.py runs/reader-lines ["how it was trained, where not by the recipe as it is"]

The weights go to src/glassnet/reader/lines/lines.safetensors in float16; beside it lines.md says what it was trained
on, what the stored file reaches on writers and fonts that were held out, and where it fails. Needs GLASSNET_DATA (pen,
fonts).
"""

from __future__ import annotations

import sys
from pathlib import Path

from glassnet.data import LineOptions
from glassnet.data.catalogue import find_folder
from glassnet.model import Model
from glassnet.reader.lines.training import load_lines

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "src" / "glassnet" / "reader" / "lines"
RECIPE = "It was trained by `recipes/reader-lines.toml`."

CARD = """# The reader's recogniser of whole lines

`lines.safetensors`: {size:,} weights, float16, put here by `tools/ship_lines.py`. It takes a line of writing,
straightened and 32 pixels high, of any width, and says for every 4 pixels how probable each of the 95 printable ASCII
characters is.
{about}

    {notation}

## Data

- UNIPEN train_r01_v07: pen trajectories of 489 writers (Guyon et al. 1994; Zenodo record 1195803, CC BY 4.0; the older
  CD-ROM note says research use), drawn with many pens and damaged as photographs are: lines and words as they were
  written, words side by side, texts set from single characters.
- Handwriting fonts (64 of 75; OFL 1.1, five of them Apache-2.0): a quarter of the lines.
- Lines by glassnet's own pen model: 8 in 100.

Writers and fonts are divided by a hash of their names: a tenth for validation, a tenth for the test.

## What it reaches

Character error rates of the stored file on writers and fonts that it never saw, with half of the damage, by the best
path alone (no language, no word list), with 95 % intervals over lines; `glassnet evaluate MODEL handwriting-lines`:

{measured}

## Limits

- Printable ASCII only: no accents. English is what it mostly saw; some German without umlauts.
- Joined writing by hands unlike UNIPEN's is read worse; much of its error is swallowed letters of crowded words.
- Mathematical notation, tables and drawings are no lines of text.
"""


def main(source: Path, about: str) -> None:
    model = Model.load(source / "model.safetensors" if source.is_dir() else source).in_precision("float16")
    model.save(PLACE / "lines.safetensors")
    folder = find_folder("pen")
    if folder is None:
        sys.exit("There are no pen trajectories: set GLASSNET_DATA to a folder with pen/unipen.npz.")
    test = load_lines(folder, LineOptions()).test
    assert test is not None
    found = Model.load(PLACE / "lines.safetensors").assess(test)
    rows = [("all", found.characters)]
    rows += [(name, rate) for kind in ("kind", "style") for name, rate in found.by_group[kind].items()]
    measured = "\n".join(
        f"- {name}: {rate.rate:.3f} ({rate.interval.low:.3f} to {rate.interval.high:.3f})" for name, rate in rows
    )
    card = CARD.format(size=model.network.size, notation=model.network.notation(), about=about, measured=measured)
    (PLACE / "lines.md").write_text(card, encoding="utf-8")
    print(card)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit('usage: python tools/ship_lines.py RUN_FOLDER|MODEL ["how it was trained"]')
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) == 3 else RECIPE)
