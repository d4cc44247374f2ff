"""Fooling pictures: 8-bit pixels that still fool when they are read again, counted honestly, with true receipts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from glassnet.attack import (
    NORMS,
    Goal,
    Receipt,
    add_steps,
    as_bytes,
    check_folder,
    fool,
    from_noise,
    pixels_sha256,
    read_receipt,
    to_bytes,
    universal,
    write_picture,
)
from glassnet.attack.album import unique_slugs
from glassnet.data import Reading, read_picture
from glassnet.errors import DataError
from support.classifiers import digit_pictures, digits, linear_model, seen


@pytest.mark.parametrize("norm", NORMS)
def test_ten_pictures_three_of_them_wrong_before(norm: str) -> None:
    victim = seen(digits())
    stored, labels = digit_pictures(60)
    answers = victim.scores(stored).argmax(axis=1)
    right = np.flatnonzero(answers == labels)[:7]
    wrong = np.array([right[0], right[1], right[2]])  # the same pictures under other labels
    at = np.concatenate([right, wrong])
    given = np.concatenate([labels[right], (labels[wrong] + 1) % 10])
    found = fool(victim, stored[at], given, norm=norm)
    assert found.wrong_before.tolist() == [False] * 7 + [True] * 3
    assert found.attempts == 7 and found.success_rate == 1 and not found.success[7:].any()
    np.testing.assert_array_equal(found.pictures[7:], stored[at[7:]])
    assert found.pictures.dtype == np.uint8
    assert (seen(digits()).scores(found.pictures[:7]).argmax(axis=1) != given[:7]).all()


def test_every_target_is_reached_and_the_sizes_are_those_of_the_pictures() -> None:
    model = digits()
    victim = seen(model)
    stored, labels = digit_pictures(20)
    at = np.repeat(np.arange(20), 9)
    targets = np.concatenate([[k for k in range(10) if k != label] for label in labels])
    found = fool(victim, stored[at], labels[at], targets)
    attempts = ~found.wrong_before
    assert found.success_rate == 1
    assert (model.predict_proba(found.pictures)[attempts].argmax(axis=1) == targets[attempts]).all()
    change = found.pictures.astype(int) - stored[at]
    np.testing.assert_array_equal(found.steps, np.abs(change).max(axis=(1, 2, 3)))
    np.testing.assert_allclose(found.l2, np.sqrt((change**2).sum(axis=(1, 2, 3))) / 255)


@pytest.mark.parametrize(("norm", "eps"), [("linf", 20 / 255), ("linf", 0.1), ("l2", 0.4)])
def test_no_change_is_larger_than_allowed(norm: str, eps: float) -> None:
    stored, labels = digit_pictures(80)
    found = fool(seen(digits()), stored, labels, norm=norm, eps=eps)
    sizes = found.steps / 255 if norm == "linf" else found.l2
    assert (sizes[found.success] <= eps * (1 + 1e-6)).all() and 0 < found.success.sum() < found.attempts
    free = fool(seen(digits()), stored, labels, norm=norm)
    assert free.success_rate == 1


@pytest.mark.parametrize("norm", NORMS)
def test_bytes_are_near_the_best_lattice_point_of_a_linear_network(norm: str) -> None:
    """All points of the lattice near the exact answer are tried: none is nearer than what is found, or hardly."""
    weights = np.array([[1.0, -1.0], [0.5, 0.7]]).reshape(2, 2)
    victim = seen(linear_model(weights, np.array([0.02, 0.0]), (1, 2, 1)), np.float64)
    rng = np.random.default_rng(0)
    for stored in rng.integers(0, 256, (12, 1, 1, 2, 1), np.uint8):
        label = victim.scores(stored).argmax(axis=1)
        found = fool(victim, stored, label, norm=norm)
        grid = (
            np.stack(np.meshgrid(*2 * [np.arange(256)], indexing="ij"), axis=-1).reshape(-1, 1, 2, 1).astype(np.uint8)
        )
        turned = Goal(np.repeat(label, len(grid))).reached(victim.scores(grid), by=1e-5)
        if not turned.any():
            assert not found.success.any()
            continue
        best = NORMS[norm].size((grid[turned].astype(float) - stored) / 255).min()
        own = NORMS[norm].size((found.pictures.astype(float) - stored) / 255)[0]
        assert found.success.all() and best - 1e-12 <= own <= best + 3 / 255


def test_rounding_that_undoes_is_mended_within_the_bound() -> None:
    """A float picture just over the boundary rounds back; the bytes are pushed over it, and no further than allowed."""
    victim = seen(digits())
    stored, labels = digit_pictures(100)
    goal, norm = Goal(labels), NORMS["linf"]
    found = fool(victim, stored, labels, norm="linf")
    near = np.flatnonzero(found.success & (found.steps >= 8))
    change = (found.pictures.astype(float) - stored) / 255
    shrink = 1 - 0.4 / np.maximum(found.steps, 1)[:, None, None, None]
    barely = (stored / 255 + change * shrink).astype(np.float32)
    pictures, reached = to_bytes(victim, stored[near], barely[near], goal.take(near), norm)
    assert reached.mean() > 0.95
    assert goal.take(near).reached(victim.scores(pictures))[reached].all()
    tight = np.full(len(near), 7 / 255)
    pictures, reached = to_bytes(victim, stored[near], barely[near], goal.take(near), norm, tight)
    assert (np.abs(pictures.astype(int) - stored[near]).max(axis=(1, 2, 3)) <= 7).all()


def test_the_label_is_no_target() -> None:
    stored, labels = digit_pictures(5)
    with pytest.raises(DataError, match="another class than the label"):
        fool(seen(digits()), stored, labels, np.full(5, labels[0]))
    with pytest.raises(DataError, match="already"):
        universal(seen(digits()), stored, np.zeros(5, int), 0.1, target=0)


def test_files_of_classes_have_names_of_their_own() -> None:
    names = ("a b", "a-b", "A.B", "../x", "é", "e\u0301", "", "3")
    slugs = unique_slugs(names)
    assert len({slug.casefold() for slug in slugs}) == len(names) and slugs[3] == "x" and slugs[7] == "3"
    assert not any(set(slug) & set("/\\. ") for slug in slugs)


def test_a_target_already_seen_and_a_constant_model() -> None:
    stored, labels = digit_pictures(5)
    constant = seen(linear_model(np.zeros((64, 10)), np.arange(10.0)[::-1], (8, 8, 1)))
    found = fool(constant, stored, np.zeros(5, int), np.ones(5, int))
    assert found.attempts == 5 and not found.success.any() and found.success_rate == 0
    tied = seen(linear_model(np.zeros((64, 10)), np.zeros(10), (8, 8, 1)))
    assert fool(tied, stored, labels).wrong_before.all()  # a tie counts as wrong
    assert np.isnan(fool(tied, stored, labels).success_rate)


def test_noise_becomes_a_class() -> None:
    victim = seen(digits())
    pictures, sure = from_noise(victim, 3, count=4)
    assert pictures.dtype == np.uint8 and (sure >= 0.99).all()
    p = digits().predict_proba(pictures)
    np.testing.assert_allclose(p[:, 3], sure, rtol=1e-4)
    again, _ = from_noise(victim, 3, count=4)
    np.testing.assert_array_equal(pictures, again)


def test_one_change_fools_many_that_it_was_not_made_on() -> None:
    victim = seen(digits())
    stored, labels = digit_pictures(360)
    steps = universal(victim, stored[:180], labels[:180], 0.25)
    assert steps.dtype == np.int16 and np.abs(steps).max() <= 63
    right = victim.scores(stored[180:]).argmax(axis=1) == labels[180:]
    turned = victim.scores(add_steps(stored[180:], steps)).argmax(axis=1) != labels[180:]
    noise = np.random.default_rng(0).choice((-63, 63), steps.shape)
    by_noise = victim.scores(add_steps(stored[180:], noise)).argmax(axis=1) != labels[180:]
    assert turned[right].mean() > 0.3 and turned[right].mean() > 2 * by_noise[right].mean()


def test_floats_are_rounded_once() -> None:
    images = np.array([0, 0.5, 1 / 255, 1]).reshape(1, 2, 2, 1)
    assert as_bytes(images).ravel().tolist() == [0, 128, 1, 255]
    stored = np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1)
    assert as_bytes(stored) is stored


# ---- receipts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three fooling pictures with their originals."""
    model = digits()
    stored, labels = digit_pictures(30)
    found = fool(seen(model), stored, labels)
    for i in np.flatnonzero(found.success)[:3]:
        names = model.class_names
        receipt = Receipt(
            "digits", model.sha256, pixels_sha256(stored[i]), names[labels[i]], names[found.answers[i]], "", "fab", 0,
            int(found.steps[i]), float(found.l2[i]),
        )  # fmt: skip
        write_picture(tmp_path / f"{i}.png", found.pictures[i], model.reading, receipt)
        write_picture(tmp_path / "originals" / f"{i}.png", stored[i], model.reading)
    return tmp_path


