"""An ONNX file as a plain graph: nodes in the order in which they run, constants as arrays; nothing of it is run.

Whatever a file claims is compared with what it holds before memory is asked for. Numbers kept in another file are read
where that lies in the same folder, as PyTorch's exporter writes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.errors import ModelError
from glassnet.files import open_plain, plain_bytes
from glassnet.interop.onnx.library import onnx_library
from glassnet.nn.functional.arrays import Array

__all__ = ["Graph", "Node", "read_graph"]

_MOST_NODES = 20_000


@dataclass(frozen=True)
class Node:
    """An operation: what it is, what it takes and gives by name, and its settings.

    Attributes
    ----------
    operator, name : str
        What it is, and what it is called ("" where it has no name).
    inputs, outputs : tuple of str
        Names; an input that is left out is "".
    settings : mapping
        Its attributes by name; tensors are arrays.
    """

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.operator} '{self.name or self.outputs[0]}'"


@dataclass(frozen=True)
class Graph:
    """An ONNX file.

    Attributes
    ----------
    path : str
        Where it is from, for errors.
    nodes : tuple of Node
        In an order in which each finds its inputs there.
    constants : dict of str to array
        By name.
    inputs : dict of str to (str, tuple)
        By name: the type of the numbers ("FLOAT") and the sizes, None where one is open.
    outputs : tuple of str
        Names.
    metadata : dict of str to str
        Texts by name.
    """

    path: str
    nodes: tuple[Node, ...]
    constants: dict[str, Array]
    inputs: dict[str, tuple[str, tuple[int | None, ...]]]
    outputs: tuple[str, ...]
    metadata: dict[str, str]


def read_graph(path: str | Path) -> Graph:
    """Read an ONNX file. Raises `ModelError` where it is missing, damaged, or not made as the format says."""
    onnx, path = onnx_library(), Path(path)
    try:
        content = plain_bytes(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ModelError(f"Cannot read '{path}': {reason}.") from error
    try:
        model = onnx.ModelProto.FromString(content)
    except Exception as error:  # protobuf's own errors, which differ from one version to another
        raise ModelError(f"'{path}' is damaged or no ONNX file; use another copy.") from error
    graph = model.graph
    if not graph.node or not graph.output:
        raise ModelError(f"'{path}' is damaged or no ONNX file: it holds no graph; use another copy.")
    if len(graph.node) > _MOST_NODES or len(graph.sparse_initializer):
        raise ModelError(f"'{path}' has more than {_MOST_NODES:,} nodes or sparse constants, which are not read.")
    if model.functions or any(node.domain not in ("", "ai.onnx") for node in graph.node):
        odd = next((f"{n.domain}.{n.op_type}" for n in graph.node if n.domain not in ("", "ai.onnx")), "a function")
        raise ModelError(f"'{path}' uses '{odd}', which is not of ONNX's own operators; only these are read.")
    constants = {_text(tensor.name): _array(onnx, tensor, path) for tensor in graph.initializer}
    inputs = {_text(value.name): _described(onnx, value) for value in graph.input if _text(value.name) not in constants}
    nodes = tuple(_node(onnx, node, path) for node in graph.node)
    outputs = tuple(_text(value.name) for value in graph.output)
    _check_order(nodes, {*constants, *inputs}, outputs, path)
    metadata = {_text(entry.key): _text(entry.value) for entry in model.metadata_props}
    return Graph(str(path), nodes, constants, inputs, outputs, metadata)


def _text(value: str | bytes) -> str:
    """A text of the file, which comes as bytes where it is no UTF-8."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _described(onnx: Any, value: Any) -> tuple[str, tuple[int | None, ...]]:
    tensor = value.type.tensor_type
    sizes = tuple(size.dim_value if size.HasField("dim_value") else None for size in tensor.shape.dim)
    known = onnx.TensorProto.DataType.DESCRIPTOR.values_by_number.get(tensor.elem_type)
    return known.name if known else "unknown", tuple(n if n is None or n > 0 else None for n in sizes)


def _node(onnx: Any, node: Any, path: Path) -> Node:
    settings: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.type in (attribute.GRAPH, attribute.GRAPHS):
            raise ModelError(f"'{path}' has a graph within its node {node.op_type} '{node.name}', which is not read.")
        value = onnx.helper.get_attribute_value(attribute)
        if attribute.type == attribute.TENSOR:
            value = _array(onnx, value, path)
        settings[_text(attribute.name)] = _text(value) if isinstance(value, bytes) else value
    if not node.output:
        raise ModelError(f"'{path}' has a node {node.op_type} '{node.name}' that gives nothing; use another copy.")
    inputs, outputs = (tuple(map(_text, names)) for names in (node.input, node.output))
    return Node(_text(node.op_type), _text(node.name), inputs, outputs, settings)


