"""Nearest neighbours and principal components of MNIST: ours, scikit-learn's, and what the matrix products alone take.

    python -m benchmarks.classic                     # needs MNIST: GLASSNET_DATA, or glassnet data get mnist
    python -m benchmarks.classic --rounds 5 --threads 1

Each side runs in a process of its own, in turn; medians are printed. The products' time is that of float32 products of
the same sizes by NumPy's own BLAS on as many threads: no exact search can take less.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

SIDES = ("glassnet", "scikit-learn", "products")


def _mnist() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    from glassnet.data import load

    data = load("mnist")
    assert data.test is not None
    rows, queries = data.train.images.reshape(60_000, -1), data.test.images.reshape(10_000, -1)
    return rows, data.train.labels, queries, data.test.labels


def _timed(work) -> tuple[float, object]:  # type: ignore[no-untyped-def]
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def neighbours(side: str) -> dict[str, float]:
    rows, labels, queries, truth = _mnist()
    if side == "products":
        a, b = queries.astype(np.float32), rows.astype(np.float32).T.copy()
        out = np.empty((1000, 60_000), np.float32)
        np.matmul(a[:1000], b, out=out)
        seconds, _ = _timed(lambda: [np.matmul(a[s : s + 1000], b, out=out) for s in range(0, 10_000, 1000)])
        return {"seconds": seconds}
    if side == "glassnet":
        from glassnet.classic import KNNClassifier

        model = KNNClassifier(3).fit(rows, labels)
    else:
        from sklearn.neighbors import KNeighborsClassifier

        model = KNeighborsClassifier(3, algorithm="brute").fit(rows.astype(np.float32), labels)
        queries = queries.astype(np.float32)
    model.predict(queries[:64])
    seconds, found = _timed(lambda: model.predict(queries))
    return {"seconds": seconds, "accuracy": float((found == truth).mean())}


def components(side: str) -> dict[str, float]:
    rows = _mnist()[0]
    if side == "glassnet":
        from glassnet.classic import PCA

        PCA().fit(rows)
        seconds, found = _timed(lambda: PCA().fit(rows))
    elif side.startswith("scikit-learn"):
        from sklearn.decomposition import PCA as Theirs

        data = rows.astype(np.float64 if side.endswith("float64") else np.float32)
        Theirs(svd_solver="covariance_eigh").fit(data)
        seconds, found = _timed(lambda: Theirs(svd_solver="covariance_eigh").fit(data))
    else:
        single = rows.astype(np.float32)
        seconds, _ = _timed(lambda: single.T @ single)
        return {"seconds": seconds}
    from sklearn.decomposition import PCA as Reference

    exact = Reference(svd_solver="covariance_eigh").fit(rows.astype(np.float64)).explained_variance_
    gap = np.abs(found.explained_variance_ - exact).max() / exact[0]  # type: ignore[attr-defined]
    return {"seconds": seconds, "relative error": float(gap)}


TASKS = {"neighbours": neighbours, "components": components}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", choices=TASKS, action="append")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        task, side = options.worker
        print(json.dumps(TASKS[task](side)))
        return
    import sklearn

    print(f"{options.threads} threads, {options.rounds} rounds; scikit-learn {sklearn.__version__}")
    pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GLASSNET_THREADS")
    environment = os.environ | dict.fromkeys(pools, str(options.threads))
    for task in options.only or TASKS:
        sides = (*SIDES, "scikit-learn, float64") if task == "components" else SIDES
        found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
        for _ in range(options.rounds):
            for side in sides:
                command = [sys.executable, "-m", "benchmarks.classic", "--worker", task, side]
                output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
                found[side].append(json.loads(output.splitlines()[-1]))
        medians = {side: statistics.median(run["seconds"] for run in runs) for side, runs in found.items()}
        for side, runs in found.items():
            rest = ", ".join(f"{name} {value:.4g}" for name, value in runs[-1].items() if name != "seconds")
            print(f"{task}, {side}: {medians[side]:.2f} s" + (f"; {rest}" if rest else ""))
        print(f"  {medians['scikit-learn'] / medians['glassnet']:.2f} times as fast as scikit-learn; ", end="")
        print(f"{medians['products'] / medians['glassnet']:.0%} of the products' speed")


if __name__ == "__main__":
    main()
