"""Who is let in: this machine's own browser, with the token, on this origin, with requests of a bounded size."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["MOST_BYTES", "BodyRefused", "Guard"]

MOST_BYTES = 24 * 2**20
"""Of a request's body: a photograph from a telephone has 3 to 12 MB."""
_SECONDS = 30.0  # that a request's body may take
_METHODS = ("GET", "HEAD", "POST")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
     b" connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)  # fmt: skip


class BodyRefused(Exception):
    """A request's body is larger than it may be (413), or did not arrive in time (408)."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Guard:
    """Refuses what does not come from the page itself, before any of it is looked at.

    A body that is too large or too slow raises `BodyRefused` in whatever reads it.

    Parameters
    ----------
    app : Asgi
        What is guarded.
    port : int
        Of the server: the hosts are 127.0.0.1:PORT and localhost:PORT, so that no other name of this machine, as a
        hostile page may make one (DNS rebinding), reaches it.
    token : str
        What every path must begin with.
    most : int
        Bytes of a body.
    seconds : float
        That a body may take.
    """

    def __init__(self, app: Asgi, port: int, token: str, *, most: int = MOST_BYTES, seconds: float = _SECONDS) -> None:
        self.app, self.token, self.most, self.seconds = app, token.encode(), most, seconds
        self.too_large = f"At most {most / 2**20:.3g} MB are taken."
        self.hosts = frozenset(f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost"))

    @property
    def state(self) -> Any:
        """That of the application."""
        return self.app.state  # type: ignore[attr-defined]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            refused = self._refused(scope)
            if refused is not None:
                await _answer(send, *refused)
                return
            await self._let_in(scope, receive, send)

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason; None for a request that is let in."""
        headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return 421, "This page is reached by 127.0.0.1 alone."
        if scope["method"] not in _METHODS:
            return 405, "This page takes GET and POST alone."
        for name, value in headers:
            if name == b"origin" and value.lower() not in {b"http://" + host for host in self.hosts}:
                return 403, "This page answers no other page."
            if name == b"sec-fetch-site" and value not in (b"same-origin", b"none"):
                return 403, "This page answers no other page."
            if name == b"content-length" and (not value.isdigit() or int(value) > self.most):
                return 413, self.too_large
        first = scope["path"].split("/", 2)
        if len(first) < 3 or not secrets.compare_digest(first[1].encode(), self.token):
            return 403, "Open the address that glassnet printed: it has a token."
        return None

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        left, whole = self.most, False
        deadline = asyncio.get_running_loop().time() + self.seconds

        async def counted() -> MutableMapping[str, Any]:
            nonlocal left, whole
            if whole:
                return await receive()  # what comes after the body: that the client is gone
            try:
                message = await asyncio.wait_for(receive(), deadline - asyncio.get_running_loop().time())
            except TimeoutError:
                raise BodyRefused(408, "The request took too long.") from None
            left -= len(message.get("body", b""))
            if left < 0:
                raise BodyRefused(413, self.too_large)
            whole = not message.get("more_body", False)
            return message

        async def answered(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(each for each in _HEADERS if each[0] not in own)]
            await send(message)

        await self.app(scope, counted, answered)


async def _answer(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode() + b"\n"})
