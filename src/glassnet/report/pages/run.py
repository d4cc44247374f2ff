"""What a run's report says: the figures of a `Run` turned into the content of a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from glassnet.check import check_network
from glassnet.data import Dataset
from glassnet.errors import GlassnetError
from glassnet.files import read_json
from glassnet.report import FeatureMaps, ReportContent, feature_maps, first_weights, write_report
from glassnet.nn import Network
from glassnet.nn.functional.arrays import Array
from glassnet.experiments.run import HELD_OUT, Run

__all__ = ["write_run_report"]

# Examples and entries of each tensor in the gradient check, and the operations that it may take: some ten seconds.
_CHECKED_EXAMPLES, _CHECKED_ENTRIES = 8, 24
_FEWEST_EXAMPLES, _FEWEST_ENTRIES = 2, 4
_MOST_OPERATIONS = 4e10
_REBUILT = 10


def write_run_report(run: Run, weights_before: Array | None) -> list[Path]:
    """Write `report.html` and `figures/*.png` into the run folder; returns their paths."""
    assert run.folder is not None
    with np.errstate(all="ignore"):  # the numbers of a diverged run overflow, and are shown as far as they can be
        content = _content(run, weights_before)
    return list(write_report(run.folder / "report.html", content, figures_folder=run.folder / "figures"))


def _content(run: Run, weights_before: Array | None) -> ReportContent:
    assert run.folder is not None
    part = run.evaluated
    network = run.model.network
    height, width, channels = network.input_shape if len(network.input_shape) == 3 else (1, 1, network.input_shape[0])
    first = first_weights(network)
    after = None if first is None else first[1].parameters["weight"].value
    # What was kept from before training may be of another layer than the first that has weights.
    fits = after is not None and weights_before is not None and weights_before.shape == after.shape
    model_path = run.folder / "model.safetensors"
    commands = [
        "# look at it again on other data",
        f"glassnet evaluate {model_path} {run.recipe.data.source}",
        "# let it read a picture",
        f"glassnet predict {model_path} PICTURE.png",
        "# check every gradient of its network",
        f'glassnet check "{network.notation()}" --input {"x".join(map(str, network.input_shape))}',
    ]
    rows, remark = _gradient_check(run, part)
    maps = _feature_maps(run, part)
    if maps is not None:
        commands += ["# follow another picture through its layers", f"glassnet look {run.folder} --picture 0"]
    return ReportContent(
        title=run.recipe.title or f"{run.splits.name}: {run.recipe.model.network}",
        sentence=_sentence(run),
        cards=_cards(run),
        history=run.history.records,
        evaluation=run.evaluation,
        evaluation_name=run.evaluated_on,
        images=part.images if run.evaluation is not None else None,
        weights_before=weights_before if fits else None,
        weights_after=after,
        image_shape=(height, width, channels),
        feature_maps=maps,
        network=network,
        network_table=str(network),
        network_plan=str(network.plan(min(run.recipe.settings.batch or len(run.splits.train), len(run.splits.train)))),
        gradient_check=rows,
        gradient_remark=remark,
        reconstructions=_rebuilt(run, part),
        configuration=run.recipe.to_toml(),
        environment=read_json(run.folder / "environment.json"),
        commands=commands,
    )


def _sentence(run: Run) -> str:
    network = run.model.network
    train, epochs = run.splits.train, len(run.history.epochs)
    text = (
        f"A network with {network.size:,} weights learned from {len(train):,} pictures in {epochs} epochs"
        f" and {run.seconds:.1f} seconds."
    )
    if run.reconstruction is not None:
        text += f" It rebuilds {run.evaluated_on} pictures with a mean PSNR of {run.reconstruction.psnr:.2f} dB."
    return f"{text} {HELD_OUT}" if HELD_OUT in run.splits.notes else text


def _cards(run: Run) -> list[tuple[str, str, str]]:
    if run.reconstruction is None:
        return []
    found = run.reconstruction
    return [
        ("PSNR", f"{found.psnr:.2f} dB", f"mean of the {run.evaluated_on} pictures"),
        ("Mean squared error", f"{found.mean_squared_error:.5f}", "pixels from 0 to 1"),
        ("Weights", f"{run.model.network.size:,}", "trained numbers"),
    ]


def _feature_maps(run: Run, part: Dataset) -> FeatureMaps | None:
    """What the layers make of the surest mistake, or of the first picture where there is none."""
    found = run.evaluation
    wrong = [] if found is None else found.mistakes(1).tolist()
    index = int(wrong[0]) if wrong else 0
    caption = f"{run.evaluated_on} picture #{index}"
    if found is not None:
        true, read = (found.class_names[labels[index]] for labels in (found.labels, found.predictions))
        sure = f"{100 * found.confidences[index]:.0f} % sure"
        caption += f": {true}, read as {read}, {sure}" + (" - the surest mistake" if wrong else "")
    x = run.model.preprocess.transform(part.images[index : index + 1])[0]
    return feature_maps(run.model.network, x, part.images[index], caption)


def _gradient_check(run: Run, part: Dataset) -> tuple[list[tuple[Any, ...]] | None, str]:
    """(the trained network's own gradients, sampled, on a few pictures of the evaluated part; why there are none).

    Large networks are checked in fewer places, and not at all where even those would take minutes.
    """
    sample = _affordable(run.model.network)
    if sample is None:
        return None, ""
    examples, entries = sample
    x = run.model.preprocess.transform(part.images[:examples]).astype(np.float64)
    target = part.labels[:examples] if run.model.loss.classifies else x.reshape(len(x), -1)
    try:
        check = check_network(run.model.network, x, target, run.model.loss, samples=entries, seed=0)
    except GlassnetError as error:
        return None, f"They cannot be checked here, where the numbers of the network are too large. {error}"
    rows = [(f"{row.parameter} ({row.mode})", row.entries, row.error, row.worst, row.verdict) for row in check.rows]
    return rows, ""


def _affordable(network: Network) -> tuple[int, int] | None:
    """(examples, entries of each tensor) of a check of at most `_MOST_OPERATIONS` operations."""
    # Two forward passes of all examples for an entry, in both modes.
    for examples in (_CHECKED_EXAMPLES, _FEWEST_EXAMPLES):
        each = 4.0 * examples * network.flops * (len(network.parameters()) + 1)
        entries = min(_CHECKED_ENTRIES, int(_MOST_OPERATIONS / max(each, 1.0)))
        if entries >= _FEWEST_ENTRIES:
            return examples, entries
    return None


def _rebuilt(run: Run, part: Dataset) -> tuple[Array, Array] | None:
    if run.reconstruction is None or len(run.model.network.input_shape) != 3:
        return None
    chosen = part.images[:_REBUILT]
    inputs = run.model.preprocess.transform(chosen)
    return inputs, run.model.predict(chosen).reshape(inputs.shape)
