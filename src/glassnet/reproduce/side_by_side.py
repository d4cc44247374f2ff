"""Several ways to tell photographs apart, on the same test pictures of several divisions of a set, on one page.

A way is a network trained from scratch, a network that was trained on ImageNet and is fine-tuned, or a bag of visual
words. Every division gives each of them the same pictures to learn from and to be tested on; what a network holds out
for choosing its epoch, the words learn from as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassnet.classic import BagOfWordsClassifier
from glassnet.classic.scoring import probabilities_of
from glassnet.data import Dataset, Splits, arrange, join, load, split
from glassnet.experiments import run_recipe
from glassnet.experiments.compare import compare
from glassnet.experiments.contestants import Contestant, Group
from glassnet.experiments.predictions import Predictions
from glassnet.experiments.recipe import Recipe, recipe_for
from glassnet.files import write_json
from glassnet.report.pages import write_run_page
from glassnet.report.pages.compare import write_comparison_page
from glassnet.report.panels.divisions import PUBLISHED, divisions_panel
from glassnet.reproduce.place import Place
from glassnet.weights import find_weights

__all__ = ["flowers17", "sun8_scenes"]

_SIDE = 160  # pixels that photographs are brought to for the words, and for the page
_FLOWERS = (680, 340, 340)  # pictures of the parts of Flowers-17's published divisions
_DIVISIONS = {"sun8": 5, "flowers17": 3}  # random ones
_TUNED = {"fine_tuned_squeezenet": "squeezenet-1.1", "fine_tuned_efficientnet_lite0": "efficientnet-lite0"}


@dataclass(frozen=True)
class Division:
    """A division of a set: what it is called, the seed of it and of what is trained on it, and how it cuts.

    Attributes
    ----------
    name : str
        Such as "published".
    seed : int
        Of all random numbers.
    cut : callable
        From the set as it is read, at any size, to training, validation and test part.
    """

    name: str
    seed: int
    cut: Callable[[Splits], Splits]


@dataclass(frozen=True)
class Way:
    """A way to tell pictures apart.

    Attributes
    ----------
    figure : str
        What its accuracy is called in the row.
    name, about : str
        What it is called on the page, and how it was made in a few words.
    read : callable
        Gives the set as this way wants its pictures.
    learn : callable
        From parts, a seed and whether this is the first division to what it says of the test part.
    """

    figure: str
    name: str
    about: str
    read: Callable[[], Splits]
    learn: Callable[[Splits, int, bool], Predictions]


def sun8_scenes(place: Place) -> dict[str, float]:
    """The published division of sun8 and stratified ones of the same sizes; a figure of each way for both.

    The row's recipe is the network from scratch. The folder gets the page `side-by-side.html`, the tests of all pairs
    on the published test part, `pairs.json`, the accuracies, `divisions.json`, and the runs of the published division.
    """
    recipe = _recipe_of(place)
    source, seed, count = recipe.data.source, recipe.settings.seed, _DIVISIONS["sun8"]
    ways = [_words(source, place), _scratch("own_convnet", "own convnet", recipe, place), *_tuned(source, place)]
    divisions = [_published(seed), *(_stratified(seed + k, f"random {k + 1}") for k in range(count))]
    found = _side_by_side(f"{source}: scenes", source, ways, divisions, place)
    figures = {}
    for way in ways:
        published, *others = found[way.name].values()
        figures[way.figure] = published
        figures[f"{way.figure}_mean_of_{count}_splits"] = float(np.mean(others))
    return figures


def flowers17(place: Place) -> dict[str, float]:
    """Means over random divisions of Flowers-17 into 680, 340 and 340 pictures, each class with its share.

    The row's recipe is the network from scratch. The folder gets what `sun8_scenes` writes; page and tests are of the
    first division.
    """
    recipe = _recipe_of(place)
    source, seed, count = recipe.data.source, recipe.settings.seed, _DIVISIONS["flowers17"]
    ways = [_scratch("from_scratch", "from scratch", recipe, place), *_tuned(source, place)]
    divisions = [_divided(seed + k, f"random {k + 1}", _FLOWERS) for k in range(count)]
    found = _side_by_side(f"{source}: flowers", source, ways, divisions, place)
    return {way.figure: float(np.mean(list(found[way.name].values()))) for way in ways}


def _recipe_of(place: Place) -> Recipe:
    assert place.recipe is not None
    return place.recipe


# ---- divisions


def _published(seed: int) -> Division:
    """The set's own parts, a tenth of training held out for validation as in any run."""
    return Division(PUBLISHED, seed, lambda loaded: arrange(loaded, validation=0.1, seed=seed))


