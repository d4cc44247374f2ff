"""Checks: numerical gradients, and whether a network's hand-written gradients agree with them."""

from glassnet.check.card import Card, layer_card
from glassnet.check.network import TOLERANCE, check_network
from glassnet.check.numerical import DEFAULT_STEP, gradient_error, numerical_gradient, sampled_numerical_gradient
from glassnet.check.opinion import Opinion, third_opinion
from glassnet.check.result import Check, Row

__all__ = [
    "DEFAULT_STEP",
    "TOLERANCE",
    "Card",
    "Check",
    "Opinion",
    "Row",
    "check_network",
    "gradient_error",
    "layer_card",
    "numerical_gradient",
    "sampled_numerical_gradient",
    "third_opinion",
]
