"""Simulates an attacker who distinguishes known and unknown addresses by response times.

The attacker knows the class of every second response, chooses the threshold that separates these best, and
classifies the others. Random guesses are right half the time.
"""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

_WINDOW = 12
"""The number of samples on each side over which drift is levelled."""


class Sample(NamedTuple):
    """The duration of a response, in any unit, and whether it was for an account."""

    cost: float
    is_known: bool


def attacker_accuracy(samples: Sequence[Sample]) -> float:
    """Return the share of correctly classified samples: 0.5 is chance, 1.0 is all.

    The mean of the shares of both classes, so that their sizes do not matter.
    """
    level = _without_drift(samples)
    one, other = level[::2], level[1::2]
    return (_guessed_right(_best_threshold(one), other) + _guessed_right(_best_threshold(other), one)) / 2


def chance(samples: Sequence[Sample]) -> float:
    """Return the share that random guesses hardly ever exceed: three standard deviations above a half."""
    return 0.5 + 3 * 0.5 / math.sqrt(len(samples))


class _Threshold(NamedTuple):
    cost: float
    known_are_above: bool


def _without_drift(samples: Sequence[Sample]) -> list[Sample]:
    """Divide each sample by the median of its neighbours, to remove drifts in the machine's speed."""
    costs = [sample.cost for sample in samples]
    near = (costs[max(0, at - _WINDOW) : at + _WINDOW + 1] for at in range(len(costs)))
    return [
        Sample(sample.cost / statistics.median(around), sample.is_known)
        for sample, around in zip(samples, near, strict=True)
    ]


def _best_threshold(samples: Sequence[Sample]) -> _Threshold:
    weights = _weights(samples)
    right = 0.5  # if all are classified as known
    best, found = 0.5, _Threshold(-1.0, known_are_above=True)
    for sample in sorted(samples):
        right += -weights[True] if sample.is_known else weights[False]
        if max(right, 1 - right) > best:
            best, found = max(right, 1 - right), _Threshold(sample.cost, right >= 0.5)
    return found


def _guessed_right(threshold: _Threshold, samples: Sequence[Sample]) -> float:
    weights = _weights(samples)
    return sum(
        weights[sample.is_known]
        for sample in samples
        if ((sample.cost > threshold.cost) == threshold.known_are_above) == sample.is_known
    )


def _weights(samples: Sequence[Sample]) -> dict[bool, float]:
    known = sum(sample.is_known for sample in samples)
    return {True: 0.5 / known, False: 0.5 / (len(samples) - known)}
