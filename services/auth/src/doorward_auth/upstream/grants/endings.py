"""The consequences of a grant's end: tokens wiped and stored to be revoked, audit, mail, notice."""

from functools import partial
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth.upstream import identities
from doorward_auth.upstream.grants import refresh_results, repository
from doorward_auth.upstream.grants.database import GrantDatabase
from doorward_auth.upstream.grants.events import GrantListener, ReauthRequired
from doorward_auth.upstream.grants.models import EndReason, GrantRow, GrantState, LeasedGrant
from doorward_auth.upstream.revocations.outbox import RevocationOutbox
from doorward_auth.upstream_adapters.base import UnusedTokens, UpstreamTokens
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.mail_types import MailName, enqueue_mail

log = structlog.get_logger(__name__)


class GrantEndings:
    """Ends grants that this process has leased."""

    def __init__(self, database: GrantDatabase, outbox: RevocationOutbox, listener: GrantListener) -> None:
        self._database = database
        self._outbox = outbox
        self._listener = listener

    async def require_login(self, leased: LeasedGrant, reason: EndReason, *, until: float) -> None:
        """End a grant, and tell its user to log in at the upstream again."""
        row = leased.row
        query = partial(_require_login, leased=leased, reason=reason)
        was_ended = await self._database.finish_write(query, until=until)
        self._outbox.wake()
        log.warning("upstream.grant_ended", **log_fields(leased), reason=reason.value, stored=was_ended)
        if was_ended:
            self._listener.notify(ReauthRequired(row.user_id, row.session_id, row.provider, reason))

    async def discard(self, leased: LeasedGrant, issued: UpstreamTokens | None, *, until: float) -> None:
        """End a grant whose session or user is gone, and store its tokens to be revoked at the upstream.

        `issued` is what a refresh brought that was too late to be stored: it is revoked, too.
        """
        query = partial(_discard, leased=leased, issued=issued, outbox=self._outbox)
        was_stored = await self._database.finish_write(query, until=until)
        log.info("upstream.grant_discarded", **log_fields(leased), stored=was_stored is not None)
        self._outbox.wake()


_ACTIONS: Final = {EndReason.LOST: AuditAction.UPSTREAM_GRANT_LOST}


def _require_login(connection: sa.Connection, *, leased: LeasedGrant, reason: EndReason) -> bool:
    row = leased.row
    repository.lock_all(connection, row.user_id, row.provider)
    # Tokens of the other reasons are dead at the upstream, or cannot be opened.
    if reason is EndReason.EXPIRED:
        refresh_results.revoke(connection, leased)
    if not refresh_results.end(connection, leased, GrantState.REAUTH_REQUIRED, reason.value):
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


def _discard(
    connection: sa.Connection,
    *,
    leased: LeasedGrant,
    issued: UpstreamTokens | None,
    outbox: RevocationOutbox,
) -> bool:
    row = leased.row
    # The refresh token that was sent may go on, too: some upstreams issue no new one, others accept both.
    refresh_results.revoke(connection, leased)
    if issued is not None:
        subject = identities.find_subject(connection, row.user_id, row.provider)
        outbox.add(connection, row.provider, UnusedTokens(issued, subject))
    refresh_results.end(connection, leased, GrantState.ENDED, None)
    return True


def log_fields(leased: LeasedGrant) -> dict[str, object]:
    """Return what the log may say about a grant: no token."""
    return {"grant": str(leased.row.id), "provider": leased.row.provider, "attempts": leased.attempts}
