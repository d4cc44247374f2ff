"""The application: which address gives what."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route

from glassnet import report
from glassnet.actions.open import Opened
from glassnet.actions.trainings import Trainings
from glassnet.errors import GlassnetError, one_line
from glassnet.web import data, draw, play, read, runs, train
from glassnet.web.answers import as_json
from glassnet.web.ask import Asked, in_thread
from glassnet.web.guard import MOST_BYTES, BodyRefused, Guard
from glassnet.web.uploads import Upload, Uploads

__all__ = ["STATIC", "make_app"]

STATIC = Path(__file__).parent / "static"
_REPORTS = Path(report.__file__).parent / "report.css"  # the page looks as the reports do
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


def make_app(opened: Opened, port: int, token: str, *, most: int = MOST_BYTES, seconds: float = 30.0) -> Guard:
    """The page of an opened folder.

    Parameters
    ----------
    opened : Opened
        What is shown.
    port : int
        The port that the page is reached by.
    token : str
        What every path begins with.
    most : int
        Bytes that a request's body may have.
    seconds : float
        That a body may take.
    """

    @contextlib.asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        yield
        await in_thread(app.state.trainings.close)
        app.state.uploads.close()

    # The files are known beforehand: no name from outside is joined to a path.
    files = {path.name: path for path in [_REPORTS, *sorted(STATIC.iterdir())] if path.suffix in _KINDS}
    static = [Route(f"/{name}", partial(_file, path=path)) for name, path in files.items()]
    home = Route("/", partial(_file, path=files["index.html"]))
    api = [
        Route("/opened", _opened),
        Route("/pictures", _keep_picture, methods=["POST"]),
        Route("/pdf", _keep_pdf, methods=["POST"]),
        Route("/pdf-page", _pdf_page, methods=["POST"]),
        *draw.ROUTES,
        *read.ROUTES,
        *play.ROUTES,
        *runs.ROUTES,
        *train.ROUTES,
        *data.ROUTES,
    ]
    app = Starlette(
        routes=[Mount(f"/{token}", routes=[home, *static, *api])],
        lifespan=life,
        exception_handlers={
            GlassnetError: _refused,
            BodyRefused: _body_refused,
            ClientDisconnect: _gone,
            Exception: _failed,
        },
    )
    app.state.opened, app.state.uploads = opened, Uploads()
    app.state.pages, app.state.plays = {}, {}
    app.state.trainings, app.state.followers = Trainings(), 0
    return Guard(app, port, token, most=most, seconds=seconds)


async def _file(request: Request, path: Path) -> Response:
    return FileResponse(path, media_type=f"{_KINDS[path.suffix]}; charset=utf-8")


async def _opened(request: Request) -> Response:
    """What there is now: the models and their classes are asked for one by one."""
    state = request.app.state
    state.opened = await in_thread(state.opened.again)
    return as_json(state.opened.to_dict())


async def _keep_picture(request: Request) -> Response:
    asked = Asked(request)
    return _kept(await in_thread(asked.uploads.add, await request.body(), asked.text("name", "picture")))


def _kept(found: Upload) -> Response:
    return as_json({"id": found.id, "name": found.name, "height": found.shape[0], "width": found.shape[1]})


async def _keep_pdf(request: Request) -> Response:
    asked = Asked(request)
    found = await in_thread(asked.uploads.add_pdf, await request.body(), asked.text("name", "pages.pdf"))
    return as_json({"id": found.id, "name": found.name, "pages": found.pages})


async def _pdf_page(request: Request) -> Response:
    """A page of a PDF as a picture, known by an id of its own."""
    asked = Asked(request)
    return _kept(await in_thread(asked.uploads.pdf_page, asked.text("pdf"), asked.number("page"), long=True))


async def _refused(request: Request, error: Exception) -> Response:
    """One line, as on the command line."""
    return as_json({"error": str(error)}, 400)


async def _body_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, BodyRefused)
    answer = as_json({"error": str(error)}, error.status)
    answer.headers["connection"] = "close"
    return answer


async def _gone(request: Request, error: Exception) -> Response:
    """Nobody is there to read it."""
    return Response(status_code=400)


async def _failed(request: Request, error: Exception) -> Response:
    return as_json({"error": one_line(f"{type(error).__name__} (this is a defect of glassnet).")}, 500)
