"""PyTorch's engine in several processes: each computes its share of every batch, and all make the same step.

A batch of n examples is divided in order, as evenly as can be. A process computes the gradient of the mean over its n_r
examples; the sum of n_r / n times these is the gradient of the mean over all n, however uneven the shares are. One
all-reduce adds up gradients, loss, right answers and the running statistics of batch normalisation, each weighted so,
and whether any process was asked to stop; then every process updates its own copy of the weights by the same numbers. A
process whose share is empty adds zeros: it takes part in every step, so none waits for it.

PyTorch's DistributedDataParallel adds up while the backward pass goes on, which is faster where the network between the
machines is slow. It takes the mean over processes, which is that over the examples only where all shares are equal, and
needs a way of its own for shares that are empty; so it is not used.

Batch normalisation normalises each share by itself, as it does there. Dropout masks are drawn for the whole batch, and
each process takes its rows.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, distributed

from glassnet.engines.base import Batch, StepResult
from glassnet.engines.torch.engine import TorchEngine
from glassnet.engines.torch.meeting import together
from glassnet.errors import TrainingError
from glassnet.nn import Loss, SquaredError
from glassnet.nn.functional.arrays import Array
from glassnet.team import Team, share

__all__ = ["SharedEngine"]


class Part(NamedTuple):
    """This process's examples of a batch, in the place of all of them.

    Attributes
    ----------
    values : array or Tensor
        The examples.
    of : int
        How many the batch has.
    """

    values: Any
    of: int


class SharedEngine(TorchEngine):
    """Trains a network by PyTorch in several processes, each of which has one of these.

    All are given the same batches (or, by `examples`, their shares of them), and all have the same weights after every
    step. Parameters are those of `TorchEngine`; the processes have met before, see `join`.

    Attributes
    ----------
    team : Team
        The processes.
    """

    def __init__(self, *parts: Any, team: Team, **settings: Any) -> None:
        super().__init__(*parts, **settings)
        self.team = team
        tensors = self.module.tensors()
        self.statistics = [tensor for name, tensor in tensors.items() if name not in self.trained]
        self._met = False
        self._wish = self._wished = False  # this process's wish to stop, and whether any had one before the latest step

    @property
    def least_batch(self) -> int:
        """With batch normalisation every share needs two examples."""
        return super().least_batch * self.team.size if self.normalises else 1

    # ---- steps

    def step(self, batch: Batch, lr: float, *, norms: bool = False) -> StepResult:
        if not self._met:
            self._agree(batch)
        return super().step(batch, lr, norms=norms)

    def draw_masks(self, batch: Batch) -> None:
        n = self._size(batch.x)
        if self.dropouts and batch.key is not None:
            self.network.set_dropout_key(batch.key)
        for name, layer in self.dropouts.items():
            self.module.dropouts[name].take(layer.next_mask(n)[self._rows(n)], self.device)

    def gradients(self, batch: Batch) -> Tensor:
        n = self._size(batch.x)
        own = self._own(batch)
        count = len(own.target)
        if count:
            figures = super().gradients(own)
        else:
            for tensor in self.trained.values():
                tensor.grad = torch.zeros_like(tensor)
            figures = torch.zeros(2, dtype=self.dtype, device=self.device)
        wish = torch.tensor(float(self._wish), dtype=self.dtype, device=self.device)
        with torch.no_grad():
            penalty = self.update.penalty(self.l2) if count else 0.0
            gradients = [tensor.grad for tensor in self.trained.values() if tensor.grad is not None]
            torch._foreach_mul_(gradients, _factor(self.loss, count, n))
            weighted = [tensor * (count / n) for tensor in self.statistics]
            total = (figures[0] - penalty) * _factor(self.loss, count, n) + penalty * (count / n)
            sums = torch.cat([t.reshape(-1).to(self.dtype) for t in (*gradients, *weighted, total, figures[1], wish)])
            with together():
                distributed.all_reduce(sums)
            pieces = torch.split(sums, [t.numel() for t in (*gradients, *self.statistics)] + [2, 1])
            for tensor, piece in zip((*gradients, *self.statistics), pieces[:-2], strict=True):
                tensor.copy_(piece.reshape(tensor.shape))
            self._wished = bool(pieces[-1] > 0)
            return pieces[-2]

    def agreed(self, wish: bool) -> bool:
        self._wish = wish
        return self._wished

    # ---- evaluation

    def scores(self, x: Any) -> Array:
        """As of `TorchEngine`, of all examples: each is computed by one process, and all get all."""
        n = self._size(x)
        own = x.values if isinstance(x, Part) else x[self._rows(n)]
        mine = super().scores(own) if len(own) else np.empty((0, *self.network.output_shape), self.network.dtype)
        padded = torch.zeros((-(-n // self.team.size), *self.network.output_shape), dtype=self.dtype)
        padded[: len(mine)] = torch.from_numpy(mine)
        padded = padded.to(self.device)
        found = [torch.empty_like(padded) for _ in range(self.team.size)]
        with together():
            distributed.all_gather(found, padded)
        rows = [share(n, rank, self.team.size) for rank in range(self.team.size)]
        parts = [part[: row.stop - row.start].cpu().numpy() for part, row in zip(found, rows, strict=True)]
        return np.concatenate(parts)

    # ---- examples

    def examples(self, feed: Any, *, trains: bool) -> Any:
        """A feed that can tell targets from pictures gives each process its share; of any other, each takes all."""
        inner = super().examples(feed, trains=trains)
        return _Shares(feed, inner, self.team, trains=trains) if isinstance(feed, HasTargets) else inner

    def about(self) -> dict[str, Any]:
        return {**super().about(), "processes": self.team.size}

    def _size(self, x: Any) -> int:
        """How many examples a batch has in all."""
        return x.of if isinstance(x, Part) else len(x)

    def _rows(self, n: int) -> slice:
        return share(n, self.team.rank, self.team.size)

    def _own(self, batch: Batch) -> Batch:
        """This process's part of a batch."""
        if isinstance(batch.x, Part):
            return batch._replace(x=batch.x.values)
        rows = self._rows(len(batch.x))
        weights = None if batch.weights is None else batch.weights[rows]
        return batch._replace(x=batch.x[rows], target=batch.target[rows], weights=weights)

    def _agree(self, batch: Batch) -> None:
        """Raise `TrainingError` where the processes begin with different weights, settings or batches."""
        mine = f"{batch.key} {self._size(batch.x)} {self.optimizer!r} {self.l2} {self.clip}".encode()
        for array in self.weights().values():
            mine += zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data).to_bytes(4, "little")
        digest = torch.tensor([zlib.crc32(mine)], dtype=torch.int64, device=self.device)
        found = [torch.empty_like(digest) for _ in range(self.team.size)]
        with together():
            distributed.all_gather(found, digest)
        others = [rank for rank, other in enumerate(found) if int(other) != int(found[0])]
        if others:
            raise TrainingError(
                f"Process {others[0]} begins with other weights, data or settings than process 0. Give all processes"
                " the same recipe, data and version of glassnet."
            )
        self._met = True


