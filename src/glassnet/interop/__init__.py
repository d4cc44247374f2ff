"""Other libraries' networks: as PyTorch modules and back, as ONNX files and back. The only room that imports torch and
onnx, and only when it is asked to."""

from glassnet.interop.convert import to_torch
from glassnet.interop.library import is_installed, torch_library
from glassnet.interop.onnx import from_onnx, to_onnx
from glassnet.interop.sequential import from_torch
from glassnet.interop.state_dict import load_tensors

__all__ = ["from_onnx", "from_torch", "is_installed", "load_tensors", "to_onnx", "to_torch", "torch_library"]
