"""Networks that have a name: one record each, with all that the rooms above need to know of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from glassnet.notation import parse

__all__ = ["NAMED", "NamedNetwork", "Published", "Use", "expand"]


@dataclass(frozen=True)
class Use:
    """How a network is usually used, which is how it is timed.

    Attributes
    ----------
    input_shape : tuple of int
        (H, W, C) of one example.
    classes : int
        Outputs of a last layer that names none.
    batches : tuple of int
        Examples per step; several are several cases.
    optimizer : str
        One of `glassnet.optim.OPTIMIZERS`.
    loss : str
        One of `glassnet.nn.loss.LOSSES`.
    trains : bool
        Whether it is trained; else it is used in evaluation mode.
    """

    input_shape: tuple[int, ...]
    classes: int = 10
    batches: tuple[int, ...] = (64,)
    optimizer: str = "sgd"
    loss: str = "softmax-cross-entropy"
    trains: bool = True


@dataclass(frozen=True)
class Published:
    """Weights that torchvision publishes for a network, trained on ImageNet.

    Attributes
    ----------
    file : str
        What the converted file is called in the data folder.
    address : str
        Where the original is.
    top1, top5 : float
        Its accuracy on ImageNet's 50,000 validation pictures as torchvision states it, in per cent.
    modules : tuple of str
        torchvision's modules that hold tensors, in the order of `Network.walk`.
    """

    file: str
    address: str
    top1: float
    top5: float
    modules: tuple[str, ...]


@dataclass(frozen=True)
class NamedNetwork:
    """A network that has a name.

    Attributes
    ----------
    name : str
        What it is called.
    notation : str
        What it is made of.
    about : str
        What it is, in one line.
    use : Use
        How it is usually used.
    published : Published or None
        Its published weights, where there are any.
    """

    name: str
    notation: str
    about: str
    use: Use
    published: Published | None = None


def _resnet(block: str, counts: tuple[int, ...]) -> str:
    """A ResNet for pictures of about 224 pixels: a 7x7 stem, four stages, each but the first halving the picture."""
    stages = []
    for stage, count in enumerate(counts):
        filters = 64 * 2**stage
        first = ", stride 2" if stage else (", project" if block == "bottleneck-block" else "")
        rest = f" -> {block} {filters} x{count - 1}" if count > 1 else ""
        stages.append(f"{block} {filters}{first}{rest}")
    stem = "conv-bn-relu 7x7, 64, stride 2, pad 3 -> maxpool 3x3, stride 2, pad 1"
    return f"{stem} -> {' -> '.join(stages)} -> avgpool global -> linear"


def _stages(*filters: int) -> str:
    """3x3 convolutions that each halve the picture; pooling comes first, so that the rest has a quarter to do."""
    return " -> ".join(f"conv 3x3, {n}, pad 1, bias off -> maxpool 2x2 -> batchnorm -> relu" for n in filters)


# torchvision's modules: github.com/pytorch/vision, `torchvision/models`. Addresses and figures: `IMAGENET1K_V1` in its
# squeezenet.py and resnet.py.
_AT = "https://download.pytorch.org/models/"


def _squeezenet_modules() -> tuple[str, ...]:
    """Version 1.1; at the places in `features` that are left out stand the ReLU and the pools."""
    parts = ("squeeze", "expand1x1", "expand3x3")
    fires = (f"features.{place}.{part}" for place in (3, 4, 6, 7, 9, 10, 11, 12) for part in parts)
    return ("features.0", *fires, "classifier.1")


def _resnet_modules(counts: Iterable[int], convolutions: int) -> tuple[str, ...]:
    """Four stages of so many blocks of so many convolutions, each followed by batch normalisation."""
    modules = ["conv1", "bn1"]
    for stage, count in enumerate(counts, start=1):
        for block in range(count):
            inside = [f"{kind}{i}" for i in range(1, convolutions + 1) for kind in ("conv", "bn")]
            # The first block of a stage changes the size and has a convolution in its shortcut, but not where the
            # stem already gives what the first stage of basic blocks takes.
            if block == 0 and (stage > 1 or convolutions == 3):
                inside += ["downsample.0", "downsample.1"]
            modules += [f"layer{stage}.{block}.{part}" for part in inside]
    return (*modules, "fc")


_DIGITS, _PICTURES, _PHOTOGRAPHS = (28, 28, 1), (32, 32, 3), (224, 224, 3)
_RESNET = Use(_PHOTOGRAPHS, 1000, (16,), "momentum")

_ALL = (
    NamedNetwork("softmax", "linear", "softmax regression: one affine layer", Use(_DIGITS, batches=(100,))),
    NamedNetwork(
        "two-layer",
        "linear 100 -> relu -> linear",
        "one hidden layer of 100 units with ReLU",
        Use(_DIGITS, batches=(100,)),
    ),
    NamedNetwork(
        "autoencoder",
        "linear 32 -> relu -> linear 32 -> relu -> linear 32 -> relu -> linear -> sigmoid",
        "three layers of 32 units between picture and picture",
        Use(_DIGITS, 784, (100,), "momentum", loss="squared-error"),
    ),
    NamedNetwork(
        "small-convnet",
        "conv-relu-pool 3x3, 32, pad 1 -> flatten -> linear",
        "one convolution, one affine layer",
        Use(_PICTURES, batches=(50,)),
    ),
    NamedNetwork(
        "digits-convnet",
        "conv-relu-pool 5x5, 32 -> conv-relu-pool 5x5, 64 -> flatten -> linear",
        "two 5x5 convolutions for digits of 28x28",
        Use(_DIGITS, optimizer="adam"),
    ),
    NamedNetwork(
        "letters-convnet",
        "conv-bn-relu 3x3, 32, pad 1 -> maxpool 2x2 -> conv-bn-relu 3x3, 64, pad 1 -> maxpool 2x2"
        " -> conv-bn-relu 3x3, 128, pad 1 -> maxpool 2x2 -> flatten -> dropout 0.5 -> linear 128 -> relu -> linear",
        "three 3x3 convolutions for letters of 32x32",
        Use((32, 32, 1), 36, optimizer="adam"),
    ),
    NamedNetwork(
        "lenet-5",
        "conv 5x5, 6, pad 2 -> tanh -> avgpool 2x2 -> conv 5x5, 16 -> tanh -> avgpool 2x2 -> flatten"
        " -> linear 120 -> tanh -> linear 84 -> tanh -> linear",
        "LeCun et al. 1998, with plain averages and full connections",
        Use(_DIGITS, optimizer="adam"),
    ),
    NamedNetwork(
        "picture-convnet",
        f"{_stages(32, 64, 128)} -> avgpool global -> linear",
        "three 3x3 convolutions for pictures of 28x28 and 32x32",
        Use(_PICTURES, optimizer="adamw"),
    ),
    NamedNetwork(
        "photo-convnet",
        f"{_stages(32, 64, 128, 256)} -> avgpool global -> linear",
        "four 3x3 convolutions for photographs brought to 64x64",
        Use((64, 64, 3), optimizer="adamw"),
    ),
    NamedNetwork(
        "photo-resnet",
        f"{_stages(32, 64, 128)} -> residual(conv-bn-relu 3x3, 128, pad 1) -> {_stages(256)}"
        " -> residual(conv-bn-relu 3x3, 256, pad 1) -> avgpool global -> dropout 0.2 -> linear",
        "six 3x3 convolutions, two around which the input goes, for photographs brought to 96x96",
        Use((96, 96, 3), optimizer="adamw"),
    ),
    NamedNetwork(
        "vgg-small",
        "conv-bn-relu 3x3, 64, pad 1 x2 -> maxpool 2x2 -> conv-bn-relu 3x3, 128, pad 1 x2 -> maxpool 2x2"
        " -> conv-bn-relu 3x3, 256, pad 1 x2 -> maxpool 2x2 -> avgpool global -> linear",
        "pairs of 3x3 convolutions as in Simonyan and Zisserman 2014, for pictures of 32x32",
        Use(_PICTURES, optimizer="momentum"),
    ),
    NamedNetwork(
        "resnet-20",
        "conv-bn-relu 3x3, 16, pad 1 -> basic-block 16 x3 -> basic-block 32, stride 2 -> basic-block 32 x2"
        " -> basic-block 64, stride 2 -> basic-block 64 x2 -> avgpool global -> linear",
        "He et al. 2015, section 4.2, for pictures of 32x32, with 1x1 convolutions in the shortcuts",
        Use(_PICTURES, optimizer="momentum"),
    ),
    NamedNetwork(
        "squeezenet-1.1",
        "conv-relu 3x3, 64, stride 2 -> maxpool 3x3, stride 2, ceil -> fire 16, 64 x2 -> maxpool 3x3, stride 2, ceil"
        " -> fire 32, 128 x2 -> maxpool 3x3, stride 2, ceil -> fire 48, 192 x2 -> fire 64, 256 x2"
        " -> dropout 0.5 -> conv-relu 1x1 -> avgpool global",
        "Iandola et al. 2016, version 1.1, for pictures of 224x224",
        Use(_PHOTOGRAPHS, 1000, (1, 16), trains=False),
        Published(
            "squeezenet1_1.safetensors", f"{_AT}squeezenet1_1-b8a52dc0.pth", 58.178, 80.624, _squeezenet_modules()
        ),
    ),
    NamedNetwork(
        "resnet-18",
        _resnet("basic-block", (2, 2, 2, 2)),
        "He et al. 2015, 18 layers, for pictures of 224x224",
        _RESNET,
        Published(
            "resnet18.safetensors", f"{_AT}resnet18-f37072fd.pth", 69.758, 89.078, _resnet_modules((2, 2, 2, 2), 2)
        ),
    ),
    NamedNetwork(
        "resnet-50",
        _resnet("bottleneck-block", (3, 4, 6, 3)),
        "He et al. 2015, 50 layers, for pictures of 224x224",
        _RESNET,
        Published(
            "resnet50.safetensors", f"{_AT}resnet50-0676ba61.pth", 76.130, 92.862, _resnet_modules((3, 4, 6, 3), 3)
        ),
    ),
    NamedNetwork(
        "resnet-152",
        _resnet("bottleneck-block", (3, 8, 36, 3)),
        "He et al. 2015, 152 layers, for pictures of 224x224",
        _RESNET,
        Published(
            "resnet152.safetensors", f"{_AT}resnet152-394f9c45.pth", 78.312, 94.046, _resnet_modules((3, 8, 36, 3), 3)
        ),
    ),
)
NAMED: dict[str, NamedNetwork] = {network.name: network for network in _ALL}


def expand(text: str) -> str:
    """The notation of a named network; any other text unchanged."""
    name = text.strip().lower() if isinstance(text, str) else ""
    if name in NAMED:
        return NAMED[name].notation
    steps = parse(text, "network")
    if len(steps) == 1 and not steps[0].arguments and not steps[0].branches and steps[0].word in NAMED:
        return NAMED[steps[0].word].notation
    return text
