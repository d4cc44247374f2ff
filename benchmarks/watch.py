"""The memory and time of `glassnet watch` on a long video.

    python benchmarks/watch.py                                   # 10 minutes of 1280x720 at 30 frames a second
    python benchmarks/watch.py --minutes 1 --model runs/mine     # a shorter one, another model

Makes the video (a view that wanders over a large picture, H.264), watches it in a process of its own with everything
that the command writes, and prints the largest memory of that process and the frames a second.
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

import av
import numpy as np
from PIL import Image

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


def main() -> None:
    """Make the video, watch it, print the figures as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--model", default="squeezenet-1.1")
    given = parser.parse_args()
    frames = round(given.minutes * 60 * RATE)
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "long.mp4"
        make_video(video, frames)
        command = [sys.executable, "-m", "glassnet", "watch", str(video), "--model", given.model]
        began = time.perf_counter()
        subprocess.run([*command, "--out", str(Path(folder) / "out")], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - began
        size = video.stat().st_size
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    found = {
        "video": f"{WIDTH}x{HEIGHT}, {RATE} frames a second, {given.minutes:g} minutes, {size / 1e6:.0f} MB",
        "model": given.model,
        "frames": frames,
        "peak_memory_mb": round(peak / 1e6),
        "seconds": round(seconds, 1),
        "frames_a_second": round(frames / seconds, 1),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
