"""The ONNX project's own backend tests of single operators, through the operations here.

What cannot be computed is listed in `OUT_OF_SCOPE` with its reason, and nothing else may be left out.
"""

from __future__ import annotations

import functools
import re
import warnings
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pytest

from glassnet.errors import GlassnetError
from glassnet.nn.functional.convolution_plan import METHODS
from support.onnx_operations import OPERATIONS, conv

_EXPANDED = "a graph of several operators, most of which are not operations here"
_SPACE = "pictures have two dimensions here"
_DTYPE = "operations compute in float32 and float64"
_RANDOM = "what is dropped comes from a random generator, and ours is another"
_WEIGHTED = "the loss counts every class alike"
_IGNORED = "the loss counts every example"
_SPREAD = "the taps of a convolution lie side by side"

OUT_OF_SCOPE = {
    "*_expanded*": _EXPANDED,
    "test_averagepool_[13]d_*": _SPACE,
    "test_maxpool_[13]d_*": _SPACE,
    "test_maxpool_2d_uint8": _DTYPE,
    "test_training_dropout": _RANDOM,
    "test_training_dropout_mask": _RANDOM,
    "test_training_dropout_default*": _RANDOM,
    "test_sce_none_weights*": _WEIGHTED,
    "test_sce_*mean_weight*": _WEIGHTED,
    "test_sce_*sum_weight*": _WEIGHTED,
    "test_sce_*no_weight*_ii*": _IGNORED,
}


@dataclass(frozen=True)
class Case:
    """One test of ONNX's: its node's attributes, inputs by position and wanted outputs by position."""

    name: str
    operator: str
    expanded: bool
    attributes: dict[str, Any]
    inputs: list[Any]
    wanted: dict[int, np.ndarray]
    rtol: float
    atol: float

    @property
    def lacks(self) -> str | None:
        """What the operations here lack to compute it, told from the node and its inputs alone."""
        if self.expanded:
            return _EXPANDED
        x, *others = self.inputs
        if getattr(x, "dtype", None) not in (np.float32, np.float64):
            return _DTYPE
        if self.operator in ("Conv", "MaxPool", "AveragePool", "GlobalAveragePool") and x.ndim != 4:
            return _SPACE
        if self.operator == "Conv" and any(d != 1 for d in self.attributes.get("dilations", ())):
            return _SPREAD
        if self.operator == "Dropout" and len(others) == 2 and others[1] and others[0] != 0:
            return _RANDOM
        if self.operator == "SoftmaxCrossEntropyLoss" and len(others) == 2:
            return _WEIGHTED
        if self.operator == "SoftmaxCrossEntropyLoss" and self.attributes.get("ignore_index") in others[0]:
            return _IGNORED
        return None


@functools.cache
def cases() -> dict[str, list[Case]]:
    """All cases by operator. Making them takes some 20 seconds, most of it for pools of three dimensions."""
    pytest.importorskip("onnx", reason="the package onnx, which brings its tests, is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cases are computed as they are loaded, some of them from NaN
        from onnx.backend.test.loader import load_model_tests

        tests = load_model_tests(kind="node")
    graphs = {test.name: test.model.graph for test in tests}
    found: dict[str, list[Case]] = {operator: [] for operator in OPERATIONS}
    for test in tests:
        # A function's expansion is named after the case that it was made from.
        origin = graphs.get(re.sub("_expanded.*", "", test.name), graphs[test.name])
        for operator in {node.op_type for node in origin.node} & set(OPERATIONS):
            found[operator].append(_read(test, operator))
    return found


def _read(test: Any, operator: str) -> Case:
    import onnx

    node, *others = test.model.graph.node
    if others or node.op_type != operator:
        return Case(test.name, operator, True, {}, [], {}, test.rtol, test.atol)
    schema = onnx.defs.get_schema(operator, test.model.opset_import[0].version, "")
    attributes = [a.default_value for a in schema.attributes.values() if a.default_value.name] + list(node.attribute)
    values = {a.name: onnx.helper.get_attribute_value(a) for a in attributes}
    ((inputs, outputs),) = test.data_sets
    given, wanted = iter(inputs), iter(outputs)  # an optional one that is left out has an empty name
    by_position = [next(given) if name else None for name in node.input]
    results = {position: next(wanted) for position, name in enumerate(node.output) if name}
    return Case(test.name, operator, False, values, by_position, results, test.rtol, test.atol)


def _listed(case: Case) -> list[str]:
    return [pattern for pattern in OUT_OF_SCOPE if fnmatchcase(case.name, pattern)]


def _in_scope(operator: str) -> list[Case]:
    return [case for case in cases()[operator] if not _listed(case)]


def _check(case: Case, outputs: list[Any], dtype: type) -> None:
    for position, wanted in case.wanted.items():
        ours = outputs[position]
        if wanted.dtype == np.float32:
            if isinstance(ours, np.ndarray):
                assert ours.dtype == dtype
            np.testing.assert_allclose(ours, wanted, rtol=case.rtol, atol=case.atol)
        else:  # places and masks
            np.testing.assert_array_equal(ours, wanted, strict=True)
        assert np.shape(ours) == wanted.shape


def _in_dtype(case: Case, dtype: type) -> list[Any]:
    return [x.astype(dtype) if getattr(x, "dtype", None) == np.float32 else x for x in case.inputs]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("operator", OPERATIONS)
def test_cases(operator: str, dtype: type) -> None:
    """In float32 as ONNX has it, and in float64 with the same numbers."""
    run, failures = _in_scope(operator), []
    assert run
    for case in run:
        try:
            _check(case, OPERATIONS[operator](_in_dtype(case, dtype), case.attributes), dtype)
        except (AssertionError, GlassnetError) as error:
            failures.append(f"{case.name}: {error}")
    assert not failures, "\n\n".join(failures)


# The cases have kernels larger than 1x1 and one channel: nothing for a single product, nor for Winograd's method.
@pytest.mark.parametrize("method", [method for method in METHODS if method not in ("product", "winograd")])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_convolution_by_every_method(method: str, dtype: type) -> None:
    for case in _in_scope("Conv"):
        _check(case, conv(_in_dtype(case, dtype), case.attributes, method), dtype)


def test_every_case_is_run_or_listed() -> None:
    """A case is listed exactly when the operations lack something for it, and that is the reason given."""
    everything = [case for of_operator in cases().values() for case in of_operator]
    left_out = [f"{case.name}: {case.lacks}" for case in everything if case.lacks and not _listed(case)]
    assert not left_out, "neither run nor listed"
    possible = [case.name for case in everything if not case.lacks and _listed(case)]
    assert not possible, "listed, though the operations have all that it takes"
    for case in everything:
        assert not case.lacks or case.lacks in [OUT_OF_SCOPE[pattern] for pattern in _listed(case)], case.name
    unused = set(OUT_OF_SCOPE) - {pattern for case in everything for pattern in _listed(case)}
    assert not unused, "listed, but there is no such case"
