"""Waits that differ, so that many who wait do not act at one moment."""

import random
from typing import Final

# Not the module's own generator, whose state is everybody's: an application that seeds it would have
# every replica wait for the same time.
_chance: Final = random.Random()  # noqa: S311 - no secret


def jittered(seconds: float, least: float = 0.5, most: float = 1.0) -> float:
    """Return between `least` and `most` times so many seconds."""
    return seconds * _chance.uniform(least, most)
