"""Requests of the room Play."""

from __future__ import annotations

import json
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from glassnet.actions.play import KINDS, SPAN, Played, Playground, draw_points, formula_points, make_playground
from glassnet.errors import DataError
from glassnet.web.answers import as_field, as_json
from glassnet.web.ask import Asked, in_thread

__all__ = ["ROUTES"]

_MOST = 6  # playgrounds that are kept; nothing runs between requests
_SURFACE, _UNITS = 60, 24


async def _begin(request: Request) -> Response:
    """A playground at its start: points of a kind, or those of the body."""
    asked = Asked(request)
    kind, seed = asked.text("data"), asked.number("seed")
    if kind == "formula":
        points, labels = await in_thread(formula_points, asked.text("formula"), seed)
    else:
        points, labels = await _own(request) if kind == "own" else draw_points(kind, seed)
    play = await in_thread(
        make_playground, points, labels, asked.text("network"), optimizer=asked.text("optimizer"), seed=seed
    )
    id = secrets.token_hex(8)
    plays: dict[str, Playground] = request.app.state.plays
    plays[id] = play
    while len(plays) > _MOST:
        plays.pop(next(iter(plays)))
    layers = [
        {"name": f"{place}.{layer.word}", "notation": layer.notation(), "kind": layer.kind}
        for place, layer in enumerate(play.engine.network.layers, start=1)
    ]
    return as_json({
        "id": id,
        "kinds": list(KINDS),
        "span": SPAN,
        "points": play.points,
        "labels": play.labels,
        "layers": layers,
        "weights": play.engine.network.size,
        **_state(await in_thread(play.step, 0, 0.0, surface=_SURFACE, units=_UNITS)),
    })  # fmt: skip


async def _own(request: Request) -> tuple[Any, Any]:
    """The points and the labels of the body."""
    try:
        found = json.loads(await request.body())
        points = [[float(x), float(y)] for x, y in found["points"]]
        return points, [int(label) for label in found["labels"]]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise DataError("Points of one's own are pairs of numbers, and a label for each.") from error


async def _step(request: Request) -> Response:
    """Some steps, and where the playground stands then."""
    asked = Asked(request)
    play: Playground | None = request.app.state.plays.get(asked.text("play"))
    if play is None:
        raise DataError("That training is not kept any more; start again.")
    try:
        rate = float(asked.text("rate"))
    except ValueError:
        raise DataError(f"The rate is a number. Got '{asked.text('rate')}' instead.") from None
    units = _UNITS if asked.number("units") else 0
    found = await in_thread(play.step, asked.number("count"), rate, surface=_SURFACE, units=units)
    return as_json(_state(found))


def _state(found: Played) -> dict[str, Any]:
    return {
        "step": found.step,
        "loss": found.loss,
        "accuracy": found.accuracy,
        "surface": as_field(found.surface),
        "units": {name: as_field(values) for name, values in found.units.items()},
    }


ROUTES = [
    Route("/play", _begin, methods=["POST"]),
    Route("/step", _step, methods=["POST"]),
]
