"""`glassnet classic`, `calculus` and `descend` as a user types them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.experiments.predictions import Predictions
from support.shell import Shell

WRITE_UP = "exp(exp(w1) + exp(2*w2)) + sigmoid(exp(w1) + exp(2*w2)); w1*w2 + max(w1, w2)"


@pytest.mark.parametrize("command", ["pca", "knn", "bag-of-words", "fit-affine", "harris"])
def test_help(command: str, shell: Shell) -> None:
    out = shell("classic", command, "--help")
    assert f"Usage: glassnet classic {command}" in out and "--json" in out and "Example" in out


def _pictures(files: list[str]) -> None:
    for file in files:
        with Image.open(file) as picture:
            assert picture.format == "PNG" and min(picture.size) > 50


def test_principal_components_of_digits(shell: Shell, tmp_path: Path) -> None:
    found = shell.json("classic", "pca", "digits", "--out", tmp_path)
    assert found["pictures"] > 1000 and len(found["files"]) == 4
    needed = list(found["needed"].values())
    assert needed[:4] == sorted(needed[:4]) and needed[3] <= 64
    assert found["spectrum"] == sorted(found["spectrum"], reverse=True)
    _pictures(found["files"])


def test_visual_words_of_digits(shell: Shell, tmp_path: Path) -> None:
    few = ("--limit", 200, "--words", 40, "--levels", 2)
    found = shell.json("classic", "bag-of-words", "digits", *few, "--splits", 1, "--out", tmp_path / "one")
    assert found["accuracy"] > 0.8 and found["mean_of_splits"] == found["splits"][0] > 0.8
    low, high = found["accuracy_interval"]
    assert low < found["accuracy"] < high and found["n"] == 360 and found["pictures"] == 200
    page, kept, *pictures = map(str, found["files"])
    _pictures(pictures)
    assert "bag of visual words" in Path(page).read_text(encoding="utf-8")
    again = shell.json("classic", "bag-of-words", "digits", *few, "--threads", 1, "--out", tmp_path / "two")
    first, second = Predictions.load(kept), Predictions.load(again["files"][1])
    assert (first.labels == second.labels).all() and first.probabilities.tobytes() == second.probabilities.tobytes()
    right = first.probabilities.argmax(axis=1) == first.labels
    assert right.mean() == found["accuracy"] == again["accuracy"] and again["splits"] == []
    for wrong, message in (
        (("--words", 10**6), "ask for fewer words"),
        (("--cells", "4;6"), "--cells takes whole numbers"),
        (("--cells", 0), "cells must be"),
        (("--points", "corners"), "points must be one of"),
        (("--map", "root"), "counts_map must be one of"),
        (("--size", 20), "size"),
        (("--splits", -1), "splits must be at least 0"),
        (("--limit", 1), "limit must be at least 2"),
        (("--seed", -1), "whole number"),
    ):
        assert message in shell.error("classic", "bag-of-words", "digits", *wrong, "--out", tmp_path / "no"), wrong
    assert not (tmp_path / "no").exists()


def test_neighbours_of_digits(shell: Shell, tmp_path: Path) -> None:
    found = shell.json("classic", "knn", "digits", "--k", 3, "--out", tmp_path)
    assert found["accuracy"] > 0.95 and found["interval"][0] < found["accuracy"] < found["interval"][1]
    _pictures(found["files"])
    assert "k must lie" in shell.error("classic", "knn", "digits", "--k", 0)
    assert "k must lie" in shell.error("classic", "knn", "digits", "--k", 10**9)


def test_an_affine_map_is_found(shell: Shell, tmp_path: Path) -> None:
    found = shell.json("classic", "fit-affine", "--out", tmp_path)
    assert found["difference"] < 1e-6 and np.abs(np.array(found["S"]) - [[1, 0], [0, 0.614]]).max() < 0.02
    _pictures(found["files"])
    rng = np.random.default_rng(0)
    source = rng.normal(size=(30, 2))
    target = source @ [[2.0, 1.0], [0.0, -1.0]] + [3.0, 4.0]
    for number, array in enumerate((np.hstack([source, target]), np.stack([source, target]))):
        np.save(tmp_path / f"{number}.npy", array)
        found = shell.json("classic", "fit-affine", tmp_path / f"{number}.npy", "--out", tmp_path)
        assert found["S"] == pytest.approx(np.array([[2.0, 1.0], [0.0, -1.0]]), abs=1e-9)
        assert found["t"] == pytest.approx(np.array([3.0, 4.0]), abs=1e-9)


def test_points_that_cannot_be_fitted(shell: Shell, tmp_path: Path) -> None:
    bad = tmp_path / "bad.npy"
    assert "Cannot read" in shell.error("classic", "fit-affine", bad)
    bad.write_bytes(b"\x93NUMPY rubbish")
    assert "Cannot read" in shell.error("classic", "fit-affine", bad)
    for array, message in (
        (np.zeros((5, 3)), "(5, 3)"),
        (np.zeros((2, 4)), "at least 3"),
        (np.full((5, 4), np.nan), "finite"),
        (np.array(["a"] * 4), "no array of numbers"),
    ):
        np.save(bad, array)
        assert message in shell.error("classic", "fit-affine", bad)
    np.save(bad, np.array([{"a": 1}]), allow_pickle=True)
    assert "Cannot read" in shell.error("classic", "fit-affine", bad)
    np.save(bad, np.random.default_rng(0).normal(size=(20, 4)))
    assert "diverged" in shell.error("classic", "fit-affine", bad, "--rate", 100)


def test_a_fit_says_what_is_left_open(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "points.npy"
    x = np.random.default_rng(0).normal(size=(20, 2))
    np.save(file, np.hstack([x * [5.0, 1e6], x @ [[1.0, 2.0], [3.0, 4.0]]]))
    found = shell.json("classic", "fit-affine", file, "--out", tmp_path)
    assert np.array(found["S"]) * [[5.0], [1e6]] == pytest.approx(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert found["notes"] == [] and shell.err == ""
    out = shell("classic", "fit-affine", file, "--steps", 3, "--out", tmp_path)
    assert "note: Descent ended after max_iter = 3 steps" in out and shell.err == ""
    np.save(file, np.hstack([x[:, :1], x[:, :1], x]))
    assert "on a line" in shell("classic", "fit-affine", file, "--out", tmp_path)
    np.save(file, np.hstack([0 * x, x]))
    assert "on one spot" in shell("classic", "fit-affine", file, "--out", tmp_path)
    np.save(file, np.hstack([1e-200 * x, 1e200 * x]))
    assert "too large for float64" in shell.error("classic", "fit-affine", file, "--out", tmp_path)


def test_corners(shell: Shell, tmp_path: Path) -> None:
    pixels = np.full((80, 100, 3), 255, np.uint8)
    pixels[20:60, 30:70] = 40
    Image.fromarray(pixels).save(tmp_path / "square.png")
    found = shell.json("classic", "harris", tmp_path / "square.png", "--at", "30,40", "--out", tmp_path)
    assert len(found["corners"]) == 4 and found["variances"][0] > 100 * found["variances"][1]
    assert abs(found["directions"][0][0]) == pytest.approx(1)
    _pictures(found["files"])
    for at in ("30", "a,b", "100,1", "-1,5"):
        shell.error("classic", "harris", tmp_path / "square.png", "--at", at)
    shell.error("classic", "harris", tmp_path / "nothing.png")
    shell.error("classic", "harris", tmp_path / "square.png", "--window", "round")
    assert "sigma" in shell.error("classic", "harris", tmp_path / "square.png", "--sigma", 1e9)


def test_calculus(shell: Shell, tmp_path: Path) -> None:
    found = shell.json("calculus", WRITE_UP, "--at", "1,-1", "--step", 0.05, "--hessian", "--out", tmp_path)
    for way in ("forward mode", "reverse mode", "central differences"):
        assert np.round(found["jacobian"][way], 3).tolist() == [[47.303, 4.71], [0.0, 1.0]]
    assert found["names"] == ["w1", "w2"] and len(found["hessian"]) == 2 and len(found["trace"]) == 13
    ElementTree.parse(tmp_path / "graph.svg")
    assert r"\begin{align*}" in (tmp_path / "working.tex").read_text()
    assert shell.json("calculus", "w1 - w2", "--at", "w2=3,w1=1")["values"] == [-2.0]
    assert shell.json("calculus", "-x**2", "--at", "-3")["values"] == [-9.0]
    assert "kink" in shell("calculus", "abs(x)", "--at", "0")
    assert "complex step" in shell("calculus", "sin(x)", "--at", "1")
    assert "no variables" in shell("calculus", "2*pi")
    assert shell.json("calculus", "0", "--at", ",,", "--hessian")["hessian"] == [[]]
    found = shell.json("calculus", "x**101", "--at", "-1.01")
    assert found["jacobian"]["complex step"][0][0] == pytest.approx(101 * 1.01**100) and found["stands_apart"] is None


@pytest.mark.parametrize(
    ("point", "values"),
    [
        ("pi,1/2", (np.pi, 0.5)),
        ("pi / 2, -sqrt(2)", (np.pi / 2, -(2**0.5))),
        ("y = e, x = 2**-3", (0.125, np.e)),
        ("max(1, max(2, 3)) 4", (3.0, 4.0)),
        ("1 -1", (1.0, -1.0)),
        ("2², ln(e)", (4.0, 1.0)),
    ],
)
def test_points_may_be_formulas(shell: Shell, point: str, values: tuple[float, float]) -> None:
    assert shell.json("calculus", "x + 2*y", "--at", point)["at"] == pytest.approx(values)
    assert shell.json("descend", "x**2 + y**2", "--from", point, "--steps", 1)["path"][0] == pytest.approx(values)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["__import__('os')", "--at", "1"], "__import__"),
        (["(" * 10_000 + "x" + ")" * 10_000, "--at", "1"], "nested"),
        (["1/x", "--at", "0"], "no finite value"),
        (["x*y", "--at", "1"], "2 values"),
        (["x*y", "--at", "x=1"], "one value"),
        (["x*y", "--at", "x=1,x=2"], "one value"),
        (["x", "--at", "one"], "not a list of numbers"),
        (["x", "--at", "inf"], "not finite"),
        (["x"], "1 value for"),
        (["x", "--at", "1", "--step", "0"], "positive"),
        (["x", "--at", "1e20", "--step", "1"], "too small"),
        (["x", "--at", "y"], "'y' is not a number"),
        (["x", "--at", "1/0"], "no finite value"),
        (["x*y", "--at", "1,(2"], "Expected ')'"),
        (["x", "--at", "1e400"], "not finite"),
    ],
)
def test_bad_formulas_are_one_line(shell: Shell, arguments: list[str], message: str) -> None:
    assert message in shell.error("calculus", *arguments)


def test_descend(shell: Shell, tmp_path: Path) -> None:
    found = shell.json("descend", "(w-3)**2 / 2", "--from", "0", "--rate", 0.1, "--out", tmp_path / "path.png")
    assert found["path"][1] == pytest.approx([0.3]) and found["safe_rate"] == pytest.approx(1)
    assert all(v - found["lowest"] <= b + 1e-12 for v, b in zip(found["values"], found["bound"], strict=True))
    _pictures(found["files"])
    out = shell("descend", "(w-1)**2; (w+1)**2", "--from", "2", "--rate", 0.2, "--stochastic")
    assert "went uphill" in out and "f2" in out
    assert "above 2/L" in shell("descend", "w**2", "--from", "1", "--rate", 1.5)
    assert "kept at every step" in shell("descend", "w**2 + exp(w)", "--from", "1", "--steps", 100)


def test_descend_says_where_it_rests(shell: Shell) -> None:
    assert "no minimum: f = 1 at x = 0 is a maximum" in shell("descend", "cos(x)", "--from", "0")
    assert "an inflection point" in shell("descend", "x**3", "--from", "0")
    assert "a saddle point" in shell("descend", "x**2 - y**2", "--from", "1,0")
    assert "f still falls" in shell("descend", "exp(-x)", "--from", "0", "--rate", 0.5)
    assert "do not tell" in shell("descend", "(y - x**2) * (y - 2*x**2)", "--from", "0,0")
    assert "kinks" in shell("descend", "abs(x)", "--from", "1/2", "--rate", 0.1)
    assert "left for infinity" not in shell("descend", "x**2 + 1e13", "--from", "1", "--rate", 0.3)
    found = shell.json("descend", "x**4", "--from", "1")
    assert found["kind"] == "minimum" and found["minimum"] == pytest.approx([0], abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--from", "1e308", "--rate", "0.1", "--out", "never.png"], "too far to be drawn"),
        (["-(w**2)", "--from", "1", "--rate", "0.1", "--steps", "400"], "falls without bound"),
        (["w**2", "--from", "1,2"], "1 value for"),
        (["w**2"], "--from"),
        (["w**2", "--from", "1", "--momentum", "2"], "momentum"),
        (["w +", "--from", "1"], "formula ends"),
    ],
)
def test_bad_descents_are_one_line(shell: Shell, arguments: list[str], message: str) -> None:
    assert message in shell.error("descend", *arguments)
