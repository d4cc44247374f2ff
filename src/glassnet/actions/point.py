"""A point that is written down: values in the order of the variables, or by name."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from glassnet.autodiff import Graph, evaluate, parse
from glassnet.errors import Fix, FormulaError

__all__ = ["parse_point"]


def parse_point(text: str | Sequence[float], graph: Graph, fix: Fix = Fix.GIVE_POINT) -> tuple[float, ...]:
    """The values of a graph's variables, in its order, from `1,-1` or `w1=1,w2=-1`.

    Values are numbers, or formulas without variables: pi/2, sqrt(2).

    Parameters
    ----------
    text : str or sequence of float
        What was written, or the values themselves.
    graph : Graph
        Whose variables they are.
    fix : Fix
        The remedy of an error; its `example` is filled in.

    Raises
    ------
    FormulaError
        There are too few values or too many, or one is no finite number.
    """
    if not isinstance(text, str):
        text = ",".join(repr(float(value)) for value in text)
    names = graph.names
    example = ",".join(f"{name}={k}" for k, name in enumerate(names, start=1)) or "nothing"
    parts = _separated(text, r"[,;\s]")
    if len(parts) != len(names):  # spaces may stand within a value: 1 / 2
        parts = _separated(text, "[,;]")
    if any("=" in part for part in parts):
        given = {name.strip(): value for name, _, value in (part.partition("=") for part in parts)}
        if set(given) != set(names) or len(given) != len(parts):
            raise FormulaError(f"Give each of {', '.join(names)} one value, as {example}. Got '{text}'.")
        parts = [given[name] for name in names]
    if len(parts) != len(names):
        values = "1 value" if len(names) == 1 else f"{len(names)} values"
        need = f"{values} for {', '.join(names)}" if names else "no values: the formula has no variables"
        raise FormulaError(f"The point needs {need}; got {len(parts)}.", fix, example=example)
    try:
        point = tuple(map(_value_of, parts))
    except FormulaError as error:
        raise FormulaError(f"The point '{text}' is not a list of numbers: {error}", fix, example=example) from None
    if not all(map(math.isfinite, point)):
        raise FormulaError(f"The point '{text}' is not finite.", fix, example=example)
    return point


def _separated(text: str, signs: str) -> list[str]:
    """The parts between signs that stand outside of parentheses."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if depth == 0 and re.match(signs, sign):
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]


def _value_of(part: str) -> float:
    try:
        return float(part)
    except ValueError:
        pass
    graph = parse(part)
    if graph.names or len(graph.outputs) > 1:
        raise FormulaError(f"'{part[:60]}' is not a number.")
    return float(evaluate(graph, [])[graph.outputs[0]])
