"""Numba kernels behind the fast versions of the operations, and nothing else: no shapes are checked here.

All kernels release the GIL, are cached on disk and compiled for the processor they run on (`target`). Floating-point
shortcuts are limited to those that keep NaN and infinity visible (`FAST`): sums may be reordered, products and sums
contracted.
"""

from glassnet import compiling
from glassnet.nn.kernels import target  # noqa: F401  (before anything is compiled)

compiling.listen()
