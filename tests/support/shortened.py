"""What is added to the commands of the documentation where they would take long, and which never run in full."""

from __future__ import annotations

from fnmatch import fnmatchcase as fnmatch

from support.markdown import Example

# What a command begins with (* is anything): what is added to it, and why; None leaves it to the long tests.
SHORTER: dict[str, tuple[str | None, str]] = {
    "glassnet demo": ("--epochs 2", "trains for seconds"),
    "glassnet claims": ("descent", "runs all lessons for a minute or two"),
    "glassnet bench": ('"linear 2" --input 4 --runs 1 --threads 1', "races a dozen networks against PyTorch"),
    "glassnet bench vgg-small": (None, "races them for minutes"),
    "glassnet open": ("--list", "serves until Ctrl-C"),
    "glassnet train": ("--epochs 2", "trains for seconds to 20 minutes"),
    "glassnet train recipes/flowers17-squeezenet.toml": (None, "needs the real data"),
    "glassnet train --resume": ("", "goes on where the run stopped"),
    "glassnet train --resume * --epochs": ("--epochs 3", "trains for a minute"),
    "glassnet train recipes/reader-characters.toml": (None, "writes 400,000 characters first"),
    "glassnet train recipes/reader-lines.toml": (None, "needs the real data, and trains for hours"),
    "glassnet audit": ("--effort quick --examples 5", "attacks 500 pictures for minutes"),
    "glassnet audit --verify": ("", "reads a few files"),
    "glassnet audit * --video": ("--examples 2 --expect 0", "the classes of the stand-ins have other names"),
    "glassnet fool runs/cifar10-1": ("--examples 5", "attacks 1,000 pictures"),
    "glassnet fool runs/mnist-1 --universal": ("--examples 20", "attacks 1,000 pictures"),
    "glassnet export": ("", "writes what the Python beside it reads"),
    "glassnet evaluate * --category": ("--category 0", "the classes of the stand-ins have other names"),
    "glassnet watch": ("--expect 3", "the classes of the stand-ins have other names"),
    "glassnet tune": ("--set train.epochs=2 --trials 2 --jobs 1 --confirm 0", "trains for minutes"),
    "glassnet tune digits": (None, "trains for minutes"),
    "glassnet tune photos": (None, "trains for minutes"),
    "glassnet tune --resume": (None, "trains for minutes"),
    "glassnet wann": ("--population 10 --generations 3", "searches for minutes"),
    "glassnet wann --resume": ("--generations 4", "searches for minutes"),
    "glassnet wann show": ("", "looks at what was found"),
    "glassnet wann train": ("--seeds 2 --epochs 1", "trains 180 networks"),
    "glassnet lr photos": (None, "trains for a minute"),
    "glassnet doctor photos": (None, "trains for half a minute"),
    "glassnet read --learn": (None, "learns for half a minute"),
    "glassnet synthesise": ("--pages 1", "writes 20 pages"),
    "glassnet reproduce": ("--list", "needs the real data and hours"),
    "glassnet reproduce affine-fit": ("", "needs neither"),
    "glassnet doctor": ("--budget 5", "trains for half a minute"),
    "glassnet plant --all": (None, "examines for a quarter of a minute"),
}

# What is left out in full as well: for hours, or tried by parts of `make verify` of their own.
TOO_LONG: dict[str, str] = {
    "glassnet claims": "the long tests of the lessons run them all",
    "glassnet reproduce": "each row is a part of its own",
    "glassnet train recipes/reader-lines.toml": "trains for hours",
    "glassnet train recipes/cifar10-best-cpu.toml": "a row trains it, for 20 minutes",
    "glassnet wann photos": "searches for an hour",
}


def shorter(command: str) -> tuple[str | None, str]:
    """The entry of `SHORTER` that matches most of a command."""
    fitting = [begin for begin in SHORTER if fnmatch(f"{command} ", f"{begin} *")]
    return SHORTER[max(fitting, key=len)] if fitting else ("", "")


def too_long(command: str) -> bool:
    """Whether a command is left out in full as well."""
    return any(f"{command} ".startswith(f"{begin} ") for begin in TOO_LONG)


def runs_in_full(example: Example) -> bool:
    """Whether an example is a command that the long tests run as it stands."""
    return not example.is_python and bool(shorter(example.text)[1]) and not too_long(example.text)
