"""Hints for mistyped words: given where a known word is near, and only there."""

from __future__ import annotations

import pytest

from glassnet.data import CATALOGUE
from glassnet.errors import nearest
from glassnet.imagenet import PRETRAINED
from glassnet.nn.named import NAMED
from glassnet.optim.optimisers import OPTIMIZERS

OPTIONS = ("--out", "--epochs", "--lr", "--model", "--seed", "--batch", "--json", "--help", "--set", "--validation")
COMMANDS = ("train", "evaluate", "predict", "look", "fool", "audit", "filter", "read", "check", "calculus", "data")
SETTINGS = ("epochs", "batch", "seed", "eval_every", "clip_norm", "lr", "beta1", "eps")


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("digist", CATALOGUE, "digits"),
        ("mnits", CATALOGUE, "mnist"),
        ("cifar", CATALOGUE, "cifar10"),
        ("flowers", CATALOGUE, "flowers17"),
        ("Digits", CATALOGUE, "digits"),
        ("lenet5", NAMED, "lenet-5"),
        ("resnet18", PRETRAINED, "resnet-18"),
        ("resnet", PRETRAINED, "resnet-18"),
        ("squeeznet-1.1", PRETRAINED, "squeezenet-1.1"),
        ("adamm", OPTIMIZERS, "adam"),
        ("momentun", OPTIMIZERS, "momentum"),
        ("trian", COMMANDS, "train"),
        ("evalute", COMMANDS, "evaluate"),
        ("preditc", COMMANDS, "predict"),
        ("--epohs", OPTIONS, "--epochs"),
        ("--ouput", OPTIONS, "--out"),
        ("--valdiation", OPTIONS, "--validation"),
        ("epoch", SETTINGS, "epochs"),
        ("batchsize", SETTINGS, "batch"),
        ("beta", SETTINGS, "beta1"),
        ("ep", SETTINGS, "eps"),
    ],
)
def test_typos(word: str, known: tuple[str, ...], meant: str) -> None:
    assert nearest(word, known) == f" Did you mean '{meant}'?"


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("nowhere", CATALOGUE),
        ("photos", CATALOGUE),
        ("fashion-mnist", CATALOGUE),
        ("my-pictures", CATALOGUE),
        ("cats", CATALOGUE),
        ("--gpu", OPTIONS),
        ("--device", OPTIONS),
        ("--verbose", OPTIONS),
        ("--workers", OPTIONS),
        ("--cuda", OPTIONS),
        ("help", ("read", "look", "fool")),
        ("install", COMMANDS),
        ("vit", NAMED),
        ("yolo", NAMED),
        ("lbfgs", OPTIMIZERS),
        ("momentum", SETTINGS),
        ("x", SETTINGS),
        ("", SETTINGS),
        ("lr", ()),
    ],
)
def test_other_words(word: str, known: tuple[str, ...]) -> None:
    assert nearest(word, known) == ""


def test_the_nearest_of_several() -> None:
    assert nearest("rel", ("relu", "residual", "rel2u")) == " Did you mean 'relu'?"
    assert nearest("ab", ("ba", "abc")) == " Did you mean 'abc'?"
    assert nearest("form", ("from", "forms")) == " Did you mean 'from'?", "the first of equals"
