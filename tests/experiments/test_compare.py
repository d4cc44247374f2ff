"""Groups of networks on the same pictures: which are matched, which question is answered, what is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassnet.data import Dataset
from glassnet.errors import DataError, TrainingError
from glassnet.experiments import Predictions, Run, run_recipe
from glassnet.experiments.compare import compare
from glassnet.experiments.contestants import Contestant, Group, common_name, groups_of, open_runs, runs_inside
from glassnet.experiments.recipe import recipe_from
from glassnet.experiments.verdicts import meaning, open_questions, sentence, verdict_of
from glassnet.metrics import Interval, Reconstruction, mcnemar

N, NAMES = 60, ("cat", "dog")
RNG = np.random.default_rng(0)
PICTURES = Dataset(RNG.integers(0, 256, (N, 2, 2, 1), np.uint8), np.arange(N) % 2, NAMES)


def one(name: str, wrong: int | list[int], of: Dataset = PICTURES, rows: np.ndarray | None = None) -> Contestant:
    """A classifier that has some pictures wrong, the first so many or those of a list, by their number in PICTURES."""
    rows = np.arange(len(of)) if rows is None else rows
    missed = np.isin(rows, np.arange(wrong) if isinstance(wrong, int) else wrong)
    answers = np.where(missed, 1 - of.labels, of.labels)
    p = np.where(np.eye(2, dtype=bool)[answers], 0.8, 0.2)
    return Contestant(name, Predictions("test", np.arange(len(of)), of.labels, p), of.class_names, dataset=of)


def group(name: str, *wrong: int | list[int]) -> Group:
    return Group(name, tuple(one(name, each) for each in wrong))


def test_two_networks() -> None:
    found = compare([group("a", 2), group("b", 20)])
    (pair,) = found.pairs
    assert pair.test == mcnemar(np.arange(N) >= 2, np.arange(N) >= 20)
    assert (pair.test.only_first, pair.test.only_second) == (18, 0) and pair.p == pair.found.p == 2 * 0.5**18
    assert pair.outcome == "first" and pair.found.value == pytest.approx(0.3)
    assert verdict_of(found).startswith("a is better by 30.0 points (95 % interval ")
    assert "takes several seeds" in meaning(found)
    assert pair.loss is not None and pair.loss.value == pytest.approx(-18 * np.log(4) / N)
    assert compare([group("b", 20), group("a", 2)]).pairs[0].outcome == "second"


def test_pictures_are_matched_by_content_whatever_their_order() -> None:
    order = np.random.default_rng(1).permutation(N)[:50]
    other = PICTURES.subset(order)
    found = compare([group("a", 2), Group("b", (one("b", 20, other, order),))])
    kept = np.sort(order)
    expected = mcnemar(kept >= 2, kept >= 20)
    assert found.pairs[0].test == expected and found.pairs[0].found.n == 50
    (first, second) = found.pairs[0].rows
    assert np.array_equal(PICTURES.images[first], other.images[second])
    assert found.notes == ("'a' and 'b' are compared on the 50 pictures that both were evaluated on",)


def test_the_same_picture_again_is_matched_with_the_same_picture_again() -> None:
    twice = PICTURES.subset([0, 0, 1, 2])
    more = PICTURES.subset([2, 0, 1, 0, 0])
    a, b = one("a", [0], twice, np.array([0, 0, 1, 2])), one("b", [1], more, np.array([2, 0, 1, 0, 0]))
    found = compare([Group("a", (a,)), Group("b", (b,))]).pairs[0]
    assert [rows.tolist() for rows in found.rows] == [[0, 1, 2, 3], [1, 3, 2, 0]]


def test_pictures_of_other_sizes_are_matched_by_file(tmp_path: Path) -> None:
    files = [tmp_path / f"{i}.png" for i in range(N)]
    large = Dataset(np.zeros((N, 4, 4, 1), np.uint8), PICTURES.labels, NAMES, files=files)
    small = Dataset(PICTURES.images[::-1], PICTURES.labels[::-1], NAMES, files=files[::-1])
    found = compare([Group("a", (one("a", 2, large),)), Group("b", (one("b", 20, small, np.arange(N)[::-1]),))])
    assert found.pairs[0].test == mcnemar(np.arange(N) >= 2, np.arange(N) >= 20)
    with pytest.raises(DataError, match="no telling which are the same"):
        compare([Group("a", (one("a", 2, large),)), group("b", 3)])


def test_several_seeds_are_recipes() -> None:
    found = compare([group("a", 2, 4, 3), group("b", 20, 24, 16)])
    (pair,) = found.pairs
    assert pair.found.question == "recipes" and pair.found.seeds == (3, 3) and pair.test is None
    assert pair.networks.question == "networks" and pair.networks.value == pair.found.value == pytest.approx(17 / N)
    assert pair.outcome == "first" and "about the recipes" in meaning(found)
    low, high = pair.found.interval()
    inner_low, inner_high = pair.networks.interval()
    assert low < inner_low < inner_high < high


def test_seeds_that_held_out_other_pictures_are_paired() -> None:
    parts = [np.arange(0, 20), np.arange(20, 40), np.arange(40, 60)]

    def side(name: str, wrong: list[list[int]]) -> Group:
        return Group(name, tuple(one(name, w, PICTURES.subset(p), p) for w, p in zip(wrong, parts, strict=True)))

    found = compare([side("a", [[0], [20], [40, 41]]), side("b", [[0, 1, 2, 3], [20, 21, 22], [40, 41, 42, 43, 44]])])
    (pair,) = found.pairs
    assert pair.found.value == pytest.approx((3 + 2 + 3) / 60) and "paired by seed" in pair.found.method
    assert pair.networks.n == 60 and pair.pictures is None


def test_sentences() -> None:
    undecided = compare([group("a", 10), group("b", 12)])
    assert verdict_of(undecided) == (
        "undecided: no number of pictures can be promised, as the difference seen is too uncertain"
        " (a is ahead by 3.3 points, 95 % interval -3.0 to 9.5)"
    )
    wide = compare([group("a", 10), group("b", 12)], margin=0.2)
    assert verdict_of(wide).startswith("a and b are equal within 20.0 points (a is ahead by 3.3 points, 95 %")
    small = compare([group("a", 10), group("b", 24)], margin=0.5)
    assert verdict_of(small).endswith(", less than the 50.0 that matter")
    some = compare([group("a", 10), group("b", 12)], margin=0.05)
    (pair,) = some.pairs
    assert pair.outcome == "undecided" and pair.pictures is not None
    step = 10 ** max(0, len(str(pair.pictures)) - 2)
    assert f"undecided: about {-(-pair.pictures // step) * step:,} more pictures (" in sentence(pair, some.unit, 0.05)
    same = compare([group("a", 10), group("b", 10)], margin=0.001)
    assert "(no difference was seen, 95 % interval -4.5 to 4.5)" in verdict_of(same)


def test_more_than_two() -> None:
    found = compare([group("bad", 30), group("good", 1), group("fair", 2), group("poor", 31)])
    assert len(found.pairs) == 6
    raw = sorted(pair.found.p for pair in found.pairs)
    corrected = {(p.first, p.second): p.p for p in found.pairs}
    assert corrected["good", "poor"] == pytest.approx(6 * raw[0])
    text = verdict_of(found)
    assert text.startswith("good has the highest accuracy: better than bad and poor, undecided beside fair")
    (line,) = open_questions(found)
    assert line.startswith("good and fair: undecided: ") and not open_questions(compare([group("a", 1), group("b", 2)]))
    assert verdict_of(compare([group("a", 1), group("b", 30), group("c", 31)])) == (
        "a has the highest accuracy: better than all 2 others"
    )


def reconstructs(name: str, psnr: np.ndarray) -> Group:
    found = Reconstruction(N, 0.1, float(psnr.mean()), Interval(0, 1), 20.0, psnr)
    own = Predictions("test", np.arange(N), PICTURES.labels, reconstruction=found)
    return Group(name, (Contestant(name, own, NAMES, dataset=PICTURES),))


def test_reconstructions() -> None:
    psnr = RNG.normal(20, 2, N)
    found = compare([reconstructs("a", psnr), reconstructs("b", psnr - 1 + RNG.normal(0, 0.1, N))])
    assert found.margin == 0.1 and verdict_of(found).startswith("a is better by 1.00 dB (95 %")
    assert found.pairs[0].loss is None and found.pairs[0].test is None
    with pytest.raises(DataError, match="'b' classifies pictures and 'a' reconstructs them"):
        compare([reconstructs("a", psnr), group("b", 1)])
    with pytest.raises(DataError, match="exactly"):
        compare([reconstructs("a", np.full(N, np.inf)), reconstructs("b", psnr)])


def test_what_cannot_be_compared() -> None:
    with pytest.raises(DataError, match="at least two"):
        compare([group("a", 1)])
    with pytest.raises(DataError, match="same name"):
        compare([group("a", 1), group("a", 2)])
    first, second = PICTURES.subset(slice(0, 30)), PICTURES.subset(slice(30, 60))
    with pytest.raises(DataError, match="different pictures: none is in both"):
        compare([Group("a", (one("a", 1, first),)), Group("b", (one("b", 1, second),))])
    relabelled = Dataset(PICTURES.images, np.where(np.arange(N) < 3, 1 - PICTURES.labels, PICTURES.labels), NAMES)
    with pytest.raises(DataError, match="3 of the 60 pictures have another class in 'b' than in 'a'"):
        compare([group("a", 1), Group("b", (one("b", 1, relabelled),))])


# ---- runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recipes with two seeds each, a test part of their own making."""
    folder = tmp_path_factory.mktemp("runs")
    for width in (4, 16):
        for seed in (0, 1):
            recipe = recipe_from({
                "data": {"source": "digits", "train_limit": 120, "test_limit": 60},
                "model": {"network": f"linear {width} -> relu -> linear"},
                "train": {"epochs": 1, "seed": seed, "threads": 1 + seed},
            })  # fmt: skip
            run_recipe(recipe, folder / f"width-{width}-seed-{seed}")
    return folder


