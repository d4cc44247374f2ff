"""`glassnet train`: train a network by flags or by a recipe, sweep settings, resume a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassnet.cli.options import Json, Threads, emit, parse_setting, say, setting_value, split_values
from glassnet.cli.verdict import say_figures, say_verdict
from glassnet.errors import RecipeError
from glassnet.notation import as_real, as_whole
from glassnet.text import columns

if TYPE_CHECKING:
    from glassnet.actions.train import Swept, Trained


def train(
    data: Annotated[
        str | None,
        typer.Argument(help="A folder or file, a known set (see 'glassnet data list'), or a recipe ending in .toml."),
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="S|HxW", help="Bring pictures to this size: 64, or 64x96. [for the data]")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="fast or best: network, augmentation and epochs for the data. [fast]")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The network, as in 'linear 64 -> relu -> linear', or a name. [by the preset]"),
    ] = None,
    preprocess: Annotated[
        str | None, typer.Option(help="Preprocessing, as in 'scale -> standardise'. [by the preset]")
    ] = None,
    loss: Annotated[
        str | None, typer.Option(help="softmax-cross-entropy, svm, squared-error or ctc. [by the preset]")
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="sgd, momentum, nesterov, rmsprop, adam or adamw. [by the preset]")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate. [by the preset, else the optimiser's]")] = None,
    schedule: Annotated[
        str | None, typer.Option(help="constant, exponential G, steps E..., cosine, onecycle, linear. [by the preset]")
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(help="Examples per step; 1 for one by one, 0 for all at once. [by the preset, 32 or 64]"),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the training pictures. [by the preset, up to 30; 10 with --model]")
    ] = None,
    l2: Annotated[float | None, typer.Option("--l2", help="L2 regularisation 0.5 * l2 * |w|^2 on weights. [0]")] = None,
    clip: Annotated[float | None, typer.Option(help="Largest norm of the whole gradient. [none]")] = None,
    augment: Annotated[
        str | None, typer.Option(help="Augmentation, as in 'flip -> crop 4, zero'. [by the preset]")
    ] = None,
    adversarial: Annotated[
        str | None, typer.Option(help="Attack every batch first, as in 'pgd 0.3, steps 7' or 'fgsm 8/255'.")
    ] = None,
    average: Annotated[
        float | None, typer.Option(help="Average the weights over the steps with this decay, as in 0.999.")
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="MODEL", help="Start from a trained model: a run, a model file or a pretrained network."
        ),
    ] = None,
    freeze: Annotated[
        str | None,
        typer.Option(help="With --from: train the head alone (all), the last stage too (stages), everything (none)."),
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(help="Share (0.1) or count (500) held out for validation; 0 for none. [the set's own, else 0.1]"),
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="Stop after so many epochs without a better one. [never]")
    ] = None,
    class_weights: Annotated[
        str | None,
        typer.Option(metavar="balanced|NAME=W,...", help="Weigh classes in the loss: rare ones more. [all 1]"),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out pictures that cannot be read, and name them.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="Seed of all random numbers. [0]")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Replace a recipe's value: optimizer.lr=0.1."),
    ] = None,
    sweeps: Annotated[
        list[str] | None,
        typer.Option(
            "--sweep",
            metavar="NAME=V1,V2",
            help="One run for each value, compared side by side (V1;V2 where values hold commas).",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder (default: runs/DATA-NUMBER).")] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Resume the run (or the sweep) in this folder.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(metavar="native|torch", help="What computes: our own engine, or PyTorch. [native]")
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="cpu|cuda|mps", help="With --engine torch: where it computes. [cpu]")
    ] = None,
    compile_: Annotated[
        bool, typer.Option("--compile", help="With --engine torch: compile the network first.")
    ] = False,
    doctor: Annotated[bool, typer.Option("--doctor", help="Say what goes wrong while it trains.")] = False,
    audit_gradients: Annotated[
        bool, typer.Option("--audit-gradients", help="Compare a few gradients with differences every 100 steps.")
    ] = False,
    keep_epochs: Annotated[
        bool,
        typer.Option("--keep-epochs", help="Keep the network of every epoch, for 'glassnet open' (256 MB at most)."),
    ] = False,
    amp: Annotated[bool, typer.Option("--amp", help="With --engine torch: mixed precision, in bfloat16.")] = False,
    gpu: Annotated[bool, typer.Option("--gpu", hidden=True)] = False,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Train a network and write its model, its history and a report into a run folder.

    Network, picture size and the rest are chosen for the data (--preset) and written into the run's recipe. Flags and
    --set override them. Ctrl-C saves; --resume goes on, bit for bit as if never stopped, and with --epochs for longer.

    A sweep checks all its values first, continues after a run that fails (status 3) and, killed, resumes with --resume.

    Examples:

      glassnet train photos --size 96

      glassnet train --resume runs/photos-1 --epochs 90

      glassnet train digits --model "linear 64 -> relu -> linear" --epochs 30

      glassnet train mnist --model "linear 1024 -> relu -> linear 10" --optimizer adam --lr 5e-4 --batch 64 --epochs 5

      glassnet train flowers17 --from squeezenet-1.1

      glassnet train cifar10 --engine torch --device cuda

      glassnet train recipe.toml --sweep optimizer.lr=0.0002,0.002,0.02

      glassnet train recipe.toml --sweep "train.augment=flip;flip -> crop 4, zero"
    """
    from glassnet.actions import train as actions
    from glassnet.cli.events import TerminalEvents
    from glassnet.team import Team
    from glassnet.train import progress_for

    if gpu:
        raise RecipeError("There is no --gpu. PyTorch's engine trains on GPUs: --engine torch --device cuda (or mps).")
    flags: dict[str, Any] = {
        "model.network": model,
        "model.preprocess": preprocess,
        "model.loss": loss,
        "optimizer.name": optimizer,
        "optimizer.lr": lr,
        "train.schedule": schedule,
        "train.batch": batch,
        "train.epochs": epochs,
        "train.l2": l2,
        "train.clip": clip,
        "train.augment": augment,
        "train.adversarial": adversarial,
        "train.average": average,
        "train.class_weights": class_weights,
        "train.preset": preset,
        "train.patience": patience,
        "train.seed": seed,
        "train.threads": threads,
        "start.model": from_,
        "start.freeze": freeze,
        "engine.name": engine,
        "engine.device": device,
        "engine.compile": compile_ or None,
        "engine.amp": amp or None,
        "data.validation": _share_or_count(validation),
        "data.image_size": _size(size),
        "data.skip_bad": skip_bad or None,
    }
    given = {name: value for name, value in flags.items() if value is not None}
    events = TerminalEvents(lines=False)
    result: Trained | Swept
    team = Team.here()
    if resume is not None:
        others = {name.removeprefix("engine."): value for name, value in given.items() if name.startswith("engine.")}
        if data or settings or sweeps or out or len(given) > len(others) + (epochs is not None):
            raise RecipeError(
                "--resume takes the run folder, --epochs to train longer, and --engine; all else stays as it was."
            )
        if not team.leads:
            return actions.follow(None, resumed=resume, epochs=epochs, engine=others)
        result = actions.resume(
            resume,
            epochs,
            engine=others,
            watched=doctor,
            audited=audit_gradients,
            keep_epochs=keep_epochs,
            make_progress=progress_for,
            events=events,
        )
    else:
        if data is None:
            raise RecipeError("Name the data: a folder, a known set such as 'digits', or a recipe ending in .toml.")
        changes = {**dict(_settings(settings)), **given}
        if sweeps and (doctor or audit_gradients):
            flag = "--doctor" if doctor else "--audit-gradients"
            raise RecipeError(f"{flag} watches one training. Leave it out, and examine the sweep's runs afterwards.")
        if sweeps and keep_epochs:
            raise RecipeError("--keep-epochs is for one training. Leave it out.")
        if sweeps and team.size > 1:
            raise RecipeError("A sweep runs in one process. Leave torchrun out, or train once.")
        if not team.leads:  # process 0 writes and tells
            return actions.follow(data, changes)
        if sweeps:
            values = _sweep_values(sweeps)
            result = actions.sweep(data, values, changes, out, make_progress=progress_for, events=events)
        else:
            ways: dict[str, Any] = {
                "watched": doctor,
                "audited": audit_gradients,
                "keep_epochs": keep_epochs,
                "make_progress": progress_for,
                "events": events,
            }
            result = actions.train(data, changes, out, **ways)
    if isinstance(result, actions.Swept):
        _tell_sweep(result, json)
    else:
        _tell(result, json)
    return None