def _stratified(seed: int, name: str) -> Division:
    """A random division into parts as large as the set's own."""

    def cut(loaded: Splits) -> Splits:
        assert loaded.test is not None
        whole, test = loaded.whole(), len(loaded.test)
        return arrange(split(whole, (len(whole) - test, test), seed), validation=0.1, seed=seed)

    return Division(name, seed, cut)


def _divided(seed: int, name: str, sizes: tuple[int, int, int]) -> Division:
    """A random division into parts of these sizes."""
    return Division(name, seed, lambda loaded: split(loaded.whole(), sizes, seed))


# ---- ways


def _words(source: str, place: Place) -> Way:
    def learn(parts: Splits, seed: int, first: bool) -> Predictions:
        train, test = _learnt_from(parts), _tested_on(parts)
        answers = probabilities_of(BagOfWordsClassifier(random_state=seed).fit(train.images, train.labels), test)
        found = Predictions("test", np.arange(len(test)), test.labels, answers)
        if first:
            found.save(place.folder / "bag-of-words.npz")
        return found

    return Way(
        "bag_of_words", "bag of words", "visual words in a pyramid, linear support vector machine",
        lambda: load(source, image_size=(_SIDE, _SIDE), validation=0), learn,
    )  # fmt: skip


def _scratch(figure: str, name: str, recipe: Recipe, place: Place) -> Way:
    size = recipe.data.image_size
    return Way(
        figure, name, f"{recipe.about}, from scratch",
        lambda: load(recipe.data.source, image_size=size, validation=0), _training(recipe, name, place),
    )  # fmt: skip


def _tuned(source: str, place: Place) -> list[Way]:
    """The fine-tuned networks; those whose weights are not here are named and left out."""
    ways = []
    for figure, name in _TUNED.items():
        if find_weights(name) is None:
            place.say(f"{name} is left out: its weights are not here")
            continue
        recipe = recipe_for(source, {"start.model": name})
        ways.append(Way(figure, name, "fine-tuned", _reader(recipe), _training(recipe, name, place)))
    return ways


def _reader(recipe: Recipe) -> Callable[[], Splits]:
    def read() -> Splits:
        assert recipe.start is not None
        model = recipe.start.open()
        return load(recipe.data.source, image_size=model.image_shape[:2], reading=model.reading, validation=0)

    return read


def _training(recipe: Recipe, name: str, place: Place) -> Callable[[Splits, int, bool], Predictions]:
    """Trains by a recipe; the run of the first division is kept."""

    def learn(parts: Splits, seed: int, first: bool) -> Predictions:
        seeded = replace(recipe, train={**recipe.train, "seed": seed})
        folder = place.folder / name.replace(" ", "-") if first else None
        run = run_recipe(seeded, folder, splits=parts, progress=place.make_progress(), say=place.say,
                         on_finish=[write_run_page])  # fmt: skip
        return run.predictions

    return learn


def _learnt_from(parts: Splits) -> Dataset:
    return parts.train if parts.valid is None else join(parts.train, parts.valid)


def _tested_on(parts: Splits) -> Dataset:
    assert parts.test is not None
    return parts.test


# ---- all ways on all divisions


def _side_by_side(
    title: str, source: str, ways: Sequence[Way], divisions: Sequence[Division], place: Place
) -> dict[str, dict[str, float]]:
    """Accuracies by way and division, with their files; those of the first division are compared on the page."""
    found: dict[str, dict[str, float]] = {}
    groups = []
    test = _tested_on(divisions[0].cut(load(source, image_size=(_SIDE, _SIDE), validation=0)))
    for way in ways:
        loaded, found[way.name] = way.read(), {}
        for division in divisions:
            first = division is divisions[0]
            one = Contestant(way.name, way.learn(division.cut(loaded), division.seed, first), test.class_names)
            found[way.name][division.name] = accuracy = float(one.right.mean())
            place.say(f"{way.name}, {division.name} division: test accuracy {accuracy:.4f}")
            write_json(place.folder / "divisions.json", {"accuracy": found})
            if first:
                groups.append(Group(way.name, (replace(one, dataset=test),), way.about))
    pairs: list[dict[str, Any]] = []
    if len(groups) > 1:
        compared = compare(groups)
        pairs = [
            {"pair": [pair.first, pair.second], **pair.test.to_dict(), "p_all_pairs": pair.p}
            for pair in compared.pairs
            if pair.test is not None
        ]
        page = write_comparison_page(place.folder / "side-by-side.html", compared, title, divisions_panel(found))
        place.say(f"wrote {page}")
    write_json(place.folder / "pairs.json", {"pairs": pairs})
    return found
