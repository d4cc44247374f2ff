"""The trainings that the page starts: one at a time, each in a process of its own, others wait in a queue."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glassnet.actions.page_training import Order, work
from glassnet.errors import TrainingError
from glassnet.processes import Companion
from glassnet.train.callbacks.epochs import kept_epochs

__all__ = ["ENDED", "WORDS", "Job", "Trainings"]

ENDED = frozenset({"finished", "stopped", "failed"})
WORDS = ("pause", "go on", "step", "stop")
"""What a training may be told."""
_WAITING, _KEPT = 10, 30  # that may wait; that are remembered
_PATIENCE = 20.0  # seconds that a training has to end by itself: it saves its state first


@dataclass(eq=False)
class Job:
    """A training of the page.

    Attributes
    ----------
    id : str
        What it is asked for by.
    order : Order
        What is trained.
    state : str
        "waiting", "starting", "training", "paused", "stopping"; in the end "finished", "stopped" or "failed".
    text : str
        What came of it, or why it ended.
    folder : Path or None
        Its run folder, once it has begun.
    about : dict
        Network, weights, epochs and steps of an epoch, once they are known.
    records : list of (kind, values)
        What it told and is kept: records, findings, remarks.
    live, kernels : object
        Where it stands, and its first weights as a picture, the latest of each.
    """

    order: Order
    id: str = field(default_factory=lambda: secrets.token_hex(5))
    state: str = "waiting"
    text: str = ""
    folder: Path | None = None
    about: dict[str, Any] = field(default_factory=dict)
    records: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    live: dict[str, Any] = field(default_factory=dict)
    kernels: Any = None
    companion: Companion | None = None

    def to_dict(self) -> dict[str, Any]:
        """Name and state."""
        return {"id": self.id, "name": self.order.name, "state": self.state, "text": self.text, "about": self.about,
                "run": self.folder.name if self.folder else ""}  # fmt: skip

    @property
    def epochs(self) -> tuple[int, ...]:
        """The epochs that it can go back to."""
        return kept_epochs(self.folder) if self.folder else ()

    def take(self, kind: str, values: dict[str, Any]) -> None:
        """What the process told."""
        if kind == "begun":
            self.about = values
            self.state = "training" if self.state == "starting" else self.state
        elif kind == "live":
            self.live = values
        elif kind == "kernels":
            self.kernels = values["picture"]
        elif kind == "paused":
            self.state = "paused" if values["now"] else "training"
        elif kind in ENDED:
            self.text, self.state = values["text"], kind
        else:
            self.records.append((kind, values))


class Trainings:
    """All of them. Threads may share it; closing it ends the one that runs."""

    def __init__(self) -> None:
        self.lock, self.jobs = threading.RLock(), dict[str, Job]()
        self.thread: threading.Thread | None = None
        self.closed = False

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self.jobs.values()))

    def get(self, id: str) -> Job:
        """The training of an id. Raises `TrainingError` where there is none any more."""
        found = self.jobs.get(id)
        if found is None:
            raise TrainingError("That training is not known any more; start it again.")
        return found

    def add(self, order: Order, *, first: bool = False) -> Job:
        """Train, now or when those before have ended; `first` goes before all that wait.

        Raises
        ------
        TrainingError
            Too many wait.
        """
        with self.lock:
            if sum(job.state == "waiting" for job in self) >= _WAITING:
                raise TrainingError(f"{_WAITING} trainings wait already; stop one of them first.")
            job = Job(order)
            self.jobs = {job.id: job, **self.jobs} if first else {**self.jobs, job.id: job}
            for old in [each for each in self if each.state in ENDED][: max(0, len(self.jobs) - _KEPT)]:
                del self.jobs[old.id]
            if self.thread is None and not self.closed:
                self.thread = threading.Thread(target=self._run, name="trainings", daemon=True)
                self.thread.start()
            return job

    def tell(self, id: str, word: str) -> Job:
        """Tell a training to "pause", to "go on", to take one "step", or to "stop".

        Raises
        ------
        TrainingError
            There is no such word or training, or it has ended.
        """
        job = self.get(id)
        if word not in WORDS:
            raise TrainingError(f"A training is told to {', '.join(WORDS)}. Got '{word}' instead.")
        with self.lock:
            if job.state in ENDED:
                raise TrainingError("That training has ended.")
            if word == "stop":
                self._stop(job)
            elif job.companion is not None and job.state in ("training", "paused"):
                job.companion.send(word)
        return job

    def _stop(self, job: Job) -> None:
        if job.state == "waiting":
            job.state = "stopped"
        elif job.companion is not None and job.state == "stopping":  # asked twice: at once
            job.companion.end(0)
        elif job.companion is not None:
            job.state = "stopping"
            job.companion.send("stop")  # one that is paused reads the pipe
            job.companion.ask_to_end()

    def close(self) -> None:
        """End what runs and what waits, and wait for it. Nothing is started any more."""
        with self.lock:
            self.closed = True
            for job in self:
                self._stop(job)
            thread = self.thread
        if thread is not None:
            thread.join(_PATIENCE)
            with self.lock:
                for job in self:
                    self._stop(job)
            thread.join()

    # ---- the thread in which one after the other is followed

    def _run(self) -> None:
        while (job := self._next()) is not None:
            self._follow(job)

    def _next(self) -> Job | None:
        with self.lock:
            job = next((each for each in self if each.state == "waiting"), None)
            if job is None:
                self.thread = None
                return None
            job.state = "starting"
            return job

    def _follow(self, job: Job) -> None:
        with self.lock:
            try:
                job.folder = job.order.folder()
                companion = job.companion = Companion(work, job.order, job.folder)
            except OSError as error:
                job.text, job.state = f"No process can be started: {error.strerror or error}.", "failed"
                return
        for kind, values in companion.messages():
            with self.lock:
                job.take(kind, values)
        companion.end()
        with self.lock:
            job.companion = None
            companion.close()
            if job.state not in ENDED:
                stopped = job.state == "stopping"
                job.text = "" if stopped else "The process of the training ended before its time (too little memory?)."
                job.state = "stopped" if stopped else "failed"
