"""Pictures that stay on the disk give the bits of pictures in memory, and say so when they cannot."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.data import (
    Augmentation,
    Dataset,
    PictureFiles,
    Preprocess,
    every_few_seconds,
    hold_out,
    join,
    load,
    pieces,
    read_picture,
)
from glassnet.data import pictures as pictures_module
from glassnet.errors import GlassnetError, RecipeError, TrainingInterrupted
from glassnet.experiments import load_splits, resume, run_recipe
from glassnet.experiments.recipe import recipe_from
from glassnet.model import Model
from glassnet.report.pages import write_run_page
from glassnet.train import Progress
from glassnet.train.feed import Feed
from support.data_files import one_line_error


def write_folder(folder: Path, each: int = 20, *, grey: bool = False, test: int = 6, size: int = 9) -> Path:
    """Two classes, dark and bright pictures, as PNG and JPEG, with a test part."""
    rng = np.random.default_rng(5)
    for part, count in (("train", each), ("test", test)):
        for label, name in enumerate(("dark", "bright")):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(100 * label, 100 * label + 156, (size, size) if grey else (size, size, 3))
                ending = ".png" if number % 2 else ".jpg"
                Image.fromarray(pixels.astype(np.uint8)).save(folder / part / name / f"{number}{ending}")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "set")


def both(folder: Path, **options: object) -> tuple[Dataset, Dataset]:
    memory, streamed = load(folder, **options).train, load(folder, memory_share=0, **options).train  # type: ignore[arg-type]
    assert isinstance(memory.images, np.ndarray) and isinstance(streamed.images, PictureFiles)
    return memory, streamed


def test_every_use_of_images_gives_the_same(folder: Path) -> None:
    memory, streamed = both(folder)
    whole, files = memory.images, streamed.images
    assert isinstance(files, PictureFiles)
    assert files.shape == whole.shape and files.dtype == whole.dtype and files.ndim == 4 and len(files) == 40
    for chosen in (3, -1, slice(2, 30, 3), np.array([7, 7, 0]), whole[:, 0, 0, 0] > 90, slice(5, 5)):
        assert (files[chosen] == whole[chosen]).all() and files[chosen].shape == whole[chosen].shape
    assert (np.concatenate(list(pieces(files, 7))) == whole).all()
    assert streamed.sha256 == memory.sha256 and streamed.picture_digests == memory.picture_digests
    assert "40 images 9x9x3 uint8" in repr(streamed)
    picked = [39, 0, 5]
    assert streamed.subset(picked).sha256 == memory.subset(picked).sha256
    for a, b in zip(hold_out(streamed, 0.25), hold_out(memory, 0.25), strict=True):
        assert isinstance(a.images, PictureFiles) and a.sha256 == b.sha256
    rest, held = hold_out(streamed, 0.25)
    assert isinstance(join(rest, held).images, PictureFiles)
    assert (
        join(rest, held).sha256 == join(*hold_out(memory, 0.25)).sha256 == join(rest, hold_out(memory, 0.25)[1]).sha256
    )


def test_the_notes_are_the_same(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", each=6)
    twin = folder / "test" / "bright" / "twin.png"
    twin.write_bytes((folder / "train" / "dark" / "1.png").read_bytes())
    memory, streamed = load(folder, validation=2), load(folder, validation=2, memory_share=0)
    assert streamed.notes == memory.notes and any("too, pixel for pixel" in note for note in memory.notes)
    assert any("under more than one label" in note for note in memory.notes)


def test_what_needs_all_pictures_is_refused_in_one_line(folder: Path) -> None:
    files = both(folder)[1].images
    for use in (np.asarray, lambda images: images.reshape(40, -1)):
        with one_line_error("40 pictures", "larger share of memory"):
            use(files)


@pytest.mark.parametrize("notation", ["scale", "standardise -> multiply 2", "invert -> mean-image", "grey -> whiten 6"])
def test_preprocessing_is_fitted_to_the_same_bits(folder: Path, notation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.data.preprocess._CHUNK_VALUES", 1000)  # pieces of 4
    memory, streamed = both(folder)
    one, other = (Preprocess.parse(notation).fit(part.images).arrays() for part in (memory, streamed))
    assert one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one)


@pytest.mark.parametrize("augment", ["", "flip -> crop 2, zero -> cutout 3", "rotate 20 -> elastic 4 2 -> cutout 3"])
@pytest.mark.parametrize("notation", ["standardise", "mean-image -> resize 6 6", "grey -> standardise"])
@pytest.mark.parametrize("rebuild", [False, True])
def test_a_feed_gives_the_same_bits(folder: Path, augment: str, notation: str, rebuild: bool) -> None:
    sets = both(folder)
    feeds = [
        Feed(
            part,
            Preprocess.parse(notation).fit(part.images),
            rebuild=rebuild,
            augmentation=Augmentation.parse(augment) if augment else None,
            seed=3,
        )
        for part in sets
    ]
    order = np.random.default_rng(0).permutation(40)
    asked = [order[:16], order[16:32], order[32:], np.arange(16), np.arange(16, 32), order[:1], order[16:32]]
    for epoch in (0, 1):
        for indices in asked:
            (x, target), (y, other) = (feed.take(indices, epoch) for feed in feeds)
            assert x.dtype == y.dtype == np.float32 and (x == y).all() and (target == other).all()
    feeds[1].close()
    assert (feeds[1].take(order[:4], 0)[0] == feeds[0].take(order[:4], 0)[0]).all()


def recipe(folder: Path, share: float | None, network: str = "linear 12 -> relu -> linear", **train: object):  # type: ignore[no-untyped-def]
    data = {"source": str(folder), "validation": 8} | ({} if share is None else {"memory_share": share})
    model = {"network": network, "preprocess": "scale -> standardise"}
    return recipe_from({"data": data, "model": model, "train": {"epochs": 3, "batch": 7, "seed": 2, **train}})


def assert_equal_weights(one: Model, other: Model) -> None:
    for a, b in zip(one.network.arrays().values(), other.network.arrays().values(), strict=True):
        assert (a == b).all()


@pytest.mark.parametrize("augment", ["", "flip -> crop 1 -> cutout 2", "shift 1.5"])
def test_a_training_ends_in_the_same_bits(folder: Path, augment: str) -> None:
    runs = [run_recipe(recipe(folder, share, augment=augment)) for share in (None, 0)]
    assert isinstance(runs[1].splits.train.images, PictureFiles) and isinstance(runs[0].splits.train.images, np.ndarray)
    for one, other in zip(
        runs[0].model.network.arrays().values(), runs[1].model.network.arrays().values(), strict=True
    ):
        assert (one == other).all()
    assert runs[0].model.card == runs[1].model.card
    a, b = (run.evaluation for run in runs)
    assert a is not None and b is not None and (a.predictions == b.predictions).all() and a.loss == b.loss


def test_an_autoencoder_is_evaluated_in_pieces(folder: Path) -> None:
    made = []
    for share in (None, 0):
        values = recipe(folder, share, "linear 12 -> relu -> linear").to_dict()
        values["model"] |= {"loss": "squared-error", "preprocess": "scale"}
        made.append(run_recipe(recipe_from(values)).reconstruction)
    one, other = made
    assert one is not None and other is not None and one.psnr == other.psnr
    assert (one.per_image == other.per_image).all()
    assert abs(one.mean_squared_error - other.mean_squared_error) < 1e-12


class Stop(Progress):
    """Interrupts at one step."""

    def __init__(self, at: int) -> None:
        self.at = at

    def step(self, step: int, loss: float) -> None:
        if step == self.at:
            import signal

            signal.raise_signal(signal.SIGINT)


def test_stopped_and_resumed_it_ends_in_the_same_bits_and_writes_a_report(folder: Path, tmp_path: Path) -> None:
    whole = run_recipe(recipe(folder, None, augment="flip -> crop 1"))
    with pytest.raises(TrainingInterrupted):
        run_recipe(recipe(folder, 0, augment="flip -> crop 1"), tmp_path / "run", progress=Stop(7))
    run = resume(tmp_path / "run", on_finish=[write_run_page])
    assert isinstance(run.splits.train.images, PictureFiles)
    assert_equal_weights(whole.model, run.model)
    assert (tmp_path / "run" / "report.html").exists()
    reopened = Model.load(tmp_path / "run").evaluate(load(folder, memory_share=0).train)
    assert reopened.n == 40


def test_a_picture_that_is_damaged_in_the_middle_of_a_training_is_named(folder: Path) -> None:
    damaged = folder / "train" / "dark" / "4.jpg"

    class Damage(Progress):
        def epoch(self, record: dict[str, object], best: bool) -> None:
            damaged.write_bytes(damaged.read_bytes()[:200])

    with pytest.raises(GlassnetError) as caught:
        run_recipe(recipe(folder, 0, epochs=4), progress=Damage())
    assert str(damaged) in str(caught.value) and "\n" not in str(caught.value)


def test_a_picture_that_is_gone_is_named(folder: Path) -> None:
    _, streamed = both(folder)
    gone = folder / "train" / "bright" / "3.png"
    gone.unlink()
    with one_line_error(str(gone)):
        streamed.sha256  # noqa: B018


def test_it_is_chosen_by_the_share_of_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 52 * 9 * 9 * 3
    for memory, share, streams in ((4 * size, 0.25, False), (4 * size - 1, 0.25, True), (2 * size, 0.5, False)):
        monkeypatch.setattr("glassnet.data.gathering.machine_memory", lambda memory=memory: memory)
        assert isinstance(load(folder, memory_share=share).train.images, PictureFiles) is streams
    for wrong in (-0.1, 1.5, True, "half"):
        with one_line_error("share of memory", "0 to 1"):
            load(folder, memory_share=wrong)  # type: ignore[arg-type]
        with pytest.raises(RecipeError, match="memory_share"):
            recipe(folder, wrong)  # type: ignore[arg-type]
    assert recipe_from(recipe(folder, 0.5).to_dict()).data.memory_share == 0.5
    assert not isinstance(load("digits", memory_share=0).train.images, PictureFiles)


def picture(mode: str, noise: np.ndarray) -> Image.Image:
    """Noise (H, W, 4) as grey, RGB, RGBA, black and white, 16-bit grey or grey with transparency."""
    if mode == "1":
        return Image.fromarray(noise[:, :, 0]).convert("1")
    if mode == "I":
        return Image.fromarray(noise[:, :, 0].astype(np.uint16) * 257)
    channels = {"L": 1, "R": 3, "A": 4, "T": 2}[mode]
    return Image.fromarray(noise[:, :, :channels].squeeze().copy())


@pytest.mark.parametrize("sizes", [(9, 9, 9, 9), (9, 12, 9, 9), (40, 9, 9, 32), (32, 32, 9, 9), (32, 32, 32, 32)])
@pytest.mark.parametrize("modes", ["LLLL", "RRRR", "LLRL", "RLLA", "1ITL"])
@pytest.mark.parametrize("image_size", [None, (7, 5)])
def test_each_file_is_opened_once_and_comes_to_the_bits_of_read_picture(
    tmp_path: Path,
    sizes: tuple[int, ...],
    modes: str,
    image_size: tuple[int, int] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(1)
    files = []
    for number, (size, mode) in enumerate(zip(sizes, modes, strict=True)):
        file = tmp_path / f"class{number % 2}" / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        picture(mode, rng.integers(0, 256, (size, size, 4), np.uint8)).save(file)
        files.append(file)
    opened: list[Path] = []
    real = pictures_module.open_plain
    monkeypatch.setattr(pictures_module, "open_plain", lambda path: opened.append(path) or real(path))
    memory = load(tmp_path, image_size=image_size)
    assert sorted(opened) == sorted(files)
    streamed = load(tmp_path, image_size=image_size, memory_share=0)
    common = sizes[0] if len(set(sizes)) == 1 else 32
    h, w = image_size or (common, common)
    assert memory.train.image_shape == (h, w, 1 if set(modes) <= set("L1IT") else 3)
    expected = [read_picture(file, memory.train.image_shape) for file in (files[0], files[2], files[1], files[3])]
    assert (np.stack(expected) == memory.train.images).all() and memory.train.sha256 == streamed.train.sha256
    assert memory.notes == streamed.notes


def test_large_first_pictures_do_not_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 300x300 the three would not fit, at 32x32 they do: that is known at the second picture."""
    monkeypatch.setattr("glassnet.data.gathering.machine_memory", lambda: 100_000)
    for number, size in enumerate((300, 20, 300)):
        (tmp_path / f"c{number}").mkdir()
        Image.fromarray(np.full((size, size), 50 * number, np.uint8)).save(tmp_path / f"c{number}" / "x.png")
    found = load(tmp_path).train
    assert isinstance(found.images, np.ndarray) and found.images[:, 5, 5, 0].tolist() == [0, 50, 100]


def test_progress_is_told(folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    for share in (0.25, 0):
        told.clear()
        found = load(folder, memory_share=share, progress=lambda *line: told.append(line))
        assert told == [("reading pictures", number, 52) for number in range(1, 53)]
        found.train.sha256  # noqa: B018
        assert (len(told) > 52) is (share == 0)
    lines: list[str] = []
    tell = every_few_seconds(lines.append, seconds=0)
    tell("reading pictures", 1, 2000)
    tell("reading pictures", 1500, 2000)
    assert lines == ["reading pictures: 1,500 of 2,000"]
    quiet = every_few_seconds(lines.append, seconds=60)
    quiet("reading pictures", 1, 2), quiet("reading pictures", 2, 2)
    assert len(lines) == 1
    assert len(load_splits(recipe(folder, 0), lines.append).train) == 32


def test_threads_leave_the_filters_of_warnings_alone(folder: Path) -> None:
    streamed = both(folder)[1]
    before = list(warnings.filters)
    for _ in pieces(streamed.images, 3):
        assert list(warnings.filters) == before
