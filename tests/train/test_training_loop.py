"""What a training promises: the same bits from the same seed, the best network kept, clear stops."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet
from glassnet import experiments
from glassnet.cli import main
from glassnet.data import Dataset, Splits, load
from glassnet.errors import DataError, ModelError, RecipeError, TrainingError
from glassnet.experiments.recipe import recipe_from
from glassnet.nn import Network, model_file
from glassnet.optim import SGD, Adam
from glassnet.train import Progress, Settings, Trainer, read_history
from glassnet.train.callbacks.interrupt import stop_on_interrupt


def small(seed: int = 0, n: int = 60, classes: int = 3) -> Dataset:
    """Pictures 4x4 whose bright row is their class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    images = rng.integers(0, 120, (n, 4, 4, 1), np.uint8)
    images[np.arange(n), labels] += 120
    return Dataset(images, labels, tuple("abcdef"[:classes]))


def trainer(network: str = "linear 8 -> relu -> linear", **settings: Any) -> Trainer:
    optimizer = settings.pop("optimizer", None)
    named = {name: settings.pop(name) for name in ("loss", "schedule", "augmentation") if name in settings}
    classes = 16 if named.get("loss") == "squared-error" else 3
    return Trainer(Network(network, (4, 4, 1), classes), optimizer=optimizer, **named, **settings)


def recipe(**values: Any) -> experiments.Recipe:
    base = {"data": {"source": "digits", "train_limit": 200, "test_limit": 50}, "model": {"network": "linear"}}
    return recipe_from({**base, **values})


def arrays_of(made: Any) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in made.network.arrays().items()}


NETWORKS = ["linear", "linear 8 -> relu -> dropout 0.4 -> linear", "linear 8 -> batchnorm -> sigmoid -> linear"]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_same_seed_gives_the_same_bits(network: str) -> None:
    def once() -> dict[str, bytes]:
        return arrays_of(trainer(network, epochs=3, batch=16, augmentation="shift 1").fit(small(), small(1)))

    assert once() == once()


def test_another_seed_gives_another_network(tmp_path: Path) -> None:
    runs = [experiments.run_recipe(recipe(train={"epochs": 1, "seed": seed})) for seed in (0, 0, 1)]
    assert arrays_of(runs[0].model) == arrays_of(runs[1].model) != arrays_of(runs[2].model)


def test_it_learns_and_counts(tmp_path: Path) -> None:
    made = trainer(epochs=30, batch=16, optimizer=Adam(0.02), log_every=10)
    model = made.fit(small(), small(1))
    assert model.evaluate(small(2)).accuracy > 0.9
    epochs = made.history.epochs
    assert [record["epoch"] for record in epochs] == list(range(1, 31))
    assert [record["step"] for record in epochs] == [4 * n for n in range(1, 31)]
    assert epochs[-1]["loss"] < epochs[0]["loss"]
    steps = [record for record in made.history.records if record["kind"] == "step"]
    assert [record["step"] for record in steps] == list(range(1, 121, 10))
    assert set(steps[0]["norms"]) == set(model.network.parameters())
    assert all(value > 0 for value in steps[0]["norms"]["1.linear.weight"].values())


def test_the_best_network_on_validation_is_kept() -> None:
    seen: list[tuple[float, dict[str, bytes]]] = []

    class Watch(Progress):
        def epoch(self, record: dict[str, Any], best: bool) -> None:
            if best:
                seen.append((record["valid_accuracy"], arrays_of(made)))

    made = trainer(epochs=12, batch=8, optimizer=SGD(2.0))
    model = made.fit(small(), small(1), progress=Watch())
    best = max(record["valid_accuracy"] for record in made.history.epochs)
    assert seen[-1][0] == best and arrays_of(model) == seen[-1][1]
    assert model.evaluate(small(1)).accuracy == pytest.approx(best)


def test_early_stopping_waits_for_its_patience() -> None:
    made = trainer(epochs=500, batch=16, optimizer=SGD(0.0), patience=4)
    made.fit(small(), small(1))
    state = made.progression
    assert state.best_epoch == 1 and state.epoch == 5
    assert "no better on validation for 4 epochs" in state.stopped


