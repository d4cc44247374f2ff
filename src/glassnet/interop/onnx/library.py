"""The packages onnx and onnxruntime: imported when they are first needed, or missed in one line."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from glassnet.errors import GlassnetError

__all__ = ["onnx_library", "runtime_library"]


def onnx_library() -> ModuleType:
    """The module `onnx`. Raises `GlassnetError` where it is not installed."""
    if importlib.util.find_spec("onnx") is None:
        raise GlassnetError("The package onnx is not installed; pip install 'glassnet[onnx]'.")
    import onnx
    import onnx.checker
    import onnx.helper
    import onnx.numpy_helper

    return onnx


def runtime_library() -> ModuleType | None:
    """The module `onnxruntime`, or None where it is not installed."""
    if importlib.util.find_spec("onnxruntime") is None:
        return None
    found = importlib.import_module("onnxruntime")
    found.set_default_logger_severity(4)  # what it has to say comes as exceptions
    return found
