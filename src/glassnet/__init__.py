"""glassnet: neural networks you can see through.

Three lines to a trained recogniser:

>>> import glassnet
>>> run = glassnet.fit("digits", "linear 64 -> relu -> linear", epochs=30)     # doctest: +SKIP
>>> run.evaluation.accuracy                                                    # doctest: +SKIP
0.97...
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

    characters.register_set()


plugins.announce("data sets", _sets_of_the_reader)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike

    from glassnet.data import Dataset, Preprocess, Splits
    from glassnet.data import load as load_data
    from glassnet.experiments import Run
    from glassnet.model import Model
    from glassnet.nn import Network
    from glassnet.optim import SGD, Adam
    from glassnet.reader import Page
    from glassnet.train import Trainer

# Heavy parts are imported when they are first asked for, so that `import glassnet` is quick.
_LAZY = {
    "Adam": "glassnet.optim:Adam",
    "Dataset": "glassnet.data:Dataset",
    "Model": "glassnet.model:Model",
    "Network": "glassnet.nn:Network",
    "Preprocess": "glassnet.data:Preprocess",
    "SGD": "glassnet.optim:SGD",
    "Splits": "glassnet.data:Splits",
    "Trainer": "glassnet.train:Trainer",
    "load_data": "glassnet.data:load",
}


def fit(
    data: str | Path | Dataset | Splits | tuple[ArrayLike, ArrayLike],
    model: str = "two-layer",
    *,
    preprocess: str = "scale",
    loss: str = "softmax-cross-entropy",
    optimizer: str = "adam",
    lr: float | None = None,
    out: str | Path | None = None,
    verbose: bool = False,
    **train: Any,
) -> Run:
    """Train a network on a data set; the Python side of `glassnet train`.

    Parameters
    ----------
    data : str, path, Dataset, Splits or (X, y)
        A folder, a file, the name of a known set, or the data themselves. X holds pictures, (N, H, W) or (N, H, W, C),
        uint8 in 0 ... 255 or floating point in 0 ... 1; y one label each, numbers or names. A test part (a fifth) and a
        validation part (a tenth) are held out where there are none.
    model : str
        The network, in notation or by name.
    preprocess : str
        The preprocessing, in notation.
    loss : str
        The loss, in notation.
    optimizer : str
        The optimiser's name.
    lr : float, optional
        Learning rate; None takes the optimiser's own.
    out : path, optional
        Run folder to keep everything in; None keeps nothing on disk. A run on data that were given themselves can be
        used, but not resumed: the folder does not hold them.
    verbose : bool
        Print a line per epoch.
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
    """
    from glassnet import experiments
    from glassnet.errors import RecipeError, nearest
    from glassnet.experiments.recipe import TRAIN_SETTINGS
    from glassnet.train import PlainProgress, Progress

    own = ("model", "preprocess", "loss", "optimizer", "lr", "out", "verbose")
    for name in train:
        if name not in TRAIN_SETTINGS:
            known = (*own, *TRAIN_SETTINGS)
            raise RecipeError(f"glassnet.fit takes no '{name}'.{nearest(name, known)} Known: {', '.join(known)}.")
    rate = {} if lr is None else {"lr": lr}
    given = _splits(data)
    recipe = experiments.Recipe(
        experiments.Data(str(data) if given is None else given.name),
        experiments.ModelPart(model, preprocess, loss),
        {"name": optimizer, **rate},
        train,
    )
    splits = experiments.load_splits(recipe, given=given)
    progress = PlainProgress() if verbose else Progress()
    if out is None:
        return experiments.run_recipe(recipe, splits=splits, progress=progress)
    from glassnet.report.pages import write_run_page  # draws: Matplotlib takes its time

    return experiments.run_recipe(recipe, out, splits=splits, progress=progress, on_finish=[write_run_page])


def _splits(data: Any) -> Splits | None:
    """Data that are given themselves; None for a folder, file or name."""
    from glassnet.data import Dataset, Splits
    from glassnet.errors import DataError

    if isinstance(data, Splits):
        return data
    if isinstance(data, Dataset):
        return Splits(data)
    if not isinstance(data, (tuple, list)):
        return None
    if len(data) != 2:
        raise DataError(f"Arrays are given as a pair (X, y) of pictures and labels. Got {len(data)} of them.")
    return Splits(_dataset(*data))


def _dataset(images: ArrayLike, labels: ArrayLike) -> Dataset:
    """Pictures with labels that are numbers or names of any kind."""
    import numpy as np

    from glassnet.data import Dataset
    from glassnet.errors import DataError

    pictures, given = np.asarray(images), np.asarray(labels)
    if pictures.ndim == 3:
        pictures = pictures[..., None]
    if pictures.ndim != 4:
        raise DataError(
            f"X must hold pictures, (N, H, W) or (N, H, W, C). Got an array {pictures.shape}; rows of features are for"
            " glassnet.classic.NetworkClassifier."
        )
    if given.ndim != 1 or given.dtype.kind not in "biuUO":
        raise DataError(f"y must hold one whole number or name for each picture. Got {given.dtype} {given.shape}.")
    names, numbers = np.unique(given.astype(str) if given.dtype.kind == "O" else given, return_inverse=True)
    return Dataset(pictures, numbers, tuple(map(str, names)), name="arrays")


def load(path: str | Path) -> Model:
    """The model of a model file or a run folder."""
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
    """
    from glassnet import imagenet

    return imagenet.pretrained(name, weights)


def read(picture: Any, **settings: Any) -> Page:
    """The text of a photographed, hand-printed page; `glassnet.reader.read` says what may be set."""
    from glassnet import reader

    return reader.read(picture, **settings)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        from importlib.metadata import version

        return version("glassnet")
    if name not in _LAZY:
        raise AttributeError(f"module 'glassnet' has no attribute '{name}'")
    module, _, attribute = _LAZY[name].partition(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__"})
