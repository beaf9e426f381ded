"""Paired rounds: every arm once a round, in an order that turns, and ratios within the round.

Identical servers differ by up to a fifth between one moment and the next on a shared machine. Two
measurements of the same round have met nearly the same machine, so their ratio says more than
either of them; and the ratio of two identical servers (the A/A control) says how much more.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

Arm = Callable[[], float]


class Bound(StrEnum):
    """Which side of its target a figure must be on."""

    AT_LEAST = ">="
    AT_MOST = "<="


@dataclass(frozen=True)
class Figure:
    """One thing measured: its value in each round, the control's, and what it should be.

    `unit` is "x" for a ratio. The control is a ratio of equals: what noise alone makes of 1.
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
        """The figure."""
        return statistics.median(self.values)

    @property
    def is_met(self) -> bool:
        """Tell whether the median is on the right side of the target."""
        return self.median >= self.target if self.bound is Bound.AT_LEAST else self.median <= self.target


def in_turns(arms: Mapping[str, Arm], rounds: int) -> dict[str, list[float]]:
    """Measure every arm in every round; return each arm's values, one a round.

    Orders are ABC, CBA, BCA, ACB, ...: each arm comes first, last and between equally often.
    """
    found: dict[str, list[float]] = {name: [] for name in arms}
    names = list(arms)
    for number in range(rounds):
        shift = (number // 2) % len(names)
        order = names[shift:] + names[:shift]
        for name in reversed(order) if number % 2 else order:
            found[name].append(arms[name]())
    return found


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Divide round by round."""
    return [one / other for one, other in zip(above, below, strict=True)]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all are not above (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
