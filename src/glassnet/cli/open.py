"""`glassnet open`: a page in the browser to draw on, look inside, read pages and compare runs."""

from __future__ import annotations

import contextlib
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from glassnet.cli.options import Json, emit, say
from glassnet.text import counted

if TYPE_CHECKING:
    from glassnet.actions.open import Opened


def open_page(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL|RUN|FOLDER]",
            help="A folder of runs and models (default: the working folder), a run folder, a model file or a pretrained"
            " network.",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(metavar="N", help="The port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)
    ] = 0,
    browser: Annotated[bool, typer.Option(help="Show the page in the browser.")] = True,
    list_: Annotated[bool, typer.Option("--list", help="Say what would be opened, and end.")] = False,
    json: Json = False,
) -> None:
    """A page to play with: draw, look inside, train, fool, read pages, compare runs.

    Prints the address of a page that this machine alone can reach, and serves it until Ctrl-C. It works without a
    network: draw a digit or drop a picture and see every layer react; click a unit for the sum that made it; drop a
    page of handwriting, put words right and download the text; put any two runs side by side; train a network, watch it
    and go back to any epoch; look through pictures and their labels. Corrected pages are kept in the folder's
    `corrected`, trainings in its `runs`. Needs Starlette and uvicorn: pip install 'glassnet[web]'.

    Examples:

      glassnet open runs

      glassnet open runs/digits --port 8000 --no-browser
    """
    from glassnet.actions.open import open_place
    from glassnet.web import listen, require_web, serve

    opened = open_place(what)
    if list_:
        _list(opened)
        if json:
            emit(opened.to_dict())
        return
    require_web()
    listening = listen(port)

    def started(address: str) -> None:
        say(f"opened {opened.folder}: {_counts(opened)}")
        say(address)
        shown = browser and _show(address)
        if browser and not shown:
            say("note: no browser could be started; open the address yourself", err=True)
        say("Ctrl-C ends it")
        if json:
            emit({**opened.to_dict(), "address": address})
        typer.get_text_stream("stdout").flush()

    serve(opened, listening, started)


def _counts(opened: Opened) -> str:
    runs = len(opened.runs)
    return f"{counted(runs, 'run')}, {counted(len(opened.entries) - runs, 'model')}"


def _list(opened: Opened) -> None:
    say(f"{opened.folder}: {_counts(opened)}, {counted(opened.pictures, 'picture')}")
    for each in opened.entries:
        say(f"  {each.kind:<11}{each.name}")


def _show(address: str) -> bool:
    """Whether a browser was started."""
    with contextlib.suppress(webbrowser.Error, OSError):
        return webbrowser.open(address)
    return False
