"""Metrics: how good a network is, each figure with the interval it is known to."""

from glassnet.metrics.blocks import SeriesMean, block_interval, block_length, series_mean
from glassnet.metrics.classification import ClassScore, Confusion, Evaluation, confusion_matrix, evaluate
from glassnet.metrics.difference import Difference, difference_by_parts, paired_difference
from glassnet.metrics.image import (
    Reconstruction,
    evaluate_reconstruction,
    evaluate_reconstruction_in_pieces,
    mean_psnr,
    psnr,
    psnr_per_image,
)
from glassnet.metrics.intervals import (
    Interval,
    bootstrap_interval,
    difference_interval,
    normal_interval,
    wilson_interval,
)
from glassnet.metrics.paired import McNemar, holm, mcnemar
from glassnet.metrics.plan import more_pictures, more_seeds
from glassnet.metrics.quality import blockiness, blur, brightness, contrast, noise
from glassnet.metrics.regression import mean_squared_error
from glassnet.metrics.reliability import Calibration, best_temperature, calibration
from glassnet.metrics.texts import ErrorRate, Transcription, error_rate, evaluate_transcription

__all__ = [
    "Calibration",
    "ClassScore",
    "Confusion",
    "Difference",
    "ErrorRate",
    "Evaluation",
    "Interval",
    "McNemar",
    "Reconstruction",
    "SeriesMean",
    "Transcription",
    "best_temperature",
    "block_interval",
    "block_length",
    "blockiness",
    "blur",
    "bootstrap_interval",
    "brightness",
    "calibration",
    "confusion_matrix",
    "contrast",
    "difference_by_parts",
    "difference_interval",
    "error_rate",
    "evaluate",
    "evaluate_reconstruction",
    "evaluate_reconstruction_in_pieces",
    "evaluate_transcription",
    "holm",
    "mcnemar",
    "mean_psnr",
    "mean_squared_error",
    "more_pictures",
    "more_seeds",
    "noise",
    "normal_interval",
    "paired_difference",
    "psnr",
    "psnr_per_image",
    "series_mean",
    "wilson_interval",
]
