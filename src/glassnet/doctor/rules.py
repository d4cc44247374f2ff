"""All rules: each looks at a case and yields what it finds.

A rule that says why a network is bad calls it a failure where the network is no better than guessing, else a warning.
Every threshold names where it comes from; "on digits" means the runs of `tests/doctor/test_findings.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from glassnet.doctor.case import Case
from glassnet.doctor.course_rules import (
    batch_too_large,
    batch_too_small,
    loss_oscillates,
    schedule_ends_early,
    schedule_starts_late,
    too_few_epochs,
)
from glassnet.doctor.data_rules import absent_classes, few_pictures
from glassnet.doctor.finding import SEVERITIES, Finding
from glassnet.doctor.fit_rules import labels_disagree, labels_random, overfitting, parts_differ
from glassnet.doctor.outcome_rules import (
    at_chance,
    good,
    one_class,
    reads_little,
    reads_nothing,
    same_output,
    worse_in_evaluation,
    worse_than_means,
)
from glassnet.doctor.setting_rules import (
    attack_too_strong,
    augmentation_too_strong,
    class_weights,
    decay_too_strong,
    dropout_too_strong,
    no_activation,
    output_activation,
    smoothing_too_strong,
    too_narrow,
)
from glassnet.doctor.update_rules import (
    clip_too_small,
    eps_too_large,
    loss_not_finite,
    momentum_too_high,
    nothing_trained,
    rate_too_high,
    rate_too_low,
    same_units,
    slow_layer,
)

__all__ = ["EARLY_RULES", "RULES", "examine"]

Rule = Callable[[Case], Iterator[Finding]]

# In the order in which they are told: how bad it is, then why, the most certain cause first.
RULES: tuple[Rule, ...] = (
    loss_not_finite,
    one_class,
    at_chance,
    same_output,
    reads_nothing,
    reads_little,
    worse_in_evaluation,
    worse_than_means,
    # causes that are facts
    same_units,
    clip_too_small,
    nothing_trained,
    absent_classes,
    # settings that leave nothing to be learned
    output_activation,
    attack_too_strong,
    class_weights,
    smoothing_too_strong,
    decay_too_strong,
    dropout_too_strong,
    eps_too_large,
    momentum_too_high,
    too_narrow,
    no_activation,
    # the course
    rate_too_high,
    batch_too_small,
    schedule_ends_early,
    schedule_starts_late,
    batch_too_large,
    rate_too_low,
    loss_oscillates,
    slow_layer,
    too_few_epochs,
    # the data
    labels_disagree,
    parts_differ,
    labels_random,
    few_pictures,
    augmentation_too_strong,
    overfitting,
)

EARLY_RULES: tuple[Rule, ...] = (
    nothing_trained,
    clip_too_small,
    rate_too_high,
    rate_too_low,
    loss_oscillates,
    schedule_ends_early,
    slow_layer,
)
"""Those that need no final figures: they can be asked while a training runs."""


def examine(case: Case) -> tuple[Finding, ...]:
    """All that the rules find, the worst first; where nothing is wrong, one finding that says so.

    Examples
    --------
    >>> from glassnet.doctor import Case, examine
    >>> examine(Case([]))
    ()
    """
    found = [finding for rule in RULES for finding in rule(case)]
    found = found or list(good(case))
    return tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))
