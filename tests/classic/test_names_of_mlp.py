"""`NetworkClassifier` under the names that scikit-learn's MLPClassifier has for its parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from glassnet.classic import NetworkClassifier

X, Y = load_iris(return_X_y=True)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"hidden_layer_sizes": (8, 4)}, {"network": "linear 8 -> relu -> linear 4 -> relu -> linear"}),
        ({"hidden_layer_sizes": 8, "activation": "logistic"}, {"network": "linear 8 -> sigmoid -> linear"}),
        ({"hidden_layer_sizes": [8], "activation": "identity"}, {"network": "linear 8 -> linear"}),
        ({"hidden_layer_sizes": ()}, {"network": "linear"}),
        ({"activation": "tanh"}, {"network": "linear 64 -> tanh -> linear"}),
        ({"max_iter": 3}, {"epochs": 3}),
        ({"batch_size": 40}, {"batch": 40}),
        ({"batch_size": "auto"}, {}),
        ({"learning_rate_init": 0.02}, {"lr": 0.02}),
        ({"alpha": 5.0, "batch_size": 50}, {"l2": 0.1, "batch": 50}),
        ({"alpha": 15.0}, {"l2": 0.1}),  # a step has all 150 examples
        ({"early_stopping": True, "n_iter_no_change": 1}, {"early_stopping": True, "patience": 1}),
    ],
)
def test_both_names_train_the_same_network(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    short = {"epochs": 6} if "max_iter" not in theirs else {}
    a = clone(NetworkClassifier(**theirs, **short, random_state=0)).fit(X, Y)
    b = NetworkClassifier(**{**short, **ours}, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))
    assert a.n_iter_ == b.n_iter_


def test_the_penalty_and_the_solver_have_an_effect() -> None:
    weights = [
        NetworkClassifier(**given, lr=0.1, epochs=50, random_state=0).fit(X, Y).network_.arrays()["1.linear.weight"]
        for given in ({}, {"alpha": 150.0}, {"solver": "sgd"})
    ]
    assert np.square(weights[1]).sum() < 0.5 * np.square(weights[0]).sum()
    assert np.abs(weights[2] - weights[0]).max() > 0.01


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"epochs": 5, "max_iter": 7}, "epochs and max_iter are two names .* epochs=5 and max_iter=7"),
        ({"batch": 5, "batch_size": 7}, "batch and batch_size"),
        ({"lr": 0.5, "learning_rate_init": 0.7}, "lr and learning_rate_init"),
        ({"l2": 0.5, "alpha": 0.7}, "l2 and alpha"),
        ({"patience": 5, "n_iter_no_change": 7}, "patience and n_iter_no_change"),
        ({"network": "linear", "hidden_layer_sizes": (3,)}, "network and hidden_layer_sizes"),
        ({"network": "linear", "activation": "tanh"}, "network and activation"),
        ({"solver": "lbfgs"}, "solver must be 'adam' or 'sgd'"),
        ({"activation": "swish"}, "activation must be one of"),
        ({"hidden_layer_sizes": (0,)}, "whole numbers from 1"),
        ({"hidden_layer_sizes": "100"}, "whole numbers from 1"),
        ({"max_iter": 0}, "max_iter must be at least 1"),
        ({"batch_size": "large"}, "batch_size must be at least 1"),
    ],
)
def test_what_cannot_be_meant_is_one_line(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        NetworkClassifier(**given).fit(X, Y)
    assert "\n" not in str(error.value)


def test_a_search_over_their_names() -> None:
    grid = {"hidden_layer_sizes": [(1,), (16,)], "learning_rate_init": [1e-9, 0.05]}
    search = GridSearchCV(NetworkClassifier(max_iter=60, random_state=0), grid, cv=2).fit(X, Y)
    assert search.best_score_ > 0.9 and search.best_params_["learning_rate_init"] == 0.05


def test_it_can_be_watched(capsys: pytest.CaptureFixture[str]) -> None:
    NetworkClassifier(max_iter=2, random_state=0).fit(X, Y)
    assert capsys.readouterr().out == ""
    NetworkClassifier(max_iter=2, verbose=True, random_state=0).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("epoch")] == ["1/2", "2/2"]
