"""Paired rounds: every arm runs once in each round, in rotated order, and ratios are within a round.

Identical servers differ by up to a fifth from one moment to the next on a shared machine. The two
measurements of a round run under nearly the same conditions, so their ratio is steadier than either. The
ratio of two identical servers, the A/A control, shows the noise that remains.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class Bound(StrEnum):
    """The side of the target on which a figure must be."""

    AT_LEAST = ">="
    AT_MOST = "<="


@dataclass(frozen=True)
class Figure:
    """A measured value: one for each round, the control's ratios, and the target.

    `unit` is "x" for a ratio.
    """

    name: str
    values: Sequence[float]
    control: Sequence[float]
    bound: Bound
    target: float
    unit: str = "x"
    notes: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def is_met(self) -> bool:
        """Whether the median is on the right side of the target."""
        return self.median >= self.target if self.bound is Bound.AT_LEAST else self.median <= self.target


def measure_rounds(arms: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Measure every arm in every round; return each arm's values, one for each round.

    Orders are ABC, CBA, BCA, ACB, ..., so that each arm is first, last and between equally often.
    """
    values: dict[str, list[T]] = {name: [] for name in arms}
    names = list(arms)
    for number in range(rounds):
        shift = (number // 2) % len(names)
        order = names[shift:] + names[:shift]
        for name in reversed(order) if number % 2 else order:
            values[name].append(arms[name]())
    return values


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Divide round by round."""
    return [above / below for above, below in zip(numerators, denominators, strict=True)]


def compared(
    name: str, arms: Mapping[str, Callable[[], float]], rounds: int, *, arm: str, base: str, target: float
) -> Figure:
    """Measure arms in seconds: `arm` against `base`, at most `target` times; `control` is the A/A control."""
    seconds = measure_rounds(arms, rounds)
    return Figure(
        name,
        ratios(seconds[arm], seconds[base]),
        ratios(seconds["control"], seconds[base]),
        Bound.AT_MOST,
        target,
        notes={f"{one} ms": statistics.median(seconds[one]) * 1000 for one in (base, arm)},
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the percentile by nearest rank; `share` is between 0 and 1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
