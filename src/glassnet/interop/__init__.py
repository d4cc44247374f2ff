"""PyTorch: the same network as a PyTorch module. The only room that imports torch, and only when it is asked to."""

from glassnet.interop.convert import to_torch
from glassnet.interop.library import is_installed, torch_library

__all__ = ["is_installed", "to_torch", "torch_library"]
