"""Training on a folder of pictures larger than memory: peak memory, and speed beside the same pictures in memory.

    python -m benchmarks.streaming                  # a folder that stands for 20 GB, and 1,000 pictures for the speed
    python -m benchmarks.streaming --gigabytes 2 --steps 10

The large folder holds a few different JPEG files of 512x512 pixels and many symbolic links to them, so that the disk
holds a few MB, while every link is listed, opened and decoded like a file of its own. What is measured there is a
process that lists the folder, reads all headers, trains for some steps in the order of a shuffled epoch and evaluates
on a thousand pictures; its highest resident memory counts, the program included. The speed is that of a later epoch
over small pictures (128x128), whose decoding takes the largest share beside a network's work.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from glassnet import threads
from glassnet.data import MEMORY_SHARE, Augmentation, PictureFiles, Preprocess, epoch_order, load
from glassnet.data.memory import machine_memory
from glassnet.nn import Network, parse_loss
from glassnet.optim import make_optimizer
from glassnet.train import Trainer
from glassnet.train.feed import Feed

_DIFFERENT = 16
_BATCH = 50
_NETWORK = "conv 3x3, 16 -> relu -> maxpool 2 -> conv 3x3, 32 -> relu -> maxpool 2 -> flatten -> linear"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=20.0, help="what the large folder's pictures decode to")
    parser.add_argument("--steps", type=int, default=20, help="steps of training on the large folder")
    parser.add_argument("--pictures", type=int, default=1000, help="pictures of the comparison of speed")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)  # the folder, in the process that is measured
    options = parser.parse_args()
    if options.measure is not None:
        train_on(options.measure, options.steps)
        return
    with tempfile.TemporaryDirectory() as place:
        large = Path(place, "large")
        count = write_links(large, 512, round(options.gigabytes * 1e9 / (512 * 512 * 3)))
        print(f"{count:,} pictures of 512x512x3, {options.gigabytes:g} GB decoded; {_DIFFERENT} files, the rest links")
        command = [sys.executable, "-m", "benchmarks.streaming", "--steps", str(options.steps), "--measure", str(large)]
        subprocess.run(command, check=True)
        small = Path(place, "small")
        write_links(small, 128, options.pictures)
        compare(small)


def write_links(folder: Path, side: int, count: int) -> int:
    """Two classes of `count` pictures in all: a few JPEG files like photographs, and links to them."""
    rng = np.random.default_rng(0)
    files = []
    (folder.parent / f"files{side}").mkdir(parents=True)
    for number in range(_DIFFERENT):
        coarse = Image.fromarray(rng.integers(0, 256, (side // 16, side // 16, 3), np.uint8))
        files.append(folder.parent / f"files{side}" / f"{number}.jpg")
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(files[-1], quality=90)
    for label in range(2):
        (folder / f"class{label}").mkdir(parents=True)
        for number in range(count // 2):
            target = files[2 * (number % (_DIFFERENT // 2)) + label]
            (folder / f"class{label}" / f"{number:06d}.jpg").symlink_to(target)
    return count // 2 * 2


def train_on(folder: Path, steps: int) -> None:
    """Train for some steps on a folder that is streamed, evaluate, and print times and peak memory."""
    begun = time.perf_counter()
    share = MEMORY_SHARE if machine_memory() < 64e9 else 0.0
    train = load(folder, memory_share=share, validation=1000).train
    chosen = "chosen by its size" if share else "asked for: this machine's memory would hold it"
    if not isinstance(train.images, PictureFiles):
        chosen = "not chosen: the pictures fit into the share of memory"
    print(f"listed and all headers read in {time.perf_counter() - begun:.1f} s; streaming was {chosen}", flush=True)
    preprocess = Preprocess.parse("scale -> resize 64 64")
    trainer = _trainer(preprocess, train.image_shape)
    feed = Feed(train, preprocess, augmentation=Augmentation.parse("flip -> crop 8"))
    order = epoch_order(len(train), 0, 0)
    begun = time.perf_counter()
    for step in range(steps):
        trainer.step(*feed.take(order[step * _BATCH : (step + 1) * _BATCH], 0))
    seconds = time.perf_counter() - begun
    feed.close()
    part = train.subset(order[:1000])
    Feed(part, preprocess).take(np.arange(_BATCH), 0)
    print(f"{steps} steps of {_BATCH}: {steps * _BATCH / seconds:,.0f} pictures per second")
    print(f"part evaluated on: SHA-256 {part.sha256[:12]}; peak memory {_peak() / 1e6:,.0f} MB", flush=True)


def compare(folder: Path) -> None:
    """Print the speed of an epoch from memory and from files, and that their bits are the same."""
    results = {}
    for name, share in (("memory", 1.0), ("files", 0.0)):
        begun = time.perf_counter()
        data = load(folder, memory_share=share).train
        preprocess = Preprocess.parse("scale -> standardise").fit(data.images)
        loading = time.perf_counter() - begun
        trainer = _trainer(preprocess, data.image_shape)
        feed = Feed(data, preprocess, augmentation=Augmentation.parse("flip -> crop 4"))
        for epoch in range(2):  # the first compiles
            order = epoch_order(len(data), 0, epoch)
            begun = time.perf_counter()
            for start in range(0, len(order), _BATCH):
                trainer.step(*feed.take(order[start : start + _BATCH], epoch))
            seconds = time.perf_counter() - begun
        feed.close()
        results[name] = trainer.network.arrays()
        print(f"from {name}: loaded and fitted in {loading:.1f} s, then {len(data) / seconds:,.0f} pictures per second")
    same = all((results["memory"][key] == results["files"][key]).all() for key in results["memory"])
    print(f"the weights are {'the same bit for bit' if same else 'NOT the same'}; {threads.count()} threads")


def _trainer(preprocess: Preprocess, shape: tuple[int, int, int]) -> Trainer:
    network = Network(_NETWORK, preprocess.output_shape(shape), 2, seed=0)
    return Trainer(
        network, preprocess=preprocess, loss=parse_loss("softmax-cross-entropy"), optimizer=make_optimizer("adam")
    )


def _peak() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
