"""Whether a process has polled the revocation list since a time, independent of the machine's speed.

"Within two seconds" means a poll every second. The metric of the list's age tells when it was read, which
distinguishes a slow machine from a missed revocation.
"""

import re
import time
from collections.abc import Callable
from typing import Final

_AGE: Final = re.compile(r"^doorward_revocations_age_seconds (\S+)$", re.MULTILINE)

_ROUNDING: Final = 0.5
"""Auth returns the age of its list in whole seconds."""

HANG_SECONDS: Final = 60.0
"""Longer than any poll on a busy machine, so that only a hanging one fails."""


class RevocationReads:
    """Follows the polls of one process from now on, or from `since` (time.monotonic())."""

    def __init__(self, since: float | None = None) -> None:
        self._since = time.monotonic() if since is None else since
        self._first_ended_by: float | None = None
        self.is_up_to_date = False
        """Whether a poll has begun and ended since; one that was already running may miss a revocation."""

    def note(self, metrics: str, *, asked_at: float) -> None:
        """Read the age of the list from metrics that were requested at `asked_at`."""
        found = _AGE.search(metrics)
        assert found is not None, "no age of the list in the metrics"
        age = float(found[1])
        if self._first_ended_by is None:
            if asked_at - age - _ROUNDING > self._since:
                self._first_ended_by = time.monotonic() - age + _ROUNDING
        elif asked_at - age - _ROUNDING > self._first_ended_by:
            self.is_up_to_date = True

    def may_be_accepted(self) -> bool:
        """Whether a revoked token may still be accepted; fails the test after a timeout."""
        assert time.monotonic() - self._since < HANG_SECONDS, "the list of revocations is not read"
        return not self.is_up_to_date


def wait_until_rejected(
    accepts: Callable[[], bool], metrics: Callable[[], str], who: str, *, since: float | None = None
) -> None:
    """Wait until a process rejects an access token that was revoked; `since` is when.

    Fails the test when the token is accepted though the list of revocations was read since.
    """
    reads = RevocationReads(since)
    while True:
        may_be_accepted = reads.may_be_accepted()
        if not accepts():
            return
        assert may_be_accepted, f"{who} has read the list and still accepts the token"
        asked_at = time.monotonic()
        reads.note(metrics(), asked_at=asked_at)
        time.sleep(0.02)
