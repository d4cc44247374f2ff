"""An HTML page of how pages were read: the rates, what was taken for what, and every page with its errors marked."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from glassnet.data.pictures import read_picture
from glassnet.files import write_text
from glassnet.reader.evaluate import PageScore, Scores
from glassnet.reader.export import overlay
from glassnet.reader.page import Page

__all__ = ["write_evaluation"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h2 { margin-top: 2.5rem; border-top: 1px solid #ccc; padding-top: 1rem }
img { max-width: 100%; border: 1px solid #ccc }
table { border-collapse: collapse } td, th { padding: .15rem .8rem; text-align: left; border-bottom: 1px solid #eee }
pre { background: #f6f6f4; padding: .6rem; white-space: pre-wrap; font-size: 15px }
del { background: #ffd6d6; text-decoration: none } ins { background: #d5edd5; text-decoration: none }
.bar { background: #4477aa; height: .8rem; display: inline-block }
"""


def write_evaluation(scores: Scores, pages: Sequence[tuple[Path, Page]], file: Path) -> Path:
    """Write the page; pages with errors come first, the worst on top. Returns the file."""
    by_name = {path.name: (path, page) for path, page in pages}
    order = sorted(scores.pages, key=lambda p: (-p.character_errors / max(1, p.characters), p.name))
    parts = [
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>How pages were read</title>",
        f"<style>{_STYLE}</style></head><body><h1>How pages were read</h1>",
        _summary(scores),
        _confusions(scores),
        *(_section(score, *by_name[score.name]) for score in order),
        "</body></html>",
    ]
    write_text(file, "\n".join(parts))
    return file


def _summary(scores: Scores) -> str:
    rows = [
        ("character error rate", scores.character_error_rate, scores.character_interval),
        ("word error rate", scores.word_error_rate, scores.word_interval),
    ]
    table = "".join(
        f"<tr><td>{name}</td><td>{rate:.4f}</td><td>{low:.4f} to {high:.4f}</td></tr>"
        for name, rate, (low, high) in rows
    )
    return (
        f"<p>{len(scores.pages)} pages. Rates are of upper-cased texts, A-Z and 0-9 alone; as written, with case and "
        f"punctuation, the character error rate is {scores.exact_error_rate:.4f}.</p>"
        f"<table><tr><th></th><th>rate</th><th>95 % interval</th></tr>{table}</table>"
    )


def _confusions(scores: Scores) -> str:
    if not scores.confusions:
        return "<p>No errors.</p>"
    most = scores.confusions[0][2]
    rows = "".join(
        f"<tr><td>{html.escape(a)}</td><td>{html.escape(b)}</td><td>{n}</td>"
        f"<td><span class='bar' style='width:{10 * n / most:.2f}rem'></span></td></tr>"
        for a, b, n in scores.confusions
    )
    return (
        f"<h2>What was taken for what</h2><table><tr><th>there</th><th>read</th><th></th><th></th></tr>{rows}</table>"
    )


def _section(score: PageScore, path: Path, page: Page) -> str:
    title = f"<h2>{html.escape(score.name)}: {score.character_errors} of {score.characters} characters wrong</h2>"
    if score.read.split() == score.truth.split():
        return title
    data = io.BytesIO()
    picture = overlay(page, read_picture(path))
    picture.thumbnail((1200, 1200))
    picture.save(data, "JPEG", quality=70)
    image = base64.b64encode(data.getvalue()).decode()
    return f"{title}<img alt='' src='data:image/jpeg;base64,{image}'><pre>{_marked(score.read, score.truth)}</pre>"


def _marked(read: str, truth: str) -> str:
    """The truth, with what was left out or exchanged marked, and what was read instead."""
    parts, at = [], 0
    for op in Levenshtein.opcodes(truth, read):
        there, seen = html.escape(truth[op.src_start : op.src_end]), html.escape(read[op.dest_start : op.dest_end])
        if op.tag == "equal":
            parts.append(there)
        else:
            parts.append((f"<del>{there}</del>" if there else "") + (f"<ins>{seen}</ins>" if seen else ""))
        at = op.src_end
    return "".join(parts) + html.escape(truth[at:])
