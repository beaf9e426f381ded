"""The consequences of a grant's end: tokens wiped, audit, mail, notice; and the upstream's tokens revoked."""

import asyncio
from functools import partial
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth.upstream.grants import leases, repository
from doorward_auth.upstream.grants.database import GrantDatabase
from doorward_auth.upstream.grants.events import GrantListener, ReauthRequired
from doorward_auth.upstream.grants.metrics import RequestOutcome, UpstreamMetrics
from doorward_auth.upstream.grants.models import EndReason, GrantRow, GrantState, LeasedGrant
from doorward_auth.upstream.grants.provider import Provider
from doorward_auth.upstream.grants.request_outcome import outcome_of
from doorward_auth.upstream_adapters.base import UpstreamError, UpstreamTokens
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.mail_types import MailName, enqueue_mail

log = structlog.get_logger(__name__)


class GrantEndings:
    """Ends grants that this process has leased."""

    def __init__(self, database: GrantDatabase, metrics: UpstreamMetrics, listener: GrantListener) -> None:
        self._database = database
        self._metrics = metrics
        self._listener = listener

    async def require_login(self, leased: LeasedGrant, reason: EndReason, *, until: float) -> None:
        """End a grant, and tell its user to log in at the upstream again."""
        row = leased.row
        query = partial(_require_login, leased=leased, reason=reason)
        was_ended = await self._database.finish_write(query, until=until)
        log.warning("upstream.grant_ended", **log_fields(leased), reason=reason.value, stored=was_ended)
        if was_ended:
            self._listener.notify(ReauthRequired(row.user_id, row.session_id, row.provider, reason))

    async def discard(
        self, provider: Provider, leased: LeasedGrant, tokens: UpstreamTokens | None, *, until: float
    ) -> None:
        """End a grant whose session or user is gone, and revoke its tokens at the upstream.

        They are wiped first: the upstream may be unavailable, and is asked once.
        """
        is_last = await self._database.finish_write(partial(_discard, leased=leased), until=until)
        log.info("upstream.grant_discarded", **log_fields(leased), stored=is_last is not None)
        # Some upstreams give each login of a user the same tokens: those of another grant must stay valid.
        if is_last and tokens is not None:
            await self.revoke(provider, tokens)

    async def revoke(self, provider: Provider, tokens: UpstreamTokens) -> None:
        """Ask the upstream once to revoke tokens that no grant has any more, if a request is allowed now.

        Otherwise, and after a failure, the tokens stay valid there until they expire: the log says it.
        """
        name = provider.name
        if not provider.gate.permits(1):
            self._metrics.concluded(name, "revoke", RequestOutcome.NOT_ASKED)
            log.warning("upstream.revocation_skipped", provider=name)
            return
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            with provider.gate.request():
                async with asyncio.timeout(provider.policy.deadline_seconds):
                    await provider.adapter.revoke(tokens)
        except (UpstreamError, TimeoutError) as error:
            outcome = outcome_of(error) if isinstance(error, UpstreamError) else RequestOutcome.UNCERTAIN
            self._metrics.concluded(name, "revoke", outcome)
            log.warning("upstream.revocation_failed", provider=name, error=type(error).__name__)
        else:
            self._metrics.concluded(name, "revoke", RequestOutcome.SUCCEEDED)
        finally:
            self._metrics.requested(name, "revoke", loop.time() - started)


_ACTIONS: Final = {EndReason.LOST: AuditAction.UPSTREAM_GRANT_LOST}


def _require_login(connection: sa.Connection, *, leased: LeasedGrant, reason: EndReason) -> bool:
    row = leased.row
    if not leases.end(connection, leased, GrantState.REAUTH_REQUIRED, reason.value):
        return False
    record(
        connection,
        _ACTIONS.get(reason, AuditAction.UPSTREAM_GRANT_ENDED),
        actor=None,
        target=row.user_id,
        details={"grant_id": row.id, "provider": row.provider, "reason": reason.value},
    )
    if _is_worth_a_mail(connection, row, reason):
        recipient = repository.email_of(connection, row.user_id)
        enqueue_mail(
            connection, MailName.UPSTREAM_REAUTH, recipient, user_id=row.user_id, provider=row.provider
        )
    return True


def _is_worth_a_mail(connection: sa.Connection, row: GrantRow, reason: EndReason) -> bool:
    """Tell whether the user would not expect it: not the end of a token that cannot be refreshed.

    Of several grants that end together, the last one is mailed about.
    """
    is_expected = reason is EndReason.EXPIRED and row.refresh_token is None
    return not is_expected and not repository.has_another(connection, row)


def _discard(connection: sa.Connection, *, leased: LeasedGrant) -> bool:
    leases.end(connection, leased, GrantState.ENDED, None)
    return not repository.has_another(connection, leased.row)


def log_fields(leased: LeasedGrant) -> dict[str, object]:
    """Return what the log may say about a grant: no token."""
    return {"grant": str(leased.row.id), "provider": leased.row.provider, "attempts": leased.attempts}