def test_runs_of_a_folder_are_grouped_by_recipe(runs: Path) -> None:
    found, notes = open_runs([runs])
    assert [run.folder.name for run in found if run.folder] == [p.name for p in runs_inside(runs)] and not notes
    groups, notes = groups_of(found)
    assert [g.name for g in groups] == ["width-4", "width-16"] and not notes
    assert [len(g.members) for g in groups] == [2, 2]
    compared = compare(groups)
    assert dict(compared.settings) == {"model.network": ["linear 4 -> relu -> linear", "linear 16 -> relu -> linear"]}
    # A limit is drawn by the seed, so that each seed has other test pictures.
    assert "paired by seed" in compared.pairs[0].found.method
    run = found[0]
    assert run.known is not None and run.known.evaluated is not None
    assert np.array_equal(run.known.evaluated, groups[0].members[0].digests)


@pytest.mark.parametrize(
    ("names", "common"),
    [
        (["alone-1"], "alone-1"),
        (["wide-1", "wide-2"], "wide"),
        (["wide-19", "wide-18", "wide-2"], "wide"),
        (["lr=0.1_train.seed=10", "lr=0.1_train.seed=11"], "lr=0.1"),
        (["1", "2"], "1"),
    ],
)
def test_names_of_groups(names: list[str], common: str) -> None:
    assert common_name(names) == common


