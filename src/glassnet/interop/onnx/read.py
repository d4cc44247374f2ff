"""A network out of any ONNX graph that is made of layers we have.

A value that several nodes use is where branches begin; they end in the `Add` or `Concat` in which they come together.
Rows and columns are first with us and channels with ONNX: weights are transposed, and the features of a flattened
picture are brought into our order.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.errors import Fix, ModelError, NotationError
from glassnet.interop.onnx.graph import Graph, Node, read_graph
from glassnet.interop.onnx.operators import OPERATORS, Call
from glassnet.interop.onnx.own import is_own, own_model
from glassnet.interop.onnx.steps import Flow, Step, arrays_of, composite, notation_of
from glassnet.interop.places import same_order
from glassnet.nn import Network
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import LARGEST_WEIGHTS

__all__ = ["from_onnx", "network_of"]

_DEEPEST = 10  # branches within branches; the notation has no more either
_SMALL = 64  # numbers of the constants that are computed along the way: shapes
_SENSELESS = (ArithmeticError, IndexError, TypeError, ValueError)  # what settings of a wrong kind lead to
_READ = "FLOAT", "DOUBLE", "FLOAT16"


def from_onnx(path: str | Path, input_shape: Sequence[int] | None = None) -> Network:
    """The network of an ONNX file, its weights in float32.

    Parameters
    ----------
    path : str or Path
        A file that glassnet wrote, or any other with one input of pictures (n, C, H, W) or rows (n, d), whose first
        output is (n, k) scores.
    input_shape : sequence of int, optional
        (H, W, C) where the file leaves sizes open.

    Returns
    -------
    Network
        It computes the first output; a softmax at the end is left to the loss.

    Raises
    ------
    GlassnetError
        The package onnx is not installed; the file is damaged, or holds an operator that no layer here is. The first
        of these is named.

    Examples
    --------
    >>> import onnx
    >>> import tempfile
    >>> from pathlib import Path
    >>> import glassnet
    >>> from glassnet.interop import from_onnx, to_onnx
    >>> model = glassnet.fit("digits", "linear", epochs=1, verbose=False).model
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.onnx"
    ...     onnx.save(onnx.load_from_string(to_onnx(model)), path)
    ...     network = from_onnx(path)
    >>> network.notation()
    'linear 10'
    """
    graph = read_graph(path)
    return own_model(graph).network if is_own(graph) else network_of(graph, input_shape)


def network_of(graph: Graph, input_shape: Sequence[int] | None = None) -> Network:
    """The network of a graph that another program wrote; see `from_onnx`."""
    try:
        return _Reader(graph, input_shape).network()
    except _SENSELESS as error:
        raise ModelError(f"'{graph.path}' cannot be read as a network here: its settings make no sense.") from error


@dataclass
class _Branch:
    """Steps from where branches begin, up to the node in which this one comes together with others."""

    steps: list[Step]
    flow: Flow
    value: str  # what it gives
    end: Node | None  # None: the graph ends


class _Reader:
    """Walks a graph from its input to its first output."""

    def __init__(self, graph: Graph, input_shape: Sequence[int] | None) -> None:
        self.graph = graph
        self.shape_wanted = None if input_shape is None else tuple(input_shape)
        self.makers = {output: node for node in graph.nodes for output in node.outputs if output}
        if len(graph.inputs) != 1:
            raise self.refuse(f"it has {len(graph.inputs)} inputs instead of 1")
        ((self.start, (self.kind, sizes)),) = graph.inputs.items()
        self.sizes, self.batch = sizes[1:], sizes[0] if sizes else None
        self.flows: dict[str, Flow] = {}
        self.users = self._users()

    def refuse(self, reason: str) -> ModelError:
        return ModelError(f"'{self.graph.path}' cannot be read as a network here: {reason}.")

    def _users(self) -> dict[str, list[Node]]:
        """By value the nodes that compute with it and lead to the first output; one that uses it twice stands twice."""
        wanted = {self.graph.outputs[0]}
        for node in reversed(self.graph.nodes):
            if wanted & set(node.outputs):
                wanted |= set(node.inputs)
        flowing, users = {self.start}, defaultdict(list)
        for node in self.graph.nodes:
            if node.operator == "Shape" or not wanted & set(node.outputs):
                continue
            for name in node.inputs:
                if name in flowing:
                    users[name].append(node)
            if flowing & set(node.inputs):
                flowing |= set(node.outputs[:1])
        self.flowing = flowing
        return users

    def network(self) -> Network:
        """The whole."""
        flow = self.first_flow()
        self.flows[self.start] = flow
        branch = self.follow(self.start, flow, 0)
        if branch.value != self.graph.outputs[0]:
            raise self.refuse(f"its output '{self.graph.outputs[0]}' does not come from its input '{self.start}'")
        if branch.flow.is_picture or branch.flow.order is not None:
            raise self.refuse("it gives pictures; a network here gives a row of scores for each example")
        if not branch.steps:
            raise self.refuse("it has no layers")
        try:
            made = Network(notation_of(branch.steps), flow.shape)
        except NotationError as error:
            raise self.refuse(f"it would be '{notation_of(branch.steps):.80}', and {error}") from error
        made.load_arrays(arrays_of(branch.steps))
        return made

    def first_flow(self) -> Flow:
        """What the graph's input is with us."""
        if self.kind not in _READ:
            raise self.refuse(f"its input '{self.start}' is of the type {self.kind}; pictures are read as FLOAT")
        if len(self.sizes) not in (1, 3):
            raise self.refuse(
                f"its input '{self.start}' has {len(self.sizes) + 1} axes; pictures (n, C, H, W) and rows (n, d) are"
                " read"
            )
        users = self.users[self.start]
        last = len(self.sizes) == 3 and bool(users) and all(_to_first(node) for node in users)
        sizes = self.sizes if len(self.sizes) == 1 or last else (*self.sizes[1:], self.sizes[0])
        shape = self.shape_wanted or sizes
        if len(sizes) == 1 and len(shape) == 3 and shape[2] == 1:  # rows of one channel are in the order of the picture
            shape = (math.prod(size or 0 for size in shape),)
        if len(shape) != len(sizes) or any(a is not None and a != b for a, b in zip(sizes, shape, strict=True)):
            raise self.refuse(f"its input is {_text(sizes)}, not {_text(shape)}")
        whole = tuple(size for size in shape if size is not None)
        if len(whole) != len(shape):
            example = "224x224x3" if len(shape) == 3 else "64"
            raise ModelError(
                f"'{self.graph.path}' leaves the sizes of its input open: {_text(sizes)}.",
                Fix.GIVE_INPUT_SHAPE,
                example=example,
            )
        if math.prod(whole) > LARGEST_WEIGHTS:
            raise self.refuse(f"its input of {_text(whole)} is too large")
        return Flow(whole, "flat" if len(whole) == 1 else "NHWC" if last else "NCHW")

    # ---- walking

    def follow(self, value: str, flow: Flow, depth: int, steps: Sequence[Step] = ()) -> _Branch:
        """These steps and those from a value on, up to the graph's end or a node in which it meets another branch."""
        steps = list(steps)
        while True:
            self.flows[value] = flow
            users = self.users[value] if value != self.graph.outputs[0] else []
            if not users:
                return _Branch(steps, flow, value, None)
            if len(users) > 1:
                branch = self.divide(value, flow, users, depth)
                steps += branch.steps
                value, flow = branch.value, branch.flow
                continue
            (node,) = users
            if sum(name in self.flowing for name in node.inputs) > 1:
                return _Branch(steps, flow, value, node)
            found, flow = self.read(node, flow, steps)
            steps += found
            value = node.outputs[0]

    def divide(self, value: str, flow: Flow, users: list[Node], depth: int) -> _Branch:
        """What follows a value that several nodes use, up to where all of it has come together."""
        if depth >= _DEEPEST:
            raise self.refuse(f"its branches lie within one another more than {_DEEPEST} deep")
        open_: list[_Branch] = []
        for node in users:
            if sum(name in self.flowing for name in node.inputs) > 1:
                open_.append(_Branch([], flow, value, node))
            else:
                found, after = self.read(node, flow, [])
                open_.append(self.follow(node.outputs[0], after, depth + 1, found))
        while True:
            meeting = self.meeting(open_)
            if meeting is None:
                ends = sorted({str(branch.end) if branch.end else "the end" for branch in open_})
                raise self.refuse(
                    f"what begins at '{value}' does not come together in one node but goes on to {', '.join(ends[:3])}"
                )
            step, joined = self.join(meeting, _in_order(meeting, open_))
            left = [branch for branch in open_ if branch.end is not meeting]
            output = meeting.outputs[0]
            if not left:
                return _Branch([step], joined, output, None)
            open_ = [*left, self.follow(output, joined, depth + 1, [step])]

    def meeting(self, branches: Iterable[_Branch]) -> Node | None:
        """A node all of whose inputs are ends of these branches."""
        ends: dict[int, list[str]] = defaultdict(list)
        nodes: dict[int, Node] = {}
        for branch in branches:
            if branch.end is not None:
                ends[id(branch.end)].append(branch.value)
                nodes[id(branch.end)] = branch.end
        complete = (key for key, values in ends.items() if sorted(values) == sorted(nodes[key].inputs))
        return next((nodes[key] for key in complete), None)

    def join(self, node: Node, parts: list[_Branch]) -> tuple[Step, Flow]:
        """Branches that come together, as a step."""
        first, widths = parts[0].flow, [part.flow.shape[-1] for part in parts]
        inner = {(part.flow.lay, part.flow.shape[:-1]) for part in parts}
        if node.operator in ("Add", "Sum") and len(parts) == 2:
            if len(inner) > 1 or len(set(widths)) > 1:
                raise self.refuse(f"{node} adds {' and '.join(_text(part.flow.shape) for part in parts)}")
            if not same_order(parts[0].flow.order, parts[1].flow.order):
                raise self.refuse(f"{node} adds features of a picture to others, whose order is not known")
            return composite("residual", [part.steps for part in parts]), first
        axis = int(node.settings.get("axis", 1))
        along = {"NCHW": (1, -3), "NHWC": (3, -1), "pooled": (1, -3), "flat": (1, -1)}[first.lay]
        if node.operator != "Concat":
            raise self.refuse(f"no layer here is {node} of {len(parts)} computed values")
        if len(inner) > 1 or axis not in along:
            raise self.refuse(f"{node} puts values side by side that do not fit")
        starts = np.cumsum([0, *widths[:-1]])
        pieces = [
            start + (np.arange(width) if part.flow.order is None else part.flow.order)
            for start, width, part in zip(starts, widths, parts, strict=True)
        ]
        whole = np.concatenate(pieces)
        order = None if np.array_equal(whole, np.arange(len(whole))) else whole
        step = composite("concat", [part.steps for part in parts])
        return step, replace(first, shape=(*first.shape[:-1], sum(widths)), order=order)

    def read(self, node: Node, flow: Flow, before: list[Step]) -> tuple[list[Step], Flow]:
        """A node of one computed input as steps."""
        known = OPERATORS.get(node.operator)
        if known is None:
            raise self.refuse(f"no layer here is {node}; known operators: {', '.join(OPERATORS)}, Concat, Sum")
        inputs = [None if name in self.flowing else self.constant(name) for name in node.inputs]
        call = Call(node, flow, before, inputs, self.graph.path, self.batch, node.outputs[0] == self.graph.outputs[0])
        try:
            return known(call)
        except NotationError as error:
            raise call.refuse(f"is no layer here: {error}") from error
        except _SENSELESS as error:
            raise call.refuse("has settings or constants that make no sense") from error

    # ---- constants

    def constant(self, name: str, depth: int = 0) -> Array | None:
        """A constant, or one that follows from constants and sizes; None where it is neither.

        Sizes are computed with 0 for the number of examples, which `Reshape` reads as "the same".
        """
        if name in self.graph.constants:
            return self.graph.constants[name]
        node = self.makers.get(name)
        if node is None or name in self.flowing or depth > _SMALL:
            return None
        if node.operator == "Constant":
            value = next(iter(node.settings.values()), None)
            return None if value is None or isinstance(value, str) else np.asarray(value)
        if node.operator == "Shape":
            return self.size_of(node.inputs[0])
        given = [self.constant(each, depth + 1) for each in node.inputs]
        if not given or any(array is None for array in given):
            return None
        return _computed(node, [array for array in given if array is not None])

    def size_of(self, name: str) -> Array | None:
        flow = self.flows.get(name)
        if flow is None or flow.lay == "NHWC":
            return None
        shape = flow.shape if flow.lay == "flat" else (flow.shape[-1], *(flow.shape[:-1] or (1, 1)))
        return np.array([0, *shape])


