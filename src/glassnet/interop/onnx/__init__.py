"""ONNX both ways: a model as an ONNX file, and a network from one. The package onnx is imported when it is needed."""
