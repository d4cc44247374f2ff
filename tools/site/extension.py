"""What Sphinx does here beyond its own: formulas as MathML, the table of claims, the line at which a lesson fails."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from glassnet.lessons.claims import MIME, Claim

logger = logging.getLogger(__name__)


# ---- formulas


def _formula(writer: Any, node: nodes.Element, display: str) -> None:
    made = convert(node.astext(), display=display)
    if left := re.search(r"\\[A-Za-z]+", re.sub(r"<[^>]*>", "", made)):
        logger.warning("no MathML for %s in %s", left[0], node.astext(), location=node)
    writer.body.append(made)
    raise nodes.SkipNode


def _inline(writer: Any, node: nodes.Element) -> None:
    _formula(writer, node, "inline")


def _block(writer: Any, node: nodes.Element) -> None:
    _formula(writer, node, "block")


# ---- claims


class ClaimsTable(nodes.General, nodes.Element):
    """Where the table of all claims will stand."""


class ClaimsDirective(SphinxDirective):
    """`{claims}`: every claim of every lesson."""

    def run(self) -> list[nodes.Node]:
        """A place for the table, filled when all lessons have run."""
        return [ClaimsTable()]


def _executed(app: Sphinx, page: str) -> Path:
    return Path(app.outdir).parent / "jupyter_execute" / f"{page}.ipynb"


def claims_of(app: Sphinx, page: str) -> list[Claim]:
    """The claims of a lesson that ran."""
    path = _executed(app, page)
    if not path.exists():
        return []
    found = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", ()):
            if MIME in output.get("data", {}):
                kept = {name: value for name, value in output["data"][MIME].items() if name != "holds"}
                found.append(Claim(**kept))
    return found


def _table(app: Sphinx) -> str:
    rows, where = [], set()
    for page in sorted(page for page in app.env.found_docs if page.startswith("lessons/")):
        for claim in claims_of(app, page):
            link = f'<a href="{html.escape(page)}.html">{html.escape(page.removeprefix("lessons/"))}</a>'
            cells = (html.escape(claim.name), f"{claim.value:.6g}", html.escape(claim.wanted), link)
            rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
            where.add(f"{claim.machine}, {claim.date}")
    heads = "".join(f"<th>{head}</th>" for head in ("figure", "came out", "claimed", "lesson"))
    table = f'<table class="docutils claims"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    return f"<p>{len(rows)} claims, computed on: {html.escape('; '.join(sorted(where)))}.</p>{table}"


def _fill(app: Sphinx, doctree: nodes.document, page: str) -> None:
    for place in list(doctree.findall(ClaimsTable)):
        place.replace_self(nodes.raw("", _table(app), format="html"))


# ---- failures


def origins(app: Sphinx) -> dict[str, str]:
    """The file of the repository that each page was laid out from."""
    lines = (Path(app.srcdir).parent / "origins.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def failing_line(source: str, report: str) -> int:
    """The line of a page at which a cell raised, from the page's text and what the notebook client reports.

    The report shows the cell between two lines of dashes, and then where in it, as `Cell In[3], line 2`.
    """
    cell = re.search(r"^-{10,}\n(.*?)\n-{10,}$", report, re.DOTALL | re.MULTILINE)
    within = re.search(r"Cell\s+In\[\d+\], line (\d+)", re.sub(r"\x1b\[[\d;]*m", "", report))
    start = source.find(cell[1].strip("\n")) if cell else -1
    if start < 0:
        return 1
    return source.count("\n", 0, start) + (int(within[1]) if within else 1)


def _failures(app: Sphinx, env: BuildEnvironment) -> list[str]:
    files = origins(app)
    for page in sorted(env.found_docs):
        found = NbMetadataCollector.get_exec_data(env, page)
        if found is None or found["succeeded"]:
            continue
        source = Path(env.doc2path(page)).read_text(encoding="utf-8")
        report = (found["traceback"] or "").strip()
        last = re.sub(r"\x1b\[[\d;]*m", "", report.splitlines()[-1] if report else "")
        where = f"{files.get(f'{page}.md', page)}:{failing_line(source, report)}"
        logger.warning("%s", last, location=where, type="lesson", subtype="raised")
    return [page for page in env.found_docs if page == "claims"]


def setup(app: Sphinx) -> dict[str, Any]:
    """Told to Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.add_node(ClaimsTable)
    app.add_directive("claims", ClaimsDirective)
    app.connect("env-updated", _failures)
    app.connect("doctree-resolved", _fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
