"""Requests of the room Draw."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from glassnet.actions import draw
from glassnet.explain import LayerReaction
from glassnet.web.answers import as_field, as_json, as_png
from glassnet.web.ask import Asked, in_thread

__all__ = ["ROUTES"]

_MAPS, _SIDE, _UNITS = 64, 56, 1024  # of a layer that are shown: maps, pixels of a side, units
_CLASSES = 10
_TERMS = 400  # of a sum that are listed; the expression has all of them


async def _model(request: Request) -> Response:
    """What a model is."""
    asked = Asked(request)
    id, model = await asked.model()
    network = model.network
    return as_json({
        "id": id,
        "classes": list(model.class_names),
        "image_shape": list(model.image_shape),
        "network": network.notation(),
        "weights": network.size,
        "facts": model._facts(),
        "preprocess": model.preprocess.notation(),
        "epochs": await in_thread(asked.opened.epochs, id),
    })  # fmt: skip


async def _react(request: Request) -> Response:
    """Every layer's reaction to a picture."""
    asked = Asked(request)
    (_, model), picture = await asked.model(), await asked.picture()
    return as_json(await in_thread(_reaction, model, picture))


def _reaction(model: Any, picture: draw.Picture) -> dict[str, Any]:
    found = draw.react(model, picture)
    return {
        "input": as_png(found.pixels),
        "changes": found.changes,
        "nothing": found.nothing,
        "classes": [] if found.nothing else _classes(found.probabilities, model.class_names),
        "layers": [_layer(each) for each in found.layers],
    }


def _classes(probabilities: NDArray[Any], names: tuple[str, ...]) -> list[list[Any]]:
    """(name, probability) of the most probable classes; of few classes all, in their own order."""
    order = np.argsort(-probabilities, kind="stable")[:_CLASSES]
    chosen = range(len(names)) if len(names) <= _CLASSES else [int(k) for k in order]
    return [[names[k], round(float(probabilities[k]), 6)] for k in chosen]


def _layer(found: LayerReaction) -> dict[str, Any]:
    values, stride = found.values, 1
    if values.ndim == 3:
        stride = max(1, -(-max(values.shape[:2]) // _SIDE))
        values = values[::stride, ::stride, :_MAPS].transpose(2, 0, 1)
    else:
        values = values.reshape(-1)[:_UNITS]
    return {
        "name": found.name,
        "notation": found.notation,
        "kind": found.kind,
        "shape": list(found.values.shape),
        "stride": stride,
        "values": as_field(values),
    }


async def _unit(request: Request) -> Response:
    """The sum that made a unit."""
    asked = Asked(request)
    (_, model), picture = await asked.model(), await asked.picture()
    found = await in_thread(draw.working, model, picture, asked.text("layer"), asked.numbers("unit"))
    terms = sorted(found.terms, key=lambda term: -abs(term.part))[:_TERMS]
    return as_json({
        "layer": found.layer,
        "unit": found.unit,
        "computed": found.computed,
        "value": found.value,
        "expression": found.expression,
        "terms": [[term.source, term.value, term.weight, term.part] for term in terms],
        "count": len(found.terms),
        "left_out": found.left_out,
    })  # fmt: skip


async def _where(request: Request) -> Response:
    """Where the evidence lies."""
    asked = Asked(request)
    (_, model), picture = await asked.model(), await asked.picture()
    found = await in_thread(draw.where, model, picture, asked.text("class", "") or None, long=True)
    maps = [{"method": heat.method, "said": heat.said, "values": as_field(heat.values)} for heat in found.maps]
    return as_json({"class": found.name, "maps": maps})


async def _fool(request: Request) -> Response:
    """The smallest change into a class."""
    asked = Asked(request)
    (_, model), picture = await asked.model(), await asked.picture()
    found = await in_thread(draw.fool_drawing, model, picture, asked.text("class"), long=True)
    return as_json({
        "class": found.target,
        "picture": as_png(found.pixels),
        "change": as_field(found.change.sum(axis=2)),
        "reached": found.reached,
        "l2": found.l2,
        "largest": int(np.abs(found.change).max()),
        "classes": _classes(found.probabilities, model.class_names),
    })  # fmt: skip


async def _nearest(request: Request) -> Response:
    """The nearest training pictures."""
    asked = Asked(request)
    (id, _), picture = await asked.model(), await asked.picture()
    found = await in_thread(draw.nearest, asked.opened, id, picture, long=True)
    return as_json({
        "pictures": [
            {"picture": as_png(each.pixels), "class": each.class_name, "number": each.number, "distance": each.distance}
            for each in found
        ]
    })  # fmt: skip


ROUTES = [
    Route("/model", _model),
    Route("/react", _react, methods=["POST"]),
    Route("/unit", _unit, methods=["POST"]),
    Route("/where", _where, methods=["POST"]),
    Route("/fool", _fool, methods=["POST"]),
    Route("/nearest", _nearest, methods=["POST"]),
]
