"""Networks: layers written by hand, one line of notation, one model file."""

from glassnet.nn.choices import Choices
from glassnet.nn.initialise import Initialisation
from glassnet.nn.layer import Layer
from glassnet.nn.layers import (
    AveragePool,
    BatchNorm,
    Concat,
    Conv,
    DepthwiseConv,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Linear,
    MaxPool,
    ReLU,
    ReLU6,
    Residual,
    Sigmoid,
    Tanh,
)
from glassnet.nn.loss import CTC, Hinge, Loss, SoftmaxCrossEntropy, SquaredError, parse_loss
from glassnet.nn.network import Network
from glassnet.nn.parameter import Parameter
from glassnet.nn.plan import Plan

__all__ = [
    "CTC",
    "AveragePool",
    "BatchNorm",
    "Choices",
    "Concat",
    "Conv",
    "DepthwiseConv",
    "Dropout",
    "Flatten",
    "GlobalAveragePool",
    "Hinge",
    "Initialisation",
    "Layer",
    "Linear",
    "Loss",
    "MaxPool",
    "Network",
    "Parameter",
    "Plan",
    "ReLU",
    "ReLU6",
    "Residual",
    "Sigmoid",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "Tanh",
    "parse_loss",
]
