"""What a comparison says, in sentences."""

from __future__ import annotations

import math

from glassnet.experiments.compare import Comparison
from glassnet.experiments.pairs import Pair, Unit
from glassnet.text import counted

__all__ = ["best_of", "interval_words", "meaning", "open_questions", "sentence", "verdict_of"]


def sentence(pair: Pair, unit: Unit, margin: float) -> str:
    """The verdict on a pair in one line.

    "a is better by 1.2 points (95 % interval 0.4 to 2.0)", "a and b are equal within 0.5 points (...)", or "undecided:
    about 2,300 more pictures or 7 more seeds of each (...)".
    """
    if pair.outcome in ("first", "second"):
        better, sign = (pair.first, 1.0) if pair.outcome == "first" else (pair.second, -1.0)
        small = f", less than the {unit.show(margin)} that matter" if abs(pair.found.value) < margin else ""
        text = (
            f"{better} is better by {unit.show(abs(pair.found.value))} {unit.unit} ({interval_words(pair, unit, sign)})"
        )
        return f"{text}{small}"
    ahead, sign = (pair.first, 1.0) if pair.found.value >= 0 else (pair.second, -1.0)
    seen = f"{ahead} is ahead by {unit.show(abs(pair.found.value))} {unit.unit}, {interval_words(pair, unit, sign)}"
    if not pair.found.value:
        seen = f"no difference was seen, {interval_words(pair, unit, 1.0)}"
    if pair.outcome == "equal":
        return f"{pair.first} and {pair.second} are equal within {unit.show(margin)} {unit.unit} ({seen})"
    return f"undecided: {promise(pair)} ({seen})"


def promise(pair: Pair) -> str:
    """What would settle it, or that nothing can be promised."""
    more = []
    if pair.pictures is not None:
        more.append(f"about {_rounded(pair.pictures):,} more pictures")
    if pair.seeds is not None:
        more.append(f"{counted(pair.seeds, 'more seed')} of each")
    if more:
        return " or ".join(more)
    what = "pictures or seeds" if pair.found.spread.seeds else "pictures"
    error = math.sqrt(float(pair.found.spread.variance(pair.found.n)))
    near = (
        "the difference seen is too near zero"
        if abs(pair.found.value) < error
        else "the difference seen is too uncertain"
    )
    return f"no number of {what} can be promised, as {near}"


def interval_words(pair: Pair, unit: Unit, sign: float = 1.0) -> str:
    """ "95 % interval 0.4 to 2.0"; of the second less the first with `sign` -1."""
    low, high = sorted(sign * end for end in pair.found.interval())
    return f"95 % interval {unit.show(low)} to {unit.show(high)}"


def meaning(comparison: Comparison) -> str:
    """Which question the verdict answers."""
    if all(pair.found.question == "networks" for pair in comparison.pairs):
        about = "This is about these networks, on pictures like these."
        if comparison.one_recipe:
            return f"{about} They have one recipe, and differ by chance alone."
        return f"{about} Whether their recipes differ takes several seeds of each."
    return "This is about the recipes: other seeds and other pictures like these."


def verdict_of(comparison: Comparison) -> str:
    """The verdict in one line: that on the pair, or on the best group beside each of the others."""
    unit, margin = comparison.unit, comparison.margin
    if len(comparison.pairs) == 1:
        return sentence(comparison.pairs[0], unit, margin)
    best = best_of(comparison)
    of: dict[str, list[str]] = {"better": [], "equal": [], "undecided": []}
    for pair in comparison.pairs:
        if best not in (pair.first, pair.second):
            continue
        other = pair.second if pair.first == best else pair.first
        if pair.outcome in ("equal", "undecided"):
            of[pair.outcome].append(other)
        else:
            of["better"].append(other)
    said = []
    if of["better"]:
        said.append(f"better than {_listed(of['better'], len(comparison.groups) - 1)}")
    if of["equal"]:
        said.append(f"equal to {_listed(of['equal'])} within {unit.show(margin)} {unit.unit}")
    if of["undecided"]:
        said.append(f"undecided beside {_listed(of['undecided'])}")
    return f"{best} has the highest {unit.name if unit.scale > 1 else unit.name.upper()}: {', '.join(said)}"


def best_of(comparison: Comparison) -> str:
    """The name of the group with the highest mean figure."""
    means = {group.name: sum(group.figures) / len(group.figures) for group in comparison.groups}
    return max(means, key=lambda name: means[name])


def open_questions(comparison: Comparison) -> list[str]:
    """Of more than two groups: what would settle each pair of the best that is undecided."""
    best = best_of(comparison)
    return [
        f"{pair.first} and {pair.second}: {sentence(pair, comparison.unit, comparison.margin)}"
        for pair in comparison.pairs
        if len(comparison.pairs) > 1 and pair.outcome == "undecided" and best in (pair.first, pair.second)
    ]


def _listed(names: list[str], whole: int = 0) -> str:
    if whole and len(names) == whole:
        return f"all {whole} others"
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _rounded(number: int) -> int:
    """Two digits that say something, rounded up."""
    step = int(10 ** max(0, len(str(number)) - 2))
    return -(-number // step) * step
