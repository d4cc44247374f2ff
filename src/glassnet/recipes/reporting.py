"""What a run's report says: the figures of a `Run` turned into the content of a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from glassnet.check import check_network
from glassnet.data import Dataset
from glassnet.files import read_json
from glassnet.look import ReportContent, write_report
from glassnet.nn.functional.arrays import Array
from glassnet.recipes.run import Run

__all__ = ["write_run_report"]

_CHECKED_EXAMPLES, _CHECKED_ENTRIES = 8, 24
_REBUILT = 10


def write_run_report(run: Run, weights_before: Array | None) -> list[Path]:
    """Write `report.html` and `figures/*.png` into the run folder; returns their paths."""
    assert run.folder is not None
    content = _content(run, weights_before)
    return list(write_report(run.folder / "report.html", content, figures_folder=run.folder / "figures"))


def _content(run: Run, weights_before: Array | None) -> ReportContent:
    assert run.folder is not None
    part = run.evaluated
    network = run.model.network
    height, width, channels = network.input_shape if len(network.input_shape) == 3 else (1, 1, network.input_shape[0])
    after = network.layers[0].parameters.get("weight")
    model_path = run.folder / "model.safetensors"
    commands = [
        "# look at it again on other data",
        f"glassnet evaluate {model_path} {run.recipe.data.source}",
        "# let it read a picture",
        f"glassnet predict {model_path} PICTURE.png",
        "# check every gradient of its network",
        f'glassnet check "{network.notation()}" --input {"x".join(map(str, network.input_shape))}',
    ]
    return ReportContent(
        title=run.recipe.title or f"{run.splits.name}: {run.recipe.model.network}",
        sentence=_sentence(run),
        cards=_cards(run),
        history=run.history.records,
        evaluation=run.evaluation,
        evaluation_name=run.evaluated_on,
        images=part.images if run.evaluation is not None else None,
        weights_before=weights_before,
        weights_after=None if after is None or weights_before is None else after.value,
        image_shape=(height, width, channels),
        network_table=str(network),
        gradient_check=_gradient_check(run, part),
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
    return text


def _cards(run: Run) -> list[tuple[str, str, str]]:
    if run.reconstruction is None:
        return []
    found = run.reconstruction
    return [
        ("PSNR", f"{found.psnr:.2f} dB", f"mean of the {run.evaluated_on} pictures"),
        ("Mean squared error", f"{found.mean_squared_error:.5f}", "pixels from 0 to 1"),
        ("Weights", f"{run.model.network.size:,}", "trained numbers"),
    ]


def _gradient_check(run: Run, part: Dataset) -> list[tuple[Any, ...]]:
    """The trained network's own gradients, sampled, on a few pictures of the evaluated part."""
    x = run.model.preprocess.transform(part.images[:_CHECKED_EXAMPLES]).astype(np.float64)
    target = part.labels[:_CHECKED_EXAMPLES] if run.model.loss.classifies else x.reshape(len(x), -1)
    check = check_network(run.model.network, x, target, run.model.loss, samples=_CHECKED_ENTRIES, seed=0)
    return [(f"{row.parameter} ({row.mode})", row.entries, row.error, row.worst, row.verdict) for row in check.rows]


def _rebuilt(run: Run, part: Dataset) -> tuple[Array, Array] | None:
    if run.reconstruction is None or len(run.model.network.input_shape) != 3:
        return None
    chosen = part.images[:_REBUILT]
    inputs = run.model.preprocess.transform(chosen)
    return inputs, run.model.predict(chosen).reshape(inputs.shape)
