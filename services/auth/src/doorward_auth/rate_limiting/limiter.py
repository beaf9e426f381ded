"""The rate limiter: counts attempts in the caller's transaction, for all replicas together."""

import math
from collections.abc import Sequence

import sqlalchemy as sa
import structlog
from prometheus_client import CollectorRegistry, Counter

from doorward_auth.rate_limiting import repository
from doorward_auth.rate_limiting.limits import LimitKey
from doorward_auth.rate_limiting.repository import Records
from doorward_client.errors import DoorwardError

log = structlog.get_logger(__name__)


class TooManyAttemptsError(DoorwardError):
    """429, in the same words whether or not the account exists."""

    status = 429
    code = "too_many_attempts"
    detail = "Too many attempts. Wait as long as `Retry-After` says."

    def __init__(self, seconds: float) -> None:
        super().__init__(headers={"Retry-After": str(max(1, math.ceil(seconds)))})


class RateLimiter:
    """Refuses keys that must wait. A refusal aborts the caller's transaction and counts nothing.

    `check` is advisory: it spares the work before an answer, and of many requests at once all may pass it.
    `acquire` decides.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._hits = Counter(
            "doorward_rate_limit_hits",
            "Failures and mails counted, by limit.",
            ("limit",),
            registry=registry,
        )
        self._rejections = Counter(
            "doorward_rate_limit_rejections",
            "Requests rejected because the caller must wait, by limit.",
            ("limit",),
            registry=registry,
        )

    def check(self, connection: sa.Connection, keys: Sequence[LimitKey]) -> list[int]:
        """Return how many attempts each key has; raises TooManyAttemptsError while one must wait."""
        records = repository.find(connection, keys)
        self._require_no_wait(keys, records)
        return [records.attempt_count(key) for key in keys]

    def acquire(
        self, connection: sa.Connection, keys: Sequence[LimitKey], *, uncounted: Sequence[LimitKey] = ()
    ) -> None:
        """Count one more attempt of each key, and none of the uncounted ones; lock all until the commit.

        Raises TooManyAttemptsError while one of all must wait. To be called first in the transaction that
        answers. Of a hundred guesses at once, on any replicas, no more are answered than of a hundred in a
        row, the right one included.
        """
        locked = [*keys, *uncounted]
        records = repository.lock(connection, locked)
        self._require_no_wait(locked, records)
        if not keys:
            return
        if any(key.hash not in records.by_hash for key in keys):
            records = repository.lock_all(connection, keys)
            self._require_no_wait(keys, records)
        repository.record_attempt(connection, keys, records)
        for key in keys:
            self._hits.labels(key.limit.name).inc()

    def has_room(self, connection: sa.Connection, key: LimitKey) -> bool:
        """Lock a key until the commit and tell whether its limit is not reached.

        For limits past which something else is done instead of refusing.
        """
        return self._remaining_wait([key], repository.lock(connection, [key])) == 0

    def is_free(self, connection: sa.Connection, key: LimitKey) -> bool:
        """Tell whether a key's limit is not reached, without a lock: spares the work before `spend`."""
        return repository.find(connection, [key]).remaining_wait(key) == 0

    def spend(self, connection: sa.Connection, key: LimitKey, *, is_counted: bool = True) -> bool:
        """Count one attempt, and tell whether the limit was not reached before.

        The same statements run in every case, also for what is not counted: their number tells nothing.
        """
        records = repository.lock_all(connection, [key])
        wait = self._remaining_wait([key], records)
        repository.record_attempt(connection, [key], records, is_counted=is_counted)
        if is_counted:
            self._hits.labels(key.limit.name).inc()
        return wait == 0

    def forget(self, connection: sa.Connection, keys: Sequence[LimitKey]) -> None:
        """Start counting anew."""
        repository.delete(connection, keys)

    def _require_no_wait(self, keys: Sequence[LimitKey], records: Records) -> None:
        wait = self._remaining_wait(keys, records)
        if wait > 0:
            raise TooManyAttemptsError(wait)

    def _remaining_wait(self, keys: Sequence[LimitKey], records: Records) -> float:
        waits = {key: wait for key in keys if (wait := records.remaining_wait(key)) > 0}
        if not waits:
            return 0
        for key in waits:
            self._rejections.labels(key.limit.name).inc()
        log.info("rate_limit.exceeded", limits=[key.limit.name for key in waits])
        return max(waits.values())
