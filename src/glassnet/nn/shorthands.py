"""Shorthands of the notation: words that stand for several layers.

    conv-relu ...            conv ... -> relu
    conv-bn-relu ...         conv ..., bias off -> batchnorm -> relu
    conv-relu-pool ...       conv ... -> relu -> maxpool 2x2
    linear-relu UNITS        linear UNITS -> relu
    fire S, E                squeeze to S channels, expand to E by 1x1 and E by 3x3 (Iandola et al. 2016)
    basic-block F            two 3x3 convolutions around which the input goes (He et al. 2015); `stride 2` or `project`
                             puts a 1x1 convolution into the shortcut
    bottleneck-block F       1x1 to F channels, 3x3, 1x1 to 4 F (He et al. 2015; the stride is that of the 3x3)
    mbconv 5x5, IN, OUT      an inverted residual: 1x1 to `expand` times IN channels, depthwise, 1x1 to OUT, with ReLU6
                             between; the input goes around it where that fits (Sandler et al. 2018)

They are compositions: the layers that they stand for are what runs, is checked and is saved.
"""

from __future__ import annotations

from collections.abc import Callable

from glassnet.errors import NotationError
from glassnet.nn.layer import positive_int
from glassnet.notation import Step

__all__ = ["SHORTHANDS"]


def _arguments(step: Step) -> str:
    if step.branches:
        raise NotationError(f"'{step.word}' takes no layers in parentheses. Got '{step.text}' instead.")
    return ", ".join(" ".join(values) for values in step.arguments)


def _conv_relu(step: Step) -> str:
    return f"conv {_arguments(step)} -> relu"


def _conv_bn_relu(step: Step) -> str:
    return f"conv {_arguments(step)}, bias off -> batchnorm -> relu"


def _conv_relu_pool(step: Step) -> str:
    return f"conv {_arguments(step)} -> relu -> maxpool 2x2"


def _linear_relu(step: Step) -> str:
    return f"linear {_arguments(step)} -> relu"


def _fire(step: Step) -> str:
    positional, named = step.split(())
    if len(positional) != 2 or named or step.branches:
        raise NotationError(f"'fire' is written 'fire 16, 64' (squeeze, expand). Got '{step.text}' instead.")
    squeeze, expand = (positive_int(value, "A number of 'fire'") for value in positional)
    return f"conv 1x1, {squeeze} -> relu -> concat(conv 1x1, {expand} -> relu | conv 3x3, {expand}, pad 1 -> relu)"


def _block(step: Step) -> tuple[int, int, bool]:
    """(filters, stride, whether the shortcut has a convolution)."""
    positional, named = step.split(("stride", "project"))
    stride = named.get("stride", ["1"])
    if len(positional) != 1 or len(stride) != 1 or named.get("project") or step.branches:
        raise NotationError(f"'{step.word}' is written '{step.word} 64, stride 2'. Got '{step.text}' instead.")
    filters = positive_int(positional[0], f"The filters of '{step.word}'")
    number = positive_int(stride[0], f"The stride of '{step.word}'")
    return filters, number, "project" in named or number > 1


def _basic_block(step: Step) -> str:
    filters, stride, project = _block(step)
    shortcut = f" | conv 1x1, {filters}, stride {stride}, bias off -> batchnorm" if project else ""
    return (
        f"residual(conv 3x3, {filters}, stride {stride}, pad 1, bias off -> batchnorm -> relu"
        f" -> conv 3x3, {filters}, pad 1, bias off -> batchnorm{shortcut}) -> relu"
    )


def _bottleneck_block(step: Step) -> str:
    filters, stride, project = _block(step)
    shortcut = f" | conv 1x1, {4 * filters}, stride {stride}, bias off -> batchnorm" if project else ""
    return (
        f"residual(conv 1x1, {filters}, bias off -> batchnorm -> relu"
        f" -> conv 3x3, {filters}, stride {stride}, pad 1, bias off -> batchnorm -> relu"
        f" -> conv 1x1, {4 * filters}, bias off -> batchnorm{shortcut}) -> relu"
    )


def _mbconv(step: Step) -> str:
    positional, named = step.split(("expand", "stride", "eps"))
    numbers = {name: named.get(name, [default]) for name, default in (("expand", "6"), ("stride", "1"))}
    eps = named.get("eps", ["1e-3"])
    if len(positional) != 3 or any(len(values) != 1 for values in (*numbers.values(), eps)) or step.branches:
        raise NotationError(
            f"'mbconv' is written 'mbconv 3x3, 16, 24, expand 6, stride 2' (kernel, channels in, channels out)."
            f" Got '{step.text}' instead."
        )
    inputs, outputs = (positive_int(value, "A number of channels of 'mbconv'") for value in positional[1:])
    expand, stride = (positive_int(values[0], f"'{name}' of 'mbconv'") for name, values in numbers.items())
    normalise = f"batchnorm, eps {eps[0]}"
    wider = f"conv 1x1, {expand * inputs}, bias off -> {normalise} -> relu6 -> " if expand > 1 else ""
    body = (
        f"{wider}depthwise {positional[0]}, stride {stride}, pad same, bias off -> {normalise} -> relu6"
        f" -> conv 1x1, {outputs}, bias off -> {normalise}"
    )
    return f"residual({body})" if stride == 1 and inputs == outputs else body


SHORTHANDS: dict[str, Callable[[Step], str]] = {
    "conv-relu": _conv_relu,
    "conv-bn-relu": _conv_bn_relu,
    "conv-relu-pool": _conv_relu_pool,
    "linear-relu": _linear_relu,
    "fire": _fire,
    "basic-block": _basic_block,
    "bottleneck-block": _bottleneck_block,
    "mbconv": _mbconv,
}
