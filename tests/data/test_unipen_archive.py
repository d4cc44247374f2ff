"""UNIPEN's archive: what its format says is in it, what is left out, and how it comes onto the machine."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glassnet.data import CATALOGUE, LineOptions, get, load, register
from glassnet.data.unipen import CHARACTER, LINE, WORD, PenSamples, load_unipen
from glassnet.data.unipen_archive import convert_unipen, simplified
from support.data_files import one_line_error
from support.serving import served
from support.unipen_archive import FILES, packed


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> PenSamples:
    folder = tmp_path_factory.mktemp("archive")
    (folder / "x.tgz").write_bytes(packed())
    return load_unipen(convert_unipen(folder / "x.tgz", folder / "unipen.npz"))


def of(samples: PenSamples, label: str) -> int:
    return samples.labels.index(label)


def test_labels_and_kinds_are_those_of_the_segments(samples: PenSamples) -> None:
    found = sorted(zip(samples.labels, samples.kind.tolist(), strict=True))
    words = ["in", "cut", "half", "alone", "apa", "apb", "app", "abm"]
    lines = ['say "no\\"', "two words é"]
    expected = [*((w, WORD) for w in words), *((line, LINE) for line in lines), ("l", CHARACTER), (".", CHARACTER)]
    assert found == sorted(expected)


def test_strokes_are_the_components_where_the_pen_was_down(samples: PenSamples) -> None:
    """All of ann's samples have one scale: each of the sizes 491/400/280 by its height in inches, and the median."""
    inches = {"in": 1.0, "cut": 0.0, "half": 0.5, "alone": 1.0, 'say "no\\"': 1.0, "two words é": 2.0}
    usual = {label: 491 if " " in label else 400 for label in inches}
    scale = np.median([usual[label] / height for label, height in inches.items() if height])
    assert scale == 400
    expected = {  # in inches from the sample's left and top, y down
        "in": [[(0, 1), (0, 0)], [(1, 0.5), (1.5, 0.5)]],
        'say "no\\"': [[(0, 1), (0, 0)], [(2, 1), (2, 0), (2.5, 0)], [(2.9, 0)]],
        "cut": [[(0, 0), (0.5, 0)], [(0.9, 0)]],
        "half": [[(0, 0.5), (0, 0)]],
        "two words é": [
            [(0, 1.5), (0, 0.5)], [(1, 1), (1.5, 1)], [(2, 1.5), (2, 0.5), (2.5, 0.5)], [(2.9, 0.5)],
            [(3.9, 2), (3.9, 0)],
        ],
    }  # fmt: skip
    for label, strokes in expected.items():
        own = samples.strokes_of(of(samples, label))
        assert len(own) == len(strokes), label
        for mine, theirs in zip(own, strokes, strict=True):
            np.testing.assert_allclose(mine, scale * np.array(theirs), atol=0.51, err_msg=label)


def test_columns_and_points_per_mm(samples: PenSamples) -> None:
    (bar,) = samples.strokes_of(of(samples, "l"))  # x from 0 to 7 and y from 0 to 5 upwards, which is to be 280 high
    np.testing.assert_array_equal(bar, [[0, 280], [392, 0]])
    assert samples.strokes_of(of(samples, "."))[0].tolist() == [[0, 0]]


def test_writers_styles_and_donors(samples: PenSamples) -> None:
    def writer(label: str) -> int:
        return int(samples.writer[of(samples, label)])

    assert writer("apa") == writer("apb") == writer("app") != writer("abm")
    assert writer("in") == writer("two words é") != writer("l")  # both are called ann, by different donors
    assert sorted(set(samples.writer.tolist())) == list(range(4))
    assert [samples.style[of(samples, label)] for label in ("in", "l", "apa")] == [3, 1, 0]
    assert [samples.donors[samples.donor[of(samples, label)]] for label in ("in", "l", "apb")] == ["abc", "xyz", "apb"]


def test_the_order_of_the_archive_does_not_matter(samples: PenSamples, tmp_path: Path) -> None:
    (tmp_path / "x.tgz").write_bytes(packed(dict(sorted(FILES.items(), reverse=True)), root="."))
    again = load_unipen(convert_unipen(tmp_path / "x.tgz", tmp_path / "again.npz"))
    assert again.labels == samples.labels and (again.xy == samples.xy).all()


def test_a_writers_sizes_stay_in_proportion(tmp_path: Path) -> None:
    pens = "".join(f".PEN_DOWN\n0 0\n10 {height}\n" for height in (50, 100, 130))
    segments = "".join(f'.SEGMENT WORD {n} OK "w{n}"\n' for n in range(3))
    files = {"include/abc/p.dat": pens, "data/7/abc/p.dat": f".INCLUDE abc/p.dat\n{segments}"}
    (tmp_path / "x.tgz").write_bytes(packed(files))
    found = load_unipen(convert_unipen(tmp_path / "x.tgz", tmp_path / "unipen.npz"))
    assert [int(np.ptp(found.strokes_of(n)[0][:, 1])) for n in range(3)] == [200, 400, 520]


