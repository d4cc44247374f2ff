"""Requests of the room Data."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from glassnet.actions import browse
from glassnet.web.answers import as_json, as_png
from glassnet.web.ask import Asked, in_thread

__all__ = ["ROUTES"]


async def _sets(request: Request) -> Response:
    """The data that can be looked at."""
    found = await in_thread(browse.browsable, Asked(request).opened)
    return as_json({"data": [{"id": each.id, "name": each.name, "kind": each.kind} for each in found]})


async def _set(request: Request) -> Response:
    """What a set holds."""
    asked = Asked(request)
    found = await in_thread(browse.shown, asked.opened, asked.text("data"), long=True)
    return as_json({
        "name": found.name,
        "classes": found.class_names,
        "image_shape": found.image_shape,
        "counts": found.counts,
        "notes": found.notes,
        "augment": found.augment,
    })  # fmt: skip


async def _page(request: Request) -> Response:
    """Some pictures of a part and a class."""
    asked = Asked(request)
    which = asked.text("data"), asked.text("part"), asked.text("class", ""), asked.number("page")
    pictures, pages = await in_thread(browse.page, asked.opened, *which)
    return as_json({"pictures": [_picture(each) for each in pictures], "pages": pages})


async def _augmented(request: Request) -> Response:
    """What an augmentation does to some pictures."""
    asked = Asked(request)
    which = asked.text("data"), asked.text("augment"), asked.number("seed")
    found = await in_thread(browse.augmented, asked.opened, *which)
    return as_json({"rows": [{"class": each.class_name, "pictures": list(map(as_png, each.pixels))} for each in found]})


async def _examined(request: Request) -> Response:
    """What the doctor finds, and the pictures whose labels look wrong."""
    asked = Asked(request)
    found = await in_thread(browse.examined, asked.opened, asked.text("data"), long=True)
    return as_json({
        "findings": [each.to_dict() for each in found.findings],
        "doubted": [_picture(each) for each in found.doubted],
        "count": found.count,
    })  # fmt: skip


def _picture(each: browse.SeenPicture) -> dict[str, Any]:
    return {
        "picture": as_png(each.pixels),
        "class": each.class_name,
        "number": each.number,
        "file": each.file,
        "looks_like": each.looks_like,
        "sure": each.sure,
        "part": each.part,
    }


ROUTES = [
    Route("/sets", _sets),
    Route("/set", _set),
    Route("/page", _page),
    Route("/augmented", _augmented),
    Route("/examined", _examined),
]
