"""The operations: pure functions `..._forward(x, ...) -> (y, cache)` and `..._backward(dy, cache) -> gradients`.

Each file holds one family: its derivation, a naive reference that reads like the formula (`..._naive`), and the fast
version that the layers call. Fast versions take `out` arrays so that a training step allocates nothing; without them
they allocate. Shapes are checked here, since the kernels below do not.
"""

from glassnet.nn.functional.activation import (
    relu_backward,
    relu_backward_naive,
    relu_forward,
    relu_forward_naive,
    sigmoid_backward,
    sigmoid_backward_naive,
    sigmoid_forward,
    sigmoid_forward_naive,
    tanh_backward,
    tanh_backward_naive,
    tanh_forward,
    tanh_forward_naive,
)
from glassnet.nn.functional.affine import (
    affine_backward,
    affine_backward_naive,
    affine_descend,
    affine_forward,
    affine_forward_naive,
)
from glassnet.nn.functional.dropout import (
    dropout_backward,
    dropout_backward_naive,
    dropout_forward,
    dropout_forward_naive,
    dropout_mask,
)
from glassnet.nn.functional.loss import (
    cross_entropy,
    cross_entropy_backward,
    cross_entropy_backward_naive,
    cross_entropy_naive,
    hinge,
    hinge_naive,
    softmax_backward,
    softmax_backward_naive,
    softmax_cross_entropy,
    softmax_cross_entropy_naive,
    softmax_forward,
    softmax_forward_naive,
    squared_error,
    squared_error_naive,
)
from glassnet.nn.functional.normalisation import (
    batchnorm_backward,
    batchnorm_backward_naive,
    batchnorm_forward,
    batchnorm_forward_naive,
    update_running_moments,
)

__all__ = [
    "affine_backward",
    "affine_backward_naive",
    "affine_descend",
    "affine_forward",
    "affine_forward_naive",
    "batchnorm_backward",
    "batchnorm_backward_naive",
    "batchnorm_forward",
    "batchnorm_forward_naive",
    "cross_entropy",
    "cross_entropy_backward",
    "cross_entropy_backward_naive",
    "cross_entropy_naive",
    "dropout_backward",
    "dropout_backward_naive",
    "dropout_forward",
    "dropout_forward_naive",
    "dropout_mask",
    "hinge",
    "hinge_naive",
    "relu_backward",
    "relu_backward_naive",
    "relu_forward",
    "relu_forward_naive",
    "sigmoid_backward",
    "sigmoid_backward_naive",
    "sigmoid_forward",
    "sigmoid_forward_naive",
    "softmax_backward",
    "softmax_backward_naive",
    "softmax_cross_entropy",
    "softmax_cross_entropy_naive",
    "softmax_forward",
    "softmax_forward_naive",
    "squared_error",
    "squared_error_naive",
    "tanh_backward",
    "tanh_backward_naive",
    "tanh_forward",
    "tanh_forward_naive",
    "update_running_moments",
]
