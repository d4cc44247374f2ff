"""What is wrong with a training, its network or its pictures, and what to try: small rules, each with its evidence."""

from glassnet.doctor.audit import AuditGradients
from glassnet.doctor.case import Case
from glassnet.doctor.examination import examine_network
from glassnet.doctor.finding import Finding, Verdict, read_findings, together, verdict, write_findings
from glassnet.doctor.pictures import examine_pictures
from glassnet.doctor.rules import RULES, examine
from glassnet.doctor.watch import Watch
from glassnet.doctor.why import WHY, why

__all__ = [
    "RULES",
    "WHY",
    "AuditGradients",
    "Case",
    "Finding",
    "Verdict",
    "Watch",
    "examine",
    "examine_network",
    "examine_pictures",
    "read_findings",
    "together",
    "verdict",
    "why",
    "write_findings",
]
