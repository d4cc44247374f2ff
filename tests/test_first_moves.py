"""What people try first in Python."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import glassnet
from glassnet import data, optim
from glassnet.errors import DataError, RecipeError


def _pictures(n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Dark and bright pictures."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    return (rng.integers(0, 100, (n, 5, 4)) + 150 * labels[:, None, None]).astype(np.uint8), labels


@pytest.mark.parametrize("names", [None, ("dark", "bright")])
def test_fit_takes_arrays(names: tuple[str, str] | None) -> None:
    pictures, labels = _pictures()
    y = labels if names is None else np.array(names)[labels]
    run = glassnet.fit((pictures, y), "linear", epochs=20, lr=0.05)
    assert run.evaluation is not None and run.evaluation.accuracy == 1
    assert set(run.model.class_names) == set(names or ("0", "1"))
    assert (len(run.splits.train), len(run.splits.valid), len(run.splits.test)) == (43, 5, 12)  # type: ignore[arg-type]


def test_every_way_to_give_the_same_data_trains_the_same_network() -> None:
    pictures, labels = _pictures()
    dataset = glassnet.Dataset(pictures[..., None], labels, ("0", "1"), name="arrays")
    weights = [
        glassnet.fit(given, "linear", epochs=2).model.network.parameters()
        for given in ((pictures, labels), [pictures, labels.tolist()], dataset, glassnet.Splits(dataset))
    ]
    for other in weights[1:]:
        for name, parameter in weights[0].items():
            np.testing.assert_array_equal(parameter.value, other[name].value)


def test_parts_that_are_given_stay_as_they_are() -> None:
    splits = glassnet.load_data("digits")
    assert splits.test is not None
    run = glassnet.fit(splits, "linear", epochs=1)
    np.testing.assert_array_equal(run.splits.test.images, splits.test.images)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((np.zeros((9, 8, 8)), np.zeros((9, 2))), "one label for each example"),
        ((np.zeros((9, 8, 8)), np.linspace(0, 1, 9)), "numbers with a fraction"),
        ((np.zeros((9, 8, 8)), np.arange(8)), "9 images but 8 labels"),
        ((np.zeros((9, 8, 8)),), "Got 1 of them"),
        ("nowhere", "nowhere"),
        (np.zeros((9, 8, 8)), "a pair"),
    ],
)
def test_wrong_data_are_refused(given: object, says: str) -> None:
    with pytest.raises(DataError, match=says):
        glassnet.fit(given, "linear")  # type: ignore[arg-type]


def test_two_positional_arrays_are_explained() -> None:
    pictures, labels = _pictures()
    with pytest.raises(RecipeError, match=r"arrays are given as a pair: fit\(\(X, y\), ") as error:
        glassnet.fit(pictures, labels)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    with pytest.raises(RecipeError, match=r"network\.notation\(\)"):
        glassnet.fit("digits", glassnet.Network("linear 10", (8, 8, 1)))  # type: ignore[arg-type]


def test_what_is_held_out_can_be_chosen() -> None:
    splits = glassnet.fit(_pictures(), "linear", epochs=1, validation=10, test=0).splits
    assert (len(splits.train), splits.valid and len(splits.valid), splits.test) == (50, 10, None)


def test_the_rooms_are_there_to_be_completed() -> None:
    assert {"Network", "actions", "classic", "data", "fit"} <= set(dir(glassnet))
    assert not {name for name in dir(glassnet) if name.startswith("_")} - {"__version__"}
    assert not {"Any", "TYPE_CHECKING", "annotations", "compiling"} & set(dir(glassnet))
    assert {"evaluate", "predict"} <= set(dir(glassnet.actions))
    assert glassnet.actions.evaluate.evaluate is importlib.import_module("glassnet.actions.evaluate").evaluate
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        glassnet.actions.nothing  # noqa: B018


CONSUMER = """
import numpy as np

import glassnet
from glassnet.classic import NetworkClassifier

pictures = np.zeros((30, 8, 8), np.uint8)
run: glassnet.Run = glassnet.fit((pictures, ["a", "b", "c"] * 10), "linear", epochs=1, verbose=False)
share: float = run.model.score(pictures.tolist(), ["a"])
table: str = glassnet.load("model.safetensors").network.summary()
splits: glassnet.Splits = glassnet.data.load("digits")
text: str = glassnet.read("page.jpg").text
version: str = glassnet.__version__
NetworkClassifier(max_iter=3).fit(pictures, pictures).predict(pictures)
glassnet.fit("digits", lr="fast")
"""


def test_type_checkers_see_the_package(tmp_path: Path) -> None:
    (tmp_path / "consumer.py").write_text(CONSUMER, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", str(tmp_path / "consumer.py")]
    found = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    errors = [line for line in found.stdout.splitlines() if "error:" in line]
    assert len(errors) == 1 and "incompatible type" in errors[0] and '"lr"' in errors[0], found.stdout + found.stderr


def test_the_names_at_the_top() -> None:
    assert glassnet.Adam is optim.Adam and glassnet.SGD is optim.SGD and glassnet.load_data is data.load
    assert glassnet.Preprocess is data.Preprocess
    assert set(glassnet.__all__) <= set(dir(glassnet)) and "__version__" in dir(glassnet)
    for name in dir(glassnet):
        getattr(glassnet, name)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        glassnet.Nothing  # noqa: B018


def test_the_version_is_written_once() -> None:
    assert glassnet.__version__ == importlib.metadata.version("glassnet")
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    written = f'"{project["version"]}"'
    places = [file for file in Path(glassnet.__file__).parent.rglob("*.py") if written in file.read_text("utf-8")]
    assert not places


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, glassnet; print([m for m in ('numpy', 'numba', 'importlib.metadata') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_prediction_waits_for_no_library_that_it_does_not_use() -> None:
    code = (
        "import sys, numpy, glassnet.cli.predict, glassnet.actions.predict as action\n"
        "from glassnet.model import Model; from glassnet.nn import Network, SoftmaxCrossEntropy\n"
        "from glassnet.data import Preprocess\n"
        "model = Model(Network('linear 2', (2, 2, 1)), Preprocess(), (2, 2, 1), ('a', 'b'), SoftmaxCrossEntropy())\n"
        "model.predict_proba(numpy.zeros((2, 2), numpy.uint8))\n"
        "slow = ('scipy.linalg', 'scipy.stats', 'scipy.optimize', 'sklearn', 'matplotlib', 'torch', 'onnx', 'av')\n"
        "print([name for name in slow if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
