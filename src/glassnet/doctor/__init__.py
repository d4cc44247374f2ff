"""What is wrong with a training, and what to try: small rules over its records and figures, each with its evidence."""

from glassnet.doctor.case import Case
from glassnet.doctor.finding import Finding, Verdict, read_findings, verdict, write_findings
from glassnet.doctor.pictures import examine_pictures
from glassnet.doctor.rules import RULES, examine
from glassnet.doctor.watch import Watch

__all__ = [
    "RULES",
    "Case",
    "Finding",
    "Verdict",
    "Watch",
    "examine",
    "examine_pictures",
    "read_findings",
    "verdict",
    "write_findings",
]
