"""Formulas as graphs: a small grammar of its own, never `eval`.

    formulas   formula ; formula ; ...
    formula    sums, products and powers of numbers, names and functions: 2*w1 + max(w1, w2)**2

`**` and `^` are powers and bind from the right; `-x**2` is `-(x**2)`, and `x²` is `x**2`. Functions: those of
`operations.FUNCTIONS`, and `ln`, which is `log`. `pi` and `e` are numbers; every other name is a variable. Equal parts
of the formulas become one node: a graph, not a tree. `max` and `min` within `max` and `min` become one of all their
values, so that ties do not depend on how they are written. Variables are ordered as people count: w2 before w10.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass, replace
from functools import cached_property

from glassnet.autodiff.operations import FUNCTIONS, OPERATIONS
from glassnet.errors import FormulaError, nearest

__all__ = ["Graph", "Node", "parse"]

_TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\*\*|[-+*/^(),;])|([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))",
    re.A,
)
_KINDS = ("number", "name", "sign", "superscript")
_RAISED = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")
_OTHER_SIGNS = {
    "−": "-",
    "–": "-",
    "×": "*",
    "·": "*",
    "⋅": "*",
    "∗": "*",
    "÷": "/",
    "π": "pi",
    "√": "sqrt()",
    "[": "(",
}
_LONGEST = 100_000  # characters
_LONGEST_SHOWN = 500
_DEEPEST = 150  # parentheses, functions and powers within each other
_CONSTANTS = {"pi": math.pi, "e": math.e}
_ALIASES = {"ln": "log"}
_BINARY = {"+": ("add", 1), "-": ("subtract", 1), "*": ("multiply", 2), "/": ("divide", 2)}


@dataclass(frozen=True)
class Node:
    """One value of a graph.

    Attributes
    ----------
    op : str
        A name of `OPERATIONS`, or "variable" or "number".
    inputs : tuple of int
        The numbers of the nodes that it is made of.
    name : str
        Of a variable.
    number : float
        The value of a number.

    Examples
    --------
    >>> from glassnet.autodiff import parse
    >>> graph = parse("x * y")
    >>> [(node.op, node.name) for node in graph.nodes]
    [('variable', 'x'), ('variable', 'y'), ('multiply', '')]
    """

    op: str
    inputs: tuple[int, ...] = ()
    name: str = ""
    number: float = 0.0


@dataclass(frozen=True)
class Graph:
    """Formulas as nodes, each after those that it is made of.

    Attributes
    ----------
    nodes : tuple of Node
        All values.
    outputs : tuple of int
        The node of each formula.
    variables : tuple of int
        The node of each variable, in the order of `names`.
    names : tuple of str
        Of the variables, in their order.

    Examples
    --------
    >>> from glassnet.autodiff import parse
    >>> graph = parse("x * y; x + y")
    >>> len(graph.outputs), graph.names
    (2, ('x', 'y'))
    """

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    variables: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def operations(self) -> tuple[int, ...]:
        """The nodes that are computed: neither variables nor numbers."""
        return tuple(k for k, node in enumerate(self.nodes) if node.op in OPERATIONS)

    @cached_property
    def varies(self) -> tuple[bool, ...]:
        """Which nodes depend on a variable."""
        varies: list[bool] = []
        for node in self.nodes:
            varies.append(node.op == "variable" or any(varies[i] for i in node.inputs))
        return tuple(varies)

    def text(self, k: int) -> str:
        """Node k as a formula of variables and numbers; parts beyond 500 characters as (...)."""
        needed, waiting = set(), [k]
        while waiting:
            number = waiting.pop()
            if number not in needed:
                needed.add(number)
                waiting += self.nodes[number].inputs
        written: dict[int, tuple[str, int]] = {}
        for number in sorted(needed):
            node = self.nodes[number]
            if node.op in OPERATIONS:
                text, binds = OPERATIONS[node.op].written(*(written[i] for i in node.inputs))
                written[number] = (text, binds) if len(text) <= _LONGEST_SHOWN else ("(...)", 9)
            else:
                written[number] = (self.label(number), 9)
        return written[k][0]

    def label(self, k: int) -> str:
        """What stands in node k: a name, a number, or the sign of its operation."""
        node = self.nodes[k]
        if node.op == "variable":
            return node.name
        return f"{node.number:.12g}" if node.op == "number" else OPERATIONS[node.op].sign


def parse(text: str) -> Graph:
    """The graph of one or more formulas.

    Raises `FormulaError` for what is not a formula: the place, what was found and what was expected.

    Examples
    --------
    >>> from glassnet.autodiff import parse
    >>> parse("x**2 * sin(y)").names
    ('x', 'y')
    """
    if len(text) > _LONGEST:
        raise FormulaError(f"The formula has {len(text):,} characters; at most {_LONGEST:,} are read.")
    return _Parser(text).graph()


class _Parser:
    """Precedence climbing over the tokens; `_DEEPEST` bounds its recursion."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0
        self.nodes: list[Node] = []
        self.known: dict[Node, int] = {}

    def graph(self) -> Graph:
        outputs = [self._sum()]
        while self._take(";"):
            if self._kind() == "end":
                break
            outputs.append(self._sum())
        if self._kind() != "end":
            self._fail("an operator or ';'")
        nodes, outputs = _used(self.nodes, outputs)
        found = [k for k, node in enumerate(nodes) if node.op == "variable"]
        variables = sorted(found, key=lambda k: _as_counted(nodes[k].name))
        return Graph(tuple(nodes), tuple(outputs), tuple(variables), tuple(nodes[k].name for k in variables))

    # ---- grammar

    def _sum(self, least: int = 1) -> int:
        left = self._signed()
        while (step := _BINARY.get(self._token())) and step[1] >= least:
            self.at += 1
            right = self._sum(step[1] + 1)
            left = self._node(step[0], left, right)
        return left

    def _signed(self) -> int:
        minus = False
        while self._token() in ("+", "-"):
            minus ^= self._token() == "-"
            self.at += 1
        found = self._power()
        return self._node("negate", found) if minus else found

    def _power(self) -> int:
        base = self._atom()
        if self._kind() == "superscript":
            value = float(self._token().translate(_RAISED))
            self.at += 1
            exponent = self._number(abs(value))
            base = self._node("power", base, exponent if value >= 0 else self._node("negate", exponent))
        if self._token() in ("**", "^"):
            self.at += 1
            self._deeper()
            base = self._node("power", base, self._signed())
            self.depth -= 1
        return base

    def _atom(self) -> int:
        kind, token = self._kind(), self._token()
        if kind == "number":
            self.at += 1
            return self._number(float(token))
        if kind == "name":
            self.at += 1
            if self._token() == "(":
                return self._call(token)
            if _ALIASES.get(token, token) in FUNCTIONS:
                self._fail(f"'(' after the function {token}")
            if token in _CONSTANTS:
                return self._number(_CONSTANTS[token])
            return self._add(Node("variable", name=token))
        if self._take("("):
            self._deeper()
            found = self._sum()
            self.depth -= 1
            self._need(")")
            return found
        self._fail("a number, a name or '('")
        raise AssertionError

    def _call(self, name: str) -> int:
        name = _ALIASES.get(name, name)
        if name not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise FormulaError(f"There is no function '{name}'.{nearest(name, FUNCTIONS)} Known: {known}.")
        self.at += 1
        self._deeper()
        arguments = [self._sum()]
        while self._take(","):
            arguments.append(self._sum())
        self.depth -= 1
        self._need(")")
        wanted = OPERATIONS[name].arity
        if len(arguments) != wanted and (wanted or len(arguments) < 2):
            needed = f"{wanted} value{'s' * (wanted != 1)}" if wanted else "2 values or more"
            raise FormulaError(f"{name} takes {needed}, got {len(arguments)}.")
        if not wanted:
            within = [self.nodes[k].inputs if self.nodes[k].op == name else (k,) for k in arguments]
            arguments = list(dict.fromkeys(itertools.chain.from_iterable(within)))
            if len(arguments) == 1:  # all the same
                return arguments[0]
        return self._node(name, *arguments)

    # ---- tokens and nodes

    def _kind(self) -> str:
        return self.tokens[self.at][0]

    def _token(self) -> str:
        return self.tokens[self.at][1]

    def _take(self, token: str) -> bool:
        found = self._token() == token
        self.at += found
        return found

    def _need(self, token: str) -> None:
        if not self._take(token):
            self._fail(f"'{token}'")

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise FormulaError(f"The formula is nested more than {_DEEPEST} levels deep; write it flatter.")

    def _fail(self, wanted: str) -> None:
        kind, token, place = self.tokens[self.at]
        found = "the formula ends" if kind == "end" else f"there is '{token}'"
        start = max(0, place - 20)
        near = self.text[start : place + 10].strip()
        raise FormulaError(f"Expected {wanted} at character {place + 1}, but {found}: ...{near}...")

    def _number(self, value: float) -> int:
        if not math.isfinite(value):
            raise FormulaError(f"The number {self.tokens[self.at - 1][1][:40]} is too large for a double.")
        return self._add(Node("number", number=value))

    def _node(self, op: str, *inputs: int) -> int:
        return self._add(Node(op, inputs))

    def _add(self, node: Node) -> int:
        """The node's number; an equal one is there only once."""
        if node not in self.known:
            self.known[node] = len(self.nodes)
            self.nodes.append(node)
        return self.known[node]


