"""Why each finding matters, by its name: one sentence or two, the same whatever its numbers are."""

from __future__ import annotations

__all__ = ["WHY", "why"]

WHY: dict[str, str] = {
    # how bad it is
    "one-class": "A network that gives one answer has learned nothing from the pictures, whatever its accuracy.",
    "at-chance": "Guessing with the same frequencies does as well: nothing was learned that holds for other pictures.",
    "same-output": "Nothing of the pictures reaches the last layer; only its biases are trained.",
    "worse-in-evaluation": "The network that is used, and judged, is not the network that was trained.",
    "worse-than-means": "Where the simplest classifier does better, something keeps the network from learning.",
    # the network and its updates
    "same-units": "Units with equal weights get equal gradients and stay equal: the layer works as if it had one unit.",
    "no-update": "What never changes cannot learn.",
    "no-gradient": "A layer without a gradient keeps its random weights.",
    "frozen-layer": "The layer keeps its random weights, and the others must make do with what comes out of it.",
    "slow-layer": "The layer stays nearly as random as it began, however long the training takes.",
    "loss-not-finite": "Once a weight is not a number every later one is: nothing after that step can be used.",
    "rate-too-high": "Steps larger than the valley is wide land on the other side, higher up.",
    "rate-too-low": "The training ends long before it has arrived.",
    "clip-too-small": "A gradient that is always cut to the same length makes steps of the same, small length.",
    "eps-too-large": "The optimiser divides by the size of the gradients plus eps: a large eps makes its steps tiny.",
    "momentum-too-high": "Old gradients, of weights long left behind, outvote the present one.",
    # what was asked for
    "output-activation": "The loss cannot become small, and where the activation is flat no gradient comes back.",
    "no-activation": "Linear maps one after another are one linear map: depth adds weights and no ability.",
    "bottleneck": "What does not fit through the narrow layer is lost to all that come after it.",
    "dropout-too-strong": "What is left differs so much from step to step that the layers behind cannot rely on it.",
    "smoothing-too-strong": "The network is taught to be unsure, and the right class hardly stands out.",
    "class-weights": "A class that counts so much more is answered for pictures of the others.",
    "l2-too-strong": "Every step takes away more of the weights than the gradient of the loss adds.",
    "decay-too-strong": "Every step takes away more of the weights than the gradient of the loss adds.",
    "attack-too-strong": "In a picture that may become anything there is nothing left to learn.",
    "augmentation-too-strong": "The network learns pictures that nobody will show it, at the cost of those it is for.",
    # the course
    "schedule-ends-early": "Steps at a rate of next to nothing take as long as others and change nothing.",
    "schedule-starts-late": "Most of the training is made at a rate that is far too low.",
    "batch-too-small": "Steps that follow the noise of a few pictures take back what earlier ones gained.",
    "batch-too-large": "However good a gradient is, a few steps do not lead far.",
    "loss-oscillates": "The steps jump over what they look for, again and again.",
    "too-few-epochs": "More of the same training would have made it better.",
    # the batches
    "not-shuffled": "Steps on one class after the other undo each other; the last classes are remembered best.",
    "batches-repeat": "Pictures that no step sees teach nothing.",
    "labels-out-of-step": "The network is taught labels that belong to other pictures.",
    "augmented-evaluation": "Epochs are compared, and figures stated, on pictures that are not those of the set.",
    "preprocess-differs": "The network is used on something other than what it was trained on.",
    # the data
    "absent-classes": "A class that was never shown is never answered.",
    "few-pictures": "From a few pictures of a class a network learns these pictures and not the class.",
    "labels-random": "A network can learn any labels by heart; they help with no other picture.",
    "parts-differ": "Figures of pictures of another kind say nothing about the training.",
    "small-validation": "A figure of a few pictures is known to many points only, and the best epoch is luck.",
    # after the training
    "overfitting": "What was learned by heart does not help with other pictures.",
    "input-range": "Numbers far from 1 make the first layer's updates, or its outputs, far too large or too small.",
    "unexplained": "The change says where the cause lies, though no rule knows it.",
    "good": "",
}


def why(name: str) -> str:
    """Why a finding of this name matters; empty where it does not."""
    return WHY.get(name, "")
