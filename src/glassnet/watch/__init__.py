"""Every frame of a video: its classes over time, smoothed, what is right, drawn into a copy; photographs beside it."""

from glassnet.watch.annotated import write_annotated
from glassnet.watch.matching import MATCHED, compare_stills
from glassnet.watch.smoothing import MovingMean
from glassnet.watch.stills import Gap, Match, StillsBesideVideo
from glassnet.watch.timeline import Thumbnail, Timeline, Watched
from glassnet.watch.watching import expected_classes, watch_video

__all__ = [
    "MATCHED",
    "Gap",
    "Match",
    "MovingMean",
    "StillsBesideVideo",
    "Thumbnail",
    "Timeline",
    "Watched",
    "compare_stills",
    "expected_classes",
    "watch_video",
    "write_annotated",
]
