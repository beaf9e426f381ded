"""A comparison misses its target when a difference is larger than the control's noise."""

import pytest

from bench.comparison import compared
from bench.rounds import Bound, measure_rounds


@pytest.mark.parametrize(
    ("after", "control", "bound", "met"),
    [
        ([90.0, 91.0, 92.0], [91.0, 91.0, 92.0], Bound.AT_LEAST, False),
        ([90.0, 91.0, 92.0], [72.0, 91.0, 92.0], Bound.AT_LEAST, True),
        ([90.0, 91.0, 92.0], [108.0, 91.0, 92.0], Bound.AT_LEAST, True),
        ([99.0, 99.0, 99.0], [99.0, 99.0, 99.0], Bound.AT_LEAST, True),
        ([110.0, 110.0, 110.0], [110.0, 111.0, 110.0], Bound.AT_MOST, False),
        ([110.0, 110.0, 110.0], [132.0, 110.0, 110.0], Bound.AT_MOST, True),
        ([50.0, 50.0, 50.0], [50.0, 50.0, 50.0], Bound.AT_MOST, True),
    ],
)
def test_only_a_difference_above_the_noise_misses_the_target(
    after: list[float], control: list[float], bound: Bound, *, met: bool
) -> None:
    figure = compared("login", {"before": [100.0] * 3, "after": after, "control": control}, bound)
    assert figure.is_met is met


def test_arms_are_first_and_last_equally_often() -> None:
    order: list[str] = []
    measure_rounds({name: lambda name=name: order.append(name) for name in "abc"}, 6)  # type: ignore[misc]
    rounds = ["".join(order[start : start + 3]) for start in range(0, 18, 3)]
    assert rounds == ["abc", "cba", "bca", "acb", "cab", "bac"]
