"""The memory and time of `glassnet watch` on a long video, of its two passes: every frame classified, then drawn.

    python benchmarks/watch.py                                   # 10 minutes of 1280x720 at 30 frames a second
    python benchmarks/watch.py --minutes 0.5 --model runs/mine   # a shorter one, to try it; another model

Makes the video (a view that wanders over a large picture, H.264), watches it in a process of its own with everything
that the command writes, and prints the largest memory of that process in either pass and the frames a second. Where the
system has no `/proc/self/clear_refs` the peak cannot be set back between the passes: then the second is that of both.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from glassnet.actions.events import Events
from glassnet.actions.watch import watch

WIDTH, HEIGHT, RATE = 1280, 720, 30


def make_video(path: Path, frames: int) -> None:
    """Write `frames` frames of a view that wanders over a picture of soft noise."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (90, 160, 3), np.uint8))
    scene = np.asarray(coarse.resize((2 * WIDTH, 2 * HEIGHT), Image.Resampling.BICUBIC))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(frames):
            left = round((np.sin(number / 90) + 1) / 2 * WIDTH)
            top = round((np.cos(number / 130) + 1) / 2 * HEIGHT)
            view = np.ascontiguousarray(scene[top : top + HEIGHT, left : left + WIDTH])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(view, format="rgb24")))
        container.mux(stream.encode(None))


class Passes(Events):
    """Notices when the first frame is drawn: there the one pass ends and the other begins."""

    def __init__(self) -> None:
        self.began, self.classified, self.drawing = time.perf_counter(), 0, 0.0

    def progress(self, what: str, done: float, total: float | None, unit: str = "") -> None:
        """Take the peak of the first pass and set it back."""
        if not self.classified and " drawn of " in what:
            self.classified, self.drawing = peak(), time.perf_counter()
            set_back()


def peak() -> int:
    """The largest memory of this process, in bytes, since it was last set back."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def set_back() -> None:
    """Let the peak begin anew, where the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def passes(video: str, model: str, out: str) -> dict[str, Any]:
    """Watch a video in this process: peak and seconds of either pass."""
    events = Passes()
    watch(video, model, out=out, events=events)
    ended = time.perf_counter()
    return {
        "classifying": {"peak_memory_mb": round(events.classified / 1e6), "seconds": events.drawing - events.began},
        "drawing": {"peak_memory_mb": round(peak() / 1e6), "seconds": ended - events.drawing},
    }


def main() -> None:
    """Make the video, watch it, print the figures as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--model", default="squeezenet-1.1")
    parser.add_argument("--inside", nargs=2, metavar=("VIDEO", "OUT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(passes(given.inside[0], given.model, given.inside[1])))
        return
    frames = round(given.minutes * 60 * RATE)
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "long.mp4"
        make_video(video, frames)
        command = [sys.executable, __file__, "--model", given.model, "--inside", str(video), f"{folder}/out"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        size = video.stat().st_size
    found = json.loads(done.stdout.splitlines()[-1])
    for seen in found.values():
        seen["frames_a_second"] = round(frames / seen["seconds"], 1)
        seen["seconds"] = round(seen["seconds"], 1)
    what = f"{WIDTH}x{HEIGHT}, {RATE} frames a second, {given.minutes:g} minutes, {size / 1e6:.0f} MB"
    print(json.dumps({"video": what, "model": given.model, "frames": frames, **found}))


if __name__ == "__main__":
    main()
