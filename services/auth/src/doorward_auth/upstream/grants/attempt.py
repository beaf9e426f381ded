"""One attempt to refresh one leased grant: the request, the result, and what follows from a failure."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from doorward_auth.upstream.grants import refresh_results
from doorward_auth.upstream.grants.database import GrantDatabase
from doorward_auth.upstream.grants.endings import GrantEndings, log_fields
from doorward_auth.upstream.grants.events import GrantListener, GrantRefreshed
from doorward_auth.upstream.grants.metrics import RefreshOutcome, UpstreamMetrics
from doorward_auth.upstream.grants.models import EndReason, GrantTimes, LeasedGrant
from doorward_auth.upstream.grants.provider import Provider
from doorward_auth.upstream.grants.refresh_failure import evaluate_failure
from doorward_auth.upstream.grants.refresh_results import StoreFailure
from doorward_auth.upstream.grants.schedule import backoff_seconds, plan, plan_without_access
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
    EndReason.INVALID_GRANT: RefreshOutcome.INVALID_GRANT,
    EndReason.LOST: RefreshOutcome.LOST,
    EndReason.EXPIRED: RefreshOutcome.EXPIRED,
    EndReason.UNREADABLE: RefreshOutcome.UNREADABLE,
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

    outcome: RefreshOutcome
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
        """Refresh a grant, and store or evaluate the result. `leased_at` is from before the lease.

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
        query = partial(
            refresh_results.reschedule, leased=leased, seconds=0.0, error="stopped", counts_attempt=False
        )
        await self._database.finish(query, until=0.0)
        self._metrics.refreshed(leased.row.provider, RefreshOutcome.RELEASED)

    async def _try(self, attempt: _Attempt) -> AttemptResult:
        row = attempt.leased.row
        if not row.is_wanted:
            return await self._discard(attempt, None)
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
            return await self._reschedule(attempt, RefreshOutcome.RELEASED, 0.0, counts_attempt=False)
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
        leased, provider, row = attempt.leased, attempt.provider, attempt.leased.row
        is_complete = bool(tokens.access_token)
        sealed = self._sealing.seal_next(row, sent_token, tokens)
        if is_complete:
            times = plan(row.now, tokens, provider.policy, previous=row)
            scope = tokens.scope[:SCOPE_LENGTH] or row.scope
            query = partial(refresh_results.store, leased=leased, tokens=sealed, times=times, scope=scope)
        else:
            times = plan_without_access(row.now, tokens, row)
            query = partial(
                refresh_results.store_refresh_token,
                leased=leased,
                tokens=sealed,
                times=times,
                seconds=backoff_seconds(leased.attempts),
                error=RefreshOutcome.MALFORMED.value,
            )
        was_stored = await self._database.finish(query, until=attempt.lease_end)
        self._note_provider(provider, is_up=True)
        if was_stored is None:
            log.error("upstream.grant_not_stored", **log_fields(leased))
            return AttemptResult(RefreshOutcome.NOT_STORED)
        if not was_stored and (result := await self._not_stored(attempt, tokens)) is not None:
            return result
        if not is_complete:
            self._note_provider(provider, is_up=False)
            log.warning(
                "upstream.refresh_failed", **log_fields(leased), outcome=RefreshOutcome.MALFORMED.value
            )
            return AttemptResult(RefreshOutcome.MALFORMED)
        log.info("upstream.grant_refreshed", **log_fields(leased))
        self._listener.notify(
            GrantRefreshed(row.user_id, row.session_id, row.provider, times.access_expires_at)
        )
        return AttemptResult(RefreshOutcome.REFRESHED, tokens.access_token, times)

    async def _not_stored(self, attempt: _Attempt, tokens: UpstreamTokens) -> AttemptResult | None:
        """Find out why an answer was not stored; None if it is stored after all."""
        leased = attempt.leased
        query = partial(refresh_results.find_store_failure, leased=leased)
        match await self._database.finish(query, until=attempt.lease_end):
            case StoreFailure.STORED_BEFORE:
                return None
            case StoreFailure.UNWANTED:
                return await self._discard(attempt, tokens)
        log.warning("upstream.lease_lost", **log_fields(leased))
        return AttemptResult(RefreshOutcome.LEASE_LOST)

    async def _conclude(self, attempt: _Attempt, error: UpstreamError) -> AttemptResult:
        """Do what follows from a failed request."""
        provider, leased = attempt.provider, attempt.leased
        failure = evaluate_failure(
            error,
            attempts=leased.attempts,
            was_uncertain=leased.row.is_uncertain,
            can_reuse=provider.adapter.can_reuse_refresh_tokens,
        )
        log.warning(
            "upstream.refresh_failed",
            **log_fields(leased),
            outcome=failure.outcome.value,
            status=error.status,
            upstream_request_id=error.request_id,
        )
        self._note_provider(provider, is_up=failure.provider_works)
        if failure.pause is not None:
            provider.gate.pause(failure.pause)
        if failure.ends is not None:
            return await self._end(attempt, failure.ends)
        return await self._reschedule(
            attempt,
            failure.outcome,
            max(failure.retry_in, provider.gate.remaining_pause()),
            is_uncertain=failure.is_uncertain,
            counts_attempt=failure.counts_attempt,
        )

    async def _wait_for_key(self, attempt: _Attempt) -> AttemptResult:
        """Leave a grant to a process that has its key, or until an operator restores the key.

        However long that takes: a wrong key file must not wipe the tokens of all users.
        """
        leased = attempt.leased
        log.error("upstream.vault_key_unknown", **log_fields(leased))
        return await self._reschedule(attempt, RefreshOutcome.UNKNOWN_KEY, backoff_seconds(leased.attempts))

    async def _end(self, attempt: _Attempt, reason: EndReason) -> AttemptResult:
        await self._endings.require_login(attempt.leased, reason, until=attempt.lease_end)
        return AttemptResult(_ENDS[reason])

    async def _discard(self, attempt: _Attempt, issued: UpstreamTokens | None) -> AttemptResult:
        await self._endings.discard(attempt.leased, issued, until=attempt.lease_end)
        return AttemptResult(RefreshOutcome.UNWANTED)

    async def _reschedule(
        self,
        attempt: _Attempt,
        outcome: RefreshOutcome,
        seconds: float,
        *,
        is_uncertain: bool = False,
        counts_attempt: bool = True,
    ) -> AttemptResult:
        query = partial(
            refresh_results.reschedule,
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
