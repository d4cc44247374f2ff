"""The objective of a step as a tensor that PyTorch takes the gradient of: our losses, example by example."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from glassnet.nn import CTC, Hinge, Loss, SoftmaxCrossEntropy, SquaredError
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.ctc import ctc_greedy

__all__ = ["loss_and_correct"]


def loss_and_correct(loss: Loss, scores: Tensor, target: Any, weights: Array | None) -> tuple[Tensor, Tensor]:
    """(the mean over the examples of their losses times `weights` (n,), the number of correct examples).

    The scores are (n, k), or (n, k, 1, columns) of lines; the target is a tensor, or a list of n label sequences. A
    loss without a form of its own here is computed by its `run`, on the host.
    """
    if scores.ndim == 4:
        scores = scores.permute(0, 2, 3, 1)[:, 0]  # of lines: (n, columns, k)
    losses = losses_of(loss, scores, target)
    if losses is None:
        return _on_the_host(loss, scores, target, weights)
    correct = _correct(scores.detach(), target)
    if weights is not None:
        losses = losses * torch.from_numpy(weights).to(losses)
    return losses.mean(), correct


def _correct(scores: Tensor, target: Any) -> Tensor:
    """The number of labels that have the highest score, or of lines whose best path reads as they do."""
    if isinstance(target, list):
        read = ctc_greedy(scores.float().cpu().numpy())
        right = sum(own == list(wanted) for own, wanted in zip(read, target, strict=True))
        return torch.tensor(right, device=scores.device)
    return (scores.argmax(1) == target).sum() if target.ndim == 1 else torch.zeros((), device=scores.device)


@singledispatch
def losses_of(loss: Loss, scores: Tensor, target: Any) -> Tensor | None:
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


@losses_of.register(CTC)
def _ctc(loss: CTC, scores: Tensor, target: list[Array]) -> Tensor:
    logs = scores.log_softmax(2).transpose(0, 1)
    labels = torch.from_numpy(np.concatenate(target).astype(np.int64)).to(scores.device)
    counts = torch.tensor([len(own) for own in target])
    lengths = torch.full((len(target),), len(logs))
    return functional.ctc_loss(logs, labels, lengths, counts, blank=logs.shape[2] - 1, reduction="none")


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