def test_patience_needs_validation(tmp_path: Path) -> None:
    """It waits for a better validation result; without one it would have no effect."""
    made = trainer(epochs=6, patience=1, optimizer=SGD(0.0))
    with pytest.raises(RecipeError, match=r"'patience'.*no validation part"):
        made.fit(small())
    assert made.progression.step == 0
    asked = recipe(data={"source": "digits", "validation": 0}, train={"patience": 2})
    with pytest.raises(RecipeError, match="'patience'"):
        experiments.run_recipe(asked, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("batch", [1, 7, 0, 1000])
@pytest.mark.parametrize("network", ["linear", "linear 8 -> relu -> linear"])
def test_every_size_of_batch(network: str, batch: int) -> None:
    made = trainer(network, epochs=3, batch=batch, optimizer=SGD(0.1), l2=1e-3)
    made.fit(small(), small(1))
    assert made.progression.step == 3 * -(-60 // (batch or 60))
    losses = [record["loss"] for record in made.history.epochs]
    assert losses[2] < losses[0]


def test_an_autoencoder_reconstructs() -> None:
    made = trainer("linear 8 -> relu -> linear -> sigmoid", loss="squared-error", epochs=20, optimizer=Adam(0.02))
    made.fit(small(), small(1))
    decibels = [record["valid_psnr"] for record in made.history.epochs]
    assert decibels[-1] > decibels[0] and "accuracy" not in made.history.epochs[0]


@pytest.mark.parametrize(
    ("network", "batch"),
    [
        ("linear", 1),  # the mean of many bounded gradients never leaves float32
        ("linear 8 -> relu -> linear", 1),
        ("linear 8 -> relu -> linear", 16),
        ("linear 8 -> batchnorm -> relu -> linear", 16),
    ],
)
def test_divergence_stops_with_the_likely_causes(network: str, batch: int) -> None:
    """The gradient of a softmax is bounded: it takes an absurd rate to leave what float32 can hold."""
    with pytest.raises(TrainingError, match=r"loss became (infinite|not a number).*learning rate"):
        trainer(network, batch=batch, epochs=200, optimizer=SGD(3e38)).fit(small())


def test_batch_normalisation_needs_two_examples_in_a_batch() -> None:
    with pytest.raises(RecipeError, match="at least 2"):
        trainer("linear 8 -> batchnorm -> relu -> linear", batch=1).fit(small())


def test_divergence_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", "digits", "--model", "linear 32 -> relu -> linear", "--loss", "squared-error"]
    arguments += ["--optimizer", "sgd", "--lr", "1e6", "--epochs", "50", "--out", str(tmp_path / "run")]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: The loss became") and said.count("\n") == 1 and "learning rate" in said
    assert not (tmp_path / "run" / "model.safetensors").exists()


AVERAGED = ["linear", "linear 8 -> batchnorm -> relu -> dropout 0.2 -> linear"]


@pytest.mark.parametrize(("network", "batch"), [(AVERAGED[0], 1), (AVERAGED[0], 16), (AVERAGED[1], 16)])
def test_the_average_is_that_of_its_formula(network: str, batch: int) -> None:
    """Step by step against NumPy in float64; validation and the model have the averaged arrays."""
    made = trainer(network, epochs=4, batch=batch, average=0.9, optimizer=SGD(0.3), log_every=3)
    mean: dict[str, np.ndarray] = {}
    shown: list[dict[str, bytes]] = []

    class Watch(Progress):
        def step(self, step: int, loss: float) -> None:
            decay = min(0.9, step / (9.0 + step))  # t = step - 1
            for name, array in made.network.arrays().items():
                mean[name] = decay * mean[name] + (1 - decay) * array if name in mean else array.astype(np.float64)

        def epoch(self, record: dict[str, Any], best: bool) -> None:
            if best:
                shown.append({name: array.tobytes() for name, array in made.training.evaluated.items()})

    model = made.fit(small(), progress=Watch())
    assert made.progression.step == 4 * -(-60 // batch)
    for name, array in model.network.arrays().items():
        np.testing.assert_allclose(array, mean[name], rtol=2e-5, atol=1e-6)
    made = trainer(network, epochs=4, batch=batch, average=0.9, optimizer=SGD(0.3))
    model = made.fit(small(), small(1), progress=Watch())
    assert arrays_of(model) == shown[-1]
    assert model.evaluate(small(1)).accuracy == pytest.approx(max(r["valid_accuracy"] for r in made.history.epochs))


@pytest.mark.parametrize("network", AVERAGED)
def test_averaging_leaves_the_training_alone(network: str) -> None:
    """The weights that are trained take the way that they take without an average."""

    def way(average: float | None) -> tuple[list[dict[str, bytes]], list[float], bytes]:
        made = trainer(network, epochs=5, batch=16, average=average, optimizer=SGD(0.3, 0.9))
        seen: list[dict[str, bytes]] = []

        class Watch(Progress):
            def epoch(self, record: dict[str, Any], best: bool) -> None:
                seen.append(arrays_of(made))

        model = made.fit(small(), small(1), progress=Watch())
        losses = [record[name] for record in made.history.epochs for name in ("loss", "accuracy")]
        return seen, losses, b"".join(arrays_of(model).values())

    (plain, losses, ended), (averaged, others, other) = way(None), way(0.8)
    assert plain == averaged and losses == others and ended != other


def test_an_average_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    trainer(epochs=2, average=0.9).fit(small(), checkpoint_path=path)
    made = trainer(epochs=2, average=0.9)
    description, arrays = model_file.read(path)
    name = next(name for name in arrays if name.startswith("callback.WeightAverage."))
    for wrong in (
        {name: arrays[name][:1]},
        {name: arrays[name].astype(np.float64)},
        {"callback.WeightAverage.9.x": arrays[name]},
    ):
        model_file.write(path, description, {**arrays, **wrong})
        with pytest.raises(ModelError, match="averaged weights"):
            made.fit(small(), checkpoint_path=path, resume=True)


class InterruptAt(Progress):
    """Presses Ctrl-C after a number of steps."""

    def __init__(self, step: int, number: int = signal.SIGINT) -> None:
        self.at, self.number = step, number

    def step(self, step: int, loss: float) -> None:
        if step == self.at:
            signal.raise_signal(self.number)


@pytest.mark.parametrize("step", [1, 6, 7, 13])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("averaging", [{}, {"average": 0.9}])
def test_an_interrupt_saves_and_resuming_gives_the_same_bits(
    step: int, number: int, averaging: dict[str, float], tmp_path: Path
) -> None:
    asked = recipe(
        model={"network": "linear 8 -> batchnorm -> relu -> dropout 0.2 -> linear"},
        train={"epochs": 3, "batch": 30, "augment": "shift 1", "checkpoint_seconds": 1000.0, **averaging},
    )
    whole = experiments.run_recipe(asked, tmp_path / "whole")
    folder = tmp_path / "run"
    with pytest.raises(TrainingError, match=f"Interrupted at step {step} .*Resume the run in '{folder}'."):
        experiments.run_recipe(asked, folder, progress=InterruptAt(step, number))
    assert (folder / "checkpoint.safetensors").exists() and not (folder / "evaluation.json").exists()
    experiments.resume(folder)
    assert (folder / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()
    kept = [
        [{k: v for k, v in record.items() if k != "seconds"} for record in read_history(f / "metrics.jsonl")]
        for f in (folder, tmp_path / "whole")
    ]
    assert kept[0] == kept[1]
    assert whole.history.epochs


def test_ctrl_c_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glassnet.train.progress_for", lambda: InterruptAt(5))
    folder = tmp_path / "run"
    arguments = ["train", "digits", "--model", "linear", "--epochs", "2", "--out", str(folder)]
    before = signal.getsignal(signal.SIGINT)
    assert main(arguments) == 130
    said = capsys.readouterr().err
    assert said.startswith("Interrupted at step 5 ") and said.count("\n") == 1
    assert f"glassnet train --resume {folder}" in said
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.undo()
    assert main(["train", "--resume", str(folder)]) == 0
    assert (folder / "model.safetensors").exists()


def test_ctrl_c_while_the_report_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("glassnet.report.pages.write_run_page", interrupted)
    folder = tmp_path / "run"
    assert main(["train", "digits", "--model", "linear", "--epochs", "1", "--out", str(folder)]) == 130
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.endswith(f"Resume with: glassnet train --resume {folder}\n")
    monkeypatch.undo()
    assert main(["train", "--resume", str(folder)]) == 0
    assert (folder / "report.html").exists()


def test_an_interrupt_after_the_last_step_is_not_lost() -> None:
    with pytest.raises(KeyboardInterrupt), stop_on_interrupt() as request:
        signal.raise_signal(signal.SIGINT)
        assert request.asked


def test_an_ignored_signal_does_not_stop_a_training() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_on_interrupt() as request:
            signal.raise_signal(signal.SIGINT)
        assert not request.asked and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_without_a_folder_says_that_nothing_is_kept() -> None:
    with pytest.raises(TrainingError, match="Nothing was saved"):
        trainer(epochs=3, batch=8).fit(small(), progress=InterruptAt(2))


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    run = experiments.run_recipe(recipe(train={"epochs": 2}), tmp_path / "run")
    names = ("model.safetensors", "metrics.jsonl", "recipe.toml", "environment.json", "checkpoint.safetensors")
    before = {name: (tmp_path / "run" / name).read_bytes() for name in names}
    again = experiments.resume(tmp_path / "run")
    assert {name: (tmp_path / "run" / name).read_bytes() for name in names} == before
    assert again.evaluation is not None and run.evaluation is not None
    assert again.evaluation.accuracy == run.evaluation.accuracy


def test_resuming_after_the_data_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiments.run_recipe(recipe(train={"epochs": 1}), tmp_path / "run")
    whole = load("digits")
    images = whole.train.images ^ 1
    changed = Splits(Dataset(images, whole.train.labels, whole.train.class_names, "digits"), None, whole.test)
    monkeypatch.setattr("glassnet.experiments.data.load", lambda *a, **k: changed)
    with pytest.raises(TrainingError, match="data have changed"):
        experiments.resume(tmp_path / "run")


CHANGES: list[dict[str, Any]] = [
    {"epochs": 1},
    {"seed": 1},
    {"l2": 0.1},
    {"batch": 32},
    {"schedule": "cosine"},
    {"average": 0.9},
]


@pytest.mark.parametrize("change", CHANGES)
def test_resuming_with_other_settings_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    experiments.run_recipe(recipe(train={"epochs": 2}), tmp_path / "run")
    other = recipe(train={"epochs": 2, **change})
    (tmp_path / "run" / "recipe.toml").write_text(other.to_toml(), encoding="utf-8")
    with pytest.raises(TrainingError, match="Cannot resume"):
        experiments.resume(tmp_path / "run")


def test_data_that_do_not_fit_the_network() -> None:
    with pytest.raises(DataError, match="preprocessed pictures"):
        Trainer(Network("linear", (5, 5, 1), 3)).fit(small())
    with pytest.raises(DataError, match="3 outputs"):
        Trainer(Network("linear", (4, 4, 1), 4)).fit(small())
    wide = Dataset(np.zeros((4, 4, 5, 1), np.uint8), np.array([0, 1, 2, 0]), ("a", "b", "c"))
    with pytest.raises(DataError, match="Validation pictures"):
        trainer().fit(small(), wide)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch": -1},
        {"l2": float("nan")},
        {"clip": 0.0},
        {"patience": 0},
        {"seed": -1},
        {"log_every": 0},
        {"checkpoint_seconds": -1.0},
        {"average": 0.0},
        {"average": 1},
        {"average": float("nan")},
        {"average": "0.9"},
        {"epochs": 1.5},
        {"epochs": True},
        {"unknown": 1},
    ],
)
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=next(iter(wrong))):
        trainer(**wrong)


def test_settings_have_the_documented_defaults() -> None:
    assert vars(Settings())["batch"] == 64 and Settings().checkpoint_seconds == 5.0


def test_python_in_three_lines(tmp_path: Path) -> None:
    run = glassnet.fit("digits", "linear 16 -> relu -> linear", lr=0.01, epochs=5, out=tmp_path / "run", seed=3)
    assert run.evaluation is not None and run.evaluation.accuracy > 0.7
    model = glassnet.load(tmp_path / "run")
    test = load("digits").test
    part = test if test is not None else run.splits.test
    assert part is not None
    np.testing.assert_array_equal(model.predict_proba(part.images), run.model.predict_proba(part.images))
    assert (tmp_path / "run" / "report.html").exists()
