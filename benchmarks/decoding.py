"""What the beam, a language and a word list give to the line reader, and the settings that are fitted for them.

    python -m benchmarks.decoding MODEL                  # error rates by kind and style; needs GLASSNET_DATA (pen)
    python -m benchmarks.decoding MODEL --only tune      # alpha, beta and the maps of confidences: `DecodingSettings`
    python -m benchmarks.decoding --only speed           # milliseconds for a line of 150 columns

Lines and words of UNIPEN's writers that are held out for validation, with every other donor's but those that cannot be
read from the ink. Rates are errors by characters as they are written, case and marks included. The maps are fitted on
half of the writers; what they give is stated of the other half.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from glassnet.model import Model
from glassnet.reader.lines.alphabet import BLANK, decode, encode
from glassnet.reader.lines.beam import beam_search, log_probabilities
from glassnet.reader.lines.confidence import AS_IT_IS, calibrate, reliability
from glassnet.reader.lines.decoder import DECODING, Decoder, DecodingSettings
from glassnet.reader.lines.held_out import HeldOut, HeldOutStrip
from glassnet.reader.lines.language import of
from glassnet.reader.lines.looks import looks_at
from glassnet.reader.lines.recogniser import LineRecogniser
from glassnet.report import reliability_figure

_ALPHAS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
_BETAS = (0.0, 0.4, 0.8, 1.2, 1.6)

Lines = Sequence[tuple[HeldOutStrip, list[np.ndarray]]]


def scored(model: Path, most: int) -> Lines:
    """Strips of held-out writers with their scores, those in doubt with the scores of more looks."""
    recogniser = LineRecogniser(Model.load(model))
    strips = HeldOut("valid", height=recogniser.height, most=most).strips
    seen = looks_at([strip.ink for strip in strips], recogniser, Decoder(greedy=True))
    return [(strip, look.scores) for strip, look in zip(strips, seen, strict=True)]


def rate(lines: Lines, texts: Iterable[str]) -> float:
    errors = [Levenshtein.distance(strip.text, text) for (strip, _), text in zip(lines, texts, strict=True)]
    return sum(errors) / sum(len(strip.text) for strip, _ in lines)


def by_group(lines: Lines) -> None:
    words = {word.strip(".,;:!?()\"'").lower() for strip, _ in lines for word in strip.text.split()} - {""}
    english = of("english")
    plain = replace(DECODING, characters=AS_IT_IS, words=AS_IT_IS)
    ways = {
        "greedy": Decoder(greedy=True, settings=plain),
        "beam": Decoder(settings=plain),
        "beam, English": Decoder(language=english, settings=plain),
        "beam, English, more looks": Decoder(language=english, settings=plain),
        f"beam, list of {len(words)} words": Decoder(words=words, settings=plain),
        "beam, both": Decoder(language=english, words=words, settings=plain),
    }
    for name, decoder in ways.items():
        texts = [decoder(*(looks if name.endswith("looks") else looks[:1])).text for _, looks in lines]
        parts = []
        for kind, style in itertools.product(("line", "word"), ("printed", "mixed", "cursive", "unknown")):
            own = [i for i, (strip, _) in enumerate(lines) if (strip.kind, strip.style) == (kind, style)]
            if own:
                parts.append(f"{kind}s {style} {rate([lines[i] for i in own], [texts[i] for i in own]):.3f}")
        print(f"{name}: {rate(lines, texts):.4f}; {', '.join(parts)}")


def tune(lines: Lines, figure: Path | None) -> None:
    logs = [log_probabilities(looks[0]) for _, looks in lines]
    english = of("english")
    found: dict[tuple[float, float], float] = {}
    for alpha, beta in itertools.product(_ALPHAS, _BETAS):
        if alpha == 0 and beta > 0:
            continue
        prior = Decoder(language=english, settings=replace(DECODING, alpha=alpha, beta=beta)).prior
        best = (beam_search(line, prior, width=DECODING.width, least=DECODING.least)[0] for line in logs)
        texts = [" ".join(decode(text.labels).split()) for text in best]
        found[alpha, beta] = rate(lines, texts)
        print(f"alpha {alpha}, beta {beta}: {found[alpha, beta]:.4f}", flush=True)
    alpha, beta = min(found, key=lambda pair: found[pair])
    print(f"best: alpha {alpha}, beta {beta}: {found[alpha, beta]:.4f}, without a language {found[0.0, 0.0]:.4f}")
    fit_maps(lines, replace(DECODING, alpha=alpha, beta=beta, characters=AS_IT_IS, words=AS_IT_IS), figure)


def fit_maps(lines: Lines, settings: DecodingSettings, figure: Path | None) -> None:
    writers = sorted({strip.writer for strip, _ in lines})
    halves = [[line for line in lines if line[0].writer in writers[start::2]] for start in range(2)]
    readings = [[Decoder(language=of("english"), settings=settings)(*looks) for _, looks in half] for half in halves]
    truths = [[strip.text for strip, _ in half] for half in halves]
    maps = calibrate(readings[0], truths[0])
    print(f"characters {maps[0]}, words {maps[1]}")
    mapped = Decoder(language=of("english"), settings=replace(settings, characters=maps[0], words=maps[1]))
    for name, read in (("as they are", readings[1]), ("mapped", [mapped(*looks) for _, looks in halves[1]])):
        tables = reliability(read, truths[1])
        print(f"{name}: calibration error of characters {tables[0].error:.4f}, of words {tables[1].error:.4f}")
    if figure is not None:
        reliability_figure(tables[0]).savefig(figure)


def speed(times: int = 100) -> None:
    """Scores that are sure of four characters in five."""
    text = "Meet me at the station at half past nine today, OK"
    rng = np.random.default_rng(0)
    z = 1.5 * rng.standard_normal((3 * len(text), BLANK + 1))
    z[:, BLANK] += 10
    z[1::3, BLANK] -= 10
    z[np.arange(1, len(z), 3), encode(text)] += 10
    z[np.arange(1, len(z), 15), rng.integers(0, BLANK, len(z) // 15)] += 9.5
    for name, decoder in (
        ("greedy", Decoder(greedy=True)),
        ("beam", Decoder()),
        ("beam, English", Decoder(language=of("english"))),
        ("beam, English, a word list", Decoder(language=of("english"), words=text.split())),
    ):
        decoder(z)
        began = time.process_time()
        for _ in range(times):
            decoder(z)
        print(f"{name}: {1000 * (time.process_time() - began) / times:.2f} ms for {len(z)} columns")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", help="a model of lines")
    parser.add_argument("--only", choices=["groups", "tune", "speed"])
    parser.add_argument("--most", type=int, default=1200, help="strips")
    parser.add_argument("--figure", type=Path, help="where to draw how far confidences can be believed")
    options = parser.parse_args()
    if options.only in (None, "speed"):
        speed()
    if options.model is not None and options.only != "speed":
        lines = scored(options.model, options.most)
        print(f"{len(lines)} lines and words of {len({strip.writer for strip, _ in lines})} writers")
        if options.only in (None, "groups"):
            by_group(lines)
        if options.only == "tune":
            tune(lines, options.figure)


if __name__ == "__main__":
    main()
