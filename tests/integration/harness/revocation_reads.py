"""Whether a process has read the list of revocations since a moment, whatever the machine's speed.

"Within two seconds" is a poll of the list every second. Here a slow answer of a busy machine is told from a
revocation that a poll has missed: the metric of the list's age says when it was read.
"""

import re
import time
from typing import Final

_AGE: Final = re.compile(r"^doorward_revocations_age_seconds (\S+)$", re.MULTILINE)

_ROUNDING: Final = 0.5
"""Auth tells other services its list's age in whole seconds."""

HANG_SECONDS: Final = 60.0
"""Longer than anything takes on a machine that has no time: only what hangs fails."""


class RevocationReads:
    """Follows one process's reads of the list from now on, or from `since` (time.monotonic())."""

    def __init__(self, since: float | None = None) -> None:
        self._since = time.monotonic() if since is None else since
        self._first_ended_by: float | None = None
        self.is_up_to_date = False
        """Whether a read has begun and ended since: one that was under way at the moment may miss it."""

    def note(self, metrics: str, *, asked_at: float) -> None:
        """Take the list's age from the metrics of a process, which were asked for at `asked_at`."""
        found = _AGE.search(metrics)
        assert found is not None, "no age of the list in the metrics"
        age = float(found[1])
        if self._first_ended_by is None:
            if asked_at - age - _ROUNDING > self._since:
                self._first_ended_by = time.monotonic() - age + _ROUNDING
        elif asked_at - age - _ROUNDING > self._first_ended_by:
            self.is_up_to_date = True

    def may_be_accepted(self) -> bool:
        """Whether a token that was revoked before may still be accepted; fails the test when that hangs."""
        assert time.monotonic() - self._since < HANG_SECONDS, "the list of revocations is not read"
        return not self.is_up_to_date
