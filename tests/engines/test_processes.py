"""Several processes train as one does: real processes, which meet on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from glassnet.cli import main
from glassnet.engines import Batch, NativeEngine
from glassnet.errors import RecipeError, TrainingError
from glassnet.metrics import confusion_matrix
from glassnet.nn import Network, parse_loss
from glassnet.optim import SGD, Adam, Optimizer
from glassnet.team import Team, share

torch = pytest.importorskip("torch")

from glassnet.engines.torch import PoolEngine, TorchEngine  # noqa: E402
from support import python_path  # noqa: E402
from support.engines import batch_of, stirred  # noqa: E402

PATIENCE = 300  # seconds, after which a process that hangs is ended
NOTATION = "conv 3x3, 4 -> relu -> maxpool 2x2 -> dropout 0.3 -> linear 8 -> tanh -> linear"
SETTINGS = {"l2": 0.01, "clip": 0.5}
LOSS = "softmax-cross-entropy, smoothing 0.1"


@contextlib.contextmanager
def pool(network: Network, workers: int, optimizer: Optimizer | None = None) -> Iterator[PoolEngine]:
    own = network.astype(np.float64)
    engine = PoolEngine(own, parse_loss(LOSS), optimizer or Adam(), workers=workers, **SETTINGS)
    try:
        yield engine
    finally:
        engine.close()


def same_training(workers: int) -> None:
    network = stirred(NOTATION, (8, 8, 1))
    one = TorchEngine(network.astype(np.float64), parse_loss(LOSS), Adam(), **SETTINGS)
    with pool(network, workers) as many:
        for step in range(10):  # a batch of one leaves the others nothing
            batch = batch_of(one, step, n=(5, 1, 7, 2)[step % 4], weighted=step % 2 == 1)
            alone, together = (engine.step(batch, 0.01, norms=step % 3 == 0) for engine in (one, many))
            assert together.loss == pytest.approx(alone.loss, abs=1e-12) and together.correct == alone.correct
        states = many.states()
        for name, array in one.state().items():
            assert np.abs(states[0][name] - array).max() < 1e-12, name
            assert len({state[name].tobytes() for state in states}) == 1, name  # the same bits everywhere
        x, labels = batch_of(one, 99, n=7)[:2]
        scores = many.scores(x)
        assert scores.shape == (7, 5) and np.abs(scores - one.scores(x)).max() < 1e-12
        assert confusion_matrix(labels, scores.argmax(1), 5).sum() == 7


def test_two_processes_make_the_steps_of_one() -> None:
    same_training(2)


@pytest.mark.long
def test_three_processes_make_the_steps_of_one() -> None:
    same_training(3)


def test_batch_norm_normalises_each_share_by_itself() -> None:
    """The reference: our own engine on each half, gradients and moments averaged by hand."""
    network = stirred("linear 6 -> batchnorm -> tanh -> linear", (7,))
    halves = [NativeEngine(network.astype(np.float64), parse_loss(LOSS), Adam()) for _ in range(2)]
    optimizer, mean = SGD(0.01, momentum=0.9), network.astype(np.float64)
    parameters = mean.parameters()
    with pool(network, 2, SGD(0.01, momentum=0.9)) as many:
        assert many.least_batch == 4
        for step in range(10):
            batch = batch_of(many, step, n=5)
            losses = []
            for half, rows in zip(halves, (slice(0, 2), slice(2, 5)), strict=True):
                half.network.load_arrays(mean.arrays())
                own = Batch(batch.x[rows], batch.target[rows])
                losses.append(half._forward(half.network, own))
                half.network.run_backward(losses[-1][2])
            shares = (2 / 5, 3 / 5)
            for name, parameter in parameters.items():
                gradients = [half.network.parameters()[name].grad for half in halves]
                parameter.grad[...] = sum(w * g for w, g in zip(shares, gradients, strict=True))
            for name, array in mean.arrays().items():
                if name not in parameters:
                    array[...] = sum(w * half.network.arrays()[name] for w, half in zip(shares, halves, strict=True))
            penalty = 0.5 * 0.01 * sum((p.value**2).sum() for p in parameters.values() if p.decays)
            norm = np.sqrt(sum((p.grad**2).sum() for p in parameters.values()))
            result = many.step(batch, 0.01)
            assert result.loss == pytest.approx(0.4 * losses[0][0] + 0.6 * losses[1][0] + penalty, abs=1e-12)
            optimizer.step(parameters, 0.01, l2=0.01, clip=min(1.0, 0.5 / norm))
        state = many.state()
        for name, array in mean.arrays().items():
            assert np.abs(state[f"network.{name}"] - array).max() < 1e-12, name


def test_a_share_of_each_example() -> None:
    for n in (0, 1, 5, 7, 21):
        for size in (1, 2, 3, 8):
            rows = [list(range(n))[share(n, rank, size)] for rank in range(size)]
            assert list(chain.from_iterable(rows)) == list(range(n))
            assert max(map(len, rows)) - min(map(len, rows)) <= 1


def test_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert Team.here() == Team(0, 1, 0, 1) and Team.here().leads
    monkeypatch.setenv("RANK", "2"), monkeypatch.setenv("WORLD_SIZE", "4")
    assert Team.here() == Team(2, 4, 2, 4) and not Team.here().leads
    for wrong in ("4", "-1", "two"):
        monkeypatch.setenv("RANK", wrong)
        with pytest.raises(RecipeError):
            Team.here()


def test_a_worker_that_ends_is_told() -> None:
    with pool(stirred("linear", (3,)), 2) as many:
        many._workers[1].kill()
        with pytest.raises(TrainingError, match="ended"):
            for step in range(3):
                many.step(batch_of(many, step), 0.01)
        assert not many._workers


# ---- the command


RECIPE = """
[data]
source = "digits"
train_limit = 28
validation = 7
test_limit = 7
[model]
network = "linear 8 -> tanh -> dropout 0.2 -> linear"
[train]
epochs = 2
batch = 5
augment = "shift 1"
"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": python_path(), "GLASSNET_THREADS": "1", "OMP_NUM_THREADS": "1"}


