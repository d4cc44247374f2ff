"""Learning-rate schedules at points worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.errors import GlassnetError
from glassnet.optim import parse_schedule

HALF = (1 + math.cos(math.pi / 4)) / 2  # a quarter of the way down a half cosine


@pytest.mark.parametrize(
    ("notation", "step", "factor"),
    [  # 10 steps per epoch, 8 epochs: 80 steps
        ("constant", 0, 1.0),
        ("constant", 79, 1.0),
        ("exponential 0.5", 0, 1.0),
        ("exponential 0.5", 9, 1.0),
        ("exponential 0.5", 10, 0.5),
        ("exponential 0.5", 35, 0.125),
        ("steps 2 5, gamma 0.1", 19, 1.0),
        ("steps 2 5, gamma 0.1", 20, 0.1),
        ("steps 2 5, gamma 0.1", 49, 0.1),
        ("steps 2 5, gamma 0.1", 50, 0.01),
        ("steps 3", 30, 0.1),
        ("cosine", 0, 1.0),
        ("cosine", 20, HALF),
        ("cosine", 40, 0.5),
        ("cosine", 80, 0.0),
        ("cosine, floor 0.2", 40, 0.6),
        ("cosine, floor 0.2", 80, 0.2),
        ("cosine, restart 2 5", 0, 1.0),
        ("cosine, restart 2 5", 10, 0.5),
        ("cosine, restart 2 5", 20, 1.0),
        ("cosine, restart 2 5", 35, 0.5),
        ("cosine, restart 2 5", 50, 1.0),
        ("cosine, restart 2 5", 65, 0.5),
        ("cosine, floor 0.2, restart 2", 10, 0.6),
        ("cosine, restart 8", 40, 0.5),
        ("onecycle, warmup 0.25, start 0.1, end 0.01", 0, 0.1),
        ("onecycle, warmup 0.25, start 0.1, end 0.01", 10, 0.55),
        ("onecycle, warmup 0.25, start 0.1, end 0.01", 20, 1.0),
        ("onecycle, warmup 0.25, start 0.1, end 0.01", 50, 0.505),
        ("onecycle, warmup 0.25, start 0.1, end 0.01", 80, 0.01),
        ("onecycle, warmup 0", 0, 1.0),
        ("onecycle, warmup 1", 40, 0.52),
        ("linear", 0, 1.0),
        ("linear", 20, 0.75),
        ("linear", 80, 0.0),
        ("linear, warmup 0.2, start 0", 0, 0.0),
        ("linear, warmup 0.2, start 0", 4, 0.25),
        ("linear, warmup 0.2, start 0", 16, 1.0),
        ("linear, warmup 0.2, start 0", 48, 0.5),
        ("linear, warmup 0.2, start 0", 80, 0.0),
        ("linear, warmup 0.25, end 0.5", 0, 0.04),
        ("linear, warmup 0.25, end 0.5", 50, 0.75),
        ("linear, warmup 1, start 0.5", 40, 0.75),
    ],
)
def test_values_worked_out_by_hand(notation: str, step: int, factor: float) -> None:
    assert parse_schedule(notation).factor(step, 10, 8) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize(
    ("notation", "name", "settings"),
    [
        ("cosine", "CosineAnnealingLR", {"T_max": 40}),
        ("steps 5 20, gamma 0.1", "MultiStepLR", {"milestones": [5, 20], "gamma": 0.1}),
        ("exponential 0.9", "ExponentialLR", {"gamma": 0.9}),
    ],
)
def test_pytorch_has_the_same_schedule(notation: str, name: str, settings: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    ours, theirs = parse_schedule(notation), getattr(torch.optim.lr_scheduler, name)(optimizer, **settings)
    for epoch in range(40):
        assert ours.factor(epoch, 1, 40) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
        optimizer.step()
        theirs.step()


NOTATIONS = st.one_of(
    st.just("constant"),
    st.floats(0, 1).map(lambda g: f"exponential {g:g}"),
    st.lists(st.integers(1, 50), min_size=1, max_size=4).map(lambda e: f"steps {' '.join(map(str, e))}, gamma 0.3"),
    st.floats(0, 1).map(lambda f: f"cosine, floor {f:g}"),
    st.lists(st.integers(1, 30), min_size=1, max_size=3).map(lambda e: f"cosine, restart {' '.join(map(str, e))}"),
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda p: f"onecycle, warmup {p[0]:g}, start {p[1]:g}, end 0"),
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda p: f"linear, warmup {p[0]:g}, end {p[1]:g}"),
)


@given(NOTATIONS, st.integers(1, 50), st.integers(1, 30), st.data())
def test_factors_stay_within_0_and_1_and_notation_comes_back(
    notation: str, steps: int, epochs: int, data: st.DataObject
) -> None:
    schedule = parse_schedule(notation)
    step = data.draw(st.integers(0, steps * epochs))
    factor = schedule.factor(step, steps, epochs)
    assert -1e-12 <= factor <= 1 + 1e-12
    again = parse_schedule(schedule.notation())
    assert again.notation() == schedule.notation()
    assert again.factor(step, steps, epochs) == pytest.approx(factor, abs=1e-4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "constnat",
        "constant 3",
        "exponential",
        "exponential 2",
        "exponential x",
        "exponential nan",
        "steps",
        "steps 0",
        "steps x",
        "steps 3, gamma",
        "steps 3, gamma 2",
        "cosine, floor -1",
        "cosine, restart",
        "cosine, restart 0",
        "cosine 3",
        "cosine, flor 0.1",
        "onecycle, warmup 2",
        "onecycle, warmup",
        "linear, warmup 2",
        "linear, floor 0.1",
        "cosine -> cosine",
        "steps 3, gamma 0.1 0.2",
    ],
)
def test_wrong_schedules_are_refused(text: str) -> None:
    with pytest.raises(GlassnetError) as caught:
        parse_schedule(text)
    assert "\n" not in str(caught.value)
