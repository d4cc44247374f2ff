"""Numba kernels behind the fast versions of the operations, and nothing else: no shapes are checked here.

All kernels release the GIL, are cached on disk and compiled for the processor they run on. Floating-point shortcuts
are limited to those that keep NaN and infinity visible (`FAST`): sums may be reordered, products and sums contracted.
"""

from glassnet import compiling

compiling.listen()
