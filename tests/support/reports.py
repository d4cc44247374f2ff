"""Made-up runs and evaluations, and a parser that insists on balanced HTML."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from glassnet.metrics import Evaluation, evaluate

VOID = {"br", "col", "hr", "img", "input", "link", "meta", "source"}


def made_up_evaluation(
    classes: int, per_class: int = 5, names: list[str] | None = None, skill: float = 2.5
) -> Evaluation:
    rng = np.random.default_rng(classes)
    labels = np.repeat(np.arange(classes), per_class)
    scores = rng.normal(size=(len(labels), classes))
    scores[np.arange(len(labels)), labels] += skill
    p = np.exp(scores)
    return evaluate(p / p.sum(axis=1, keepdims=True), labels, names or [f"class {i}" for i in range(classes)])


def made_up_history(epochs: int = 5, rate: float = 0.5) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for epoch in range(1, epochs + 1):
        for step in range(10 * epoch - 9, 10 * epoch + 1):
            norms = {
                "1.linear.weight": {"gradient": 1.0, "weight": 2.0, "update": 0.004 / step},
                "1.linear.bias": {"gradient": 1.0, "weight": 0.0, "update": 0.1},
            }
            records.append(
                {"kind": "step", "step": step, "epoch": epoch, "loss": 2 / step, "rate": rate, "norms": norms}
            )
        loss = 2.0 * np.exp(-rate * epoch)
        records.append(
            {"kind": "epoch", "epoch": epoch, "step": 10 * epoch, "loss": loss, "accuracy": 1 - loss / 3,
             "valid_loss": loss + 0.1,
             "valid_accuracy": 0.95 - loss / 3, "rate": rate, "seconds": 0.5 * epoch}
        )  # fmt: skip
    return records


class Balanced(HTMLParser):
    """Raises when a tag is closed that is not open; keeps the text, the tags and the attributes it met."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes nothing that is open")

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)


def parse(page: str) -> Balanced:
    parser = Balanced()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def texts_of(figure: Any) -> list[str]:
    """The texts within the axes of a figure."""
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def ink(figure: Figure) -> float:
    """Share of drawn pixels that are not the white page."""
    figure.canvas.draw()  # type: ignore[attr-defined]
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
    return float((pixels < 250).any(axis=-1).mean())
