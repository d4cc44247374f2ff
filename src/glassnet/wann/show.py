"""What a topology does with one weight: any, the best, and many together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.data import Splits
from glassnet.experiments.data import evaluated_part
from glassnet.metrics import wilson_interval
from glassnet.wann.folder import Found
from glassnet.wann.graph import Graph
from glassnet.wann.judge import WEIGHTS, judge, scores
from glassnet.wann.search import Examples, examples_of

__all__ = ["GRID", "figures", "pixels", "tuned_weight", "vote"]

GRID = tuple(round(-2 + 0.05 * step, 2) for step in range(81))
"""The shared weights of the curve, and those that the best is chosen from: -2 to 2 in steps of 0.05."""

_DRAWS = 1000  # random shared weights


def tuned_weight(graph: Graph, valid: Examples) -> float:
    """The weight of the grid that does best on the validation part; of equal ones that with the lowest loss."""
    found = judge([graph], valid.x, valid.labels, GRID)
    return GRID[int(np.lexsort((found.loss[0], -found.accuracy[0]))[0])]


def vote(graph: Graph, examples: Examples) -> NDArray[np.int64]:
    """The class that most of the weights -2 to 2 answer, (n,); of equal votes the one with more probability."""
    said = scores(graph, examples.x, WEIGHTS).astype(np.float64)
    probability = np.exp(said - said.max(axis=2, keepdims=True))
    probability /= probability.sum(axis=2, keepdims=True)
    votes = (said.argmax(axis=2)[..., None] == np.arange(graph.outputs)).sum(axis=0)
    return np.asarray((votes + probability.mean(axis=0) / 2).argmax(axis=1), np.int64)


def pixels(graph: Graph, image_shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """How many connections come from each pixel (H, W), those of units that reach an output."""
    used = graph.used()
    kept = [graph.sources(unit) for unit in range(len(graph.codes)) if used[graph.first + unit]]
    counts = np.bincount(np.concatenate(kept), minlength=graph.first)[: graph.inputs]
    return np.asarray(counts.reshape(image_shape).sum(axis=2), np.int64)


def figures(found: Found, splits: Splits, seed: int = 0) -> dict[str, Any]:
    """The accuracy of what a search found, on the part that it has not seen.

    Parameters
    ----------
    found : Found
        What a search found.
    splits : Splits
        Its data.
    seed : int
        Of the random shared weights.

    Returns
    -------
    dict
        `part`; `random` (mean and standard deviation over uniform weights from -2 to 2), `tried` (mean over the weights
        of the search), `tuned` (the weight chosen on validation, accuracy and interval), `ensemble` (votes of the
        weights of the search), `curve` (accuracy by weight).
    """
    assert splits.valid is not None
    part, dataset = evaluated_part(splits)
    valid, test = examples_of(splits.valid), examples_of(dataset)
    graph, n = found.graph, len(test.labels)
    weights = np.random.default_rng([seed, 0x5A]).uniform(-2, 2, _DRAWS)
    random = judge([graph], test.x, test.labels, weights).accuracy[0]
    best = tuned_weight(graph, valid)
    curve = judge([graph], test.x, test.labels, GRID).accuracy[0]
    tuned = float(curve[GRID.index(best)])
    together = int((vote(graph, test) == test.labels).sum())
    counts = pixels(graph, found.image_shape)
    return {
        "part": part,
        "examples": n,
        "random": {"mean": float(random.mean()), "deviation": float(random.std()), "draws": _DRAWS},
        "tried": float(judge([graph], test.x, test.labels).accuracy.mean()),
        "tuned": {"weight": best, "accuracy": tuned, "interval": list(wilson_interval(round(tuned * n), n))},
        "ensemble": {"accuracy": together / n, "interval": list(wilson_interval(together, n))},
        "curve": {"weights": list(GRID), "accuracy": curve.tolist(),
                  "valid": judge([graph], valid.x, valid.labels, GRID).accuracy[0].tolist()},
        "pixels": {"used": int((counts > 0).sum()), "of": int(counts.size)},
    }  # fmt: skip
