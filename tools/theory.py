"""Build the pages of docs/theory: every number on them is computed here, and every claim is checked.

    python tools/theory.py                  # writes docs/theory/*.md and docs/images/theory-*.png

A page whose claim does not hold is not written: `claim` raises. A test builds the pages anew and compares.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from scipy import special

from glassnet.autodiff import evaluate, forward_mode, parse
from glassnet.classic import PCA, AffineFit, harris
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.optim import SGD
from glassnet.report.figures.style import BLUE, GREEN, GREY, ORANGE, dress, legend, new_figure, png_bytes

DOCS = Path(__file__).resolve().parent.parent / "docs"


def claim(holds: object, what: str) -> None:
    """Stop the build where a claim does not hold."""
    if not holds:
        raise AssertionError(f"this does not hold: {what}")


def _figure(images: Path, name: str, width: float, *draw: Callable[[Axes], None]) -> str:
    figure = new_figure(width, 3.6)
    for axes, how in zip(figure.subplots(1, len(draw), squeeze=False)[0], draw, strict=True):
        how(axes)
    images.mkdir(parents=True, exist_ok=True)
    (images / f"theory-{name}.png").write_bytes(png_bytes(figure, scale=1.5))
    return f"![{name}](../images/theory-{name}.png)"


def _listed(values: object, digits: int = 4) -> str:
    return ", ".join(f"{v:.{digits}f}" for v in np.ravel(np.asarray(values, float)))


# ---- the pages -------------------------------------------------------------------------------------------------------


def softmax(images: Path) -> str:
    scores = np.array([2060.0, 2000.0, 2080.0])
    with np.errstate(over="ignore", invalid="ignore"):
        naive = np.exp(scores) / np.exp(scores).sum()
    shifted = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    claim(np.isnan(naive).all() and np.allclose(shifted, special.softmax(scores)), "only the shifted form survives")
    small = np.array([1.0, 2.0, 3.0])
    moved = [special.softmax(small + c) for c in (0.0, -100.0, 1e6)]
    claim(all(np.allclose(m, moved[0], atol=1e-15) for m in moved), "softmax ignores a shift")
    jacobian = np.diag(moved[0]) - np.outer(moved[0], moved[0])
    graph = parse("; ".join(f"exp({z})/(exp(a)+exp(b)+exp(c))" for z in "abc"))
    automatic = forward_mode(graph, tuple(small)).jacobian
    claim(np.abs(jacobian - automatic).max() < 1e-15, "J = diag(p) - p p^T")
    claim(np.abs(jacobian.sum(axis=1)).max() < 1e-15, "rows of the Jacobian add up to 0")
    scaled = [special.softmax(small * t)[2] for t in (0.1, 1, 10)]
    return f"""# Softmax and translation

    p_i = e^(z_i) / sum_j e^(z_j)

**Adding a number to all scores changes nothing.** e^(z_i + c) = e^c e^(z_i), and e^c cancels. For the scores
{_listed(small, 0)} p = {_listed(moved[0])}; shifted by -100 or by 1,000,000 it is the same to 15 digits.

**So the largest score can be taken off first.** For the scores {_listed(scores, 0)} the formula as it stands gives
{_listed(naive)}, since e^2080 is more than a double holds. With 2080 taken off from all, every power is at most 1, and
p = {", ".join(f"{v:.3g}" for v in shifted)}.

**The derivative knows it, too.** dp_i / dz_j = p_i ([i = j] - p_j), or J = diag(p) - p p^T. A shift of all scores
is the direction (1, 1, 1), and J (1, 1, 1) = p - p (p_1 + p_2 + p_3) = 0: every row of J adds up to 0. Forward mode
through the formula (`glassnet.autodiff`) agrees with this J to {np.abs(jacobian - automatic).max():.0e}.

