"""The page of a weight-agnostic network: the search, the graph, one weight, and what training makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from glassnet.report.figures.topology import COLOURS, topology_svg
from glassnet.report.figures.wann import (
    contest_chart,
    cost_curve,
    cost_of,
    pixel_map,
    pruning_curve,
    search_curves,
    weight_curve,
)
from glassnet.report.html import Html, element, join, scroll_box
from glassnet.report.page import Chart, Heading, Panel, write_page
from glassnet.report.tables import Cell, interval_text, number, percent, table
from glassnet.wann import Found
from glassnet.wann.show import pixels

__all__ = ["answer_of", "verdict_of", "write_wann_page"]

_LEVEL = 0.05  # of significance


def write_wann_page(found: Found) -> list[Path]:
    """Write `index.html`, `network.svg` and the figures into the folder of a search; the page comes first.

    What was not measured yet is left out. Raises `GlassnetError` where a file cannot be written.
    """
    parts = [_search(found), _network(found)]
    if found.shown:
        parts += [_weights(found.shown), _pixels(found)]
    if found.trained:
        parts += [_contest(found), _pruning(found)]
    parts.append(_cost(found))
    if found.trained:
        parts.append(_limits(found))
    folder = found.folder
    return write_page(folder / "index.html", _heading(found), parts, figures_folder=folder / "figures")


def _heading(found: Found) -> Heading:
    graph, shown = found.graph, found.shown
    cards = [("connections", number(graph.connections), f"{graph.hidden} hidden units, {graph.depth} deep")]
    if shown:
        cards += [
            ("any weight", percent(shown["random"]["mean"]), "mean over random weights from -2 to 2"),
            ("one weight, chosen", percent(shown["tuned"]["accuracy"]),
             f"{shown['tuned']['weight']:g}; 95 % interval {interval_text(*shown['tuned']['interval'])}"),
            ("ensemble of weights", percent(shown["ensemble"]["accuracy"]),
             f"95 % interval {interval_text(*shown['ensemble']['interval'])}"),
        ]  # fmt: skip
    if found.trained:
        first = found.trained["contest"]["sides"][0]
        note = f"mean of {found.trained['contest']['seeds']} seeds; {interval_text(*first['interval'])}"
        cards.append(("trained weights", percent(first["mean"]), note))
    sentence = (
        f"A network that was found by search on {found.plan['name']}: {len(found.records)} generations, judged with the"
        " same weight on all connections, whatever its value."
    )
    if found.trained:
        sentence += f" {answer_of(found.trained)}"
    return Heading(f"Weight-agnostic network: {found.plan['name']}", sentence, cards)


def answer_of(trained: dict[str, Any]) -> str:
    """What became of the topology once its weights were trained, in a sentence or two."""
    contest = trained["contest"]
    first = contest["sides"][0]
    worse = [d for d in contest["differences"] if d["p_corrected"] < _LEVEL and d["difference"] < 0]
    better = [d for d in contest["differences"] if d["p_corrected"] < _LEVEL and d["difference"] > 0]
    equal = [d for d in contest["differences"] if d["p_corrected"] >= _LEVEL]
    told = [
        f"{word} {_listed([d['other'] for d in group])}"
        for word, group in (("worse than", worse), ("better than", better), ("not told apart from", equal))
        if group
    ]
    return f"Once its weights are trained it reaches {percent(first['mean'])}: {'; '.join(told)}."


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def verdict_of(difference: dict[str, Any]) -> str:
    """Which side is better, or that nothing tells."""
    if difference["p_corrected"] >= _LEVEL:
        return "not told apart"
    return "searched is better" if difference["difference"] > 0 else "searched is worse"


def _search(found: Found) -> Panel:
    lead = (
        f"{len(found.records)} generations in {found.seconds:,.0f} s. Judged on the training part with the weights -2,"
        " -1, -0.5, 0.5, 1 and 2; the network that does best on the validation part is kept."
    )
    chart = Chart("search", lambda: search_curves(found.records), "Accuracy and size by generation",
                  narrow=lambda: search_curves(found.records, narrow=True))  # fmt: skip
    return Panel("search", "The search", lead, chart)


def _network(found: Found) -> Panel:
    lead = (
        "The picture at the left, a pixel the darker, the more connections come from it; units by the longest way to"
        " them; the classes at the right. What leads to no class is left out."
    )
    drawing = topology_svg(found.graph, found.image_shape, found.plan["classes"])
    counts: dict[str, int] = {}
    for word, _ in found.graph.to_dict()["units"]:
        counts[word] = counts.get(word, 0) + 1
    marks = [
        element("span", element("span", "●", style=f"color:{COLOURS[word]}"), f" {word} {counts[word]}\u2002",
                style="display: inline-block")
        for word in COLOURS
        if word in counts
    ]  # fmt: skip
    return Panel("network", "The network", lead, body=join([scroll_box(drawing, "the network"), element("p", *marks)]))


def _weights(shown: dict[str, Any]) -> Panel:
    lead = (
        f"{number(shown['examples'])} examples of the {shown['part']} part, which the search has not seen. Near 0 no"
        " signal comes through, and every network guesses."
    )
    random = shown["random"]
    rows = [
        ("random weight, -2 to 2", random["mean"], f"standard deviation {percent(random['deviation'])}"),
        ("the weights of the search, mean", shown["tried"], ""),
        (f"weight {shown['tuned']['weight']:g}, chosen on validation", shown["tuned"]["accuracy"],
         f"95 % interval {interval_text(*shown['tuned']['interval'])}"),
        ("vote of the weights of the search", shown["ensemble"]["accuracy"],
         f"95 % interval {interval_text(*shown['ensemble']['interval'])}"),
    ]  # fmt: skip
    cells = [
        [Cell(_roomy(name), name), Cell(percent(value), value), Cell(_roomy(note), note)] for name, value, note in rows
    ]
    body = table([("weights", False), ("accuracy", True), ("", False)], cells, compact=True, label="accuracy")
    chart = Chart("weights", lambda: weight_curve(shown), "Accuracy by the shared weight",
                  narrow=lambda: weight_curve(shown, narrow=True))  # fmt: skip
    return Panel("weights", "One weight for all connections", lead, chart, body)


def _pixels(found: Found) -> Panel:
    counts = pixels(found.graph, found.image_shape)
    lead = f"{int((counts > 0).sum())} of {counts.size} pixels are used. Connections from each:"
    return Panel(
        "pixels", "The pixels it uses", lead, Chart("pixels", lambda: pixel_map(counts), "Connections by pixel")
    )


def _contest(found: Found) -> Panel:
    contest = found.trained["contest"]
    rows = [(side["name"], side["accuracy"], side["mean"], side["interval"]) for side in contest["sides"]]
    lead = (
        f"Trained by Adam for {contest['epochs']} epochs, the best one on validation kept; chosen on validation for"
        " each: the learning rate, and whether scores are brought to one spread before the softmax. A dot for each of"
        f" {contest['seeds']} seeds, the mean, its 95 % interval over seeds."
    )
    by_name = {difference["other"]: difference for difference in contest["differences"]}
    cells = []
    for side in contest["sides"]:
        d = by_name.get(side["name"])
        told = ("", "", "") if d is None else (_signed(d), f"{d['p_corrected']:.2g}", verdict_of(d))
        cells.append(
            [
                Cell(_roomy(side["name"]), side["name"]),
                Cell(number(side["connections"]), side["connections"]),
                Cell(f"{side['rate']:g}", side["rate"]),
                Cell(percent(side["mean"]), side["mean"]),
                *(Cell(_roomy(text), text) for text in told),
            ]
        )
    headings = [("who", False), ("connections", True), ("rate", True), ("accuracy", True),
                ("searched is better by, points", True), ("p", True), ("", False)]  # fmt: skip
    note = element(
        "p",
        "Differences are of the searched topology, trained from the shared weight, less the other; with 95 % interval;"
        " p is of a test for which both pictures and seeds are drawn, corrected for several pairs (Holm).",
    )
    chart = Chart("contest", lambda: contest_chart(rows), "Accuracy of each side by seed",
                  narrow=lambda: contest_chart(rows, narrow=True))  # fmt: skip
    body = join([table(headings, cells, marked=0, label="trained networks"), note])
    return Panel("trained", "Once the weights are trained", lead, chart, body)


def _signed(difference: dict[str, Any]) -> str:
    low, high = difference["interval"]
    return f"{100 * difference['difference']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def _roomy(text: str) -> Html:
    """Text of a cell that may take several lines, of some words each."""
    return element("span", text, style="display: inline-block; min-width: 9rem") if text else element("span")


def _pruning(found: Found) -> Panel:
    pruned = found.trained["pruning"]
    first = found.trained["contest"]["sides"][0]
    lead = (
        f"The reverse way: a dense network of {pruned['width']} hidden units is trained, its smallest weights are taken"
        " away, and the others start again as they were after one epoch. Mean and 95 % interval over"
        f" {pruned['seeds']} seeds."
    )
    chart = Chart(
        "pruning", lambda: pruning_curve(pruned, (first["connections"], first["mean"])),
        "Accuracy by the connections that are left",
        narrow=lambda: pruning_curve(pruned, (first["connections"], first["mean"]), narrow=True),
    )  # fmt: skip
    rows = [
        [
            Cell(percent(level["removed"], 0), level["removed"]),
            Cell(number(level["connections"]), level["connections"]),
            Cell(percent(level["rewound"]["mean"]), level["rewound"]["mean"]),
            Cell(interval_text(*level["rewound"]["interval"]), level["rewound"]["interval"][0]),
            Cell(percent(level["random"]["mean"]), level["random"]["mean"]),
        ]
        for level in pruned["levels"]
    ]
    headings = [("removed", True), ("connections left", True), ("rewound", True), ("95 % interval", True),
                ("kept at random", True)]  # fmt: skip
    return Panel(
        "pruning", "Taking connections away", lead, chart, table(headings, rows, compact=True, label="pruning")
    )


def _cost(found: Found) -> Panel:
    exponent = cost_of(found.records)[2]
    judged = sum(record["judged"] for record in found.records)
    lead = (
        f"{number(judged)} networks were judged in {found.seconds:,.0f} s. The time for one of them grows with its"
        f" connections to the power {exponent:.2f}. How many generations a given accuracy takes is the other factor:"
        " see the curve of the search."
    )
    chart = Chart("cost", lambda: cost_curve(found.records), "Processor time for a network by its connections",
                  narrow=lambda: cost_curve(found.records, narrow=True))  # fmt: skip
    return Panel("cost", "What the search costs", lead, chart)


def _limits(found: Found) -> Panel:
    contest = found.trained["contest"]
    items = [
        "The topology is that of one search with one seed. The intervals are over seeds of the training, so they say"
        " how well this topology does, not how well searches do in general.",
        "Optimiser, batch and number of epochs are the same for all and were not tuned for any; the learning rate was"
        " chosen among three, with scores as they are or brought to one spread.",
        f"The test part has {number(found.shown['examples'])} examples of one set of small pictures. Nothing is said of"
        " larger pictures, or of convolutions.",
        "The dense networks have one hidden layer of ReLUs; deeper ones of the same size were not tried.",
        f"{contest['seeds']} seeds: a difference that is not told apart may still be there.",
    ]
    return Panel("limits", "What is not shown", "", body=element("ul", *(element("li", item) for item in items)))
