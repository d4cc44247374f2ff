"""PyTorch's engine: the steps of our own, computed by PyTorch on a CPU or a GPU.

PyTorch is imported when the engine is first asked for, or missed in one line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glassnet.interop import torch_library

if TYPE_CHECKING:
    from glassnet.engines.torch.devices import devices_here, find_device
    from glassnet.engines.torch.engine import TorchEngine
    from glassnet.engines.torch.meeting import end_all, join, told
    from glassnet.engines.torch.pool import PoolEngine
    from glassnet.engines.torch.shared import SharedEngine

__all__ = ["PoolEngine", "SharedEngine", "TorchEngine", "devices_here", "end_all", "find_device", "join", "told"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'glassnet.engines.torch' has no attribute '{name}'")
    torch_library()
    from glassnet.engines.torch import devices, engine, meeting, pool, shared

    rooms = {
        "TorchEngine": engine,
        "SharedEngine": shared,
        "PoolEngine": pool,
        "join": meeting,
        "end_all": meeting,
        "told": meeting,
    }
    return getattr(rooms.get(name, devices), name)
