"""Published figures reproduced from the recipes that come with the package."""

from glassnet.reproduce.reproduction import Reproduction, Row, reproduce, rows

__all__ = [
    "Reproduction",
    "Row",
    "reproduce",
    "rows",
]
