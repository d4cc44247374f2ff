"""The report of a run: what was learned, how well, where it fails, and how it was made."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.attack import size_text
from glassnet.check import Row, check_network
from glassnet.data import Dataset
from glassnet.data.lines import line_set
from glassnet.data.split import HELD_OUT
from glassnet.errors import GlassnetError
from glassnet.experiments import Run
from glassnet.files import read_json
from glassnet.metrics import Transcription
from glassnet.nn import Network
from glassnet.report.figures.curves import best_epoch, epoch_records
from glassnet.report.figures.features import FeatureMaps, chosen_layers, feature_maps
from glassnet.report.figures.first_layer import first_weights
from glassnet.report.figures.structure import shows_something
from glassnet.report.page import Heading, Panel, write_page
from glassnet.report.panels.findings import retrain_command, verdict_box
from glassnet.report.panels.gallery import mistakes_panel, reconstructions_panel
from glassnet.report.panels.inside import feature_maps_panel, first_layer_panel, network_panel
from glassnet.report.panels.lines import confusions_panel, groups_panel, read_panel, worst_panel
from glassnet.report.panels.results import (
    classes_panel,
    confusion_panel,
    curves_panel,
    histograms_panel,
    reliability_panel,
    updates_panel,
)
from glassnet.report.panels.text import commands_panel, details_panel, gradients_panel
from glassnet.report.tables import interval_text, number, percent
from glassnet.report.words import in_words
from glassnet.text import counted

__all__ = ["run_panels", "write_run_page"]

# Examples and entries of each tensor in the gradient check, and the operations that it may take: some ten seconds.
_CHECKED_EXAMPLES, _CHECKED_ENTRIES = 8, 24
_FEWEST_EXAMPLES, _FEWEST_ENTRIES = 2, 4
_MOST_OPERATIONS = 4e10
_RECONSTRUCTED = 10


def write_run_page(run: Run) -> list[Path]:
    """Write `report.html` and `figures/*.png` into the folder of a run.

    Parameters
    ----------
    run : Run
        A finished run with a folder. Its data are loaded if they are not at hand.

    Returns
    -------
    list of Path
        The files, the page first.

    Raises
    ------
    GlassnetError
        A file cannot be written, and none is left half-written; or the data are not there any more.
    """
    assert run.folder is not None
    with np.errstate(all="ignore"):  # the numbers of a diverged run overflow, and are shown as far as they can be
        return write_page(
            run.folder / "report.html", _heading(run), list(run_panels(run)), figures_folder=run.folder / "figures"
        )


def run_panels(run: Run) -> Iterator[Panel]:
    """The panels of a run's report, those for which there is something to show, in the order of the page."""
    history, model, part, found = run.history.records, run.model, run.evaluated, run.evaluation
    batch = min(run.recipe.settings.batch or len(run.splits.train), len(run.splits.train))
    panels = [
        curves_panel(history),
        None if found is None else confusion_panel(found),
        None if found is None else classes_panel(found),
        None if found is None or part.holds_rows else mistakes_panel(found, part.images, part.files, run.folder),
        *_reading(run, part),
        _reconstructions(run, part),
        None if part.holds_rows else _first_layer(run),
        _feature_maps(run, part),
        None if found is None or _failed(run) else reliability_panel(found),
        updates_panel(history),
        histograms_panel(run.histograms),
        gradients_panel(*_gradient_check(run, part)),
        network_panel(model.network, batch),
        commands_panel(_commands(run)),
        details_panel(run.recipe.to_toml(), _environment(run)),
    ]
    return (panel for panel in panels if panel is not None)


# ---- the top of the page


def _heading(run: Run) -> Heading:
    words = in_words(run.model.network, run.recipe.about, rebuilds=run.reconstruction is not None)
    begun = f", {run.recipe.about}" if run.recipe.start is not None else ""
    title = run.recipe.title or f"{run.splits.name}: {words}{begun}"
    return Heading(title, _sentence(run), _cards(run), verdict_box(run.findings, _recipe(run)))


def _failed(run: Run) -> bool:
    return run.verdict is not None and run.verdict.severity == "failure"


def _recipe(run: Run) -> str:
    assert run.folder is not None
    return str(run.folder / "recipe.toml")