def _check_order(nodes: tuple[Node, ...], known: set[str], outputs: tuple[str, ...], path: Path) -> None:
    """Raise `ModelError` where a node uses what nothing before it gives, or gives what is there already."""
    known = {"", *known}
    for node in nodes:
        for name in node.inputs:
            if name not in known:
                raise ModelError(
                    f"'{path}' cannot be used: {node} takes '{name}', which nothing before it gives (a circle, or a"
                    " part is missing)."
                )
        for name in filter(None, node.outputs):
            if name in known:
                raise ModelError(f"'{path}' cannot be used: {node} gives '{name}', which is there already.")
            known.add(name)
    for name in outputs:
        if name not in known:
            raise ModelError(f"'{path}' cannot be used: nothing gives its output '{name}'.")


# ---- numbers


def _array(onnx: Any, tensor: Any, path: Path) -> Array:
    """The numbers of a tensor, counted first; BF16 as float32."""
    where = f"The tensor '{_text(tensor.name)}' in '{path}'"
    shape, count = tuple(tensor.dims), math.prod(tensor.dims)
    types = onnx.TensorProto
    if any(size < 0 for size in shape) or len(shape) > 8:
        raise ModelError(f"{where} has the impossible sizes {shape[:8]}.")
    kinds = {getattr(types, name): name for name in _WIDTHS}
    if tensor.data_type not in kinds:
        raise ModelError(f"{where} is of a type that is not read; those are {', '.join(_WIDTHS)}.")
    kind = kinds[tensor.data_type]
    size = count * np.dtype(_WIDTHS[kind]).itemsize
    if tensor.data_location == types.EXTERNAL:
        raw = _from_beside(tensor, size, path, where)
    elif tensor.HasField("raw_data"):
        raw = tensor.raw_data
    else:
        raw = b""
    if raw or tensor.data_location == types.EXTERNAL or not count:
        if len(raw) != size:
            raise ModelError(f"{where} has {len(raw):,} bytes; its sizes {shape} ask for {size:,}. Use another copy.")
        numbers = np.frombuffer(raw, _WIDTHS[kind])
    else:
        numbers = _listed(tensor, kind)
        if len(numbers) != count:
            raise ModelError(f"{where} has {len(numbers):,} numbers; its sizes {shape} ask for {count:,}.")
    if kind == "BFLOAT16":
        numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
    return numbers.reshape(shape)


# Types that are read, and those of NumPy with their bytes.
_WIDTHS = {
    "FLOAT": "<f4",
    "DOUBLE": "<f8",
    "FLOAT16": "<f2",
    "BFLOAT16": "<u2",
    "INT64": "<i8",
    "INT32": "<i4",
    "INT8": "i1",
    "UINT8": "u1",
    "BOOL": "?",
}


def _listed(tensor: Any, kind: str) -> Array:
    """Numbers that are written one by one."""
    if kind in ("FLOAT", "DOUBLE", "INT64"):
        field = {"FLOAT": tensor.float_data, "DOUBLE": tensor.double_data, "INT64": tensor.int64_data}[kind]
        return np.array(field, _WIDTHS[kind])
    listed = np.array(tensor.int32_data, np.int32)
    if kind in ("FLOAT16", "BFLOAT16"):
        return listed.astype(np.uint16).view(_WIDTHS[kind])
    return listed.astype(_WIDTHS[kind])


def _from_beside(tensor: Any, size: int, path: Path, where: str) -> bytes:
    """Bytes that lie in another file of the same folder."""
    said = {_text(entry.key): _text(entry.value) for entry in tensor.external_data}
    location = said.get("location", "")
    try:
        beside = path.parent / location
        inside = bool(location) and beside.resolve().parent == path.parent.resolve() and Path(location).name == location
        start, length = int(said.get("offset", 0)), int(said.get("length", size))
    except (OSError, ValueError):
        inside, start, length = False, 0, 0
    if not inside or start < 0 or length != size:
        raise ModelError(
            f"{where} has its numbers in '{location}', which is no file of the same folder with so many; save the model"
            " as one file."
        )
    try:
        with open_plain(beside) as file:
            file.seek(start)
            return file.read(size) if start + size <= beside.stat().st_size else b""
    except OSError as error:
        raise ModelError(f"{where} has its numbers in '{location}': {error.strerror or error}.") from error
