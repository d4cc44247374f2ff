"""Model files: everything comes back, equal models give equal files, readers never see half a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from glassnet.data import Dataset, Preprocess
from glassnet.errors import DataError, ModelError
from glassnet.model import Model
from glassnet.nn import Network, SquaredError, model_file, parse_loss

ARRAYS = st.dictionaries(
    st.text("abc.1", min_size=1, max_size=6),
    arrays_of.arrays(
        st.sampled_from([np.float32, np.float64, np.int64, np.uint8]), arrays_of.array_shapes(min_dims=0, min_side=0)
    ),
    max_size=4,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), ARRAYS)
def test_any_description_and_arrays_come_back(
    tmp_path_factory: pytest.TempPathFactory, description: dict[str, object], arrays: dict[str, np.ndarray]
) -> None:
    path = tmp_path_factory.mktemp("file") / "x.safetensors"
    digest = model_file.write(path, description, arrays)
    assert len(digest) == 64
    got, back = model_file.read(path)
    assert got == json.loads(json.dumps(description))
    assert set(back) == set(arrays)
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype and back[name].shape == array.shape
        assert back[name].tobytes() == array.tobytes()
    first = path.read_bytes()
    for _ in range(3):  # the same contents are the same bytes
        model_file.write(path, description, dict(reversed(arrays.items())))
        assert path.read_bytes() == first


def test_other_safetensors_readers_read_it(tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.numpy import load_file

    weight = np.arange(6, dtype=np.float32).reshape(2, 3)
    digest = model_file.write(tmp_path / "m.safetensors", {"format": "é"}, {"w": weight, "b": np.zeros(3)})
    np.testing.assert_array_equal(load_file(tmp_path / "m.safetensors")["w"], weight)
    with safe_open(tmp_path / "m.safetensors", "np") as file:
        assert file.metadata() == {"glassnet": json.dumps({"format": "é"}), "sha256": digest}
    content = (tmp_path / "m.safetensors").read_bytes()
    assert int.from_bytes(content[:8], "little") % 8 == 0


NETWORK = "linear 7 -> batchnorm -> relu -> dropout 0.3 -> linear"


def model(loss: str = "softmax-cross-entropy, smoothing 0.1") -> Model:
    images = np.random.default_rng(0).integers(0, 256, (20, 6, 5, 3), np.uint8)
    preprocess = Preprocess.parse("scale -> standardise").fit(images)
    network = Network(NETWORK, (6, 5, 3), 4, seed=2)
    rng = np.random.default_rng(1)
    for array in network.arrays().values():  # running moments included
        array[...] = rng.random(array.shape)
    names = ("a", "b", "é", "数")
    return Model(network, preprocess, (6, 5, 3), names, parse_loss(loss), {"data": "none", "accuracy": 0.5})


def test_a_model_comes_back_whole(tmp_path: Path) -> None:
    ours = model()
    ours.save(tmp_path / "m.safetensors")
    back = Model.load(tmp_path / "m.safetensors")
    assert back.network.notation() == ours.network.notation()
    assert (back.image_shape, back.class_names, back.card) == (ours.image_shape, ours.class_names, ours.card)
    assert back.loss.notation() == ours.loss.notation()
    assert back.preprocess.notation() == ours.preprocess.notation()
    images = np.random.default_rng(3).integers(0, 256, (300, 6, 5, 3), np.uint8)
    np.testing.assert_array_equal(back.scores(images), ours.scores(images))
    probabilities = back.predict_proba(images)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    before = (tmp_path / "m.safetensors").read_bytes()
    back.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == before
    assert Model.load(tmp_path / "m.safetensors").predict_proba(images[:0]).shape == (0, 4)


def test_models_refuse_what_does_not_fit(tmp_path: Path) -> None:
    ours = model()
    with pytest.raises(DataError, match="takes pictures of shape"):
        ours.scores(np.zeros((2, 5, 6, 3), np.uint8))
    images, labels = np.zeros((4, 6, 5, 3), np.uint8), np.arange(4)
    with pytest.raises(DataError, match="Class 2 of the data is 'e'"):
        ours.evaluate(Dataset(images, labels, ("a", "b", "e", "数")))
    with pytest.raises(DataError, match="5 classes, the model 4"):
        ours.evaluate(Dataset(images, labels, ("a", "b", "c", "d", "e")))
    ours.loss = SquaredError()
    with pytest.raises(ModelError, match="no classes"):
        ours.evaluate(Dataset(images, labels, ours.class_names))


def test_a_folder_is_read_by_its_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model\.safetensors"):
        Model.load(tmp_path)
    model().save(tmp_path / "model.safetensors")
    assert Model.load(tmp_path).class_names == ("a", "b", "é", "数")
