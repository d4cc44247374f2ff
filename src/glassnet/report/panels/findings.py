"""What the doctor found: the verdict at the top of a report, with all that is worth knowing besides."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from glassnet.doctor import Finding, verdict
from glassnet.report.html import Html, element

__all__ = ["retrain_command", "verdict_box"]

_WORDS = {"failure": "The training failed", "warning": "It learned, but look at this", "good": "The training went well"}


def verdict_box(findings: Sequence[Finding], recipe: str = "") -> Html | None:
    """The verdict with its evidence and what to try, then the findings that it does not tell.

    Parameters
    ----------
    findings : sequence of Finding
        Of a run.
    recipe : str
        The file of its recipe, by which a command trains it again; "" names no command.

    Returns
    -------
    Html or None
        None where there are no findings.
    """
    summary = verdict(findings)
    if summary is None:
        return None
    others = [finding.evidence for finding in findings if finding.evidence not in summary.sentence]
    command = retrain_command(recipe, summary.advice) if recipe and summary.advice else ""
    return element(
        "div",
        element("p", _WORDS[summary.severity], class_="word"),
        element("p", _unbroken(summary.sentence)),
        element("p", summary.remedy) if summary.remedy else None,
        element("ul", *(element("li", _unbroken(text)) for text in others)) if others else None,
        element("p", "Try: ", element("code", command), class_="try") if command else None,
        class_=f"verdict {summary.severity}",
        role="status",
    )


def _unbroken(text: str) -> str:
    """Without a line break between a number and its per cent sign."""
    return text.replace(" %", "\u00a0%")


def retrain_command(recipe: str, settings: Mapping[str, Any]) -> str:
    """The command that trains again with other settings: `glassnet train RECIPE --set optimizer.lr=0.1`."""
    given = [shlex.quote(f"{name}={value}") for name, value in settings.items()]
    return f"glassnet train {shlex.quote(recipe)}{''.join(f' --set {setting}' for setting in given)}"
