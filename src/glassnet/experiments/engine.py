"""The `[engine]` part of a recipe: what computes the steps. Left out: our own engine.

    [engine]
    name = "torch"               # native (ours) or torch (PyTorch's)
    device = "cuda"              # cpu, cuda, cuda:1, mps; left out: cpu
    compile = true               # through torch.compile; left out: false
    amp = true                   # mixed precision, in bfloat16; left out: false

A run may go on with another engine than it was begun with: the steps are the same to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any

from glassnet.engines import Engine, NativeEngine
from glassnet.errors import Fix, RecipeError, nearest
from glassnet.team import Team

__all__ = ["ENGINES", "EnginePart", "described"]

ENGINES = ("native", "torch")


@dataclass(frozen=True)
class EnginePart:
    """What computes the steps of a recipe.

    Attributes
    ----------
    name : str
        "native" or "torch".
    device : str
        Where: "cpu", or another device of PyTorch's engine.
    compile : bool
        Whether PyTorch compiles the network first.
    amp : bool
        Whether PyTorch computes in mixed precision.
    """

    name: str = "native"
    device: str = "cpu"
    compile: bool = False
    amp: bool = False

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            hint = nearest(self.name, ENGINES) if isinstance(self.name, str) else ""
            raise RecipeError(f"engine.name must be {' or '.join(ENGINES)}. Got {self.name!r} instead.{hint}")
        if not isinstance(self.device, str) or not self.device:
            raise RecipeError(f"engine.device must name a device: cpu, cuda or mps. Got {self.device!r} instead.")
        for name in ("compile", "amp"):
            if not isinstance(getattr(self, name), bool):
                raise RecipeError(f"engine.{name} must be true or false. Got {getattr(self, name)!r} instead.")
        others = [f.name for f in fields(self) if getattr(self, f.name) != f.default]
        if self.name == "native" and others:
            value = getattr(self, others[0])
            raise RecipeError(
                f"engine.{others[0]} = {value!r} is for PyTorch's engine; our own trains on the CPU.", Fix.TAKE_TORCH
            )

    def to_dict(self) -> dict[str, Any]:
        """The part as TOML has it; nothing for our own engine."""
        return {} if self.name == "native" else asdict(self)

    def maker(self) -> Callable[..., Engine]:
        """What makes the engine of a network, loss and optimiser, with l2 and clip.

        In one of several processes it first meets the others.

        Raises `GlassnetError` where PyTorch is not installed or has no such device.
        """
        team = Team.here()
        if self.name == "native":
            if team.size > 1:
                raise RecipeError("Our own engine trains in one process; several train on PyTorch's.", Fix.TAKE_TORCH)
            return NativeEngine
        from glassnet.engines import torch

        torch.find_device(self.device)
        settings: dict[str, Any] = {"compile": self.compile, "amp": self.amp}
        if team.size == 1:
            return partial(torch.TorchEngine, device=self.device, **settings)
        return partial(torch.SharedEngine, team=team, device=torch.join(team, self.device), **settings)


def described(about: Any) -> str:
    """What `Engine.about` says, in a few words."""
    if not isinstance(about, dict) or about.get("name") != "torch":
        return "our own engine"
    words = [f"PyTorch {about.get('torch')} on {about.get('device')}"]
    if about.get("device_name"):
        words[0] += f" ({about['device_name']})"
    words += [f"{about['processes']} processes"] if about.get("processes") else []
    words += ["compiled"] if about.get("compile") else []
    words += ["mixed precision"] if about.get("amp") else []
    return ", ".join(words)