**Multiplying is not adding.** The scores times 0.1, 1 and 10 give the largest p {_listed(scaled, 3)}: a temperature,
which leaves the order as it is and changes how sure the answer is.
"""


def sigmoid_and_tanh(images: Path) -> str:
    x = np.linspace(-6, 6, 400)
    sigma, tanh = special.expit(x), np.tanh(x)
    claim(np.abs(np.tanh(x) - (2 * special.expit(2 * x) - 1)).max() < 1e-14, "tanh x = 2 sigmoid(2x) - 1")
    slope_s, slope_t = sigma * (1 - sigma), 1 - tanh**2
    graph = parse("sigmoid(x); tanh(x)")
    automatic = np.array([forward_mode(graph, (float(v),)).jacobian[:, 0] for v in x[::40]])
    claim(np.allclose(automatic, np.column_stack([slope_s, slope_t])[::40], atol=1e-15), "the slopes")
    claim(abs(slope_s.max() - 0.25) < 1e-4 and abs(slope_t.max() - 1) < 1e-3, "the largest slopes")
    rng = np.random.default_rng(0)
    z = rng.normal(size=100_000)
    means = special.expit(z).mean(), np.tanh(z).mean()
    claim(means[0] > 0.49 and abs(means[1]) < 0.01, "tanh is centred")

    def curves(axes: Axes) -> None:
        axes.plot(x, sigma, color=BLUE, label="sigmoid")
        axes.plot(x, tanh, color=ORANGE, label="tanh")
        dress(axes, title="The functions", xlabel="x", grid="both")
        legend(axes)

    def slopes(axes: Axes) -> None:
        axes.plot(x, slope_s, color=BLUE, label="sigmoid'")
        axes.plot(x, slope_t, color=ORANGE, label="tanh'")
        dress(axes, title="Their slopes", xlabel="x", grid="both")
        legend(axes)

    picture = _figure(images, "sigmoid-and-tanh", 9, curves, slopes)
    far = forward_mode(graph, (10.0,)).jacobian[:, 0]
    return f"""# Sigmoid and tanh

    sigmoid(x) = 1 / (1 + e^-x)         tanh(x) = 2 sigmoid(2x) - 1

They are one curve, stretched: on 400 points from -6 to 6 the second formula holds to 14 digits.

{picture}

**Slopes from values.** sigmoid' = s (1 - s), at most {slope_s.max():.2f}; tanh' = 1 - t^2, at most
{slope_t.max():.2f}. A layer of
sigmoids passes back at most a quarter of the gradient that comes to it, one of tanh all of it.

**Flat ends.** At x = 10 the slopes are {far[0]:.1e} and {far[1]:.1e}: a unit that far out has stopped learning.

**Centre.** Of 100,000 normal numbers the sigmoids have mean {means[0]:.3f} and the tanh {means[1]:.3f}. What
comes out of a
sigmoid is never negative, so all weights of the next unit are pushed up together or down together; tanh is
free of that.
"""


def zero_initialisation(images: Path) -> str:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 10)).astype(np.float64)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    losses: dict[str, list[float]] = {}
    spread: dict[str, float] = {}
    for name, notation in (
        ("zeros", "linear 8, init zeros -> tanh -> linear 2, init zeros"),
        ("equal", "linear 8 -> tanh -> linear 2"),
        ("random", "linear 8 -> tanh -> linear 2"),
    ):
        network = Network(notation, (10,), dtype=np.float64)
        if name == "equal":
            for parameter in network.parameters().values():
                parameter.value[...] = 0.1
        loss, optimizer = SoftmaxCrossEntropy(), SGD(0.5)
        losses[name] = []
        for _ in range(300):
            value, dscores = loss.loss(network.forward(x, train=True), y)
            losses[name].append(value)
            network.backward(dscores)
            optimizer.step(network.parameters())
        weight = next(iter(network.parameters().values())).value
        spread[name] = float(np.abs(weight - weight[:, :1]).max())
    claim(spread["zeros"] == 0 and spread["equal"] == 0 and spread["random"] > 0.5, "equal units stay equal")
    claim(losses["random"][-1] < 0.5 * losses["equal"][-1], "and cannot learn what takes several")

    def draw(axes: Axes) -> None:
        for (name, values), colour in zip(losses.items(), (GREY, ORANGE, BLUE), strict=True):
            axes.plot(values, color=colour, label=name)
        dress(axes, title="Loss", xlabel="step", grid="both")
        legend(axes)

    picture = _figure(images, "zero-initialisation", 6, draw)
    return f"""# Why weights must not start equal

A network 10 - 8 - 2 with tanh is to tell whether two of its inputs have the same sign. It is trained three
times, in all
else alike: all weights 0; all weights 0.1; random weights.

{picture}

**Zero.** With both layers 0 the hidden units are 0, so the second layer gets no gradient, and through weights of 0 none
goes back to the first. Only the last bias moves: after 300 steps the loss is {losses["zeros"][-1]:.4f} (it began at
{losses["zeros"][0]:.4f}, that is ln 2), and every weight of the first layer is still the same as its neighbour.

**Equal.** Units that begin equal get equal gradients: a unit's gradient depends on its own weights and inputs
alone, and
those are the same for all eight. After 300 steps the largest difference between two units' weights is
{spread["equal"]:g}. Eight
units do the work of one; the loss is {losses["equal"][-1]:.4f}.