def _sentence(run: Run) -> str:
    """What was trained and how good it is, in plain words and with the interval."""
    train, epochs = run.splits.train, len(run.history.epochs)
    kind = "rows of features" if train.holds_rows else "lines of writing an epoch" if train.holds_lines else "pictures"
    text = (
        f"A network with {run.model.network.size:,} weights was trained on {len(train):,} {kind}"
        f" for {counted(epochs, 'epoch')}, {run.seconds:.1f} seconds."
    )
    if run.reconstruction is not None:
        text += f" It reconstructs {run.evaluated_on} pictures with a mean PSNR of {run.reconstruction.psnr:.2f} dB."
    if (lines := run.transcription) is not None:
        text += f" Of {number(lines.n)} {run.evaluated_on} lines it reads {number(lines.exact)} without an error;"
        text += f" {percent(lines.characters.rate)} of the characters are wrong"
        if lines.characters.known_interval is not None:
            low, high = lines.characters.interval
            text += f", and with 95 % confidence the true rate lies between {percent(low)} and {percent(high)}"
        text += "."
    if HELD_OUT in run.splits.notes:
        text += f" {HELD_OUT}"
    if run.evaluation is not None:
        found = run.evaluation
        low, high = found.accuracy_interval
        text += (
            f" It recognises {number(int(np.trace(found.confusion)))} of {number(found.n)} {run.evaluated_on} examples,"
            f" {percent(found.accuracy)}; with 95 % confidence its true accuracy lies between {percent(low)}"
            f" and {percent(high)}."
        )
    return text


def _under_attack(run: Run) -> list[tuple[str, str, str]]:
    found = run.under_attack
    if found is None:
        return []
    low, high = found.interval
    note = f"{found.norm} up to {size_text(found.eps)}; {interval_text(low, high)} on {found.pictures} pictures"
    return [("accuracy under attack", percent(found.accuracy), note)]


def _cards(run: Run) -> list[tuple[str, str, str]]:
    if run.reconstruction is not None:
        error = run.reconstruction.mean_squared_error
        return [
            ("PSNR", f"{run.reconstruction.psnr:.2f} dB", f"mean of the {run.evaluated_on} pictures"),
            ("Mean squared error", f"{error:.5f}", "pixels from 0 to 1"),
            ("Weights", f"{run.model.network.size:,}", "trained numbers"),
        ]
    if run.transcription is not None:
        return [*_rates(run, run.transcription), *_best_epoch(run)]
    found = run.evaluation
    assert found is not None
    low, high = found.accuracy_interval
    interval = f"95 % interval {interval_text(low, high)}"
    cards = [
        (f"{run.evaluated_on} accuracy", percent(found.accuracy, 2), interval),
        *_under_attack(run),
        ("mistakes", number(found.n - int(np.trace(found.confusion))), f"of {number(found.n)} examples"),
        ("loss", f"{found.loss:.4f}", "mean cross-entropy in nats"),
    ]
    return [*cards, *_best_epoch(run)]


def _rates(run: Run, found: Transcription) -> list[tuple[str, str, str]]:
    cards = [
        (title, percent(rate.rate, 2), f"95 % interval {interval_text(*rate.interval)}" if rate.known_interval else "")
        for title, rate in (("character error rate", found.characters), ("word error rate", found.words))
    ]
    right = ("lines without an error", number(found.exact), f"of {number(found.n)} {run.evaluated_on} lines")
    return [*cards, right, ("weights", f"{run.model.network.size:,}", f"stored in {run.model.precision}")]


def _best_epoch(run: Run) -> list[tuple[str, str, str]]:
    best = best_epoch(run.history.records)
    if best is None:
        return []
    return [("best epoch", str(best[0]), f"of {len(epoch_records(run.history.records))}, by validation")]


# ---- what the panels are made from


def _first_layer(run: Run) -> Panel | None:
    """Its weights as pictures, where these show something."""
    network = run.model.network
    found = first_weights(network)
    if found is None or not shows_something(found[1].parameters["weight"].value, network.input_shape):
        return None
    return first_layer_panel(network, run.untrained())


