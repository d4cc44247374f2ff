"""Layer cards."""

from __future__ import annotations

import json

import pytest

from glassnet.check import layer_card
from glassnet.errors import CheckError, NotationError
from glassnet.nn import Sigmoid


@pytest.mark.parametrize(
    "word", ["linear", "linear 3", "relu", "sigmoid", "tanh", "dropout 0.3", "batchnorm", "flatten"]
)
def test_card_of_every_layer(word: str) -> None:
    card = layer_card(word)
    assert card.passed and "right" in str(card)
    assert "input" in card.errors and max(card.errors.values()) < 1e-6
    assert card.formula in str(card)
    assert json.loads(json.dumps(card.to_dict()))["passed"] is True


def test_card_of_a_wrong_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Sigmoid.backward
    monkeypatch.setattr(Sigmoid, "backward", lambda self, dy, **options: 2 * original(self, dy, **options))
    card = layer_card("sigmoid")
    assert not card.passed and "WRONG" in str(card)


def test_unknown_word() -> None:
    with pytest.raises(CheckError, match="Did you mean 'relu'"):
        layer_card("rellu")
    with pytest.raises(CheckError):
        layer_card("")
    with pytest.raises(NotationError):
        layer_card("dropout 2")
