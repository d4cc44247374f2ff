"""ONNX both ways: a model as an ONNX file, and a network from one. The package onnx is imported when it is needed."""

from glassnet.interop.onnx.export import to_onnx
from glassnet.interop.onnx.read import from_onnx

__all__ = ["from_onnx", "to_onnx"]
