"""Attacks by name, and from their notation: `fab`, `pgd 8/255, steps 40, restarts 2`."""

from __future__ import annotations

from glassnet.attack.base import Attack
from glassnet.attack.bounded import APGD, FGSM, PGD, GradientAscent
from glassnet.attack.goals import LOSSES
from glassnet.attack.minimal import FAB
from glassnet.attack.square import Square
from glassnet.errors import NotationError, nearest
from glassnet.notation import parse

__all__ = ["ATTACKS", "parse_attack"]

ATTACKS: dict[str, type[Attack]] = {kind.word: kind for kind in (GradientAscent, FGSM, PGD, APGD, FAB, Square)}


def parse_attack(text: str) -> tuple[Attack, float | None]:
    """(the attack, its eps or None) that a notation names. Raises `NotationError` or `RecipeError`.

    Examples
    --------
    >>> from glassnet.attack import parse_attack
    >>> parse_attack("pgd")[0].word
    'pgd'
    """
    steps = parse(text, "attack")
    word = steps[0].word
    if len(steps) != 1 or word not in ATTACKS:
        raise NotationError(f"An attack is one of {', '.join(ATTACKS)}. Got '{text}'.{nearest(word, ATTACKS)}")
    attack, eps = ATTACKS[word].from_step(steps[0])
    loss = getattr(attack, "loss", "margin")
    if loss not in LOSSES:
        raise NotationError(
            f"The loss of an attack is one of {', '.join(LOSSES)}. Got '{loss}'.{nearest(loss, LOSSES)}"
        )
    return attack, eps
