"""Pen trajectories: what a file holds, who is in which part, and files that are damaged."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from glassnet.data.unipen import CHARACTER, LINE, WORD, PenSamples, load_unipen, part_of
from glassnet.errors import DataError
from support.pens import pens, usual, write_pens, writers_of, written


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> PenSamples:
    return pens(tmp_path_factory.mktemp("pen"))


def test_what_was_written_is_read(samples: PenSamples) -> None:
    assert [*zip(samples.labels, samples.kind, samples.writer, samples.style, samples.donor, strict=True)] == usual()
    strokes = samples.strokes_of(1)
    assert samples.labels[1] == "glyph" and len(strokes) == len(written("glyph"))
    for mine, theirs in zip(strokes, written("glyph"), strict=True):
        np.testing.assert_allclose(np.diff(mine, axis=0), np.diff(theirs, axis=0), atol=1.01)  # whole units


def test_parts_are_of_different_writers(samples: PenSamples) -> None:
    parts = {part: samples.part(part) for part in ("train", "valid", "test")}
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(samples)))
    for part, chosen in parts.items():
        assert set(samples.writer[chosen]) == set(writers_of(part))


def test_the_part_of_a_name_is_by_its_sha256() -> None:
    names = [f"writer {k}" for k in range(2000)]
    digits = [int(hashlib.sha256(name.encode()).hexdigest()[:16], 16) % 10 for name in names]
    assert [part_of(name) for name in names] == [("test", "valid", *8 * ["train"])[digit] for digit in digits]
    assert abs(digits.count(0) - 200) < 60 and abs(digits.count(1) - 200) < 60


def test_donors_without_readable_labels_and_odd_labels_are_left_out(tmp_path: Path) -> None:
    (writer,) = writers_of("train", 1)
    (other,) = writers_of("train", 1, "att")
    rows = [("ink", WORD, writer, 1, 0), ("ink", WORD, other, 1, 1), ("of", WORD, other, 1, 1)]
    samples = pens(tmp_path, rows)
    assert samples.part("train").tolist() == [0]
    assert samples.part("train", without=()).tolist() == [0, 1, 2]
    labels = np.frombuffer("inkéof".encode(), np.uint8)
    odd = load_unipen(write_pens(tmp_path, rows, label_blob=labels, label_start=np.array([0, 3, 5, 7])))
    assert odd.labels == ("ink", "é", "of") and odd.part("train", without=()).tolist() == [0, 2]


def test_somebody_who_wrote_for_two_donors_is_in_one_part(tmp_path: Path) -> None:
    number = next(n for n in range(1000) if part_of(f"aga{n}") == "valid" and part_of(f"xyz{n}") == "train")
    samples = pens(tmp_path, [("ink", WORD, number, 1, 2), ("ink", LINE, number, 1, 0), ("i", CHARACTER, number, 1, 2)])
    assert [samples.writer_name(k) for k in range(3)] == 3 * [f"aga{number}"]
    assert len(samples.part("valid")) == 3 and len(samples.part("train")) == 0
    with pytest.raises(DataError, match=r"^The parts are train, valid, test\. Got 'all' instead\.$"):
        samples.part("all")


class _Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("trapped",)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"xy": np.zeros((3, 3), np.int16)}, "'xy' must have shape"),
        ({"xy": np.zeros(4)}, "'xy' must be whole numbers in 2 dimensions"),
        ({"stroke_start": np.array([0, 5])}, "'stroke_start' must rise"),
        ({"sample_start": np.array([0, 0, 2])}, "'sample_start' must rise"),
        ({"kind": np.full(3, 1)}, "'kind' does not fit"),
        ({"style": np.full(len(usual()), 4)}, "'style' does not fit"),
        ({"donor_names": np.array(["aga"]), "donor": np.ones(len(usual()), int)}, "'donor' does not fit"),
        ({"label_blob": np.full(2, 255)}, "'label_start' must rise"),
        ({"label_blob": np.full(10, 255), "label_start": np.array([0, 10])}, "utf-8"),
        ({"writer": np.array([_Trap()], object)}, "allow_pickle"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, other: dict[str, np.ndarray], reason: str) -> None:
    with pytest.raises(DataError, match=rf"^The pen trajectories '.*unipen\.npz' are damaged: .*{reason}") as caught:
        load_unipen(write_pens(tmp_path, **other))
    assert "\n" not in str(caught.value) and not Path("trapped").exists()


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_pens(tmp_path / "pen")
    whole = path.read_bytes()
    for content in (whole[:3000], whole[3000:], b"", pickle.dumps([1]), whole[:200] + b"\0" * 50 + whole[250:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match="are damaged: "):
            load_unipen(path)
    with pytest.raises(DataError, match=r"^Cannot read the pen trajectories '.*'"):
        load_unipen(tmp_path / "no such file")
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path / "nothing"))
    with pytest.raises(DataError, match=r"'unipen' is not on this machine yet\. Download it: .*get\('unipen'\)\.$"):
        load_unipen()
    path.write_bytes(whole)
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path))
    assert len(load_unipen()) == len(usual())


@pytest.mark.skipif("GLASSNET_DATA" not in os.environ, reason="needs GLASSNET_DATA")
def test_the_real_file() -> None:
    samples = load_unipen()
    assert len(samples) == 172_761 and len(samples.xy) == 9_565_192 and len(np.unique(samples.writer)) == 635
    assert [int((samples.kind == kind).sum()) for kind in (LINE, WORD, CHARACTER)] == [9_500, 75_710, 87_551]
