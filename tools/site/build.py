"""From the repository's pages to HTML: pages laid out, then Sphinx; lessons that ran before come from a cache."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from tools.site import reference, staging

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def build(out: Path, pages: dict[Path, str] | None = None) -> int:
    """Lay the pages out under `out` and build them; Sphinx's exit status.

    Parameters
    ----------
    out : path
        The folder for all that is made: source/, html/, cache/.
    pages : dict of Path to str, optional
        Files and the names under which they are laid out; None takes the whole documentation.
    """
    out = out.resolve()
    source, html = out / "source", out / "html"
    if pages is None:
        staging.lay_out(source, staging.documentation(), reference.pages())
    else:
        staging.lay_out(source, pages, {})
    command = ["-m", "sphinx", "-b", "html", "-c", HERE, "-d", out / "doctrees", "-j", "1", "-W", "--keep-going", "-q"]
    cache = f"nb_execution_cache_path={out / 'cache' / code_digest()}"
    return subprocess.run([sys.executable, *map(str, command), "-D", cache, str(source), str(html)]).returncode


def code_digest() -> str:
    """A name for the state of the package: lessons run anew when any of its code has changed."""
    found = hashlib.sha256()
    for path in sorted((ROOT / "src" / "glassnet").rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]
