"""The site: how its pages are laid out, what is reached from the front page; in full, its search and its failures."""

from __future__ import annotations

import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from support.markdown import ROOT
from tools.site import staging

# What readers look for, in their words, and the page that they should find.
QUESTIONS = {
    "train on my folder": "how-to/train-on-my-folder",
    "accuracy stuck at 10 %": "how-to/stuck",
    "add a layer": "how-to/add-a-layer",
    "backpropagation of batch norm": "lessons/batch-norm",
    "run on a GPU": "how-to/gpu",
    "read a page": "how-to/read-a-page",
}


def test_links_lead_to_where_pages_are_laid_out(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    one, other = tmp_path / "one.md", tmp_path / "a" / "other.md"
    one.write_text("[x](a/other.md#part) ![y](a/y.png) [z](https://example.org/a/other.md)", "utf-8")
    other.write_text("[back](../one.md)", "utf-8")
    files = {one: "deep/one.md", other: "other.md"}
    assert staging.relinked(one, "deep/one.md", files).startswith("[x](../other.md#part) ![y](a/y.png) [z](https:")
    assert staging.relinked(other, "other.md", files) == "[back](deep/one.md)"


def test_what_is_no_page_any_more_goes_and_what_is_as_it_was_stays(tmp_path: Path) -> None:
    page, folder = tmp_path / "page.md", tmp_path / "source"
    page.write_text("# A page\n", "utf-8")
    staging.lay_out(folder, {page: "one.md"}, {"made.md": "# Made\n"})
    before = (folder / "one.md").stat().st_mtime_ns
    (folder / "old.md").write_text("# Old\n", "utf-8")
    staging.lay_out(folder, {page: "one.md"}, {"made.md": "# Made\n"})
    assert sorted(path.name for path in folder.iterdir()) == ["made.md", "one.md"]
    assert (folder / "one.md").stat().st_mtime_ns == before


def test_every_question_is_answered_one_link_from_the_front_page() -> None:
    files = staging.documentation()
    index = staging.relinked(ROOT / "docs" / "README.md", "index.md", files)
    assert {f"{page}.md" for page in QUESTIONS.values()} <= set(staging.LINK.findall(index))
    navigated = staging.navigated(index, reference=True)
    laid_out = {name for name in files.values() if name.endswith(".md")} - {"index.md"}
    listed = re.findall(
        r"^(?:.* <)?([\w/-]+)>?$", "\n".join(re.findall(r"```\{toctree\}\n(.*?)```", navigated, re.DOTALL)), re.M
    )
    assert sorted(listed) == sorted({name.removesuffix(".md") for name in laid_out} | {"reference/index"})


# ---- built in full


@pytest.fixture(scope="module")
def site() -> Path:
    """The folder of the site, as `make docs` builds it."""
    found = subprocess.run(["make", "docs"], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
    return ROOT / "build" / "site" / "html"


def in_site(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Python in the environment that builds the site."""
    return subprocess.run(
        [str(ROOT / ".venv-docs" / "bin" / "python"), "-c", code, str(folder)], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.long
def test_the_search_finds_what_readers_ask(site: Path) -> None:
    """As Sphinx's own script searches: every word of the question, stemmed, in text or title; titles count more."""
    code = f"""
import json, re
from pathlib import Path
from sphinx.search.en import SearchEnglish
words, found = SearchEnglish({{}}), {{}}
text = Path({str(site / "searchindex.js")!r}).read_text(encoding="utf-8")
index = json.loads(text[text.index("(") + 1 : text.rindex(")")])
as_list = lambda value: value if isinstance(value, list) else [value]
for question in {list(QUESTIONS)!r}:
    asked = [word for word in re.findall(r"[a-z]+", question.lower()) if word not in words.stopwords]
    scores = {{}}
    pages = set(range(len(index["docnames"])))
    for word in map(words.stem, asked):
        title, body = as_list(index["titleterms"].get(word, [])), as_list(index["terms"].get(word, []))
        pages &= {{*title, *body}}
        for page in {{*title, *body}}:
            scores[page] = scores.get(page, 0) + (15 if page in title else 5)
    found[question] = [index["docnames"][page] for page in sorted(pages, key=lambda page: -scores[page])]
print(json.dumps(found))
"""
    done = in_site(code, site)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for question, page in QUESTIONS.items():
        assert page in found[question][:3], (question, found[question][:5])


class Addresses(HTMLParser):
    """What a page loads, and what it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.names |= {given["id"]} if given.get("id") else set()
        if tag in ("script", "img", "iframe", "source"):
            self.loaded.append(given.get("src") or "")
        elif tag == "link" and given.get("rel") in ("stylesheet", "preload", "icon"):
            self.loaded.append(given.get("href") or "")
        elif tag == "a":
            self.links.append(given.get("href") or "")


@pytest.mark.long
def test_nothing_comes_from_the_network_and_no_link_is_broken(site: Path) -> None:
    pages = {}
    for path in site.rglob("*.html"):
        pages[path.resolve()] = parser = Addresses()
        parser.feed(path.read_text(encoding="utf-8"))
    assert len(pages) > 60
    for path, parser in pages.items():
        assert not [address for address in parser.loaded if re.match(r"(https?:)?//", address)], path
        for link in parser.links:
            name, _, anchor = link.partition("#")
            if re.match(r"\w+:", link) or (not name and not anchor):
                continue
            target = (path.parent / name).resolve() if name else path
            assert target.exists(), (path.name, link)
            assert not anchor or target not in pages or anchor in pages[target].names, (path.name, link)


@pytest.mark.long
def test_the_reference_has_every_public_name_and_every_command(site: Path) -> None:
    code = """
from tools.site import reference
print("\\n".join(f"{room} {name}" for room in reference.ROOMS for name in reference.public(room)))
"""
    names = in_site(code, site).stdout.splitlines()
    assert len(names) > 400
    for line in names:
        room, name = line.split()
        assert f'id="{room}.{name}"' in (site / "reference" / f"{room}.html").read_text(encoding="utf-8"), line
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    from glassnet.cli.commands import COMMANDS

    assert all(f'id="glassnet-{name}"' in commands for name in COMMANDS)


@pytest.mark.long
@pytest.mark.parametrize(
    ("cell", "line", "says"),
    [
        ('claim("double", 2 * 2, 4)', None, ""),
        ('x = 1\nclaim("double", 2 * 2, 5, 0.5)', 12, "ClaimError: A claim has drifted. double: 4"),
        ("x = 1\n\nx / 0", 13, "ZeroDivisionError"),
    ],
)
def test_a_lesson_that_fails_stops_the_build_and_names_file_and_line(
    cell: str, line: int | None, says: str, site: Path, tmp_path: Path
) -> None:
    front = "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n"
    (tmp_path / "small.md").write_text(
        f"{front}# Small\n\n```{{code-cell}} python\nfrom glassnet.lessons import claim\n\n{cell}\n```\n", "utf-8"
    )
    (tmp_path / "index.md").write_text("# Site\n\n```{toctree}\nsmall\n```\n", "utf-8")
    code = """
import sys
from pathlib import Path
from tools.site.build import build
folder = Path(sys.argv[1])
sys.exit(build(folder / "out", {folder / name: name for name in ("index.md", "small.md")}))
"""
    done = in_site(code, tmp_path)
    assert (done.returncode == 0) == (line is None), done.stderr
    if line is not None:
        assert f"small.md:{line}: WARNING: {says}" in done.stderr