def test_simplified_strokes_stay_near() -> None:
    rng = np.random.default_rng(3)
    strokes = np.concatenate([[0], np.cumsum(rng.integers(1, 60, 40))])
    points = np.cumsum(rng.normal(0, 2, (strokes[-1], 2)), axis=0)
    keep = simplified(points, strokes, 3.0)
    assert keep.mean() < 0.6
    for begin, end in itertools.pairwise(strokes):
        kept = np.flatnonzero(keep[begin:end]) + begin
        assert kept[0] == begin and kept[-1] == end - 1
        for left, right in itertools.pairwise(kept):
            for point in points[left + 1 : right]:
                steps = points[left] + np.linspace(0, 1, 2001)[:, None] * (points[right] - points[left])
                assert np.hypot(*(steps - point).T).min() <= 3.0 + 1e-2
    line = np.stack([np.linspace(0, 100, 50), np.linspace(0, 30, 50)], axis=1)
    assert simplified(line, np.array([0, 50]), 0.01).sum() == 2


def test_files_that_are_too_big_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.tgz").write_bytes(packed())
    monkeypatch.setattr("glassnet.data.unipen_archive._BIGGEST", len(FILES["include/abc/data/one.dat"]) - 1)
    found = load_unipen(convert_unipen(tmp_path / "x.tgz", tmp_path / "unipen.npz"))
    assert "in" not in found.labels and "apa" in found.labels
    monkeypatch.setattr("glassnet.data.download._MOST_UNPACKED", 99)
    with one_line_error("hostile"):
        convert_unipen(tmp_path / "x.tgz", tmp_path / "unipen.npz")


@pytest.mark.parametrize("damage", ["cut", "changed", "other", "empty", "none"])
def test_damaged_archives(tmp_path: Path, damage: str) -> None:
    whole = packed()
    changed = bytearray(whole)
    changed[-6] ^= 1  # of the sum at the end
    content = {
        "cut": whole[: len(whole) // 2], "changed": bytes(changed), "other": b"PK\3\4", "empty": b"",
        "none": packed({"data/7/abc/x.dat": '.SEGMENT WORD 0 OK "x"\n'}),
    }[damage]  # fmt: skip
    (tmp_path / "x.tgz").write_bytes(content)
    with one_line_error("x.tgz", "no samples" if damage == "none" else "Remove it and download it again"):
        convert_unipen(tmp_path / "x.tgz", tmp_path / "unipen.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["x.tgz"]


# The known set


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """What a server gives that stands in for UNIPEN's; an empty data folder."""
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path / "data"))
    entry = CATALOGUE["unipen"]
    answers: dict[str, bytes] = {}
    with served(answers, monkeypatch) as (address, _):
        (file,) = entry.files
        register(replace(entry, files=(replace(file, addresses=(f"{address}first", f"{address}second")),)))
        yield answers
    register(entry)


def test_getting_unipen_and_drawing_lines_of_it(pages: dict[str, bytes], tmp_path: Path) -> None:
    pages["/second"] = packed()
    told: list[str] = []
    place = get("unipen", lambda what, done, total: told.append(what))
    assert place == tmp_path / "data" / "pen" and [path.name for path in place.iterdir()] == ["unipen.npz"]
    archive = "unipen-CDROM-train_r01_v07.tgz"
    assert set(told) == {archive, f"finding samples in {archive}", f"reading pens in {archive}"}
    pages.clear()
    assert get("unipen") == place  # it is there
    lines = load("handwriting-lines", lines=LineOptions(per_epoch=8, validation=0, test=0)).train
    assert "drawn without fonts" in lines.notes[0]
    strips, labels = lines.take(np.arange(8), 0)
    assert strips.shape[1] == 32 and strips.max() > 0.3 and len(labels) == 8


def test_a_download_of_something_else_leaves_nothing(pages: dict[str, bytes], tmp_path: Path) -> None:
    pages["/first"] = pages["/second"] = packed()[: len(packed()) // 2]
    with one_line_error("Cannot read", "download it again"):
        get("unipen")
    pages["/first"] = pages["/second"] = b"<html>sorry"
    with one_line_error("web page", "/first", "/second"):
        get("unipen")
    assert list((tmp_path / "data" / "pen").glob("*.npz")) == list((tmp_path / "data" / "pen").glob("*.tgz")) == []
    pages["/first"] = packed()
    assert (get("unipen") / "unipen.npz").is_file()


def test_an_interrupted_reading_keeps_the_download(pages: dict[str, bytes]) -> None:
    pages["/first"] = packed()

    def stop(what: str, done: int, total: int | None) -> None:
        if what.startswith("reading pens"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get("unipen", stop)
    pages.clear()
    assert [path.name for path in get("unipen").iterdir()] == ["unipen.npz"]


def test_it_is_no_set_of_pictures(pages: dict[str, bytes]) -> None:
    with one_line_error("'unipen' is no set of pictures by itself", "handwriting-lines"):
        load("unipen")
    with one_line_error("'handwriting-lines' is not on this machine", "get('handwriting-lines')"):
        load("handwriting-lines")
    assert "No source states a SHA-256" in CATALOGUE["unipen"].checksum_note
