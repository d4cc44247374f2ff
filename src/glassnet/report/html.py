"""HTML built from elements, so that every text is escaped and every tag is closed."""

from __future__ import annotations

import base64
import html as _html
from collections.abc import Iterable
from pathlib import Path

__all__ = ["Html", "data_uri", "document", "element", "join", "scroll_box"]

_VOID = frozenset({"br", "col", "hr", "img", "input", "link", "meta", "source"})


class Html(str):
    """Text that is already HTML. Any other `str` is escaped when it becomes part of an element."""

    __slots__ = ()


def element(tag: str, *children: object, **attributes: object) -> Html:
    """`<tag attributes>children</tag>`. Children that are not `Html` are escaped; `None` children and attributes are
    left out.

    Attribute names: a trailing underscore is dropped (`class_`), others become hyphens (`aria_label`); `True` gives
    the bare name.
    """
    parts = [tag]
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        key = name.rstrip("_").replace("_", "-")
        parts.append(key if value is True else f'{key}="{_html.escape(str(value), quote=True)}"')
    start = f"<{' '.join(parts)}>"
    if tag in _VOID:
        return Html(start)
    return Html(f"{start}{join(children)}</{tag}>")


def join(children: Iterable[object]) -> Html:
    """Children one after another, escaped unless they are `Html`."""
    return Html("".join(c if isinstance(c, Html) else _html.escape(str(c)) for c in children if c is not None))


def data_uri(picture: bytes, kind: str = "png") -> str:
    """A picture file, a PNG or another `kind`, as an address that carries it whole."""
    return f"data:image/{kind};base64," + base64.b64encode(picture).decode("ascii")


def scroll_box(content: Html, label: str, *, rows: int = 0, compact: bool = False) -> Html:
    """A box around what may be wider than a phone: it scrolls, by touch and by the arrow keys, and says so.

    Parameters
    ----------
    content : Html
        A table, a figure, text that keeps its lines.
    label : str
        What is in it, for readers who hear the page.
    rows : int
        The number of its lines where they are too many to stand on a page: the box is then no higher than a screen.
    compact : bool
        Whether the box is only as wide as its content.
    """
    kinds = ["scroll", *(["tall"] if rows else []), *(["compact"] if compact else [])]
    hint = f"{rows:,} rows: scroll for more" if rows else "scroll sideways for more \N{RIGHTWARDS ARROW}"
    return element(
        "div",
        element("div", content, class_=" ".join(kinds), tabindex="0", role="region", aria_label=label),
        element("p", hint, class_="hint", aria_hidden="true"),
        class_="scrolls",
    )


def document(title: str, body: Html, script: str = "") -> bytes:
    """A whole page in UTF-8 that needs no other file: the style sheet and the script are part of it.

    `script` must be trusted code of this package.
    """
    css = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content="glassnet"),
        element("title", title),
        element("style", Html(css)),
    )
    end = element("script", Html(script)) if script else None
    whole = element("html", head, element("body", body, end), lang="en")
    # A lone surrogate, as in the name of a file that is not UTF-8, cannot be written; it becomes a question mark.
    return ("<!doctype html>\n" + whole + "\n").encode("utf-8", errors="replace")
