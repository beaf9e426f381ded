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
        wait = self._remaining_wait(keys, records)
        if wait > 0:
            raise TooManyAttemptsError(wait)
        return [records.attempt_count(key) for key in keys]

    def acquire(
        self, connection: sa.Connection, keys: Sequence[LimitKey], *, record_attempt: bool = True
    ) -> None:
        """Lock the keys until the commit; raises TooManyAttemptsError while one must wait.

        To be called first in the transaction that answers. Of a hundred guesses at once, on any replicas,
        no more are answered than of a hundred in a row, the right one included. `record_attempt` counts
        one more attempt of each key.
        """
        wait = self._acquire(connection, keys, record_attempt=record_attempt)
        if wait > 0:
            raise TooManyAttemptsError(wait)

    def try_acquire(
        self, connection: sa.Connection, keys: Sequence[LimitKey], *, record_attempt: bool = True
    ) -> bool:
        """Acquire the keys and return True; return False while one must wait, and count nothing.

        For limits past which something else is done instead of refusing.
        """
        return self._acquire(connection, keys, record_attempt=record_attempt) == 0

    def forget(self, connection: sa.Connection, keys: Sequence[LimitKey]) -> None:
        """Start counting anew."""
        repository.delete(connection, keys)

    def _acquire(self, connection: sa.Connection, keys: Sequence[LimitKey], *, record_attempt: bool) -> float:
        """Return how many seconds the caller must wait; count an attempt if none."""
        records = repository.lock(connection, keys)
        wait = self._remaining_wait(keys, records)
        if wait > 0 or not record_attempt:
            return wait
        if len(records.by_hash) < len(keys):
            records = repository.lock_all(connection, keys)
            wait = self._remaining_wait(keys, records)
            if wait > 0:
                return wait
        repository.record_attempt(connection, keys, records)
        for key in keys:
            self._hits.labels(key.limit.name).inc()
        return 0

    def _remaining_wait(self, keys: Sequence[LimitKey], records: Records) -> float:
        waits = {key: wait for key in keys if (wait := records.remaining_wait(key)) > 0}
        if not waits:
            return 0
        for key in waits:
            self._rejections.labels(key.limit.name).inc()
        log.info("rate_limit.exceeded", limits=[key.limit.name for key in waits])
        return max(waits.values())
