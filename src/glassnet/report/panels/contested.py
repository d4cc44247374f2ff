"""The panels of a comparison that look at classes and at single pictures: which only one gets right, which are hard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from glassnet.data import Dataset
from glassnet.errors import GlassnetError
from glassnet.experiments.compare import Comparison
from glassnet.experiments.contestants import Contestant, Group
from glassnet.experiments.pairs import Pair
from glassnet.metrics import holm, paired_difference
from glassnet.report.figures.pictures import as_rgb, picture_png
from glassnet.report.html import Html, data_uri, element, join
from glassnet.report.page import Panel
from glassnet.report.tables import Cell, number, percent, table, whole
from glassnet.text import counted, shorten

__all__ = ["class_panels", "contested_panels"]

_TILES, _SIDE = 12, 224  # pictures of a group that are shown, and their pixels on the page
_LONGEST = 36  # letters of a name in a table
_MOST_PAIRS = 3  # pairs whose pictures are shown
_LEVEL = 0.05


def class_panels(found: Comparison) -> list[Panel]:
    """The recall of each class; of one pair with the difference and whether it is more than chance."""
    if not found.groups[0].classifies:
        return []
    pair = found.pairs[0] if len(found.pairs) == 1 else None
    names = dict.fromkeys(name for group in found.groups for name in group.members[0].class_names)
    recalls = [_recalls(group) for group in found.groups]
    shown = [name for name in names if any(name in own for own in recalls)]
    tests = {} if pair is None else _by_class(found, pair, shown)
    corrected = dict(zip(tests, holm([p for _, _, p in tests.values()]), strict=True))
    rows = []
    for name in shown:
        count = max(own[name][1] for own in recalls if name in own)
        cells = [
            Cell(whole(name), name),
            Cell(number(count), float(count)),
        ]
        for own in recalls:
            share = own.get(name, (float("nan"), 0))[0]
            cells.append(Cell(percent(share), share))
        if tests:
            value, text, _ = tests.get(name, (float("nan"), Html("–"), 1.0))
            cells.append(Cell(element("b", text) if corrected.get(name, 1.0) < _LEVEL else text, value))
        rows.append(cells)
    headings = [
        ("class", False),
        ("pictures", True),
        *((shorten(group.name, _LONGEST), True) for group in found.groups),
    ]
    headings += [("difference in points", True)] if tests else []
    lead = "How many pictures of each class were found."
    if tests:
        lead += " The difference is of these networks, with its 95 % interval; bold where it is more than chance,"
        lead += " after a correction for the number of classes (Holm)."
    body = table(headings, rows, sortable=True, compact=True, label="recall by class")
    return [Panel("classes", "Class by class", lead, body=body)]


def _recalls(group: Group) -> dict[str, tuple[float, int]]:
    """Recall of each class that has pictures, mean over the seeds, and how many pictures it has."""
    found: dict[str, list[tuple[float, int]]] = {}
    for one in group.members:
        labels = one.predictions.labels
        counts = np.bincount(labels, minlength=len(one.class_names))
        right = np.bincount(labels, weights=one.right, minlength=len(one.class_names))
        for name, n, hits in zip(one.class_names, counts.tolist(), right.tolist(), strict=True):
            if n:
                found.setdefault(name, []).append((hits / n, n))
    return {name: (float(np.mean([share for share, _ in own])), own[0][1]) for name, own in found.items()}


def _by_class(found: Comparison, pair: Pair, names: Sequence[str]) -> dict[str, tuple[float, Html, float]]:
    """Of each class with two pictures or more: the difference, with its interval as text, and its probability."""
    true = found.group(pair.first).members[0].true_names[pair.rows[0]]
    single = pair.test is not None
    tests = {}
    for name in names:
        own = pair.advantage[true == name]
        if len(own) < 2:
            continue
        if single:  # truth values again: 1 where the first alone is right, 0 where both or neither are
            difference = paired_difference(own > 0, own < 0, "networks")
        else:
            difference = paired_difference(own, np.zeros(len(own)), "networks")
        low, high = difference.interval()
        shown = join(
            [found.unit.show(difference.value), " ",
             element("small", f"{found.unit.show(low)} to {found.unit.show(high)}", class_="interval")]
        )  # fmt: skip
        tests[name] = (difference.value, shown, difference.p)
    return tests


def contested_panels(found: Comparison) -> list[Panel]:
    """Of up to three pairs the pictures on which they differ most; of more groups, what is hard for all."""
    panels = []
    if len(found.pairs) <= _MOST_PAIRS:
        for i, pair in enumerate(found.pairs):
            for first in (True, False):
                panels.append(_better_panel(found, pair, first, f"only-{i + 1}{'a' if first else 'b'}"))
    elif found.groups[0].classifies:
        panels.append(_hardest_panel(found))
    return [panel for panel in panels if panel is not None]


def _better_panel(found: Comparison, pair: Pair, first: bool, key: str) -> Panel | None:
    """The pictures that one side gets right, or reconstructs, and the other does not."""
    one, two = (pair.first, pair.second) if first else (pair.second, pair.first)
    lead_of = pair.advantage if first else -pair.advantage
    rows = np.flatnonzero(lead_of > 0)
    if not rows.size:
        return None
    better, worse = found.group(one).members[0], found.group(two).members[0]
    mine, other = pair.rows if first else pair.rows[::-1]
    chosen = rows[np.lexsort((-_confidence(worse)[other[rows]], -lead_of[rows]))][:_TILES]
    classifies = found.groups[0].classifies
    several = max(len(found.group(name).members) for name in (one, two)) > 1
    title = f"Only {shorten(one, _LONGEST)} is right"
    if several or not classifies:
        title = f"Where {shorten(one, _LONGEST)} is {'right more often' if classifies else 'closer'}"
    total = counted(len(rows), "picture")
    if not classifies:
        lead = f"{total}, of which its reconstruction is closer than that of {two}; first those that differ most."
    elif several:
        lead = f"{total} that more of its seeds have right than of {two}'s; first those that differ most."
    else:
        lead = f"{total}; first those of whose wrong answer {two} is surest."
    try:
        pictures = better.pictures
    except GlassnetError as error:
        return Panel(key, title, f"{lead} The pictures cannot be shown: {error}")
    captions = [_caption(better, worse, int(mine[i]), int(other[i]), several) for i in chosen]
    return Panel(key, title, lead, body=_tiles(pictures, mine[chosen], captions))


def _confidence(one: Contestant) -> npt.NDArray[np.float64]:
    """How sure it is of its answer, or 0."""
    p = one.predictions.probabilities
    return np.zeros(len(one.predictions)) if p is None else p.max(axis=1).astype(np.float64)


def _caption(better: Contestant, worse: Contestant, mine: int, other: int, several: bool) -> list[Html]:
    if better.reconstruction is not None and worse.reconstruction is not None:
        found = ((better.name, better.reconstruction, mine), (worse.name, worse.reconstruction, other))
        return [
            element("span", element("i", f"{shorten(name, 20)}: "), f"{quality.per_image[row]:.1f} dB")
            for name, quality, row in found
        ]
    p = worse.predictions.probabilities
    assert p is not None
    answer = int(p[other].argmax())
    lines = [element("span", element("i", "is "), str(better.true_names[mine]), class_="true")]
    if answer != int(worse.predictions.labels[other]):
        lines.append(element("span", element("i", "taken for "), worse.class_names[answer], class_="wrong"))
    return lines if several else [*lines, element("span", f"{percent(float(p[other].max()), 0)} sure", class_="sure")]


def _tiles(pictures: Dataset, rows: npt.NDArray[np.int64], captions: Sequence[Sequence[Html]]) -> Html:
    tiles = []
    for row, picture, caption in zip(rows.tolist(), as_rgb(pictures.images[rows]), captions, strict=True):
        name = pictures.files[row].name if pictures.files is not None else f"#{row}"
        image = element("img", src=data_uri(picture_png(picture, _SIDE)), alt=f"picture {row}", loading="lazy")
        text = element("figcaption", *caption, element("span", name, class_="file", title=name))
        tiles.append(element("figure", image, text, class_="tile"))
    return element("div", *tiles, class_="tiles")


def _hardest_panel(found: Comparison) -> Panel | None:
    """The pictures that most networks have wrong, of all groups, where all were evaluated on the same ones."""
    members = [one for group in found.groups for one in group.members]
    first = members[0]
    if any(one.sha256 != first.sha256 or not first.sha256 for one in members):
        return None
    wrong = np.stack([~one.right for one in members])
    sure = np.stack([_confidence(one) for one in members])
    order = np.lexsort((-(wrong * sure).sum(axis=0), -wrong.sum(axis=0)))
    chosen = np.array([i for i in order[: 2 * _TILES] if wrong[:, i].any()], dtype=np.int64)
    lead = (
        f"{counted(int(wrong.all(axis=0).sum()), 'picture')} no network has right,"
        f" {number(int((~wrong.any(axis=0)).sum()))} all have."
    )
    if not chosen.size:
        return Panel("hardest", "Hardest pictures", "There are none: every network has every picture right.")
    try:
        pictures = first.pictures
    except GlassnetError as error:
        return Panel("hardest", "Hardest pictures", f"{lead} The pictures cannot be shown: {error}")
    captions = [
        [
            element("span", element("i", "is "), str(first.true_names[i]), class_="true"),
            element("span", f"{int(wrong[:, i].sum())} of {len(members)} are wrong", class_="wrong"),
        ]
        for i in chosen
    ]
    return Panel("hardest", "Hardest pictures", lead, body=_tiles(pictures, chosen, captions))
