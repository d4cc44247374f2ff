"""Stopping at any moment and going on gives the same bits as never having stopped."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glassnet.experiments import load_recipe
from glassnet.files import read_json
from glassnet.interop import is_installed
from glassnet.nn import model_file
from glassnet.train import read_history
from support import python_path, script

CONFIGURATIONS = {
    "dropout and adam": """
        model.network = "linear 24 -> relu -> dropout 0.3 -> linear"
        optimizer.name = "adam"
    """,
    "batchnorm, augmentation and momentum": """
        model.network = "linear 24 -> batchnorm -> relu -> linear"
        optimizer = { name = "momentum", lr = 0.05 }
        train.augment = "shift 1 -> rotate 10"
        train.schedule = "cosine"
        train.l2 = 1e-3
    """,
    "one by one": """
        model.network = "linear"
        optimizer = { name = "sgd", lr = 0.01 }
        train.batch = 1
        train.l2 = 1e-3
        train.log_every = 64
    """,
    "everything": """
        model.network = "linear 16 -> batchnorm -> tanh -> dropout 0.2 -> linear"
        model.preprocess = "scale -> standardise"
        optimizer = { name = "adamw", lr = 0.01 }
        train.augment = "shift 2 -> elastic 4 2"
        train.schedule = "onecycle"
        train.clip = 1.0
        train.patience = 3
    """,
    "averaged weights": """
        model.network = "linear 24 -> batchnorm -> relu -> linear"
        optimizer = { name = "momentum", lr = 0.05 }
        train.augment = "flip alternate -> crop 1, reflect -> cutout 2"
        train.average = 0.95
    """,
    "rmsprop reconstructing pictures": """
        model = { network = "linear 12 -> relu -> linear -> sigmoid", loss = "squared-error" }
        optimizer = { name = "rmsprop", lr = 0.003 }
    """,
}
if is_installed():
    CONFIGURATIONS |= {
        "on PyTorch": """
        engine.name = "torch"
        model.network = "linear 24 -> batchnorm -> relu -> dropout 0.3 -> linear"
        optimizer.name = "adam"
        train.augment = "shift 1 -> rotate 10"
    """,
        "convolutions and averaged weights on PyTorch": """
        engine.name = "torch"
        model.network = "conv 3x3, 4, bias off -> batchnorm -> relu -> maxpool 2x2 -> linear"
        optimizer = { name = "nesterov", lr = 0.05 }
        train.schedule = "onecycle"
        train.average = 0.95
        train.clip = 1.0
    """,
    }
ON_PYTORCH = [name for name in CONFIGURATIONS if "PyTorch" in name]
COMMON = """
    data = { source = "digits", train_limit = 320, test_limit = 60 }
    train.epochs = 4
    train.batch = 40
    train.seed = 5
    train.threads = 1
    train.log_every = 3
    train.checkpoint_seconds = 0
"""


def recipe_of(configuration: str) -> str:
    """The recipe; a setting of the configuration's own takes the place of the common one."""
    own = configuration.strip().splitlines()
    names = {line.split("=")[0].strip() for line in own}
    common = [line for line in COMMON.strip().splitlines() if line.split("=")[0].strip() not in names]
    return "\n".join(line.strip() for line in [*common, *own]) + "\n"


