"""What a request asks: its model, its picture, its numbers; a worker for what takes long."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request

from glassnet.actions.draw import Picture
from glassnet.actions.open import Opened
from glassnet.errors import DataError
from glassnet.model import Model
from glassnet.web.uploads import Uploads

__all__ = ["Asked", "in_thread"]

_SIDE = 1024  # pixels of a drawing
_NUMBER = 10**6
_LONG = anyio.CapacityLimiter(1)  # what takes seconds waits in a queue
_SHORT = anyio.CapacityLimiter(4)

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *arguments: Any, long: bool = False, **options: Any) -> T:
    """What a function gives, called beside the server's own thread; of those that take long one at a time."""
    call = functools.partial(function, *arguments, **options)
    return await anyio.to_thread.run_sync(call, limiter=_LONG if long else _SHORT)


class Asked:
    """The parameters of a request. Whatever is missing or wrong raises `DataError`."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.opened: Opened = request.app.state.opened
        self.uploads: Uploads = request.app.state.uploads

    def text(self, name: str, otherwise: str | None = None) -> str:
        """A text."""
        found = self.request.query_params.get(name, otherwise)
        if found is None:
            raise DataError(f"The request lacks '{name}'.")
        return found

    def number(self, name: str) -> int:
        """A whole number from 0 to a million."""
        text = self.text(name)
        if not (text.isascii() and text.isdigit() and len(text) < 8 and int(text) <= _NUMBER):
            raise DataError(f"'{name}' is a whole number from 0 on. Got '{text}' instead.")
        return int(text)

    def numbers(self, name: str) -> tuple[int, ...]:
        """Whole numbers with commas between them."""
        parts = self.text(name).split(",")
        if len(parts) > 3 or not all(part.isascii() and part.isdigit() and len(part) < 8 for part in parts):
            raise DataError(f"'{name}' is up to three whole numbers. Got '{self.text(name)}' instead.")
        return tuple(map(int, parts))

    async def model(self) -> tuple[str, Model]:
        """The id and the model, or what it was after an epoch."""
        id = self.text("model")
        epoch = self.number("epoch") if "epoch" in self.request.query_params else None
        return id, await in_thread(self.opened.model, id, epoch)

    async def picture(self) -> Picture:
        """The drawing in the body, a byte for each pixel, or the picture of an id."""
        if "picture" in self.request.query_params:
            return self.uploads.get(self.text("picture")).path
        width, height = self.number("width"), self.number("height")
        if not (1 <= width <= _SIDE and 1 <= height <= _SIDE):
            raise DataError(f"A drawing has 1 to {_SIDE} pixels a side. Got {width} x {height}.")
        body = await self.request.body()
        if len(body) != width * height:
            raise DataError(f"A drawing of {width} x {height} pixels has as many bytes. Got {len(body):,}.")
        pixels: NDArray[np.uint8] = np.frombuffer(body, np.uint8).reshape(height, width, 1)
        return pixels
