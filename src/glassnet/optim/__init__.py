"""Optimisers and learning-rate schedules."""

from glassnet.optim.clip import clip_factor, global_norm
from glassnet.optim.optimisers import OPTIMIZERS, SGD, Adam, AdamW, Optimizer, RMSProp, make_optimizer
from glassnet.optim.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    Linear,
    OneCycle,
    Schedule,
    Steps,
    parse_schedule,
)

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "Exponential",
    "Linear",
    "OneCycle",
    "Optimizer",
    "RMSProp",
    "Schedule",
    "Steps",
    "clip_factor",
    "global_norm",
    "make_optimizer",
    "parse_schedule",
]
