"""Fooling pictures in a folder: written with their receipts, and read again as any picture is."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from glassnet.attack.fooling import Fooled
from glassnet.attack.goals import Goal
from glassnet.attack.receipts import Receipt, pixels_sha256, write_picture
from glassnet.data import read_picture
from glassnet.model import Model
from glassnet.nn.functional.arrays import Array

__all__ = ["read_again", "save", "unique_slugs"]

_BATCH = 256
_LONGEST = 80  # characters of a picture's name that its file keeps


def save(
    model: Model, found: Fooled, folder: Path, stems: Sequence[str], *, name: str = "", attack: str = "", seed: int = 0
) -> list[tuple[int, Path]]:
    """Write the pictures that fool as PNG files, and their originals into the folder `originals`.

    Parameters
    ----------
    model : Model
        What they fool.
    found : Fooled
        The attempts.
    folder : Path
        Where to.
    stems : sequence of str
        What the original of each attempt is called.
    name, attack, seed : str, str, int
        For the receipts: what the model is called, how the pictures were made.

    Returns
    -------
    list of (int, Path)
        Which attempt is in which file.
    """
    sha256, names = model.sha256, model.class_names
    slugs = unique_slugs(names)
    written, originals = [], set()
    for i in np.flatnonzero(found.success).tolist():
        original = pixels_sha256(found.originals[i])
        if original not in originals:
            originals.add(original)
            write_picture(folder / "originals" / f"{stems[i][:_LONGEST]}.png", found.originals[i], model.reading)
        receipt = Receipt(
            name,
            sha256,
            original,
            names[found.labels[i]],
            names[found.answers[i]],
            "" if found.targets is None else names[found.targets[i]],
            attack,
            seed,
            int(found.steps[i]),
            float(found.l2[i]),
        )
        file = folder / f"{stems[i][:_LONGEST]}-as-{slugs[found.answers[i]]}.png"
        write_picture(file, found.pictures[i], model.reading, receipt)
        written.append((i, file))
    return written


def read_again(
    model: Model,
    found: Fooled,
    written: Sequence[tuple[int, Path]],
    progress: Callable[[int], None] = lambda done: None,
) -> Array:
    """(n,) which attempts reach their goal as a file, read and preprocessed as any picture is; False without a file."""
    survived = np.zeros(len(found), bool)
    for start in range(0, len(written), _BATCH):
        part = written[start : start + _BATCH]
        progress(start)
        pictures = np.stack([read_picture(file, model.image_shape, model.reading) for _, file in part])
        at = np.array([i for i, _ in part])
        goal = Goal(found.labels[at], None if found.targets is None else found.targets[at])
        survived[at] = goal.reached(model.scores(pictures))
    return survived


def unique_slugs(names: Sequence[str]) -> list[str]:
    """Classes as parts of a file's name: letters and digits as they are, a dash for the rest.

    Where two would be the same, on a file system that does not tell case from case, the class's number is added.
    """
    slugs = ["".join(c if c.isalnum() else "-" for c in name).strip("-")[:40] or "class" for name in names]
    plain = [unicodedata.normalize("NFKC", slug).casefold() for slug in slugs]
    return [
        slug if plain.count(p) == 1 else f"{slug}-{i}" for i, (slug, p) in enumerate(zip(slugs, plain, strict=True))
    ]
