"""Revoking the due tokens of a provider: the lease, the requests, and what follows from their results.

No database connection is held while a request is under way.
"""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth.upstream.grants.database import GrantDatabase
from doorward_auth.upstream.grants.metrics import RevocationOutcome, UpstreamMetrics
from doorward_auth.upstream.grants.provider import Provider
from doorward_auth.upstream.grants.schedule import backoff_seconds
from doorward_auth.upstream.live_grants import has_live_grant
from doorward_auth.upstream.requests import UpstreamRequests
from doorward_auth.upstream.revocation_delivery.failure import evaluate_revocation_failure
from doorward_auth.upstream.revocations import repository
from doorward_auth.upstream.revocations.models import PendingRevocation
from doorward_auth.upstream.revocations.sealing import RevocationSealing
from doorward_auth.upstream_adapters.base import UpstreamError, UpstreamTokens
from doorward_auth.vault.errors import DamagedValueError, UnknownVaultKeyError

log = structlog.get_logger(__name__)

CONCURRENCY: Final = 4
"""Requests at once of each process to a provider: few, so that many rejected logins do not flood it."""


class RevocationDelivery:
    """Revokes tokens. `requests` are for this alone: failing revocations block no login and no refresh."""

    def __init__(
        self,
        database: GrantDatabase,
        sealing: RevocationSealing,
        requests: UpstreamRequests,
        metrics: UpstreamMetrics,
    ) -> None:
        self._database = database
        self._sealing = sealing
        self._requests = requests
        self._metrics = metrics

    async def deliver_batch(self, provider: Provider) -> bool:
        """Deliver a few due rows at once; return whether more may be due. Raises as Database.write does."""
        count = self._requests.permits(provider, CONCURRENCY)
        if not count:
            return False
        if not await self._database.read(partial(repository.is_any_due, provider=provider.name)):
            return False
        leased_at = asyncio.get_running_loop().time()
        lease = await self._database.write(partial(_lease, provider=provider, count=count))
        for row in lease.superseded:
            self._metrics.revocation_concluded(provider.name, RevocationOutcome.SUPERSEDED)
            log.info("upstream.revocation_superseded", **_fields_of(row))
        await asyncio.gather(*(self._deliver(provider, row, leased_at) for row in lease.rows))
        return lease.has_more

    def remaining_pause(self, provider: Provider) -> float:
        """Return the seconds until a request may be allowed."""
        return self._requests.remaining_pause(provider)

    async def _deliver(self, provider: Provider, row: PendingRevocation, leased_at: float) -> None:
        until = leased_at + provider.policy.lease_seconds
        try:
            tokens = self._sealing.open(row)
        except UnknownVaultKeyError:
            # Another process may have it, or an operator restores it.
            log.warning("upstream.vault_key_unknown", **_fields_of(row))
            await self._reschedule(row, backoff_seconds(row.attempts), until)
            return
        except DamagedValueError:
            await self._give_up(row, "unreadable", until)
            return
        if asyncio.get_running_loop().time() >= leased_at + provider.policy.deadline_seconds:
            # This process was stopped since the lease. The row is due again when that ends.
            return
        await self._send(provider, row, tokens, until)

    async def _send(
        self, provider: Provider, row: PendingRevocation, tokens: UpstreamTokens, until: float
    ) -> None:
        try:
            await self._requests.send(provider, "revoke", lambda: provider.adapter.revoke(tokens))
        except UpstreamError as error:
            await self._conclude(provider, row, error, until)
        except Exception as error:
            # An adapter's bug says nothing about the upstream.
            log.exception("upstream.adapter_failed", **_fields_of(row), error=type(error).__name__)
            await self._reschedule(row, backoff_seconds(row.attempts), until)
        else:
            await self._finish(row, RevocationOutcome.DELIVERED, until)

    async def _conclude(
        self, provider: Provider, row: PendingRevocation, error: UpstreamError, until: float
    ) -> None:
        """Do what follows from a failed request."""
        failure = evaluate_revocation_failure(error, attempts=row.attempts)
        if failure.pause is not None:
            self._requests.pause(provider, failure.pause)
        if failure.is_revoked:
            await self._finish(row, RevocationOutcome.DELIVERED, until)
        elif failure.is_final:
            await self._give_up(row, f"status_{error.status}", until)
        else:
            retry_in = max(failure.retry_in, self._requests.remaining_pause(provider))
            log.warning(
                "upstream.revocation_failed",
                **_fields_of(row),
                error=type(error).__name__,
                retry_in=round(retry_in, 1),
            )
            await self._reschedule(row, retry_in, until)

    async def _give_up(self, row: PendingRevocation, reason: str, until: float) -> None:
        if await self._finish(row, RevocationOutcome.GIVEN_UP, until):
            log.error("upstream.revocation_given_up", **_fields_of(row), reason=reason)

    async def _finish(self, row: PendingRevocation, outcome: RevocationOutcome, until: float) -> bool:
        """Delete a row; tell whether this lease did, because what is sent again is counted then."""
        is_deleted = await self._database.finish(partial(repository.finish, row=row), until=until)
        if is_deleted:
            self._metrics.revocation_concluded(row.provider, outcome)
        return bool(is_deleted)

    async def _reschedule(self, row: PendingRevocation, seconds: float, until: float) -> None:
        await self._database.finish(partial(repository.reschedule, row=row, seconds=seconds), until=until)


@dataclass(frozen=True, slots=True)
class _Lease:
    """Rows to send, rows that were deleted, and whether more may be due."""

    rows: list[PendingRevocation]
    superseded: list[PendingRevocation]
    has_more: bool


def _lease(connection: sa.Connection, *, provider: Provider, count: int) -> _Lease:
    """Lease rows; those whose account there is in use again are deleted."""
    name = provider.name
    lease = repository.lease(connection, name, count=count, seconds=provider.policy.lease_seconds)
    found = _Lease([], [], lease.has_more)
    for row in lease.rows:
        if has_live_grant(connection, name, row.subject):
            repository.finish(connection, row)
            found.superseded.append(row)
        else:
            found.rows.append(row)
    return found


def _fields_of(row: PendingRevocation) -> dict[str, object]:
    """Return what the log may say: no token, no subject."""
    return {"revocation": str(row.id), "provider": row.provider, "attempts": row.attempts}
