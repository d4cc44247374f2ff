"""`glassnet export` and `glassnet import`: there and back, other programs' files, refusals, missing packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from glassnet import load
from glassnet.actions.export import export
from glassnet.interop.onnx import agreement
from glassnet.nn import Network
from glassnet.nn.torchvision import to_torchvision
from support.bad_input import contents
from support.onnx_graphs import Drawn, model_of
from support.shell import Shell

pytest.importorskip("onnx")

NOTATION = "conv 3x3, 4, pad 1 -> batchnorm -> relu -> maxpool 2x2 -> flatten -> linear"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a model in it."""
    monkeypatch.chdir(tmp_path)
    model_of(NOTATION, (8, 8, 1), "standardise").save("model.safetensors")
    return tmp_path


def test_there_and_back(shell: Shell, place: Path) -> None:
    pytest.importorskip("onnxruntime")
    out = shell("export", "model.safetensors", "m.onnx")
    assert "ONNX opset 17" in out and "takes pictures (n, 1, 8, 8) uint8, gives scores (n, 10)" in out
    assert "agrees in onnxruntime" in out and "the same class for 16 of 16" in out
    first = (place / "m.onnx").read_bytes()
    found = shell.json("export", "model.safetensors", "m.onnx")
    assert (place / "m.onnx").read_bytes() == first and found["size"] == len(first)
    assert found["agreement"]["agrees"] and found["agreement"]["relative"] <= agreement.TOLERANCE
    back = shell.json("import", "m.onnx")
    assert back["kind"] == "glassnet" and back["file"] == "runs/m/model.safetensors" and not back["notes"]
    assert (place / back["file"]).read_bytes() == (place / "model.safetensors").read_bytes()
    assert "runs/m-2/model.safetensors" in shell("import", "m.onnx")
    assert "wrote again.safetensors" in shell("import", "m.onnx", "--out", "again.safetensors")
    assert "holds something already" in shell.error("import", "m.onnx", "--out", "runs/m")
    assert "says all of that itself" in shell.error("import", "m.onnx", "--as", "lenet-5")


def test_pictures_that_are_given(shell: Shell, place: Path) -> None:
    pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    (place / "photos").mkdir()
    for number in range(3):
        Image.fromarray(rng.integers(0, 256, (12, 9, 3), np.uint8)).save(place / "photos" / f"{number}.png")
    for pixels in ("uint8", "float32"):
        out = shell("export", "model.safetensors", "m.onnx", "--pictures", "photos", "--pixels", pixels)
        assert f"(n, 1, 8, 8) {pixels}" in out and "on 3 given pictures" in out


