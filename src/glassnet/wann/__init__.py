"""Weight-agnostic networks: topologies that do well with one weight on all their connections, and what training adds.

Source: A. Gaier and D. Ha, "Weight Agnostic Neural Networks", NeurIPS 2019.
"""

from glassnet.wann.folder import Found
from glassnet.wann.graph import Graph
from glassnet.wann.judge import WEIGHTS, Judged, judge, judge_all, scores
from glassnet.wann.search import Examples, Plan, Search, examples_of

__all__ = [
    "WEIGHTS",
    "Examples",
    "Found",
    "Graph",
    "Judged",
    "Plan",
    "Search",
    "examples_of",
    "judge",
    "judge_all",
    "scores",
]
