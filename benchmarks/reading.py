"""How well and how fast `glassnet read` reads: every figure that the documentation names.

    python -m benchmarks.reading                        # all; needs GLASSNET_DATA for what is photographed
    python -m benchmarks.reading --only pages           # or real, damaged, synthesised, turned, blank, ...

Photographed pages are read with default flags; those of `real` are pages from the wild (joined writing, forms, ruled
and squared paper), in groups from A, capitals and figures, to D, formulas and forms; E: no handwriting. `damaged` reads
both again: on their sides, small, out of focus and as coarse JPEGs. Synthesised pages are written by hands (seeds) that
no training saw, and seen by cameras with rotation, shadow, blur and JPEG damage. Single characters: the test part of
characters62, and characters36 and NIST26, none of which was trained on. Scores and rates are those of
`glassnet.reader.evaluate`.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import io
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from benchmarks.tables import TABLES, on_a_table
from glassnet.data import load
from glassnet.data.catalogue import find, find_folder
from glassnet.data.letters36 import load_characters62, normalise_character
from glassnet.data.pictures import pictures_in, read_picture
from glassnet.metrics import calibration, wilson_interval
from glassnet.reader import Recogniser, make_reader, read
from glassnet.reader.alphabet import ALPHABET, DIGITS
from glassnet.reader.evaluate import PageScore, compare, summarise
from glassnet.reader.pages import made_up_lines, pages
from glassnet.reader.reader import found_by
from glassnet.reader.settings import DEFAULTS
from glassnet.reader.synthesis import Camera, synthesise

_SEED = 2_000_003  # of pages that nothing was chosen by
_SMALL = 400  # pixels of the longer side of a small page
_LEGIBLE = 10  # pixels of a capital that a small page has at least
_ALIKE = ["0Oo", "1Il", "cC", "sS", "vV", "wW", "xX", "zZ", "kK", "pP", "uU"]


# ---- pages


def photographed() -> None:
    folder = find_folder("handwriting/pages")
    if folder is None:
        print("no photographed pages in GLASSNET_DATA")
        return
    scores = []
    for picture in sorted(folder.glob("*.jpg")):
        page, text = read(picture), picture.with_suffix(".txt")
        if text.is_file():
            score = compare(picture.stem, page.text, text.read_text())
            scores.append(score)
            wrong = (
                f"{score.character_errors} of {score.characters} characters, {score.word_errors} of {score.words} words"
            )
            print(f"{picture.stem}: score {score.score:.4f}; wrong {wrong}; {len(page.lines)} lines")
        else:
            print(f"{picture.stem}: {len(page.characters)} characters in {len(page.lines)} lines")
    two = summarise(s for s in scores if s.name in ("01_list", "03_haiku"))
    print(f"01_list and 03_haiku: score {1 - two.character_error_rate:.4f}, word error rate {two.word_error_rate:.4f}")


def real() -> None:
    """Pages from the wild by group: errors of all pages of a group over all their characters, and its pages' mean."""
    folder = find_folder("handwriting/real")
    if folder is None:
        print("no real pages in GLASSNET_DATA")
        return
    groups: dict[str, list[PageScore]] = {}
    turned = 0  # of pages that all stand upright
    for picture in pictures_in(folder):
        page, text = read(picture), picture.with_suffix(".txt")
        score = compare(picture.stem, page.text, text.read_text() if text.is_file() else "")
        groups.setdefault(picture.stem[0], []).append(score)
        what = f"score {score.score:6.3f}, " if score.characters else ""
        print(f"{picture.stem}: {what}{score.character_errors} errors, {score.characters} characters", end="")
        print(f", {len(page.characters)} read in {len(page.lines)} lines, turned {page.turned:.0f}")
        turned += abs(page.turned) > 45
    written = [score for group, scores in groups.items() if group != "E" for score in scores]
    for group, scores in groups.items():
        if group == "E":
            continue
        errors, there = (sum(getattr(s, f) for s in scores) for f in ("character_errors", "characters"))
        print(f"{group}: score {1 - errors / there:.3f} of {there} characters on {len(scores)} pages", end="")
        print(f"; mean of the pages {np.mean([s.score for s in scores]):.3f}")
    blank = sum(not s.read for s in written)
    print(f"blank: {blank} of {len(written)} pages with writing; turned, though upright: {turned}")


def _small(image: Image.Image) -> Image.Image:
    return ImageOps.contain(image, (_SMALL, _SMALL), Image.Resampling.LANCZOS)


def _blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(min(image.size) / 300))


def _coarse(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=15)
    return Image.open(file)


_DAMAGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "small": _small,
    "blurred": _blurred,
    "JPEG 15": _coarse,
}


