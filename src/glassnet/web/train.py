"""Requests of the room Train."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from glassnet.actions.page_training import branch_of, order_of
from glassnet.actions.trainings import ENDED, Job, Trainings
from glassnet.errors import DataError, RecipeError, TrainingError
from glassnet.files import json_value
from glassnet.nn.named import NAMED
from glassnet.optim import OPTIMIZERS
from glassnet.web.answers import as_json, as_png
from glassnet.web.ask import Asked, in_thread

__all__ = ["ROUTES"]

_LOOK = 0.1  # seconds between two looks at a training that is followed
_BEAT = 100  # looks without news after which a line is sent, which shows that the page is still there
_FOLLOWERS = 32  # pages that follow trainings at once


def _trainings(request: Request) -> Trainings:
    found: Trainings = request.app.state.trainings
    return found


async def _choices(request: Request) -> Response:
    """What can be chosen: data, networks, optimisers."""
    data = await in_thread(lambda: Asked(request).opened.data)
    networks = [r for r in NAMED.values() if r.use.trains and r.use.classes <= 100]
    return as_json({
        "data": [{"id": each.id, "name": each.name, "kind": each.kind} for each in data],
        "networks": [{"name": each.name, "about": each.about} for each in networks],
        "optimizers": list(OPTIMIZERS),
    })  # fmt: skip


async def _settings(request: Request) -> dict[str, Any]:
    """The settings of the body: a table of plain values."""
    try:
        found = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError) as error:
        raise RecipeError("Settings are sent as JSON.") from error
    if not isinstance(found, dict):
        raise RecipeError("Settings are a table: a value for each name.")
    return found


async def _train(request: Request) -> Response:
    """Start a training, or let it wait."""
    asked = Asked(request)
    order = await in_thread(order_of, asked.opened, asked.text("data"), await _settings(request))
    return as_json(_trainings(request).add(order).to_dict())


async def _branch(request: Request) -> Response:
    """Go on from an epoch of a training, or from where it stands, with something changed."""
    asked, trainings = Asked(request), _trainings(request)
    job, given = trainings.get(asked.text("training")), await _settings(request)
    epoch = asked.number("epoch") if "epoch" in request.query_params else None
    if job.folder is None or not job.about:
        raise TrainingError("That training has not begun yet.")
    if epoch is not None and epoch not in job.epochs:
        raise DataError(f"Epoch {epoch} is not kept.")
    order = branch_of(job.order, job.folder, epoch, given)
    if job.state not in ENDED:
        trainings.tell(job.id, "stop")  # its state is saved before the branch begins
    return as_json(trainings.add(order, first=True).to_dict())


async def _all(request: Request) -> Response:
    """All trainings."""
    return as_json({"trainings": [job.to_dict() for job in _trainings(request)]})


async def _tell(request: Request) -> Response:
    """Pause, go on, one step, stop."""
    asked = Asked(request)
    return as_json((await in_thread(_trainings(request).tell, asked.text("training"), asked.text("word"))).to_dict())


async def _events(request: Request) -> Response:
    """What a training tells, as it tells it: server-sent events."""
    state = request.app.state
    job = _trainings(request).get(Asked(request).text("training"))
    if state.followers >= _FOLLOWERS:
        raise TrainingError(f"{_FOLLOWERS} pages follow trainings already; close one of them.")
    return StreamingResponse(_followed(state, job), media_type="text/event-stream")


async def _followed(state: Any, job: Job) -> AsyncIterator[str]:
    state.followers += 1
    try:
        sent, last, picture, silent = 0, "", None, 0
        while True:
            now: dict[str, Any] = {**job.to_dict(), "live": job.live}
            news = job.records[sent:]
            if news or not sent:
                now["epochs"] = job.epochs
            text = json.dumps(json_value(now))
            if news or text != last or job.kernels is not picture:
                if job.kernels is not picture and job.kernels is not None:
                    picture = job.kernels
                    now["kernels"] = as_png(picture)
                yield _event({**now, "from": sent, "records": news})
                sent, last, silent = sent + len(news), text, 0
            elif (silent := silent + 1) % _BEAT == 0:
                yield ": still here\n\n"
            if (job.state in ENDED and sent == len(job.records)) or state.trainings.closed:
                return
            await anyio.sleep(_LOOK)
    finally:
        state.followers -= 1


def _event(values: dict[str, Any]) -> str:
    return f"data: {json.dumps(json_value(values), allow_nan=False)}\n\n"


ROUTES = [
    Route("/choices", _choices),
    Route("/train", _train, methods=["POST"]),
    Route("/branch", _branch, methods=["POST"]),
    Route("/trainings", _all),
    Route("/tell", _tell, methods=["POST"]),
    Route("/events", _events),
]