def _used(nodes: list[Node], outputs: list[int]) -> tuple[list[Node], list[int]]:
    """The nodes that outputs are made of, numbered anew (a max taken into another one is made of nothing)."""
    needed = set(outputs)
    for k in range(len(nodes) - 1, -1, -1):
        if k in needed:
            needed.update(nodes[k].inputs)
    new = {k: number for number, k in enumerate(sorted(needed))}
    kept = [replace(nodes[k], inputs=tuple(new[i] for i in nodes[k].inputs)) for k in new]
    return kept, [new[k] for k in outputs]


def _tokens(text: str) -> list[tuple[str, str, int]]:
    """(kind, token, place) of every token; the last is the end."""
    found, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            instead = f" Write {_OTHER_SIGNS[text[at]]} instead." if text[at] in _OTHER_SIGNS else ""
            raise FormulaError(
                f"A formula has numbers, names, + - * / ** ( ) , and ; but character {at + 1} is {text[at]!r}.{instead}"
            )
        kind = _KINDS[match.lastindex - 1] if match.lastindex else "sign"
        token = match.group(match.lastindex or 0)
        if kind == "name" and token.startswith("__"):
            raise FormulaError(f"'{token[:40]}' is not a name for a variable: names begin with a letter.")
        found.append((kind, token, match.end() - len(token)))
        at = match.end()
    return [*found, ("end", "", len(text))]


def _as_counted(name: str) -> list[tuple[int, str, int]]:
    """A key by which w2 comes before w10."""
    return [(1, "", int(part)) if part.isdigit() else (0, part, 0) for part in re.split(r"(\d+)", name) if part]
