"""The grants of users: storing one at a login, a fresh access token for a caller, unlinking an upstream."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_auth.upstream.grants import leases, repository
from doorward_auth.upstream.grants.attempt import AttemptResult, RefreshAttempts
from doorward_auth.upstream.grants.database import GrantDatabase
from doorward_auth.upstream.grants.metrics import RefreshOutcome
from doorward_auth.upstream.grants.models import GrantRow, GrantState, LeasedGrant, NewGrant
from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_auth.upstream.grants.schedule import is_fresh, plan
from doorward_auth.upstream.grants.sealing import GrantSealing
from doorward_auth.upstream_adapters.base import UpstreamTokens
from doorward_auth.vault.errors import UnopenableError
from doorward_client.errors import UnavailableError
from doorward_identity.upstream_tables import SCOPE_LENGTH
from doorward_kit.column_types import utc_now

log = structlog.get_logger(__name__)

MIN_VALIDITY_SECONDS: Final = 60.0

_FIRST_POLL_SECONDS: Final = 0.05
_LONGEST_POLL_SECONDS: Final = 0.5
_DEFAULT_RETRY_SECONDS: Final = 1.0


class AnswerStatus(StrEnum):
    """The answer to a request for an access token."""

    FRESH = "fresh"
    PENDING = "pending"
    """A refresh is under way, or must wait. The answer has the old access token while that is valid."""
    REAUTH_REQUIRED = "reauth_required"
    MISSING = "missing"
    """There is no such grant, or its session has ended."""


@dataclass(frozen=True, slots=True, repr=False)
class GrantAnswer:
    """An access token, if there is a valid one. `retry_after` is in seconds, for PENDING."""

    status: AnswerStatus
    access_token: str | None = None
    expires_in: int | None = None
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True, repr=False)
class IssuedGrant:
    """The tokens that an upstream issued at a login. Without a session the grant belongs to the user."""

    user_id: uuid.UUID
    provider: Provider
    session_id: uuid.UUID | None
    tokens: UpstreamTokens


_MISSING: Final = GrantAnswer(AnswerStatus.MISSING)
_REAUTH_REQUIRED: Final = GrantAnswer(AnswerStatus.REAUTH_REQUIRED)
_ANSWERS: Final = {
    RefreshOutcome.INVALID_GRANT: _REAUTH_REQUIRED,
    RefreshOutcome.LOST: _REAUTH_REQUIRED,
    RefreshOutcome.EXPIRED: _REAUTH_REQUIRED,
    RefreshOutcome.UNREADABLE: _REAUTH_REQUIRED,
    RefreshOutcome.UNWANTED: _MISSING,
}


class GrantService:
    """Stores grants, and gives fresh access tokens of them."""

    def __init__(
        self,
        database: GrantDatabase,
        sealing: GrantSealing,
        attempts: RefreshAttempts,
        providers: Providers,
    ) -> None:
        self._database = database
        self._sealing = sealing
        self._attempts = attempts
        self._providers = providers
        self._running: dict[uuid.UUID, asyncio.Task[GrantAnswer]] = {}

    def store(self, connection: sa.Connection, issued: IssuedGrant) -> uuid.UUID:
        """Store a grant in the transaction of the login that brought it; return its id."""
        now: datetime = connection.execute(sa.select(utc_now())).scalar_one()
        grant_id, provider, tokens = uuid7s.uuid7(), issued.provider, issued.tokens
        grant = NewGrant(
            id=grant_id,
            user_id=issued.user_id,
            provider=provider.name,
            session_id=issued.session_id,
            tokens=self._sealing.seal(grant_id, provider.name, tokens),
            times=plan(now, tokens, provider.policy),
            scope=tokens.scope[:SCOPE_LENGTH],
        )
        repository.insert(connection, grant)
        return grant_id

    async def ensure_fresh(
        self, row: GrantRow, *, budget: float, min_validity: float = MIN_VALIDITY_SECONDS
    ) -> GrantAnswer:
        """Return an access token that is valid for `min_validity` seconds more, refreshed if needed.

        `row` is the grant as it was read a moment ago. Waits `budget` seconds at most; the refresh goes on
        without its caller. However many callers and processes ask, one request is sent. Raises as
        Database.read does.
        """
        settled = self._answer_without_refresh(row, min_validity)
        if settled is not None:
            return settled
        task = self._running.get(row.id) or self._start(row)
        done, _ = await asyncio.wait({task}, timeout=max(0.0, budget))
        return task.result() if done else self._pending(row)

    async def drain(self, seconds: float) -> None:
        """Wait for requests that were sent, because the process stops."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=seconds)

    def _start(self, row: GrantRow) -> asyncio.Task[GrantAnswer]:
        task = asyncio.create_task(self._refresh(row))
        self._running[row.id] = task

        def finished(task: asyncio.Task[GrantAnswer]) -> None:
            del self._running[row.id]
            error = None if task.cancelled() else task.exception()
            if error is not None and not isinstance(error, UnavailableError):
                log.error("upstream.refresh_crashed", grant=str(row.id), error=type(error).__name__)

        task.add_done_callback(finished)
        return task

    async def _refresh(self, row: GrantRow) -> GrantAnswer:
        """Refresh a grant, or wait for the process that does."""
        provider = self._providers.find(row.provider)
        if provider is None:
            return self._pending(row)
        loop = asyncio.get_running_loop()
        until = loop.time() + provider.policy.lease_seconds
        pause = _FIRST_POLL_SECONDS
        current = row
        while loop.time() < until:
            if not current.is_leased:
                wait = max(
                    current.seconds_to_retry, 0.0 if provider.gate.permits(1) else _pause_seconds(provider)
                )
                if wait:
                    return self._pending(current, retry_after=wait)
                result = await self._lease_and_run(provider, current)
                if result is not None:
                    return await self._answer_of(result, current)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)
            found = await self._database.read(partial(repository.find, grant_id=row.id))
            if found is None or found.generation != row.generation or not found.is_refreshable:
                return self._answer_as_stored(found)
            current = found
        return self._pending(current)

    async def _lease_and_run(self, provider: Provider, row: GrantRow) -> AttemptResult | None:
        """Lease a grant and refresh it; None if another process has it."""
        leased_at = asyncio.get_running_loop().time()
        leased = LeasedGrant(row, uuid.uuid4())
        lease = partial(
            leases.lease_one, row=row, lease_id=leased.lease_id, seconds=provider.policy.lease_seconds
        )
        with provider.gate.expecting():
            is_leased = await self._database.execute_single(lease)
        if not is_leased:
            return None
        return await self._attempts.run(provider, leased, leased_at=leased_at)

    async def _answer_of(self, result: AttemptResult, row: GrantRow) -> GrantAnswer:
        if result.outcome is RefreshOutcome.REFRESHED and result.times is not None:
            expires_at = result.times.access_expires_at
            return GrantAnswer(AnswerStatus.FRESH, result.access_token, _seconds_until(expires_at, row.now))
        if result.outcome in _ANSWERS:
            return _ANSWERS[result.outcome]
        found = await self._database.read(partial(repository.find, grant_id=row.id))
        if found is not None and found.generation == row.generation and found.is_refreshable:
            return self._pending(found, retry_after=found.seconds_to_retry)
        return self._answer_as_stored(found)

    def _answer_as_stored(self, row: GrantRow | None) -> GrantAnswer:
        """Return the answer of what another process made of a grant."""
        settled = self._answer_without_refresh(row, 0.0)
        return self._pending(row) if settled is None and row is not None else settled or _MISSING

    def _answer_without_refresh(self, row: GrantRow | None, min_validity: float) -> GrantAnswer | None:
        """Return the answer that needs no refresh, None if one is needed."""
        if row is None or not row.is_wanted or row.state == GrantState.ENDED:
            return _MISSING
        if not row.is_refreshable:
            return _REAUTH_REQUIRED
        if not is_fresh(row, min_validity):
            return None
        access_token = self._readable_access(row)
        # A damaged one is replaced by a refresh.
        return None if access_token is None else _with_token(AnswerStatus.FRESH, row, access_token)

    def _pending(self, row: GrantRow, *, retry_after: float = 0.0) -> GrantAnswer:
        access_token = self._readable_access(row) if is_fresh(row, 0.0) else None
        return _with_token(
            AnswerStatus.PENDING,
            row,
            access_token,
            retry_after=retry_after or row.seconds_to_retry or _DEFAULT_RETRY_SECONDS,
        )

    def _readable_access(self, row: GrantRow) -> str | None:
        try:
            return self._sealing.access_token(row)
        except UnopenableError:
            return None


def _with_token(
    status: AnswerStatus, row: GrantRow, access_token: str | None, *, retry_after: float = 0.0
) -> GrantAnswer:
    expires_in = None if access_token is None else _seconds_until(row.access_expires_at, row.now)
    return GrantAnswer(status, access_token, expires_in, retry_after)


def _seconds_until(moment: datetime | None, now: datetime) -> int | None:
    return None if moment is None else max(0, int((moment - now).total_seconds()))


def _pause_seconds(provider: Provider) -> float:
    return provider.gate.remaining_pause() or _DEFAULT_RETRY_SECONDS
