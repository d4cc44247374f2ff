"""Fine-tuning: the head first, on features that are computed once, then some of the layers before it as well.

    epochs 1 ... head_epochs    the head alone, on the features (its inputs) of the pictures as they are
    the others                  the layers from `first` on, on augmented pictures, at `rate` times the learning rate;
                                those before the head at `body_rate` times that

Both are steps of an engine on a part of the network; layers before that part are run in evaluation mode, so their
moments and dropout stay as they are. Each of the two has an optimiser of its own, which begins without a memory.

The parts share the network's arrays. An engine that has its weights elsewhere reads them there when its turn comes, and
has written them when it ends.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from glassnet.data.memory import machine_memory
from glassnet.engines.base import Batch, Engine, StepResult, load_weights, write_weights
from glassnet.engines.feature_cache import FeatureCache
from glassnet.engines.native import NativeEngine
from glassnet.nn import Loss, Network
from glassnet.nn.functional.arrays import Array
from glassnet.nn.transfer import head_position
from glassnet.optim import Optimizer

__all__ = ["Features", "FineTuneEngine"]

_BATCH = 32  # pictures at once when features are computed
_SHARE = 0.25  # of the machine's memory that kept features may take
_OPTIMIZER = "optimizer."


class Features(NamedTuple):
    """What the head of a network takes, (n, ...), in the place of pictures."""

    values: Array


class FineTuneEngine(Engine):
    """Trains the head of a network, then the layers from `first` on.

    Parameters
    ----------
    network : Network
        A trained one, changed in place; its head may be new.
    loss : Loss
        What is minimised.
    optimizer : Optimizer
        How; its learning rate is that of the head by itself.
    first : int or None
        Position of the first layer that is trained after the head; None trains the head alone.
    head_epochs : int
        Epochs of the head alone.
    rate : float
        Factor of the learning rate after these.
    body_rate : float
        Further factor for the layers before the head.
    l2 : float
        As of `NativeEngine`.
    clip : float, optional
        As of `NativeEngine`.
    make : callable
        What makes the engine of a part, called as `NativeEngine` is.
    cache : FeatureCache, optional
        Where features are looked for, and kept for other trainings; without it they are this training's own.
    progress : callable, optional
        Called as `progress(what is done, pictures so far, pictures in all)` while features are computed.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        *,
        first: int | None,
        head_epochs: int,
        rate: float = 0.1,
        body_rate: float = 0.1,
        l2: float = 0.0,
        clip: float | None = None,
        make: Callable[..., Engine] = NativeEngine,
        cache: FeatureCache | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        self.network, self.loss, self.optimizer = network, loss, optimizer
        self.position, self.head_epochs = head_position(network), head_epochs
        self.first = self.position if first is None else first
        self.rate, self.body_rate = rate, body_rate
        self.cache, self.progress = cache, progress
        self.on_features = head_epochs > 0 or first is None  # what validation takes now
        for parameter in network.part(self.first, self.position).parameters().values():
            parameter.rate = body_rate
        self.body, self.below = network.part(0, self.position), network.part(0, self.first)
        self._settings: dict[str, Any] = {"l2": l2, "clip": clip}
        self._parts = {
            "head": (make(network.part(self.position), loss, optimizer, **self._settings), self.position),
            "tail": (make(network.part(self.first), loss, copy.deepcopy(optimizer), **self._settings), self.first),
        }
        self._trained = "head"
        self._body, self._below = (make(part, loss, optimizer) for part in (self.body, self.below))

    @property
    def lr(self) -> float:
        return self.optimizer.lr

    @property
    def least_batch(self) -> int:
        return max(engine.least_batch for engine, _ in self._parts.values())

    def heads(self, epoch: int) -> bool:
        """Whether the head is trained by itself in an epoch, from 0."""
        return epoch < self.head_epochs or self.first == self.position

    def examples(self, feed: Any, *, trains: bool) -> Any:
        return _Examples(self, feed, trains=trains)

    def step(self, batch: Batch, lr: float, *, norms: bool = False) -> StepResult:
        if isinstance(batch.x, Features):
            engine, start = self._turn_of("head")
            x = batch.x.values
        else:
            engine, start = self._turn_of("tail")
            x, lr = self._below.scores(batch.x), lr * self.rate
        result = engine.step(batch._replace(x=x), lr, norms=norms)
        return result if result.norms is None else result._replace(norms=_moved(result.norms, start))

    def scores(self, x: Any) -> Array:
        if isinstance(x, Features):
            return self._turn_of("head")[0].scores(x.values)
        return self._turn_of("tail")[0].scores(self._below.scores(x))

    def features(self, x: Any) -> Array:
        """What the head takes for a batch of pictures."""
        return self._body.scores(x)

    def input_gradient(self, x: Any, dscores: Callable[[Array], Array]) -> tuple[Array, Array]:
        write_weights(self._parts[self._trained][0])
        return self.network.input_gradient(x, dscores)

    def _turn_of(self, word: str) -> tuple[Engine, int]:
        """The engine of a part and where that begins; it goes on with the weights of the part trained before."""
        if word != self._trained:
            write_weights(self._parts[self._trained][0])
            self._trained, (engine, _) = word, self._parts[word]
            load_weights(engine, engine.network.arrays())
        return self._parts[word]

    # ---- state

    def agreed(self, wish: bool) -> bool:
        return self._parts[self._trained][0].agreed(wish)

    def reset(self) -> None:
        for engine, _ in self._parts.values():
            engine.reset()

    def state(self) -> dict[str, Array]:
        """`network.<array>`, and the memory of the two optimisers as `optimizer.head...` and `optimizer.tail...`."""
        arrays = {f"network.{name}": array for name, array in self.weights().items()}
        for word, (engine, _) in self._parts.items():
            memory = {n: array for n, array in engine.state().items() if n.startswith(_OPTIMIZER)}
            arrays |= {f"{_OPTIMIZER}{word}.{n.removeprefix(_OPTIMIZER)}": array for n, array in memory.items()}
        return arrays

    def weights(self) -> dict[str, Array]:
        write_weights(self._parts[self._trained][0])
        return self.network.arrays()

    def load_state(self, arrays: Mapping[str, Array]) -> None:
        self.network.load_arrays({n.removeprefix("network."): a for n, a in arrays.items() if n.startswith("network.")})
        for word, (engine, _) in self._parts.items():
            prefix = f"{_OPTIMIZER}{word}."
            memory = {f"{_OPTIMIZER}{n.removeprefix(prefix)}": a for n, a in arrays.items() if n.startswith(prefix)}
            engine.load_state({f"network.{n}": a for n, a in engine.network.arrays().items()} | memory)
        for frozen in (self._body, self._below):
            load_weights(frozen, frozen.network.arrays())

    def about(self) -> dict[str, Any]:
        return self._body.about()

    def identity(self) -> dict[str, Any]:
        settings = {name: getattr(self, name) for name in ("first", "head_epochs", "rate", "body_rate")}
        return {
            **super().identity(),
            "optimizer": repr(self.optimizer),
            **self._settings,
            **settings,
        }


