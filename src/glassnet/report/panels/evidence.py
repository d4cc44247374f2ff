"""The panels that explain answers: probabilities, maps of evidence, the last layer's sum, what units respond to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glassnet.explain import ClassExplanation, HeatMap, Seen, Strongest
from glassnet.report.figures.heat import evidence_figure, heat_picture
from glassnet.report.figures.pictures import as_rgb, enlarged, mosaic, picture_png
from glassnet.report.html import Html, data_uri, element
from glassnet.report.page import Chart, Panel
from glassnet.report.tables import Cell, number, percent, table

__all__ = ["added_panel", "evidence_panel", "probabilities_panel", "units_panel"]

_SIDE = 448  # pixels of a picture with a map
_SMALL_SIDE = 224
_SHOWN = 10  # classes that are shown without unfolding the others
_PATCH = 40  # pixels a side to which patches grow, by a whole factor
_EACH_ROW = 3  # patches of a unit in a row

Bytes = NDArray[np.uint8]


def _image(picture: Bytes, side: int, alternative: str) -> Html:
    return element("img", src=data_uri(picture_png(picture, side)), alt=alternative)


def _bar(share: float) -> Html:
    return element(
        "span", element("span", class_="fill", style=f"width:{100 * share:.2f}%"), class_="bar", aria_hidden="true"
    )


def probabilities_panel(seen: Sequence[Seen]) -> Panel:
    """Every class with its probability, the most probable first, the true one marked; pictures side by side."""
    known = any(one.true is not None for one in seen)
    lead = "The probability of every class, the most probable first." + (" The true class is marked." if known else "")
    return Panel("says", "What it says", lead, body=element("div", *map(_said, seen), class_="answers"))


def _said(one: Seen) -> Html:
    order = [int(i) for i in one.order]
    shown = order[:_SHOWN]
    if one.true is not None and one.true not in shown:
        shown.append(one.true)
    rest = [i for i in order if i not in set(shown)]
    folded = None
    if rest:
        title = f"The other {number(len(rest))} classes, {percent(float(one.probabilities[rest].sum()))} together"
        folded = element("details", element("summary", title), _classes(one, rest))
    picture = _image(as_rgb(one.pixels[None])[0], _SMALL_SIDE, one.caption)
    figure = element("figure", picture, element("figcaption", one.caption), class_="looked-at")
    return element("div", figure, element("div", _classes(one, shown), folded), class_="beside")


def _classes(one: Seen, classes: Sequence[int]) -> Html:
    rows = []
    for i in classes:
        share = float(one.probabilities[i])
        shown = element("span", _bar(share), element("span", percent(share), class_="figure"))
        rows.append([Cell(one.names[i], one.names[i]), Cell(shown, share)])
    marked = None if one.true is None or one.true not in classes else list(classes).index(one.true)
    return table([("class", False), ("probability", True)], rows, marked=marked)


def evidence_panel(seen: Sequence[Seen]) -> Panel:
    """The maps of every method over each picture, a row for each picture and class."""
    methods = {heat.method for one in seen for each in one.explanations for heat in each.maps}
    lead = " ".join(text for method, text in _METHODS.items() if method in methods)
    lead += " Each map has a scale of its own. No map shows how the network reasons; each answers its own question."
    rows = [_evidence(one, each) for one in seen for each in one.explanations]
    chart = Chart("evidence", lambda: evidence_figure(list(seen)), on_page=False)
    return Panel("evidence", "Where the evidence lies", lead, chart, element("div", *rows))


_METHODS = {
    "gradient": "Gradient: how much the score depends on each pixel (green), up or down.",
    "smooth gradient": "Smooth gradient: how much the score depends on each pixel (green), a mean over noisy copies.",
    "Grad-CAM": "Grad-CAM: where the last maps speak for the class (red).",
    "gradient x input": "Gradient x input: each pixel's part of the score, for (red) and against (blue).",
    "occlusion": "Occlusion: where a grey patch over the picture lowers the probability (red) or raises it (blue).",
}


def _evidence(one: Seen, each: ClassExplanation) -> Html:
    why = f"Why {each.name}: {percent(each.probability)}"
    if one.true == each.chosen:
        why += ", the true class"
    picture = element(
        "figure",
        _image(as_rgb(one.pixels[None])[0], _SIDE, one.caption),
        element("figcaption", element("span", element("b", why)), element("span", one.caption)),
        class_="tile",
    )
    return element("div", picture, *(_map(one, each, heat) for heat in each.maps), class_="explained")


def _map(one: Seen, each: ClassExplanation, heat: HeatMap) -> Html:
    title = heat.method[0].upper() + heat.method[1:]
    caption = element("figcaption", element("span", element("b", title)), element("span", heat.said))
    image = _image(heat_picture(one.pixels, heat), _SIDE, f"{title} for {each.name} in {one.caption}")
    return element("figure", image, caption, class_="tile")


def added_panel(seen: Sequence[Seen]) -> Panel | None:
    """What the last linear layer adds up for each explained class; None where it is none."""
    tables = [_added(one, each) for one in seen for each in one.explanations if each.added is not None]
    if not tables:
        return None
    lead = (
        "The last layer is a sum: each hidden unit's value times its weight for the class, and a bias. These are"
        " the largest parts, up (red) or down (blue). Softmax makes probabilities of the scores: what counts is by how"
        " much a class's score is above those of the others."
    )
    body = element("div", *tables, class_="answers")
    return Panel("added", "What the last layer adds up", lead, body=body)


def _added(one: Seen, each: ClassExplanation) -> Html:
    added = each.added
    assert added is not None
    parts, largest = added.parts, added.largest()
    scale = float(np.abs(parts[largest]).max(initial=0.0)) or 1.0
    rows = [
        [
            Cell(added.unit_name(int(i)), ""),
            Cell(f"{added.activations[i]:.2f} × {_signed(float(added.weights[i]))}", ""),
            Cell(element("span", _signed_bar(float(parts[i]) / scale), _signed(float(parts[i]))), ""),
        ]
        for i in largest
    ]
    others = float(parts.sum() - parts[largest].sum())
    if len(parts) > len(largest):
        rows.append(
            [Cell(f"the other {number(len(parts) - len(largest))}", ""), Cell("", ""), Cell(_signed(others), "")]
        )
    rows.append([Cell("bias", ""), Cell("", ""), Cell(_signed(added.bias), "")])
    rows.append([Cell(element("b", "score"), ""), Cell("", ""), Cell(element("b", _signed(added.score)), "")])
    headings = [("unit", False), ("value × weight", True), ("part", True)]
    return element("div", element("h3", f"{one.caption}: {each.name}"), table(headings, rows))


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _signed_bar(share: float) -> Html:
    fill = element("span", class_=f"fill {'for' if share >= 0 else 'against'}", style=f"width:{100 * abs(share):.1f}%")
    return element("span", fill, class_="bar part", aria_hidden="true")


def units_panel(found: Strongest, pictures: dict[int, NDArray[np.generic]], input_shape: tuple[int, ...]) -> Panel:
    """The pictures, or patches, to which each unit responds most.

    Parameters
    ----------
    found : Strongest
        The highest values.
    pictures : dict of int to (H, W, C) array
        Those pictures by their number.
    input_shape : tuple of int
        Of the network's input.
    """
    shown = len(found.values)
    which = f"All {found.total}" if shown == found.total else f"The first {shown} of {number(found.total)}"
    seen = "the pictures"
    if found.places is not None and found.fields is not None:
        height, width = found.fields.size
        seen = f"the {height}x{width} pixels that the unit sees at the place of its highest value in the picture"
    lead = (
        f"{which} units of {found.layer}, each with {seen}: the {found.values.shape[1]} with the highest values among"
        f" {number(found.searched)} pictures of the run's data, the highest first. Where a unit is not above 0 there is"
        " no picture."
    )
    tiles = [_unit(found, unit, pictures, input_shape) for unit in range(shown)]
    return Panel("units", "What the units respond to", lead, body=element("div", *tiles, class_="tiles"))


def _unit(found: Strongest, unit: int, pictures: dict[int, NDArray[np.generic]], input_shape: tuple[int, ...]) -> Html:
    count = found.answering(unit)
    if not count:
        caption = element(
            "figcaption", element("span", f"unit {unit}", class_="true"), element("span", "never above 0")
        )
        return element("figure", caption, class_="tile")
    patches = [
        as_rgb(found.patch(unit, rank, pictures[int(found.pictures[unit, rank])], input_shape)[None])[0]
        for rank in range(count)
    ]
    image = _image(_together(patches), _SMALL_SIDE, f"What unit {unit} responds to")
    values = found.values[unit, :count]
    numbers = ", ".join(f"#{number}: {value:.3g}" for number, value in zip(found.pictures[unit], values, strict=False))
    caption = element(
        "figcaption",
        element("span", f"unit {unit}", class_="true"),
        element("span", f"{values[0]:.3g} to {values[-1]:.3g}" if count > 1 else f"{values[0]:.3g}"),
        title=numbers,
    )
    return element("figure", image, caption, class_="tile")


def _together(patches: Sequence[Bytes]) -> Bytes:
    """Patches as one picture; those cut off at an edge are on mid-grey, in the corner where they were cut."""
    height, width = max(p.shape[0] for p in patches), max(p.shape[1] for p in patches)
    whole = np.full((len(patches), height, width, 3), 128, np.uint8)
    for one, patch in zip(whole, patches, strict=True):
        one[: patch.shape[0], : patch.shape[1]] = patch
    return mosaic(enlarged(whole, _PATCH), _EACH_ROW, 2)
