"""What is written is read as the very same numbers: `parse(x.notation())` is x for everything that has a notation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glassnet.data import Augmentation, Preprocess
from glassnet.data.augment_steps import AugmentStep
from glassnet.data.reading import Reading
from glassnet.data.steps import Multiply, Resize, Whiten
from glassnet.errors import GlassnetError, NotationError, RecipeError
from glassnet.nn import Network, SoftmaxCrossEntropy, SquaredError, parse_loss
from glassnet.nn.build import layers_from
from glassnet.nn.layers import BatchNorm, Conv, DepthwiseConv, Dropout, Linear
from glassnet.notation import as_real, as_whole, real_text
from glassnet.optim import parse_schedule, schedules

SHARES = st.floats(0, 1)
INSIDE = st.floats(0, 1, exclude_min=True, exclude_max=True)
COUNTS = st.integers(1, 5000)
GAUSSIAN = st.floats(0, exclude_min=True, allow_infinity=False).map(lambda scale: f"gaussian {scale!r}")
INITS = st.sampled_from(["he", "xavier", "zeros", None]) | GAUSSIAN


def settings_of(made: Any) -> dict[str, Any]:
    """What distinguishes two objects of one class that were not built yet."""
    hidden = ("parameters", "state", "branches", "workspace", "arena", "dtype", "_rng", "_found", "input_shape")
    return {"class": type(made)} | {name: value for name, value in vars(made).items() if name not in hidden}


@settings(deadline=None)
@given(st.floats(allow_nan=False))
@example(0.001)
@example(2.0)
@example(1e-5)
@example(1e22)
@example(0.1 + 0.2)
@example(-0.0)
def test_numbers_come_back_to_the_bit(value: float) -> None:
    text = real_text(value)
    assert float(text).hex() == value.hex() and as_real(text).hex() == value.hex()
    assert not text.endswith(".0") and len(text.split()) == 1


def test_numbers_are_written_as_people_write_them() -> None:
    written = [real_text(value) for value in (0.001, 2.0, 0.1, 1e-5, 255, np.float32(0.5), 0.30000000000000004)]
    assert written == ["0.001", "2", "0.1", "1e-05", "255", "0.5", "0.30000000000000004"]


@pytest.mark.parametrize("wrong", [True, False, None, "", "x", "1_0", [1], (1,), 1j, "1,5", np.True_])
def test_what_is_no_number_is_none(wrong: Any) -> None:
    assert np.isnan(as_real(wrong)) and as_whole(wrong) is None


@pytest.mark.parametrize("broken", [1.7, 1.0, "1.7", "1.0", "1e3", np.float64(2), "٣", "9" * 5000])
def test_nothing_is_cut_to_a_whole_number(broken: Any) -> None:
    assert as_whole(broken) is None


@pytest.mark.parametrize(("given", "whole"), [(3, 3), ("3", 3), ("+3", 3), ("-2", -2), (np.int16(7), 7), ("007", 7)])
def test_whole_numbers(given: Any, whole: int) -> None:
    found = as_whole(given)
    assert found == whole and type(found) is int


LAYERS = st.one_of(
    st.builds(BatchNorm, st.floats(0, 1, exclude_min=True), INSIDE),
    st.builds(Dropout, st.floats(0, 1, exclude_max=True), st.booleans()),
    st.builds(Linear, COUNTS, INITS),
    st.builds(
        lambda size, count, stride, pad, groups, bias, init: Conv(
            size, count, stride=stride, pad=pad, groups=groups, bias=bias, init=init
        ),
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
        COUNTS,
        st.integers(1, 5) | st.tuples(st.integers(1, 5), st.integers(1, 5)),
        st.integers(0, 5) | st.tuples(*[st.integers(0, 5)] * 4) | st.just("same"),
        COUNTS,
        st.booleans(),
        INITS,
    ),
    st.builds(lambda size, count, init: DepthwiseConv(size, count, init=init), st.integers(1, 9), COUNTS, INITS),
)


@settings(deadline=None)
@given(LAYERS)
@example(BatchNorm(0.1234567891, 1.23456789e-6))
@example(Dropout(0.123456789))
@example(Linear(3, "gaussian 0.0123456789"))
def test_layers_come_back(layer: Any) -> None:
    (again,) = layers_from(layer.notation())
    assert settings_of(again) == settings_of(layer)
    assert again.notation() == layer.notation()


SCHEDULES = st.one_of(
    st.builds(schedules.Constant),
    st.builds(schedules.Exponential, SHARES),
    st.builds(lambda epochs, gamma: schedules.Steps(*epochs, gamma=gamma), st.lists(COUNTS, min_size=1), SHARES),
    st.builds(schedules.Cosine, SHARES),
    st.builds(schedules.OneCycle, SHARES, SHARES, SHARES),
    st.builds(schedules.Linear, SHARES, SHARES, SHARES),
)


@settings(deadline=None)
@given(SCHEDULES)
@example(schedules.Exponential(0.9876543211))
@example(schedules.OneCycle(0.3, 1 / 3, 1.23456789e-7))
def test_schedules_come_back(schedule: schedules.Schedule) -> None:
    assert settings_of(parse_schedule(schedule.notation())) == settings_of(schedule)


@settings(deadline=None)
@given(st.builds(SoftmaxCrossEntropy, st.floats(0, 1, exclude_max=True)) | st.just(SquaredError("half")))
@example(SoftmaxCrossEntropy(0.123456789))
def test_losses_come_back(loss: Any) -> None:
    assert settings_of(parse_loss(loss.notation())) == settings_of(loss)


STEPS = st.lists(
    st.one_of(
        st.builds(Multiply, st.floats(1e-29, 1e29) | st.floats(-1e29, -1e-29)),
        st.builds(Resize, st.integers(1, 4096), st.integers(1, 4096)),
    ),
    max_size=3,
)
WHITENING = st.lists(st.builds(Whiten, st.none() | st.integers(1, 8192), INSIDE), max_size=1)


@settings(deadline=None)
@given(STEPS, WHITENING)
def test_preprocessing_comes_back(steps: list[Any], last: list[Any]) -> None:
    made = Preprocess((*steps, *last))
    again = Preprocess.parse(made.notation())
    assert [settings_of(step) for step in again.steps] == [settings_of(step) for step in made.steps]


MOVES = st.one_of(
    *(st.builds(lambda word, n: AugmentStep(word, (n,)), st.just(word), st.floats(0, most, exclude_min=True))
      for word, most in (("shift", 1024.0), ("rotate", 180.0), ("scale", 90.0))),
    st.builds(lambda manner: AugmentStep("flip", (), manner), st.sampled_from(["", "alternate"])),
    st.builds(lambda n: AugmentStep("crop", (float(n),), "zero"), st.integers(1, 1024)),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(MOVES, max_size=4), st.floats(0, 10000, exclude_min=True), st.floats(0, 64, exclude_min=True))
def test_augmentation_comes_back(steps: list[AugmentStep], alpha: float, sigma: float) -> None:
    made = Augmentation((*steps, AugmentStep("elastic", (alpha, sigma))))
    assert Augmentation.parse(made.notation()).steps == made.steps


@settings(deadline=None)
@given(st.none() | st.integers(1, 4096), st.booleans())
def test_the_way_pictures_are_read_comes_back(side: int | None, bicubic: bool) -> None:
    assert Reading.parse(Reading(side, bicubic).notation()) == Reading(side, bicubic)


def test_a_network_from_its_notation_computes_the_same_bits() -> None:
    """An eps of seven digits and a scale of ten: the two that once lost theirs on the way through a model file."""
    text = "linear 5, init gaussian 0.0123456789 -> batchnorm, momentum 0.123456789, eps 0.001234567 -> linear 3"
    first, second = (Network(text, (4, 4, 1), seed=3), Network(Network(text, (4, 4, 1)).notation(), (4, 4, 1), seed=3))
    x = np.random.default_rng(0).random((20, 4, 4, 1), np.float32)
    np.testing.assert_array_equal(first.forward(x, train=True), second.forward(x, train=True))
    np.testing.assert_array_equal(first.forward(x), second.forward(x))


WRONG: list[tuple[Any, str]] = [
    (lambda: parse_schedule("steps 1.7"), "whole number.*1.7"),
    (lambda: parse_schedule("steps 5.0"), "whole number.*5.0"),
    (lambda: schedules.Steps(True), "whole number"),
    (lambda: schedules.Exponential(True), "number from 0 to 1"),
    (lambda: Linear(2.5), "whole number.*2.5"),  # type: ignore[arg-type]
    (lambda: Linear(True), "whole number"),
    (lambda: Conv(3, 2.5), "whole number.*2.5"),  # type: ignore[arg-type]
    (lambda: Conv(3, 4, groups=1.5), "whole number.*1.5"),  # type: ignore[arg-type]
    (lambda: DepthwiseConv(3, 1.5), "whole number.*1.5"),  # type: ignore[arg-type]
    (lambda: Dropout(True), "probability"),
    (lambda: BatchNorm(eps=True), "batchnorm"),
    (lambda: SoftmaxCrossEntropy(False), "smoothing"),
    (lambda: Network("linear 3", (8.9, 8, 1)), "whole sizes"),  # type: ignore[arg-type]
    (lambda: Network("linear", (8, 8, 1), 2.5), "classes.*2.5"),  # type: ignore[arg-type]
    (lambda: layers_from("linear 1_0"), "whole number.*1_0"),
    (lambda: layers_from("conv 3_0x3, 4"), "3_0x3"),
    (lambda: layers_from("maxpool 2x2, pad 0_1"), "pad"),
    (lambda: Preprocess.parse("resize 8.5 8"), "whole numbers"),
]


@pytest.mark.parametrize(("make", "says"), WRONG)
def test_broken_numbers_are_refused_where_whole_ones_are_wanted(make: Any, says: str) -> None:
    with pytest.raises(GlassnetError, match=says) as caught:
        make()
    assert isinstance(caught.value, (NotationError, RecipeError))
