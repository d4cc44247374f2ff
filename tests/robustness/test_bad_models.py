"""Damaged model files and checkpoints are always caught: every bit of them stands under a digest."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.errors import GlassnetError, ModelError
from glassnet.model import Model
from glassnet.nn import model_file
from glassnet.train import read_history
from support.bad_input import contents, cuts, flipped, mangled, refused, untrained

NETWORK = "linear 6 -> batchnorm -> relu -> dropout 0.2 -> linear"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a model file."""
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    untrained(path, (8, 8, 1), tuple("0123456789"), NETWORK)
    return path.read_bytes()


def header_bits(data: bytes) -> int:
    return 8 * (8 + int.from_bytes(data[:8], "little"))


def test_every_flipped_bit_of_the_header_is_caught(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    untrained(path, (3, 3, 1), ("a", "b"))
    whole = path.read_bytes()
    for bit in range(header_bits(whole)):
        path.write_bytes(flipped(whole, bit))
        with pytest.raises(ModelError) as caught:
            Model.load(path)
        assert "\n" not in str(caught.value)


def test_flipped_bits_of_the_body_are_caught(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    rng = random.Random(0)
    for _ in range(500):
        bit = rng.randrange(header_bits(whole), 8 * len(whole))
        path.write_bytes(flipped(whole, bit))
        with pytest.raises(ModelError, match="SHA-256"):
            Model.load(path)


def test_the_command_line_refuses_damaged_models(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    rng = random.Random(1)
    for bit in (
        *(rng.randrange(header_bits(whole)) for _ in range(60)),
        *(rng.randrange(8 * len(whole)) for _ in range(60)),
    ):
        path.write_bytes(flipped(whole, bit))
        refused(bit, "predict", path, "none.png", says="model.safetensors")
    for length in cuts(whole, 60, 2):
        path.write_bytes(whole[:length])
        refused(length, "evaluate", path, "digits", says="model.safetensors")
    for case in range(60):
        data = mangled(whole, rng)
        if data != whole:
            path.write_bytes(data)
            refused(case, "check", path, says="model.safetensors")


def test_missing_and_foreign_model_files(tmp_path: Path) -> None:
    refused("missing", "predict", tmp_path / "none.safetensors", "x.png", says="none.safetensors")
    refused("empty folder", "predict", tmp_path, "x.png", says="model.safetensors")
    from safetensors.numpy import save_file

    save_file({"weight": np.zeros((2, 2), np.float32)}, tmp_path / "other.safetensors")
    refused("foreign", "predict", tmp_path / "other.safetensors", "x.png", says="not one that glassnet wrote")
    for data in (b"", b"\x80\x04K\x01.", b"PK\x03\x04" + bytes(100), (2**63).to_bytes(8, "little"), b"\xff" * 5000):
        (tmp_path / "bad.safetensors").write_bytes(data)
        refused(data[:4], "predict", tmp_path / "bad.safetensors", "x.png", says="bad.safetensors")


WRONG: list[tuple[str, Any]] = [
    ("format", "other"), ("format", None), ("version", 2), ("version", "1"), ("network", "linear 5"), ("network", 3),
    ("network", "lineer"), ("network", ""),
    ("image_shape", [8, 8]), ("image_shape", [8, 8, 3]),
    ("image_shape", "8x8"), ("image_shape", [8.9, 8, 1]), ("image_shape", [8, 8, True]), ("preprocess", "standardise"),
    ("image_shape", [10**9, 10**9, 1]), ("image_shape", [-8, -8, 1]), ("image_shape", None),
    ("preprocess", 1), ("preprocess", "skale"), ("class_names", 5), ("class_names", None), ("loss", "los"),
    ("loss", []),
    ("card", 3), ("card", None), ("card", [1]), ("class_names", ["a"]), ("class_names", []),
    ("reading", "strech"), ("reading", 3), ("reading", None), ("reading", "shortest-side 9 -> centre-crop"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG, ids=[f"{n}={v}" for n, v in WRONG])
def test_a_description_that_does_not_fit(name: str, value: Any, whole: bytes, tmp_path: Path) -> None:
    """Files with a right digest whose description makes no sense."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(whole)
    description, arrays = model_file.read(path)
    model_file.write(path, {**description, name: value}, arrays)
    refused((name, value), "predict", path, "x.png", says="model.safetensors")


# Without `reading`, a picture is stretched.
@pytest.mark.parametrize("name", sorted({name for name, _ in WRONG} - {"reading"}))
def test_a_description_that_lacks_something(name: str, whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(whole)
    description, arrays = model_file.read(path)
    del description[name]
    model_file.write(path, description, arrays)
    refused((name, "missing"), "predict", path, "x.png", says="model.safetensors")


def test_arrays_that_do_not_fit(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(whole)
    description, arrays = model_file.read(path)
    for name, array in arrays.items():
        for changed in (array[:-1], array[None], np.zeros(0, np.float32), None):
            others = {key: value for key, value in arrays.items() if key != name}
            model_file.write(path, description, others if changed is None else {**others, name: changed})
            refused((name, "changed"), "predict", path, "x.png")
    model_file.write(path, description, {**arrays, "network.9.linear.weight": np.zeros((2, 2), np.float32)})
    refused("too many", "predict", path, "x.png")
    for text in ("[]", "3", "null", '"x"'):
        model_file.write(path, json.loads(text), arrays)
        refused(text, "predict", path, "x.png")


@pytest.mark.parametrize(
    ("array", "value", "says"),
    [
        ("network.1.linear.weight", np.nan, "weight of 'linear 6'.*not finite numbers"),
        ("network.5.linear.bias", np.inf, "bias of 'linear 10'.*not finite numbers"),
        ("network.2.batchnorm.mean", -np.inf, "mean of 'batchnorm'.*not finite numbers"),
        ("network.2.batchnorm.variance", -1e-3, "variance of 'batchnorm'.*below 0"),
        ("network.2.batchnorm.variance", np.nan, "variance of 'batchnorm'.*not finite numbers"),
    ],
)
def test_a_signed_model_with_impossible_numbers(
    array: str, value: float, says: str, whole: bytes, tmp_path: Path
) -> None:
    """Its digest is right, so nothing was damaged; but what it would answer is nonsense."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(whole)
    description, arrays = model_file.read(path)
    changed = arrays[array].copy()
    changed.flat[-1] = value
    model_file.write(path, description, {**arrays, array: changed})
    for command in (("predict", path, "x.png"), ("evaluate", path, "digits"), ("check", path)):
        assert re.search(says, refused(command[0], *command, says="model.safetensors"))
    model_file.write(path, description, {**arrays, array: arrays[array].astype(np.int64)})
    assert "of the type int64" in refused("whole numbers", "check", path)


def test_damaged_checkpoints_are_refused_and_left_alone(finished_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_folder, folder)
    path = folder / "checkpoint.safetensors"
    whole = path.read_bytes()
    rng = random.Random(3)
    damaged = [flipped(whole, rng.randrange(header_bits(whole))) for _ in range(25)]
    damaged += [flipped(whole, rng.randrange(8 * len(whole))) for _ in range(25)]
    damaged += [whole[:length] for length in cuts(whole, 15, 4)]
    for case, data in enumerate(damaged):
        path.write_bytes(data)
        before = contents(folder)
        refused(case, "train", "--resume", folder, says="checkpoint")
        assert contents(folder) == before, case


def test_every_flipped_bit_of_a_checkpoint_header_is_caught(finished_folder: Path, tmp_path: Path) -> None:
    whole = (finished_folder / "checkpoint.safetensors").read_bytes()
    path = tmp_path / "checkpoint.safetensors"
    rng = random.Random(5)
    bits = [*rng.sample(range(header_bits(whole)), 600), *rng.sample(range(header_bits(whole), 8 * len(whole)), 300)]
    for bit in bits:
        path.write_bytes(flipped(whole, bit))
        with pytest.raises(ModelError):
            model_file.read(path)


def test_a_checkpoint_whose_contents_do_not_fit(finished_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_folder, folder)
    path = folder / "checkpoint.safetensors"
    description, arrays = model_file.read(path)
    for name in ("identity", "progression", "callbacks", "format", "version"):
        for value in (None, 3, "x", [], {}, {"unknown": 1}):
            if (name, value) in (("callbacks", {}), ("progression", {})):
                continue  # no callback kept anything, and counters that all stand at their start
            model_file.write(path, {**description, name: value}, arrays)
            refused((name, value), "train", "--resume", folder)
    for name, value in (("epoch", "1"), ("step", -1), ("position", 1.5), ("stopped", 3), ("records", True)):
        changed = {**description["progression"], name: value}
        model_file.write(path, {**description, "progression": changed}, arrays)
        refused((name, value), "train", "--resume", folder, says="counters")
    for value in (-1, True, "1", None, 1.0):
        model_file.write(path, {**description, "callbacks": {"History": {"records": value}}}, arrays)
        refused(("records", value), "train", "--resume", folder, says="records")
    for steps in (np.array([-1]), np.array(3), np.array([3.0]), np.array([3, 4])):
        model_file.write(path, description, {**arrays, "optimizer.steps": steps})
        refused(("steps", steps), "train", "--resume", folder, says="number of steps")
    for name, array in arrays.items():
        others = {key: value for key, value in arrays.items() if key != name}
        for changed in (array[:-1], array.astype(np.float64).reshape(1, -1)):
            model_file.write(path, description, {**others, name: changed})
            refused((name, changed.shape), "train", "--resume", folder)
    model_file.write(path, description, {**arrays, "optimizer.7.linear.weight.m": np.zeros(3, np.float32)})
    refused("too many", "train", "--resume", folder)


def test_a_damaged_run_folder(finished_folder: Path, tmp_path: Path) -> None:
    for name, damage in [
        ("recipe.toml", lambda data: data[: len(data) // 2]),
        ("recipe.toml", lambda data: b"\xff" + data),
        ("recipe.toml", lambda data: data.replace(b"0.2", b"0.3", 1)),
        ("environment.json", lambda data: data[: len(data) // 2]),
        ("environment.json", lambda data: b"[]"),
        ("environment.json", lambda data: data.replace(b'"sha256": "', b'"sha256": "0', 1)),
        ("metrics.jsonl", lambda data: b""),
        ("metrics.jsonl", lambda data: b"{" + data),
        ("metrics.jsonl", lambda data: b"\xff" * 100),
    ]:
        folder = tmp_path / "run"
        shutil.copytree(finished_folder, folder)
        (folder / name).write_bytes(damage((folder / name).read_bytes()))
        before = contents(folder)
        refused(name, "train", "--resume", folder)
        assert contents(folder) == before
        shutil.rmtree(folder)


EPOCH = b'{"kind": "epoch", "epoch": 1, "step": 1, "loss": 1.0, "seconds": 1.0}\n'
NO_RECORDS = [
    (b"[1,2]\n", "line 1 is not a record"),
    (b"3\n", "line 1 is not a record"),
    (b"{}\n", "line 1 is not a record"),
    (b'{"kind": "other"}\n', "line 1 is not a record"),
    (b'{"kind": ["epoch"]}\n', "line 1 is not a record"),
    (EPOCH.replace(b'"seconds": 1.0', b'"seconds": "1"'), "line 1 has no number 'seconds'"),
    (EPOCH.replace(b'"epoch": 1', b'"epoch": true'), "line 1 has no number 'epoch'"),
    (EPOCH + b"nonsense\n" + EPOCH, "line 2 is not JSON"),
    (b"[" * 100_000 + b"\n" + EPOCH, "metrics.jsonl"),
    (b"\xff\xfe\n" + EPOCH, "line 1 is not JSON"),
]


@pytest.mark.parametrize(("written", "says"), NO_RECORDS, ids=[str(written[:30]) for written, _ in NO_RECORDS])
def test_a_history_that_is_no_history(written: bytes, says: str, finished_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_folder, folder)
    (folder / "metrics.jsonl").write_bytes(written)
    before = contents(folder)
    refused(written[:20], "train", "--resume", folder, says=says)
    assert contents(folder) == before
    with pytest.raises(GlassnetError, match=says) as caught:
        read_history(folder / "metrics.jsonl")
    assert "\n" not in str(caught.value)


def test_a_history_that_cannot_be_read(finished_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_folder, folder)
    (folder / "metrics.jsonl").unlink()
    (folder / "metrics.jsonl").mkdir()
    assert "Is a directory" in refused("folder", "train", "--resume", folder, says="metrics.jsonl")
    with pytest.raises(GlassnetError, match=r"Cannot read the history .*metrics.jsonl': Is a directory"):
        read_history(folder / "metrics.jsonl")
    (folder / "metrics.jsonl").rmdir()
    (folder / "metrics.jsonl").write_bytes(b"")
    closed = folder / "metrics.jsonl"
    closed.chmod(0)
    if not os.access(closed, os.R_OK):  # the administrator may read everything
        assert "Permission denied" in refused("closed", "train", "--resume", folder, says="metrics.jsonl")


def test_a_model_is_never_overwritten(finished_folder: Path) -> None:
    before = contents(finished_folder)
    refused("again", "train", "digits", "--out", finished_folder, says="--resume")
    refused("sweep", "train", "digits", "--sweep", "optimizer.lr=0.1", "--out", finished_folder)
    assert contents(finished_folder) == before
    with pytest.raises(GlassnetError):
        Model.load(finished_folder / "recipe.toml")