def _reconstructions(run: Run, part: Dataset) -> Panel | None:
    if run.reconstruction is None or len(run.model.network.input_shape) != 3:
        return None
    chosen = part.images[:_RECONSTRUCTED]
    inputs = run.model.preprocess.transform(chosen)
    return reconstructions_panel(inputs, run.model.predict_proba(chosen).reshape(inputs.shape))


def _reading(run: Run, part: Dataset) -> list[Panel]:
    """What was read of lines of writing, and how well."""
    found = run.transcription
    if found is None:
        return []
    lines = line_set(part)
    return [groups_panel(found), read_panel(found, lines), worst_panel(found, lines), confusions_panel(found)]


def _feature_maps(run: Run, part: Dataset) -> Panel | None:
    """What the layers make of the most confident mistake, or of the first picture where there is none."""
    if run.transcription is not None:
        return None
    found = run.evaluation
    wrong = [] if found is None else found.mistakes(1).tolist()
    index = int(wrong[0]) if wrong else 0
    name = f"#{index}" if part.files is None else part.files[index].name
    caption = f"{run.evaluated_on} picture {name}"
    if found is not None:
        true, read = (found.class_names[labels[index]] for labels in (found.labels, found.predictions))
        sure = f"{100 * found.confidences[index]:.0f} % sure"
        caption += f": {true}, taken for {read}, {sure}" + (" - the most confident mistake" if wrong else "")
    x = run.model.preprocess.transform(part.images[index : index + 1])[0]
    maps: FeatureMaps | None = feature_maps(run.model.network, x, part.images[index], caption)
    return None if maps is None else feature_maps_panel(maps)


def _gradient_check(run: Run, part: Dataset) -> tuple[tuple[Row, ...], str]:
    """(the trained network's own gradients, sampled, on a few pictures of the evaluated part; why there are none).

    Large networks are checked in fewer places, and not at all where even those would take minutes.
    """
    sample = _affordable(run.model.network)
    if sample is None:
        return (), ""
    examples, entries = sample
    target: Any
    if part.holds_lines:
        strips, target = line_set(part).take(next(line_set(part).together())[:examples], 0)
    else:
        strips = part.images[:examples]
        target = run.model.task.targets(part.subset(slice(examples)), run.model.preprocess)
    x = run.model.preprocess.transform(strips).astype(np.float64)
    try:
        network = run.model.network.at(x.shape[1:])
        return check_network(network, x, target, run.model.loss, samples=entries, seed=0).rows, ""
    except GlassnetError as error:
        return (), f"They cannot be checked here, where the numbers of the network are too large. {error}"


def _affordable(network: Network) -> tuple[int, int] | None:
    """(examples, entries of each tensor) of a check of at most `_MOST_OPERATIONS` operations."""
    # Two forward passes of all examples for an entry, in both modes.
    for examples in (_CHECKED_EXAMPLES, _FEWEST_EXAMPLES):
        each = 4.0 * examples * network.flops * (len(network.parameters()) + 1)
        entries = min(_CHECKED_ENTRIES, int(_MOST_OPERATIONS / max(each, 1.0)))
        if entries >= _FEWEST_ENTRIES:
            return examples, entries
    return None


def _commands(run: Run) -> list[str]:
    assert run.folder is not None
    network, folder, data = run.model.network, shlex.quote(str(run.folder)), shlex.quote(run.recipe.data.source)
    commands = []
    if run.verdict is not None and run.verdict.advice:
        again = retrain_command(_recipe(run), run.verdict.advice)
        commands += ["# train it again with another setting", again]
    if run.evaluated_on != "training":
        what = "pictures" if run.transcription is None else "lines"
        pictures = f"the {len(run.predictions):,} {run.evaluated_on} {what}"
        commands += [f"# measure it again on {pictures}", f"glassnet evaluate {folder} {data}"]
    if run.transcription is None:
        commands += ["# let it name a picture", f"glassnet predict {folder} PICTURE.png"]
    commands += [
        "# check every gradient of its network",
        f'glassnet check "{network.notation()}" --input {"x".join(map(str, network.input_shape))}',
    ]
    if chosen_layers(network) and run.transcription is None:
        commands += ["# follow another picture through its layers", f"glassnet look {folder} --picture 0"]
    return commands


def _environment(run: Run) -> dict[str, object]:
    assert run.folder is not None
    found: dict[str, object] = read_json(run.folder / "environment.json")
    return found
