"""glassnet: neural networks you can see through.

Three lines to a trained recogniser:

>>> import glassnet
>>> run = glassnet.fit("digits", "linear 64 -> relu -> linear", epochs=30)
>>> run.evaluation.accuracy
0.9...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glassnet import compiling, plugins

__all__ = [
    "SGD",
    "Adam",
    "Dataset",
    "Model",
    "Network",
    "Preprocess",
    "Run",
    "Splits",
    "Trainer",
    "fit",
    "load",
    "load_data",
    "pretrained",
    "read",
]

compiling.choose_cache()  # before anything imports Numba


def _sets_of_the_reader() -> None:
    from glassnet.reader import characters
    from glassnet.reader.lines import training

    characters.register_set()
    training.register_set()


def _faults_of_the_clinic() -> None:
    from glassnet.clinic import faults

    faults.register()


plugins.announce("data sets", _sets_of_the_reader)
plugins.announce("faults", _faults_of_the_clinic)

if TYPE_CHECKING:
    from pathlib import Path

    from glassnet import actions as actions
    from glassnet import attack as attack
    from glassnet import autodiff as autodiff
    from glassnet import check as check
    from glassnet import classic as classic
    from glassnet import clinic as clinic
    from glassnet import data as data
    from glassnet import doctor as doctor
    from glassnet import errors as errors
    from glassnet import experiments as experiments
    from glassnet import explain as explain
    from glassnet import filters as filters
    from glassnet import imagenet as imagenet
    from glassnet import interop as interop
    from glassnet import metrics as metrics
    from glassnet import nn as nn
    from glassnet import optim as optim
    from glassnet import reader as reader
    from glassnet import report as report
    from glassnet import train as train
    from glassnet.data import Dataset, Preprocess, Splits
    from glassnet.data import load as load_data
    from glassnet.experiments import Run
    from glassnet.model import Model
    from glassnet.nn import Network
    from glassnet.optim import SGD, Adam
    from glassnet.reader import Page
    from glassnet.train import Trainer

    __version__: str

# Heavy parts are imported when they are first asked for, so that `import glassnet` is quick.
_LAZY = {
    "Adam": "glassnet.optim:Adam",
    "Dataset": "glassnet.data:Dataset",
    "Model": "glassnet.model:Model",
    "Network": "glassnet.nn:Network",
    "Preprocess": "glassnet.data:Preprocess",
    "Run": "glassnet.experiments:Run",
    "SGD": "glassnet.optim:SGD",
    "Splits": "glassnet.data:Splits",
    "Trainer": "glassnet.train:Trainer",
    "load_data": "glassnet.data:load",
}
_ROOMS = (
    "actions", "attack", "autodiff", "check", "classic", "clinic", "data", "doctor", "errors", "experiments", "explain",
    "filters", "imagenet", "interop", "metrics", "nn", "optim", "reader", "report", "train",
)  # fmt: skip


def fit(
    data: str | Path | Dataset | Splits | tuple[Any, Any],
    model: str = "",
    *,
    start: str | Path | None = None,
    freeze: str | None = None,
    preprocess: str | None = None,
    loss: str = "",
    optimizer: str = "",
    lr: float | None = None,
    validation: float | None = None,
    test: float | None = None,
    out: str | Path | None = None,
    verbose: bool | None = None,
    engine: str | None = None,
    device: str | None = None,
    compile: bool | None = None,
    amp: bool | None = None,
    **train: Any,
) -> Run:
    """Train a network on a data set; the Python side of `glassnet train`.

    Parameters
    ----------
    data : str, path, Dataset, Splits or (X, y)
        A folder, a file, the name of a known set, or the data themselves. X holds rows of features, (N, d), or
        pictures, (N, H, W) or (N, H, W, C), of whole numbers in 0 ... 255 or floats in 0 ... 1: an array, a list or a
        data frame. y holds a label each: whole numbers, text, truth values or categories.
    model : str
        The network, in notation or by name; "" chooses one for the data, with its settings
        (`glassnet.experiments.defaults`).
    start : str or path, optional
        A trained model to start from, in the place of a network: a model file, a run folder or a pretrained network.
    freeze : str, optional
        What stays as it is of that model: "all" but the head, all "stages" but the last (the default), or "none".
    preprocess : str, optional
        The preprocessing, in notation. None is "scale" (pixels to 0 ... 1) for pictures, and "scale -> standardise" for
        rows, which takes every feature to mean 0 and deviation 1.
    loss : str
        The loss, in notation; "" is the softmax cross-entropy.
    optimizer : str
        The optimiser's name; "" is Adam, or what is chosen with the network.
    lr : float, optional
        Learning rate; None takes the optimiser's own.
    validation : float or int, optional
        How much to hold out for validation: a share, a count, or 0 for none. None: the set's own part, else a tenth.
    test : float or int, optional
        How much to hold out for test where the set has no test part of its own; None: a fifth.
    out : path, optional
        Run folder to keep everything in; None keeps nothing on disk. A run on data that were given themselves can be
        used, but not resumed: the folder does not hold them.
    verbose : bool, optional
        True prints a line per epoch, False shows nothing; None shows a live bar in notebooks and nothing elsewhere.
    engine : str, optional
        What computes: "native", our own engine (the default), or "torch".
    device : str, optional
        Where PyTorch computes: "cpu" (the default), "cuda", "cuda:1" or "mps".
    compile : bool, optional
        Whether PyTorch compiles the network first.
    amp : bool, optional
        Whether PyTorch computes in mixed precision.
    **train : object
        The settings of a recipe's `[train]` part (epochs, batch, schedule, augment, l2, seed, ...).

    Returns
    -------
    Run
        With `model`, `history`, `evaluation` (test figures) and `files`.

    Raises
    ------
    GlassnetError
        Whatever is wrong, in one line.

    Examples
    --------
    >>> import glassnet
    >>> run = glassnet.fit("digits", "linear 32 -> relu -> linear", epochs=3, verbose=False)
    >>> run.evaluation.accuracy > 0.5
    True
    """
    from glassnet import experiments
    from glassnet.errors import NotationError, RecipeError, nearest
    from glassnet.experiments.recipe import TRAIN_SETTINGS
    from glassnet.train import progress_in_python

    own = (
        "model", "start", "freeze", "preprocess", "loss", "optimizer", "lr", "validation", "test", "out", "verbose",
        "engine", "device", "compile", "amp",
    )  # fmt: skip
    for name in train:
        if name not in TRAIN_SETTINGS:
            known = (*own, *TRAIN_SETTINGS)
            raise RecipeError(f"glassnet.fit takes no '{name}'.{nearest(name, known)} Known: {', '.join(known)}.")
    if not isinstance(model, str):
        raise RecipeError(_no_notation(model))
    given = _splits(data)
    if preprocess is None and start is None and given is not None:
        preprocess = _usual_preprocessing(given)
    settings = {
        "data.validation": validation,
        "data.test": test,
        "start.model": None if start is None else str(start),
        "start.freeze": freeze,
        "model.network": model or None,
        "model.preprocess": preprocess,
        "model.loss": loss or None,
        "optimizer.name": optimizer or None,
        "optimizer.lr": lr,
        "engine.name": engine,
        "engine.device": device,
        "engine.compile": compile,
        "engine.amp": amp,
        **{f"train.{name}": value for name, value in train.items()},
    }
    said = {name: value for name, value in settings.items() if value is not None}
    recipe = experiments.recipe_for(str(data) if given is None else given.name, said)
    recipe, splits = experiments.prepare(recipe, given=given)
    finish = []
    if out is not None:
        from glassnet.report.pages import write_run_page  # draws: Matplotlib takes its time

        finish.append(write_run_page)
    try:
        progress = progress_in_python(verbose)
        return experiments.run_recipe(recipe, out, splits=splits, progress=progress, on_finish=finish)
    except NotationError as error:
        if not splits.train.holds_rows:
            raise
        raise NotationError(
            f"{error} X holds rows of features; pictures are given as (N, H, W), as by X.reshape(-1, 28, 28)."
        ) from None


def _no_notation(model: Any) -> str:
    """Why the second argument of `fit` is of no use."""
    if hasattr(model, "notation"):
        return "The network is given by its notation: fit(data, network.notation()). A Trainer trains a Network itself."
    return "The network is given as text; arrays are given as a pair: fit((X, y), 'linear 64 -> relu -> linear')."


def _splits(data: Any) -> Splits | None:
    """Data that are given themselves; None for a folder, file or name."""
    from pathlib import Path

    from glassnet.data import Dataset, Splits, dataset_of
    from glassnet.errors import DataError

    if isinstance(data, Splits):
        return data
    if isinstance(data, Dataset):
        return Splits(data)
    if isinstance(data, (str, Path)):
        return None
    if not isinstance(data, (tuple, list)):
        raise DataError(
            "The data are a folder, a file, a name, a Dataset, Splits or a pair (X, y). Got an object of type"
            f" '{type(data).__name__}'."
        )
    if len(data) != 2:
        raise DataError(f"Arrays are given as a pair (X, y) of pictures and labels. Got {len(data)} of them.")
    return Splits(dataset_of(*data))


def _usual_preprocessing(splits: Splits) -> str:
    """Standardised features where there are rows of them; pixels from 0 to 1."""
    return "scale -> standardise" if splits.train.holds_rows else "scale"


def load(path: str | Path) -> Model:
    """The model of a model file or a run folder.

    Examples
    --------
    >>> import tempfile, glassnet
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = glassnet.fit("digits", "linear", epochs=1, verbose=False)
    ...     _ = run.model.save(f"{folder}/model.safetensors")
    ...     len(glassnet.load(f"{folder}/model.safetensors").class_names)
    10
    """
    from glassnet.model import Model

    return Model.load(path)


def pretrained(name: str, weights: str | Path | None = None) -> Model:
    """A network trained on ImageNet (`squeezenet-1.1`, `resnet-50`, ...), from weights on this machine.

    Parameters
    ----------
    weights : str or Path, optional
        A safetensors file under torchvision's parameter names; without one, that of the data folder. Nothing is
        downloaded.

    Raises
    ------
    GlassnetError
        As `glassnet.imagenet.pretrained` does.

    Examples
    --------
    >>> import glassnet
    >>> model = glassnet.pretrained("squeezenet-1.1")  # doctest: +SKIP
    >>> glassnet.pretrained("squeezenet-2")
    Traceback (most recent call last):
    ...
    glassnet.errors.ModelError: There are no published weights for a network 'squeezenet-2'. ...
    """
    from glassnet import imagenet

    return imagenet.pretrained(name, weights)


def read(picture: Any, **settings: Any) -> Page:
    """The text of a photographed, hand-printed page; `glassnet.reader.read` says what may be set.

    Examples
    --------
    >>> import glassnet
    >>> glassnet.read(np.full((200, 300), 255, np.uint8)).text  # an empty page
    ''
    """
    from glassnet import reader

    return reader.read(picture, **settings)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        from importlib.metadata import version

        return version("glassnet")
    if name in _ROOMS:
        return import_module(f"glassnet.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module 'glassnet' has no attribute '{name}'")
    module, _, attribute = _LAZY[name].partition(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*__all__, *_ROOMS, "__version__"})
