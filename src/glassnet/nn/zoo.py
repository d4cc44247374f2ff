"""Networks that have a name."""

from __future__ import annotations

from glassnet.notation import parse

__all__ = ["NAMED", "expand"]


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


# name -> (notation, what it is)
NAMED: dict[str, tuple[str, str]] = {
    "softmax": ("linear", "softmax regression: one affine layer"),
    "two-layer": ("linear 100 -> relu -> linear", "one hidden layer of 100 units with ReLU"),
    "autoencoder": (
        "linear 32 -> relu -> linear 32 -> relu -> linear 32 -> relu -> linear -> sigmoid",
        "three layers of 32 units between picture and picture",
    ),
    "small-convnet": ("conv-relu-pool 3x3, 32, pad 1 -> flatten -> linear", "one convolution, one affine layer"),
    "digits-convnet": (
        "conv-relu-pool 5x5, 32 -> conv-relu-pool 5x5, 64 -> flatten -> linear",
        "two 5x5 convolutions for digits of 28x28",
    ),
    "letters-convnet": (
        "conv-bn-relu 3x3, 32, pad 1 -> maxpool 2x2 -> conv-bn-relu 3x3, 64, pad 1 -> maxpool 2x2"
        " -> conv-bn-relu 3x3, 128, pad 1 -> maxpool 2x2 -> flatten -> dropout 0.5 -> linear 128 -> relu -> linear",
        "three 3x3 convolutions for letters of 32x32",
    ),
    "lenet-5": (
        "conv 5x5, 6, pad 2 -> tanh -> avgpool 2x2 -> conv 5x5, 16 -> tanh -> avgpool 2x2 -> flatten"
        " -> linear 120 -> tanh -> linear 84 -> tanh -> linear",
        "LeCun et al. 1998, with plain averages and full connections",
    ),
    "vgg-small": (
        "conv-bn-relu 3x3, 64, pad 1 x2 -> maxpool 2x2 -> conv-bn-relu 3x3, 128, pad 1 x2 -> maxpool 2x2"
        " -> conv-bn-relu 3x3, 256, pad 1 x2 -> maxpool 2x2 -> avgpool global -> linear",
        "pairs of 3x3 convolutions as in Simonyan and Zisserman 2014, for pictures of 32x32",
    ),
    "resnet-20": (
        "conv-bn-relu 3x3, 16, pad 1 -> basic-block 16 x3 -> basic-block 32, stride 2 -> basic-block 32 x2"
        " -> basic-block 64, stride 2 -> basic-block 64 x2 -> avgpool global -> linear",
        "He et al. 2015, section 4.2, for pictures of 32x32, with 1x1 convolutions in the shortcuts",
    ),
    "resnet-18": (_resnet("basic-block", (2, 2, 2, 2)), "He et al. 2015, 18 layers, for pictures of 224x224"),
    "resnet-50": (_resnet("bottleneck-block", (3, 4, 6, 3)), "He et al. 2015, 50 layers, for pictures of 224x224"),
    "resnet-152": (_resnet("bottleneck-block", (3, 8, 36, 3)), "He et al. 2015, 152 layers, for pictures of 224x224"),
    "squeezenet-1.1": (
        "conv-relu 3x3, 64, stride 2 -> maxpool 3x3, stride 2, ceil -> fire 16, 64 x2 -> maxpool 3x3, stride 2, ceil"
        " -> fire 32, 128 x2 -> maxpool 3x3, stride 2, ceil -> fire 48, 192 x2 -> fire 64, 256 x2"
        " -> dropout 0.5 -> conv-relu 1x1 -> avgpool global",
        "Iandola et al. 2016, version 1.1, for pictures of 224x224",
    ),
}


def expand(text: str) -> str:
    """The notation of a named network; any other text unchanged."""
    name = text.strip().lower() if isinstance(text, str) else ""
    if name in NAMED:
        return NAMED[name][0]
    steps = parse(text, "network")
    if len(steps) == 1 and not steps[0].arguments and not steps[0].branches and steps[0].word in NAMED:
        return NAMED[steps[0].word][0]
    return text
