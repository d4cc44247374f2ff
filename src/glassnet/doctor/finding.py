"""A finding: what is the matter, by which numbers, and which settings to try. A verdict sums findings up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from glassnet.errors import GlassnetError, TrainingError
from glassnet.files import exists, read_json, write_json

__all__ = ["Finding", "Severity", "Verdict", "read_findings", "together", "verdict", "write_findings"]

Severity = Literal["failure", "warning", "good"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # the worst first


@dataclass(frozen=True)
class Finding:
    """What a rule found.

    Attributes
    ----------
    name : str
        The rule's word for it, as "one-class".
    severity : str
        "failure": the training failed; "warning": it could do better, or its figures need care; "good".
    evidence : str
        What is the matter, in one sentence with its numbers.
    advice : mapping of str to object
        Settings to try, by dotted name as in `Recipe.with_settings`: {"optimizer.lr": 0.1}. Empty: none helps.
    remedy : str
        What to try that is no setting, as "more pictures of each class".
    where : str
        The part of the data or the parameter that it is about.
    symptom : bool
        Whether it says how bad the network is, and not why.

    Examples
    --------
    >>> from glassnet.doctor import Finding
    >>> Finding("rate-too-low", "warning", "The loss hardly fell.", {"optimizer.lr": 0.01}).advice
    {'optimizer.lr': 0.01}
    """

    name: str
    severity: Severity
    evidence: str
    advice: Mapping[str, Any] = field(default_factory=dict)
    remedy: str = ""
    where: str = ""
    symptom: bool = False

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Finding:
        """What `to_dict` gave. Raises `TypeError` or `ValueError` for anything else."""
        found = cls(**values)
        texts = (found.name, found.evidence, found.remedy, found.where)
        if found.severity not in SEVERITIES or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"{found.severity!r} is no severity, or a text is none")
        if not isinstance(found.advice, dict):
            raise TypeError("the advice is no table of settings")
        return found


@dataclass(frozen=True)
class Verdict:
    """Findings in one line.

    Attributes
    ----------
    severity : str
        The worst of all findings.
    sentence : str
        The worst symptom and what explains it.
    advice : mapping of str to object
        The settings to try first; empty where there are none.
    remedy : str
        What to try that is no setting.

    Examples
    --------
    >>> from glassnet.doctor import Finding, verdict
    >>> print(verdict([Finding("rate-too-low", "warning", "The loss hardly fell.")]).sentence)
    The loss hardly fell.
    """

    severity: Severity
    sentence: str
    advice: Mapping[str, Any] = field(default_factory=dict)
    remedy: str = ""

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return asdict(self)


def verdict(findings: Sequence[Finding]) -> Verdict | None:
    """The worst findings as one line: a symptom, then what explains it. None where there are no findings.

    Examples
    --------
    >>> from glassnet.doctor import Finding, verdict
    >>> verdict([Finding("rate-too-low", "warning", "The loss hardly fell.")]).severity
    'warning'
    """
    if not findings:
        return None
    severity = min((finding.severity for finding in findings), key=SEVERITIES.index)
    worst = [finding for finding in findings if finding.severity == severity]
    told = [*[f for f in worst if f.symptom][:1], *[f for f in worst if not f.symptom][:1]]
    first = told[-1]
    return Verdict(severity, " ".join(finding.evidence for finding in told), first.advice, first.remedy)


def together(*groups: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings of several looks as one list, the worst first, each once; "good" only where nothing else was found.

    Examples
    --------
    >>> from glassnet.doctor import Finding, together
    >>> late, soon = Finding("few-pictures", "warning", "Nine."), Finding("one-class", "failure", "All are 3.")
    >>> [finding.name for finding in together([late], [soon])]
    ['one-class', 'few-pictures']
    """
    found: dict[tuple[str, str], Finding] = {}
    for finding in (each for group in groups for each in group):
        found.setdefault((finding.name, finding.where), finding)
    wrong = [finding for finding in found.values() if finding.severity != "good"]
    return tuple(sorted(wrong or found.values(), key=lambda finding: SEVERITIES.index(finding.severity)))


def write_findings(path: str | Path, findings: Sequence[Finding]) -> None:
    """Write findings and their verdict as JSON, whole or not at all.

    Examples
    --------
    >>> import tempfile
    >>> from glassnet.doctor import Finding, read_findings, write_findings
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_findings(f"{folder}/findings.json", [Finding("one-class", "failure", "All are 3.")])
    ...     [finding.name for finding in read_findings(f"{folder}/findings.json")]
    ['one-class']
    """
    summary = verdict(findings)
    found = [finding.to_dict() for finding in findings]
    write_json(path, {"verdict": summary and summary.to_dict(), "findings": found})


def read_findings(path: str | Path) -> tuple[Finding, ...]:
    """What `write_findings` wrote; nothing where there is no such file. Raises `TrainingError` where it is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from glassnet.doctor import Finding, read_findings, write_findings
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_findings(f"{folder}/findings.json", [Finding("one-class", "failure", "All are 3.")])
    ...     read_findings(f"{folder}/findings.json")[0].severity
    'failure'
    """
    if not exists(Path(path)):
        return ()
    try:
        return tuple(Finding.from_dict(values) for values in read_json(path)["findings"])
    except (KeyError, TypeError, ValueError, GlassnetError) as error:
        raise TrainingError(f"The findings '{path}' are damaged: {error}.") from error
