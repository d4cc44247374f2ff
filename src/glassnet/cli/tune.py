"""`glassnet tune`: search for better settings of a recipe."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassnet.cli.options import Json, Threads, emit, parse_setting, say, setting_value
from glassnet.errors import RecipeError

if TYPE_CHECKING:
    from glassnet.actions.tune import Studied
    from glassnet.experiments import Trial

_TRIALS, _CONFIRM = 60, 3
_UNITS = {"h": 3600, "m": 60, "min": 60, "s": 1, "": 60}


def tune(
    data: Annotated[
        str | None,
        typer.Argument(metavar="RECIPE|DATA", help="A recipe ending in .toml, or a folder, file or known set."),
    ] = None,
    search: Annotated[
        list[str] | None,
        typer.Option(
            "--search",
            metavar="NAME = RANGE",
            help="What to search: 'optimizer.lr = 1e-4..1e-1 log' or 'train.batch = 32 | 64'. [the usual]",
        ),
    ] = None,
    trials: Annotated[int | None, typer.Option(help=f"Trials that the study is to have in all. [{_TRIALS}]")] = None,
    jobs: Annotated[int, typer.Option(help="Trials side by side; they share the threads.", min=1)] = 1,
    time: Annotated[
        str | None, typer.Option("--time", metavar="2h|90m", help="Begin no trial later than this. [no limit]")
    ] = None,
    confirm: Annotated[int, typer.Option(help="Fresh seeds to train the best recipe on.", min=0)] = _CONFIRM,
    prune: Annotated[
        str | None, typer.Option(metavar="median|hyperband|none", help="How bad trials are ended early. [median]")
    ] = None,
    storage: Annotated[
        str | None, typer.Option(metavar="URL", help="An Optuna storage for several machines. [the folder]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the settings that are tried. [0]")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Replace a recipe's value: train.epochs=10."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder of the study (default: runs/DATA-NUMBER).")] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="STUDY", help="Go on with the study in this folder, or help with it.")
    ] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Search for better settings of a recipe: many trials, the worse ones ended early.

    The validation part decides. The best recipe is written down, trained again on fresh seeds, and evaluated once on
    the test part, which no trial has seen. Without --search the recipe's [tune] part is searched, else rate, batch,
    regularisation, width, augmentation and schedule around the recipe's own.

    Ctrl-C keeps all trials that ended; --resume goes on, and in a second terminal it helps. On another machine the same
    command with the same --storage helps. Needs Optuna: pip install 'glassnet[tune]'.

    Examples:

      glassnet tune recipe.toml --trials 60 --jobs 2

      glassnet tune cifar10 --set model.network=two-layer --time 2h --jobs 2

      glassnet tune recipe.toml --search "optimizer.lr = 1e-4..1e-1 log" --search 'train.batch = 32 | 64 | 128'

      glassnet tune --resume runs/digits-1 --trials 100
    """
    from glassnet.actions import tune as actions
    from glassnet.cli.events import TerminalEvents
    from glassnet.experiments import parse_search

    ways: dict[str, Any] = {"jobs": jobs, "seconds": seconds_of(time), "confirm": confirm}
    ways |= {"on_trial": _Lines().tell, "events": TerminalEvents(lines=False)}
    if resume is not None:
        if data or search or settings or out or storage or prune or seed is not None or threads is not None:
            raise RecipeError(
                "--resume takes the study's folder, --trials, --jobs, --time and --confirm; all else stays."
            )
        result = actions.resume_tune(resume, trials=trials, **ways)
    else:
        if data is None:
            raise RecipeError("Name a recipe ending in .toml, or data: a folder or a known set such as 'digits'.")
        values = {name: setting_value(value) for name, value in map(parse_setting, settings or [])}
        if threads is not None:
            values["train.threads"] = threads
        space = dict(map(parse_search, search)) if search else None
        given = {"seed": seed, "prune": prune, "storage": storage, "trials": trials}
        chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        result = actions.tune(data, space, values, out, **chosen, **ways)
    _tell(result)
    if json:
        emit(result.to_dict())


def seconds_of(text: str | None) -> float | None:
    """`2h`, `90m`, `1h30m` or `45s` in seconds; a mere number counts minutes."""
    if text is None:
        return None
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(h|min|m|s|)", text.strip().lower())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip().lower().replace(" ", ""):
        raise RecipeError(f"--time is written 2h, 90m, 1h30m or 45s. Got '{text}' instead.")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


class _Lines:
    """A line for every trial that ended."""

    def tell(self, trial: Trial, best: Trial | None) -> None:
        """Say how it ended, with which settings, and which is the best so far."""
        value = "" if trial.value is None else f" {trial.value:.4f}"
        how = "" if trial.finished else f" {trial.outcome}"
        settings = ", ".join(f"{name.rpartition('.')[2]} {_shown(value)}" for name, value in trial.settings.items())
        leads = "  best" if best is not None and best.number == trial.number else ""
        say(f"trial {trial.number:>3}{value}{how}  {settings}{leads}")
        if trial.outcome == "failed":
            say(f"           {trial.reason}")


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "none" if value is None else str(value)


def _tell(result: Studied) -> None:
    found, best = result.found, result.found.best
    if best is None or best.value is None:
        return
    counts = {word: found.count(word) for word in ("finished", "pruned", "doctor", "failed", "in flight")}
    words = {"doctor": "ended by the doctor"}
    say("trials: " + ", ".join(f"{count} {words.get(word, word)}" for word, count in counts.items() if count))
    name = found.metric.key.replace("valid_", "validation ")
    own = found.own
    text = f"best: trial {best.number}, {name} {best.value:.4f}"
    say(text + (f" (the recipe as it was: {own.value:.4f})" if own is not None and own.value is not None else ""))
    for setting, value in best.settings.items():
        say(f"  {setting} = {_shown(value)}")
    if result.mean is not None:
        values = sorted(found.confirmed.values())
        say(
            f"on {len(values)} fresh seed{'s' if len(values) > 1 else ''}: {name} {result.mean:.4f}"
            f" ({values[0]:.4f} to {values[-1]:.4f}); of many trials the best one's own figure is partly luck"
        )
    _tell_test(result)
    for path in found.files[:2]:
        say(f"wrote {path}")
    if found.run is not None:
        say(f"try: glassnet train {shlex.quote(str(found.folder / 'best.toml'))}")


def _tell_test(result: Studied) -> None:
    found = result.found
    if found.run is None:
        return
    figures = found.run.figures()
    if found.run.evaluated_on != "test":
        return say("there is no test part: nothing says how good the best recipe is on pictures that chose nothing")
    if "psnr" in figures:
        told = f"PSNR {figures['psnr']:.2f} dB"
    else:
        key, name = ("accuracy", "accuracy") if "accuracy" in figures else ("error", "character error rate")
        low, high = figures[f"{key}_interval"]
        told = f"{name} {figures[key]:.4f}"
        told += f" (95 % interval {low:.4f} to {high:.4f})"
    untouched = "which no trial has seen" if found.looks < 2 else f"which {found.looks} recipes of this study have seen"
    say(f"test part, {untouched}: {told}")
    return None
