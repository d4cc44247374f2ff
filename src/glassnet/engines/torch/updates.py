"""The steps of our optimisers on PyTorch's tensors; `glassnet.optim.optimisers` has their formulas.

`torch.optim` differs from these here and there (where eps stands, what decays), so its classes are not used, but the
fused kernels below them are, where they compute ours: one pass over all tensors of a group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor

from glassnet.errors import GlassnetError
from glassnet.nn import Parameter
from glassnet.optim import SGD, Adam, Optimizer, RMSProp

__all__ = ["Update", "global_norm"]


@dataclass(frozen=True)
class _Group:
    """Tensors whose learning rate has the same factor, and which all decay or all do not."""

    names: list[str]
    tensors: list[Tensor]
    rate: float
    decays: bool


class Update:
    """The steps of an optimiser on the tensors of a network.

    Parameters
    ----------
    optimizer : Optimizer
        Its settings, and the number of its steps.
    tensors : dict of str to Tensor
        What is trained, by our names.
    parameters : dict of str to Parameter
        The same as arrays: their roles and factors of the learning rate are read.

    Attributes
    ----------
    slots : dict of str to Tensor
        What the optimiser remembers, `<parameter>.<slot>`, of the shape of the tensors; empty before the first step.
    """

    def __init__(
        self, optimizer: Optimizer, tensors: Mapping[str, Tensor], parameters: Mapping[str, Parameter]
    ) -> None:
        self.optimizer, self.tensors = optimizer, dict(tensors)
        self.slots: dict[str, Tensor] = {}
        alike: dict[tuple[float, bool], list[str]] = {}
        for name, parameter in parameters.items():
            alike.setdefault((parameter.rate, parameter.decays), []).append(name)
        self.groups = [_Group(names, [tensors[n] for n in names], *kind) for kind, names in alike.items()]
        _formula(optimizer)

    def penalty(self, l2: float) -> Tensor | float:
        """0.5 l2 |w|^2 over the tensors that decay."""
        decaying = [tensor for group in self.groups if group.decays for tensor in group.tensors]
        return 0.5 * l2 * global_norm(decaying).square() if l2 and decaying else 0.0

    def step(self, rate: float, *, l2: float = 0.0, clip: float | None = None) -> None:
        """One step by the tensors' gradients, which are used up. `clip`: their largest global norm, or None."""
        optimizer = self.optimizer
        optimizer.steps += 1
        update = _formula(optimizer)
        factor = None if clip is None else _clip_factor(self.tensors.values(), clip)
        for group in self.groups:
            gradients = [tensor.grad for tensor in group.tensors if tensor.grad is not None]
            if factor is not None:
                torch._foreach_mul_(gradients, factor)
            slots = [[self._slot(name, slot) for name in group.names] for slot in optimizer.slots]
            penalty = l2 if group.decays else 0.0
            update(optimizer, _Step(group.tensors, gradients, slots, rate * group.rate, penalty, group.decays))

    def _slot(self, name: str, slot: str) -> Tensor:
        key = f"{name}.{slot}"
        found = self.slots.get(key)
        if found is None:
            found = self.slots[key] = torch.zeros_like(self.tensors[name], requires_grad=False)
        return found


def global_norm(tensors: Iterable[Tensor]) -> Tensor:
    """The Euclidean norm of all tensors taken as one vector."""
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(tensors))))
    return norm


def _clip_factor(tensors: Iterable[Tensor], largest: float) -> Tensor:
    """The factor, at most 1, that brings the global norm of the gradients down to `largest`."""
    norm = global_norm(tensor.grad for tensor in tensors if tensor.grad is not None)
    return torch.where(norm > largest, largest / norm, torch.ones_like(norm))


@dataclass(frozen=True)
class _Step:
    """A step on the tensors of a group: weights, gradients of the objective without its penalty, memory by slot."""

    weights: list[Tensor]
    gradients: list[Tensor]
    slots: list[list[Tensor]]
    rate: float
    l2: float
    decays: bool


def _formula(optimizer: Optimizer) -> Callable[[Any, _Step], None]:
    """The step of an optimiser's kind. Raises `GlassnetError` where there is none."""
    found = _update.dispatch(type(optimizer))
    if found is _update.dispatch(object):
        raise GlassnetError(f"The optimiser '{optimizer.word}' has no counterpart in PyTorch here.")
    return found


@singledispatch
def _update(optimizer: Any, step: _Step) -> None:
    """Make a step."""
    raise NotImplementedError


@_update.register(SGD)
def _sgd(optimizer: SGD, step: _Step) -> None:
    torch._fused_sgd_(
        step.weights,
        step.gradients,
        step.slots[0] if step.slots else [],
        weight_decay=step.l2,
        momentum=optimizer.momentum,
        lr=step.rate,
        dampening=0.0,
        nesterov=optimizer.nesterov,
        maximize=False,
        is_first_step=False,  # the velocity starts at 0
    )


@_update.register(RMSProp)
def _rmsprop(optimizer: RMSProp, step: _Step) -> None:
    gradients, (square,) = step.gradients, step.slots
    if step.l2:
        torch._foreach_add_(gradients, step.weights, alpha=step.l2)
    torch._foreach_mul_(square, optimizer.decay)
    torch._foreach_addcmul_(square, gradients, gradients, value=1 - optimizer.decay)
    if optimizer.eps_inside:
        roots = torch._foreach_add(square, optimizer.eps)
        torch._foreach_sqrt_(roots)
    else:
        roots = torch._foreach_sqrt(square)
        torch._foreach_add_(roots, optimizer.eps)
    torch._foreach_addcdiv_(step.weights, gradients, roots, value=-step.rate)


@_update.register(Adam)
def _adam(optimizer: Adam, step: _Step) -> None:
    decay = optimizer.weight_decay if step.decays else 0.0
    if step.l2 and decay:  # PyTorch has one of the two at a time
        torch._foreach_add_(step.gradients, step.weights, alpha=step.l2)
    m, v = step.slots
    number = torch.tensor(float(optimizer.steps), device=step.weights[0].device)
    (torch._fused_adamw_ if decay else torch._fused_adam_)(
        step.weights,
        step.gradients,
        m,
        v,
        [],
        [number] * len(step.weights),
        lr=step.rate,
        beta1=optimizer.beta1,
        beta2=optimizer.beta2,
        weight_decay=decay or step.l2,
        eps=optimizer.eps,
        amsgrad=False,
        maximize=False,
    )
