"""PyTorch's side: the same network, the same batches, PyTorch used well.

It may choose among its ways: either memory layout of pictures, with batches that lie ready in it, and where it trains
its default or its fused optimiser (RMSProp has no fused form). Inference runs under `torch.inference_mode`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.bench.cases import Case, make_batches
from glassnet.bench.memory import peak_increase
from glassnet.bench.timing import median_seconds
from glassnet.interop import to_torch, torch_library
from glassnet.nn.functional.arrays import Array

if TYPE_CHECKING:
    from glassnet.interop.modules import TorchNetwork

__all__ = ["memory", "stepper", "tensors", "time_step", "ways"]


def ways(case: Case) -> tuple[str, ...]:
    """The ways in which PyTorch can take a step of this case."""
    layouts = ("channels_first", "channels_last") if len(case.input_shape) == 3 else ("",)
    optimisers = ("", "fused") if case.mode == "train" and case.optimizer != "rmsprop" else ("",)
    return tuple(" ".join(filter(None, (a, b))) or "default" for a in layouts for b in optimisers)


def time_step(case: Case, number: int, seconds: float) -> dict[str, float]:
    """Median seconds of steps taken for `seconds` on `number` threads, by way."""
    torch_library().set_num_threads(number)
    x, target = make_batches(case)
    return {way: median_seconds(stepper(case, way, *tensors(x, target, way))[0], seconds) for way in ways(case)}


def memory(case: Case, number: int, way: str) -> int | None:
    """Bytes that a step needs at its highest point, taken in one of `ways`; see `peak_increase`."""
    torch_library().set_num_threads(number)
    batches = tensors(*make_batches(case), way)
    return peak_increase(lambda: stepper(case, way, *batches)[0])


def tensors(x: Array, target: Array, way: str) -> tuple[list[Any], list[Any]]:
    """The batches as PyTorch wants them: pictures (n, C, H, W) in the layout of the way."""
    torch = torch_library()
    layout = torch.channels_last if "channels_last" in way else torch.contiguous_format
    batches = []
    for batch in x:
        if batch.ndim == 4:
            tensor = torch.from_numpy(np.ascontiguousarray(batch.transpose(0, 3, 1, 2)))
            batches.append(tensor.contiguous(memory_format=layout))
        else:
            batches.append(torch.from_numpy(batch))
    return batches, list(torch.from_numpy(target))


def stepper(case: Case, way: str, x: list[Any], target: list[Any]) -> tuple[Callable[[int], Any], TorchNetwork]:
    """(the function that takes step i on one of the batches, the module that it trains or uses)."""
    torch = torch_library()
    network = to_torch(case.build(), channels_last="channels_last" in way)
    if case.mode == "infer":
        network.eval()

        def infer(i: int) -> Any:
            with torch.inference_mode():
                return network(x[i % len(x)])

        return infer, network
    optimizer = _optimizer(case.optimizer, network.parameters(), fused="fused" in way)
    loss = torch.nn.MSELoss() if case.loss == "squared-error" else torch.nn.CrossEntropyLoss()

    def train(i: int) -> None:
        optimizer.zero_grad()
        loss(network(x[i % len(x)]), target[i % len(x)]).backward()
        optimizer.step()

    return train, network


def _optimizer(word: str, parameters: Any, *, fused: bool) -> Any:
    optim = torch_library().optim
    more = {"fused": True} if fused else {}
    if word in ("adam", "adamw"):
        return (optim.Adam if word == "adam" else optim.AdamW)(parameters, 1e-3, **more)
    if word == "rmsprop":
        return optim.RMSprop(parameters, 1e-3)
    momentum = {"momentum": 0.9, "nesterov": word == "nesterov"} if word != "sgd" else {}
    return optim.SGD(parameters, 1e-3, **momentum, **more)