def damaged() -> None:
    """Photographed pages by group, damaged; of the small ones those whose characters stay high enough to be read."""
    scores: dict[tuple[str, str], list[tuple[PageScore, PageScore]]] = {}  # whole, damaged
    for name in ("handwriting/pages", "handwriting/real"):
        for picture in pictures_in(folder) if (folder := find_folder(name)) else []:
            text = picture.with_suffix(".txt")
            if not text.is_file() or (name.endswith("real") and picture.stem[0] == "E"):
                continue
            page, truth = read(picture), text.read_text()
            whole = compare(picture.stem, page.text, truth)
            image = Image.fromarray(np.squeeze(read_picture(picture)))
            heights = [character.box.height for character in page.characters]
            height = float(np.median(heights or [0])) * min(1, _SMALL / max(image.size))
            group = "pages" if name.endswith("pages") else picture.stem[0]
            print(f"{picture.stem}: as it is {whole.score:.3f}, characters {height:.1f} px high when small", end="")
            for damage, harm in _DAMAGES.items():
                if damage == "small" and height < _LEGIBLE:
                    continue
                score = compare(picture.stem, read(np.asarray(harm(image))).text, truth)
                scores.setdefault((group, damage), []).append((whole, score))
                print(f", {damage} {score.score:.3f}", end="")
            print(flush=True)
    for (group, damage), pairs in scores.items():
        before, after = (1 - summarise(side).character_error_rate for side in zip(*pairs, strict=True))
        print(f"{group}, {damage}: score {after:.3f}, {after - before:+.3f}, on {len(pairs)} pages")


def _read_one(task: tuple[int, bool]) -> PageScore:
    number, turned = task
    pixels, truth = next(iter(pages(1, seed=_SEED + number, lines=7, turned=False)))
    if turned:
        pixels = np.ascontiguousarray(np.rot90(pixels, 1 + number % 3))
    return compare(str(number), read(pixels).text, truth.text)


def synthesised(turned: bool = False, count: int = 200) -> None:
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        found = summarise(pool.map(_read_one, [(number, turned) for number in range(count)]))
    low, high = found.character_interval
    print(f"{count} synthesised pages{', turned' if turned else ''}: ", end="")
    print(f"character error rate {found.character_error_rate:.4f} ({low:.4f} to {high:.4f}), ", end="")
    print(f"word error rate {found.word_error_rate:.4f}, as written {found.exact_error_rate:.4f}")
    print("  there -> read: " + ", ".join(f"{a} -> {b} x{n}" for a, b, n in found.confusions[:10]))


def _read_on_a_table(task: tuple[int, str, bool]) -> tuple[str, bool, PageScore]:
    number, kind, whole = task
    rng = np.random.default_rng((_SEED, number))
    camera = Camera(blur=0.3, noise=0.0, jpeg=95)
    page, truth = synthesise(made_up_lines(rng, 7), rng, camera=camera)
    picture = on_a_table(page, kind, rng)
    settings = replace(DEFAULTS, sheet=replace(DEFAULTS.sheet, sharp=2.0)) if whole else DEFAULTS
    state = make_reader(settings=settings).state(picture)
    return kind, state.sheet is not None, compare(str(number), found_by("assemble", state.page).text, truth.text)


def tables(count: int = 60) -> None:
    """Synthesised pages that lie on tables, read with and without what lies around them."""
    context = multiprocessing.get_context("spawn")
    for whole in (False, True):
        tasks = [(number, TABLES[number % len(TABLES)], whole) for number in range(count)]
        with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
            results = list(pool.map(_read_on_a_table, tasks))
        print("whole pictures" if whole else "sheets alone, where they are found")
        for kind in (*TABLES, ""):
            some = [(found, score) for name, found, score in results if kind in ("", name)]
            rate = summarise(score for _, score in some).character_error_rate
            print(f"  {kind or 'all'}: character error rate {rate:.4f}; ", end="")
            print(f"{sum(found for found, _ in some)} of {len(some)} sheets found")


def blank(count: int = 50) -> None:
    """Blank pages of every shade, with grain, uneven light, shadows and rules."""
    from glassnet.reader.synthesis import Layout, _lay, _photograph, draw_camera, draw_paper

    invented = []
    for number in range(count):
        rng = np.random.default_rng((_SEED, number))
        layout = Layout(capital=float(rng.uniform(20, 60)))
        empty = np.zeros((int(rng.integers(300, 1500)), int(rng.integers(300, 1500))), np.float32)
        pixels, _ = _photograph(_lay(empty, layout, draw_paper(rng), rng), draw_camera(rng), rng)
        invented.append(len(read(pixels).characters))
    print(f"{count} blank pages: {sum(invented)} characters invented, on {sum(n > 0 for n in invented)} of them")


# ---- single characters


