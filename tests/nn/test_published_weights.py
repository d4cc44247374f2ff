"""Weights under the names of PyTorch's networks: against modules of the same structure, and files that do not fit."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from glassnet.errors import ModelError
from glassnet.imagenet import PRETRAINED
from glassnet.nn import Network, model_file
from glassnet.nn.torchvision import load_torchvision, read_tensors, to_torchvision

CLASSES = 7
COUNTS = {"resnet-18": (2, 2, 2, 2), "resnet-50": (3, 4, 6, 3), "resnet-152": (3, 8, 36, 3)}
# EfficientNet-Lite0: kernel, stride, expansion, channels, how often
STAGES = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4),
          (3, 1, 6, 320, 1))  # fmt: skip


def twin(name: str, classes: int = CLASSES) -> Any:
    """A PyTorch module whose parts are called as torchvision's are, written from the papers."""
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Fire(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
            super().__init__()
            self.squeeze = nn.Conv2d(inputs, squeezed, 1)
            self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
            self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

        def forward(self, x: Any) -> Any:
            x = self.squeeze(x).relu()
            return torch.cat([self.expand1x1(x).relu(), self.expand3x3(x).relu()], 1)

    class SqueezeNet(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            pools = [nn.MaxPool2d(3, 2, ceil_mode=True) for _ in range(3)]
            self.features = nn.Sequential(
                nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(), pools[0], Fire(64, 16, 64), Fire(128, 16, 64), pools[1],
                Fire(128, 32, 128), Fire(256, 32, 128), pools[2], Fire(256, 48, 192), Fire(384, 48, 192),
                Fire(384, 64, 256), Fire(512, 64, 256),
            )  # fmt: skip
            self.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(512, classes, 1))

        def forward(self, x: Any) -> Any:
            return self.classifier(self.features(x)).relu().mean((2, 3))

    class Block(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self, inputs: int, filters: int, stride: int, bottleneck: bool) -> None:
            super().__init__()
            out = 4 * filters if bottleneck else filters
            kernels = [(1, 1), (3, stride), (1, 1)] if bottleneck else [(3, stride), (3, 1)]
            widths = [inputs, *[filters] * (len(kernels) - 1), out]
            for i, (size, step) in enumerate(kernels):
                conv = nn.Conv2d(widths[i], widths[i + 1], size, step, size // 2, bias=False)
                setattr(self, f"conv{i + 1}", conv)
                setattr(self, f"bn{i + 1}", nn.BatchNorm2d(widths[i + 1]))
            self.count = len(kernels)
            if stride > 1 or inputs != out:
                self.downsample = nn.Sequential(nn.Conv2d(inputs, out, 1, stride, bias=False), nn.BatchNorm2d(out))

        def forward(self, x: Any) -> Any:
            y = x
            for i in range(1, self.count + 1):
                y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
                y = y.relu() if i < self.count else y
            return (y + (self.downsample(x) if hasattr(self, "downsample") else x)).relu()

    class ResNet(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self, counts: tuple[int, ...], bottleneck: bool) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(64)
            width = 64
            for stage, count in enumerate(counts):
                blocks = []
                for i in range(count):
                    blocks.append(Block(width, 64 * 2**stage, 2 if stage and not i else 1, bottleneck))
                    width = 64 * 2**stage * (4 if bottleneck else 1)
                setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            self.fc = nn.Linear(width, classes)

        def forward(self, x: Any) -> Any:
            x = nn.functional.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, 2, 1)
            for stage in range(1, 5):
                x = getattr(self, f"layer{stage}")(x)
            return self.fc(x.mean((2, 3)))

    class Same(nn.Conv2d):  # type: ignore[name-defined, misc]
        """TensorFlow's padding: ceil(n / stride) results, of an odd padding the greater half after."""

        def forward(self, x: Any) -> Any:
            sides = []
            for n, k, s in zip(x.shape[:1:-1], self.kernel_size, self.stride, strict=True):
                total = max((math.ceil(n / s) - 1) * s + k - n, 0)
                sides += [total // 2, total - total // 2]
            return super().forward(nn.functional.pad(x, sides))

    class Inverted(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self, kernel: int, stride: int, expand: int, inputs: int, outputs: int) -> None:
            super().__init__()
            wide, self.around = expand * inputs, stride == 1 and inputs == outputs
            if expand > 1:
                self._expand_conv, self._bn0 = nn.Conv2d(inputs, wide, 1, bias=False), nn.BatchNorm2d(wide, 1e-3)
            self._depthwise_conv = Same(wide, wide, kernel, stride, groups=wide, bias=False)
            self._bn1 = nn.BatchNorm2d(wide, 1e-3)
            self._project_conv, self._bn2 = nn.Conv2d(wide, outputs, 1, bias=False), nn.BatchNorm2d(outputs, 1e-3)

        def forward(self, x: Any) -> Any:
            y = nn.functional.relu6(self._bn0(self._expand_conv(x))) if hasattr(self, "_bn0") else x
            y = self._bn2(self._project_conv(nn.functional.relu6(self._bn1(self._depthwise_conv(y)))))
            return y + x if self.around else y

    class Lite0(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self._conv_stem, self._bn0 = Same(3, 32, 3, 2, bias=False), nn.BatchNorm2d(32, 1e-3)
            blocks, width = [], 32
            for kernel, stride, expand, outputs, count in STAGES:
                for number in range(count):
                    blocks.append(Inverted(kernel, stride if number == 0 else 1, expand, width, outputs))
                    width = outputs
            self._blocks = nn.ModuleList(blocks)
            self._conv_head, self._bn1 = nn.Conv2d(320, 1280, 1, bias=False), nn.BatchNorm2d(1280, 1e-3)
            self._fc = nn.Linear(1280, classes)

        def forward(self, x: Any) -> Any:
            x = nn.functional.relu6(self._bn0(self._conv_stem(x)))
            for block in self._blocks:
                x = block(x)
            return self._fc(nn.functional.relu6(self._bn1(self._conv_head(x))).mean((2, 3)))

    if name == "efficientnet-lite0":
        return Lite0()
    return SqueezeNet() if name == "squeezenet-1.1" else ResNet(COUNTS[name], name != "resnet-18")


def tensors_of(module: Any, seed: int = 0) -> dict[str, np.ndarray]:
    """Random tensors in the shapes of a module's; those of batch norm keep the activations' size about 1."""
    rng = np.random.default_rng(seed)
    found = {}
    for key, tensor in module.state_dict().items():
        kind, shape = key.rpartition(".")[2], tuple(tensor.shape)
        if kind == "num_batches_tracked":
            found[key] = np.array(5)
        elif kind == "running_var" or (kind == "weight" and len(shape) == 1):
            found[key] = rng.uniform(0.5, 1.0, shape)
        elif len(shape) > 1:
            found[key] = rng.standard_normal(shape) * np.sqrt(1.5 / np.prod(shape[1:]))
        else:
            found[key] = 0.2 * rng.standard_normal(shape)
    return found


@pytest.mark.parametrize("name", PRETRAINED)
def test_scores_are_those_of_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    module = twin(name).double().eval()
    tensors = tensors_of(module)
    module.load_state_dict({key: torch.as_tensor(value) for key, value in tensors.items()})
    network = Network(name, (43, 50, 3), CLASSES, dtype=np.float64)
    load_torchvision(network, name, tensors)
    x = np.random.default_rng(1).standard_normal((2, 43, 50, 3))
    with torch.no_grad():
        wanted = module(torch.as_tensor(x.transpose(0, 3, 1, 2))).numpy()
    assert np.abs(wanted).max() > 1e-3 and np.ptp(wanted) > 0
    assert np.abs(network.forward(x) - wanted).max() <= 1e-10 * max(1.0, np.abs(wanted).max())
    back = to_torchvision(network, name)
    counters = {key for key in tensors if key.endswith("num_batches_tracked")}
    assert set(back) == set(tensors) - counters
    for key, value in back.items():
        np.testing.assert_array_equal(value, tensors[key])
        assert value.flags.c_contiguous


@pytest.mark.parametrize(("name", "size"), [
    ("squeezenet-1.1", 1_235_496), ("resnet-18", 11_689_512), ("resnet-50", 25_557_032), ("resnet-152", 60_192_808),
    ("efficientnet-lite0", 4_652_008),
])  # fmt: skip
def test_sizes_and_names_for_a_thousand_classes(name: str, size: int) -> None:
    torch = pytest.importorskip("torch")
    with torch.device("meta"):
        module = twin(name, 1000)
    shapes = {k: tuple(t.shape) for k, t in module.state_dict().items() if not k.endswith("num_batches_tracked")}
    network = Network(name, (64, 64, 3), 1000)
    assert network.size == size == sum(p.numel() for p in module.parameters())
    assert {key: array.shape for key, array in to_torchvision(network, name).items()} == shapes


@pytest.fixture
def small() -> tuple[Network, dict[str, np.ndarray]]:
    network = Network("squeezenet-1.1", (40, 40, 3), CLASSES, seed=4)
    return network, to_torchvision(network, "squeezenet-1.1")


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_file_of_either_precision(small: tuple[Network, dict[str, np.ndarray]], dtype: type, tmp_path: Path) -> None:
    network, tensors = small
    save_file({key: value.astype(dtype) for key, value in tensors.items()}, tmp_path / "w.safetensors")
    other = Network("squeezenet-1.1", (40, 40, 3), CLASSES, seed=5)
    load_torchvision(other, "squeezenet-1.1", read_tensors(tmp_path / "w.safetensors"))
    for key, value in to_torchvision(other, "squeezenet-1.1").items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, tensors[key].astype(dtype))
    x = np.random.default_rng(0).random((1, 40, 40, 3), np.float32)
    assert np.abs(other.forward(x) - network.forward(x)).max() < 0.05


PATTERNS = np.arange(2**16, dtype=np.uint16)  # every number of 16 bits: subnormal, infinite, NaN, both zeros


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_every_number_of_half_the_width_is_read_exactly(kind: str, tmp_path: Path) -> None:
    """All 65,536 of them, as PyTorch widens them to float32."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    halves = torch.from_numpy(PATTERNS.view(np.int16)).view(getattr(torch, kind)).reshape(16, 64, 64)
    doubles = torch.tensor([1 / 3, -5e-324, 1.7e308], dtype=torch.float64)
    empty = torch.zeros((0, 3), dtype=getattr(torch, kind))
    scalar = torch.tensor(0.15625, dtype=getattr(torch, kind))
    tensors = {"w": halves, "d": doubles, "e": empty, "s": scalar}
    save_torch(tensors, tmp_path / "w.safetensors")
    found = read_tensors(tmp_path / "w.safetensors")
    theirs = halves.to(torch.float32).numpy()
    ours = found["w"].astype(np.float32)
    numbers = ~np.isnan(theirs)
    np.testing.assert_array_equal(np.isnan(ours), ~numbers)
    np.testing.assert_array_equal(ours[numbers].view(np.uint32), theirs[numbers].view(np.uint32))
    assert found["d"].dtype == np.float64 and found["d"].tobytes() == doubles.numpy().tobytes()
    assert found["e"].shape == (0, 3) and found["s"].shape == () and found["s"] == 0.15625


def test_weights_in_bfloat16(small: tuple[Network, dict[str, np.ndarray]], tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    network, tensors = small
    rounded = {key: torch.from_numpy(value).to(torch.bfloat16) for key, value in tensors.items()}
    save_torch(rounded, tmp_path / "w.safetensors")
    load_torchvision(network, "squeezenet-1.1", read_tensors(tmp_path / "w.safetensors"))
    for key, value in to_torchvision(network, "squeezenet-1.1").items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, rounded[key].to(torch.float32).numpy())


@pytest.mark.parametrize(
    ("kind", "called"),
    [("float8_e4m3fn", "F8_E4M3"), ("float8_e5m2", "F8_E5M2"), ("complex64", "C64")],
)
def test_types_that_are_not_read_are_named(kind: str, called: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    save_torch({"conv1.weight": torch.zeros(3, dtype=getattr(torch, kind))}, tmp_path / "w.safetensors")
    for read in (read_tensors, model_file.read):
        with pytest.raises(ModelError, match=f"'conv1.weight'.*type {called}, which is not read") as caught:
            read(tmp_path / "w.safetensors")
        assert "damaged" not in str(caught.value) and "\n" not in str(caught.value)


def test_tensors_that_do_not_fit(small: tuple[Network, dict[str, np.ndarray]]) -> None:
    network, tensors = small
    before = {key: value.copy() for key, value in network.arrays().items()}
    first, last = "features.0.weight", "classifier.1.bias"
    cases: list[tuple[dict[str, Any], str]] = [
        ({first: None}, f"lacks 1 of the 52 tensors of 'squeezenet-1.1': '{first}'"),
        (dict.fromkeys(tensors), "lacks 52 of the 52 tensors"),
        ({"fc.weight": np.zeros(3)}, "has 1 tensors that 'squeezenet-1.1' has no place for: 'fc.weight'"),
        ({first: np.zeros((64, 3, 5, 5))}, f"'{first}' is (64, 3, 5, 5) instead of (64, 3, 3, 3)"),
        ({last: np.zeros(1000)}, f"'{last}' is (1000,) instead of (7,)"),
        ({last: np.full(7, np.nan)}, "not finite numbers"),
        ({last: np.zeros(7, np.int64)}, "of the type int64"),
        ({last: np.zeros(7, bool)}, "of the type bool"),
        ({last: np.full(7, 1e300)}, "not finite numbers"),  # beyond float32
    ]
    for changes, says in cases:
        changed = {key: value for key, value in {**tensors, **changes}.items() if value is not None}
        with pytest.raises(ModelError, match=re.escape(says)) as caught:
            load_torchvision(network, "squeezenet-1.1", changed)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
    for key, value in network.arrays().items():
        np.testing.assert_array_equal(value, before[key])
    with pytest.raises(ModelError, match="not 'resnet-18'"):
        load_torchvision(network, "resnet-18", tensors)
    with pytest.raises(ModelError, match="Known: squeezenet"):
        to_torchvision(network, "vgg-small")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Cannot read the weights"):
        read_tensors(tmp_path / "none.safetensors")
    with pytest.raises(ModelError, match="Cannot read the weights"):
        read_tensors(tmp_path)
    for data in (b"", b"PK\x03\x04" + bytes(100), (2**63).to_bytes(8, "little"), b"\x02" + bytes(7) + b"{}x"):
        for name in ("bad.safetensors", "bad.pth"):
            (tmp_path / name).write_bytes(data)
            with pytest.raises(ModelError, match=re.escape(name)) as caught:
                read_tensors(tmp_path / name)
            assert "\n" not in str(caught.value) and "use another copy" in str(caught.value)