**Random.** The units part ways, and the loss falls to {losses["random"][-1]:.4f}.

Biases may start at 0: it is enough that the weights differ.
"""


def vanishing_gradients(images: Path) -> str:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 64))
    y = rng.integers(0, 10, 100)
    depth, norms = 12, {}
    for name, init in (("sigmoid", "xavier"), ("tanh", "xavier"), ("relu", "he")):
        body = " -> ".join(f"linear 64, init {init} -> {name}" for _ in range(depth))
        network = Network(f"{body} -> linear 10", (64,), dtype=np.float64)
        _, dscores = SoftmaxCrossEntropy().loss(network.forward(x, train=True), y)
        network.backward(dscores)
        norms[name] = [float(np.linalg.norm(p.grad)) for n, p in network.parameters().items() if n.endswith("weight")]
    ratio = {name: values[0] / values[depth - 1] for name, values in norms.items()}
    claim(ratio["sigmoid"] < 1e-5 and ratio["tanh"] > 0.01 and ratio["relu"] > 0.05, "only sigmoids lose the gradient")

    def draw(axes: Axes) -> None:
        for (name, values), colour in zip(norms.items(), (ORANGE, BLUE, GREEN), strict=True):
            axes.plot(range(1, depth + 2), values, marker="o", markersize=4, color=colour, label=name)
        axes.set_yscale("log")
        dress(axes, title="Length of each layer's weight gradient", xlabel="layer", grid="both")
        legend(axes)

    picture = _figure(images, "vanishing-gradients", 6, draw)
    return f"""# Vanishing gradients

Reverse mode multiplies: the gradient of layer 1 is that of layer {depth} times a slope and a weight matrix for
each layer
between. Sigmoid's slope is at most 1/4 (see [sigmoid and tanh](sigmoid-and-tanh.md)). Measured on networks of {depth}
layers of 64 units, fresh from their initialisation (Xavier's; He's for ReLU), on 100 random examples:

{picture}

| | first layer's gradient / layer {depth}'s |
|---|---|
| sigmoid | {ratio["sigmoid"]:.1e} |
| tanh | {ratio["tanh"]:.2f} |
| ReLU | {ratio["relu"]:.2f} |

From layer to layer sigmoids keep {ratio["sigmoid"] ** (1 / (depth - 1)):.2f} of it. ReLU's slope is 1 wherever
a unit is on; He's weights
make up for the half that are off.
"""


def linear_networks(images: Path) -> str:
    network = Network("linear 16 -> linear 8 -> linear 3", (5,), dtype=np.float64)
    x = np.random.default_rng(0).normal(size=(50, 5))
    parameters = list(network.parameters().values())
    weights, biases = [p.value for p in parameters[::2]], [p.value for p in parameters[1::2]]
    product = weights[0] @ weights[1] @ weights[2]
    bias = (biases[0] @ weights[1] + biases[1]) @ weights[2] + biases[2]
    gap = float(np.abs(network.forward(x) - (x @ product + bias)).max())
    claim(gap < 1e-13, "three linear layers are one")
    data = np.random.default_rng(3).normal(size=(400, 6)) @ np.random.default_rng(4).normal(size=(6, 6))
    data -= data.mean(axis=0)
    pca = PCA(2).fit(data)
    best = float(((pca.inverse_transform(pca.transform(data)) - data) ** 2).mean())
    w = [np.random.default_rng(5).normal(0, 0.3, (6, 2)), np.random.default_rng(6).normal(0, 0.3, (2, 6))]
    for _ in range(20_000):
        error = data @ w[0] @ w[1] - data
        w = [w[0] - 0.01 * data.T @ (error @ w[1].T) / 400, w[1] - 0.01 * (data @ w[0]).T @ error / 400]
    reached = float(((data @ w[0] @ w[1] - data) ** 2).mean())
    claim(best - 1e-12 <= reached < best * 1.0001, "a linear autoencoder finds PCA's plane")
    fit = AffineFit().fit(data, data @ np.ones((6, 1)))
    claim(fit.n_iter_ < 2000, "and a single linear layer is a convex problem")
    return f"""# Linear networks

**Layers without activations are one layer.** (x A + a) B + b = x (A B) + (a B + b). A network 5 - 16 - 8 - 3 without
activations and the single layer multiplied out differ by at most {gap:.0e} on 50 random inputs.