@runtime_checkable
class HasTargets(Protocol):
    """What `glassnet.train.feed.Feed` has besides `take`."""

    rebuild: bool

    def targets(self, indices: Array) -> tuple[Array, ...]:
        """What `take` gives besides the pictures."""


class _Shares:
    """This process's examples of each batch that a feed gives; of validation the targets of all of them."""

    def __init__(self, feed: Any, inner: Any, team: Team, *, trains: bool) -> None:
        self.feed, self.inner, self.team, self.trains = feed, inner, team, trains

    def __len__(self) -> int:
        return len(self.feed)

    def take(self, indices: Array, epoch: int) -> Sequence[Any]:
        n, rows = len(indices), share(len(indices), self.team.rank, self.team.size)
        if not self.trains and self.feed.rebuild:  # the targets are the pictures
            x, target = self.inner.take(indices, epoch)
            return Part(x[rows], n), target
        count = rows.stop - rows.start
        x, *mine = (each[:count] for each in self.inner.take(indices[rows] if count else indices[:1], epoch))
        return Part(x, n), *(mine if self.trains else self.feed.targets(indices)[:1])

    def close(self) -> None:
        self.inner.close()


def _factor(loss: Loss, count: int, n: int) -> float:
    """What the objective of a share of `count` examples is multiplied by in the sum over the processes."""
    added_up = isinstance(loss, SquaredError) and loss.convention == "sum"
    return 1.0 if added_up else count / n
