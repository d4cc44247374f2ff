"""Sets of synthesised pages: made-up lines, written by many hands, as pictures with their text beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from glassnet.errors import ReaderError
from glassnet.files import atomic_write, write_text
from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.page import Page
from glassnet.reader.synthesis import Pixels, draw_camera, synthesise

__all__ = ["made_up_lines", "pages", "write_pages"]

_WORDS = (  # noqa: SIM905  (a list would fill three hundred lines)
    "the of and to in a is that it was for on are as with his they at be this from have or by one had not but what "
    "all were when we there can an your which their said if do will each about how up out them then she many some so "
    "these would other into has more her two like him see time could no make than first been its who now people my "
    "made over did down only way find use may water long little very after words called just where most know get "
    "through back much before go good new write our used me man too any day same right look think also around another "
    "came come work three word must because does part even place well such here take why things help put years "
    "different away again off went old number great tell men say small every found still between name should home big "
    "give air line set own under read last never us left end along while might next sound below saw something thought "
    "both few those always looked show large often together asked house world going want school important until form "
    "food keep children feet land side without boy once animals life enough took sometimes four head above kind began "
    "almost live page got earth need far hand high year mother light parts country father let night following picture "
    "being study second eyes soon times story boys since white days ever paper hard near sentence better best across "
    "during today quick brown fox jumps lazy dog zebra quartz vex oxygen jacket pixel wizard banjo glyph query"
).split()


def made_up_lines(rng: np.random.Generator, count: int) -> str:
    """Lines of words in one manner: all capitals, sentences, small letters, or words with numbers and marks."""
    manner = rng.choice(["capitals", "sentences", "small", "mixed"], p=[0.35, 0.3, 0.1, 0.25])
    lines = []
    for _ in range(count):
        words = [str(rng.choice(_WORDS)) for _ in range(int(rng.integers(2, 6)))]
        if manner != "small" and rng.random() < (0.4 if manner == "mixed" else 0.12):
            words.insert(int(rng.integers(len(words) + 1)), str(int(rng.integers(10 ** int(rng.integers(1, 5))))))
        if manner == "capitals":
            words = [word.upper() for word in words]
        elif manner != "small":
            words[0] = words[0].capitalize()
            words[-1] += str(rng.choice([".", ",", "!", "?", ":", ""], p=[0.4, 0.2, 0.1, 0.1, 0.05, 0.15]))
        if manner == "mixed" and rng.random() < 0.5:
            extra = ["(" + words[0] + ")", "+", "&", "#" + str(rng.integers(100)), "@", "=", "1/2", "-"]
            words.insert(1, str(rng.choice(extra)))
        lines.append(" ".join(words))
    return "\n".join(lines)


def pages(
    count: int, text: str | None = None, *, seed: int = 0, lines: int = 8, turned: bool = False
) -> Iterator[tuple[Pixels, Page]]:
    """`count` pages, each by a hand, on a paper and through a camera of its own.

    text: what to write on all of them; None makes lines up. turned: upside down or on their sides, one page in four
    each way.
    """
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        camera = draw_camera(rng)
        if turned:
            camera = replace(camera, quarter_turns=1 + number % 3)
        yield synthesise(text if text is not None else made_up_lines(rng, lines), rng, camera=camera)


def write_pages(
    folder: Path, count: int, text: str | None = None, *, seed: int = 0, lines: int = 8, turned: bool = False
) -> Iterator[list[Path]]:
    """Write pages as page-001.jpg with page-001.txt and page-001.json beside it; the files of each as it is done.

    Raises `ReaderError` where the text holds characters that the pen cannot write.
    """
    if text is not None:
        unknown = sorted({c for c in text if not c.isspace()} - set(ALPHABET))
        if unknown:
            raise ReaderError(f"The pen cannot write {unknown[0]!r}. It writes {ALPHABET}")
    for number, (pixels, page) in enumerate(pages(count, text, seed=seed, lines=lines, turned=turned), start=1):
        file = folder / f"page-{number:03d}.jpg"
        with atomic_write(file) as handle:
            Image.fromarray(pixels).save(handle, "JPEG", quality=95)
        write_text(file.with_suffix(".txt"), page.text + "\n")
        write_text(file.with_suffix(".json"), json.dumps(page.as_json(), ensure_ascii=False, indent=1) + "\n")
        yield [file, file.with_suffix(".txt"), file.with_suffix(".json")]
