"""The devices that PyTorch finds on this machine, by name."""

from __future__ import annotations

import torch

from glassnet.errors import RecipeError

__all__ = ["devices_here", "find_device", "name_of"]


def devices_here() -> list[str]:
    """The devices of this machine: `cpu`, then `cuda` (`cuda:0`, `cuda:1` where there are several) and `mps`."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    gpus = ["cuda"] if count else []
    if count > 1:
        gpus += [f"cuda:{number}" for number in range(count)]
    return ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]


def find_device(name: str) -> torch.device:
    """The device of a name such as `cpu`, `cuda`, `cuda:1` or `mps`. Raises `RecipeError` where it is not here."""
    here = devices_here()
    if name not in here:
        raise RecipeError(
            f"There is no device '{name}' on this machine. PyTorch {torch.__version__} finds {', '.join(here)}."
        )
    return torch.device(name)


def name_of(device: torch.device) -> str:
    """What the device calls itself; "" where it has no name of its own."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else ""
