"""Requests of the room Runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from glassnet.actions.runs import compare_runs, list_runs
from glassnet.errors import DataError
from glassnet.experiments import Run
from glassnet.files import exists
from glassnet.web.answers import as_json, as_png
from glassnet.web.ask import Asked, in_thread

__all__ = ["ROUTES"]

_CURVES = ("loss", "valid_loss", "accuracy", "valid_accuracy", "psnr", "valid_psnr", "error", "valid_error")
# A report carries its own style and script, and needs nothing else; as a sandbox it has no part in this origin.
_SANDBOX = {
    "content-security-policy": "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline';"
    " script-src 'unsafe-inline'; img-src data:"
}


async def _runs(request: Request) -> Response:
    """All runs."""
    rows = await in_thread(list_runs, Asked(request).opened, long=True)
    return as_json({"runs": [row.to_dict() | {"report": _has_report(row.run)} for row in rows]})


def _has_report(run: Run | None) -> bool:
    return run is not None and run.folder is not None and exists(run.folder / "report.html")


async def _compare(request: Request) -> Response:
    """Two runs."""
    asked = Asked(request)
    ids = asked.text("first"), asked.text("second")
    found = await in_thread(compare_runs, asked.opened, *ids, long=True)
    runs = [await in_thread(asked.opened.run, id) for id in ids]
    return as_json({
        "verdict": found.verdict,
        "notes": found.notes,
        "only": [found.only_first, found.only_second],
        "remark": found.remark,
        "names": [asked.opened.entry(id).name for id in ids],
        "curves": [_curves(run) for run in runs],
        "pictures": [
            {
                "picture": as_png(each.pixels),
                "true": each.true,
                "said": [each.first, each.second],
                "first_right": each.first_right,
            }
            for each in found.pictures
        ],
    })  # fmt: skip


def _curves(run: Run) -> dict[str, list[list[Any]]]:
    """(epoch, value) of every figure that the epochs have."""
    epochs = run.history.epochs
    names = [name for name in _CURVES if any(name in record for record in epochs)]
    return {name: [[record["epoch"], record[name]] for record in epochs if name in record] for name in names}


async def _report(request: Request) -> Response:
    """A run's own report."""
    entry = Asked(request).opened.entry(request.path_params["id"])
    report = Path(entry.place) / "report.html"
    if entry.kind != "run" or not report.is_file() or report.is_symlink():
        raise DataError(f"'{entry.name}' has no report.")
    return FileResponse(report, media_type="text/html; charset=utf-8", headers=_SANDBOX)


ROUTES = [
    Route("/runs", _runs),
    Route("/compare", _compare),
    Route("/report/{id}", _report),
]
