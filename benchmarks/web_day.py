"""A day of use of the page of `glassnet open` in some minutes: is its memory level, and is anything left behind?

    python -m benchmarks.web_day MODEL [--drawings 2000] [--uploads 50] [--trainings 10]

MODEL is a model file or a run folder. Drawings are shown to it, pictures dropped, trainings on digits started, every
second one stopped on its way; the memory of the server's process (its resident set) is printed after each tenth of all.
In the end the server is interrupted, and processes that are still there are counted.
"""

from __future__ import annotations

import argparse
import io
import json
import signal
import subprocess
import sys
import time

import httpx2 as httpx
import numpy as np
import psutil
from PIL import Image

SIDE = 140


def stroke(rng: np.random.Generator) -> bytes:
    """A drawing of one line, a byte a pixel."""
    sheet = np.full((SIDE, SIDE), 255, np.uint8)
    (top, bottom), (left, right) = (np.sort(rng.integers(10, SIDE - 10, 2)) for _ in range(2))
    sheet[top : bottom + 8, left : right + 8] = 0
    return sheet.tobytes()


def train(client: httpx.Client, data: str, stop: bool) -> str:
    """Train, or stop on the way; how it ended."""
    settings = {"model.network": "linear 16 -> relu -> linear", "train.epochs": 900 if stop else 5}
    id = client.post("train", params={"data": data}, content=json.dumps(settings)).json()["id"]
    told = False
    while True:
        job = next(each for each in client.get("trainings").json()["trainings"] if each["id"] == id)
        if job["state"] in ("finished", "stopped", "failed"):
            return str(job["state"])
        if stop and job["state"] == "training" and not told:
            client.post("tell", params={"training": id, "word": "stop"})
            told = True
        time.sleep(0.1)


def main() -> None:
    """Start the page, use it, print its memory and what is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    for name, count in (("drawings", 2000), ("uploads", 50), ("trainings", 10)):
        parser.add_argument(f"--{name}", type=int, default=count)
    given = parser.parse_args()
    command = [sys.executable, "-m", "glassnet", "open", given.model, "--no-browser", "--json"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    lines = [server.stdout.readline() for _ in range(4)]
    opened, process, rng = json.loads(lines[-1]), psutil.Process(server.pid), np.random.default_rng(0)
    shown: list[str] = []
    with httpx.Client(base_url=opened["address"], timeout=60) as client:
        data = next(each["id"] for each in client.get("choices").json()["data"] if each["name"] == "digits")
        for tenth in range(10):
            for _ in range(given.drawings // 10):
                query = {"model": opened["first"], "width": SIDE, "height": SIDE}
                client.post("react", params=query, content=stroke(rng)).raise_for_status()
            for _ in range(given.uploads // 10):
                file = io.BytesIO()
                Image.fromarray(rng.integers(0, 255, (600, 800, 3), dtype=np.uint8)).save(file, "JPEG")
                client.post("pictures", params={"name": "photo.jpg"}, content=file.getvalue()).raise_for_status()
            ends = [train(client, data, stop=bool((tenth + k) % 2)) for k in range(given.trainings // 10)]
            memory = process.memory_info().rss / 2**20
            shown.append(f"{tenth + 1:>2}/10: {memory:.0f} MB, {process.num_threads()} threads, trainings {ends}")
            print(shown[-1], flush=True)
    children = process.children(recursive=True)
    server.send_signal(signal.SIGINT)
    status = server.wait(60)
    left = [each for each in children if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    print(f"Ctrl-C: exit status {status}, {len(left)} processes left behind")


if __name__ == "__main__":
    main()
