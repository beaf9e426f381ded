"""How many jobs each caller had lately, and the rank in a queue that follows from it.

Each process counts for itself, because its callers wait for its own threads alone.
"""

import heapq
import math
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

HALF_LIFE_SECONDS: Final = 60.0
"""After this time a job counts half."""

MAX_SUBJECTS: Final = 10_000
"""Some two megabytes."""


@dataclass(frozen=True, slots=True)
class Charge:
    """The subjects that a job is charged to: sources, addresses, accounts. The busiest decides the rank.

    `preferred_within` are subjects with a number of recent jobs. If there are some, and none had more, the
    job is run before those of others.
    """

    subjects: tuple[Hashable, ...]
    preferred_within: tuple[tuple[Hashable, float], ...] = ()

    @property
    def all_subjects(self) -> set[Hashable]:
        return {*self.subjects, *(subject for subject, _ in self.preferred_within)}


class Rank(NamedTuple):
    """The place of a job in the queue: the lowest rank is first."""

    is_postponed: bool
    """Not preferred, or no longer."""
    recent_jobs: int
    """Binary order of magnitude; within one, the order is that of arrival."""


class RecentJobs:
    """The recent jobs of each subject; a job counts half after HALF_LIFE_SECONDS.

    Only the busiest subjects are kept, so that callers with a new name for each job cannot fill the memory.
    """

    def __init__(self) -> None:
        self._by_subject: dict[int, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._by_subject)

    def of(self, subject: Hashable, now: float) -> float:
        """Return the weighted number of a subject's jobs."""
        return self._weighted(hash(subject), now)

    def add(self, charge: Charge, now: float) -> None:
        """Count a job for each subject of its charge."""
        for subject in charge.all_subjects:
            key = hash(subject)  # of a fixed size, and unpredictable: Python seeds its hashes of text
            self._by_subject[key] = (self._weighted(key, now) + 1, now)
            if len(self._by_subject) > MAX_SUBJECTS:
                self._drop_least_busy(now)

    def rank(self, charge: Charge, now: float, *, further: int = 0) -> Rank:
        """Return the rank of a job; `further` jobs are added to those that were counted."""
        recent = further + max((self.of(subject, now) for subject in charge.subjects), default=0.0)
        is_postponed = not charge.preferred_within or any(
            further + self.of(subject, now) > most for subject, most in charge.preferred_within
        )
        return Rank(is_postponed, math.ceil(recent).bit_length())

    def _weighted(self, key: int, now: float) -> float:
        count, at = self._by_subject.get(key, (0.0, now))
        return count * math.exp2((at - now) / HALF_LIFE_SECONDS)

    def _drop_least_busy(self, now: float) -> None:
        busiest = heapq.nlargest(MAX_SUBJECTS // 2, self._by_subject, key=partial(self._weighted, now=now))
        self._by_subject = {key: self._by_subject[key] for key in busiest}