**A linear autoencoder is PCA.** No map through two units reconstructs 400 random points of six features better than the
first two principal components, whose mean squared error is {best:.6f}. Gradient descent on a linear
autoencoder 6 - 2 - 6
reaches {reached:.6f}: the same plane, in other coordinates. That is why an autoencoder with activations is
compared with
PCA: what it reconstructs better, its activations did.

**With one layer the loss is convex,** and descent with the step that the curvature allows reaches the minimum
in {fit.n_iter_} steps
(`AffineFit`). With two it is not: (A, B) and (-A, -B) are equally good, and halfway between them lies 0, which is not.
"""


def harris_is_pca(images: Path) -> str:
    picture = np.zeros((64, 64))
    picture[24:, 24:] = 1
    found = harris(picture, window="box")
    places = {"flat": (10, 10), "edge": (24, 50), "corner": (24, 24)}
    rows = []
    for name, (x, y) in places.items():
        c = found.components(x, y)
        claim(c.kind == name, f"{name} at {x},{y}")
        first, second = c.variances
        response = first * second - 0.05 * (first + second) ** 2
        claim(abs(response - found.response[y, x]) < 1e-15, "det and trace from the variances")
        rows.append(f"| {name} | {x},{y} | {first:.5f} | {second:.5f} | {response:+.6f} |")
    claim(found.components(24, 24).variances[1] > 0.1 * found.components(24, 24).variances[0], "corner")
    graph = parse("a*u**2 + 2*b*u*v + c*v**2")
    claim(evaluate(graph, [1.0, 0.0, 1.0, 3.0, 4.0])[graph.outputs[0]] == 25, "the quadratic form")

    def draw(axes: Axes) -> None:
        gx, gy = np.gradient(picture, axis=1), np.gradient(picture, axis=0)
        for (name, (x, y)), colour in zip(places.items(), (GREY, BLUE, ORANGE), strict=True):
            window = (slice(y - 2, y + 3), slice(x - 2, x + 3))
            jitter = np.random.default_rng(0).normal(0, 0.012, (2, 25))
            axes.plot(
                gx[window].ravel() + jitter[0],
                gy[window].ravel() + jitter[1],
                "o",
                color=colour,
                label=name,
                markersize=4,
            )
        axes.set_aspect("equal", "datalim")
        dress(axes, title="Gradients in three windows", xlabel="g_x", ylabel="g_y", grid="both")
        legend(axes)

    shown = _figure(images, "harris", 6, draw)
    table = "\n".join(rows)
    return f"""# Harris corners are principal components

Move a small window by d = (u, v): brightness changes by about g . d at each pixel, g = (g_x, g_y) being the gradient
there, and the sum of squares over the window is d^T M d with

    M = sum w g g^T = [[a, b], [b, c]]

That is the covariance matrix of the gradients in the window (about 0, weighted by w): principal component analysis of a
cloud of two-dimensional points. Its eigenvalues are the variances along the two principal components.

{shown}

In a flat window the cloud is a point; on an edge it is a line, across the edge; at a corner it spreads both ways. (The
points are moved a little, so that equal ones can be seen.) Harris and Stephens saved the eigenvectors: with
the variances
l1 and l2, det M = l1 l2 and trace M = l1 + l2, so

    R = det M - k (trace M)^2 = l1 l2 - k (l1 + l2)^2

is large only where both are. On a bright square's corner, 3x3 box window, k = 0.05:

| | pixel | l1 | l2 | R |
|---|---|---|---|---|
{table}

`glassnet classic harris photo.jpg --at X,Y` shows the two components of any pixel.
"""


PAGES = {
    "softmax": softmax,
    "sigmoid-and-tanh": sigmoid_and_tanh,
    "zero-initialisation": zero_initialisation,
    "vanishing-gradients": vanishing_gradients,
    "linear-networks": linear_networks,
    "harris": harris_is_pca,
}


def _wrapped(text: str) -> str:
    """The text with its paragraphs filled anew; tables, formulas, headings and pictures stay."""
    blocks = []
    for block in text.strip().split("\n\n"):
        kept = block.startswith(("#", "|", "    ", "!"))
        blocks.append(block if kept else textwrap.fill(" ".join(block.split()), 118, break_long_words=False))
    return "\n\n".join(blocks) + "\n"


def build(docs: Path) -> list[Path]:
    """Write all pages and their pictures; returns the pages."""
    files = []
    (docs / "theory").mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        text = page(docs / "images")
        files.append(docs / "theory" / f"{name}.md")
        files[-1].write_text(_wrapped(text), encoding="utf-8")
    return files


if __name__ == "__main__":
    for file in build(DOCS if len(sys.argv) < 2 else Path(sys.argv[1])):
        print(file)
