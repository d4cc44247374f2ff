"""The pages of the site, laid out in one folder: those of docs/, the lessons, and the few that stand elsewhere.

The front page is docs/README.md. Each of its sections becomes a part of the navigation, in the order of its links.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LESSONS = ROOT / "src" / "glassnet" / "lessons" / "pages"

# What stands outside docs/ and is linked from there.
ELSEWHERE = {
    "README.md": "readme.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "LICENSE": "licence.txt",
    "recipes/README.md": "recipes.md",
    "src/glassnet/reader/characters.md": "reader-characters.md",
    "src/glassnet/reader/lines/lines.md": "reader-lines.md",
    "src/glassnet/reader/lines/english.md": "reader-english.md",
}

LINK = re.compile(r"(?<=\]\()([^)\s#]+)")
MORE = (
    "The README <readme>",
    "recipes",
    "contributing",
    "changes",
    "reader-characters",
    "reader-lines",
    "reader-english",
)
GENERATED = (
    """
```{toctree}
:hidden:
:caption: Reference

reference/index
```

```{toctree}
:hidden:
:caption: The package

"""
    + "\n".join(MORE)
    + "\n```\n"
)


def documentation() -> dict[Path, str]:
    """Every file of the documentation, and its name on the site."""
    docs = ROOT / "docs"
    found = {path: path.relative_to(docs).as_posix() for path in sorted(docs.rglob("*")) if path.is_file()}
    found[docs / "README.md"] = "index.md"
    found |= {ROOT / path: name for path, name in ELSEWHERE.items()}
    return found | {path: f"lessons/{path.name}" for path in sorted(LESSONS.glob("*.md"))}


def lay_out(folder: Path, files: dict[Path, str], generated: dict[str, str]) -> None:
    """Write the pages into a folder, each link to another one set right; what was there and is no page any more goes.

    A file that is as it was keeps its time, so that Sphinx reads only what has changed.
    """
    wanted = {name: path for path, name in files.items()}
    for old in folder.rglob("*") if folder.exists() else ():
        if old.is_file() and (name := old.relative_to(folder).as_posix()) not in wanted and name not in generated:
            old.unlink()
    for name, path in wanted.items():
        if path.suffix == ".md":
            text = relinked(path, name, files)
            _write(folder / name, navigated(text, bool(generated)) if name == "index.md" else text)
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, folder / name)
    for name, text in generated.items():
        _write(folder / name, text)
    origins = {
        name: os.path.relpath(path, ROOT) if path.is_relative_to(ROOT) else str(path) for name, path in wanted.items()
    }
    _write(folder.with_name("origins.txt"), "".join(f"{name}\t{origin}\n" for name, origin in origins.items()))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def relinked(path: Path, name: str, files: dict[Path, str]) -> str:
    """The text of a page whose links lead to where the other pages are laid out."""

    def moved(found: re.Match[str]) -> str:
        link = found[1]
        if ":" in link:
            return link
        target = (path.parent / link).resolve()
        if target == ROOT / "docs" / "theory":
            return posixpath.relpath("theory/softmax.md", posixpath.dirname(name) or ".")
        return posixpath.relpath(files[target], posixpath.dirname(name) or ".") if target in files else link

    return LINK.sub(moved, path.read_text(encoding="utf-8"))


def navigated(text: str, reference: bool) -> str:
    """The front page with a hidden table of contents for each of its sections."""
    sections = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    parts = []
    for heading, body in zip(sections[1::2], sections[2::2], strict=True):
        names = [link.removesuffix(".md") for link in LINK.findall(body) if link.endswith(".md")]
        if names:
            parts.append(f"\n```{{toctree}}\n:hidden:\n:caption: {heading}\n\n" + "\n".join(names) + "\n```\n")
    return text + "".join(parts) + GENERATED * reference
