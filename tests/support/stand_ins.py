"""What the examples of the documentation take for granted: the user's own files, and data sets; small, and made here.

A page says `photo.jpg`, `photos` or `runs/mine` and means the reader's own. `MAKERS` makes each under its name; only
what a page names is made for it. `data_folder` stands for `GLASSNET_DATA`: digits enlarged as MNIST, coloured noise as
CIFAR-10, a few photographs as ImageNet's, and networks with random weights as those trained on ImageNet.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from glassnet.cli import main
from glassnet.imagenet import PRETRAINED
from glassnet.nn import Network
from glassnet.nn.torchvision import to_torchvision
from glassnet.reader.pages import write_pages
from support.classifiers import digits
from support.data_files import idx_bytes, write_cifar_binary
from support.markdown import ROOT
from support.onnx_graphs import Drawn
from support.videos import write_video

Array = np.ndarray
CLASSES = ("cat", "dog", "fox")
CLASS_INDEX = "imagenet_class_index.json"


def photograph(kind: int, number: int, size: tuple[int, int] = (72, 96)) -> Array:
    """A picture (H, W, 3) uint8 of stripes, whose width and colour are those of its kind."""
    rng = np.random.default_rng([kind, number])
    height, width = size
    stripes = np.sin(np.arange(width) * (0.1 + 0.15 * kind) + rng.uniform(0, 6))[None, :, None]
    colour = np.array([60, 60, 60]) + 120 * np.eye(3)[kind % 3]
    noisy = colour * (1 + 0.5 * stripes) + rng.normal(0, 12, (height, width, 3))
    return noisy.clip(0, 255).astype(np.uint8)


def _photo(path: Path) -> None:
    Image.fromarray(photograph(0, 99, (240, 320))).save(path)


def _photos(path: Path) -> None:
    for kind, name in enumerate(CLASSES):
        (path / name).mkdir(parents=True)
        for number in range(16):
            Image.fromarray(photograph(kind, number)).save(path / name / f"{number}.jpg")


def _video(path: Path) -> None:
    write_video(path, [photograph(number % 3, number) for number in range(12)])


def _clips(path: Path) -> None:
    path.mkdir()
    for name in ("one.mp4", "two.mp4"):
        _video(path / name)


def _digit(path: Path) -> None:
    from sklearn.datasets import load_digits

    Image.fromarray((load_digits().images[0] * 15.9).astype(np.uint8)).save(path)


def _seven(path: Path) -> None:
    """A seven written in dark ink on white paper."""
    picture = Image.new("RGB", (160, 160), "white")
    ImageDraw.Draw(picture).line([(50, 40), (110, 40), (70, 125)], fill="black", width=14, joint="curve")
    picture.save(path)


def _page(path: Path) -> None:
    shutil.copy(ROOT / "src/glassnet/reader/sample.jpg", path)


def _document(path: Path) -> None:
    """A PDF of three pages."""
    with Image.open(ROOT / "src/glassnet/reader/sample.jpg") as page:
        page.save(path, "PDF", save_all=True, append_images=[page, page], resolution=200)


def _pages(path: Path) -> None:
    list(write_pages(path, 2, "HELLO WORLD\nROSE 12", seed=1))


def _run(data: str, network: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        command = ["train", data, "--model", network, "--epochs", "20", "--set", "data.train_limit=500"]
        assert main([*command, "--out", str(path)]) == 0

    return make


def _model(path: Path) -> None:
    digits().save(path)


def _reader(path: Path) -> None:
    path.mkdir()
    shutil.copy(ROOT / "src/glassnet/reader/characters.safetensors", path / "model.safetensors")


def _points(path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(50, 2))
    np.save(path, np.hstack([points, points @ [[2.0, 1.0], [0.0, 3.0]] + 1]))


def _words(path: Path) -> None:
    path.write_text("shopping\nlist\nmilk\neggs\nquiz\n", "utf-8")


def _recipes(path: Path) -> None:
    shutil.copytree(ROOT / "recipes", path)


def _weights(name: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        from safetensors.numpy import save_file

        network = Network(name, (224, 224, 3), 1000)
        save_file({key: value.astype(np.float16) for key, value in to_torchvision(network, name).items()}, path)

    return make


def _lines(path: Path) -> None:
    """A model of lines, as learning a hand writes it."""
    shutil.copy(ROOT / "src/glassnet/reader/lines/lines.safetensors", path)


def _lenet(path: Path) -> None:
    """LeNet-5's weights as PyTorch has them: a state dict, or safetensors of the same names."""
    import torch
    from safetensors.torch import save_file

    sizes = {"features.0": (6, 1, 5, 5), "features.3": (16, 6, 5, 5), "classifier.0": (120, 400),
             "classifier.2": (84, 120), "classifier.4": (10, 84)}  # fmt: skip
    draw = torch.Generator().manual_seed(0)
    tensors = {}
    for name, size in sizes.items():
        tensors[f"{name}.weight"] = torch.randn(size, generator=draw)
        tensors[f"{name}.bias"] = torch.randn(size[:1], generator=draw)
    if path.suffix == ".pth":
        torch.save(tensors, path)
    else:
        save_file(tensors, path)