def _change(path: Path, **values: object) -> None:
    """Write a picture's receipt anew, as a cheat would."""
    with Image.open(path) as image:
        image.load()
        found = json.loads(image.text["glassnet"]) | values
        text = PngImagePlugin.PngInfo()
        text.add_text("glassnet", json.dumps(found))
        image.save(path, pnginfo=text)


def test_true_receipts_hold(folder: Path) -> None:
    checked = check_folder(folder, digits())
    assert [found.verdict for found in checked] == ["fools"] * 3 and all(found.fools for found in checked)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({"model_sha256": "0" * 64}, "made for another model"),
        ({"steps": 1}, "not 1/255"),
        ({"l2": 0.001}, "not .*0.0010 as it says"),
        ({"answer": "11"}, "names a class"),
        ({"original_sha256": "0" * 64}, "its original is not in the folder"),
        ({"target": "x"}, "names a class"),
    ],
)
def test_receipts_that_lie_are_found(folder: Path, values: dict[str, object], verdict: str) -> None:
    path = sorted(folder.glob("*.png"))[0]
    _change(path, **values)
    found = {c.file: c for c in check_folder(folder, digits())}
    import re

    assert re.search(verdict, found[path].verdict) and sum(c.fools for c in found.values()) == 2


def test_a_changed_pixel_and_another_answer_are_found(folder: Path) -> None:
    first, second, _ = sorted(folder.glob("*.png"))
    receipt = read_receipt(first)
    assert receipt is not None
    write_picture(first, read_picture(folder / "originals" / first.name), Reading(), receipt)
    pixels = read_picture(second)
    pixels[0, 0] ^= 1
    write_picture(second, pixels, Reading(), read_receipt(second))
    verdicts = [c.verdict for c in check_folder(folder, digits())]
    assert "is seen as" in verdicts[0] and verdicts[1] != "fools" and verdicts[2] == "fools"


