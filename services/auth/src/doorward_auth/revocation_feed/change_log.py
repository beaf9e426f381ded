"""What was revoked in which order, so that a verifier is told only what it has not heard."""

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
    """What one look at the database added."""

    added_at: float
    news: Changes


class RevocationChangeLog:
    """The list as auth holds it, and the looks that it grew by.

    Cursors are times at which looks began, by the database's clock: every replica's. An entry that a
    client has not heard was committed after the look of its cursor began, on whichever replica that was,
    and before the look that brought it here was over. So the looks that were over behind the cursor have
    it. (Those that began behind it would not be enough: two replicas look at the same time.)
    """

    def __init__(self, revocations: RevocationList, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._revocations = revocations
        self._clock = clock
        self._batches: deque[_Batch] = deque()
        self._cursor: str | None = None
        self._begins: str | None = None
        self._heard = Changes()

    def add(self, news: Changes) -> None:
        """Take what one look added to the list, or what was heard of between two: that has no cursor."""
        if news.cursor is None:
            self._heard |= news
            return
        now = self._clock()
        # The look was over just now, later than all that was heard.
        news, self._heard = self._heard | news, Changes()
        if self._begins is None:
            # The first look is the whole list: there is nothing before it to tell.
            self._begins = news.read_by
        elif news:
            self._batches.append(_Batch(now, news))
        self._cursor = news.cursor
        while self._batches and self._batches[0].added_at < now - LONGEST_SECONDS:
            self._begins = self._batches.popleft().news.read_by

    @property
    def etag(self) -> str:
        """The list's content: equal on every replica that knows the same."""
        return quote_etag(f"{self._revocations.fingerprint:016x}")

    @property
    def cursor(self) -> str:
        """The cursor of the list as it is now."""
        return self._cursor or ""

    @property
    def age(self) -> float:
        """How many seconds ago the list was up to date; raises StaleRevocationsError past the bound."""
        age = self._revocations.age()
        if age is None or self._cursor is None or self._revocations.is_stale():
            raise StaleRevocationsError
        return age

    def since(self, cursor: str | None) -> Changes:
        """Return what the list grew by since `cursor`, or all of it.

        With whatever was heard of since the last look: `etag` counts it already.
        """
        if cursor is None or self._begins is None or cursor < self._begins:
            everything = self._revocations.everything()
            return Changes(everything.sessions, everything.users, self._cursor)
        now = self._clock()
        later = (_aged(batch, now) for batch in self._batches if (batch.news.read_by or "") > cursor)
        return reduce(or_, later, self._heard) | Changes(cursor=self._cursor)


def _aged(batch: _Batch, now: float) -> Changes:
    passed = now - batch.added_at
    return Changes(
        {one: left - passed for one, left in batch.news.sessions.items() if left > passed},
        {
            one: (token_version, left - passed)
            for one, (token_version, left) in batch.news.users.items()
            if left > passed
        },
    )
