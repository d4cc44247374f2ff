"""Central differences of a network's loss for every parameter, without a full forward pass for each.

Moving the weight W[k, j] of an affine layer by h moves only column j of its output: y[:, j] + h x[:, k]. Layers that
treat features apart (activations, dropout, batch normalisation) keep the change in that column, and the next affine
layer V turns it into a change of rank one, (new column - old column) V[j, :]. Only what follows runs on whole
activations, for many moved copies stacked together, in pieces small enough to stay in the cache. A bias is a weight
whose input is 1; batch normalisation's scale is one whose input is the normalised feature; and an input pixel is a
column moved for a single example.

A layer without a description in `stacked` is checked by moving its parameter in place and running the layers from
there on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.check.stacked import Kinks, Piece, StackedLoss, piece_of, stacked_loss
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer
from glassnet.nn.layers import BatchNorm, Linear
from glassnet.nn.loss import Loss
from glassnet.nn.network import Network

__all__ = ["Differences", "Move"]

# Numbers in one stacked array: a megabyte of float64 stays in a core's own cache.
_CHUNK = 1 << 17

# The two ways to the same activations differ by rounding alone.
_AGREES = 1e-10


@dataclass(frozen=True)
class Move:
    """How a tensor's entries move a layer's output: entry (k, j) adds h * basis[k] (n,) to column j of the output.

    `basis` (b, n); `columns` (width, n), the unmoved output, features first; `following`, the position of the first
    layer after that output; `kind`, 'weight' or 'input' where flat entry = k * width + j, 'bias' where k = 0 and the
    entry is j, 'scale' where it is both.
    """

    basis: Array
    columns: Array
    following: int
    width: int
    kind: str

    def indices(self, entries: Array) -> tuple[Array, Array]:
        """(k, j) of flat entries."""
        if self.kind == "bias":
            return np.zeros_like(entries), entries
        if self.kind == "scale":
            return entries, entries
        return entries // self.width, entries % self.width


class Differences:
    """A network in float64 with the activations of one batch, and central differences of its loss around them.

    Parameters
    ----------
    network : Network
        A float64 network whose dropout keys are set.
    x : (n, *input_shape) float64 array
    target : object
        What `loss` takes.
    train : bool
        The mode.

    Notes
    -----
    `scores` (n, k), `value` and `dscores` are those of the unmoved batch; the network's caches are left as after its
    forward pass.
    """

    def __init__(self, network: Network, x: Array, target: Any, loss: Loss, train: bool) -> None:
        self.network, self.loss, self.target, self.train = network, loss, target, train
        # activations[p] is the input of layer p, activations[-1] the scores; copies, since layers reuse their buffers.
        self.activations = [x.copy()]
        pieces = []
        for layer in network.layers:
            pieces.append(piece_of(layer, self.activations[-1], train))
            self.activations.append(layer.forward(self.activations[-1], train=train).copy())
        self.scores = self.activations[-1]
        self.value, self.dscores = loss.loss(self.scores, target)
        self.pieces: list[Piece | None] = [self._verified(piece, position) for position, piece in enumerate(pieces)]
        self.stacked_loss = self._verified_loss(stacked_loss(loss, self.scores, target))

    # ---- are the descriptions right?

    def _verified(self, piece: Piece | None, position: int) -> Piece | None:
        """The piece, where it gives what the layer gave; else None, and the layer is run itself."""
        if piece is None:
            return None
        x, y = self.activations[position], self._features(position + 1)
        ours = piece.full(x.reshape(len(x), -1).T[:, None, :], Kinks(0))[:, 0, :]
        same = ours.shape == y.shape and np.abs(ours - y).max() <= _AGREES * max(1.0, np.abs(y).max())
        return piece if same else None

    def _verified_loss(self, function: StackedLoss | None) -> StackedLoss | None:
        if function is None:
            return None
        value = float(function.full(self._features(len(self.pieces))[:, None, :].copy(), Kinks(0)).sum())
        return function if abs(value - self.value) <= _AGREES * max(1.0, abs(self.value)) else None

    def _features(self, position: int) -> Array:
        """The input of layer `position`, features first: (f, n)."""
        a = self.activations[position]
        return np.ascontiguousarray(a.reshape(len(a), -1).T)

    # ---- what moves

    def move_of(self, position: int, name: str) -> Move | None:
        """How parameter `name` of the layer at `position` (from 0) moves its output; None if only a rerun can tell."""
        layer = self.network.layers[position]
        if self.pieces[position] is None or not self._fast_after(position + 1):
            return None
        output, n = self._features(position + 1), len(self.scores)
        width = len(output)
        if name in ("bias", "shift"):
            return Move(np.ones((1, n)), output, position + 1, width, "bias")
        if isinstance(layer, Linear):
            return Move(self._features(position), output, position + 1, width, "weight")
        if isinstance(layer, BatchNorm):
            return Move(self._normalised(layer, position), output, position + 1, width, "scale")
        return None

    def move_of_input(self) -> Move | None:
        """How the network's input moves: flat entry (i, k) of x (n, f) is column k, for example i alone."""
        if not self._fast_after(0):
            return None
        return Move(np.eye(len(self.scores)), self._features(0), 0, len(self._features(0)), "input")

    def _normalised(self, layer: BatchNorm, position: int) -> Array:
        a = self._features(position)
        mean = a.mean(axis=1) if self.train else layer.state["mean"]
        variance = a.var(axis=1) if self.train else layer.state["variance"]
        normalised: Array = (a - mean[:, None]) / np.sqrt(variance + layer.eps)[:, None]
        return normalised

    def _fast_after(self, position: int) -> bool:
        """Whether all that follows is described, and nothing but a product ends the part where features are apart."""
        if self.stacked_loss is None:
            return False
        after = self.pieces[position:]
        mixing = next((piece for piece in after if piece is None or piece.columns is None), None)
        return None not in after and (mixing is None or mixing.product is not None)

    # ---- central differences

    def fast(self, move: Move, entries: Array, step: float) -> tuple[Array, Array]:
        """(numerical gradient, whether a kink was crossed) of the flat entries, both (len(entries),)."""
        gradient, crossed = np.empty(len(entries)), np.empty(len(entries), bool)
        size = max(1, _CHUNK // (2 * len(self.scores) * self._widest(move.following)))
        with threads.single_blas_thread():
            for lo in range(0, len(entries), size):
                part = slice(lo, lo + size)
                gradient[part], crossed[part] = self._fast_chunk(move, entries[part], step)
        return gradient, crossed

    def _widest(self, position: int) -> int:
        """Features of the widest array that `_fast_chunk` holds for a column moved before layer `position`."""
        while position < len(self.pieces) and self._piece(position).columns is not None:
            position += 1
        if position == len(self.pieces) and self.stacked_loss is not None and self.stacked_loss.columns is not None:
            return 1
        return max(int(np.prod(a.shape[1:])) for a in self.activations[min(position + 1, len(self.pieces)) :])

    def _piece(self, position: int) -> Piece:
        piece = self.pieces[position]
        assert piece is not None
        return piece

    def _fast_chunk(self, move: Move, entries: Array, step: float) -> tuple[Array, Array]:
        k, j = move.indices(entries)
        kinks = Kinks(len(entries))
        shift = step * move.basis[k]  # (p, n)
        column = move.columns[j]
        moved = np.concatenate([column + shift, column - shift])  # (2 p, n)
        twice = np.concatenate([j, j])
        position = move.following
        while position < len(self.pieces):
            apart = self._piece(position).columns
            if apart is None:
                break
            moved = apart(moved, twice, kinks)
            position += 1
        assert self.stacked_loss is not None
        if position == len(self.pieces) and self.stacked_loss.columns is not None:
            losses = self.stacked_loss.columns(moved, twice, kinks)
        else:
            z = self._spread(position, twice, moved - self._features(position)[twice])
            for later in range(position + 1, len(self.pieces)):
                z = self._piece(later).full(z, kinks)
            losses = self.stacked_loss.full(z, kinks)
        up, down = np.split(losses, 2)
        return (up - down).sum(axis=1) / (2 * step), kinks.crossed

    def _spread(self, position: int, j: Array, change: Array) -> Array:
        """Changes (r, n) of the inputs j (r,) of the layer at `position` as its whole output (g, r, n)."""
        if position == len(self.pieces):  # the scores themselves
            z = np.repeat(self._features(position)[:, None, :], len(j), axis=1)
            z[j, np.arange(len(j))] += change
            return z
        product = self._piece(position).product
        assert product is not None
        z = product.T[:, j, None] * change
        z += self._features(position + 1)[:, None, :]
        return z

    def rerun(self, array: Array, position: int, entries: Array, step: float) -> tuple[Array, Array]:
        """As `fast`, by moving `array` (a parameter, or the input) in place and running the layers from `position` on.

        The network's caches are those of the last moved pass afterwards.
        """
        flat = array.reshape(-1)
        gradient, crossed = np.empty(len(entries)), np.zeros(len(entries), bool)
        for number, index in enumerate(entries):
            middle = flat[index]
            flat[index] = high = middle + step
            up, up_signature = self._run_from(position)
            flat[index] = low = middle - step
            down, down_signature = self._run_from(position)
            flat[index] = middle
            gradient[number] = (up - down) / (high - low)
            crossed[number] = any((a != b).any() for a, b in zip(up_signature, down_signature, strict=True))
        return gradient, crossed

    def _run_from(self, position: int) -> tuple[float, list[Array]]:
        """The loss of the layers from `position` on, and which smooth piece of every layer was used."""
        a, signature = self.activations[position], []
        layers: list[Layer] = self.network.layers[position:]
        for layer in layers:
            a = layer.forward(a, train=self.train)
            signature.extend(layer.kink_signature())
        return self.loss.loss(a, self.target)[0], signature
