"""This machine, ours against PyTorch."""

from __future__ import annotations

from collections.abc import Sequence

from glassnet import bench as benches
from glassnet.actions.events import Events
from glassnet.bench import Lines, Report

__all__ = ["bench"]


def bench(
    networks: Sequence[str] = (),
    *,
    input_shape: tuple[int, ...] | None = None,
    classes: int | None = None,
    batch: int | None = None,
    optimizer: str | None = None,
    mode: str | None = None,
    threads: Sequence[int] | None = None,
    runs: int = 3,
    isa: str = "",
    events: Events | None = None,
) -> Report:
    """Time steps of networks on this machine, beside PyTorch's where it is installed.

    Parameters
    ----------
    networks : sequence of str
        Named networks, notations or model files; none takes a few of each kind.
    input_shape : tuple of int, optional
        Sizes of one example.
    classes : int, optional
        Size of a last layer that names none.
    batch : int, optional
        Examples a step.
    optimizer : str, optional
        The optimiser of training steps.
    mode : str, optional
        "train" or "infer".
    threads : sequence of int, optional
        Numbers of threads; None takes 1 and 2.
    runs : int
        Runs of each side.
    isa : str
        Instructions that both sides are held to: "avx512", "avx2" or "sse2"; "" takes the best that are here.
    events : Events, optional
        Told each measurement.

    Raises
    ------
    GlassnetError
        A network or a setting that cannot be right, or a measurement that failed.
    """
    cases = benches.cases_for(
        networks, input_shape=input_shape, classes=classes, batch=batch, optimizer=optimizer, mode=mode
    )
    return benches.bench(cases, threads, runs, isa=isa, progress=_Told(events or Events()))


class _Told(Lines):
    """Passes what a bench tells on."""

    def __init__(self, events: Events) -> None:
        super().__init__()
        self.events, self.begun, self.total = events, 0, 0

    def start(self, total: int) -> None:
        self.total = total

    def next(self, text: str) -> None:
        self.events.progress(text, self.begun, self.total)
        self.begun += 1

    def say(self, text: str) -> None:
        for line in text.split("\n"):
            self.events.say(line)
