"""`glassnet networks`: the networks that have a name."""

from __future__ import annotations

from typing import Any

import typer

from glassnet.cli.options import Json, emit
from glassnet.text import columns


def networks(json: Json = False) -> None:
    """The networks that have a name: their sizes, published accuracy, and whether their weights are here.

    A name takes the place of a notation; one with weights takes that of a model.

    Examples:

      glassnet train digits --model lenet-5

      glassnet predict efficientnet-lite0 photo.jpg
    """
    from glassnet.actions.networks import list_networks

    found = list_networks()
    rows: list[tuple[Any, ...]] = [("name", "input", "parameters", "FLOPs", "top-1", "weights")]
    for network in found.networks:
        shape = "x".join(map(str, network.input_shape))
        top1 = f"{network.top1:.1f} %" if network.top1 is not None else "-"
        weights = "here" if network.weights else "not yet" if network.published else "-"
        rows.append((network.name, shape, _short(network.parameters), _short(network.flops), top1, weights))
    typer.echo(columns(rows, sides="<>>>><"))
    typer.echo("\ntop-1: published accuracy on ImageNet. Weights that are not here yet:")
    typer.echo("glassnet data get NAME")
    if json:
        emit(found.to_dict())


def _short(count: int) -> str:
    """A count in three figures: 785, 61.7 k, 4.65 M, 1.81 G."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            value = count / size
            return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {letter}"
    return str(count)
