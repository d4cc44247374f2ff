"""`glassnet filter` as a user types it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.filters import filter_picture
from support.shell import Shell

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 17, 3)).astype(np.uint8)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(PIXELS).save(path)
    return path


def read(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_the_result_lies_beside_the_picture(shell: Shell, photo: Path) -> None:
    before = photo.read_bytes()
    found = shell.json("filter", photo, "--kernel", "edges")
    assert found["files"] == [str(photo.with_name("photo-edges.png"))]
    assert read(found["files"][0]).tolist() == filter_picture(PIXELS, "edges")[..., 0].tolist()
    assert (found["height"], found["width"], found["channels"], found["edge"]) == (12, 17, 1, "reflect")
    assert found["matrices"][0] == [[1, 2, 1], [0, 0, 0], [-1, -2, -1]] and found["lowest"] < found["highest"]
    assert shell.json("filter", photo)["files"] == [str(photo.with_name("photo-edges-2.png"))], "edges are the default"
    assert photo.read_bytes() == before


def test_the_kernel_is_printed_and_explained(shell: Shell, photo: Path) -> None:
    out = shell("filter", photo, "--kernel", "sharpen", "--edge", "zero")
    assert "-1   5  -1" in out and "each channel by itself" in out and "is black" in out and "cut off" in out
    assert "wrote " in out


def test_list_names_every_kernel(shell: Shell) -> None:
    out = shell("filter", "--kernel", "list")
    for name in ("grayscale", "edges", "edges-horizontal", "edges-vertical", "blur", "box", "sharpen", "emboss",
                 "laplacian", "identity"):  # fmt: skip
        assert name in out and name in shell("filter", "--help")
    assert "blur" in shell.json("filter", "--kernel", "list")["kernels"]


@pytest.mark.parametrize("ending", [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".ppm"])
def test_results_in_every_format(shell: Shell, photo: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"soft{ending}"
    shell("filter", photo, "--kernel", "blur", "--sigma", 3, "--out", out)
    expected = filter_picture(PIXELS, "blur", sigma=3.0)
    lossy = ending in (".jpg", ".jpeg", ".webp")
    assert np.abs(read(out).astype(int) - expected).mean() <= (3.0 if lossy else 0.0)
    shell("filter", photo, "--kernel", "grayscale", "--out", out)  # an --out of one's own may be replaced
    assert read(out).shape[:2] == (12, 17)


def test_settings_reach_the_filter(shell: Shell, photo: Path, tmp_path: Path) -> None:
    kernel = tmp_path / "mine.csv"
    kernel.write_text("1,2,1\n0,0,0\n-1,-2,-1\n")
    out = tmp_path / "out.png"
    found = shell.json("filter", photo, "--kernel", kernel, "--channel", "blue", "--values", "absolute", "--edge",
                       "repeat", "--out", out)  # fmt: skip
    assert found["kernel"] == "mine" and found["channel"] == "blue"
    expected = filter_picture(PIXELS, "edges-horizontal", channel="blue", values="absolute", edge="repeat")
    assert read(out).tolist() == expected[..., 0].tolist()
    kernel.write_text("2 2\n2 2\n")
    shell("filter", photo, "--kernel", kernel, "--normalise", "--out", out)
    assert read(out).tolist() == filter_picture(PIXELS, np.full((2, 2), 0.25)).tolist()
    assert (tmp_path / "photo-mine.png").exists() is False


def test_show_writes_a_page_of_its_own(shell: Shell, photo: Path) -> None:
    found = shell.json("filter", photo, "--kernel", "emboss", "--show")
    page = Path(found["files"][1])
    assert page == photo.with_name("photo-emboss.html")
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == 3 and "http" not in text and "photo.png: emboss" in text


def test_pictures_are_read_as_for_training(shell: Shell, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned = tmp_path / "turned.png"
    Image.fromarray(PIXELS).save(turned, exif=exif.tobytes())
    shell("filter", turned, "--kernel", "identity", "--out", tmp_path / "a.png")
    assert read(tmp_path / "a.png").tolist() == np.rot90(PIXELS, -1).tolist()
    with Image.open(tmp_path / "a.png") as image:
        assert not image.getexif(), "it is turned already"
    deep = tmp_path / "deep.png"
    Image.fromarray(np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)).save(deep)
    shell("filter", deep, "--kernel", "identity", "--out", tmp_path / "b.png")
    assert read(tmp_path / "b.png").ravel().tolist() == list(range(256))
    clear = tmp_path / "clear.png"
    Image.fromarray(np.zeros((4, 4, 4), np.uint8)).save(clear)
    shell("filter", clear, "--kernel", "box", "--out", tmp_path / "c.png")
    assert (read(tmp_path / "c.png") == 255).all()


def test_the_picture_itself_is_never_overwritten(shell: Shell, photo: Path, tmp_path: Path) -> None:
    before = photo.read_bytes()
    link = tmp_path / "link.png"
    link.symlink_to(photo)
    for out in (photo, link, tmp_path / "." / "photo.png"):
        shell("filter", photo, "--kernel", "blur", "--out", out, status=2)
        assert "never overwritten" in shell.err
    assert photo.read_bytes() == before and sorted(p.name for p in tmp_path.iterdir()) == ["link.png", "photo.png"]


def test_wrong_input_is_one_line(shell: Shell, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("no picture, no kernel")
    wrong: list[tuple[tuple[object, ...], str]] = [
        (("filter",), "Name the picture"),
        (("filter", tmp_path / "missing.png"), "no picture"),
        (("filter", tmp_path / "bad.txt"), "Cannot read"),
        (("filter", photo, "--kernel", "egdes"), "Did you mean 'edges'"),
        (("filter", photo, "--kernel", tmp_path / "bad.txt"), "not a number"),
        (("filter", photo, "--edge", "wrap"), "no edge 'wrap'"),
        (("filter", photo, "--sigma", 2), "belongs to the kernel 'blur'"),
        (("filter", photo, "--kernel", "blur", "--size", 2), "belongs to the kernel 'box'"),
        (("filter", photo, "--kernel", "blur", "--sigma", 1000), "sigma must be"),
        (("filter", photo, "--kernel", "edges", "--normalise"), "add up to 0"),
        (("filter", photo, "--out", tmp_path), "ends in one of"),
        (("filter", photo, "--out", tmp_path / "a.gif"), "ends in one of"),
        (("filter", photo, "--out", photo / "a.png"), "Cannot write"),
    ]
    for arguments, message in wrong:
        shell(*arguments, status=2)
        assert message in shell.err, arguments
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.txt", "photo.png"]