def _share_or_count(text: str | None) -> float | int | None:
    """A count is written without a point, a share with one; which of them fit is the recipe's business."""
    if text is None:
        return None
    count = as_whole(text)
    return as_real(text) if count is None else count


def _size(text: str | None) -> list[int] | None:
    """A side, or HxW, as [H, W]."""
    if text is None:
        return None
    sides = [as_whole(side) for side in text.lower().split("x")]
    if len(sides) not in (1, 2) or not all(side is not None and 1 <= side <= 4096 for side in sides):
        raise RecipeError(f"--size is a side in pixels (64) or HEIGHTxWIDTH (64x96), up to 4096. Got '{text}' instead.")
    return [side for side in (sides * 2)[:2] if side is not None]


def _settings(settings: list[str] | None) -> list[tuple[str, Any]]:
    return [(name, setting_value(value)) for name, value in map(parse_setting, settings or [])]


def _sweep_values(sweeps: list[str]) -> dict[str, list[Any]]:
    return {name: [setting_value(v) for v in split_values(text)] for name, text in map(parse_setting, sweeps)}


def _tell_sweep(result: Swept, json: bool) -> None:
    sweep = result.sweep
    typer.echo(_sweep_table(result))
    for label, how in result.diverged.items():
        say(f"diverged: {label}: {how}")
    for label, reason in sweep.failed.items():
        say(f"failed: {label}: {reason}")
    say(f"compared side by side: {sweep.files[0]}")
    if json:
        emit(result.to_dict())
    if not sweep.runs:
        raise RecipeError(f"Every run of the sweep failed; the first said: {next(iter(sweep.failed.values()))}")
    if sweep.failed:
        total = len(sweep.runs) + len(sweep.failed)
        typer.echo(f"done in part: {len(sweep.failed)} of {total} runs failed: {'; '.join(sweep.failed)}", err=True)
        raise typer.Exit(3)