def _computed(node: Node, given: list[Array]) -> Array | None:
    """What a node makes of constants, where it is one of the few that shapes are computed by."""
    first = given[0]
    if node.operator in ("Identity", "Cast") and len(given) == 1:
        return first
    if node.operator == "Transpose":
        axes = list(node.settings.get("perm", range(first.ndim)[::-1]))
        return first.transpose(axes) if sorted(axes) == list(range(first.ndim)) else None
    if any(array.size > _SMALL for array in given):
        return None
    try:
        if node.operator == "Gather" and int(node.settings.get("axis", 0)) == 0 and first.ndim == 1:
            return np.asarray(first[given[1]])
        if node.operator in ("Unsqueeze", "Squeeze"):
            return first.reshape(-1) if node.operator == "Unsqueeze" else first.reshape(())
        if node.operator == "Concat":
            return np.concatenate([np.atleast_1d(array) for array in given])[:_SMALL]
    except (IndexError, TypeError, ValueError):
        return None
    return None


def _in_order(node: Node, branches: Iterable[_Branch]) -> list[_Branch]:
    """The branches that end in a node, in the order of its inputs."""
    return sorted((b for b in branches if b.end is node), key=lambda branch: node.inputs.index(branch.value))


def _to_first(node: Node) -> bool:
    """Whether a node brings the channels, which are last, to the front."""
    return node.operator == "Transpose" and list(node.settings.get("perm", [])) == [0, 3, 1, 2]


def _text(sizes: Sequence[Any]) -> str:
    return "x".join("?" if size is None else str(size) for size in sizes)