def test_one_recipe_and_one_run_twice(runs: Path) -> None:
    first = Run.open(runs / "width-4-seed-0")
    groups, notes = groups_of([first, Run.open(runs / "width-4-seed-1"), Run.open(runs / "width-4-seed-0")])
    assert [g.name for g in groups] == ["width-4-seed-0", "width-4-seed-1"]
    assert "is left out: it has the recipe and the seed of" in notes[0] and "networks are compared" in notes[1]
    assert "one recipe" in meaning(compare(groups))


def test_runs_of_before_their_pictures_were_kept(runs: Path) -> None:
    first, second = (Run.open(runs / f"width-{width}-seed-0") for width in (4, 16))
    expected = compare(groups_of([first, second])[0]).pairs[0].test
    for run in (first, second):
        run.known = None
    assert compare(groups_of([first, second])[0]).pairs[0].test == expected
    assert first.evaluation is not None and second.evaluation is not None
    right = [run.evaluation.predictions == run.evaluation.labels for run in (first, second) if run.evaluation]
    assert expected == mcnemar(*right)


def test_runs_that_are_not_finished(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "recipe.toml").write_bytes((runs / "width-4-seed-0" / "recipe.toml").read_bytes())
    with pytest.raises(TrainingError, match="is not finished"):
        open_runs([tmp_path / "begun"])
    assert open_runs([tmp_path]) == ([], ["left out, as not finished: begun"])
    with pytest.raises(TrainingError, match="not a run folder"):
        open_runs([tmp_path / "nothing"])
