"""A convnet from scratch beside a bag of visual words and fine-tuned networks, on the same test pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glassnet.classic import BagOfWordsClassifier
from glassnet.classic.scoring import over_splits, probabilities_of
from glassnet.data import join, load
from glassnet.experiments import Run, run_recipe
from glassnet.experiments.compare import compare
from glassnet.experiments.contestants import Contestant, Group
from glassnet.experiments.predictions import Predictions
from glassnet.experiments.recipe import recipe_for
from glassnet.files import write_json
from glassnet.report.pages import write_run_page
from glassnet.report.pages.compare import write_comparison_page
from glassnet.train import Progress
from glassnet.weights import find_weights

__all__ = ["Place", "beside_words_and_pretrained"]

_SIDE = 160  # pixels that photographs are brought to for the words
_SPLITS = 5
_PRETRAINED = ("squeezenet-1.1", "efficientnet-lite0")


@dataclass(frozen=True)
class Place:
    """Where a row keeps what it makes, and whom it tells.

    Attributes
    ----------
    folder : Path
        A new folder.
    make_progress : callable
        The progress of a training, anew for each.
    say : callable
        Is given a line here and there.
    """

    folder: Path
    make_progress: Callable[[], Progress]
    say: Callable[[str], None]


def beside_words_and_pretrained(run: Run, place: Place) -> dict[str, float]:
    """Accuracies by name, with the page `side-by-side.html` and the tests of all pairs, `pairs.json`, in the folder.

    Parameters
    ----------
    run : Run
        The network trained from scratch, on picture files with a test part.
    place : Place
        Where to. Networks whose weights are not here are named and left out.
    """
    assert run.evaluation is not None
    source, seed = run.recipe.data.source, run.recipe.settings.seed
    loaded = load(source, image_size=(_SIDE, _SIDE), validation=0)
    train, test = loaded.train, loaded.test
    assert test is not None
    place.say("bag of visual words")
    fitted = BagOfWordsClassifier().fit(train.images, train.labels)
    answers = probabilities_of(fitted, test)
    predictions = Predictions("test", np.arange(len(test)), test.labels, answers)
    predictions.save(place.folder / "bag-of-words.npz")
    words = Contestant("bag of words", predictions, test.class_names, dataset=test)
    assert words.evaluation is not None
    splits = over_splits(
        lambda seed: BagOfWordsClassifier(random_state=seed), join(train, test), len(test), _SPLITS, seed,
        told=lambda done: place.say(f"split {done} of {_SPLITS}"),
    )  # fmt: skip
    groups = [
        Group("bag of words", (words,), f"{fitted.words_.n_words} words, linear support vector machine"),
        _group("own convnet", run, f"{run.recipe.about}, from scratch"),
    ]
    found = {
        "bag_of_words": words.evaluation.accuracy,
        "bag_of_words_mean_of_5_splits": float(np.mean(splits)),
        "own_convnet": run.evaluation.accuracy,
    }
    for name in _PRETRAINED:
        if find_weights(name) is None:
            place.say(f"{name} is left out: its weights are not here")
            continue
        recipe = recipe_for(source, {"start.model": name, "train.seed": seed})
        tuned = run_recipe(recipe, place.folder / name, progress=place.make_progress(), say=place.say,
                           on_finish=[write_run_page])  # fmt: skip
        assert tuned.evaluation is not None
        groups.append(_group(name, tuned, "fine-tuned"))
        found[f"fine_tuned_{name.partition('-')[0]}{'_lite0' if 'lite0' in name else ''}"] = tuned.evaluation.accuracy
    compared = compare(groups)
    pairs = [
        {"pair": [one.first, one.second], **one.test.to_dict(), "p_all_pairs": one.p}
        for one in compared.pairs
        if one.test is not None
    ]
    write_json(place.folder / "pairs.json", {"pairs": pairs})
    page = write_comparison_page(place.folder / "side-by-side.html", compared, f"{source}: scenes")
    place.say(f"wrote {page}")
    return found


def _group(name: str, run: Run, about: str) -> Group:
    return Group(name, (Contestant(name, run.predictions, run.model.class_names, run),), about)
