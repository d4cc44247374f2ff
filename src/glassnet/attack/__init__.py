"""Attacks on classifiers: fooling pictures, robust accuracy, the exact answer beside it, corruptions, training against.

>>> import glassnet
>>> from glassnet import attack
>>> run = glassnet.fit("digits", "linear", epochs=5, verbose=False)
>>> victim, test = attack.Victim.of(run.model), run.splits.test
>>> fooled = attack.fool(victim, test.images[:10], test.labels[:10])
>>> robust = attack.measure_robustness(victim, test.images[:10], test.labels[:10], [0.1], effort="quick")
>>> robust.accuracy(0.1) <= robust.accuracy(0.0)
True
"""

from glassnet.attack.adversarial import AdversarialEngine, Adversary
from glassnet.attack.base import Attack, as_size, checked_size, size_text
from glassnet.attack.bounded import APGD, FGSM, PGD, GradientAscent
from glassnet.attack.corruptions import CORRUPTIONS, SEVERITIES, Corruption, corrupt
from glassnet.attack.ensemble import EFFORTS, Robustness, Stage, measure_robustness, rounds_of
from glassnet.attack.exact import Exact, exact_kind, exact_linear, exact_relu
from glassnet.attack.flags import Flag, flags_of, probe
from glassnet.attack.fooling import Fooled, add_steps, as_bytes, every_target, fool, from_noise, pictures_of, universal
from glassnet.attack.goals import Goal
from glassnet.attack.lattice import SURE, to_bytes
from glassnet.attack.minimal import FAB
from glassnet.attack.norms import NORMS, Norm, norm_of
from glassnet.attack.notation import ATTACKS, parse_attack
from glassnet.attack.receipts import (
    Checked,
    Receipt,
    check_folder,
    named_models,
    pixels_sha256,
    read_receipt,
    refuse_jpeg,
    write_picture,
)
from glassnet.attack.smallest import smallest_sizes
from glassnet.attack.square import Square
from glassnet.attack.victim import Victim

__all__ = [
    "APGD",
    "ATTACKS",
    "CORRUPTIONS",
    "EFFORTS",
    "FAB",
    "FGSM",
    "NORMS",
    "PGD",
    "SEVERITIES",
    "SURE",
    "AdversarialEngine",
    "Adversary",
    "Attack",
    "Checked",
    "Corruption",
    "Exact",
    "Flag",
    "Fooled",
    "Goal",
    "GradientAscent",
    "Norm",
    "Receipt",
    "Robustness",
    "Square",
    "Stage",
    "Victim",
    "add_steps",
    "as_bytes",
    "as_size",
    "check_folder",
    "checked_size",
    "corrupt",
    "every_target",
    "exact_kind",
    "exact_linear",
    "exact_relu",
    "flags_of",
    "fool",
    "from_noise",
    "measure_robustness",
    "named_models",
    "norm_of",
    "parse_attack",
    "pictures_of",
    "pixels_sha256",
    "probe",
    "read_receipt",
    "refuse_jpeg",
    "rounds_of",
    "size_text",
    "smallest_sizes",
    "to_bytes",
    "universal",
    "write_picture",
]
