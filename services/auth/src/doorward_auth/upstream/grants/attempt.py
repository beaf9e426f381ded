"""One attempt to refresh one leased grant: the request, the result, and the judgement, in this order."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from doorward_auth.upstream.grants import leases
from doorward_auth.upstream.grants.database import GrantDatabase
from doorward_auth.upstream.grants.endings import GrantEndings, log_fields
from doorward_auth.upstream.grants.events import GrantListener, GrantRefreshed
from doorward_auth.upstream.grants.judgement import judge
from doorward_auth.upstream.grants.leases import Refusal
from doorward_auth.upstream.grants.metrics import Outcome, UpstreamMetrics
from doorward_auth.upstream.grants.models import EndReason, GrantTimes, LeasedGrant
from doorward_auth.upstream.grants.provider import Provider
from doorward_auth.upstream.grants.schedule import backoff_seconds, plan
from doorward_auth.upstream.grants.sealing import GrantSealing
from doorward_auth.upstream_adapters.base import (
    Arrival,
    UnreachableError,
    UpstreamError,
    UpstreamTokens,
)
from doorward_auth.vault.errors import DamagedValueError, UnknownVaultKeyError
from doorward_identity.upstream_tables import SCOPE_LENGTH

log = structlog.get_logger(__name__)

_ENDS: Final = {
    EndReason.INVALID_GRANT: Outcome.INVALID_GRANT,
    EndReason.LOST: Outcome.LOST,
    EndReason.EXPIRED: Outcome.EXPIRED,
    EndReason.UNREADABLE: Outcome.UNREADABLE,
}


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An attempt; `deadline` and `lease_end` are times of the event loop."""

    provider: Provider
    leased: LeasedGrant
    deadline: float
    lease_end: float


@dataclass(frozen=True, slots=True, repr=False)
class AttemptResult:
    """How an attempt ended, with the new access token if it succeeded."""

    outcome: Outcome
    access_token: str | None = None
    times: GrantTimes | None = None


class _StalledError(Exception):
    """This process was stopped since the lease: it is too late to send."""


