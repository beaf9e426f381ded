"""The order of revocations, so that a verifier gets only the entries that it does not have."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_

from doorward_client.revocations.json_codec import LONGEST_SECONDS
from doorward_client.revocations.models import Changes
from doorward_client.revocations.revocation_list import RevocationList, StaleRevocationsError
from doorward_kit.etags import quote_etag


@dataclass(frozen=True, slots=True)
class _Batch:
    """The entries that one poll of the database added."""

    added_at: float
    news: Changes


class RevocationChangeLog:
    """The list of revocations, and the polls that it grew by.

    A cursor is the database time at which a poll started, on any replica. A client that polled at T has
    everything committed before T, so it needs every batch whose poll finished after T. (Batches of polls
    that started after T would not be enough: two replicas poll at the same time.)
    """

    def __init__(self, revocations: RevocationList, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._revocations = revocations
        self._clock = clock
        self._batches: deque[_Batch] = deque()
        self._cursor: str | None = None
        self._first_cursor: str | None = None
        self._unpolled = Changes()

    def add(self, news: Changes) -> None:
        """Add the entries of a poll, or entries pushed between two polls: those have no cursor."""
        if news.cursor is None:
            self._unpolled |= news
            return
        now = self._clock()
        # The poll has just finished, after every entry that was pushed before.
        news, self._unpolled = self._unpolled | news, Changes()
        if self._first_cursor is None:
            # The first poll is the whole list: there are no changes before it.
            self._first_cursor = news.read_by
        elif news:
            self._batches.append(_Batch(now, news))
        self._cursor = news.cursor
        while self._batches and self._batches[0].added_at < now - LONGEST_SECONDS:
            self._first_cursor = self._batches.popleft().news.read_by

    @property
    def etag(self) -> str:
        """A fingerprint of the content: equal on replicas with equal lists."""
        return quote_etag(f"{self._revocations.fingerprint:016x}")

    @property
    def cursor(self) -> str:
        """The cursor of the list as it is now."""
        return self._cursor or ""

    @property
    def age(self) -> float:
        """Seconds since the list was up to date; raises StaleRevocationsError past the limit."""
        age = self._revocations.age()
        if age is None or self._cursor is None or self._revocations.is_stale():
            raise StaleRevocationsError
        return age

    def since(self, cursor: str | None) -> Changes:
        """Return the entries added since `cursor`, or all of them.

        Including those pushed since the last poll, which `etag` covers already.
        """
        if cursor is None or self._first_cursor is None or cursor < self._first_cursor:
            everything = self._revocations.everything()
            return Changes(everything.sessions, everything.users, self._cursor)
        now = self._clock()
        later = (_aged(batch, now) for batch in self._batches if (batch.news.read_by or "") > cursor)
        return reduce(or_, later, self._unpolled) | Changes(cursor=self._cursor)


def _aged(batch: _Batch, now: float) -> Changes:
    passed = now - batch.added_at
    return Changes(
        {session_id: left - passed for session_id, left in batch.news.sessions.items() if left > passed},
        {
            user_id: (token_version, left - passed)
            for user_id, (token_version, left) in batch.news.users.items()
            if left > passed
        },
    )
