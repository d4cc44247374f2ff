"""Figures of published rows that need no training: speeds, pages read, and the linear bound of an autoencoder."""

from __future__ import annotations

import importlib.util
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet import threads
from glassnet.attack import Victim, album, as_bytes, every_target, fool, pictures_of
from glassnet.check import check_network
from glassnet.data import find, load
from glassnet.data.catalogue import find_folder
from glassnet.errors import DataError
from glassnet.metrics import evaluate_reconstruction
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.nn.functional.arrays import Array
from glassnet.optim import Adam
from glassnet.processes import run_process
from glassnet.train import Trainer

if TYPE_CHECKING:
    from glassnet.experiments.run import Run

__all__ = ["fooled", "numeric_gradient_speed", "overfit", "pca_psnr", "read_pages", "softmax_loss_speed"]


def _median_seconds(work: Callable[[], Any], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def numeric_gradient_speed() -> dict[str, float]:
    """All 30,840 gradients of a 3072-10-10 network by central differences on 20 CIFAR-10 pictures (else random).

    Returns the median seconds of five checks (compiled before), those of the backward pass, and the mean absolute
    difference of the tensor where it is largest. L2 regularisation 1e-4 is included, as in the published row.
    """
    if find("cifar10") is not None:
        train = load("cifar10").train
        x, y = train.images[:20].reshape(20, -1) / 255.0, train.labels[:20]
    else:
        rng = np.random.default_rng(0)
        x, y = rng.random((20, 3072)), rng.integers(0, 10, 20)
    network = Network(
        "linear 10, init gaussian 0.01 -> relu -> linear 10, init gaussian 0.01", (3072,), dtype=np.float64
    )
    loss = SoftmaxCrossEntropy()

    def check() -> Any:
        return check_network(network, x, y, loss, l2=1e-4, input_gradient=False)

    result = check()
    dscores = np.empty((20, 10))

    def backprop() -> None:
        loss.run(network.run(x, train=True), y, dscores)
        network.run_backward(dscores)

    return {
        "numeric_seconds": _median_seconds(check, 5),
        "backprop_seconds": _median_seconds(backprop, 50),
        "gradients_checked": float(sum(row.entries for row in result.rows)),
        "mean_abs_difference_worst_tensor": max(row.mean_difference for row in result.rows),
    }


_TORCH_SOFTMAX = """
import json, statistics, sys, time, torch
torch.set_num_threads(int(sys.argv[1]))
generator = torch.Generator().manual_seed(0)
x = torch.rand(49000, 3072, generator=generator)
y = torch.randint(0, 10, (49000,), generator=generator)
layer = torch.nn.Linear(3072, 10)
times = []
for _ in range(7):
    start = time.perf_counter()
    layer.zero_grad()
    torch.nn.functional.cross_entropy(layer(x), y).backward()
    times.append(time.perf_counter() - start)
print(json.dumps(statistics.median(times[2:])))
"""


def softmax_loss_speed() -> dict[str, float]:
    """Loss and gradient of softmax regression on 49,000 pictures of 3,072 numbers, against PyTorch's autograd.

    Each side runs in turn, PyTorch in a process of its own; medians of five. The ratio (ours / PyTorch's) is left out
    when PyTorch is not installed.
    """
    found = {"seconds": _softmax_seconds()}
    if importlib.util.find_spec("torch") is not None:
        number = str(threads.count())
        done = run_process([sys.executable, "-c", _TORCH_SOFTMAX, number], {**os.environ, "OMP_NUM_THREADS": number})
        done.check_returncode()
        found["pytorch_autograd_seconds"] = float(done.stdout)
        found["ratio_to_pytorch"] = found["seconds"] / found["pytorch_autograd_seconds"]
    return found


def _softmax_seconds() -> float:
    rng = np.random.default_rng(0)
    x, y = rng.random((49_000, 3072), np.float32), rng.integers(0, 10, 49_000)
    network, loss = Network("linear 10", (3072,)), SoftmaxCrossEntropy()
    dscores = np.empty((len(x), 10), np.float32)

    def work() -> None:
        with threads.single_blas_thread():
            loss.run(network.run(x, train=True), y, dscores)
            network.run_backward(dscores)

    work()
    return _median_seconds(work, 5)


def overfit(run: Run, count: int, epochs: int = 10) -> float:
    """Training accuracy after 10 epochs on the first `count` training pictures alone, with a network made anew.

    A network that cannot learn so few pictures by heart has a mistake in it. Batches of 10, Adam with rate 1e-3.
    """
    few = run.splits.train.subset(np.arange(count))
    network = Network(run.recipe.model.network, run.model.network.input_shape, len(few.class_names))
    trainer = Trainer(network, preprocess=run.model.preprocess, optimizer=Adam(1e-3), epochs=epochs, batch=10)
    return trainer.fit(few).evaluate(few).accuracy


def pca_psnr(run: Run, components: int = 32) -> dict[str, float]:
    """PSNR of the evaluated pictures rebuilt from principal components of the training pictures: the linear bound."""
    from glassnet.classic import PCA

    def rows(images: Array) -> Array:
        return run.model.preprocess.transform(images).reshape(len(images), -1).astype(np.float64)

    train, test = (rows(np.asarray(part.images)) for part in (run.splits.train, run.evaluated))
    pca = PCA(components, solver="covariance").fit(train)
    rebuilt = pca.inverse_transform(pca.transform(test))
    return {"pca_psnr": evaluate_reconstruction(test, np.clip(rebuilt, 0, 1)).psnr}


def fooled(run: Run, count: int = 1000) -> dict[str, float]:
    """Fooling the network on `count` pictures that it gets right, each into every other class, as 8-bit PNG files.

    Returns the share of all attempts whose file, read again and predicted, is seen as the wanted class; the median
    length of the change, of pixels in [0, 1]; and the seconds from the pictures to the predictions of the files.
    """
    part, victim = run.evaluated, Victim.of(run.model)
    right = np.flatnonzero(victim.scores(as_bytes(np.asarray(part.images))).argmax(axis=1) == part.labels)[:count]
    at, targets = every_target(right, part.labels, victim.classes)
    began = time.perf_counter()
    found = fool(victim, *pictures_of(part, at), targets)
    with tempfile.TemporaryDirectory() as folder:
        survived = album.read_again(
            run.model, found, album.save(run.model, found, Path(folder), [f"{i:05d}" for i in at], attack="fab")
        )
    return {
        "fooled_all_targets": float((found.success & survived).mean()),
        "fooling_seconds": time.perf_counter() - began,
        "attempts": float(len(at)),
        "median_l2": float(np.median(found.l2[survived])),
    }


_PAGES = ("01_list", "02_letters", "03_haiku", "04_deep")


def read_pages() -> dict[str, float]:
    """Those of four photographed pages that are in `handwriting/pages`, read with default flags.

    Returns accuracy (1 - edits / characters, folded, without spaces), word error rate, pages and characters. Raises
    `DataError` where none of them is there.
    """
    from glassnet.data.pictures import is_picture_name
    from glassnet.reader import read
    from glassnet.reader.evaluate import compare, known_texts, summarise

    folder = find_folder("handwriting/pages")
    texts = [known for known in known_texts(folder) if known.file.stem in _PAGES] if folder else []
    texts = [known for known in texts if is_picture_name(known.file)]
    if not texts:
        raise DataError(
            f"None of the photographed pages ({', '.join(_PAGES)}; .jpg with .txt) is in handwriting/pages of a folder "
            "that GLASSNET_DATA names."
        )
    scores = [compare(known.file.stem, read(known.file).text, known.text) for known in texts]
    found = summarise(scores)
    return {
        "accuracy": 1 - found.character_error_rate,
        "word_error_rate": found.word_error_rate,
        "pages": float(len(texts)),
        "characters": float(sum(score.characters for score in scores)),
    }
