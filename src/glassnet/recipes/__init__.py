"""Published figures reproduced from the recipes that come with the package, and small jobs behind single commands."""

from glassnet.recipes.reproduction import Reproduction, Row, reproduce, rows
from glassnet.recipes.using import check_notation, choose_part, load_for, show_data

__all__ = [
    "Reproduction",
    "Row",
    "check_notation",
    "choose_part",
    "load_for",
    "reproduce",
    "rows",
    "show_data",
]