class Worker:
    """The process that forks runs (see kill_worker.py)."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, script("kill_worker")],
            env={**os.environ, "PYTHONPATH": python_path()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()
        self._ask({"warm": recipe_of(CONFIGURATIONS["everything"])})

    def _listen(self) -> None:
        assert self.process.stderr is not None
        self.said.extend(self.process.stderr)

    def _ask(self, job: dict[str, Any]) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "".join(self.said)
        return int(line)

    def run(
        self,
        folder: Path,
        recipe: str | None,
        *,
        calls: int | None = None,
        delay: float | None = None,
        report: bool = False,
    ) -> bool:
        """Begin (with a recipe) or resume a run; kill it at a call or after `delay` seconds. Whether it finished."""
        job = {"folder": str(folder), "recipe": recipe, "calls": calls, "delay": delay, "report": report}
        status = self._ask(job)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return False
        assert os.WEXITSTATUS(status) == 0, "".join(self.said)
        return True

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None and self.process.stderr is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.close()


@pytest.fixture(scope="module")
def references() -> dict[str, Path]:
    """Folders of the runs that were never stopped, filled as they are needed."""
    return {}


def reference(name: str, worker: Worker, references: dict[str, Path], factory: pytest.TempPathFactory) -> Path:
    if name not in references:
        folder = factory.mktemp("reference") / "run"
        assert worker.run(folder, recipe_of(CONFIGURATIONS[name]))
        references[name] = folder
    return references[name]


def assert_readable(folder: Path) -> None:
    """After a kill every file that has its name is whole."""
    for path in folder.rglob("*") if folder.exists() else ():
        if path.name.endswith(".partial"):
            continue
        if path.suffix == ".safetensors":
            model_file.read(path)
        elif path.suffix == ".json":
            read_json(path)
        elif path.suffix == ".jsonl":
            read_history(path)
        elif path.suffix == ".toml":
            load_recipe(path)
        elif path.suffix == ".html":
            assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
        elif path.suffix == ".png":
            assert path.read_bytes()[-8:-4] == b"IEND"


def records(folder: Path) -> list[dict[str, Any]]:
    """The history without its times."""
    return [{k: v for k, v in record.items() if k != "seconds"} for record in read_history(folder / "metrics.jsonl")]


def assert_same_end(folder: Path, whole: Path) -> None:
    assert (folder / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert records(folder) == records(whole)
    assert not list(folder.glob(".*"))  # what killed writers left is cleared away


def killed_again_and_again(case: int, worker: Worker, whole: Path, folder: Path, recipe: str) -> int:
    """Begin a run and kill it, resume it and kill it, and at last let it end. Returns the number of kills."""
    rng = random.Random(case)
    kills, report = 0, case % 5 == 0  # the report takes longer than the training; it may be killed as well
    for _ in range(rng.choice((1, 1, 2, 3))):
        begin = not (folder / "recipe.toml").exists()
        if rng.random() < 0.6:  # within the writing of a file: each step writes its checkpoint by three calls
            finished = worker.run(folder, recipe if begin else None, calls=rng.randrange(1, 100), report=report)
        else:  # anywhere
            finished = worker.run(folder, recipe if begin else None, delay=rng.uniform(0.0, 0.8), report=report)
        kills += not finished
        assert_readable(folder)
        if finished:
            break
    begin = not (folder / "recipe.toml").exists()
    assert worker.run(folder, recipe if begin else None, report=report)
    assert_readable(folder)
    assert_same_end(folder, whole)
    return kills


def kill_case(
    case: int, worker: Worker, references: dict[str, Path], factory: pytest.TempPathFactory, folder: Path
) -> None:
    kill_one(list(CONFIGURATIONS)[case % len(CONFIGURATIONS)], case, worker, references, factory, folder)


def kill_one(
    name: str, case: int, worker: Worker, references: dict[str, Path], factory: pytest.TempPathFactory, folder: Path
) -> None:
    whole = reference(name, worker, references, factory)
    killed_again_and_again(case, worker, whole, folder / "run", recipe_of(CONFIGURATIONS[name]))


pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are killed in forked processes")


@pytest.mark.parametrize("case", range(8))
def test_killed_runs_end_in_the_same_bits(
    case: int, worker: Worker, references: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    kill_case(case, worker, references, tmp_path_factory, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("case", range(8, 58))
def test_fifty_killed_runs_end_in_the_same_bits(
    case: int, worker: Worker, references: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    kill_case(case, worker, references, tmp_path_factory, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("case", range(20))
@pytest.mark.parametrize("name", ON_PYTORCH)
def test_runs_on_pytorch_killed_twenty_times_end_in_the_same_bits(
    name: str,
    case: int,
    worker: Worker,
    references: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
) -> None:
    kill_one(name, case, worker, references, tmp_path_factory, tmp_path)


@pytest.mark.parametrize("calls", [1, 2, 3, 4, 5, 7, 8, 9])
def test_killed_within_the_first_files(
    calls: int, worker: Worker, references: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """Half an environment, a run without a recipe, a recipe without a checkpoint, half a checkpoint."""
    name = "one by one"
    whole = reference(name, worker, references, tmp_path_factory)
    folder, recipe = tmp_path / "run", recipe_of(CONFIGURATIONS[name])
    assert not worker.run(folder, recipe, calls=calls)
    assert_readable(folder)
    assert worker.run(folder, None if (folder / "recipe.toml").exists() else recipe)
    assert_same_end(folder, whole)