def _other_onnx(path: Path) -> None:
    """A residual network for photographs, as another program writes it."""
    g = Drawn(3, 32, 32)
    x = g("Relu", g("Conv", "x", g.random(8, 3, 3, 3), g.random(8), pads=[1] * 4))
    x = g("Relu", g("Add", g("Conv", x, g.random(8, 8, 3, 3), g.random(8), pads=[1] * 4), x))
    x = g("Flatten", g("GlobalAveragePool", x))
    g.save(path, g("Softmax", g("Gemm", x, g.random(3, 8), g.random(3), transB=1)))


_CONVNET = "conv 3x3, 8, pad 1 -> relu -> maxpool 2x2 -> flatten -> linear"
_TWO_CONVOLUTIONS = "conv 3x3, 8, pad 1 -> relu -> conv 3x3, 16, pad 1 -> relu -> maxpool 2x2 -> flatten -> linear"
MAKERS: dict[str, Callable[[Path], None]] = {
    "photo.jpg": _photo,
    "photo.png": _photo,
    "picture.png": _digit,
    "new.jpg": _photo,
    "photos": _photos,
    "FOLDER": _photos,
    "flamingo.mp4": _video,
    "clips": _clips,
    "page.jpg": _page,
    "other.jpg": _page,
    "form.jpg": _page,
    "letter.jpg": _page,
    "letter.pdf": _document,
    "letter.txt": _words,
    "words.txt": _words,
    "scans": _pages,
    "pages": _pages,
    "points.npy": _points,
    "recipes": _recipes,
    "digits.safetensors": _model,
    "mine.safetensors": _lines,
    "state.pth": _lenet,
    "lenet.safetensors": _lenet,
    "other.onnx": _other_onnx,
    "more/one.png": _digit,
    "seven.png": _seven,
    "runs/digits": _run("digits", _TWO_CONVOLUTIONS),
    "runs/mine": _run("digits", _CONVNET),
    "runs/reader-characters": _reader,
    "runs/mnist-1": _run("mnist", _CONVNET),
    "runs/cifar10-1": _run("cifar10", _CONVNET),
    **{published.file: _weights(name) for name, published in PRETRAINED.items()},
    **{published.address.rpartition("/")[2]: _weights(name) for name, published in PRETRAINED.items()},
}


class StandIns:
    """Makes each once and copies it to where it is wanted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def lay_out(self, text: str, folder: Path) -> set[Path]:
        """Put what the text names into the folder. Returns the paths."""
        laid = set()
        for name, make in MAKERS.items():
            if re.search(rf"(?<![\w/.-]){re.escape(name)}(?![\w.-])", text):
                made = self.folder / name
                if not made.exists():
                    made.parent.mkdir(parents=True, exist_ok=True)
                    make(made)
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if made.is_dir() else shutil.copy)(made, target)
                laid.add(target)
        return laid


def _mnist(folder: Path) -> None:
    from sklearn.datasets import load_digits

    small, labels = load_digits().images[:700], load_digits().target[:700]
    large = np.pad(small.repeat(3, 1).repeat(3, 2) * 15.9, ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    folder.mkdir(parents=True)
    for part, chosen in (("train", slice(0, 500)), ("t10k", slice(500, 700))):
        for name, array in (("images-idx3", large[chosen]), ("labels-idx1", labels[chosen])):
            (folder / f"{part}-{name}-ubyte.gz").write_bytes(gzip.compress(idx_bytes(array), 1))


def _imagenet(folder: Path) -> None:
    ids = [f"n{number:08d}" for number in range(1000)]
    index = json.dumps({str(number): [name, f"thing_{number}"] for number, name in enumerate(ids)})
    for inside in ("imagenet-samples", "weights"):
        (folder / inside).mkdir()
        (folder / inside / CLASS_INDEX).write_text(index, "utf-8")
    for number in range(4):
        picture = Image.fromarray(photograph(number, 0))
        picture.save(folder / "imagenet-samples" / f"{ids[number]}_thing_{number}.JPEG")


def data_folder(folder: Path) -> Path:
    """A data folder with small sets and random weights under the names of the real ones."""
    folder.mkdir(parents=True)
    _mnist(folder / "mnist")
    write_cifar_binary(folder / "cifar-10-batches-bin", 40)
    _imagenet(folder)
    (folder / "published").mkdir()
    for name in ("squeezenet-1.1", "efficientnet-lite0"):
        if name in PRETRAINED:
            _weights(name)(folder / "weights" / PRETRAINED[name].file)
            _publish(name, folder)
    return folder


def _publish(name: str, folder: Path) -> None:
    """What the address of the weights would give: the file itself, or an archive with it."""
    published = PRETRAINED[name]
    original = folder / "published" / published.address.rpartition("/")[2]
    if member := getattr(published, "member", ""):
        with zipfile.ZipFile(original, "w") as archive:
            archive.write(folder / "weights" / published.file, member)
    else:
        shutil.copy(folder / "weights" / published.file, original)
