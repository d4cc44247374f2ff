"""Classical methods with scikit-learn's estimator interface."""

from glassnet.classic.affine import AffineFit
from glassnet.classic.bag_of_words import BagOfWords
from glassnet.classic.harris import Corners, harris
from glassnet.classic.neighbours import KNNClassifier
from glassnet.classic.network import NetworkClassifier
from glassnet.classic.pca import PCA
from glassnet.classic.softmax import SoftmaxRegression
from glassnet.classic.words_classifier import BagOfWordsClassifier

__all__ = [
    "PCA",
    "AffineFit",
    "BagOfWords",
    "BagOfWordsClassifier",
    "Corners",
    "KNNClassifier",
    "NetworkClassifier",
    "SoftmaxRegression",
    "harris",
]