class RefreshAttempts:
    """Refreshes leased grants: one call each, several at once."""

    def __init__(
        self,
        database: GrantDatabase,
        sealing: GrantSealing,
        endings: GrantEndings,
        metrics: UpstreamMetrics,
        listener: GrantListener,
    ) -> None:
        self._database = database
        self._sealing = sealing
        self._endings = endings
        self._metrics = metrics
        self._listener = listener

    async def run(self, provider: Provider, leased: LeasedGrant, *, leased_at: float) -> AttemptResult:
        """Refresh a grant, and store or judge the result. `leased_at` is from before the lease.

        The request ends before the lease does, even if the process was stopped in between.
        """
        policy = provider.policy
        attempt = _Attempt(
            provider, leased, leased_at + policy.deadline_seconds, leased_at + policy.lease_seconds
        )
        result = await self._try(attempt)
        self._metrics.refreshed(provider.name, result.outcome)
        return result

    async def release(self, leased: LeasedGrant) -> None:
        """Leave a grant to others, because this process stops before it sent anything."""
        query = partial(leases.reschedule, leased=leased, seconds=0.0, error="stopped", counts_attempt=False)
        await self._database.finish(query, until=0.0)
        self._metrics.refreshed(leased.row.provider, Outcome.RELEASED)

    async def _try(self, attempt: _Attempt) -> AttemptResult:
        row = attempt.leased.row
        if not row.is_wanted:
            return await self._discard(attempt, self._sealing.readable(row))
        if row.is_over:
            return await self._end(attempt, EndReason.EXPIRED)
        try:
            refresh_token = self._sealing.refresh_token(row)
        except UnknownVaultKeyError:
            return await self._wait_for_key(attempt)
        except DamagedValueError:
            refresh_token = None
        if refresh_token is None:
            return await self._end(attempt, EndReason.UNREADABLE)
        return await self._refresh(attempt, refresh_token)

    async def _refresh(self, attempt: _Attempt, refresh_token: str) -> AttemptResult:
        try:
            tokens = await self._request(attempt, refresh_token)
        except UpstreamError as error:
            return await self._conclude(attempt, error)
        except _StalledError:
            return await self._reschedule(attempt, Outcome.RELEASED, 0.0, counts_attempt=False)
        return await self._store(attempt, refresh_token, tokens)

    async def _request(self, attempt: _Attempt, refresh_token: str) -> UpstreamTokens:
        """Send the one request; raises UpstreamError."""
        provider, loop = attempt.provider, asyncio.get_running_loop()
        started = loop.time()
        if started >= attempt.deadline:
            raise _StalledError
        try:
            with provider.gate.request():
                async with asyncio.timeout_at(attempt.deadline):
                    return await provider.adapter.refresh(refresh_token)
        except UpstreamError:
            raise
        except TimeoutError:
            raise UnreachableError(Arrival.UNKNOWN) from None
        except Exception as error:
            # An adapter's bug says nothing about the grant.
            log.exception("upstream.adapter_failed", provider=provider.name, error=type(error).__name__)
            raise UnreachableError(Arrival.UNKNOWN) from None
        finally:
            self._metrics.requested(provider.name, "refresh", loop.time() - started)

    async def _store(self, attempt: _Attempt, sent_token: str, tokens: UpstreamTokens) -> AttemptResult:
        """Store an answer before anything else: the refresh token that was sent may be used up."""
        leased, provider = attempt.leased, attempt.provider
        row = leased.row
        times = plan(row.now, tokens, provider.policy, previous=row)
        query = partial(
            leases.store,
            leased=leased,
            tokens=self._sealing.seal_next(row, sent_token, tokens),
            times=times,
            scope=tokens.scope[:SCOPE_LENGTH] or row.scope,
        )
        was_stored = await self._database.finish(query, until=attempt.lease_end)
        self._note_provider(provider, is_up=True)
        if was_stored is None:
            log.error("upstream.grant_not_stored", **log_fields(leased))
            return AttemptResult(Outcome.NOT_STORED)
        if not was_stored and (refused := await self._refused(attempt, tokens)) is not None:
            return refused
        log.info("upstream.grant_refreshed", **log_fields(leased))
        self._listener.notify(
            GrantRefreshed(row.user_id, row.session_id, row.provider, times.access_expires_at)
        )
        return AttemptResult(Outcome.REFRESHED, tokens.access_token, times)

    async def _refused(self, attempt: _Attempt, tokens: UpstreamTokens) -> AttemptResult | None:
        """Find out why an answer was not stored; None if it is stored after all."""
        leased = attempt.leased
        query = partial(leases.refusal_of, leased=leased)
        match await self._database.finish(query, until=attempt.lease_end):
            case Refusal.STORED_BEFORE:
                return None
            case Refusal.UNWANTED:
                return await self._discard(attempt, tokens)
        log.warning("upstream.lease_lost", **log_fields(leased))
        return AttemptResult(Outcome.LEASE_LOST)

    async def _conclude(self, attempt: _Attempt, error: UpstreamError) -> AttemptResult:
        """Do what follows from a failed request."""
        provider, leased = attempt.provider, attempt.leased
        judgement = judge(
            error,
            attempts=leased.attempts,
            was_uncertain=leased.row.is_uncertain,
            can_reuse=provider.adapter.can_reuse_refresh_tokens,
        )
        log.warning(
            "upstream.refresh_failed",
            **log_fields(leased),
            outcome=judgement.outcome.value,
            status=error.status,
            upstream_request_id=error.request_id,
        )
        self._note_provider(provider, is_up=judgement.provider_works)
        if judgement.pause is not None:
            provider.gate.pause(judgement.pause)
        if judgement.ends is not None:
            return await self._end(attempt, judgement.ends)
        return await self._reschedule(
            attempt,
            judgement.outcome,
            max(judgement.retry_in, provider.gate.remaining_pause()),
            is_uncertain=judgement.is_uncertain,
            counts_attempt=judgement.counts_attempt,
        )

    async def _wait_for_key(self, attempt: _Attempt) -> AttemptResult:
        """Leave a grant to a process that has its key, or until an operator restores the key.

        However long that takes: a wrong key file must not wipe the tokens of all users.
        """
        leased = attempt.leased
        log.error("upstream.vault_key_unknown", **log_fields(leased))
        return await self._reschedule(attempt, Outcome.UNKNOWN_KEY, backoff_seconds(leased.attempts))

    async def _end(self, attempt: _Attempt, reason: EndReason) -> AttemptResult:
        await self._endings.require_login(attempt.leased, reason, until=attempt.lease_end)
        return AttemptResult(_ENDS[reason])

    async def _discard(self, attempt: _Attempt, tokens: UpstreamTokens | None) -> AttemptResult:
        await self._endings.discard(attempt.provider, attempt.leased, tokens, until=attempt.lease_end)
        return AttemptResult(Outcome.UNWANTED)

    async def _reschedule(
        self,
        attempt: _Attempt,
        outcome: Outcome,
        seconds: float,
        *,
        is_uncertain: bool = False,
        counts_attempt: bool = True,
    ) -> AttemptResult:
        query = partial(
            leases.reschedule,
            leased=attempt.leased,
            seconds=seconds,
            error=outcome.value,
            is_uncertain=is_uncertain,
            counts_attempt=counts_attempt,
        )
        await self._database.finish(query, until=attempt.lease_end)
        return AttemptResult(outcome)

    def _note_provider(self, provider: Provider, *, is_up: bool) -> None:
        self._metrics.set_up(provider.name, is_up=is_up)
        if is_up:
            provider.gate.record_answer()
        else:
            provider.gate.record_failure()