def test_an_original_that_was_wrong_before_is_found(folder: Path) -> None:
    path = sorted(folder.glob("*.png"))[0]
    receipt = read_receipt(path)
    assert receipt is not None
    others = [name for name in digits().class_names if name not in (receipt.label, receipt.answer)]
    _change(path, label=others[0])
    assert "its original is not seen as" in check_folder(folder, digits())[0].verdict


SPOILED = {
    "list": "[1]",
    "not JSON": "{",
    "deep": "[" * 100_000,
    "another format": json.dumps({"format": "glassnet-fooling-9"}),
    "lacking": json.dumps({"format": "glassnet-fooling-1", "steps": 1}),
    **{
        f"{name} {value}": {name: value}
        for name, value in (("steps", "many"), ("steps", 1.5), ("steps", 256), ("steps", -1), ("steps", True),
                            ("l2", float("nan")), ("l2", float("inf")), ("l2", "1"), ("l2", 10**400), ("seed", ["a"]),
                            ("attack", {"x": 1}), ("label", 3), ("extra", 1))
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", SPOILED)
def test_a_receipt_that_cannot_be_understood_is_counted(folder: Path, kind: str) -> None:
    path = sorted(folder.glob("*.png"))[1]
    spoiled = SPOILED[kind]
    if isinstance(spoiled, dict):
        _change(path, **spoiled)
    else:
        text = PngImagePlugin.PngInfo()
        text.add_text("glassnet", spoiled)
        with Image.open(path) as image:
            image.load()
            image.save(path, pnginfo=text)
    with pytest.raises(DataError, match=r"receipt of .* cannot be understood"):
        read_receipt(path)
    found = check_folder(folder, digits())
    assert [c.fools for c in found] == [True, False, True] and "cannot be understood" in found[1].describe()


def test_damaged_files_and_folders_among_the_pictures_stop_nothing(folder: Path) -> None:
    first, second, _ = sorted(folder.glob("*.png"))
    second.write_bytes(second.read_bytes()[:150])
    (folder / "a.png").mkdir()
    (folder / "originals" / "b.png").mkdir()
    (folder / "originals" / "c.png").write_bytes(b"no picture")
    found = check_folder(folder, digits())
    assert len(found) == 3 and [c.fools for c in found] == [True, False, True]
    assert "Cannot read" in found[1].verdict
    del first


@pytest.mark.parametrize("content", [b"", b"no picture", None])
def test_files_without_a_receipt_are_originals_or_nothing(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.png"
    if isinstance(content, bytes):
        path.write_bytes(content)
        assert read_receipt(path) is None
        return
    Image.new("L", (8, 8)).save(path)
    assert read_receipt(path) is None
    with pytest.raises(DataError, match="has a receipt"):
        check_folder(tmp_path, digits())


def test_jpeg_is_refused_with_the_reason(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.JPEG"):
        with pytest.raises(DataError, match="JPEG, which changes the pixels"):
            write_picture(tmp_path / name, np.zeros((8, 8, 1), np.uint8), Reading())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("reading", [Reading(), Reading(40), Reading(33)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_file_is_read_as_the_very_pixels(tmp_path: Path, reading: Reading, channels: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, channels), np.uint8)
    write_picture(tmp_path / "a.png", picture, reading)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png", picture.shape, reading), picture)


def test_a_receipt_comes_back(tmp_path: Path) -> None:
    receipt = Receipt("m", "a", "b", "é", "c", "", "pgd 8/255", 3, 8, 0.5)
    write_picture(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8), Reading(), receipt)
    assert read_receipt(tmp_path / "a.png") == receipt
    assert read_receipt(tmp_path / "a.png") != replace(receipt, steps=9)
