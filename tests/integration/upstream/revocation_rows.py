"""The rows of tokens to revoke, for tests."""

import uuid
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from doorward_auth.upstream import identities
from doorward_auth.upstream.grants import repository
from doorward_auth.upstream_adapters.base import UnusedTokens, UpstreamTokens
from doorward_identity.tables import upstream_revocations
from doorward_kit.column_types import utc_now
from integration.harness.bulk_users import Member
from integration.upstream.grant_setup import PROVIDER, GrantSetup

C: Final = upstream_revocations.c


def unlink(grant_setup: GrantSetup, user: Member) -> None:
    """End the grants of a user, in one transaction."""
    with grant_setup.transaction() as connection:
        repository.end_all(connection, user.id, PROVIDER)


def reject(grant_setup: GrantSetup, tokens: UpstreamTokens, subject: str | None = None) -> None:
    """Store the tokens of a rejected login."""
    with grant_setup.transaction() as connection:
        grant_setup.grants.outbox.add(connection, PROVIDER, UnusedTokens(tokens, subject))


def link(grant_setup: GrantSetup, user: Member, subject: str) -> None:
    with grant_setup.transaction() as connection:
        assert identities.link(connection, user.id, PROVIDER, subject, None)


def rows(grant_setup: GrantSetup) -> list[sa.Row[Any]]:
    """Read what is to be revoked."""
    return list(grant_setup.execute(sa.select(upstream_revocations, utc_now().label("now")).order_by(C.id)))


def only(grant_setup: GrantSetup) -> sa.Row[Any]:
    [row] = rows(grant_setup)
    return row


def change(grant_setup: GrantSetup, row_id: uuid.UUID | None = None, **values: Any) -> None:
    """Change a row, or all of them."""
    statement = upstream_revocations.update().values(values)
    grant_setup.execute(statement if row_id is None else statement.where(C.id == row_id))


def make_due(grant_setup: GrantSetup) -> None:
    """Let the pause after a failure, or a lease, be over."""
    change(grant_setup, due_at=utc_now(-1))


def close_circuit(grant_setup: GrantSetup) -> None:
    """Let the pause of the provider be over."""
    gate = grant_setup.grants.revocations._delivery._requests._gates[PROVIDER]
    gate.record_answer()
    gate._resume_at = 0.0


def seconds_left(row: sa.Row[Any]) -> float:
    """Return for how long a row is tried."""
    left: timedelta = row.expires_at - row.created_at
    return left.total_seconds()


def counted(grant_setup: GrantSetup) -> dict[str, int]:
    """Return how many left the outbox, by outcome."""
    name = "doorward_upstream_revocations_total"
    counts = {
        outcome: int(grant_setup.metric(name, outcome=outcome))
        for outcome in ("delivered", "given_up", "superseded")
    }
    return {outcome: count for outcome, count in counts.items() if count}
