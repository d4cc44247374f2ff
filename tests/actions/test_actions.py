"""What the commands do, called from Python: typed results, nothing printed."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import glassnet
from glassnet.actions import Events
from glassnet.actions.audit import audit, verify
from glassnet.actions.bench import bench
from glassnet.actions.calculus import calculus
from glassnet.actions.check import check
from glassnet.actions.classic.fit_affine import fit_affine
from glassnet.actions.classic.harris import harris
from glassnet.actions.classic.knn import knn
from glassnet.actions.classic.pca import pca
from glassnet.actions.data import get_set, list_sets, show_set
from glassnet.actions.descend import descend
from glassnet.actions.evaluate import evaluate
from glassnet.actions.filter import choose, filter_picture, list_kernels
from glassnet.actions.fool import Manner, fool_from_noise, fool_picture, fool_set
from glassnet.actions.look import look
from glassnet.actions.predict import predict
from glassnet.actions.read import choose_reader, evaluate_reading, list_pictures, read
from glassnet.actions.reproduce import list_rows, reproduce
from glassnet.actions.synthesise import synthesise
from glassnet.actions.train import Swept, Trained, resume, sweep, train
from glassnet.actions.universal import fool_all
from glassnet.cli.options import emit
from glassnet.errors import DataError, Fix, FormulaError, ReaderError, RecipeError, TrainingInterrupted
from glassnet.experiments import Run, load_recipe
from glassnet.reader import make_reader
from glassnet.train import Progress


class Kept(Events):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.amounts: list[tuple[str, float, float | None, str]] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, what: str, done: float, total: float | None, unit: str = "") -> None:
        self.amounts.append((what, done, total, unit))


@pytest.fixture(autouse=True)
def silence(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """No action prints anything."""
    yield
    assert capsys.readouterr() == ("", "")


def plain(result: object, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """The JSON object of a result, as the command prints it."""
    emit(result.to_dict())  # type: ignore[attr-defined]
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    glassnet.fit("digits", "linear", epochs=3, lr=0.01).model.save(folder / "m.safetensors")
    return folder / "m.safetensors"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pixels = np.full((40, 50, 3), 255, np.uint8)
    pixels[10:30, 15:35] = 40
    Image.fromarray(pixels).save(tmp_path / "square.png")
    return tmp_path / "square.png"


def test_check(capsys: pytest.CaptureFixture[str]) -> None:
    found = check("linear 3 -> relu -> linear", (4,), 2)
    assert found.passed and found.entries == (4 * 3 + 3) + (3 * 2 + 2) + 5 * 4  # and those of 5 inputs
    assert plain(found, capsys)["passed"] is True
    with pytest.raises(RecipeError) as caught:
        check("linear 3")
    assert caught.value.fix is Fix.GIVE_INPUT_SHAPE


def test_calculus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = calculus("x**2 * y; x", [3.0, -2.0], step=0.5, hessian=True, out=tmp_path)
    assert found.values == [-18.0, 3.0] and found.point == (3.0, -2.0)
    np.testing.assert_allclose(found.jacobians["reverse mode"], [[-12, 9], [1, 0]])
    np.testing.assert_allclose(found.jacobians["forward differences, step 0.5"], [[-13, 9], [1, 0]])
    np.testing.assert_allclose(found.hessians[0], [[-4, 6], [6, 0]])
    assert [file.name for file in found.files if file.exists()] == ["graph.svg", "working.tex"]
    assert calculus("x**2 * y; x", "y=-2, x=6/2").values == found.values
    assert plain(found, capsys)["values"] == [-18.0, 3.0]


def test_descend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = descend("(w-3)**2 / 2", [0.0], rate=0.1, steps=20, out=tmp_path / "path.png")
    np.testing.assert_allclose(found.descent.path[:, 0], 3 - 3 * 0.9 ** np.arange(21))
    assert found.bound_kept is True and found.files[0].exists()
    assert descend("sin(w)", [0.5], steps=3).bound_kept is None
    assert plain(found, capsys)["minimum"] == pytest.approx([3])
    with pytest.raises(FormulaError) as caught:
        descend("x + y", "1")
    assert (caught.value.fix, caught.value.values) == (Fix.GIVE_START, {"example": "x=1,y=2"})


def test_pca(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = pca("digits", tmp_path, limit=300)
    assert (found.pictures, found.width) == (300, 64) and all(file.exists() for file in found.files)
    for number, kept, _ in found.errors:
        assert kept == pytest.approx(found.fit.explained_variance_ratio_[:number].sum())
    assert plain(found, capsys)["needed"] == found.needed
    with pytest.raises(DataError, match="limit must be at least 2"):
        pca("digits", tmp_path, limit=1)


def test_knn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    splits = glassnet.load_data("digits")
    train, test = splits.train.subset(slice(200)), splits.test
    assert test is not None
    theirs = KNeighborsClassifier(1).fit(train.images.reshape(200, -1).astype(float), train.labels)
    accuracy = theirs.score(test.images.reshape(len(test), -1).astype(float), test.labels)
    found = knn("digits", 1, tmp_path, limit=200)
    assert found.among == 200 and found.tested == len(test) and found.accuracy == pytest.approx(accuracy, abs=0.01)
    assert found.interval[0] < found.accuracy < found.interval[1] and found.files[0].exists()
    assert plain(found, capsys)["mistakes"] == found.mistakes
    with pytest.raises(DataError, match="k must lie in 1"):
        knn("digits", 0, tmp_path)


def test_fit_affine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = np.random.default_rng(0).normal(size=(20, 2))
    np.save(tmp_path / "pairs.npy", np.hstack([source, source @ [[2.0, 1.0], [0.0, -1.0]] + [3.0, 4.0]]))
    found = fit_affine(tmp_path / "pairs.npy", tmp_path)
    np.testing.assert_allclose(found.fit.coef_, [[2, 1], [0, -1]], atol=1e-9)
    assert (found.pairs, found.notes) == (20, ()) and found.files[0].exists()
    assert plain(found, capsys)["t"] == pytest.approx([3, 4])


def test_harris(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = harris(picture, tmp_path / "out", at=(15, 20))
    assert found.size == (50, 40) and len(found.peaks) == 4 and found.components is not None
    corners = {(x, y) for x in (15, 34) for y in (10, 29)}
    assert all(min(abs(x - a) + abs(y - b) for a, b in corners) <= 3 for x, y in found.peaks)
    assert plain(found, capsys)["at"] == [15, 20]
    assert harris(picture, tmp_path / "out").components is None


def test_the_known_sets(capsys: pytest.CaptureFixture[str]) -> None:
    places = {entry.name: place for entry, place in list_sets().sets}
    assert places["digits"] is not None and places["digits"].exists() and "mnist" in places
    assert get_set("digits").place == places["digits"]
    assert plain(list_sets(), capsys).keys() == {"sets"}
    with pytest.raises(DataError, match="Did you mean 'digits'"):
        get_set("digist")


def test_a_download_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def download(name: str, progress: object) -> Path:
        progress("file.gz", 1_500_000, 3_000_000)  # type: ignore[operator]
        progress("file.gz", 1_600_000, None)  # type: ignore[operator]
        return tmp_path

    monkeypatch.setattr("glassnet.actions.data.download", download)
    events = Kept()
    assert get_set("mnist", events).place == tmp_path
    assert events.amounts == [("file.gz", 1.5, 3.0, "MB"), ("file.gz", 1.6, None, "MB")]


def test_show_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = show_set("digits", tmp_path / "digits.png", count=20)
    splits = glassnet.load_data("digits")
    assert found.parts["train"] == len(splits.train)
    assert found.image_shape == (8, 8, 1) and found.class_names == tuple("0123456789")
    assert plain(found, capsys)["files"] == [str(tmp_path / "digits.png")] and found.picture.exists()


def test_evaluate_and_predict(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test = glassnet.load_data("digits").test
    assert test is not None
    found = evaluate(model, "digits")
    assert (found.part, found.evaluation.n) == ("test", len(test))
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, image in zip(paths, test.images, strict=False):
        Image.fromarray(image[..., 0]).save(path)
    seen = predict(model, [tmp_path], top=2)
    assert [each.picture for each in seen.each] == paths and seen.probabilities.shape == (3, 10)
    for each, row in zip(seen.each, seen.probabilities, strict=True):
        assert [p for _, p in each.classes] == sorted(row.tolist())[:-3:-1]
        assert each.classes[0][0] == seen.class_names[row.argmax()]
    assert plain(found, capsys)["part"] == "test"
    assert len(plain(seen, capsys)["predictions"]) == 3  # type: ignore[arg-type]


def test_fool_and_audit(model: Path, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = Kept()
    found = fool_set(model, "digits", examples=5, out=tmp_path / "set", manner=Manner("linf"), events=events)
    assert found.found.success.all() and len(found.files) == 5 + 2
    assert plain(found, capsys)["fooled"] == 5 and events.amounts[-1][0] == "reading the files again"
    original = sorted((tmp_path / "set" / "originals").iterdir())[0]
    assert fool_picture(model, original, out=tmp_path / "one").found.attempts == 9
    noise = fool_from_noise(model, "4", count=2, out=tmp_path / "noise")
    assert plain(noise, capsys)["target"] == "4" and noise.probabilities.shape == (2,)
    every = fool_all(model, "digits", eps=0.3, examples=50, out=tmp_path / "all", events=events)
    assert plain(every, capsys)["pictures"] == 50 and every.files[0].exists()
    audited = audit(
        model, "digits", eps=["10/255"], examples=20, effort="quick", corruptions=False, out=tmp_path / "audit",
        events=events,
    )  # fmt: skip
    assert plain(audited, capsys)["robustness"][0]["robust"][0]["eps"] == 10 / 255
    assert audited.found.exact["linf"] and audited.files[0].name == "audit.html"
    checked = verify(tmp_path / "set", model)
    assert checked.all_fool and plain(checked, capsys)["fool"] == 5
    with pytest.raises(RecipeError, match="Got both"):
        fool_set(model, "digits", target="1", all_targets=True, out=tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_filter(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = Kept()
    found = filter_picture(picture, choose("box", size=3), tmp_path / "soft.png", events=events)
    assert np.asarray(Image.open(found.files[0]))[10, 25, 0] == round((3 * 255 + 6 * 40) / 9)
    assert events.amounts[-1] == ("filtering", 1.0, 1.0, "")
    assert plain(found, capsys)["kernel"] == "box" and plain(list_kernels(), capsys)["kernels"]
    with pytest.raises(DataError, match="sigma belongs to the kernel 'blur'"):
        choose("box", sigma=1.0)


def test_synthesise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letter.txt").write_text("Hello\n")
    events = Kept()
    found = synthesise(2, tmp_path / "pages", text=tmp_path / "letter.txt", seed=3, events=events)
    assert all(file.exists() for file in found.files) and len(found.files) == 6
    assert [line.split()[0] for line in events.lines] == ["1/2", "2/2"]
    assert plain(found, capsys)["seconds"] == found.seconds


def test_bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("glassnet.bench.worker.SECONDS", 0.01)
    monkeypatch.setattr("glassnet.bench.machine.gemm_speed", lambda threads: 10.0 * threads)
    monkeypatch.setattr("glassnet.bench.report.is_installed", lambda: False)
    events = Kept()
    found = bench(["linear 2"], input_shape=(4,), batch=2, mode="infer", threads=[1], runs=1, events=events)
    assert found.results[0].seconds > 0 and any(line.startswith("linear 2, ") for line in events.lines)
    assert all("\n" not in line for line in events.lines) and events.amounts[0][1:] == (0, len(events.amounts), "")
    assert plain(found, capsys)["runs"] == 1


def test_look(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = look(model, tmp_path)
    assert found.weights == 64 * 10 + 10 and found.files[0].suffix == ".html"
    assert all(file.exists() for file in found.files)
    assert plain(found, capsys)["weights"] == 650


def test_reproduce(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = Kept()
    found = reproduce(["affine-fit"], tmp_path, events=events)
    assert found.passed and "affine-fit" in [row.id for row in list_rows()]
    assert any(line.startswith("affine-fit: ") for line in events.lines)
    assert plain(found, capsys)["rows"]


SMALL = {"model.network": "linear", "train.epochs": 2, "train.batch": 50, "data.train_limit": 150}


class Interrupt(Progress):
    """Presses Ctrl-C after the fourth step."""

    def step(self, step: int, loss: float) -> None:
        if step == 4:
            signal.raise_signal(signal.SIGINT)


def test_train_and_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = Kept()
    found = train("digits", SMALL, tmp_path / "run", events=events)
    assert (found.run.folder, found.run.model.network.size) == (tmp_path / "run", 650)
    assert found.run.figures() == Run.open(tmp_path / "run").figures()
    assert events.lines[-1] == "writing the report" and (tmp_path / "run" / "report.html") in found.run.files
    accuracy = found.run.figures()["accuracy"]
    shown = plain(found, capsys)
    assert (shown["accuracy"], shown["folder"]) == (accuracy, str(tmp_path / "run"))
    assert shown["files"][:1] == [str(tmp_path / "run" / "model.safetensors")]  # type: ignore[index]

    recipe = tmp_path / "run" / "recipe.toml"
    for number, same in enumerate((recipe, str(recipe), load_recipe(recipe))):
        with pytest.raises(TrainingInterrupted) as caught:
            train(same, None, tmp_path / f"{number}", make_progress=Interrupt)
        assert caught.value.fix is Fix.RESUME
        again = resume(tmp_path / f"{number}")
        assert isinstance(again, Trained)
        written = [(folder / "model.safetensors").read_bytes() for folder in (tmp_path / "run", tmp_path / f"{number}")]
        assert written[0] == written[1]
    with pytest.raises(RecipeError, match="epochs"):
        train(recipe, {"train.epochs": -1}, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = Kept()
    values = {"optimizer.lr": [3e38, 0.1]}
    found = sweep("digits", values, {**SMALL, "optimizer.name": "sgd"}, tmp_path / "sweep", events=events)
    assert list(found.figures) == ["optimizer.lr = 0.1"] and list(found.sweep.failed) == ["optimizer.lr = 3e+38"]
    assert found.sweep.files == [tmp_path / "sweep" / "index.html"] and "run 2 of 2: optimizer.lr = 0.1" in events.lines
    shown = plain(found, capsys)
    assert shown["failed"] == found.sweep.failed and shown["files"] == [str(tmp_path / "sweep" / "index.html")]
    again = resume(tmp_path / "sweep")
    assert isinstance(again, Swept) and again.figures == found.figures


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("letters")
    synthesise(2, folder, lines=2, seed=3)
    return folder


def test_read(letters: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    told = []
    named = [letters / "page-001.jpg", tmp_path / "bad.jpg", letters / "page-002.jpg"]
    found = read(named, form="hocr", out=tmp_path / "out", overlay=True, on_page=told.append)
    assert tuple(told) == found.each and [each.picture for each in found.each] == named
    first, bad, second = found.each
    assert bad.page is None and bad.files == () and found.errors == (bad.error,)
    for each in (first, second):
        assert each.page is not None and each.page.as_json() == make_reader().read(each.picture).as_json()
        names = [f"{each.picture.stem}.hocr", f"{each.picture.stem}-read.png"]
        assert [file.name for file in each.files if file.parent == tmp_path / "out" and file.exists()] == names
    shown = plain(found, capsys)
    assert [page["picture"] for page in shown["pages"]] == [str(named[0]), str(named[2])]  # type: ignore[attr-defined]
    assert len(shown["files"]) == 4 and shown["seconds"] == found.seconds  # type: ignore[arg-type]
    figures = read(named[:1], choose_reader("0-9"))
    assert figures.each[0].page is not None and not any(map(str.isalpha, figures.each[0].page.text))
    with pytest.raises(ReaderError, match=r"A format is text, json, hocr, alto or pdf\. Got 'doc'"):
        read(named, form="doc")


def test_the_pictures_of_a_folder_are_read_without_overlays(tmp_path: Path) -> None:
    for name in ("a.png", "a-read.png", "b-read.png"):
        (tmp_path / name).touch()
    named = list_pictures([tmp_path])
    assert [path.name for path in named] == ["a.png", "b-read.png"] and list_pictures(named) == named
    assert list_pictures([tmp_path / "a-read.png", tmp_path])[0].name == "a-read.png"


def test_evaluate_reading(letters: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = Kept()
    found = evaluate_reading(letters, out=tmp_path, jobs=2, events=events)
    wrong = sum(page.character_errors for page in found.scores.pages)
    total = sum(page.characters for page in found.scores.pages)
    assert found.scores.character_error_rate == wrong / total < 0.5
    assert [line.split(":")[0] for line in events.lines] == ["1/2 page-001.jpg", "2/2 page-002.jpg"]
    assert found.file == tmp_path / "reading.html" and found.file.exists()
    shown = plain(found, capsys)
    assert (shown["characters"], shown["files"]) == (total, [str(found.file)])
    with pytest.raises(ReaderError, match="holds no picture and no PDF with a "):
        evaluate_reading(tmp_path)


def test_evaluate_reading_of_pdfs(letters: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheets = [Image.open(letters / f"page-00{number}.jpg") for number in (1, 2)]
    texts = [(letters / f"page-00{number}.txt").read_text() for number in (1, 2)]
    sheets[0].save(tmp_path / "all.pdf", save_all=True, append_images=sheets[1:], resolution=200)
    shutil.copy(tmp_path / "all.pdf", tmp_path / "each.pdf")
    (tmp_path / "all.txt").write_text("\f".join(texts))
    (tmp_path / "each-1.txt").write_text(texts[0])
    (tmp_path / "each-2.txt").write_text(texts[1])
    found = evaluate_reading(tmp_path, out=tmp_path)
    whole, *each = found.scores.pages
    assert [score.name for score in (whole, *each)] == ["all.pdf", "each.pdf, page 1", "each.pdf, page 2"]
    assert whole.read == "\n".join(score.read for score in each)
    assert whole.characters == sum(score.characters for score in each) and whole.score > 0.5
    shown = found.file.read_text()
    assert 'alt="each.pdf, page 2, with the lines' in shown and "4 pages, " in shown
    assert plain(found, capsys)["pages"] == 4
