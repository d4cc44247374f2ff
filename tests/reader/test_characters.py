"""What the recogniser is trained on, and how an alphabet narrows what it says."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.data.catalogue import find
from glassnet.model import Model
from glassnet.reader import Recogniser, characters
from glassnet.reader.alphabet import ALPHABET, CLASSES, parse_alphabet
from glassnet.reader.characters import load_characters


@pytest.mark.skipif(
    find("letters36") is None or find("mnist") is None, reason="GLASSNET_DATA holds no characters62 or no MNIST"
)
def test_training_data_hold_equally_many_of_each_character(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_EACH": 12, "_REAL": 4, "_SCANNED": 4, "_NONE": 30, "_HANDS": 5, "_PARTS": 2}.items():
        monkeypatch.setattr(characters, name, value)
    monkeypatch.setattr("glassnet.threads.count", lambda: 1)
    written = characters.written
    monkeypatch.setattr(characters, "written", lambda rng, each: written(rng, 2))  # each is 40, which takes long
    splits = load_characters(seed=3)
    assert splits.train.images.shape[1:] == (32, 32, 1)
    assert np.bincount(splits.train.labels).tolist() == [12] * len(ALPHABET) + [30]
    assert splits.valid is not None and splits.test is not None
    assert set(np.unique(splits.valid.labels)) == set(range(len(CLASSES)))
    assert len(splits.test) == 1240


def test_the_seed_decides_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(characters, "_HANDS", 5)
    monkeypatch.setattr("glassnet.threads.count", lambda: 1)
    labels = np.array([0, 40, len(ALPHABET)] * 6)
    made, again, other = (characters._written_by_many(labels, seed) for seed in (3, 3, 4))
    assert made.shape == (18, 32, 32, 1) and made.dtype == np.uint8
    assert np.array_equal(made, again) and not np.array_equal(made, other)


@pytest.mark.parametrize(
    ("alphabet", "seen", "text"),
    [
        ("A-Z0-9", {"0": 0.4, "O": 0.3, "o": 0.3}, "0"),  # not an O because of o
        ("A-Z0-9", {"a": 0.98, "4": 0.02}, "A"),  # what is written in the other case is still that letter
        ("a-z", {"Q": 0.9, "o": 0.01}, "q"),
        ("full", {"0": 0.4, "O": 0.35, "o": 0.25}, "0"),
        ("0-9", {"O": 0.9, "0": 0.06, "6": 0.04}, "0"),
    ],
)
def test_an_alphabet_of_one_case(
    alphabet: str, seen: dict[str, float], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = np.full((1, len(CLASSES)), -20.0, np.float32)
    for character, p in seen.items():
        scores[0, CLASSES.index(character)] = np.log(p)
    monkeypatch.setattr(Model, "scores", lambda self, images: scores)
    p = Recogniser(alphabet=parse_alphabet(alphabet)).probabilities(np.zeros((1, 32, 32, 1), np.uint8))
    assert p.sum() == pytest.approx(1.0)
    assert ALPHABET[int(p[0, :-1].argmax())] == text


def test_what_the_network_is_unsure_of_it_sees_again_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    crops = rng.integers(0, 256, (3, 32, 32, 1), np.uint8)
    seen: list[np.ndarray] = []
    ways = iter([[[0.95, 0.05], [0.6, 0.4], [0.5, 0.5]], [[0.2, 0.8], [0.9, 0.1]], [[0.1, 0.9], [0.7, 0.3]]])

    def scores(self: Model, images: np.ndarray) -> np.ndarray:
        seen.append(images)
        result = np.full((len(images), len(CLASSES)), -40.0, np.float32)
        result[:, :2] = np.log(next(ways))
        return result

    monkeypatch.setattr(Model, "scores", scores)
    p = Recogniser().probabilities(crops)
    assert p[:, 0] == pytest.approx([0.95, (0.6 + 0.2 + 0.1) / 3, (0.5 + 0.9 + 0.7) / 3], abs=1e-6)
    assert [len(images) for images in seen] == [3, 2, 2]
    assert not np.array_equal(seen[1], seen[2]) and not np.array_equal(seen[1], crops[1:])


def test_a_turned_picture_shows_the_same_character_on_white(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.full((1, 32, 32, 1), 255, np.uint8)
    picture[0, 4:28, 15:17] = 0  # an upright bar
    seen: list[np.ndarray] = []

    def scores(self: Model, images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return np.zeros((len(images), len(CLASSES)), np.float32)

    monkeypatch.setattr(Model, "scores", scores)
    Recogniser().probabilities(picture)
    leans = []
    for turned in seen[1:]:
        rows, columns = np.nonzero(turned[0, :, :, 0] < 128)
        leans.append(np.rad2deg(np.arctan(np.polyfit(rows, columns, 1)[0])))
        assert turned[0, [0, 0, -1, -1], [0, -1, 0, -1], 0].tolist() == [255] * 4
    assert sorted(leans) == pytest.approx([-8, 8], abs=1.5)
    seen.clear()
    Recogniser().probabilities(picture, second_look=False)
    assert len(seen) == 1
