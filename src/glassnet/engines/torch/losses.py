"""The objective of a step as a tensor that PyTorch takes the gradient of: our losses, example by example."""

from __future__ import annotations

from functools import singledispatch

import torch
from torch import Tensor
from torch.nn import functional

from glassnet.nn import Hinge, Loss, SoftmaxCrossEntropy, SquaredError
from glassnet.nn.functional.arrays import Array

__all__ = ["loss_and_correct"]


def loss_and_correct(loss: Loss, scores: Tensor, target: Tensor, weights: Array | None) -> tuple[Tensor, Tensor]:
    """(the mean over the examples of their losses times `weights` (n,), the number of correct examples).

    A loss without a form of its own here is computed by its `run`, on the host.
    """
    losses = losses_of(loss, scores, target)
    if losses is None:
        return _on_the_host(loss, scores, target, weights)
    correct = (scores.argmax(1) == target).sum() if target.ndim == 1 else torch.zeros((), device=scores.device)
    if weights is not None:
        losses = losses * torch.from_numpy(weights).to(losses)
    return losses.mean(), correct


@singledispatch
def losses_of(loss: Loss, scores: Tensor, target: Tensor) -> Tensor | None:
    """The losses (n,) of the examples, whose mean is the loss; None: there is no such form here."""
    return None


@losses_of.register(SoftmaxCrossEntropy)
def _cross_entropy(loss: SoftmaxCrossEntropy, scores: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(scores, target, reduction="none", label_smoothing=loss.smoothing)


@losses_of.register(Hinge)
def _hinge(loss: Hinge, scores: Tensor, target: Tensor) -> Tensor:
    own = target[:, None]
    gaps = scores - scores.gather(1, own) + 1
    return gaps.scatter(1, own, 0).relu().sum(1)


@losses_of.register(SquaredError)
def _squared_error(loss: SquaredError, scores: Tensor, target: Tensor) -> Tensor:
    squares = (scores - target).square()
    if loss.convention == "mean":
        return squares.mean(1)
    return squares.sum(1) * (0.5 if loss.convention == "half" else len(scores))


def _on_the_host(loss: Loss, scores: Tensor, target: Tensor, weights: Array | None) -> tuple[Tensor, Tensor]:
    """The value as a constant, and a sum whose gradient is the one that the loss gives."""
    ours, wanted = scores.detach().cpu().numpy(), target.cpu().numpy()
    gradient = torch.zeros(scores.shape, dtype=scores.dtype)
    value, correct = loss.run(ours, wanted, gradient.numpy())
    if weights is not None:
        value = loss.weighted(ours, wanted, weights)
        gradient *= torch.from_numpy(weights).to(gradient).reshape(-1, *(1,) * (gradient.ndim - 1))
    slope = (scores * gradient.to(scores.device)).sum()
    return slope - slope.detach() + value, torch.tensor(correct, device=scores.device)
