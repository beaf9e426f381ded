"""An attacker who listens: told which answers were for accounts, can they tell of others by their times?

They know the class of every second answer, take the threshold that divides these best, and guess the rest.
Guessing without knowing anything is right half the time.
"""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

_NEIGHBOURS = 12


class Sample(NamedTuple):
    """How long an answer took, in whatever unit, and whether it was for an account."""

    cost: float
    is_known: bool


def share_told_apart(samples: Sequence[Sample]) -> float:
    """Return the share of samples whose class is guessed right: 0.5 is chance, 1.0 all."""
    level = _without_drift(samples)
    one, other = level[::2], level[1::2]
    right = _guessed_right(_best_threshold(one), other) + _guessed_right(_best_threshold(other), one)
    return right / len(level)


def chance(samples: Sequence[Sample]) -> float:
    """Return the share that hardly ever is exceeded by guessing: three deviations above a half."""
    return 0.5 + 3 * 0.5 / math.sqrt(len(samples))


class _Threshold(NamedTuple):
    cost: float
    known_are_above: bool


def _without_drift(samples: Sequence[Sample]) -> list[Sample]:
    """Divide each by what was usual at its time: a machine's speed is not the attacker's question."""
    costs = [sample.cost for sample in samples]
    near = (costs[max(0, at - _NEIGHBOURS) : at + _NEIGHBOURS + 1] for at in range(len(costs)))
    return [
        Sample(sample.cost / statistics.median(around), sample.is_known)
        for sample, around in zip(samples, near, strict=True)
    ]


def _best_threshold(samples: Sequence[Sample]) -> _Threshold:
    right = sum(sample.is_known for sample in samples)  # when all are called known
    best, found = max(right, len(samples) - right), _Threshold(-1.0, right * 2 >= len(samples))
    for sample in sorted(samples):
        right += -1 if sample.is_known else 1
        if max(right, len(samples) - right) > best:
            best, found = max(right, len(samples) - right), _Threshold(sample.cost, right * 2 >= len(samples))
    return found


def _guessed_right(threshold: _Threshold, samples: Sequence[Sample]) -> int:
    return sum(
        ((sample.cost > threshold.cost) == threshold.known_are_above) == sample.is_known for sample in samples
    )
