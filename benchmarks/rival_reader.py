"""`glassnet read` beside PP-OCR, the open reader of text in pictures that most people use, on the same pages.

    pip install rapidocr                                # PP-OCR for onnxruntime, with its models
    python -m benchmarks.rival_reader                   # needs GLASSNET_DATA (handwriting)

Both read with default settings, each page once before and once timed; PP-OCR's boxes are taken in the order in which it
gives them. Scores are those of `glassnet.reader.evaluate`: 1 - errors / characters, in upper case, A-Z and 0-9 alone.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import logging
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from glassnet.data.catalogue import find_folder
from glassnet.data.pictures import pictures_in
from glassnet.errors import GlassnetError
from glassnet.reader import make_reader
from glassnet.reader.evaluate import compare

_FOLDERS = ("handwriting/pages", "handwriting/real")


def rival() -> Callable[[Path], str]:
    """What reads a picture by PP-OCR."""
    try:
        engine = importlib.import_module("rapidocr").RapidOCR()
    except ImportError as error:
        raise GlassnetError("PP-OCR is not installed: pip install rapidocr.") from error
    logging.disable(logging.CRITICAL)
    return lambda path: "\n".join(engine(str(path)).txts or ())


def groups() -> dict[str, list[Path]]:
    """Pages by group; those of the folder `real` are grouped by the letter that begins their names."""
    found: dict[str, list[Path]] = {}
    for name in _FOLDERS:
        for picture in pictures_in(folder) if (folder := find_folder(name)) else []:
            group = picture.stem[0] if name.endswith("real") else "pages"
            if picture.with_suffix(".txt").is_file() or group == "E":
                found.setdefault(group, []).append(picture)
    return found


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    own = make_reader()
    readers = {"glassnet": lambda path: own.read(path).text, "PP-OCR": rival()}
    print(f"rapidocr {importlib.metadata.version('rapidocr')}")
    print("| group | pages | characters | " + " | ".join(f"{name} | seconds a page" for name in readers) + " |")
    print("|---|---|---|" + "---|---|" * len(readers))
    for group, pictures in groups().items():
        cells, there = [], 0
        for read in readers.values():
            errors, there, seconds = 0, 0, []
            for picture in pictures:
                read(picture)
                begun = time.perf_counter()
                text = read(picture)
                seconds.append(time.perf_counter() - begun)
                beside = picture.with_suffix(".txt")
                score = compare(picture.stem, text, beside.read_text() if beside.is_file() else "")
                errors, there = errors + score.character_errors, there + score.characters
            shown = f"{1 - errors / there:.3f}" if group != "E" else f"{errors} made up or wrong"
            cells.append(f"{shown} | {statistics.mean(seconds):.2f}")
        print(f"| {group} | {len(pictures)} | {there} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