def characters() -> None:
    recogniser = Recogniser()
    place = find("letters36")
    if place is not None:
        test = load_characters62(place).test
        assert test is not None
        names = np.array([test.class_names[k] for k in test.labels])
        p = recogniser.probabilities(test.images)[:, : len(ALPHABET)]
        found = _argmax(p, ALPHABET[:62])
        _say("characters62, 62 classes", found, names)
        error = calibration(p[:, :62].max(axis=1), found == names).error
        print(f"characters62, 62 classes: expected calibration error {error:.3f}")
        groups = {c: group[0] for group in _ALIKE for c in group}
        folded = [np.array([groups.get(c, c) for c in names])]
        _say("characters62, alike counted as one", _summed(p, lambda c: groups.get(c, c)), folded[0])
        _say("characters62, 36 classes", _summed(p, str.upper), np.array([c.upper() for c in names]))
    folder = find_folder("handwriting/characters36")
    if folder is not None:
        names36, images = [], []
        for sub in sorted(folder.iterdir()):
            for file in sorted(sub.iterdir()):
                images.append(normalise_character(read_picture(file)))
                names36.append(sub.name[-1])
        p = Recogniser(alphabet=ALPHABET[:26] + DIGITS).probabilities(np.stack(images))[:, : len(ALPHABET)]
        _say("characters36, alphabet A-Z0-9", _argmax(p, ALPHABET[:62]), np.array(names36))
    if (folder := find_folder("nist")) is not None:
        sample = load(folder / "nist26_sample.mat")
        part = next(part for part in (sample.test, sample.valid, sample.train) if part is not None and len(part))
        images = [normalise_character(image) for image in part.images]
        p = Recogniser(alphabet=ALPHABET[:26]).probabilities(np.stack(images))[:, : len(ALPHABET)]
        _say("nist26, alphabet A-Z", _argmax(p, ALPHABET[:26]), np.array([part.class_names[k] for k in part.labels]))


def _argmax(p: np.ndarray, among: str) -> np.ndarray:
    return np.array(list(among))[p[:, : len(among)].argmax(axis=1)]


def _summed(p: np.ndarray, name: Callable[[str], str]) -> np.ndarray:
    """The most probable group of letters and figures, its members' probabilities added up."""
    names = np.array([name(c) for c in ALPHABET[:62]])
    groups = sorted(set(names))
    total = np.stack([p[:, :62][:, names == group].sum(axis=1) for group in groups], axis=1)
    return np.array(groups)[total.argmax(axis=1)]


def _say(what: str, found: np.ndarray, truth: np.ndarray) -> None:
    right = int((found == truth).sum())
    low, high = wilson_interval(right, len(truth))
    wrong = Counter((str(a), str(b)) for a, b in zip(truth, found, strict=True) if a != b).most_common(6)
    shown = ", ".join(f"{a} -> {b} x{n}" for (a, b), n in wrong)
    print(f"{what}: {right / len(truth):.4f} ({low:.4f} to {high:.4f}) of {len(truth)}; {shown}")


# ---- speed


def _large_page() -> Image.Image:
    """A page of 20 lines in 4000x3000 pixels."""
    pixels, _ = next(iter(pages(1, seed=7, lines=20)))
    image = ImageOps.contain(Image.fromarray(pixels), (4000, 3000), Image.Resampling.BICUBIC)
    return ImageOps.pad(image, (4000, 3000), color=tuple(int(v) for v in np.median(pixels, axis=(0, 1))))


def speed() -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.jpg"
        _large_page().save(large, quality=90)
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", "from glassnet.reader import Recogniser; Recogniser()"], check=True)
        print(f"start-up: {time.perf_counter() - start:.2f} s")
        read(large)
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            read(large)
            seconds.append(time.perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"a page of 4000x3000: {np.median(seconds):.2f} s, peak memory {peak:.0f} MB")
        files = []
        for number, (picture, _) in enumerate(pages(100, seed=9, lines=7)):
            files.append(Path(folder) / f"{number}.jpg")
            Image.fromarray(picture).save(files[-1], quality=90)
        command = [
            sys.executable,
            "-c",
            "import sys; from glassnet.cli import main; sys.exit(main())",
            "read",
            *map(str, files),
        ]
        times = []
        for extra in (["--threads", "1"], ["--jobs", "2"]):
            start = time.perf_counter()
            subprocess.run([*command, *extra], check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - start)
        print(f"100 pages: {times[0]:.1f} s on one thread, {times[1]:.1f} s with --jobs 2", end="")
        print(f": {times[0] / times[1]:.2f} times as fast")


PARTS = {
    "pages": photographed,
    "real": real,
    "damaged": damaged,
    "synthesised": synthesised,
    "turned": lambda: synthesised(True),
    "tables": tables,
    "blank": blank,
    "characters": characters,
    "speed": speed,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=list(PARTS), action="append", help="a part; may be given again")
    for name in parser.parse_args().only or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
