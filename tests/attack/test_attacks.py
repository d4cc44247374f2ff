"""Attacks: against the exact answer, within their bounds, and honest about what they found."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.attack import (
    APGD,
    ATTACKS,
    FAB,
    FGSM,
    NORMS,
    PGD,
    Goal,
    GradientAscent,
    Square,
    Victim,
    exact_kind,
    exact_linear,
    exact_relu,
    parse_attack,
)
from glassnet.data import Preprocess
from glassnet.engines import Engine
from glassnet.errors import GlassnetError, ModelError, TrainingError
from glassnet.model import Model
from glassnet.nn import Network, SoftmaxCrossEntropy
from support.classifiers import digit_pictures, digits, linear_model, seen

EACH = [FGSM(), PGD(steps=20), PGD(steps=20, loss="dlr"), APGD(steps=20), APGD(steps=20, loss="dlr"), Square(steps=100),
        FAB(steps=8), GradientAscent(steps=200)]  # fmt: skip


def _run(attack, victim, stored, goal, word="linf", eps=0.1, seed=0):
    x = (stored / 255.0).astype(victim.dtype)
    return attack.run(victim, x, goal, NORMS[word], np.full(len(x), eps), np.random.default_rng(seed))


@pytest.mark.parametrize("word", NORMS)
@pytest.mark.parametrize("attack", EACH, ids=lambda a: a.notation())
@pytest.mark.parametrize("targeted", [False, True])
def test_pictures_stay_in_ball_and_box_and_are_never_less_fooling(attack, word: str, targeted: bool) -> None:
    victim = seen(digits())
    stored, labels = digit_pictures(40)
    goal = Goal(labels, (labels + 3) % 10 if targeted else None)
    eps = 0.25 if word == "linf" else 1.6
    x = _run(attack, victim, stored, goal, word, eps)
    assert x.dtype == np.float32 and x.shape == stored.shape and x.min() >= 0 and x.max() <= 1
    if attack.bounded:
        assert (NORMS[word].size(x.astype(np.float64) - stored / 255.0) <= eps * (1 + 1e-6)).all()
    before, after = goal.reached(victim.scores(stored)), goal.reached(victim.scores(x))
    if not isinstance(attack, FGSM):
        assert (after | ~before).all() and after.sum() > before.sum()


@pytest.mark.parametrize("attack", EACH, ids=lambda a: a.notation())
def test_equal_seeds_give_equal_pictures(attack) -> None:
    stored, labels = digit_pictures(12)
    first, second = (_run(attack, seen(digits()), stored, Goal(labels), seed=4) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("word", NORMS)
@pytest.mark.parametrize("attack", EACH, ids=lambda a: a.notation())
def test_one_picture_grey_or_coloured_and_batches_of_one_class(attack, word: str) -> None:
    rng = np.random.default_rng(2)
    for shape in ((1, 1, 1), (2, 3, 1), (5, 4, 3)):
        size = int(np.prod(shape))
        victim = seen(linear_model(rng.standard_normal((size, 3)), np.zeros(3), shape))
        for n in (1, 6):
            stored = rng.integers(0, 256, (n, *shape), np.uint8)
            x = _run(attack, victim, stored, Goal(np.zeros(n, np.int64)), word, 0.3)
            assert x.shape == stored.shape and np.isfinite(x).all()


# ---- the exact answer


@pytest.mark.parametrize("word", NORMS)
@pytest.mark.parametrize("pre", ["scale", "scale -> standardise", "scale -> invert -> multiply 3", "scale -> whiten"])
def test_the_smallest_change_of_a_linear_network_is_found(word: str, pre: str) -> None:
    rng = np.random.default_rng(3)
    model = linear_model(rng.standard_normal((6, 4)), rng.standard_normal(4), pre=pre)
    victim = seen(model, np.float64)
    x = rng.choice([0.0, 0.2, 0.5, 0.9, 1.0], (200, 2, 3, 1))
    labels = victim.scores(x).argmax(axis=1)
    exact = exact_linear(victim, x, labels, word)
    found = FAB().run(victim, x, Goal(labels), NORMS[word], np.ones(200), np.random.default_rng(0))
    reached = Goal(labels).reached(victim.scores(found))
    sizes = np.where(reached, NORMS[word].size(found - x), np.inf)
    assert (np.isfinite(sizes) == np.isfinite(exact.sizes)).all() and np.isfinite(sizes).sum() > 20
    there = np.isfinite(sizes)
    assert (sizes[there] >= exact.sizes[there] * (1 - 1e-9)).all()
    assert (sizes[there] - exact.sizes[there]).max() < 1e-7


@pytest.mark.parametrize("word", NORMS)
def test_the_closed_form_is_where_the_answer_turns(word: str) -> None:
    """No change a thousandth below it turns the answer, by an optimiser that knows nothing of the closed form."""
    from scipy import optimize

    rng = np.random.default_rng(5)
    weights, bias = rng.standard_normal((6, 3)), rng.standard_normal(3) * 0.1
    victim = seen(linear_model(weights, bias), np.float64)
    weights, bias = weights.astype(np.float32).astype(float), bias.astype(np.float32).astype(float)
    for x in rng.random((8, 6)):
        label = int((x @ weights + bias).argmax())
        exact = exact_linear(victim, x.reshape(1, 2, 3, 1), np.array([label]), word).sizes[0]
        best = np.inf
        for rival in set(range(3)) - {label}:
            a, h = weights[:, rival] - weights[:, label], bias[rival] - bias[label]
            if word == "linf":
                rows = [[*row, -1] for row in np.vstack([np.eye(6), -np.eye(6)])] + [[*-a, 0]]
                done = optimize.linprog(
                    np.append(np.zeros(6), 1), rows, [*np.zeros(12), h + a @ x],
                    bounds=[*zip(-x, 1 - x, strict=True), (0, None)],
                )  # fmt: skip
                best = min(best, done.fun if done.success else np.inf)
            else:
                done = optimize.minimize(
                    lambda d: d @ d, np.zeros(6), jac=lambda d: 2 * d, bounds=list(zip(-x, 1 - x, strict=True)),
                    constraints={"type": "ineq", "fun": lambda d, a=a, h=h, x=x: a @ (x + d) + h}, method="SLSQP",
                    options={"ftol": 1e-15, "maxiter": 500},
                )  # fmt: skip
                best = min(best, np.sqrt(done.fun) if done.success else np.inf)
        assert exact == pytest.approx(best, rel=1e-5)


def test_no_attack_is_below_the_exact_answer_of_a_relu_network_and_fab_is_near_it() -> None:
    victim = seen(digits("linear 16 -> relu -> linear"), np.float64)
    stored, labels = digit_pictures(15)
    x = stored / 255.0
    found = FAB(steps=40, restarts=3).run(victim, x, Goal(labels), NORMS["linf"], np.ones(15), np.random.default_rng(0))
    sizes = np.where(Goal(labels).reached(victim.scores(found)), NORMS["linf"].size(found - x), np.inf)
    bounded, loose = exact_relu(victim, x, labels, sizes), exact_relu(victim, x[:4], labels[:4])
    assert bounded.proved.all() and loose.proved.all()
    np.testing.assert_allclose(loose.sizes, bounded.sizes[:4], atol=1e-6)
    assert (sizes >= bounded.sizes - 1e-7).all()
    right = bounded.sizes > 0
    assert np.median(sizes[right] / bounded.sizes[right]) < 1.02
    rng = np.random.default_rng(1)
    for _ in range(300):  # nothing within the exact size turns the answer
        inside = np.clip(x + 0.999 * bounded.sizes[:, None, None, None] * rng.choice((-1, 1), x.shape), 0, 1)
        assert not Goal(labels).reached(victim.scores(inside))[right].any()


@pytest.mark.parametrize(
    "line",
    [
        "linear 6 -> linear 6 -> relu -> linear",
        "flatten -> linear 8 -> relu -> relu -> linear 5 -> relu -> linear 6 -> linear",
    ],
)
def test_layers_in_any_order_give_the_exact_answer(line: str) -> None:
    victim = seen(digits(line, epochs=15), np.float64)
    assert exact_kind(victim) == "relu"
    stored, labels = digit_pictures(8)
    x, goal = stored / 255.0, Goal(labels)
    found = FAB(steps=40, restarts=3).run(victim, x, goal, NORMS["linf"], np.ones(8), np.random.default_rng(0))
    sizes = np.where(goal.reached(victim.scores(found)), NORMS["linf"].size(found - x), np.inf)
    exact = exact_relu(victim, x, labels, sizes)
    right = ~goal.reached(victim.scores(x))
    assert right.any() and exact.proved.all() and (exact.sizes[right] > 1e-4).all()
    assert (sizes >= exact.sizes - 1e-7).all() and np.median(sizes[right] / exact.sizes[right]) < 1.1


def test_the_exact_answer_stops_when_its_time_is_up() -> None:
    victim = seen(digits("linear 16 -> relu -> linear"), np.float64)
    stored, labels = digit_pictures(4)
    found = exact_relu(victim, stored / 255.0, labels, total=0.0)
    right = ~Goal(labels).reached(victim.scores(stored))
    assert not found.proved[right].any() and np.isnan(found.sizes[right]).all()


def test_where_there_is_no_exact_answer_it_is_said() -> None:
    victim = seen(digits("conv 3x3, 4 -> relu -> linear", epochs=1), np.float64)
    assert exact_kind(victim) == ""
    assert exact_kind(seen(digits("linear 300 -> relu -> linear", epochs=1))) == ""
    assert exact_kind(seen(digits("relu -> linear", epochs=1))) == ""
    assert exact_kind(seen(digits("linear 10 -> relu", epochs=1))) == ""
    assert exact_kind(seen(digits("flatten -> linear 8 -> linear", epochs=1))) == "linear"
    stored, labels = digit_pictures(2)
    with pytest.raises(ModelError, match="linear in the pixels"):
        exact_linear(victim, stored / 255.0, labels, "l2")
    with pytest.raises(ModelError, match="linear and ReLU"):
        exact_relu(victim, stored / 255.0, labels)


# ---- what an attack sees


def test_preprocessing_inside_and_outside_gives_one_number() -> None:
    """The same network standardises by its preprocessing, or by its first layer."""
    stored, labels = digit_pictures(60)
    outside = digits("linear 16 -> relu -> linear", pre="scale -> standardise")
    arrays = outside.network.arrays()
    mean, std = (outside.preprocess.arrays()[f"2.standardise.{name}"] for name in ("mean", "std"))
    weight = arrays["1.linear.weight"] / std[0]
    inner = {
        **arrays,
        "1.linear.weight": weight,
        "1.linear.bias": arrays["1.linear.bias"] - mean[0] * weight.sum(axis=0),
    }
    network = Network("linear 16 -> relu -> linear 10", (8, 8, 1))
    network.load_arrays({name: array.astype(np.float32) for name, array in inner.items()})
    inside = Model(network, Preprocess.parse("scale"), (8, 8, 1), outside.class_names, SoftmaxCrossEntropy())
    both = [seen(model, np.float64) for model in (inside, outside)]
    for attack in (FGSM(), PGD(steps=10), APGD(steps=10), FAB(steps=5)):
        robust = [~Goal(labels).reached(v.scores(_run(attack, v, stored, Goal(labels)))) for v in both]
        assert robust[0].sum() == robust[1].sum()
    slopes = [v.input_gradient(stored / 255.0, lambda s, _: np.ones_like(s))[1] for v in both]
    np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-4, atol=1e-5)


def test_gradients_pass_through_every_kind_of_preprocessing() -> None:
    rng = np.random.default_rng(7)
    for pre in ("scale -> grey -> resize 4 4 -> standardise", "scale -> mean-image -> whiten 5", "scale -> invert"):
        shape = (6, 5, 3)
        preprocess = Preprocess.parse(pre).fit(rng.random((30, *shape)))
        network = Network("linear 7 -> tanh -> linear", preprocess.output_shape(shape), 3)
        model = Model(network, preprocess, shape, ("a", "b", "c"), SoftmaxCrossEntropy())
        victim = seen(model, np.float64)
        x, step = rng.random((4, *shape)), 1e-6 * rng.standard_normal((4, *shape))
        _, gradient = victim.input_gradient(x, lambda s, _: np.cos(s))
        slope = (np.sin(victim.scores(x + step)) - np.sin(victim.scores(x - step))).sum() / 2
        assert (gradient * step).sum() == pytest.approx(slope, rel=1e-6)


def test_batches_do_not_matter() -> None:
    model = digits()
    whole, small = seen(model), Victim.of(model)
    small.batch = 7
    stored, labels = digit_pictures(30)
    np.testing.assert_allclose(whole.scores(stored), small.scores(stored), rtol=1e-5, atol=1e-5)
    goal = Goal(labels)
    gradients = [
        v.input_gradient(stored / 255.0, lambda s, p: goal.take(p).loss("dlr", s)[1])[1] for v in (whole, small)
    ]
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-6)
    assert whole.passes == small.passes == 60


def test_an_engine_without_input_gradients_says_so() -> None:
    class Scores(Engine):
        def __init__(self, engine: Engine) -> None:
            self.engine, self.network, self.loss = engine, engine.network, engine.loss

        def scores(self, x):
            return self.engine.scores(x)

    victim = seen(digits())
    victim.engine = Scores(victim.engine)
    stored, labels = digit_pictures(8)
    with pytest.raises(TrainingError, match="Scores gives no gradient of its inputs"):
        _run(PGD(), victim, stored, Goal(labels))
    assert Goal(labels).reached(victim.scores(_run(Square(steps=200), victim, stored, Goal(labels), eps=0.3))).any()


def test_autoencoders_have_no_answer_to_turn() -> None:
    model = Model(Network("linear 64", (8, 8, 1)), Preprocess(), (8, 8, 1), ("x",), _squared_error())
    with pytest.raises(ModelError, match="no answer"):
        Victim.of(model)


def _squared_error():
    from glassnet.nn import SquaredError

    return SquaredError()


# ---- searches


def test_a_longer_random_search_never_finds_less() -> None:
    victim = seen(digits())
    stored, labels = digit_pictures(60)
    fooled = [
        Goal(labels).reached(victim.scores(_run(Square(steps=n), victim, stored, Goal(labels)))) for n in (20, 60, 200)
    ]
    assert (fooled[1] | ~fooled[0]).all() and (fooled[2] | ~fooled[1]).all() and fooled[2].sum() > fooled[0].sum()


def test_more_restarts_never_find_less() -> None:
    victim = seen(digits())
    stored, labels = digit_pictures(60)
    for kind in (PGD, APGD):
        few, many = (
            Goal(labels).reached(victim.scores(_run(kind(steps=5, restarts=n), victim, stored, Goal(labels))))
            for n in (1, 4)
        )
        assert (many | ~few).all()


def test_apgd_is_at_least_as_strong_as_pgd_and_both_than_fgsm() -> None:
    victim = seen(digits())
    stored, labels = digit_pictures(200)
    left = {
        attack.notation(): int((~Goal(labels).reached(victim.scores(_run(attack, victim, stored, Goal(labels))))).sum())
        for attack in (FGSM(), PGD(), APGD())
    }
    assert left["apgd"] <= left["pgd"] + 2 and left["pgd"] < left["fgsm"]


def test_climbing_does_not_stop_at_the_boundary() -> None:
    victim = seen(digits())
    stored, labels = digit_pictures(50)
    x, goal, eps = (stored / 255.0).astype(np.float32), Goal(labels), np.full(50, 0.2)
    stops = PGD(steps=10).run(victim, x, goal, NORMS["linf"], eps, np.random.default_rng(0))
    goes_on = PGD(steps=10).climb(victim, x, goal, NORMS["linf"], eps, np.random.default_rng(0))
    loss = [goal.loss("cross-entropy", victim.scores(found))[0].mean() for found in (stops, goes_on)]
    assert loss[1] > 1.5 * loss[0]
    assert (NORMS["linf"].size(goes_on.astype(float) - x) <= 0.2 * (1 + 1e-6)).all()


# ---- notation


@pytest.mark.parametrize(
    ("text", "attack", "eps"),
    [
        ("fab", FAB(), None),
        ("fgsm 8/255", FGSM(), 8 / 255),
        ("pgd 0.3, steps 7", PGD(steps=7), 0.3),
        ("pgd 0.3, steps 7, step-size 2/255, restarts 3, random-start off", PGD(7, 2 / 255, 3, False), 0.3),
        ("apgd 4/255, loss dlr, restarts 2", APGD(restarts=2, loss="dlr"), 4 / 255),
        ("square 0.1, steps 50", Square(50), 0.1),
        ("gradient-ascent, rate 0.5", GradientAscent(0.5), None),
    ],
)
def test_notation(text: str, attack, eps: float | None) -> None:
    found, size = parse_attack(text)
    assert found == attack and (size is None if eps is None else size == pytest.approx(eps))
    assert parse_attack(found.notation(size))[0] == attack


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pdg 0.1", "Did you mean 'pgd'"),
        ("pgd 0.1 0.2", "written 'pgd EPS"),
        ("pgd 0.1, steps 0", "'steps' of the attack 'pgd'"),
        ("pgd 0.1, steps x", "'steps' of the attack 'pgd'"),
        ("pgd 0.1, random-start maybe", "on or off"),
        ("pgd 0.1, loss accuracy", "cross-entropy, margin, rival, dlr"),
        ("pgd a", "0.3 or 8/255"),
        ("pgd 0.1 -> fgsm 0.1", "one of"),
        ("", "empty step"),
    ],
)
def test_wrong_notation_is_one_line(text: str, words: str) -> None:
    with pytest.raises(GlassnetError, match=words) as caught:
        parse_attack(text)
    assert "\n" not in str(caught.value)


def test_every_attack_is_in_the_table_and_says_how_it_is_written() -> None:
    assert set(ATTACKS) == {"gradient-ascent", "fgsm", "pgd", "apgd", "fab", "square"}
    for word, kind in ATTACKS.items():
        assert kind.usage().startswith(f"{word} EPS") and parse_attack(kind().notation())[0] == kind()
