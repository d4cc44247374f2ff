"""Several processes behind one engine: workers that train together, told from here what to do.

A training that `torchrun` starts has no need of it. It serves to compare several processes with one.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from operator import attrgetter, methodcaller
from pathlib import Path
from typing import Any

from glassnet import processes, threads
from glassnet.engines.base import Batch, Engine, StepResult
from glassnet.engines.torch.meeting import join, leave
from glassnet.engines.torch.shared import SharedEngine
from glassnet.errors import GlassnetError, TrainingError
from glassnet.nn import Loss, Network
from glassnet.nn.functional.arrays import Array
from glassnet.optim import Optimizer
from glassnet.team import Team

__all__ = ["PoolEngine"]

_PATIENCE = 10.0  # seconds that a worker has to end


class PoolEngine(Engine):
    """Trains a network by PyTorch in workers of its own, on the CPU. `close` ends them.

    Parameters
    ----------
    network : Network
        As of `TorchEngine`.
    loss : Loss
        As of `TorchEngine`.
    optimizer : Optimizer
        As of `TorchEngine`.
    workers : int
        How many.
    settings : object
        l2, clip, compile and amp of `TorchEngine`.
    """

    def __init__(self, network: Network, loss: Loss, optimizer: Optimizer, *, workers: int, **settings: Any) -> None:
        self.network, self.loss, self.optimizer = network, loss, optimizer
        self._folder = tempfile.TemporaryDirectory(prefix="glassnet-")
        meeting = Path(self._folder.name) / "meeting"
        context = multiprocessing.get_context("spawn")
        self._workers, self._pipes = [], []
        count = max(1, threads.count() // workers)
        with processes.hold_interrupts():
            for rank in range(workers):
                ours, theirs = context.Pipe()
                team = Team(rank, workers, rank, workers)
                arguments = (theirs, team, meeting, count, (network, loss, optimizer), settings)
                worker = context.Process(target=_work, args=arguments, daemon=True)
                worker.start()
                theirs.close()
                self._workers.append(worker)
                self._pipes.append(ours)
        self._least: int = self._all(attrgetter("least_batch"))[0]

    @property
    def lr(self) -> float:
        return self.optimizer.lr

    @property
    def least_batch(self) -> int:
        return self._least

    def step(self, batch: Batch, lr: float, *, norms: bool = False) -> StepResult:
        result: StepResult = self._all(methodcaller("step", batch, lr, norms=norms))[0]
        return result

    def scores(self, x: Any) -> Array:
        found: Array = self._all(methodcaller("scores", x))[0]
        return found

    def reset(self) -> None:
        self._all(methodcaller("reset"))

    def state(self) -> dict[str, Array]:
        return self.states()[0]

    def states(self) -> list[dict[str, Array]]:
        """The state of each worker: all the same."""
        return self._all(methodcaller("state"))

    def load_state(self, arrays: Mapping[str, Array]) -> None:
        self._all(methodcaller("load_state", dict(arrays)))

    def close(self) -> None:
        """End the workers."""
        for pipe in self._pipes:
            pipe.close()
        for worker in self._workers:
            worker.join(_PATIENCE)
            if worker.exitcode is None:
                worker.kill()
        self._workers, self._pipes = [], []
        self._folder.cleanup()

    def _all(self, question: Callable[[Any], Any]) -> list[Any]:
        """What each worker's engine answers; the first error ends all of them."""
        try:
            for pipe in self._pipes:
                pipe.send(question)
            found = [pipe.recv() for pipe in self._pipes]
        except (EOFError, OSError) as error:
            self.close()
            raise TrainingError("A process of this training ended before its time.") from error
        for answer in found:
            if isinstance(answer, GlassnetError):
                self.close()
                raise answer
        return found


def _work(
    pipe: Connection, team: Team, meeting: Path, count: int, parts: tuple[Any, ...], settings: dict[str, Any]
) -> None:
    """A worker: does what it is told until nobody is there to tell it."""
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt), threads.use(count):
        engine: SharedEngine | None = None
        while True:
            question = pipe.recv()
            try:
                if engine is None:
                    engine = SharedEngine(*parts, team=team, device=join(team, "cpu", meeting=meeting), **settings)
                pipe.send(question(engine))
            except GlassnetError as error:
                pipe.send(error)
    leave()
