"""The lines that the recogniser is trained on and measured by, as the known set `handwriting-lines`.

Training: drawn anew for every epoch, by UNIPEN's writers of the part `train`, in handwriting fonts of that part, and by
the pen model. Validation and test: lines and words of other writers, each once, as they wrote them, and lines in other
fonts, with half of the damage; the same whatever the seed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from glassnet.data import KnownSet, LineOptions, LineSet, Splits, register
from glassnet.data.catalogue import find
from glassnet.data.unipen import UNIPEN_FILE, WORD, PenSamples, load_unipen
from glassnet.files import plain_bytes
from glassnet.reader.lines.alphabet import NAMES
from glassnet.reader.lines.fonts import FontWriter
from glassnet.reader.lines.hands import HandWriter
from glassnet.reader.lines.held_out import HeldOut
from glassnet.reader.lines.source import ByLength, LineSource, Writer
from glassnet.reader.lines.texts import Texts, count_words
from glassnet.reader.lines.widths import padded_width

__all__ = ["NAME", "load_lines", "register_set"]

NAME = "handwriting-lines"
_PENS, _FONTS = "unipen", "handwriting-fonts"  # the known sets that this one is made of
_IN_FONTS, _BY_HAND_MODEL = 0.25, 0.08  # shares of the lines to train on
_HELD_OUT_FONTS = 0.15  # share of the lines to measure on
_DRAWN = 1  # the way in which strips are drawn: a higher number for one that gives others
_VALIDATION, _TEST = 1200, 2400  # lines and words at most, as many of each kind and style as there are


def load_lines(path: Path, options: LineOptions) -> Splits:
    """The parts of the set, of the trajectories in a folder or file, and of the known set of fonts, where it is.

    Raises
    ------
    GlassnetError
        The trajectories are not there, or there is no writer or no font of a part.
    """
    file = path / UNIPEN_FILE if path.is_dir() else path
    samples, fonts = load_unipen(file), find(_FONTS)
    notes = () if fonts is not None else (f"drawn without fonts: '{_FONTS}' is not on this machine",)
    digest = _sha256(*(_sha256(plain_bytes(each)) for each in (file, *_font_files(fonts))))
    texts = _texts(samples, "train")
    others: list[tuple[Writer, float]] = [(ByLength(HandWriter(texts)), _BY_HAND_MODEL)]
    if fonts is not None:
        others.append((ByLength(FontWriter(fonts, "train", texts)), _IN_FONTS))
    train = LineSource(
        "train",
        height=options.height,
        seed=options.seed,
        examples_per_epoch=options.per_epoch,
        samples=samples,
        others=others,
    )
    about = ("train", options.height, options.seed, options.per_epoch)

    def held_out(part: str, most: int) -> LineSet | None:
        return _held_out(part, most, samples, fonts, digest, options.height) if most else None

    return Splits(
        LineSet(train, NAMES, height=options.height, name=NAME, sha256=_sha256(digest, *about), notes=notes),
        held_out("valid", _VALIDATION if options.validation is None else options.validation),
        held_out("test", _TEST if options.test is None else options.test),
    )


def _held_out(part: str, most: int, samples: PenSamples, fonts: Path | None, digest: str, height: int) -> LineSet:
    """At most so many lines and words of a part's writers and fonts, with kind, style and donor of each."""
    others: dict[str, tuple[Writer, int]] = {}
    if fonts is not None and (in_fonts := round(_HELD_OUT_FONTS * most)):
        others["font"] = ByLength(FontWriter(fonts, part, _texts(samples, part))), in_fonts
    written = most - sum(count for _, count in others.values())
    lines = HeldOut(part, height=height, most=written, samples=samples, others=others)
    strips = lines.strips
    return LineSet(
        lines,
        NAMES,
        height=height,
        name=NAME,
        sha256=_sha256(digest, part, height, most),
        widths=[padded_width(strip.ink.shape[1]) for strip in strips],
        groups={
            "kind": [f"{strip.kind}s" for strip in strips],
            "style": [f"{strip.style} {strip.kind}s" for strip in strips],
            "donor": [strip.donor for strip in strips],
        },
    )


def _texts(samples: PenSamples, part: str) -> Texts:
    """Texts of the words of a part's writers."""
    return Texts(count_words(samples.labels[i] for i in samples.part(part) if samples.kind[i] == WORD))


def _font_files(folder: Path | None) -> list[Path]:
    return [] if folder is None else sorted(file for file in folder.iterdir() if file.is_file())


def _sha256(*about: object) -> str:
    return hashlib.sha256(repr((_DRAWN, *about)).encode()).hexdigest()


def register_set() -> None:
    """Put these lines into the catalogue of known sets."""
    register(
        KnownSet(
            NAME,
            "Lines of handwriting by UNIPEN's writers, in fonts and by a pen model: what the line recogniser reads",
            NAMES,
            (32, None, 1),
            "endless + 1,200 validation + 2,400 test",
            f"those of '{_PENS}' and '{_FONTS}'",
            "https://doi.org/10.5281/zenodo.1195803",
            lambda path, options: load_lines(path, options.lines),
            ("pen",),
            lambda path: (path / UNIPEN_FILE).is_file(),
            made_of=(_PENS, _FONTS),
        )
    )
