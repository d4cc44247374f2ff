"""Each preprocessing step as nodes of an ONNX graph: the sums of `glassnet.data.steps`, on pictures (n, C, H, W)."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from glassnet.data import Preprocess
from glassnet.data.steps import Grey, Invert, MeanImage, Multiply, Resize, Shape, Standardise, Step, Whiten
from glassnet.data.steps import interpolation_matrix as interpolation
from glassnet.errors import GlassnetError
from glassnet.interop.onnx.build import GraphBuilder

__all__ = ["preprocess_form", "step_form"]


def preprocess_form(preprocess: Preprocess, graph: GraphBuilder, x: str, shape: Shape) -> str:
    """Add all steps for pictures in 0..1, of `shape` (H, W, C) with us; returns what their output is called."""
    for position, step in enumerate(preprocess.steps, start=2):  # scale is step 1
        x = step_form(step, graph, x, f"preprocess.{position}.{step.word}", shape)
        shape = step.output_shape(shape)
    return x


@singledispatch
def step_form(step: Step, graph: GraphBuilder, x: str, name: str, shape: Shape) -> str:
    """Add a step to a graph; every step has an entry.

    Parameters
    ----------
    step : Step
        A fitted step.
    graph : GraphBuilder
        The graph.
    x : str
        What its input is called there.
    name : str
        The step's own name, with which those of its arrays begin.
    shape : (int, int, int)
        (H, W, C) of the pictures that it is given.

    Returns
    -------
    str
        What its output is called.

    Raises
    ------
    GlassnetError
        The step has no entry.
    """
    raise GlassnetError(f"The preprocessing step '{step.notation()}' has no counterpart in ONNX here.")


@step_form.register(Invert)
def _invert(step: Invert, graph: GraphBuilder, x: str, name: str, shape: Shape) -> str:
    return graph.node("Sub", graph.constant(f"{name}.one", 1), x, name=name)


@step_form.register(Multiply)
def _multiply(step: Multiply, graph: GraphBuilder, x: str, name: str, shape: Shape) -> str:
    return graph.node("Mul", x, graph.constant(f"{name}.factor", step.factor), name=name)


@step_form.register(MeanImage)
def _mean_image(step: MeanImage, graph: GraphBuilder, x: str, name: str, shape: Shape) -> str:
    return graph.node("Sub", x, graph.array(f"{name}.mean", step.arrays()["mean"], (2, 0, 1)), name=name)


@step_form.register(Standardise)
def _standardise(step: Standardise, graph: GraphBuilder, x: str, name: str, shape: Shape) -> str:
    mean, std = (graph.array(f"{name}.{key}", step.arrays()[key], shape=(-1, 1, 1)) for key in ("mean", "std"))
    return graph.node("Div", graph.node("Sub", x, mean, name=name), std, name=name)


@step_form.register(Whiten)
def _whiten(step: Whiten, graph: GraphBuilder, x: str, name: str, shape: Shape) -> str:
    mean, matrix = (graph.array(f"{name}.{key}", step.arrays()[key]) for key in ("mean", "matrix"))
    centred = graph.node("Sub", graph.flat(x, shape, name), mean, name=name)
    features = graph.node("MatMul", centred, matrix, name=name)
    return graph.node("Unsqueeze", features, graph.constant(f"{name}.axes", [2, 3], np.int64), name=name)


@step_form.register(Grey)
def _grey(step: Grey, graph: GraphBuilder, x: str, name: str, shape: Shape) -> str:
    if shape[2] == 1:
        return x
    weights = step.apply(np.eye(3, dtype=np.float32).reshape(3, 1, 1, 3))  # of red, green and blue
    return graph.node("Conv", x, graph.constant(f"{name}.weights", weights.reshape(1, 3, 1, 1)), name=name)


@step_form.register(Resize)
def _resize(step: Resize, graph: GraphBuilder, x: str, name: str, shape: Shape) -> str:
    height, width, _ = shape
    if (height, width) == (step.height, step.width):
        return x
    down = graph.constant(f"{name}.down", interpolation(height, step.height))
    across = graph.constant(f"{name}.across", interpolation(width, step.width).T)
    return graph.node("MatMul", graph.node("MatMul", down, x, name=name), across, name=name)
