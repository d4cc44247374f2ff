"""`glassnet train`: train a network by flags or by a recipe, sweep settings, resume a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassnet.cli.options import Json, Threads, emit, parse_setting, say, setting_value, split_values
from glassnet.errors import RecipeError
from glassnet.notation import as_real, as_whole

if TYPE_CHECKING:
    from glassnet.actions.train import Swept, Trained


def train(
    data: Annotated[
        str | None,
        typer.Argument(help="A folder or file, a known set (see 'glassnet data list'), or a recipe ending in .toml."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="The network, as in 'linear 64 -> relu -> linear'.")] = None,
    preprocess: Annotated[str | None, typer.Option(help="Preprocessing, as in 'scale -> standardise'.")] = None,
    loss: Annotated[str | None, typer.Option(help="softmax-cross-entropy, svm or squared-error.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="sgd, momentum, nesterov, rmsprop, adam or adamw.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    schedule: Annotated[
        str | None, typer.Option(help="constant, exponential G, steps E..., cosine, onecycle, linear.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Examples per step; 1 for one by one, 0 for all at once.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training pictures.")] = None,
    l2: Annotated[float | None, typer.Option("--l2", help="L2 regularisation 0.5 * l2 * |w|^2 on weights.")] = None,
    clip: Annotated[float | None, typer.Option(help="Largest norm of the whole gradient.")] = None,
    augment: Annotated[str | None, typer.Option(help="Augmentation, as in 'flip -> crop 4, zero'.")] = None,
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
        str | None, typer.Option(help="Share (0.1) or count (500) held out for validation; 0 for none.")
    ] = None,
    patience: Annotated[int | None, typer.Option(help="Stop after so many epochs without a better one.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all random numbers.")] = None,
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
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Train a network and write its model, its history and a report into a run folder.

    Flags and --set override the recipe. Ctrl-C saves; --resume goes on, bit for bit as if never stopped.

    A sweep checks all its values first, continues after a run that fails (status 3) and, killed, resumes with --resume.

    Examples:

      glassnet train digits --model "linear 64 -> relu -> linear" --epochs 30

      glassnet train mnist --model "linear 1024 -> relu -> linear 10" --optimizer adam --lr 5e-4 --batch 64 --epochs 5

      glassnet train flowers17 --from squeezenet-1.1

      glassnet train recipe.toml --sweep optimizer.lr=0.0002,0.002,0.02

      glassnet train recipe.toml --sweep "train.augment=flip;flip -> crop 4, zero"
    """
    from glassnet.actions import train as actions
    from glassnet.cli.events import TerminalEvents
    from glassnet.train import progress_for

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
        "train.patience": patience,
        "train.seed": seed,
        "train.threads": threads,
        "start.model": from_,
        "start.freeze": freeze,
        "data.validation": _share_or_count(validation),
    }
    given = {name: value for name, value in flags.items() if value is not None}
    events = TerminalEvents(lines=False)
    result: Trained | Swept
    if resume is not None:
        if data or given or settings or sweeps or out:
            raise RecipeError("--resume takes the run folder alone: a resumed run keeps the settings it began with.")
        result = actions.resume(resume, make_progress=progress_for, events=events)
    else:
        if data is None:
            raise RecipeError("Name the data: a folder, a known set such as 'digits', or a recipe ending in .toml.")
        changes = {**dict(_settings(settings)), **given}
        if sweeps:
            values = _sweep_values(sweeps)
            result = actions.sweep(data, values, changes, out, make_progress=progress_for, events=events)
        else:
            result = actions.train(data, changes, out, make_progress=progress_for, events=events)
    if isinstance(result, actions.Swept):
        _tell_sweep(result, json)
    else:
        _tell(result, json)


def _share_or_count(text: str | None) -> float | int | None:
    """A count is written without a point, a share with one; which of them fit is the recipe's business."""
    if text is None:
        return None
    count = as_whole(text)
    return as_real(text) if count is None else count


def _settings(settings: list[str] | None) -> list[tuple[str, Any]]:
    return [(name, setting_value(value)) for name, value in map(parse_setting, settings or [])]


def _sweep_values(sweeps: list[str]) -> dict[str, list[Any]]:
    return {name: [setting_value(v) for v in split_values(text)] for name, text in map(parse_setting, sweeps)}


def _tell_sweep(result: Swept, json: bool) -> None:
    sweep = result.sweep
    shown = {
        "accuracy": "accuracy {:.4f}",
        "psnr": "PSNR {:.2f} dB",
        "valid_accuracy": "validation accuracy {:.4f}",
    }
    for label, found in result.figures.items():
        say(f"{label}: " + ", ".join(form.format(found[n]) for n, form in shown.items() if n in found))
    for label, reason in sweep.failed.items():
        say(f"{label}: failed: {reason}")
    say(f"compared side by side: {sweep.files[0]}")
    if json:
        emit(result.to_dict())
    if not sweep.runs:
        raise RecipeError(f"Every run of the sweep failed; the first said: {next(iter(sweep.failed.values()))}")
    if sweep.failed:
        total = len(sweep.runs) + len(sweep.failed)
        typer.echo(f"done in part: {len(sweep.failed)} of {total} runs failed: {'; '.join(sweep.failed)}", err=True)
        raise typer.Exit(3)


def _tell(result: Trained, json: bool) -> None:
    run = result.run
    if run.evaluation is not None:
        low, high = run.evaluation.accuracy_interval
        typer.echo(
            f"{run.evaluated_on} accuracy {run.evaluation.accuracy:.4f} (95 % interval {low:.4f} to {high:.4f}),"
            f" {run.evaluation.n:,} pictures"
        )
    if run.reconstruction is not None:
        say(f"{run.evaluated_on} PSNR {run.reconstruction.psnr:.2f} dB, {run.reconstruction.n:,} pictures")
    for note in run.splits.notes:
        say(f"note: {note}")
    for path in run.files[:2]:
        say(f"wrote {path}")
    if json:
        emit(result.to_dict())
