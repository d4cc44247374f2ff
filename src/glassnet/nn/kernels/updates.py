"""An optimiser's step on all arrays of a network in one call, each array in one fused pass.

A network has dozens of arrays, most of them small, and a call costs more than the arithmetic on a small one. So a
kernel is given the addresses of all: row k of `places` (p, slots) those of w and of what belongs to it, `sizes` (p,)
their numbers of elements. Threads share the elements, not the arrays. `like` is an array of their dtype.

Every kernel reads the gradient as `g = clip * gradient + l2 * w`: `clip` is the factor of gradient clipping (1 where
nothing was clipped), `l2` (p,) the coefficient of the penalty 0.5 l2 |w|^2. `rates` (p,) are the learning rates.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numba.np.arrayobj import populate_array

from glassnet.nn.kernels.options import SERIAL, inner, njit
from glassnet.nn.kernels.sharing import shared
from glassnet.nn.kernels.vector import operation

# mypy: disable-error-code="no-untyped-def"


@operation
def _numbers_at(typing_context, address, begin, end, like):
    """The numbers `begin` ... `end` - 1 of those that lie from an address on, of the dtype of `like`."""
    kind = types.Array(like.dtype, 1, "C")

    def generate(context, builder, signature, arguments):
        number = context.get_data_type(like.dtype)
        array = context.make_array(kind)(context, builder)
        first = builder.gep(builder.inttoptr(arguments[0], number.as_pointer()), [arguments[1]])
        size = context.get_constant(types.intp, context.get_abi_sizeof(number))
        length = builder.sub(arguments[2], arguments[1])
        populate_array(array, data=first, shape=[length], strides=[size], itemsize=size, meminfo=None)
        return array._getvalue()

    word = types.int64
    return kind(word, word, word, like), generate


@inner
def _share(sizes, t, parts):
    """(begins (p,), ends (p,)) of share t within every array, the elements of all counted one after the other."""
    past = np.cumsum(sizes)
    total = past[-1]
    first, end = total * t // parts, total * (t + 1) // parts
    begins, ends = np.empty_like(sizes), np.empty_like(sizes)
    for k in range(sizes.size):
        at = past[k] - sizes[k]
        begins[k] = min(max(first - at, 0), sizes[k])
        ends[k] = max(min(end - at, sizes[k]), 0)
    return begins, ends


@shared
def sgd(like, places, sizes, rates, clip, l2, t, parts):
    begins, ends = _share(sizes, t, parts)
    for k in range(sizes.size):
        lo, hi = begins[k], ends[k]
        w, gradient = _numbers_at(places[k, 0], lo, hi, like), _numbers_at(places[k, 1], lo, hi, like)
        rate, decay = rates[k], l2[k]
        for i in range(w.size):
            w[i] -= rate * (clip * gradient[i] + decay * w[i])


@shared
def momentum(like, places, sizes, rates, clip, l2, mu, nesterov, t, parts):
    begins, ends = _share(sizes, t, parts)
    for k in range(sizes.size):
        lo, hi = begins[k], ends[k]
        w, gradient = _numbers_at(places[k, 0], lo, hi, like), _numbers_at(places[k, 1], lo, hi, like)
        v, rate, decay = _numbers_at(places[k, 2], lo, hi, like), rates[k], l2[k]
        if nesterov:
            for i in range(w.size):
                g = clip * gradient[i] + decay * w[i]
                v[i] = mu * v[i] + g
                w[i] -= rate * (g + mu * v[i])
        else:
            for i in range(w.size):
                v[i] = mu * v[i] + (clip * gradient[i] + decay * w[i])
                w[i] -= rate * v[i]


@shared
def rmsprop(like, places, sizes, rates, clip, l2, decay, eps, eps_inside, t, parts):
    begins, ends = _share(sizes, t, parts)
    one = like.dtype.type(1)
    inside, outside = (eps, eps * 0) if eps_inside else (eps * 0, eps)
    for k in range(sizes.size):
        lo, hi = begins[k], ends[k]
        w, gradient = _numbers_at(places[k, 0], lo, hi, like), _numbers_at(places[k, 1], lo, hi, like)
        s, rate, penalty = _numbers_at(places[k, 2], lo, hi, like), rates[k], l2[k]
        for i in range(w.size):
            g = clip * gradient[i] + penalty * w[i]
            s[i] = decay * s[i] + (one - decay) * g * g
            w[i] -= rate * g / (np.sqrt(s[i] + inside) + outside)


@shared
def adam(like, places, sizes, rates, clip, l2, beta1, beta2, eps, correction1, correction2, decays, t, parts):
    """decays (p,): coefficients of the weight decay that stands apart from the gradient."""
    begins, ends = _share(sizes, t, parts)
    one = like.dtype.type(1)
    for k in range(sizes.size):
        lo, hi = begins[k], ends[k]
        w, gradient = _numbers_at(places[k, 0], lo, hi, like), _numbers_at(places[k, 1], lo, hi, like)
        m, v = _numbers_at(places[k, 2], lo, hi, like), _numbers_at(places[k, 3], lo, hi, like)
        rate, penalty = rates[k], l2[k]
        keep = one - rate * decays[k]
        for i in range(w.size):
            g = clip * gradient[i] + penalty * w[i]
            m[i] = beta1 * m[i] + (one - beta1) * g
            v[i] = beta2 * v[i] + (one - beta2) * g * g
            w[i] = keep * w[i] - rate * (m[i] * correction1) / (np.sqrt(v[i] * correction2) + eps)


@shared
def average(like, places, sizes, share, t, parts):
    """mean <- (1 - share) mean + share w, for places (mean, w)."""
    begins, ends = _share(sizes, t, parts)
    for k in range(sizes.size):
        lo, hi = begins[k], ends[k]
        mean, w = _numbers_at(places[k, 0], lo, hi, like), _numbers_at(places[k, 1], lo, hi, like)
        for i in range(w.size):
            mean[i] += share * (w[i] - mean[i])


@njit(**SERIAL)
def sum_of_squares(x):
    """Sum of squares, accumulated in float64 by blocks of 4096."""
    total = 0.0
    for lo in range(0, x.size, 4096):
        part = x.dtype.type(0)
        for i in range(lo, min(lo + 4096, x.size)):
            part += x[i] * x[i]
        total += part
    return total
