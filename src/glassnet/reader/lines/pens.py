"""UNIPEN's writers, writing: what they wrote, and their words or characters set side by side.

Lengths are in heights of one of the writer's capitals; x runs to the right, y down, and the baseline of what is set
together is y = 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glassnet.data.unipen import CHARACTER, LINE, WORD, PenSamples
from glassnet.nn.kernels.trajectories import measure_words
from glassnet.reader.lines.marks import AFTER, AROUND, mark
from glassnet.reader.lines.writing import FULL, Writing

__all__ = ["UnipenWriters"]

Floats = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int64]

# How far characters reach above the baseline and below it: medians over UNIPEN's single characters.
_TOPS = dict.fromkeys("acegmnopqrsuvwxyz", 0.54) | {
    "t": 0.9, "i": 0.85, "j": 0.85, ".": 0.08, ",": 0.12, "-": 0.42, "_": -0.05, "~": 0.5, ":": 0.5, ";": 0.5, "+": 0.7,
    "=": 0.6, "<": 0.75, ">": 0.75,
}  # fmt: skip
_BOTTOMS = dict.fromkeys("gjpqy", -0.55) | dict.fromkeys("()[]{}|/\\$;", -0.12) | dict.fromkeys("'\"^`", 0.7) | {
    ",": -0.2, "-": 0.36, "_": -0.12, "~": 0.36, "*": 0.45, "+": 0.1, "=": 0.25, "<": 0.1, ">": 0.1, "Q": -0.1,
    "f": -0.1,
}  # fmt: skip
_DOUBTFUL = frozenset("fzGJYZ")  # some people write these with a descender
_FLAT = 0.3  # what reaches over less than this is marks alone, which show neither a baseline nor a size

# Logarithms of the gaps between words, by style: over the 30,600 gaps of UNIPEN's lines the mean is -0.26 (0.8 heights
# of a capital is the median), 0.42 the deviation of writers, 0.48 that within a line.
_GAP = np.array([-0.2, -0.05, -0.3, -0.5])
_GAP_OF_LINES, _GAP_WITHIN = 0.42, 0.4


class UnipenWriters:
    """The writers of a part, ready to write.

    Parameters
    ----------
    samples : PenSamples
        What they wrote.
    part : str
        "train", "valid" or "test".

    Attributes
    ----------
    whole : (n,) int64 array
        Positions in `samples` of their lines and words, by their proportions: width / height rises.
    proportions : (n,) array
        Width / height of each.
    """

    def __init__(self, samples: PenSamples, part: str) -> None:
        self.samples = samples
        chosen = samples.part(part)
        tops, bottoms, lowest = _reach([samples.labels[i] for i in chosen])
        box = np.empty((len(chosen), 6), np.float32)
        measure_words(samples.xy, samples.strokes, samples.samples, chosen, tops, bottoms, lowest, box)
        capital = _capitals(box, tops, bottoms, samples.kind[chosen] == CHARACTER, samples.writer[chosen])
        _mend_baselines(box, tops, bottoms, samples.kind[chosen] == CHARACTER, capital)
        self._place = {int(i): n for n, i in enumerate(chosen)}  # of a sample in what follows
        self._box, self._capital = box, capital
        kind, writer = samples.kind[chosen], samples.writer[chosen]
        proportions = (box[:, 2] - box[:, 0]) / np.maximum(box[:, 3] - box[:, 1], FULL / 3 * capital)
        whole = np.flatnonzero(kind != CHARACTER)
        whole = whole[np.argsort(proportions[whole], kind="stable")]
        self.whole, self.proportions = chosen[whole], proportions[whole].astype(np.float64)
        # A writer counts for the root of how much there is: many words of one hand are worth less than those of many.
        weights = _root_weights(writer[whole] * 3 + kind[whole].astype(np.int64)) * np.where(kind[whole] == LINE, 4, 1)
        self._whole_sums = np.concatenate([[0.0], np.cumsum(weights)])
        self._words = _Shelves(chosen[kind == WORD], writer[kind == WORD])
        letters = kind == CHARACTER
        self._letters = _Letters(chosen[letters], writer[letters], samples.labels)

    @property
    def spells(self) -> bool:
        """Whether any of them left single characters to set texts from."""
        return len(self._letters.writers) > 0

    def sample(self, rng: np.random.Generator, least: float, most: float) -> Writing | None:
        """A line or word as it was written, whose width / height lies between these; None where there is none."""
        low, high = np.searchsorted(self.proportions, [least, most])
        sums = self._whole_sums
        if low == high:
            return None
        at = int(np.searchsorted(sums, sums[low] + rng.random() * (sums[high] - sums[low]), side="right")) - 1
        return self.writing(int(self.whole[min(max(at, low), high - 1)]))

    def writing(self, index: int) -> Writing:
        """A sample of the part as it was written."""
        points, starts = self._strokes(index)
        return Writing(self.samples.labels[index], points, starts)

    def words(self, rng: np.random.Generator, width: float) -> Writing | None:
        """Words of one writer, side by side on a baseline, to about a width; None where nobody left words."""
        if not self._words.owners:
            return None
        own = self._words.draw(rng)
        base = _GAP[self.samples.style[own[0]]] + _GAP_OF_LINES * rng.standard_normal()
        placed: list[tuple[Floats, Whole]] = []
        texts: list[str] = []
        x = reached = 0.0
        while True:
            index = int(own[rng.integers(len(own))])
            left, right, inner = self._extent(index)
            if placed:
                gap = float(np.exp(base + _GAP_WITHIN * rng.standard_normal()))
                gap = max(min(gap, 3.0), 1.4 * max(inner, reached) + 0.1 if max(inner, reached) > 0.35 else 0.05)
                if x + gap + right - left > 1.15 * width:
                    break
                x += gap
            before, after = _marks(rng)
            for character in before:
                x = _add_mark(placed, character, x, rng)
            size = float(np.exp(0.03 * rng.standard_normal()))
            points, starts = self._strokes(index)
            offset = np.array([x - left * size, 0.04 * rng.standard_normal()], np.float32)
            placed.append((points * np.float32(size) + offset, starts))
            x, reached = x + (right - left) * size, inner
            for character in after:
                x = _add_mark(placed, character, x + float(rng.uniform(0.02, 0.2)), rng)
            texts.append(f"{before}{self.samples.labels[index]}{after}")
            if x > rng.uniform(0.8, 1.0) * width:
                break
        return Writing(" ".join(texts), *_together(placed))

    def spelt(self, rng: np.random.Generator, text: str) -> Writing | None:
        """What can be set of a text from the single characters of one writer; None where that is nothing."""
        if not self.spells:
            return None
        has = self._letters.draw(rng)
        text = " ".join("".join(character for character in text if character in has or character == " ").split())
        if not text:
            return None
        apart = float(np.exp(-1.9 + 0.5 * rng.standard_normal()))
        base = _GAP[1] + _GAP_OF_LINES * rng.standard_normal()
        placed: list[tuple[Floats, Whole]] = []
        x = 0.0
        for character in text:
            if character == " ":
                x += max(float(np.exp(base + _GAP_WITHIN * rng.standard_normal())), 2.0 * apart + 0.15)
                continue
            index = int(has[character][rng.integers(len(has[character]))])
            left, right, _ = self._extent(index)
            points, starts = self._strokes(index)
            jitter = rng.standard_normal(2)
            placed.append((points + np.array([x - left, 0.04 * jitter[0]], np.float32), starts))
            x += right - left + max(apart + 0.06 * jitter[1], -0.05)
        return Writing(text, *_together(placed))

    def _extent(self, index: int) -> tuple[float, float, float]:
        """(left, right, widest inner gap) of a sample."""
        n = self._place[index]
        capital = self._capital[n]
        return self._box[n, 0] / capital, self._box[n, 2] / capital, self._box[n, 5] / capital

    def _strokes(self, index: int) -> tuple[Floats, Whole]:
        s, n = self.samples, self._place[index]
        strokes = s.strokes[s.samples[index] : s.samples[index + 1] + 1]
        points = s.xy[strokes[0] : strokes[-1]].astype(np.float32)
        points[:, 1] -= self._box[n, 4]
        points /= self._capital[n]
        return points, strokes - strokes[0]


class _Shelves:
    """The samples of each writer; a writer is drawn with the root of how many there are as weight."""

    def __init__(self, samples: Whole, writers: Whole) -> None:
        order = np.argsort(writers, kind="stable")
        names, firsts = np.unique(writers[order], return_index=True)
        self.owners = list(map(int, names))
        self.shelves = np.split(samples[order], firsts[1:]) if len(names) else []
        self._sums = np.cumsum([len(shelf) ** 0.5 for shelf in self.shelves])

    def draw(self, rng: np.random.Generator) -> Whole:
        at = int(np.searchsorted(self._sums, rng.random() * self._sums[-1], side="right"))
        return self.shelves[min(at, len(self.shelves) - 1)]


class _Letters:
    """The single characters of each writer who left at least some different ones."""

    _LEAST = 10

    def __init__(self, samples: Whole, writers: Whole, labels: tuple[str, ...]) -> None:
        self.writers: list[dict[str, Whole]] = []
        shelves = _Shelves(samples, writers)
        for shelf in shelves.shelves:
            own: dict[str, list[int]] = {}
            for index in shelf:
                if len(labels[index]) == 1 and labels[index] != " ":
                    own.setdefault(labels[index], []).append(int(index))
            if len(own) >= self._LEAST:
                self.writers.append({character: np.array(found) for character, found in sorted(own.items())})

    def draw(self, rng: np.random.Generator) -> dict[str, Whole]:
        return self.writers[rng.integers(len(self.writers))]


def _marks(rng: np.random.Generator) -> tuple[str, str]:
    """What stands before a word and behind it, mostly nothing."""
    chance = rng.random()
    if chance < 0.12:
        return "", AFTER[rng.integers(len(AFTER))]
    if chance < 0.14:
        around = AROUND[rng.integers(len(AROUND))]
        return around[0], around[1]
    return "", ""


def _add_mark(placed: list[tuple[Floats, Whole]], character: str, x: float, rng: np.random.Generator) -> float:
    """Set a mark at x; returns where it ends."""
    written = Writing.of(character, mark(character, rng), 1.0)
    left, right = float(written.points[:, 0].min()), float(written.points[:, 0].max())
    placed.append((written.points + np.array([x - left, 0.0], np.float32), written.starts))
    return x + right - left + float(rng.uniform(0.02, 0.12))


def _together(placed: list[tuple[Floats, Whole]]) -> tuple[Floats, Whole]:
    starts, count = [np.zeros(1, np.int64)], 0
    for points, own in placed:
        starts.append(own[1:] + count)
        count += len(points)
    return np.concatenate([points for points, _ in placed]), np.concatenate(starts)


def _reach(labels: list[str]) -> tuple[Floats, Floats, Floats]:
    """How far texts reach above the baseline, below it (negative), and at most below it, in heights of a capital."""
    tops = [max(_TOPS.get(c, 1.0) for c in label) if label.strip() else 1.0 for label in labels]
    bottoms = [min(_BOTTOMS.get(c, 0.0) for c in label) if label.strip() else 0.0 for label in labels]
    lowest = [min(b, -0.55 if _DOUBTFUL & set(label) else b) for b, label in zip(bottoms, labels, strict=True)]
    return np.array(tops, np.float32), np.array(bottoms, np.float32), np.array(lowest, np.float32)


def _capitals(box: Floats, tops: Floats, bottoms: Floats, single: npt.NDArray[np.bool_], writers: Whole) -> Floats:
    """The height of a capital for each sample: the median over the writer's samples of its sort that show it."""
    heights = np.maximum(1.0, box[:, 3] - box[:, 1]) / np.maximum(0.1, tops - bottoms)
    shows = (tops - bottoms >= 0.5) & (heights > 4)
    usual = np.float32(np.median(heights[shows])) if shows.any() else np.float32(330.0)
    capital = np.full(len(box), usual, np.float32)
    groups = writers * 2 + single
    order = np.argsort(groups, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        own = group[shows[group]]
        if len(own) >= 3:
            capital[group] = np.median(heights[own])
    return capital


def _mend_baselines(box: Floats, tops: Floats, bottoms: Floats, single: npt.NDArray[np.bool_], capital: Floats) -> None:
    """Baselines of marks and single characters, which too few points vote for: by how far the text reaches."""
    placed = single | (tops - bottoms < _FLAT)
    hanging = bottoms < -0.3  # the x-height is steadier than how far a descender goes down
    known = np.where(hanging, box[:, 1] + tops * capital, box[:, 3] + bottoms * capital)
    box[placed, 4] = known[placed]


def _root_weights(groups: Whole) -> npt.NDArray[np.float64]:
    """For each sample 1 / root of the size of its group."""
    _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    weights: npt.NDArray[np.float64] = 1.0 / np.sqrt(counts[inverse])
    return weights
