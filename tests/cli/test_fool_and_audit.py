"""`fool` and `audit` as a user types them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.data import read_picture
from glassnet.model import Model
from support.classifiers import digit_pictures
from support.shell import Shell


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from glassnet.cli import main

    folder = tmp_path_factory.mktemp("model") / "run"
    line = ["train", "digits", "--model", "linear 24 -> relu -> linear", "--epochs", "15", "--out", str(folder)]
    assert main(line) == 0
    return folder


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """A test picture that the model gets right."""
    loaded = Model.load(model)
    stored, labels = digit_pictures(20)
    right = np.flatnonzero(loaded.predict_proba(stored).argmax(axis=1) == labels)[0]
    path = tmp_path_factory.mktemp("pictures") / "a digit.png"
    Image.fromarray(stored[right, :, :, 0]).save(path)
    return path


def test_a_picture_into_every_other_class(shell: Shell, model: Path, picture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = shell.json("fool", model, picture, "--out", out)
    assert found["attempts"] == found["fooled"] == 9 and found["success_rate"] == 1
    loaded = Model.load(model)
    for each in found["each"]:
        path = out / f"a digit-as-{each['seen_as']}.png"
        pixels = read_picture(path, loaded.image_shape, loaded.reading)
        assert loaded.class_names[loaded.predict_proba(pixels[None])[0].argmax()] == each["seen_as"] == each["target"]
        seen = shell("predict", model, path)
        assert re.search(rf"\.png +{each['seen_as']} +\d", seen)
        change = pixels.astype(int) - read_picture(picture)
        assert np.abs(change).max() == each["steps"]
        assert each["l2"] == pytest.approx(np.sqrt((change**2).sum()) / 255)
    page = (out / "fool.html").read_text(encoding="utf-8")
    assert "Over the boundary" in page and "change ×" in page and "Files" in page
    assert (out / "figures" / "boundary.png").exists() and (out / "originals" / "a digit.png").exists()
    assert shell("audit", "--verify", out) == (checked := shell("audit", model, "--verify", out))
    assert "9 of 9 receipts hold" in checked and "fools: " in checked


def test_one_target_in_either_norm(shell: Shell, model: Path, picture: Path, tmp_path: Path) -> None:
    label = shell.json("predict", model, picture)["predictions"][0]["classes"][0]["class"]
    target = "3" if label != "3" else "5"
    sizes = {}
    for norm in ("l2", "linf"):
        out = tmp_path / norm
        found = shell.json("fool", model, picture, "--target", target, "--norm", norm, "--out", out)
        assert found["fooled"] == 1
        sizes[norm] = found["each"][0]
    assert sizes["linf"]["steps"] < sizes["l2"]["steps"] and sizes["l2"]["l2"] < sizes["linf"]["l2"]


def test_a_bound_that_is_too_small_is_said(shell: Shell, model: Path, picture: Path, tmp_path: Path) -> None:
    text = shell("fool", model, picture, "--eps", "1/255", "--norm", "linf", "--out", tmp_path / "o", status=3)
    assert "fooled 0 of 9" in text and "not fooled" in text
    assert (tmp_path / "o" / "fool.html").exists() and not list((tmp_path / "o").glob("*.png"))


@pytest.mark.parametrize(
    "attack", ["pgd 0.4", "apgd 0.4, steps 30", "square 0.4", "fgsm 0.4", "gradient-ascent", "fab"]
)
def test_every_attack_by_name(shell: Shell, model: Path, tmp_path: Path, attack: str) -> None:
    out = tmp_path / "o"
    found = shell.json(
        "fool", model, "digits", "--examples", 10, "--attack", attack, "--out", out
    )  # fmt: skip
    assert found["attempts"] == 10 and found["fooled"] >= 5 and attack.split()[0].rstrip(",") in found["attack"]
    assert len(list(out.glob("*.png"))) == found["fooled"] == len(found["files"]) - 2


def test_a_set_with_all_targets(shell: Shell, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    text = shell("fool", model, "digits", "--all-targets", "--examples", 12, "--out", out)
    assert "fooled 108 of 108 (100.0%)" in text and "files read again and predicted" in text
    page = (out / "fool.html").read_text(encoding="utf-8")
    assert "Who turns into whom" in page and (out / "figures" / "turning.png").exists()
    assert len(list(out.glob("*.png"))) == 108 and len(list((out / "originals").glob("*.png"))) == 12


def test_what_was_wrong_before_is_reported_apart(shell: Shell, model: Path, tmp_path: Path) -> None:
    loaded = Model.load(model)
    stored, labels = digit_pictures(360)
    wrong = int((loaded.predict_proba(stored).argmax(axis=1) != labels).sum())
    text = shell("fool", model, "digits", "--examples", 1000, "--out", tmp_path / "o")
    assert f"{wrong} pictures were misclassified before and skipped" in text or wrong == 0
    assert f"of {360 - wrong} " in text
    found = shell.json("fool", model, "digits", "--examples", 1000, "--out", tmp_path / "p")
    assert found["wrong_before"] == wrong and found["attempts"] == 360 - wrong
    page = (tmp_path / "p" / "fool.html").read_text(encoding="utf-8")
    assert "misclassified before" in page or wrong == 0


def test_from_noise(shell: Shell, model: Path, tmp_path: Path) -> None:
    found = shell.json("fool", model, "--from", "noise", "--target", 7, "--out", tmp_path)
    assert found["target"] == "7" and len(found["probabilities"]) == 6 and min(found["probabilities"]) > 0.9
    assert found["taken_for_it"] == 6 == len(list(tmp_path.glob("noise-*.png")))
    assert "still noise" in (tmp_path / "fool.html").read_text(encoding="utf-8")


def test_one_change_for_all(shell: Shell, model: Path, tmp_path: Path) -> None:
    found = shell.json("fool", model, "--universal", "digits", "--eps", "0.3", "--out", tmp_path)
    assert found["success_rate"] > 0.3 and found["right_before"] < found["pictures"] == 360
    assert len(list(tmp_path.glob("*-as-*.png"))) >= found["fooled"]
    assert f"{found['fooled']} of {found['fooled']} receipts hold" in shell("audit", model, "--verify", tmp_path)
    low, high = found["success_interval"]
    assert low < found["success_rate"] < high
    assert "Before and after" in (tmp_path / "fool.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Give exactly one of"),
        (["{picture}", "--universal", "digits"], "Give exactly one of"),
        (["--from", "noise"], "needs a class"),
        (["--from", "zeros", "--target", "1"], "accepts only 'noise'"),
        (["--from", "noise", "--target", "1", "--eps", "0.1"], "--eps has no meaning"),
        (["--from", "noise", "--target", "1", "--attack", "fab"], "--attack has no meaning"),
        (["{picture}", "--target", "seven"], "no class 'seven'"),
        (["{picture}", "--all-targets"], "--all-targets has no meaning"),
        (["{picture}", "--examples", "3"], "--examples has no meaning"),
        (["{picture}", "--part", "test"], "--part has no meaning"),
        (["{picture}", "--norm", "l1"], "A norm is one of"),
        (["{picture}", "--eps", "big"], "8/255"),
        (["{picture}", "--eps", "0"], "above 0"),
        (["{picture}", "--norm", "linf", "--eps", "5"], "at most 1"),
        (["{picture}", "--attack", "pgd"], "needs a size"),
        (["{picture}", "--attack", "pgd 8"], "at most 1"),
        (["{picture}", "--attack", "magic 1"], "An attack is one of"),
        (["missing.png"], "no picture 'missing.png'"),
        (["no such set"], "no such set"),
        (["digits", "--target", "1", "--all-targets"], "not both"),
        (["--universal", "digits", "--eps", "0.001"], "from 1/255 to 127/255"),
        (["--universal", "digits", "--eps", "0.6"], "from 1/255 to 127/255"),
        (["--universal", "digits", "--norm", "linf"], "--norm has no meaning"),
        (["--universal", "digits", "--part", "train"], "measured on another"),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(
    shell: Shell, model: Path, picture: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    out = tmp_path / "o"
    given = [argument.format(picture=picture) for argument in arguments]
    assert words in shell.error("fool", model, *given, "--out", out)
    assert not out.exists()


def test_jpeg_is_refused(shell: Shell, model: Path, picture: Path, tmp_path: Path) -> None:
    assert "JPEG, which changes the pixels" in shell.error("fool", model, picture, "--out", tmp_path / "fooled.jpg")
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(
    shell: Shell, model: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    assert "holds something already" in shell.error("fool", model, picture, "--out", tmp_path / "full")
    (tmp_path / "file").write_text("mine")
    for command in (("fool", model, picture), ("audit", model, "digits")):
        assert "is no folder" in shell.error(*command, "--out", tmp_path / "file")
        assert "is no folder" in shell.error(*command, "--out", tmp_path / "file" / "within")
    monkeypatch.chdir(tmp_path)
    for folder in ("run-fool", "run-fool-2", "run-fool-3"):
        assert f"wrote {folder}/fool.html" in shell("fool", model, picture, "--target", "8", "--eps", "20")


def test_names_of_classes_that_look_alike_as_files(shell: Shell, tmp_path: Path) -> None:
    """`a b`, `a-b` and `A.B` would be one file; every success has one of its own."""
    rng = np.random.default_rng(0)
    for level, name in enumerate(("a b", "a-b", "A.B", "x../é")):
        folder = tmp_path / "data" / name.replace("/", "\N{DIVISION SLASH}")
        folder.mkdir(parents=True)
        for i in range(12):
            noise = rng.integers(0, 40, (6, 6, 3)) + 60 * level
            Image.fromarray(noise.astype(np.uint8)).save(folder / f"{i}.png")
    shell("train", tmp_path / "data", "--model", "linear 8 -> relu -> linear", "--epochs", 60, "--out", tmp_path / "m")
    one = sorted((tmp_path / "data" / "a b").iterdir())[0]
    found = shell.json("fool", tmp_path / "m", one, "--out", tmp_path / "o")
    assert found["attempts"] == found["fooled"] == 3 == len(list((tmp_path / "o").glob("*.png")))
    assert "3 of 3 receipts hold" in shell("audit", tmp_path / "m", "--verify", tmp_path / "o")
    whole = shell.json(
        "fool", tmp_path / "m", tmp_path / "data", "--all-targets", "--examples", 5, "--out", tmp_path / "p"
    )
    assert whole["fooled"] == whole["attempts"] == 15
    audited = shell.json(
        "audit", tmp_path / "m", tmp_path / "data", "--examples", 9, "--effort", "quick", "--no-corruptions", "--out",
        tmp_path / "a",
    )  # fmt: skip
    assert audited["part"] == "all"
    shell("fool", tmp_path / "m", tmp_path / "data", "--target", "a b", "--examples", 3, "--out", tmp_path / "q")


def test_pictures_of_the_target_do_not_count(shell: Shell, model: Path, tmp_path: Path) -> None:
    """A change of one step turns next to nothing; the 3s of the set are 3s anyway."""
    out = tmp_path / "o"
    loaded = Model.load(model)
    stored, labels = digit_pictures(360)
    right = (loaded.predict_proba(stored).argmax(axis=1) == labels) & (labels != 3)
    text = shell("fool", model, "--universal", "digits", "--eps", "1/255", "--target", "3", "--out", out, "--json",
                 status=0 if _fools(out) else 3)  # fmt: skip
    found = json.loads(text.splitlines()[-1])
    assert found["right_before"] == right.sum() and found["fooled"] <= 5


def _fools(out: Path) -> bool:
    return out.exists() and any(out.glob("*-as-*.png"))


def test_the_same_class_is_no_target(shell: Shell, model: Path, picture: Path, tmp_path: Path) -> None:
    label = shell.json("predict", model, picture)["predictions"][0]["classes"][0]["class"]
    assert "already" in shell.error("fool", model, picture, "--target", label, "--out", tmp_path / "o")


# ---- audit


def test_an_audit(shell: Shell, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    found = shell.json(
        "audit", model, "digits", "--eps", "0.05,30/255", "--examples", 60, "--effort", "quick", "--out", out,
    )  # fmt: skip
    assert found["pictures"] == 60 and found["flags"] == [] and 0 < found["calibration_error"] < 1
    assert found["part"] == "test" and [result["norm"] for result in found["robustness"]] == ["linf"]
    for result in found["robustness"]:
        small, large = result["robust"]
        assert (small["eps"], large["eps"]) == (0.05, 30 / 255)
        assert result["clean_accuracy"] == found["accuracy"] >= small["accuracy"] >= large["accuracy"]
        assert small["interval"][0] <= small["accuracy"] <= small["interval"][1]
    assert set(found["corruptions"]) >= {"noise", "fog"} and all(len(v) == 5 for v in found["corruptions"].values())
    rows = found["exact"]["linf"]
    assert rows and all(row["exact"] <= min(row["FAB"], row["APGD"], row["PGD"]) + 1e-7 for row in rows)
    page = (out / "audit.html").read_text(encoding="utf-8")
    for heading in ("How easily it is fooled", "Reasons to doubt", "The exact answer", "Corruptions", "confidence"):
        assert heading in page
    text = shell("audit", model, "digits", "--examples", 20, "--effort", "quick", "--no-corruptions", "--out", out,
                 "--norm", "linf,l2")  # fmt: skip
    assert "no reason found to doubt" in text and "severity" not in text and "0.3" in text and "l2 " in text
    page = (out / "audit.html").read_text(encoding="utf-8")
    assert "Random search was not tried" in page


def test_doubts_are_an_exit_status_of_their_own(shell: Shell, model: Path, tmp_path: Path) -> None:
    loaded = Model.load(model)
    for name, array in loaded.network.arrays().items():
        if name.startswith("3."):
            array *= 1e4
    loaded.save(tmp_path / "large.safetensors")
    text = shell(
        "audit", tmp_path / "large.safetensors", "digits", "--examples", 40, "--effort", "quick", "--no-corruptions",
        "--out", tmp_path / "o", status=1,
    )  # fmt: skip
    assert "doubtful: The gradient of the cross-entropy vanishes" in text
    assert "doubtful" in (tmp_path / "o" / "audit.html").read_text(encoding="utf-8")


def test_lying_receipts_are_an_exit_status_of_their_own(
    shell: Shell, model: Path, picture: Path, tmp_path: Path
) -> None:
    out = tmp_path / "o"
    shell("fool", model, picture, "--out", out)
    victim = sorted(out.glob("*.png"))[0]
    receipt = Image.open(victim).text["glassnet"]  # type: ignore[attr-defined]
    honest = Image.open(out / "originals" / "a digit.png")
    from PIL import PngImagePlugin

    text = PngImagePlugin.PngInfo()
    text.add_text("glassnet", receipt)
    honest.save(victim, pnginfo=text)
    shown = shell("audit", model, "--verify", out, status=1)
    assert "8 of 9 receipts hold" in shown and "is seen as" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Give a model and labelled data"),
        (["digits", "--verify", "x"], "Give a model and labelled data"),
        (["digits", "--eps", "0"], "above 0"),
        (["digits", "--eps", "1,,2"], "8/255"),
        (["digits", "--norm", "l7"], "A norm is one of"),
        (["digits", "--eps", "8"], "at most 1"),
        (["digits", "--eps", "0.1", "--norm", "linf,l2"], "for one norm"),
        (["--verify", "{run}", "--eps", "0.1"], "--eps has no meaning"),
        (["digits", "--effort", "heroic"], "An effort is one of"),
        (["--verify", "nowhere"], "There is no folder"),
        (["letters36"], "letters36"),
    ],
)
def test_wrong_audits_are_one_line(
    shell: Shell, model: Path, tmp_path: Path, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path))
    given = [argument.format(run=model) for argument in arguments]
    place = () if "--verify" in given else ("--out", tmp_path / "o")
    assert words in shell.error("audit", model, *given, *place)
    assert not (tmp_path / "o").exists()


def test_training_under_attack_says_so(shell: Shell, tmp_path: Path) -> None:
    found = shell.json(
        "train", "digits", "--model", "linear 24 -> relu -> linear", "--epochs", 4, "--adversarial", "pgd 0.1, steps 3",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert found["robust_accuracy"] <= found["accuracy"] and found["robust_eps"] == 0.1
    assert 'adversarial = "pgd 0.1, steps 3"' in (tmp_path / "run" / "recipe.toml").read_text()
    assert "'fgsm EPS' or 'pgd EPS" in shell.error("train", "digits", "--adversarial", "fab", "--out", tmp_path / "b")
