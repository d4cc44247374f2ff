"""An exponential moving average of a network's arrays over the steps of its training.

After step t = 0, 1, 2, ... of the training

    m_0 = w_0,    m_t = d_t m_(t-1) + (1 - d_t) w_t,    d_t = min(decay, (1 + t) / (10 + t))

with w_t the arrays after step t. An average of the weights along the path has less of the noise of single steps than
the latest weights and predicts better (Polyak and Juditsky 1992; exponential: Tarvainen and Valpola, NIPS 2017). The
decay starts small so that the first, bad weights are soon forgotten (the rule of TensorFlow's
`ExponentialMovingAverage`).

The running moments of batch normalisation are averaged in the same way. They are means over recent steps themselves;
averaged, they describe the activations of the same stretch of training as the averaged weights do, where the latest
ones alone would belong to the latest weights.
"""

from __future__ import annotations

from collections.abc import Mapping

from glassnet.nn.functional.arrays import Array
from glassnet.nn.kernels import updates
from glassnet.optim.optimisers import Places, run_update

__all__ = ["follow"]


def follow(mean: dict[str, Array], arrays: Mapping[str, Array], step: int, decay: float) -> None:
    """Take the arrays after step `step` (from 0) into `mean`, in place; an empty `mean` becomes a copy of them."""
    if not mean:
        mean.update({name: array.copy() for name, array in arrays.items()})
        return
    share = 1.0 - min(decay, (1.0 + step) / (10.0 + step))
    for dtype in {array.dtype: None for array in arrays.values()}:
        rows = [(mean[name], array) for name, array in arrays.items() if array.dtype == dtype]
        run_update(updates.average, rows, Places(), share)
