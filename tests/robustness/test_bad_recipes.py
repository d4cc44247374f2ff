"""Wrong recipes and flags: one line and status 2, the nearest known word suggested, and no run folder made."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from support.bad_input import is_refusal, refused, run

# The set does not exist, so that a recipe which is still right after a mutation ends in a refusal as well.
RECIPE = """title = "a recipe"
[data]
source = "digitz"
validation = 0.1
test = 0.2
train_limit = 200
[model]
network = "linear 32, init he -> batchnorm -> relu -> dropout 0.5 -> linear"
preprocess = "scale -> standardise"
loss = "softmax-cross-entropy, smoothing 0.1"
[optimizer]
name = "adam"
lr = 0.001
beta1 = 0.9
[train]
epochs = 3
batch = 64
l2 = 1e-4
clip = 1.0
seed = 3
patience = 2
schedule = "onecycle, warmup 0.3"
augment = "shift 2 -> rotate 10"
log_every = 5
threads = 1
"""
NUMBERS = {
    "data": ["validation", "test", "train_limit", "test_limit"],
    "optimizer": ["lr", "beta1", "beta2", "eps"],
    "train": [
        "epochs",
        "batch",
        "l2",
        "clip",
        "patience",
        "seed",
        "average",
        "log_every",
        "checkpoint_seconds",
        "threads",
    ],
}
TEXTS = {
    "data": ["source"],
    "model": ["network", "preprocess", "loss"],
    "optimizer": ["name"],
    "train": ["schedule", "augment"],
}


def setting_pairs(parts: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(part, name) for part, names in parts.items() for name in names]


def write(folder: Path, values: dict[str, Any]) -> Path:
    path = folder / "recipe.toml"
    path.write_bytes(tomli_w.dumps(values).encode())
    return path


def test_recipes_mutated_at_random(tmp_path: Path) -> None:
    rng = random.Random(0)
    path, raw = tmp_path / "recipe.toml", RECIPE.encode()
    for case in range(200):
        data = bytearray(raw)
        for _ in range(rng.choice((1, 1, 2, 5, 20))):
            place = rng.randrange(len(data))
            kind = rng.randrange(4)
            if kind == 0:
                data[place] = rng.randrange(256)
            elif kind == 1:
                del data[place : place + rng.choice((1, 3, 30))]
            elif kind == 2:
                data[place:place] = rng.choice(
                    (b"[", b"]", b'"', b"=", b"\n", b"'''", b"\0", b"\xff", b"[[x]]\n", b"1e999")
                )
            else:
                data[place:place] = data[place : place + 40]
        path.write_bytes(bytes(data))
        refused(case, "train", path, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_recipes_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    for length in range(0, len(RECIPE), 9):
        path.write_text(RECIPE[:length], encoding="utf-8")
        refused(length, "train", path, "--out", tmp_path / "run")


WRONG_NUMBERS = ["text", "", True, False, [1], [], {"a": 1}, float("nan"), float("inf"), -1, -0.5, -(2**70)]


@pytest.mark.parametrize(("part", "name"), setting_pairs(NUMBERS))
def test_numbers_of_a_wrong_type_or_outside_their_range(part: str, name: str, tmp_path: Path) -> None:
    whole = name in (
        "train_limit",
        "test_limit",
        "epochs",
        "batch",
        "patience",
        "seed",
        "average",
        "log_every",
        "threads",
    )
    for value in [*WRONG_NUMBERS, *([1.5, 2.0] if whole else [])]:
        values: dict[str, Any] = {"data": {"source": "digits"}, "optimizer": {"name": "adam"}}
        values.setdefault(part, {})[name] = value
        message = refused((part, name, value), "train", write(tmp_path, values), "--out", tmp_path / "run")
        assert name in message, message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("part", "name"), setting_pairs(TEXTS))
def test_texts_of_a_wrong_type_or_unknown(part: str, name: str, tmp_path: Path) -> None:
    for value in [
        1,
        1.5,
        True,
        [],
        ["linear"],
        {"a": "b"},
        "nonsense-word",
        "->",
        "a -> ",
        "(",
        "\x00",
        "🦊",
        "x" * 30_000,
    ]:
        values: dict[str, Any] = {"data": {"source": "digits"}}
        values.setdefault(part, {})[name] = value
        refused((part, name, value), "train", write(tmp_path, values), "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_parts_that_are_no_tables(tmp_path: Path) -> None:
    for part in ("data", "model", "optimizer", "train"):
        for value in ("digits", 3, True, [], [1], 2.5):
            values = {"data": {"source": "digits"}, part: value}
            refused((part, value), "train", write(tmp_path, values), "--out", tmp_path / "run")


@pytest.mark.parametrize(("part", "name"), [p for p in setting_pairs({**TEXTS, **NUMBERS}) if len(p[1]) > 2])
def test_an_unknown_key_is_answered_with_the_nearest(part: str, name: str, tmp_path: Path) -> None:
    typos = (name[:-1], name + "s", name[0] + name[2:], name[:2] + name[1:], name.replace("e", "3", 1))
    for typo in typos:
        if typo == name:
            continue
        values: dict[str, Any] = {"data": {"source": "digits"}, "optimizer": {"name": "adam"}}
        values.setdefault(part, {})[typo] = 1
        message = refused((part, typo), "train", write(tmp_path, values), "--out", tmp_path / "run")
        assert "Did you mean" in message, message


WORDS = {
    "--model": ("linear", "relu", "sigmoid", "tanh", "dropout", "batchnorm", "flatten"),
    "--optimizer": ("momentum", "nesterov", "rmsprop", "adamw"),
    "--schedule": ("constant", "exponential", "steps", "cosine", "onecycle"),
    "--loss": ("softmax-cross-entropy", "squared-error"),
    "--preprocess": ("scale", "invert", "mean-image", "standardise", "whiten", "resize"),
    "--augment": ("flip", "shift", "rotate", "elastic"),
}


@pytest.mark.parametrize(("flag", "word"), [(flag, word) for flag, words in WORDS.items() for word in words])
def test_an_unknown_word_is_answered_with_the_nearest(flag: str, word: str, tmp_path: Path) -> None:
    for place in range(1, len(word)):
        typo = word[:place] + "qz"[place % 2] + word[place + 1 :]
        message = refused((flag, typo), "train", "digits", flag, typo, "--out", tmp_path / "run")
        if len(word) > 5:
            assert f"Did you mean '{word}'" in message, message
    refused((flag, "data"), "train", "digist", "--out", tmp_path / "run", says="Did you mean 'digits'")
    assert not (tmp_path / "run").exists()


ABSURD = [
    ("--model", "linear 99999999999"),
    ("--model", "linear 99999999"),
    ("--model", "linear 5000000 -> relu -> linear"),
    ("--model", "linear 1e9"),
    ("--model", "linear -3"),
    ("--model", "linear 3.5"),
    ("--model", "linear nan"),
    ("--model", "linear 3 -> linear -> linear"),
    ("--model", "dropout 1"),
    ("--model", "dropout -0.1 -> linear"),
    ("--model", "dropout nan -> linear"),
    ("--model", "flatten -> conv 3x3, 4 -> linear"),
    ("--model", "flatten -> batchnorm, momentum 0 -> linear"),
    ("--model", "flatten -> batchnorm, momentum 0.1, momentum 0.1 -> linear"),
    ("--model", "flatten -> batchnorm, eps 0.1 0.2 -> linear"),
    ("--model", "linear, init"),
    ("--model", "linear, init gaussian"),
    ("--model", "linear, init gaussian 0"),
    ("--model", "linear, init gaussian 1e999"),
    ("--model", "linear, init he 3"),
    ("--model", "linear 3"),
    ("--model", "linear -> relu -> linear 10, init zeros, 5"),
    ("--model", " -> ".join(["relu"] * 5000)),
    ("--preprocess", "resize 999999999 1"),
    ("--preprocess", "whiten 99999999"),
    ("--augment", "shift 1e999"),
    ("--augment", "rotate nan"),
    ("--schedule", "exponential 2"),
    ("--schedule", "exponential nan"),
    ("--schedule", "steps 0"),
    ("--schedule", "steps 5, gamma -1"),
    ("--schedule", "cosine, floor 2"),
    ("--schedule", "onecycle, warmup 5"),
    ("--loss", "softmax-cross-entropy, smoothing 1"),
    ("--loss", "svm -> svm"),
    ("--lr", "-1"),
    ("--lr", "nan"),
    ("--lr", "inf"),
    ("--lr", "fast"),
    ("--epochs", "0"),
    ("--epochs", "1.5"),
    ("--epochs", "99999999999999999999"),
    ("--batch", "-1"),
    ("--batch", "many"),
    ("--l2", "-1"),
    ("--l2", "nan"),
    ("--clip", "0"),
    ("--validation", "inf"),
    ("--validation", "nan"),
    ("--validation", "1.5"),
    ("--validation", "-1"),
    ("--validation", "99999"),
    ("--validation", "1e300"),
    ("--validation", "1.0"),
    ("--validation", "200.0"),
    ("--validation", "2e2"),
    ("--validation", "half"),
    ("--validation", ""),
    ("--patience", "0"),
    ("--seed", "-1"),
    ("--seed", "99999999999999999999999"),
    ("--threads", "0"),
    ("--set", "optimizer.lr"),
    ("--set", "=3"),
    ("--set", "lr=3"),
    ("--set", "optimiser.lr=3"),
    ("--set", "optimizer.lr=[1,2]"),
    ("--set", "optimizer.beta1=1"),
    ("--set", "optimizer.nesterov=true"),
    ("--set", "optimizer.nesterov=no"),
    ("--set", "train.epochs=2.0"),
    ("--set", "data.test=1.0"),
    ("--schedule", "steps 1.7"),
    ("--schedule", "steps 2.0"),
    ("--set", "data.image_size=[8]"),
    ("--set", "data.image_size=[0,8]"),
    ("--set", "data.image_size=[8,8]"),
    ("--set", "data.train_limit=0"),
    ("--set", "data.validation=1.0"),
    ("--sweep", "optimizer.lr=0.1,fast"),
    ("--sweep", "optimizer"),
    ("--sweep", "nothing.here=1,2"),
    ("--frobnicate", "1"),
]


@pytest.mark.parametrize(("flag", "value"), ABSURD, ids=[f"{flag} {value[:40]}" for flag, value in ABSURD])
def test_absurd_values(flag: str, value: str, tmp_path: Path) -> None:
    refused((flag, value), "train", "digits", f"{flag}={value}", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


NOTATION = st.lists(
    st.sampled_from(
        (
            *("linear", "relu", "dropout", "batchnorm", "flatten", "->", "→", ",", "(", ")", "init", "gaussian", "he"),
            *("10", "-1", "0", "0.5", "nan", "1e9", "momentum", "eps", "\t", "linier", "99999999999", "x" * 50),
        )
    ),
    max_size=12,
).map(" ".join) | st.text(max_size=40).map(lambda text: text.replace("\0", ""))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(NOTATION)
@example("flatten")  # a network without parameters
def test_any_notation_is_checked_or_refused(text: str) -> None:
    found = run("check", "--input", "3x2x1", "--classes", "3", "--samples", "2", "--", text)
    assert (found.status == 0 and not found.err) or is_refusal(found), f"{text!r}: {found.err}"


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "linear"),
        ("check", "linear", "--input", "0x3x1"),
        ("check", "linear", "--input", "axbxc"),
        ("check", "linear", "--input", "3x3x3x3"),
        ("check", "linear", "--input", "999999x999999x999999"),
        ("check", "flatten", "--input", "999999x999999x999999"),
        ("check", "linear", "--input", "8x8x1", "--examples", "1"),
        ("check", "linear", "--input", "8x8x1", "--examples", "1000000000"),
        ("check", "linear", "--input", "8x8x1", "--examples", "100000000000000000000"),
        ("check", "linear", "--input", "8x8x1", "--classes", "0"),
        ("check", "linear", "--input", "8x8x1", "--classes", "1000000000"),
        ("check", "linear", "--input", "8x8x1", "--l2", "inf"),
        ("check", "linear", "--input", "8x8x1", "--loss", "hinge"),
        ("data", "get", "mnsit"),
        ("data", "show", "digits", "--count", "0"),
        ("data", "frob"),
        ("reproduce", "mnist-mpl"),
        ("reproduce", "--threads", "0", "mnist-mlp"),
        ("train",),
        ("train", "--resume", "nowhere"),
        ("train", "digits", "--resume", "nowhere"),
        ("evaluate", "nowhere", "digits"),
        ("predict", "nowhere", "x.png"),
        ("predict", "nowhere"),
        ("frobnicate",),
        ("train", "none.toml"),
        ("train", ""),
        ("train", "a\0b"),
        ("train", "x" * 5000),
        ("train", "digits", "--out", "a\0b"),
    ],
    ids=lambda arguments: " ".join(arguments)[:60].replace("\0", "NUL"),
)
def test_commands_with_wrong_arguments(arguments: tuple[str, ...]) -> None:
    refused(arguments, *arguments)
