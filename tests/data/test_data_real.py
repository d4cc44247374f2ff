"""The real data sets, where they are at hand."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from glassnet.data import Dataset, Preprocess, find, load
from support.data_files import needs_real_data

pytestmark = needs_real_data


def there(name: str, **options: object) -> tuple[Dataset, Dataset | None, Dataset | None]:
    if find(name) is None:
        pytest.skip(f"'{name}' is not in GLASSNET_DATA")
    parts = load(name, **options)  # type: ignore[arg-type]
    return parts.train, parts.valid, parts.test


def test_mnist() -> None:
    train, _, test = there("mnist")
    assert len(train) == 60000 and test is not None and len(test) == 10000
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4] and test.labels[:4].tolist() == [7, 2, 1, 0]
    steps = Preprocess.parse("standardise").fit(train.images)
    assert abs(steps.arrays()["2.standardise.mean"][0] - 0.1307) < 1e-4
    assert abs(steps.arrays()["2.standardise.std"][0] - 0.3081) < 1e-4
    assert len(hashlib.sha256(train.images.tobytes()).hexdigest()) == 64


def test_cifar10() -> None:
    train, _, test = there("cifar10")
    assert len(train) == 50000 and test is not None and test.counts().tolist() == [1000] * 10
    assert train.counts().tolist() == [5000] * 10 and train.image_shape == (32, 32, 3)
    # Natural pictures: neighbours are alike along both axes, and so are the colour planes. A wrong order breaks that.
    x = train.images[:500].astype(float)
    for a, b in ((x[:, 1:], x[:, :-1]), (x[:, :, 1:], x[:, :, :-1]), (x[..., 0], x[..., 1])):
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.85


def test_nist26() -> None:
    train, _, _ = there("nist26")
    assert train.image_shape == (32, 32, 1) and train.class_names[0] == "A" and (train.counts() > 0).all()
    # Upright: an L has its bar at the bottom, a T at the top.
    dark = [(1.0 - train.images[train.labels == k, :, :, 0]).mean(axis=(0, 2)) for k in (11, 19)]
    assert dark[0][16:].sum() > 1.2 * dark[0][:16].sum() and dark[1][:16].sum() > 1.1 * dark[1][16:].sum()


def test_letters36() -> None:
    train, valid, test = there("letters36")
    assert valid is not None and test is not None and (len(train), len(valid), len(test)) == (4340, 620, 1240)
    assert train.counts().tolist() == [140] * 26 + [70] * 10
    assert np.median(train.images) == 255 and 0.08 < (train.images < 128).mean() < 0.2
    assert (train.images.min(axis=(1, 2, 3)) < 60).mean() > 0.99  # next to none is without ink


def test_flowers17_and_sun8() -> None:
    train, valid, test = there("flowers17", image_size=(24, 24))
    assert valid is not None and test is not None and train.image_shape == (24, 24, 3)
    assert (train.counts() == 40).all() and (valid.counts() == 20).all() and (test.counts() == 20).all()
    train, _, test = there("sun8", image_size=(16, 16))
    assert len(train) == 1440 and test is not None and len(test) == 160 and train.class_names[-1] == "windmill"