class _Examples:
    """The examples of a feed: as features while the head is trained by itself, then as the feed gives them.

    Features are kept where they fit into memory; else they are computed for each batch.
    """

    def __init__(self, engine: FineTuneEngine, feed: Any, *, trains: bool) -> None:
        self.engine, self.feed, self.trains = engine, feed, trains
        size = len(feed) * int(np.prod(engine.network.layers[engine.position].input_shape)) * 4
        self.keeps = size <= _SHARE * machine_memory()
        self._kept: Array | None = None

    def __len__(self) -> int:
        return len(self.feed)

    def take(self, indices: Array, epoch: int) -> Sequence[Any]:
        if self.trains:
            self.engine.on_features = self.engine.heads(epoch)
        if not self.engine.on_features:
            given: Sequence[Any] = self.feed.take(indices, epoch)
            return given
        return Features(self._features(indices)), *self.feed.targets(indices)

    def close(self) -> None:
        self.feed.close()

    def _features(self, indices: Array) -> Array:
        if not self.keeps:
            return self.engine.features(self.feed.plain(indices))
        if self._kept is None:
            self._kept = self._computed() if self.engine.cache is None else self._cached(self.engine.cache)
            self.feed.close()
        return self._kept[indices]

    def _cached(self, cache: FeatureCache) -> Array:
        """The features of all examples, from the disk where they have been computed before."""
        key = cache.key(self.feed.digest, self.engine.body, self.engine.about())
        found = cache.get(key, len(self.feed))
        if found is None:
            found = self._computed()
            cache.put(key, found)
        return found

    def _computed(self) -> Array:
        engine, count = self.engine, len(self.feed)
        what = f"computing features of {'training' if self.trains else 'validation'} pictures"
        parts = []
        for start in range(0, count, _BATCH):
            if engine.progress is not None:
                engine.progress(what, start, count)
            rows = np.arange(start, min(count, start + _BATCH))
            parts.append(engine.features(self.feed.plain(rows)))
        return np.concatenate(parts)


def _moved(norms: dict[str, dict[str, float]], start: int) -> dict[str, dict[str, float]]:
    """Norms of a part by the names that its parameters have in the whole network."""
    found = {}
    for name, values in norms.items():
        place, _, rest = name.partition(".")
        found[f"{int(place) + start}.{rest}"] = values
    return found
