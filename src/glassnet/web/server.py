"""The server: a socket on 127.0.0.1, an address with a token, uvicorn until it is interrupted."""

from __future__ import annotations

import contextlib
import importlib.util
import secrets
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from glassnet.actions.open import Opened
from glassnet.errors import Fix, GlassnetError

if TYPE_CHECKING:
    import uvicorn

__all__ = ["HOST", "listen", "make_server", "require_web", "serve"]

HOST = "127.0.0.1"
_BACKLOG = 128
_PATIENCE = 2  # seconds that answers on their way have, once the server is to end


def require_web() -> None:
    """Raise `GlassnetError` where the packages of the extra `web` are not installed."""
    if any(importlib.util.find_spec(name) is None for name in ("starlette", "uvicorn")):
        raise GlassnetError(
            "The page needs the packages starlette and uvicorn, which are not installed; pip install 'glassnet[web]'."
        )


def listen(port: int = 0) -> socket.socket:
    """A socket on 127.0.0.1.

    Parameters
    ----------
    port : int
        From 1 to 65535; 0 takes a free one.

    Raises
    ------
    GlassnetError
        The port is taken, or may not be used.
    """
    # The protocol is named: without it asyncio leaves Nagle's algorithm on, and the second part of every answer waits
    # some 40 ms for the first to be acknowledged.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((HOST, port))
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise GlassnetError(
            f"The port {port} of {HOST} cannot be used: {(error.strerror or str(error)).lower()}.", Fix.CHOOSE_PORT
        ) from error
    return made


def make_server(opened: Opened, port: int, token: str = "") -> tuple[uvicorn.Server, str]:
    """The server of an opened folder, and the address of its page.

    Parameters
    ----------
    opened : Opened
        What is shown.
    port : int
        The port that it will be reached by.
    token : str
        What the address must hold; empty takes a random one.
    """
    import uvicorn

    from glassnet.web.app import make_app
    from glassnet.web.ask import in_thread

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await in_thread(guard.state.trainings.close)  # which also ends the answers that follow them
            await super().shutdown(sockets)

    token = token or secrets.token_urlsafe(18)
    guard = make_app(opened, port, token)
    config = uvicorn.Config(
        guard,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=_PATIENCE,
        h11_max_incomplete_event_size=16_384,
        http="h11",
    )
    return Server(config), f"http://{HOST}:{port}/{token}/"


def serve(opened: Opened, listening: socket.socket, started: Callable[[str], Any]) -> None:
    """Serve the page until the process is interrupted.

    Parameters
    ----------
    opened : Opened
        What is shown.
    listening : object
        The socket that `listen` gave; it is closed at the end.
    started : callable
        Told the address, once requests to it are answered.
    """
    server, address = make_server(opened, listening.getsockname()[1])
    with contextlib.closing(listening):
        started(address)  # the socket listens already: a request waits until the loop runs
        server.run(sockets=[listening])