def started(folder: Path, processes: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`glassnet train` under torchrun."""
    line = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    line += ["-m", "glassnet", "train", *arguments]
    return subprocess.run(
        line, cwd=folder, env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def team_of(folder: Path, *commands: tuple[str, ...]) -> list[subprocess.Popen[str]]:
    """`glassnet train` in a process for each command, with the environment that torchrun gives."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    team = {"WORLD_SIZE": str(len(commands)), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [
        subprocess.Popen(
            [sys.executable, "-m", "glassnet", "train", *command],
            cwd=folder, env={**environment(), **team, "RANK": str(rank)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank, command in enumerate(commands)
    ]  # fmt: skip


def outcomes(running: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """How each process ended, and what it said."""
    try:
        said = [process.communicate(timeout=PATIENCE) for process in running]
    finally:
        for process in running:
            process.kill()
    return [(process.returncode, *each) for process, each in zip(running, said, strict=True)]


def records(run: Path) -> list[dict[str, float]]:
    found = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [record for record in found if record["kind"] == "epoch"]


@pytest.mark.parametrize("processes", [2, pytest.param(3, marks=pytest.mark.long)])
def test_torchrun_gives_the_run_of_one_process(tmp_path: Path, processes: int) -> None:
    """21 pictures at batch 5 leave one for the last step; 7 are validated on, each once."""
    (tmp_path / "own.toml").write_text(RECIPE, encoding="utf-8")
    ended = started(tmp_path, processes, "own.toml", "--engine", "torch", "--out", "many")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("wrote many/model.safetensors") == 1
    assert f"{processes} processes, batch 5 in all, {5 / processes:g} a process" in ended.stdout + ended.stderr
    with contextlib.chdir(tmp_path):
        assert main(["train", "own.toml", "--engine", "torch", "--out", "one"]) == 0
    assert sorted(p.name for p in (tmp_path / "many").iterdir()) == sorted(p.name for p in (tmp_path / "one").iterdir())
    for alone, together in zip(records(tmp_path / "one"), records(tmp_path / "many"), strict=True):
        assert together["step"] == alone["step"] and together["step"] % 5 == 0
        assert together["loss"] == pytest.approx(alone["loss"], rel=1e-5)
        assert together["valid_loss"] == pytest.approx(alone["valid_loss"], rel=1e-5)
        assert together["valid_accuracy"] == alone["valid_accuracy"]
    evaluation = json.loads((tmp_path / "many" / "evaluation.json").read_text(encoding="utf-8"))
    assert np.sum(evaluation["confusion"]) == 7
    for status, _, err in outcomes(team_of(tmp_path, *[("--resume", "many", "--epochs", "3")] * processes)):
        assert status == 0, err
    assert [record["epoch"] for record in records(tmp_path / "many")] == [1, 2, 3]


def test_one_that_fails_ends_all_with_one_line(tmp_path: Path) -> None:
    """Process 1 is given another recipe: it names no network, and process 0 says so."""
    (tmp_path / "own.toml").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "other.toml").write_text(RECIPE.replace("tanh", "tan"), encoding="utf-8")
    options = ("--engine", "torch", "--out", "run")
    (status, _, err), silent = outcomes(team_of(tmp_path, ("own.toml", *options), ("other.toml", *options)))
    assert silent == (2, "", "") and status == 2
    assert err.startswith("error: Process 1: ") and err.count("\n") == 1 and "'tan'" in err
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_one_that_is_asked_to_stop_stops_all(tmp_path: Path) -> None:
    """The second process gets the signal; both end after the same step."""
    text = RECIPE.replace("epochs = 2", "epochs = 100000\ncheckpoint_seconds = 0")
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    running = team_of(tmp_path, *[("own.toml", "--engine", "torch", "--out", "run")] * 2)
    until = time.monotonic() + PATIENCE
    while not (tmp_path / "run" / "checkpoint.safetensors").exists() and running[0].poll() is None:
        if time.monotonic() > until:
            running[0].kill()
        time.sleep(0.05)
    running[1].send_signal(signal.SIGINT)
    (status, _, err), silent = outcomes(running)
    assert silent == (130, "", "") and status == 130
    assert "--resume run" in err and "error" not in err


def test_what_several_processes_cannot_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from glassnet.experiments import recipe_for

    monkeypatch.setenv("RANK", "0"), monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RecipeError, match="trains in one process"):
        recipe_for("digits", {}).engine.maker()
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(RecipeError, match="need MASTER_ADDR and MASTER_PORT"):
        recipe_for("digits", {"engine.name": "torch"}).engine.maker()
