"""Every frame of a video: its classes over time, smoothed, the share that is right, and a copy with labels drawn in."""

from glassnet.watch.annotated import write_annotated
from glassnet.watch.smoothing import MovingMean
from glassnet.watch.timeline import Thumbnail, Timeline, Watched
from glassnet.watch.watching import expected_classes, watch_video

__all__ = [
    "MovingMean",
    "Thumbnail",
    "Timeline",
    "Watched",
    "expected_classes",
    "watch_video",
    "write_annotated",
]
