"""The grammar of formulas: what is understood, and the one line for what is not."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.autodiff import differences, evaluate, jvp, parse, vjp
from glassnet.autodiff.working import work
from glassnet.errors import FormulaError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("2 - 3 - 4", -5),
        ("16 / 4 / 2", 2),
        ("2 ** 3 ** 2", 512),
        ("-2 ** 2", -4),
        ("2 ^ -1", 0.5),
        ("--3", 3),
        ("1.5e2 + .5", 150.5),
        ("min(4, 2, 3) * max(1, 5)", 10),
        ("2*-3", -6),
        ("e ** 0 + pi - pi", 1),
        ("sqrt(abs(-9));", 3),
        ("ln(e**2)", 2),
        ("3²", 9),
        ("-2³ + 10⁻²", -7.99),
        ("(1+2)²**3", 729),
        ("max(1, 5, min(9, 7, 8), 2)", 7),
    ],
)
def test_formulas_have_their_values(text: str, value: float) -> None:
    graph = parse(text)
    assert evaluate(graph, [])[graph.outputs[0]] == pytest.approx(value)
    again = parse(graph.text(graph.outputs[0]))
    assert evaluate(again, [])[again.outputs[0]] == pytest.approx(value), "what is shown means the same"


def test_variables_are_ordered_as_people_count() -> None:
    assert parse("w10*w2 + b*w1").names == ("b", "w1", "w2", "w10")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "formula ends"),
        ("w1 +", "character 5"),
        ("x y", "there is 'y'"),
        ("sin x", "after the function sin"),
        ("foo(x)", "no function 'foo'"),
        ("sigmod(x)", "Did you mean 'sigmoid'"),
        ("max(x)", "max takes 2"),
        ("ln x", "after the function ln"),
        ("x·2", r"Write \* instead"),
        ("x" + "⁹" * 400, "too large"),
        ("x² ³", "there is '³'"),
        ("exp(x, y)", "exp takes 1 value, got 2"),
        ("x.y", "is '.'"),
        ("x = 3", "is '='"),
        ("__import__('os').system('ls')", "__import__"),
        ("exp(__class__)", "__class__"),
        ("lambda: 0", "':'"),
        ("[1 for x in y]", r"'\['"),
        ("1e999 * x", "too large"),
        ("x; ; y", "there is ';'"),
        ("(x", r"'\)'"),
        ("x)", r"there is '\)'"),
        ("(" * 10_000 + "x" + ")" * 10_000, "nested more than"),
        ("exp(" * 10_000 + "x" + ")" * 10_000, "nested more than"),
        ("2**" * 10_000 + "x", "nested more than"),
        ("x" * 200_000, "at most"),
        ("\u0661 + x", "character 1"),
        ("x \u2212 1", "character 3"),
        ("\x00", "character 1"),
    ],
)
def test_what_is_no_formula_is_one_line(text: str, message: str) -> None:
    with pytest.raises(FormulaError, match=message) as caught:
        parse(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@given(st.text(max_size=60) | st.text(alphabet="xy12+-*/^()., ;maxexp", max_size=60))
def test_any_text_is_a_formula_or_one_line(text: str) -> None:
    try:
        parse(text)
    except FormulaError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1/x", [0]),
        ("log(x)", [-1]),
        ("log(x)", [0]),
        ("sqrt(x)", [-1]),
        ("exp(1000*x)", [1]),
        ("9**9**9 + x", [1]),
        ("x**0.5", [-4]),
        ("x*1e308*10", [1]),
        ("x", [math.nan]),
    ],
)
def test_what_is_not_finite_is_one_line(text: str, at: list[float]) -> None:
    with pytest.raises(FormulaError, match="no finite value"):
        evaluate(parse(text), at)


@pytest.mark.parametrize(("text", "at"), [("sqrt(x)", (0.0,)), ("x**y", (-2.0, 2.0)), ("x**0.5", (0.0,))])
def test_what_has_no_derivative_is_one_line(text: str, at: tuple[float, ...]) -> None:
    with pytest.raises(FormulaError, match=r"derivative|finite"):
        work(parse(text), at)


def test_long_flat_formulas_are_fine() -> None:
    graph = parse(" + ".join(["x"] * 20_000))
    assert evaluate(graph, [1.0])[graph.outputs[0]] == 20_000
    assert len(graph.text(graph.outputs[0])) < 1000
    assert parse("-" * 10_001 + "x").operations, "signs do not nest"
    with pytest.raises(FormulaError, match="too large to draw"):
        work(parse(" + ".join(f"x*{k}" for k in range(500))), (1.0,)).svg()


def test_wrong_sizes_are_named() -> None:
    graph = parse("x*y")
    with pytest.raises(FormulaError, match="2 variables"):
        evaluate(graph, [1.0])
    with pytest.raises(FormulaError, match="direction"):
        jvp(graph, [1.0, 2.0], [1.0])
    with pytest.raises(FormulaError, match="weight"):
        vjp(graph, [1.0, 2.0], [1.0, 1.0])
    for step in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(FormulaError, match="positive"):
            differences(graph, [1.0, 2.0], step)


def test_the_working_is_shown() -> None:
    working = work(parse("exp(w1)*w2 + 1; max(w1, w2)"), (0.5, 2.0))
    head, *rows = working.rows()
    assert head == ("", "is", "value", "dot w1", "dot w2", "bar f1", "bar f2")
    assert ("v2", "v1*w2", "3.29744", "3.29744", "1.64872", "1", "0") in rows
    assert sum("= f" in row[1] for row in rows) == 2
    tex = working.latex()
    assert r"v_{2} &= v_{1} \cdot w_{2} = 3.29744 \\" in tex and tex.count(r"\begin{") == tex.count(r"\end{")
    assert tex.count("{") == tex.count("}")
    drawing = ElementTree.fromstring(working.svg())
    texts = [element.text or "" for element in drawing.iter() if element.tag.endswith("text")]
    assert any("v2: *" in text for text in texts) and any("3.297" in text for text in texts)
    titles = {element.text for element in drawing.iter() if element.tag.endswith("title")}
    assert {"w1", "w2", "exp(w1)", "exp(w1)*w2 + 1", "max(w1, w2)"} <= titles
