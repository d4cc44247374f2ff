"""Which commands there are: ours, and those of other packages.

A package adds a command by an entry point of the group `glassnet.commands`:

    [project.entry-points."glassnet.commands"]
    hello = "my_package.hello:hello"

Its object is a function with Typer's annotations, or a `typer.Typer` of several commands. A command of ours keeps its
name. A module is imported when its command is called, so that one costs nothing while another runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer

from glassnet.errors import GlassnetError, one_line

__all__ = ["COMMANDS", "GROUP", "SUMMARIES", "load", "plug_ins"]

GROUP = "glassnet.commands"

COMMANDS: dict[str, str] = {
    "demo": "glassnet.cli.demo:demo",
    "train": "glassnet.cli.train:train",
    "doctor": "glassnet.cli.doctor:doctor",
    "plant": "glassnet.cli.plant:plant",
    "lr": "glassnet.cli.lr:lr",
    "tune": "glassnet.cli.tune:tune",
    "wann": "glassnet.cli.wann:app",
    "evaluate": "glassnet.cli.evaluate:evaluate",
    "compare": "glassnet.cli.compare:compare",
    "predict": "glassnet.cli.predict:predict",
    "watch": "glassnet.cli.watch:watch",
    "look": "glassnet.cli.look:look",
    "open": "glassnet.cli.open:open_page",
    "fool": "glassnet.cli.fool:fool",
    "audit": "glassnet.cli.audit:audit",
    "filter": "glassnet.cli.filter:filter_",
    "read": "glassnet.cli.read:read",
    "synthesise": "glassnet.cli.synthesise:synthesise",
    "export": "glassnet.cli.export:export",
    "import": "glassnet.cli.import_model:import_model",
    "check": "glassnet.cli.check:check",
    "twin": "glassnet.cli.twin:twin",
    "calculus": "glassnet.cli.calculus:calculus",
    "descend": "glassnet.cli.descend:descend",
    "lesson": "glassnet.cli.lesson:lesson",
    "claims": "glassnet.cli.claims:claims",
    "bench": "glassnet.cli.bench:bench",
    "reproduce": "glassnet.cli.reproduce:reproduce",
    "classic": "glassnet.cli.classic:app",
    "data": "glassnet.cli.data:app",
    "networks": "glassnet.cli.networks:networks",
    "install-completion": "glassnet.cli.install_completion:install_completion",
}

SUMMARIES: dict[str, str] = {
    "demo": "A first look: gradients checked, a training, a page read.",
    "train": "Train a network by flags or by a recipe; sweep, resume.",
    "doctor": "What is wrong with data, a recipe, a run or a model.",
    "plant": "Recipes with a fault, to find; what the doctor finds.",
    "lr": "Find a learning rate: the range test.",
    "tune": "Search for better settings of a recipe.",
    "wann": "Networks that work whatever their one weight is.",
    "evaluate": "Accuracy, classes and confusion of a model on a set.",
    "compare": "Which run is better, and whether that is chance.",
    "predict": "What a model sees in pictures.",
    "watch": "What a model sees in every frame of a video.",
    "look": "Kernels, layers and feature maps of a model.",
    "open": "A page to draw on, look inside, read, compare.",
    "fool": "Pictures that a model takes for something else.",
    "audit": "How robust a model is: attacks, corruptions, doubts.",
    "filter": "Image processing by convolution, saved and shown.",
    "read": "Hand-printed text from photographs.",
    "synthesise": "Hand-printed pages with known text.",
    "export": "A model as an ONNX file, checked in onnxruntime.",
    "import": "A model from an ONNX file, or from weights.",
    "check": "Every gradient against central differences.",
    "twin": "Two engines side by side: where they part, and why.",
    "calculus": "Derivatives of formulas, with the working shown.",
    "descend": "Gradient descent on a formula, beside the theory.",
    "lesson": "The lessons, and one as a notebook of your own.",
    "claims": "The figures of the lessons, measured on this machine.",
    "bench": "Speed and memory on this machine, beside PyTorch's.",
    "reproduce": "Published figures against ours.",
    "classic": "Classical methods: PCA, k-NN, visual words, corners.",
    "data": "Known data sets: list them, download one, show its pictures.",
    "networks": "Networks that have a name: sizes, accuracy, weights.",
    "install-completion": "The Tab key completes commands, options and names.",
}

_FORMULAS = ("calculus", "descend")  # a formula may begin with a minus


def plug_ins() -> dict[str, Any]:
    """The commands of other packages: entry points by name, in the order of the names."""
    from importlib.metadata import entry_points

    found = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    return {entry.name: entry for entry in found if entry.name not in COMMANDS}


def load(name: str) -> Any | None:
    """The command of this name for the parser of the command line; None where there is none.

    Raises
    ------
    GlassnetError
        The package of a command cannot be imported.
    """
    if name in COMMANDS:
        module, _, attribute = COMMANDS[name].partition(":")
        settings = {"ignore_unknown_options": True} if name in _FORMULAS else {}
        return _made(name, getattr(import_module(module), attribute), settings)
    entry = plug_ins().get(name)
    if entry is None:
        return None
    try:
        return _made(name, entry.load(), {})
    except Exception as error:  # whatever another package may do
        reason = one_line(f"{type(error).__name__}: {error}")
        raise GlassnetError(f"The command '{name}' of {entry.value} cannot be loaded: {reason}") from error


def _made(name: str, found: Any, settings: Mapping[str, Any]) -> Any:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    else:
        app.command(name, context_settings=dict(settings))(found)
    return typer.main.get_group(app).commands[name]