def test_a_difference_gives_status_1(shell: Shell, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    right = agreement.run_onnx
    monkeypatch.setattr(agreement, "run_onnx", lambda *given: right(*given) + np.float32(0.01))
    assert "DIFFERS in onnxruntime" in shell("export", "model.safetensors", "m.onnx", status=1)
    assert not shell.json("export", "model.safetensors", "m.onnx", status=1)["agreement"]["agrees"]


def test_a_file_that_does_not_run_is_not_written(shell: Shell, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr("glassnet.actions.export.to_onnx", lambda *given: b"nothing")
    assert "onnxruntime cannot run the file" in shell.error("export", "model.safetensors", "m.onnx")
    assert not (place / "m.onnx").exists()


def test_what_cannot_be_exported(shell: Shell, place: Path) -> None:
    (place / "folder").mkdir()
    before = contents(place)
    assert "is a folder" in shell.error("export", "model.safetensors", "folder")
    assert "NAME.onnx" in shell.error("export", "model.safetensors", "m.txt")
    assert "uint8 or float32" in shell.error("export", "model.safetensors", "m.onnx", "--pixels", "int8")
    assert "none.png" in shell.error("export", "model.safetensors", "m.onnx", "--pictures", "none.png")
    assert "no model file" in shell.error("export", "none", "m.onnx")
    assert contents(place) == before


def test_a_graph_of_another_program(shell: Shell, place: Path) -> None:
    g = Drawn(3, 8, 8)
    x = g("Relu", g("Conv", "x", g.random(4, 3, 3, 3), g.random(4)))
    g.save(place / "other.onnx", g("Softmax", g("Gemm", g("Flatten", x), g.random(144, 2))))
    (place / "names.txt").write_text("cat\ndog\n", "utf-8")
    moments = ("--mean", "0.5,0.25,0.5", "--deviation", "0.25,0.5,0.5")
    found = shell.json("import", "other.onnx", "--classes", "names.txt", *moments, "--out", "m.safetensors")
    assert found["kind"] == "graph" and found["class_names"] == ["cat", "dog"] and not found["notes"]
    assert (found["network"], found["preprocess"]) == (
        "conv 3x3, 4 -> relu -> flatten -> linear 2",
        "scale -> standardise",
    )
    model = load(place / "m.safetensors")
    pictures = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    standard = (pictures / 255 - np.array([0.5, 0.25, 0.5])) / np.array([0.25, 0.5, 0.5])
    from support.onnx_graphs import evaluated

    wanted = evaluated(g.model(f"v{len(g.nodes) - 1}"), standard.transpose(0, 3, 1, 2).astype(np.float32))
    np.testing.assert_allclose(model.predict_proba(pictures), wanted, atol=1e-5)
    assert "note: pixels are taken in 0..1" in shell("import", "other.onnx") + shell.err
    assert "tells 2 classes apart. Got 3 names" in shell.error("import", "other.onnx", "--classes", "a,b,c")
    assert "a number for each of the 3 channels" in shell.error("import", "other.onnx", "--mean", "0.5")
    assert "above 0" in shell.error("import", "other.onnx", "--mean", "0,0,0", "--deviation", "0,1,1")
    assert "Got 'x'" in shell.error("import", "other.onnx", "--mean", "x")
    assert "published preprocessing" in shell.error("import", "other.onnx", "--as", "lenet-5")


def test_rows_and_grey_pictures(shell: Shell, place: Path) -> None:
    g = Drawn(64)
    g.save(place / "rows.onnx", g("Gemm", "x", g.random(64, 3)))
    assert shell.json("import", "rows.onnx")["input_shape"] == [1, 1, 64]
    assert shell.json("import", "rows.onnx", "--input", "8x8x1")["input_shape"] == [8, 8, 1]
    assert "64, not 4x4x4" in shell.error("import", "rows.onnx", "--input", "4x4x4")
    g = Drawn(1, "h", "w")
    g.save(place / "open.onnx", g("Flatten", g("GlobalAveragePool", g("Conv", "x", g.random(4, 1, 3, 3)))))
    assert "Give them, as in --input 224x224x3" in shell.error("import", "open.onnx")
    assert shell.json("import", "open.onnx", "--input", "9x9x1")["input_shape"] == [9, 9, 1]


def lenet(classes: int = 7) -> dict[str, np.ndarray]:
    """LeNet-5's tensors in PyTorch's layout, under names of one's own."""
    rng = np.random.default_rng(0)
    shapes = {
        "features.0": (6, 1, 5, 5),
        "features.3": (16, 6, 5, 5),
        "fc.0": (120, 400),
        "fc.2": (84, 120),
        "fc.4": (classes, 84),
    }
    weights = {f"{name}.weight": rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    return weights | {
        f"{name}.bias": rng.standard_normal(shape[0]).astype(np.float32) for name, shape in shapes.items()
    }


@pytest.mark.parametrize("kind", ["safetensors", "pth", "checkpoint", "wrapped", "halves"])
def test_weights_of_a_named_network(kind: str, shell: Shell, place: Path) -> None:
    tensors, file = lenet(), "w.safetensors"
    if kind == "halves":
        tensors = {key: value.astype(np.float16) for key, value in tensors.items()}
    if kind in ("safetensors", "halves"):
        save_file(tensors, file)
    else:
        torch = pytest.importorskip("torch")
        prefix, file = ("module." if kind == "wrapped" else ""), "w.pth"
        state: Any = {f"{prefix}{key}": torch.from_numpy(value) for key, value in tensors.items()}
        torch.save({"epoch": 3, "state_dict": state} if kind == "checkpoint" else state, file)
    found = shell.json("import", file, "--as", "lenet-5", "--out", "out")
    assert found["kind"] == "tensors" and found["file"] == "out/model.safetensors" and len(found["class_names"]) == 7
    assert [entry["module"] for entry in found["modules"]] == ["features.0", "features.3", "fc.0", "fc.2", "fc.4"]
    network = load(place / "out").network
    np.testing.assert_array_equal(network.arrays()["12.linear.weight"], tensors["fc.4.weight"].T)
    np.testing.assert_array_equal(
        network.arrays()["1.conv.weight"][..., 0, :], tensors["features.0.weight"][:, 0].transpose(1, 2, 0)
    )
    rows = tensors["fc.0.weight"].reshape(120, 16, 5, 5).transpose(2, 3, 1, 0)  # ours are in the order (H, W, C)
    np.testing.assert_array_equal(network.arrays()["8.linear.weight"], rows.reshape(400, 120))


def test_weights_of_a_published_network(shell: Shell, place: Path) -> None:
    """Under torchvision's names, with other classes than ImageNet's; its preprocessing and reading come along."""
    network = Network("squeezenet-1.1", (224, 224, 3), 3, seed=4)
    save_file(
        {f"module.{key}": value for key, value in to_torchvision(network, "squeezenet-1.1").items()}, "w.safetensors"
    )
    found = shell.json("import", "w.safetensors", "--as", "squeezenet-1.1", "--classes", "a, b, c")
    assert found["preprocess"] == "scale -> standardise" and found["class_names"] == ["a", "b", "c"]
    model = load(place / found["file"])
    assert model.reading.notation() == "shortest-side 256 -> centre-crop"
    for key, array in network.arrays().items():
        np.testing.assert_array_equal(model.network.arrays()[key], array)


def test_weights_that_are_refused(shell: Shell, place: Path) -> None:
    """In one line that names the tensor; nothing is written."""
    save_file(lenet(), "w.safetensors")
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "nan": ({"fc.4.bias": np.full(7, np.nan, np.float32)}, "'fc.4.bias'"),
        "shape": ({"features.3.weight": np.zeros((16, 6, 3, 3), np.float32)}, "'features.3.weight' (16, 6, 3, 3)"),
        "missing": ({"fc.2.bias": None}, "the layer '10.linear'"),
        "extra": ({"more.weight": np.zeros(3, np.float32)}, "'more.weight'"),
    }
    for name, (changes, _) in cases.items():
        save_file(
            {key: value for key, value in (lenet() | changes).items() if value is not None}, f"{name}.safetensors"
        )
    (place / "code.pth").write_bytes(b"cos\nsystem\n(S'touch made'\ntR.")
    (place / "code2.pth").write_bytes(b"\x80\x02cos\nsystem\n(S'touch made'\ntR.")
    before = contents(place)
    for name, (_, says) in cases.items():
        assert says in shell.error("import", f"{name}.safetensors", "--as", "lenet-5")
    for name in ("code.pth", "code2.pth"):
        shell.error("import", name, "--as", "lenet-5")
    assert "Name it, as in --as resnet-18" in shell.error("import", "w.safetensors")
    assert "Give them, as in --input 32x32x3" in shell.error("import", "w.safetensors", "--as", "linear")
    assert "no layer and no network called 'lenett'" in shell.error(
        "import", "w.safetensors", "--as", "lenett", "--input", "8x8x1"
    )
    assert "the file that is read" in shell.error(
        "import", "w.safetensors", "--as", "lenet-5", "--out", "w.safetensors"
    )
    assert "Cannot read 'none.pth'" in shell.error("import", "none.pth", "--as", "lenet-5")
    assert "a glassnet model already" in shell.error("import", "model.safetensors", "--as", "lenet-5")
    assert contents(place) == before


def test_without_the_packages(shell: Shell, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export("model.safetensors", "m.onnx")
    monkeypatch.setattr("glassnet.interop.onnx.library.importlib.util.find_spec", lambda name: None)
    for command in (("export", "model.safetensors", "n.onnx"), ("import", "m.onnx")):
        assert "The package onnx is not installed; pip install 'glassnet[onnx]'." in shell.error(*command)
    assert not (place / "n.onnx").exists()
    monkeypatch.undo()
    monkeypatch.chdir(place)
    monkeypatch.setattr("glassnet.actions.export.runtime_library", lambda: None)
    assert "not compared: the package onnxruntime is not installed" in shell("export", "model.safetensors", "n.onnx")
    assert shell.json("export", "model.safetensors", "n.onnx")["agreement"] is None


def test_nothing_else_imports_them() -> None:
    script = (
        "import sys, glassnet.interop, glassnet.actions.export, glassnet.cli.import_model;"
        " print({'onnx', 'onnxruntime', 'torch'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
