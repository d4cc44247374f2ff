"""PyTorch itself: imported when it is first needed, or missed in one line."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from glassnet.errors import GlassnetError

__all__ = ["is_installed", "torch_library"]


def is_installed() -> bool:
    """Whether PyTorch can be imported; asking does not import it.

    Examples
    --------
    >>> from glassnet.interop import is_installed
    >>> is_installed() in (True, False)
    True
    """
    return importlib.util.find_spec("torch") is not None


def torch_library() -> ModuleType:
    """The module `torch`. Raises `GlassnetError` where it is not installed.

    Examples
    --------
    >>> import torch
    >>> from glassnet.interop import torch_library
    >>> torch_library() is torch
    True
    """
    if not is_installed():
        raise GlassnetError("PyTorch is not installed; pip install 'glassnet[torch]'.")
    import torch

    return torch
