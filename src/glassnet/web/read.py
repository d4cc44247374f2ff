"""Requests of the room Read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from glassnet.actions import read_page
from glassnet.actions.read import choose_reader
from glassnet.errors import ReaderError
from glassnet.web.answers import as_json, as_png
from glassnet.web.ask import Asked, in_thread

__all__ = ["ROUTES"]

_MOST = 12  # pages that are kept
_MEDIA = {"text": ("text/plain; charset=utf-8", ".txt"), "hocr": ("application/xhtml+xml", ".hocr"),
          "pdf": ("application/pdf", ".pdf")}  # fmt: skip


@dataclass
class _Kept:
    """A page, and the files that it is kept in once it was put right."""

    shown: read_page.PageShown
    files: tuple[Path, ...] = ()


@cache
def _reader() -> Any:
    """Made once, with the first page."""
    return choose_reader()


def _pages(asked: Asked) -> dict[str, _Kept]:
    found: dict[str, _Kept] = asked.request.app.state.pages
    return found


def _page(asked: Asked) -> _Kept:
    found = _pages(asked).get(asked.text("picture"))
    if found is None:
        raise ReaderError("That page is not kept any more; drop it once more.")
    return found


async def _read(request: Request) -> Response:
    """Read a picture that was dropped."""
    asked = Asked(request)
    upload = asked.uploads.get(asked.text("picture"))
    shown = await in_thread(lambda: read_page.read_page(_reader(), upload.path, upload.name), long=True)
    pages = _pages(asked)
    pages[upload.id] = _Kept(shown)
    while len(pages) > _MOST:
        pages.pop(next(iter(pages)))
    stages = [{"name": each.name, "said": each.said, "picture": as_png(each.picture)} for each in shown.stages]
    return as_json({**_answer(pages[upload.id], upload.id), "stages": stages})


def _answer(kept: _Kept, id: str) -> dict[str, Any]:
    names = [file.parent.name + "/" + file.name for file in kept.files]
    return {"id": id, "name": kept.shown.name, "kept": names, **kept.shown.page.as_json()}


async def _correct(request: Request) -> Response:
    """Put a word right, and keep the page with its text."""
    asked = Asked(request)
    kept = _page(asked)
    shown = read_page.correct(kept.shown, asked.number("line"), asked.number("word"), asked.text("text"))
    if shown.page.lines:
        kept.files = await in_thread(read_page.keep, shown, asked.opened.folder, kept.files)
    kept.shown = shown
    return as_json(_answer(kept, asked.text("picture")))


async def _picture(request: Request) -> Response:
    """The picture as it was dropped."""
    return FileResponse(Asked(request).uploads.get(request.path_params["id"]).path)


async def _download(request: Request) -> Response:
    """The page as text, hOCR or PDF."""
    asked, form = Asked(request), request.path_params["form"]
    kept = _page(asked)
    content = await in_thread(read_page.export_page, kept.shown, form)
    media, suffix = _MEDIA[form]
    name = quote(Path(kept.shown.name).stem + suffix)
    return Response(content, media_type=media, headers={"content-disposition": f"attachment; filename*=UTF-8''{name}"})


ROUTES = [
    Route("/read", _read, methods=["POST"]),
    Route("/correct", _correct, methods=["POST"]),
    Route("/download/{form}", _download),
    Route("/picture/{id}", _picture),
]
