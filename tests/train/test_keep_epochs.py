"""The state after every epoch: what is kept, and a training that goes on from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.errors import DataError, GlassnetError
from glassnet.experiments import Run, branch, resume, run_recipe
from glassnet.experiments.recipe import recipe_from
from glassnet.train.callbacks import KeepEpochs
from glassnet.train.callbacks.epochs import epoch_weights, kept_epochs


def recipe(**train: Any) -> Any:
    return recipe_from({
        "data": {"source": "digits", "train_limit": 300, "test_limit": 100},
        "model": {"network": "linear 8 -> relu -> linear"},
        "optimizer": {"name": "adam", "lr": 0.01},
        "train": {"epochs": 5, "augment": "shift 1", "checkpoint_seconds": 0.0, **train},
    })  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "first"
    said: list[str] = []
    run = run_recipe(recipe(), folder, callbacks=[KeepEpochs(folder, say=said.append)])
    assert said == [f"keeping every epoch in {folder / 'epochs'} (256 MB at most)"]
    return run


def same(one: Run, other: Run) -> bool:
    pairs = zip(one.model.network.arrays().values(), other.model.network.arrays().values(), strict=True)
    return all((a == b).all() for a, b in pairs)


def test_the_best_epoch_is_the_model(kept: Run) -> None:
    assert kept.folder is not None and kept_epochs(kept.folder) == (1, 2, 3, 4, 5)
    best = epoch_weights(kept.folder, kept.model.card["best_epoch"])
    for name, array in kept.model.network.arrays().items():
        np.testing.assert_array_equal(best[name], array)
    with pytest.raises(DataError, match="Epoch 6 of this run is not kept"):
        epoch_weights(kept.folder, 6)


def test_from_any_epoch_without_a_change_come_the_same_bits(kept: Run, tmp_path: Path) -> None:
    assert kept.folder is not None
    before = {path: path.read_bytes() for path in kept.folder.rglob("*") if path.is_file()}
    again = branch(kept.folder, tmp_path / "again", epoch=2)
    assert same(again, kept)
    plain = [[{**record, "seconds": 0} for record in run.history.records] for run in (again, kept)]
    assert plain[0] == plain[1]
    assert before == {path: path.read_bytes() for path in kept.folder.rglob("*") if path.is_file()}


def test_a_changed_rate_holds_from_there_on(kept: Run, tmp_path: Path) -> None:
    assert kept.folder is not None
    other = branch(kept.folder, tmp_path / "other", epoch=2, settings={"optimizer.lr": 0.001, "train.epochs": 6})
    assert [record["rate"] for record in other.history.epochs] == [0.01, 0.01, 0.001, 0.001, 0.001, 0.001]
    assert other.model.card["begun_from"] == {
        "run": "first", "epoch": 2, "changed": {"optimizer.lr": 0.001, "train.epochs": 6}
    }  # fmt: skip
    assert Run.open(tmp_path / "other").recipe.optimizer["lr"] == 0.001
    assert same(resume(tmp_path / "other"), other), "and it can be resumed as any run"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"epoch": 5}, "had ended there"),
        ({}, "had ended there"),
        ({"epoch": 6}, "has not kept epoch 6"),
        ({"epoch": 3, "settings": {"train.epochs": 2}}, "Ask for more than"),
        ({"epoch": 3, "settings": {"train.batch": 8}}, "may be changed"),
        ({"epoch": 3, "settings": {"optimizer.lr": -1.0}}, "lr"),
    ],
)
def test_what_cannot_be_gone_on_from(kept: Run, tmp_path: Path, options: dict[str, Any], said: str) -> None:
    assert kept.folder is not None
    with pytest.raises(GlassnetError, match=said):
        branch(kept.folder, tmp_path / "no", **options)


def test_a_limit_in_bytes_keeps_fewer(tmp_path: Path) -> None:
    size = 4 * 4 * (64 * 8 + 8 + 8 * 10 + 10)
    run_recipe(recipe(epochs=7), tmp_path / "few", callbacks=[KeepEpochs(tmp_path / "few", most=3 * size)])
    assert kept_epochs(tmp_path / "few") == (1, 3, 6, 7)
