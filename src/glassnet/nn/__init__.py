"""Networks: layers written by hand, one line of notation, one model file."""

from glassnet.nn.initialise import Initialisation
from glassnet.nn.layer import Layer
from glassnet.nn.layers import BatchNorm, Dropout, Flatten, Linear, ReLU, Sigmoid, Tanh
from glassnet.nn.loss import Hinge, Loss, SoftmaxCrossEntropy, SquaredError, parse_loss
from glassnet.nn.network import Network
from glassnet.nn.parameter import Parameter

__all__ = [
    "BatchNorm",
    "Dropout",
    "Flatten",
    "Hinge",
    "Initialisation",
    "Layer",
    "Linear",
    "Loss",
    "Network",
    "Parameter",
    "ReLU",
    "Sigmoid",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "Tanh",
    "parse_loss",
]
