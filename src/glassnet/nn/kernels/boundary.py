"""The least change by which a linear function rises so much within the box [0, 1]."""

from __future__ import annotations

from glassnet.nn.kernels.options import SERIAL, njit

# mypy: disable-error-code="no-untyped-def"


@njit(**SERIAL)
def least_change(slope, start, rise, squared, steps, change, possible):
    """change[i] (n, d), the least with slope[i] . change[i] = rise[i] and 0 <= start[i] + change[i] <= 1.

    With r_j the room of coordinate j and t_j = |slope_j| (`squared`: the l2 norm) or 1 (linf), |change_j| = min(k t_j,
    r_j) for the least k with g(k) = sum_j |slope_j| min(k t_j, r_j) = rise. g is concave and of straight pieces, so
    Newton's method from 0 ends at the root, from below. `possible` says whether there is one; all the room is used
    where there is none. Sums are in float64.
    """
    n, d = slope.shape
    for i in range(n):
        a, x, out = slope[i], start[i], change[i]
        reach = 0.0
        for j in range(d):
            reach += a[j] * (1.0 - x[j]) if a[j] > 0 else -a[j] * x[j]
        possible[i] = reach >= rise[i]
        wanted = rise[i]
        k = 0.0
        if wanted > 0 and possible[i]:
            for _ in range(steps):
                risen, growing = 0.0, 0.0
                for j in range(d):
                    steep = abs(a[j])
                    room = 1.0 - x[j] if a[j] > 0 else x[j]
                    t = steep if squared else 1.0
                    if k * t < room:
                        risen += steep * k * t
                        growing += steep * t
                    else:
                        risen += steep * room
                missing = wanted - risen
                if missing <= 1e-15 * wanted or growing <= 0.0:
                    break
                further = k + missing / growing
                if further <= k:
                    break
                k = further
        for j in range(d):
            steep = abs(a[j])
            room = 1.0 - x[j] if a[j] > 0 else x[j]
            size = room
            if possible[i]:
                size = min(room, k * (steep if squared else 1.0))
            if a[j] > 0:
                out[j] = size
            elif a[j] < 0:
                out[j] = -size
            else:
                out[j] = 0.0
