"""How the processes of a training meet, and how one learns why another ended.

All write into a common store: they say there that they have come, and one that ends before its time says why. Whoever
waits for it looks there, so that the cause is told and not only that somebody is missing.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed
from torch._C._distributed_c10d import FileStore, PrefixStore, Store, TCPStore  # what torch.distributed gives on

from glassnet import threads
from glassnet.errors import RecipeError, TrainingError
from glassnet.team import Team

__all__ = ["end_all", "join", "leave", "together", "told"]

_CAUSE, _TOLD = "cause", "told"
_MINUTES = 5  # that processes wait for one another at the start
_PATIENCE = 15.0  # seconds that process 0 may take to tell why another one ended
_MOMENT = 2.0  # seconds in which the cause of a broken connection arrives, if any does
_PAUSE = 0.05

_stores: list[Store] = []  # the one of this process, once it is open


def join(team: Team, device: str, *, meeting: Path | None = None) -> str:
    """Meet the other processes, and return the device that this one computes on.

    Parameters
    ----------
    team : Team
        The processes.
    device : str
        Where all compute; "cuda" gives each process of a machine a GPU of its own.
    meeting : Path, optional
        A file by which processes of one machine meet; None: the environment's MASTER_ADDR and MASTER_PORT.

    Raises
    ------
    GlassnetError
        The environment does not say where, or another process does not come.
    """
    if not device.startswith(("cpu", "cuda")):
        raise RecipeError(f"Several processes train on the CPU (cpu) or on GPUs of their own (cuda). Got '{device}'.")
    if device == "cuda":
        device = f"cuda:{team.local_rank}"
    if distributed.is_initialized():
        return device
    if threads.asked_for() is None:  # or each process would take every core of the machine
        threads.set_count(max(1, threads.available() // team.local_size), chosen=False)
    backend = "gloo"
    if device.startswith("cuda"):
        torch.cuda.set_device(torch.device(device))
        backend = "nccl"
    with together():
        store = _open(team, meeting, timedelta(minutes=_MINUTES))
        _gather(store, team)
        distributed.init_process_group(backend, store=store, rank=team.rank, world_size=team.size)
    atexit.register(leave)
    return device


def leave() -> None:
    """Part from the other processes."""
    if distributed.is_initialized():
        distributed.destroy_process_group()
    _stores.clear()


def end_all(team: Team, reason: str) -> bool:
    """Say why this process ends before its time, and wait until process 0 has told it; whether it has.

    The others notice that this one is gone, or are still on their way to the meeting, where they look for it.
    """
    joined = distributed.is_initialized()
    try:
        store = _stores[0] if _stores else _open(team, None, timedelta(seconds=_PATIENCE))
        store.set(_CAUSE, f"Process {team.rank}: {reason}")
    except (RuntimeError, RecipeError):  # nobody is there
        return False
    try:
        if joined:
            distributed.destroy_process_group()
        until = time.monotonic() + (_PATIENCE if joined else 60 * _MINUTES)
        while time.monotonic() < until:
            if store.check([_TOLD]):
                return True
            time.sleep(_PAUSE)
    except RuntimeError:  # the store is gone, and with it process 0, which has told something
        return True
    return False


def told() -> None:
    """Say that process 0 has told why the training ends."""
    with contextlib.suppress(RuntimeError):
        for store in _stores:
            store.set(_TOLD, "")


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Where the processes work together: one line where another one has ended, with the cause that it gave."""
    try:
        yield
    except RuntimeError as error:
        cause, until = "", time.monotonic() + _MOMENT
        with contextlib.suppress(RuntimeError):
            while not cause and _stores and time.monotonic() < until:
                cause = _cause(_stores[0])
                time.sleep(_PAUSE)
        otherwise = "The processes of this training cannot work together: another one ended, or cannot be reached."
        raise TrainingError(cause or otherwise) from error


def _open(team: Team, meeting: Path | None, patience: timedelta) -> Store:
    """The common store: a file, that of `torchrun`, or one that process 0 keeps."""
    store: Store
    if meeting is not None:
        store = FileStore(str(meeting), team.size)
    else:
        address, port = os.environ.get("MASTER_ADDR", ""), os.environ.get("MASTER_PORT", "")
        if not address or not port.isdigit():
            raise RecipeError(
                "Several processes need MASTER_ADDR and MASTER_PORT, where they meet; torchrun sets them. Got"
                f" '{address}' and '{port}'."
            )
        keeps = team.leads and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
        store = TCPStore(address, int(port), None, is_master=keeps, timeout=patience, wait_for_workers=False)
    again = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")  # torchrun may start all of them anew
    _stores[:] = [PrefixStore(f"glassnet/{again}", store)]
    return _stores[0]


def _gather(store: Store, team: Team) -> None:
    """Wait until all processes have come."""
    store.set(f"here/{team.rank}", "")
    until = time.monotonic() + 60 * _MINUTES
    for rank in range(team.size):
        while not store.check([f"here/{rank}"]):
            if cause := _cause(store):
                raise TrainingError(cause)
            if time.monotonic() > until:
                raise TrainingError(f"Process {rank} of {team.size} did not come within {_MINUTES} minutes.")
            time.sleep(_PAUSE)


def _cause(store: Store) -> str:
    """Why another process ended; "" where none said so."""
    return store.get(_CAUSE).decode() if store.check([_CAUSE]) else ""
