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

__all__ = ["Model", "Network", "Trainer", "fit", "load", "pretrained", "read"]
__version__ = "0.1.0"

compiling.choose_cache()  # before anything imports Numba


def _sets_of_the_reader() -> None:
    from glassnet.reader import characters

    characters.register_set()


plugins.announce("data sets", _sets_of_the_reader)

if TYPE_CHECKING:
    from pathlib import Path

    from glassnet.experiments import Run
    from glassnet.model import Model
    from glassnet.nn import Network
    from glassnet.reader import Page
    from glassnet.train import Trainer


def fit(
    data: str | Path,
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
    data : folder, file or name of a known set
    model, preprocess, loss, optimizer : as a recipe's `[model]` and `[optimizer]` parts
    lr : learning rate; None takes the optimiser's own
    out : run folder to keep everything in; None keeps nothing on disk
    verbose : print a line an epoch
    **train : the settings of a recipe's `[train]` part (epochs, batch, schedule, augment, l2, seed, ...)

    Returns
    -------
    Run : with `model`, `history`, `evaluation` (test figures) and `files`

    Raises
    ------
    GlassnetError : whatever is wrong, in one line
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
    recipe = experiments.Recipe(
        experiments.Data(str(data)),
        experiments.ModelPart(model, preprocess, loss),
        {"name": optimizer, **rate},
        train,
    )
    progress = PlainProgress() if verbose else Progress()
    if out is None:
        return experiments.run_recipe(recipe, progress=progress)
    from glassnet.report.pages import write_run_page  # draws: Matplotlib takes its time

    return experiments.run_recipe(recipe, out, progress=progress, on_finish=[write_run_page])


def load(path: str | Path) -> Model:
    """The model of a model file or a run folder."""
    from glassnet.model import Model

    return Model.load(path)


def pretrained(name: str, weights: str | Path | None = None) -> Model:
    """A network trained on ImageNet (`squeezenet-1.1`, `resnet-50`, ...), from weights on this machine.

    weights : a safetensors file under torchvision's parameter names; without one, that of the data folder. Nothing is
    downloaded. Raises `GlassnetError`; see `glassnet.imagenet.pretrained`.
    """
    from glassnet import imagenet

    return imagenet.pretrained(name, weights)


def read(picture: Any, **settings: Any) -> Page:
    """The text of a photographed, hand-printed page; `glassnet.reader.read` says what may be set."""
    from glassnet import reader

    return reader.read(picture, **settings)


def __getattr__(name: str) -> Any:
    # Heavy parts are imported when they are first asked for, so that `import glassnet` is quick.
    if name == "Network":
        from glassnet.nn import Network

        return Network
    if name == "Model":
        from glassnet.model import Model

        return Model
    if name == "Trainer":
        from glassnet.train import Trainer

        return Trainer
    raise AttributeError(f"module 'glassnet' has no attribute '{name}'")
