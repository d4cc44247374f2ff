"""The layers. Their mathematics lives in `nn/functional`; here are sizes, parameters and memory."""

from __future__ import annotations

from glassnet.nn.layer import Layer
from glassnet.nn.layers.activation import ReLU, ReLU6, Sigmoid, Tanh
from glassnet.nn.layers.composite import Composite, Concat, Residual
from glassnet.nn.layers.convolution import Conv, DepthwiseConv
from glassnet.nn.layers.dense import Flatten, Linear
from glassnet.nn.layers.dropout import Dropout
from glassnet.nn.layers.normalisation import BatchNorm
from glassnet.nn.layers.pooling import AveragePool, GlobalAveragePool, MaxPool

__all__ = [
    "LAYERS",
    "AveragePool",
    "BatchNorm",
    "Composite",
    "Concat",
    "Conv",
    "DepthwiseConv",
    "Dropout",
    "Flatten",
    "GlobalAveragePool",
    "Linear",
    "MaxPool",
    "ReLU",
    "ReLU6",
    "Residual",
    "Sigmoid",
    "Tanh",
]

# The words of the notation, those of composites (which hold branches) included.
LAYERS: dict[str, type[Layer]] = {
    layer.word: layer
    for layer in (
        Linear,
        Conv,
        DepthwiseConv,
        ReLU,
        ReLU6,
        Sigmoid,
        Tanh,
        MaxPool,
        AveragePool,
        BatchNorm,
        Dropout,
        Flatten,
        Residual,
        Concat,
    )
}
