"""Why each finding matters, by its name: one sentence or two, the same whatever its numbers are."""

from __future__ import annotations

__all__ = ["WHY", "why"]

WHY: dict[str, str] = {
    # how bad it is
    "one-class": "A network that gives one answer has learned nothing from the pictures, whatever its accuracy.",
    "at-chance": "Guessing with the same frequencies does as well: nothing was learned that holds for other pictures.",
    "same-output": "Nothing of the pictures reaches the last layer; only its biases are trained.",
    "reads-nothing": "A blank in every column is the first thing that is learned of lines, and says nothing of them.",
    "reads-little": "A text with more wrong characters than right ones is of no use yet.",
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
    # laws of the code
    "gradient-wrong": "Steps follow a gradient that is not that of the loss, and may still get somewhere.",
    "gradient-accumulates": "Steps follow the sum of old gradients instead of the present one.",
    "step-uphill": "Steps along the gradient make the loss larger.",
    "step-wrong": "The optimiser does something other than its name says, at other rates than were asked for.",
    "not-updated": "The parameter keeps its first values, and the others must make do with it.",
    "penalty-wrong": "Weights are held back by something other than was asked for.",
    "loss-wrong": "What is minimised, or reported, is not the loss that was asked for.",
    "loss-not-mean": "Gradients grow with the batch, or one example's with another's: the rate means something else.",
    "cross-talk": "An answer that depends on the other pictures of a batch cannot be repeated, and leaks their labels.",
    "forward-wrong": "The layer computes something other than its name says, and everything after it is built on that.",
    "forward-differs": "The network computes something other than its layers say.",
    "evaluation-random": "The same picture gets another answer each time, and figures are noise.",
    "training-mode-in-evaluation": "Evaluation with dropout or with the moments of a batch is of another network.",
    "evaluation-mode-in-training": "Dropout and batch normalisation do nothing in training.",
    "dropout-in-evaluation": "Answers are drawn at random, and worse than the network could give.",
    "dropout-off-in-training": "Dropout was asked for and does nothing.",
    "dropout-not-scaled": "The layers behind are given larger numbers in evaluation than in training.",
    "dropout-share-wrong": "Another share is dropped than was asked for.",
    "normalisation-wrong": "Batch normalisation does something other than normalise.",
    "batch-moments-in-evaluation": "The answer for a picture depends on which pictures come with it.",
    "running-moments-in-training": "What is trained is not normalised by its own batch, and its gradient is another.",
    "statistics-in-evaluation": "Whoever uses the network changes it.",
    "statistics-frozen": "Evaluation normalises by moments that are not those of the pictures.",
    "statistics-wrong": "Evaluation normalises by moments that are not those of the pictures.",
    "model-differs": "The file holds another network than the one that was trained.",
    "not-finite": "Whatever is computed from such numbers is none either.",
    # before the training
    "first-loss-high": "The first steps go into unlearning what the starting weights claim.",
    "vanishing": "What comes out hardly depends on the picture, and no gradient gets back.",
    "exploding": "Numbers grow from layer to layer, and gradients with them.",
    "saturated": "Where an activation is flat no gradient gets through.",
    "dead-units": "A unit that is 0 for every picture gets no gradient and stays 0.",
    "output-independent": "Nothing of the pictures reaches the scores.",
    "cannot-overfit": "What cannot learn twenty pictures by heart cannot learn thousands.",
    "initialisation-wrong": "The sizes of the starting weights do not fit the layers.",
    # the data
    "absent-classes": "A class that was never shown is never answered.",
    "few-pictures": "From a few pictures of a class a network learns these pictures and not the class.",
    "labels-disagree": "What is right in one part of the data is counted as wrong in the other.",
    "labels-random": "A network can learn any labels by heart; they help with no other picture.",
    "parts-differ": "Figures of pictures of another kind say nothing about the training.",
    "one-label": "Where all pictures are of one class there is nothing to tell apart.",
    "two-labels": "One picture cannot be of two classes: whichever is learned, the other is wrong.",
    "same-class-twice": "Two names for one class can only be guessed between.",
    "leak": "A picture that was trained on is remembered, and the figure says nothing about new ones.",
    "duplicates": "Pictures that are there many times count as many times.",
    "shortcut": "What gives the class away in these pictures need not be there in others.",
    "unrelated-labels": "Where labels have nothing to do with the pictures there is nothing to learn but the pictures.",
    "blank-pictures": "A picture of one colour shows no class.",
    "value-range": "The network is used on numbers of another size than it was trained on.",
    "inverted": "To a network the negative of a picture is another picture.",
    "grey-part": "The network is used on pictures without the colours that it learned by.",
    "swapped-channels": "Red is taken for blue: pictures were read in another order of colours.",
    "suspicious-labels": "Wrong labels are learned as well, and count as mistakes where there are none.",
    "imbalance": "A rare class costs next to nothing when it is never answered.",
    "other-proportions": "Accuracy is a mean over the classes as they are there, in other shares than in training.",
    "alike-names": "Two spellings of one class are told apart as if they were two.",
    "part-names": "Folders named train and test are parts of a set, not classes.",
    "unread-files": "Pictures that are not read are not learned.",
    "small-validation": "A figure of a few pictures is known to many points only, and the best epoch is luck.",
    # after the training
    "overfitting": "What was learned by heart does not help with other pictures.",
    "input-range": "Numbers far from 1 make the first layer's updates, or its outputs, far too large or too small.",
    "unexplained": "The change says where the cause lies, though no rule knows it.",
    "good": "",
}


def why(name: str) -> str:
    """Why a finding of this name matters; empty where it does not.

    Examples
    --------
    >>> from glassnet.doctor import why
    >>> print(why("cannot-overfit"))
    What cannot learn twenty pictures by heart cannot learn thousands.
    """
    return WHY.get(name, "")
