"""The rate limiter: counts attempts in the caller's transaction, for all replicas together."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_client.errors import DoorwardError
from doorward_client.request_context import note_rejection
from doorward_kit.metrics import Metrics
from doorward_kit.rate_limiting import repository
from doorward_kit.rate_limiting.limits import Limit, LimitKey
from doorward_kit.rate_limiting.repository import Records

log = structlog.get_logger(__name__)


def retry_after(seconds: float) -> Mapping[str, str]:
    """Return the header of a rejection."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


class RateLimiter:
    """Rejects keys that must wait. A rejection aborts the caller's transaction and counts nothing.

    Afterwards the answer waits, without a connection (see `rejection_delay`).

    `make_error` makes the error of a rejection from the seconds to wait. Rejections by `limits` are in the
    metrics before the first one, for alerts: an increase needs a first value. `check` is advisory: it spares
    the work before an answer, and of many requests at once all may pass it. `acquire` decides.
    """

    def __init__(
        self,
        table: sa.Table,
        metrics: Metrics,
        make_error: Callable[[float], DoorwardError],
        limits: Collection[Limit] = (),
    ) -> None:
        self._table: Final = table
        self._metrics = metrics
        self._make_error = make_error
        for limit in limits:
            metrics.rate_limit_rejections.labels(limit.name)

    def check(self, connection: sa.Connection, keys: Sequence[LimitKey]) -> list[int]:
        """Return how many attempts each key has; raises the error while one must wait."""
        records = repository.find(connection, self._table, keys)
        self._require_no_wait(keys, records)
        return [records.attempt_count(key) for key in keys]

    def acquire(
        self, connection: sa.Connection, keys: Sequence[LimitKey], *, uncounted: Sequence[LimitKey] = ()
    ) -> None:
        """Count one more attempt of each key, and none of the uncounted ones; lock all until the commit.

        Raises the error while one of all must wait. Of a hundred attempts at once, on any replicas, no more
        are answered than of a hundred in a row. So attempts that must not learn anything past the limit call
        it first in their transaction.
        """
        locked = [*keys, *uncounted]
        records = repository.lock(connection, self._table, locked)
        self._require_no_wait(locked, records)
        if not keys:
            return
        if any(key.hash not in records.by_hash for key in keys):
            records = repository.lock_all(connection, self._table, keys)
            self._require_no_wait(keys, records)
        repository.record_attempt(connection, self._table, keys, records)
        for key in keys:
            self._metrics.rate_limit_hits.labels(key.limit.name).inc()

    def has_room(self, connection: sa.Connection, key: LimitKey) -> bool:
        """Lock a key until the commit and tell whether its limit is not reached.

        For limits past which something else is done instead of rejecting.
        """
        return self._remaining_wait([key], repository.lock(connection, self._table, [key])) == 0

    def is_free(self, connection: sa.Connection, key: LimitKey) -> bool:
        """Tell whether a key's limit is not reached, without a lock: spares the work before `spend`."""
        return repository.find(connection, self._table, [key]).remaining_wait(key) == 0

    def spend(self, connection: sa.Connection, key: LimitKey, *, is_counted: bool = True) -> bool:
        """Count one attempt, and tell whether the limit was not reached before: nothing is rejected here.

        The same statements run in every case, also for what is not counted: their number tells nothing.
        """
        records = repository.lock_all(connection, self._table, [key])
        wait = records.remaining_wait(key)
        if wait > 0:
            log.info("rate_limit.exceeded", limits=[key.limit.name])
        repository.record_attempt(connection, self._table, [key], records, is_counted=is_counted)
        if is_counted:
            self._metrics.rate_limit_hits.labels(key.limit.name).inc()
        return wait == 0

    def forget(self, connection: sa.Connection, keys: Sequence[LimitKey]) -> None:
        """Start counting anew."""
        repository.delete(connection, self._table, keys)

    def _require_no_wait(self, keys: Sequence[LimitKey], records: Records) -> None:
        wait = self._remaining_wait(keys, records)
        if wait > 0:
            note_rejection()
            raise self._make_error(wait)

    def _remaining_wait(self, keys: Sequence[LimitKey], records: Records) -> float:
        waits = {key: wait for key in keys if (wait := records.remaining_wait(key)) > 0}
        if not waits:
            return 0
        for key in waits:
            self._metrics.rate_limit_rejections.labels(key.limit.name).inc()
        log.info("rate_limit.exceeded", limits=[key.limit.name for key in waits])
        return max(waits.values())