def _sweep_table(result: Swept) -> str:
    """A line for each run: its settings, its figures, what became of it."""
    from glassnet.report.pages import short_settings

    sweep = result.sweep
    part = next((run.evaluated_on for run in sweep.runs.values()), "test")
    shown = {
        "accuracy": (f"{part} accuracy", "{:.4f}"),
        "accuracy_interval": ("95 % interval", "{0[0]:.4f} to {0[1]:.4f}"),
        "psnr": (f"{part} PSNR", "{:.2f} dB"),
        "error": (f"{part} error rate", "{:.4f}"),
        "error_interval": ("95 % interval", "{0[0]:.4f} to {0[1]:.4f}"),
        "valid_accuracy": ("validation accuracy", "{:.4f}"),
        "valid_psnr": ("validation PSNR", "{:.2f} dB"),
        "valid_error": ("validation error rate", "{:.4f}"),
    }
    names = [name for name in shown if any(name in found for found in result.figures.values())]
    if part == "validation":
        names = [name for name in names if not name.startswith("valid_")]
    settings = {label: short_settings(choice) for label, choice in sweep.settings.items()}
    swept = list(next(iter(settings.values())))
    rows = [[*swept, *(shown[name][0] for name in names), ""]]
    for label, values in settings.items():
        found = result.figures.get(label, {})
        figures = [shown[name][1].format(found[name]) if name in found else "-" for name in names]
        state = "best" if label == result.best else "diverged" if label in result.diverged else ""
        state = "failed" if label in sweep.failed else state
        rows.append([*(str(value) for value in values.values()), *figures, state])
    return columns(rows, sides="<" * len(swept) + ">" * len(names) + "<")


def _tell(result: Trained, json: bool) -> None:
    run = result.run
    say_figures(run)
    for note in run.splits.notes:
        say(f"note: {note}")
    for path in run.files[:2]:
        say(f"wrote {path}")
    say_verdict(run)
    if result.finished_before:
        say(f"to train longer: glassnet train --resume {run.folder} --epochs {2 * run.recipe.settings.epochs}")
    if json:
        emit(result.to_dict())
