"""Features kept on the disk: found again by content alone, never another's, within a limit, and never in the way."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet import Dataset, Network, Preprocess, Trainer
from glassnet.engines.feature_cache import FeatureCache
from glassnet.engines.fine_tune import FineTuneEngine
from glassnet.experiments import recipe_for, run_recipe
from glassnet.nn import SoftmaxCrossEntropy
from glassnet.optim import SGD
from glassnet.train.feed import Feed

NETWORK = "conv 3x3, 4, pad 1 -> relu -> flatten -> linear 3"
SHAPE = (6, 6, 1)
ABOUT = {"name": "native"}


def examples(pixel: int = 0, count: int = 20) -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, (count, *SHAPE)).astype(np.uint8)
    images[3, 2, 1, 0] = pixel
    return Dataset(images, np.arange(count) % 3, ("a", "b", "c"))


def feed(pixel: int = 0, preprocess: str = "", fitted_on: int = 0) -> Feed:
    steps = Preprocess.parse(preprocess).fit(examples(fitted_on).images)
    return Feed(examples(pixel), steps)


def train(cache: FeatureCache | None, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    """The digest of the trained model, and for how many pictures features were computed."""
    made = FineTuneEngine(
        Network(NETWORK, SHAPE, seed=2), SoftmaxCrossEntropy(), SGD(0.1), first=None, head_epochs=2, cache=cache
    )
    computed: list[int] = []
    compute = made.features

    def counted(x: np.ndarray) -> np.ndarray:
        computed.append(len(x))
        return compute(x)

    monkeypatch.setattr(made, "features", counted)
    model = Trainer(engine=made, epochs=2, batch=5).fit(examples(), examples(9))
    return model.sha256, sum(computed)


def test_a_second_training_computes_no_features_and_ends_in_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = train(None, monkeypatch)
    first = train(FeatureCache(tmp_path), monkeypatch)
    second = train(FeatureCache(tmp_path), monkeypatch)
    assert without == first and first[1] == 40, "20 to train on and 20 to compare epochs on"
    assert second == (first[0], 0)
    assert len(list(tmp_path.iterdir())) == 2


def test_whatever_features_follow_from_has_a_name_of_its_own() -> None:
    body = Network("conv 3x3, 4 -> relu", SHAPE, seed=1)
    moved = Network("conv 3x3, 4 -> relu", SHAPE, seed=1)
    next(iter(moved.parameters().values())).value.reshape(-1)[-1] += 1e-6
    cache, plain = FeatureCache(None, lambda: {"threads": 1}), feed().digest
    names = [
        cache.key(plain, body, ABOUT),
        cache.key(plain, moved, ABOUT),
        cache.key(plain, Network("conv 3x3, 4 -> sigmoid", SHAPE, seed=1), ABOUT),
        cache.key(plain, body.astype(np.float64), ABOUT),
        cache.key(plain, body, {"name": "torch"}),
        cache.key(feed(pixel=1).digest, body, ABOUT),
        cache.key(feed(preprocess="standardise").digest, body, ABOUT),
        cache.key(feed(preprocess="standardise", fitted_on=200).digest, body, ABOUT),
        FeatureCache(None, lambda: {"threads": 2}).key(plain, body, ABOUT),
    ]
    assert len(set(names)) == len(names)
    assert cache.key(feed().digest, Network("conv 3x3, 4 -> relu", SHAPE, seed=1), ABOUT) == names[0]


def test_files_used_longest_ago_make_room(tmp_path: Path) -> None:
    features = np.arange(100, dtype=np.float32)
    cache = FeatureCache(tmp_path, limit=1200)  # two files of 400 bytes and their headers
    for number, name in enumerate(("a", "b")):
        cache.put(name, features + number)
        os.utime(tmp_path / f"{name}.npy", (number, number))
    np.testing.assert_array_equal(cache.get("a", 100), features)
    cache.put("c", features)
    assert {path.stem for path in tmp_path.iterdir()} == {"a", "c"}, "a was read after b"
    cache.put("d", np.zeros(1000, np.float32))
    assert {path.stem for path in tmp_path.iterdir()} == {"a", "c"}, "what is above the limit by itself is not kept"


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"no array at all", None])
def test_a_file_that_cannot_be_read_is_computed_anew(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = FeatureCache(tmp_path)
    right = train(cache, monkeypatch)
    for path in tmp_path.iterdir():
        if content is None:  # the features of one picture too few
            np.save(path, np.load(path)[:-1])
        else:
            path.write_bytes(content)
    assert train(cache, monkeypatch) == right
    assert train(cache, monkeypatch) == (right[0], 0)


def test_a_folder_that_cannot_be_made_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("here", encoding="utf-8")
    cache = FeatureCache(tmp_path / "file" / "features")
    assert train(cache, monkeypatch) == train(None, monkeypatch)


def test_where_a_users_features_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folders: list[Any] = []
    for value in ("off", "", str(tmp_path / "mine")):
        monkeypatch.setenv("GLASSNET_FEATURES", value)
        folders.append(FeatureCache.of_user(dict).folder)
    assert folders == [None, tmp_path / "glassnet" / "features", tmp_path / "mine"]


def test_recipes_keep_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = {"data.train_limit": 60, "data.validation": 20, "train.epochs": 2, "train.threads": 1}
    scratch = run_recipe(recipe_for("digits", {**digits, "model.network": "linear 5 -> relu -> linear"}))
    scratch.model.save(tmp_path / "start.safetensors")
    monkeypatch.setenv("GLASSNET_FEATURES", str(tmp_path / "features"))
    recipe = recipe_for("digits", {**digits, "start.model": str(tmp_path / "start.safetensors"), "start.freeze": "all"})
    first = run_recipe(recipe)
    monkeypatch.setattr(FineTuneEngine, "features", None)  # a second training calls nothing to compute them
    assert run_recipe(recipe).model.sha256 == first.model.sha256
    assert len(list((tmp_path / "features").iterdir())) == 2, "those to train on and those to compare epochs on"
