"""The lines that the recogniser is trained on and measured by, as the known set `handwriting-lines`.

Training: drawn anew for every epoch, of UNIPEN's writers of the part `train`. Validation and test: lines and words of
other writers, each once, as they wrote them, with half of the damage; the same whatever the seed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from glassnet.data import KnownSet, LineOptions, LineSet, Splits, register
from glassnet.data.unipen import PenSamples, load_unipen
from glassnet.files import plain_bytes
from glassnet.reader.lines.alphabet import NAMES
from glassnet.reader.lines.held_out import HeldOut
from glassnet.reader.lines.source import LineSource
from glassnet.reader.lines.widths import padded_width

__all__ = ["NAME", "load_lines", "register_set"]

NAME = "handwriting-lines"
_FILE = "unipen.npz"
_DRAWN = 1  # the way in which strips are drawn: a higher number for one that gives others
_VALIDATION, _TEST = 1200, 2400  # lines and words at most, as many of each kind and style as there are


def load_lines(path: Path, options: LineOptions) -> Splits:
    """The parts of the set, of the trajectories in a folder or file.

    Raises
    ------
    DataError
        The trajectories are not there, or hold no writer of a part.
    """
    file = path / _FILE if path.is_dir() else path
    samples = load_unipen(file)
    digest = hashlib.sha256(plain_bytes(file)).hexdigest()
    train = LineSource(
        "train", height=options.height, seed=options.seed, examples_per_epoch=options.per_epoch, samples=samples
    )
    about = (digest, _DRAWN, "train", options.height, options.seed, options.per_epoch)
    return Splits(
        LineSet(train, NAMES, height=options.height, name=NAME, sha256=_sha256(about)),
        _held_out(
            "valid", _VALIDATION if options.validation is None else options.validation, samples, digest, options.height
        ),
        _held_out("test", _TEST if options.test is None else options.test, samples, digest, options.height),
    )


def _held_out(part: str, most: int, samples: PenSamples, digest: str, height: int) -> LineSet | None:
    """Lines and words of a part, at most so many, with kind, style and donor of each; None for none."""
    if most == 0:
        return None
    lines = HeldOut(part, height=height, most=most, samples=samples)
    strips = lines.strips
    return LineSet(
        lines,
        NAMES,
        height=height,
        name=NAME,
        sha256=_sha256((digest, _DRAWN, part, height, most)),
        widths=[padded_width(strip.ink.shape[1]) for strip in strips],
        groups={
            "kind": [strip.kind for strip in strips],
            "style": [f"{strip.style} {strip.kind}s" for strip in strips],
            "donor": [strip.donor for strip in strips],
        },
    )


def _sha256(about: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(about).encode()).hexdigest()


def register_set() -> None:
    """Put these lines into the catalogue of known sets."""
    register(
        KnownSet(
            NAME,
            "Lines and words of handwriting, drawn from the pens of UNIPEN's writers: what the line recogniser reads",
            NAMES,
            (32, None, 1),
            "drawn without end + 1,200 validation + 2,400 test, or more",
            "as the UNIPEN Foundation states (train_r01_v07)",
            "https://doi.org/10.5281/zenodo.1195803",
            lambda path, options: load_lines(path, options.lines),
            ("pen",),
            lambda path: (path / _FILE).is_file(),
            by_hand=f"put '{_FILE}', the pen trajectories of train_r01_v07, into the folder 'pen'",
        )
    )
